// Memory that is kept from call to call: fresh pages are slow to touch.

#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace ranvier {

// Floats that begin at a cache line, so that no vector of a packed panel lies across two of them.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }

  // Room for `count` floats; what was in it is lost where it grows.
  float* Of(size_t count) {
    if (count > count_) {
      std::free(data_);
      count_ = 0;
      data_ = static_cast<float*>(std::aligned_alloc(kLine, (count * sizeof(float) + kLine - 1) / kLine * kLine));
      if (!data_) throw std::bad_alloc();
      count_ = count;
    }
    return data_;
  }

 private:
  static constexpr size_t kLine = 64;
  float* data_ = nullptr;
  size_t count_ = 0;
};

// The same for what all threads of a call share: taken from a common store and given back, because calls begin on any
// thread, and each would keep its own.
class Lent {
 public:
  Lent() {
    const std::lock_guard<std::mutex> lock(Store().mutex);
    if (Store().free.empty()) {
      scratch_ = std::make_unique<Scratch>();
    } else {
      scratch_ = std::move(Store().free.back());
      Store().free.pop_back();
    }
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    const std::lock_guard<std::mutex> lock(Store().mutex);
    Store().free.push_back(std::move(scratch_));
  }

  float* Of(size_t count) { return scratch_->Of(count); }

 private:
  struct Kept {
    std::mutex mutex;
    std::vector<std::unique_ptr<Scratch>> free;
  };
  static Kept& Store() {
    static Kept kept;
    return kept;
  }

  std::unique_ptr<Scratch> scratch_;
};

}  // namespace ranvier
