// Memory that a thread keeps from call to call: fresh pages are slow to touch.

#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

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

}  // namespace ranvier
