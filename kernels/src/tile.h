// The one inner loop of all products: a tile of outputs, kept in registers while the shared index runs.
//
// Written in the compiler's own vectors, without intrinsics: the same text becomes AVX2, AVX-512 and NEON, each in a
// library of its own (see CMakeLists.txt).

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ranvier {

#if defined(__AVX512F__)
constexpr int kWidth = 16;  // floats in a vector
constexpr int kRows = 12;   // rows of a tile: rows * vectors accumulators fit the registers
#elif defined(__AVX2__)
constexpr int kWidth = 8;
constexpr int kRows = 6;
#elif defined(__ARM_NEON) || defined(__aarch64__)
constexpr int kWidth = 4;
constexpr int kRows = 8;
#else
constexpr int kWidth = 4;
constexpr int kRows = 4;
#endif
constexpr int kVectors = 2;
constexpr int kColumns = kVectors * kWidth;  // columns of a tile
constexpr int64_t kDepth = 320;              // steps of the shared index whose packed panel stays in the first cache

typedef float Vector __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));

typedef int32_t Integers __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));

// Vector number i of an array.
inline Vector& At(float* from, int64_t i) { return *reinterpret_cast<Vector*>(from + i * kWidth); }
inline Vector At(const float* from, int64_t i) { return *reinterpret_cast<const Vector*>(from + i * kWidth); }

// How many pieces of a size there are, the last of which may be smaller; and of kColumns columns.
inline int64_t Pieces(int64_t count, int64_t size) { return (count + size - 1) / size; }
inline int64_t Blocks(int64_t columns) { return Pieces(columns, kColumns); }

// A stretch of the shared index k: `length` steps that begin `offset` floats from the tile's first element of A.
struct Run {
  int64_t offset;
  int64_t length;
};

// What a product reads on its left: element (m, k) of run r is base[m * row + runs[r].offset + k * step].
struct Left {
  const float* base;
  int64_t row;
  int64_t step;
};

enum class Store { kSet, kAdd };

// C[ROWS x columns] = or += A B, where B is packed: kColumns floats for each k, zeros beyond its edge.
template <int ROWS>
inline void Tile(Left a, const Run* runs, int64_t run_count, const float* __restrict b, float* c, int64_t c_row,
                 int64_t columns, Store store) {
  Vector sum[ROWS][kVectors];
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < kVectors; ++v) sum[m][v] = Vector{};
  for (int64_t r = 0; r < run_count; ++r) {
    const float* left = a.base + runs[r].offset;
    for (int64_t k = 0; k < runs[r].length; ++k, left += a.step, b += kColumns) {
      Vector right[kVectors];
      for (int v = 0; v < kVectors; ++v) right[v] = *reinterpret_cast<const Vector*>(b + v * kWidth);
      for (int m = 0; m < ROWS; ++m) {
        const float factor = left[m * a.row];
        for (int v = 0; v < kVectors; ++v) sum[m][v] += factor * right[v];
      }
    }
  }
  if (columns == kColumns) {
    for (int m = 0; m < ROWS; ++m) {
      for (int v = 0; v < kVectors; ++v) {
        Vector* out = reinterpret_cast<Vector*>(c + m * c_row + v * kWidth);
        *out = store == Store::kAdd ? *out + sum[m][v] : sum[m][v];
      }
    }
    return;
  }
  for (int m = 0; m < ROWS; ++m) {
    float row[kColumns];
    for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Vector*>(row + v * kWidth) = sum[m][v];
    for (int64_t n = 0; n < columns; ++n) c[m * c_row + n] = (store == Store::kAdd ? c[m * c_row + n] : 0.0f) + row[n];
  }
}

template <int ROWS>
inline void TileOf(int64_t rows, Left a, const Run* runs, int64_t run_count, const float* b, float* c, int64_t c_row,
                   int64_t columns, Store store) {
  if (rows == ROWS) {
    Tile<ROWS>(a, runs, run_count, b, c, c_row, columns, store);
  } else if constexpr (ROWS > 1) {
    TileOf<ROWS - 1>(rows, a, runs, run_count, b, c, c_row, columns, store);
  }
}

// `rows` rows of C, in tiles of about the same height.
inline void Rows(int64_t rows, Left a, const Run* runs, int64_t run_count, const float* b, float* c, int64_t c_row,
                 int64_t columns, Store store) {
  const int64_t tiles = (rows + kRows - 1) / kRows;
  for (int64_t t = 0, m = 0; t < tiles; ++t) {
    const int64_t height = (rows - m + tiles - t - 1) / (tiles - t);
    TileOf<kRows>(height, {a.base + m * a.row, a.row, a.step}, runs, run_count, b, c + m * c_row, c_row, columns, store);
    m += height;
  }
}

// Lanes of two vectors; b's are counted on from a's. They are constants, so that this becomes an instruction or two; by
// numbers that are computed it would go one lane at a time.
template <int... LANES>
inline Vector Shuffled(Vector a, Vector b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, LANES...);
#else
  return __builtin_shuffle(a, b, Integers{LANES...});
#endif
}

using Lanes = std::make_integer_sequence<int, kWidth>;

// Swaps the off-diagonal blocks of size S of rows that lie S apart.
template <int S, int... N>
inline void SwapBlocks(Vector& upper, Vector& lower, std::integer_sequence<int, N...>) {
  const Vector a = upper, b = lower;
  upper = Shuffled<(N & S ? kWidth + N - S : N)...>(a, b);
  lower = Shuffled<(N & S ? kWidth + N : N + S)...>(a, b);
}

// The same of kWidth rows, then with smaller blocks.
template <int S>
inline void SwapAll(Vector* v) {
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i)
    if (!(i & S)) SwapBlocks<S>(v[i], v[i + S], Lanes());
  if constexpr (S > 1) SwapAll<S / 2>(v);
}

// kWidth rows of kWidth numbers that lie `row` apart, turned, to rows that lie kColumns apart.
inline void Turn(const float* from, int64_t row, float* to) {
  Vector v[kWidth];
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) v[i] = At(from + i * row, 0);
  SwapAll<kWidth / 2>(v);
#pragma GCC unroll 16
  for (int i = 0; i < kWidth; ++i) At(to + i * kColumns, 0) = v[i];
}

// Packs `length` rows of `columns` floats that lie `row` floats apart; `step` is the distance of columns.
inline void Pack(const float* from, int64_t length, int64_t row, int64_t step, int64_t columns, float* to) {
  if (step == 1 && columns == kColumns) {
    for (int64_t k = 0; k < length; ++k)
      for (int v = 0; v < kVectors; ++v)
        *reinterpret_cast<Vector*>(to + k * kColumns + v * kWidth) =
            *reinterpret_cast<const Vector*>(from + k * row + v * kWidth);
    return;
  }
  if (row == 1) {  // columns apart: read each in order
    const int64_t whole = columns == kColumns ? length / kWidth * kWidth : 0;
    for (int64_t k = 0; k < whole; k += kWidth)
      for (int v = 0; v < kVectors; ++v) Turn(from + v * kWidth * step + k, step, to + k * kColumns + v * kWidth);
    for (int64_t n = 0; n < kColumns; ++n)
      for (int64_t k = whole; k < length; ++k) to[k * kColumns + n] = n < columns ? from[n * step + k] : 0.0f;
    return;
  }
  for (int64_t k = 0; k < length; ++k)
    for (int64_t n = 0; n < kColumns; ++n) to[k * kColumns + n] = n < columns ? from[k * row + n * step] : 0.0f;
}

}  // namespace ranvier
