// Sharing tasks among the threads of XLA's own pool.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace ranvier {

// Runs `count` tasks; a scheduler starts a function on some other thread, soon or never.
struct Pool {
  int64_t threads;
  std::function<void(std::function<void()>)> schedule;
};

// Calls task(i) for i in [0, count). The caller works too, and waits only for tasks that have begun: a pool whose
// threads are all busy delays nobody.
inline void Parallel(const Pool& pool, int64_t count, const std::function<void(int64_t)>& task) {
  const int64_t helpers = std::min(pool.threads, count) - 1;
  if (helpers <= 0) {
    for (int64_t i = 0; i < count; ++i) task(i);
    return;
  }
  struct State {
    std::atomic<int64_t> next{0};
    std::atomic<int64_t> done{0};
    int64_t count;
    const std::function<void(int64_t)>* task;
    void Work() {
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
        (*task)(i);
        done.fetch_add(1, std::memory_order_release);
      }
    }
  };
  auto state = std::make_shared<State>();  // outlives helpers that come too late to find work
  state->count = count;
  state->task = &task;
  for (int64_t h = 0; h < helpers; ++h) pool.schedule([state] { state->Work(); });
  state->Work();
  while (state->done.load(std::memory_order_acquire) < count) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

}  // namespace ranvier
