// Products with inputs that are mostly zeros: of an image's background, of words that a text does not have.
//
// A zero adds nothing to a product as long as what it meets is finite. The others are added in the order in which tiles
// add all, so the sums have the same bits: whether zeros are left out may depend on anything.

#pragma once

#include <cstdint>
#include <cstring>

#include "tile.h"

namespace ranvier {

constexpr int64_t kChunk = 4;  // blocks of columns whose sums are kept in registers together
constexpr int64_t kPart = 64;  // features whose marks are a word; their rows of a kernel's chunk stay in the first cache

// Which of kColumns numbers are not zero, a bit each.
inline uint64_t Marked(const float* x) {
  uint64_t bits = 0;
#if defined(__AVX2__)
  typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
  for (int n = 0; n < kColumns; n += 8) {
    const auto differs = *reinterpret_cast<const Eight*>(x + n) != 0.0f;
    bits |= static_cast<uint64_t>(__builtin_ia32_movmskps256(reinterpret_cast<Eight>(differs))) << n;
  }
#else
  for (int n = 0; n < kColumns; ++n) bits |= static_cast<uint64_t>(x[n] != 0.0f) << n;
#endif
  return bits;
}

// Which numbers of a batch are not zero.
class Marks {
 public:
  // How many floats' room they take.
  static int64_t Room(int64_t rows, int64_t width) { return 2 * rows * Parts(width); }
  static int64_t Parts(int64_t width) { return Pieces(width, kPart); }

  void Lay(float* memory, int64_t width) {
    words_ = reinterpret_cast<uint64_t*>(memory);
    parts_ = Parts(width);
  }

  // The marks of features 64 p to 64 p + 63 in row m.
  uint64_t Of(int64_t m, int64_t p) const { return words_[m * parts_ + p]; }
  void Set(int64_t m, int64_t p, uint64_t marks) { words_[m * parts_ + p] = marks; }

  // How many numbers of row m are not zero.
  int64_t Count(int64_t m) const {
    int64_t count = 0;
    for (int64_t p = 0; p < parts_; ++p) count += __builtin_popcountll(Of(m, p));
    return count;
  }

  static int64_t Words(int64_t rows) { return Pieces(rows, 64); }

  // The same of part p by features: for each of them Words(rows) words, with a bit for each row.
  void Turn(int64_t rows, int64_t p, uint64_t* to) const {
    std::memset(to, 0, kPart * Words(rows) * sizeof(uint64_t));
    for (int64_t m = 0; m < rows; m += 8) {
      const int64_t count = std::min<int64_t>(8, rows - m);
      for (int64_t n = 0; n < kPart; n += 8) {
        uint64_t square = 0;  // 8 rows of 8 bits
        for (int64_t r = 0; r < count; ++r) square |= (Of(m + r, p) >> n & 0xFF) << 8 * r;
        if (!square) continue;
        square = Transposed(square);
        for (int64_t i = 0; i < 8; ++i)
          to[(n + i) * Words(rows) + m / 64] |= (square >> 8 * i & 0xFF) << m % 64;
      }
    }
  }

 private:
  // The transposed matrix of 8 rows of 8 bits: swaps the off-diagonal blocks of size 1, 2 and 4.
  static uint64_t Transposed(uint64_t x) {
    const auto swap = [&x](int distance, uint64_t mask) {
      const uint64_t change = (x ^ x >> distance) & mask;
      x ^= change ^ change << distance;
    };
    swap(7, 0x00AA00AA00AA00AA);
    swap(14, 0x0000CCCC0000CCCC);
    swap(28, 0x00000000F0F0F0F0);
    return x;
  }

  uint64_t* words_;
  int64_t parts_;
};

// Adds the product of the marked ones of some features x with W to a row of C, whose BLOCKS blocks lie `c_block` apart.
// The features lie in blocks `block` apart, the rows of W `row` apart.
template <int BLOCKS>
inline void SparseRow(uint64_t marks, const float* x, int64_t block, const float* w, int64_t row, float* c,
                      int64_t c_block, Store store) {
  Vector sum[BLOCKS][kVectors];
  const auto out = [&](int b, int v) -> Vector& { return At(c + b * c_block, v); };
  for (int b = 0; b < BLOCKS; ++b)
    for (int v = 0; v < kVectors; ++v) sum[b][v] = store == Store::kAdd ? out(b, v) : Vector{};
  for (; marks; marks &= marks - 1) {  // from the lowest bit on
    const int n = __builtin_ctzll(marks);
    const float factor = x[n / kColumns * block + n % kColumns];
    const float* right = w + n * row;
    for (int b = 0; b < BLOCKS; ++b)
      for (int v = 0; v < kVectors; ++v)
        sum[b][v] += factor * At(right + b * kColumns, v);
  }
  for (int b = 0; b < BLOCKS; ++b)
    for (int v = 0; v < kVectors; ++v) out(b, v) = sum[b][v];
}

// C = x W for rows `begin` and on of a batch and a chunk of W's columns, `columns` of which are there. x and C lie in
// blocks.
template <int BLOCKS>
inline void SparseProduct(const Marks& marks, const float* x, int64_t begin, int64_t rows, const float* w, int64_t depth,
                          int64_t row, int64_t columns, float* c, int64_t block) {
  float last[BLOCKS * kColumns] = {};  // beyond the last row of W there is nothing that may be read
  std::memcpy(last, w + (depth - 1) * row, columns * sizeof(float));
  const int64_t end = (depth - 1) % kPart, parts = Marks::Parts(depth);
  for (int64_t p = 0; p < parts; ++p) {
    const float* features = x + p * kPart / kColumns * block;
    for (int64_t m = begin * kColumns; m < (begin + rows) * kColumns; m += kColumns) {
      const uint64_t some = marks.Of(m / kColumns, p), edge = p == parts - 1 ? some & uint64_t{1} << end : 0;
      SparseRow<BLOCKS>(some ^ edge, features + m, block, w + p * kPart * row, row, c + m, block,
                        p ? Store::kAdd : Store::kSet);
      if (edge)
        SparseRow<BLOCKS>(1, features + end / kColumns * block + m + end % kColumns, block, last, row, c + m, block,
                          Store::kAdd);
    }
  }
}

// The gradient of a feature's row of a kernel, for a chunk of its columns: the sum of the marked ones of the feature's
// numbers x times the rows of d.
template <int BLOCKS>
inline void SparseGradient(const uint64_t* marks, int64_t words, const float* x, const float* d, int64_t block,
                           float* gradient) {
  Vector sum[BLOCKS][kVectors];
  for (int b = 0; b < BLOCKS; ++b)
    for (int v = 0; v < kVectors; ++v) sum[b][v] = Vector{};
  for (int64_t i = 0; i < words; ++i, x += 64 * kColumns, d += 64 * kColumns)
    for (uint64_t bits = marks[i]; bits; bits &= bits - 1) {
      const int m = __builtin_ctzll(bits);
      for (int b = 0; b < BLOCKS; ++b)
        for (int v = 0; v < kVectors; ++v)
          sum[b][v] += x[m * kColumns] * At(d + b * block + m * kColumns, v);
    }
  for (int b = 0; b < BLOCKS; ++b)
    for (int v = 0; v < kVectors; ++v) At(gradient + b * kColumns, v) = sum[b][v];
}

// Whether all numbers of `rows` rows of `count`, `row` apart, are finite.
inline bool Finite(const float* x, int64_t rows, int64_t count, int64_t row) {
  constexpr int kSums = 4;  // none waits for another
  Vector sums[kSums] = {};
  float rest = 0.0f;
  for (int64_t r = 0; r < rows; ++r, x += row) {
    int64_t n = 0;
    for (; n + kSums * kWidth <= count; n += kSums * kWidth)
      for (int i = 0; i < kSums; ++i) sums[i] += At(x + n, i) * 0.0f;
    for (; n < count; ++n) rest += x[n] * 0.0f;
  }
  for (const Vector& sum : sums)
    for (int n = 0; n < kWidth; ++n) rest += sum[n];
  return rest == 0.0f;
}

}  // namespace ranvier
