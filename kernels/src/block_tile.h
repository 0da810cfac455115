// Products of arrays in blocks of kColumns columns: tile.h's inner loop for distances that are known beforehand.

#pragma once

#include <type_traits>

#include "tile.h"

namespace ranvier {

// C[ROWS x kColumns] = or += A B. Element (m, k) of A is a[m * ROW + k * STEP] within a block of kColumns k, `block`
// floats before the next; B is packed. C's rows lie `c_row` apart.
template <int ROWS, int ROW, int STEP>
__attribute__((noinline)) void BlockTile(const float* a, int64_t block, int64_t depth, const float* __restrict b, float* c,
                                         int64_t c_row, Store store) {
  Vector sum[ROWS][kVectors];
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < kVectors; ++v)
      sum[m][v] = store == Store::kAdd ? *reinterpret_cast<const Vector*>(c + m * c_row + v * kWidth) : Vector{};
  const auto multiply = [&](const float* left) __attribute__((always_inline)) {
    Vector right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = *reinterpret_cast<const Vector*>(b + v * kWidth);
    for (int m = 0; m < ROWS; ++m)
      for (int v = 0; v < kVectors; ++v) sum[m][v] += left[m * ROW] * right[v];
    b += kColumns;
  };
  for (; depth >= kColumns; depth -= kColumns, a += block) {
    const float* left = a;
    if constexpr (ROW >= kColumns)  // the next block lies too far away for the processor to foresee it
      for (int m = 0; m < ROWS; ++m) __builtin_prefetch(a + block + m * ROW);
#pragma GCC unroll 16
    for (int k = 0; k < kColumns; ++k, left += STEP) multiply(left);
  }
  for (const float* left = a; depth > 0; --depth, left += STEP) multiply(left);
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Vector*>(c + m * c_row + v * kWidth) = sum[m][v];
}

// f(height), height a constant.
template <int MOST, typename F>
inline void Choose(int64_t height, const F& f) {
  if (height == MOST) {
    f(std::integral_constant<int, MOST>());
  } else if constexpr (MOST > 1) {
    Choose<MOST - 1>(height, f);
  }
}

// f(row, height) for tiles of `rows` rows, height a constant: two tiles that are left share what is left.
template <typename F>
inline void Tiles(int64_t rows, const F& f) {
  for (int64_t m = 0; m < rows;) {
    const int64_t left = rows - m, height = left >= 2 * kRows ? kRows : left > kRows ? (left + 1) / 2 : left;
    Choose<kRows>(height, [&](auto constant) __attribute__((always_inline)) { f(m, constant); });
    m += height;
  }
}

// `rows` rows of C.
template <int ROW, int STEP>
inline void BlockRows(int64_t rows, const float* a, int64_t block, int64_t depth, const float* b, float* c, int64_t c_row,
                      Store store) {
  Tiles(rows, [&](int64_t m, auto height) __attribute__((always_inline)) {
    BlockTile<decltype(height)::value, ROW, STEP>(a + m * ROW, block, depth, b, c + m * c_row, c_row, store);
  });
}

}  // namespace ranvier
