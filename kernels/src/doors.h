// What all doors to XLA share.

#pragma once

#include "parallel.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

template <size_t RANK>
using Array = ffi::Buffer<ffi::F32, RANK>;
template <size_t RANK>
using Result = ffi::ResultBuffer<ffi::F32, RANK>;

inline ranvier::Pool PoolOf(ffi::ThreadPool& pool) {
  return {pool.num_threads(), [&pool](std::function<void()> f) { pool.Schedule(std::move(f)); }};
}

// The numbers of an operand, null for one without: how an operand is left out.
template <typename A>
const float* OrNull(const A& a) {
  return a.element_count() ? a.typed_data() : nullptr;
}
