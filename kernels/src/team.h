// Threads that stay together for many short pieces of work.
//
// Waking a thread of the pool costs more than a layer of a small network. A team asks the pool for its threads once,
// and they wait actively for piece after piece until the team ends; the caller works from the first moment, whether
// they have come or not.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "parallel.h"

namespace ranvier {

class Team {
 public:
  // At most `most` threads, the caller among them.
  Team(const Pool& pool, int64_t most) : shared_(std::make_shared<Shared>()) {
    helpers_ = std::min(pool.threads, most) - 1;
    const auto mine = std::this_thread::get_id();
    for (int64_t h = 0; h < helpers_; ++h)
      pool.schedule([shared = shared_, mine] {
        if (std::this_thread::get_id() != mine) shared->Help();  // a pool that is full has its callers work
      });
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team() { shared_->over.store(true, std::memory_order_release); }

  // Calls task(i) for i in [0, count). `work` is what all tasks cost, in multiplications: little is done alone.
  template <typename Task>
  void Run(int64_t count, int64_t work, const Task& task) {
    if (helpers_ <= 0 || count < 2 || work < kWorth) {
      for (int64_t i = 0; i < count; ++i) task(i);
      return;
    }
    for (int64_t first = 0; first < count; first += kMost) Share(first, std::min(kMost, count - first), task);
  }

 private:
  static constexpr int64_t kWorth = 60000;  // about two microseconds
  static constexpr int64_t kMost = 65535;
  static constexpr int kPatience = 2000;  // looks before a helper lets others have the core

  // What is left of a piece of work, in one word that is changed as a whole: how many tasks there are, how many were
  // taken from the front, by the caller, and from the back, by helpers. Each side meets the same numbers in its own cache
  // from step to step.
  struct Left {
    uint64_t count, front, back;
    static Left Of(uint64_t word) { return {word >> 32, word >> 16 & 0xFFFF, word & 0xFFFF}; }
    bool Any() const { return front + back < count; }
  };

  struct Shared {
    alignas(64) std::atomic<uint64_t> word{0};
    alignas(64) std::atomic<int64_t> done{0};
    std::atomic<bool> over{false};
    void (*call)(const void*, int64_t) = nullptr;
    const void* task = nullptr;

    // Takes a task and does it; whoever has taken one knows that `call` and `task` stay until it is done.
    bool Take(bool from_front) {
      uint64_t word_now = word.load(std::memory_order_acquire);
      for (;;) {
        const Left left = Left::Of(word_now);
        if (!left.Any()) return false;
        if (word.compare_exchange_weak(word_now, word_now + (from_front ? 1u << 16 : 1u), std::memory_order_acq_rel)) {
          call(task, static_cast<int64_t>(from_front ? left.front : left.count - 1 - left.back));
          done.fetch_add(1, std::memory_order_release);
          return true;
        }
      }
    }

    void Help() {
      for (int looks = 0; !over.load(std::memory_order_acquire);) {
        if (Take(false)) {
          looks = 0;
        } else {
          Wait(looks);
        }
      }
    }
  };

  static void Wait(int& looks) {
    if (++looks > kPatience) std::this_thread::yield();
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  template <typename Task>
  void Share(int64_t first, int64_t count, const Task& task) {
    const auto shifted = [&task, first](int64_t i) { task(first + i); };
    shared_->call = [](const void* t, int64_t i) { (*static_cast<const decltype(shifted)*>(t))(i); };
    shared_->task = &shifted;
    shared_->done.store(0, std::memory_order_relaxed);
    shared_->word.store(static_cast<uint64_t>(count) << 32, std::memory_order_release);
    while (shared_->Take(true)) {
    }
    for (int looks = 0; shared_->done.load(std::memory_order_acquire) < count;) Wait(looks);
  }

  std::shared_ptr<Shared> shared_;  // outlives helpers that come too late
  int64_t helpers_;
};

}  // namespace ranvier
