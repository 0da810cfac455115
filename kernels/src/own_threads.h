// Threads of our own, for calls that do not come through XLA.

#pragma once

#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "parallel.h"

namespace ranvier {

// Helpers that are started when they are first needed and stay. A process that was forked off begins with none.
class OwnThreads {
 public:
  // `count` threads, the caller among them.
  static Pool Of(int64_t count) {
    return {count, [count](std::function<void()> f) { Here(count - 1).Add(std::move(f)); }};
  }

 private:
  static OwnThreads& Here(int64_t helpers) {
    static std::mutex mutex;
    static OwnThreads* threads = nullptr;  // never deleted: its threads run until the process ends
    const std::lock_guard<std::mutex> lock(mutex);
    if (!threads || threads->process_ != getpid()) threads = new OwnThreads;
    for (; threads->helpers_ < helpers; ++threads->helpers_) std::thread([t = threads] { t->Help(); }).detach();
    return *threads;
  }

  void Add(std::function<void()> f) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_.push_back(std::move(f));
    }
    count_.fetch_add(1, std::memory_order_release);
    more_.notify_one();
  }

  void Help() {
    for (;;) {
      // Who predicts batch after batch should not pay for waking a thread each time.
      for (int looks = 0; looks < kPatience && count_.load(std::memory_order_acquire) == 0; ++looks) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
      }
      std::unique_lock<std::mutex> lock(mutex_);
      more_.wait(lock, [this] { return !waiting_.empty(); });
      const std::function<void()> f = std::move(waiting_.front());
      waiting_.pop_front();
      count_.fetch_sub(1, std::memory_order_relaxed);
      lock.unlock();
      f();
    }
  }

  static constexpr int kPatience = 4000;  // about 60 microseconds

  const pid_t process_ = getpid();
  int64_t helpers_ = 0;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> waiting_;
  std::atomic<int64_t> count_{0};
};

}  // namespace ranvier
