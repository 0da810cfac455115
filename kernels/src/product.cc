// The kernel, which is small, is packed (for the gradient by the inputs turned), rows are multiplied where they lie. The
// gradient by the kernel packs both operands alike, in blocks of kColumns columns, one row of a block after the other, so
// that whole vectors are copied and nothing is transposed; the ReLU's gradient is applied on the way. How the work is cut
// does not depend on how many threads there are, so neither do the numbers.

#include "product.h"

#include "block_tile.h"
#include "scratch.h"
#include "team.h"

namespace ranvier {
namespace {

constexpr int64_t kRowsAtATime = 16 * kRows;  // of a product; they stay in the second cache
constexpr int64_t kPanel = 256;               // steps of the shared index of a panel that stays in the first cache
constexpr int64_t kSteps = 128;               // rows that a kernel's gradient takes at a time
constexpr int64_t kHigh = 128;                // rows and columns of a kernel in one task of its gradient
constexpr int64_t kBreadth = 256;
constexpr int64_t kTasks = 16;                // of a kernel's gradient, at least: many rows are cut
constexpr int64_t kShortest = 256;            // but not into fewer at a time
constexpr int64_t kLine = 16;                 // floats of a cache line

// Takes rows of `columns` numbers that lie `row` apart, to blocks that lie `block` apart; zeros beyond the last column.
// With `kept`, of the same form, only numbers whose counterpart is positive, zeros for the others.
void PackRows(const float* from, const float* kept, int64_t rows, int64_t row, int64_t columns, int64_t block, float* to) {
  const int64_t whole = columns / kColumns * kColumns;
  for (int64_t m = 0; m < rows; ++m, from += row, to += kColumns) {
    const float* mask = kept ? kept + m * row : nullptr;
    float* out = to;
    for (int64_t n = 0; n < whole; n += kColumns, out += block)
      for (int v = 0; v < kVectors; ++v)
        At(out, v) = mask ? (At(mask + n, v) > 0.0f ? At(from + n, v) : Vector{}) : At(from + n, v);
    if (whole < columns)
      for (int64_t n = 0; n < kColumns; ++n) {
        const int64_t at = whole + n;
        out[n] = at < columns && !(mask && !(mask[at] > 0.0f)) ? from[at] : 0.0f;
      }
  }
}

// C[ROWS x kColumns] = A B plus what C begins with; A's rows lie `row` apart, B is packed. C begins with C where `start` is
// null, else each row with `start`.
template <int ROWS>
__attribute__((noinline)) void RowTile(const float* a, int64_t row, int64_t depth, const float* __restrict b,
                                       const float* start, float* c, int64_t c_row, bool rectified) {
  Vector sum[ROWS][kVectors];
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < kVectors; ++v) sum[m][v] = start ? At(start, v) : At(c + m * c_row, v);
  const auto multiply = [&](const float* left) __attribute__((always_inline)) {
    Vector right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = At(b, v);
    for (int m = 0; m < ROWS; ++m)
      for (int v = 0; v < kVectors; ++v) sum[m][v] += left[m * row] * right[v];
    b += kColumns;
  };
  for (; depth >= 8; depth -= 8, a += 8) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) multiply(a + k);
  }
  for (; depth > 0; --depth, ++a) multiply(a);
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < kVectors; ++v)  // what is not a number stays so
      At(c + m * c_row, v) = rectified ? (sum[m][v] < 0.0f ? Vector{} : sum[m][v]) : sum[m][v];
}

// Asks for rows of `columns` floats that are read (or, with WRITTEN, written) soon and lie too far apart, `row` floats, for
// the processor to foresee them.
template <bool WRITTEN = false>
inline void Foresee(const float* from, int64_t rows, int64_t row, int64_t columns) {
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t n = 0; n < columns; n += kLine) __builtin_prefetch(from + m * row + n, WRITTEN);
}

// Numbers whose counterparts in `kept` are positive, zeros for the others.
void Mask(const float* from, const float* kept, int64_t count, float* to) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) At(to + i, 0) = At(kept + i, 0) > 0.0f ? At(from + i, 0) : Vector{};
  for (; i < count; ++i) to[i] = kept[i] > 0.0f ? from[i] : 0.0f;
}

// Rows of y = A B + bias, B packed whole; no bias where it is null. Where `kept` is given, A is masked by it, a tile's rows
// at a time, in `masked`. A share of the next rows is asked for with each block of columns.
void RowsTimes(int64_t rows, const float* a, const float* kept, int64_t depth, const float* b, const float* bias,
               int64_t columns, float* y, bool rectified, float* masked) {
  alignas(64) float edge[kRows * kColumns], last[kColumns] = {};
  if (bias) std::copy(bias + columns / kColumns * kColumns, bias + columns, last);
  Tiles(rows, [&](int64_t m, auto height) __attribute__((always_inline)) {
    constexpr int kTall = decltype(height)::value;
    if (kept) Mask(a + m * depth, kept + m * depth, kTall * depth, masked);
    const float* const left = kept ? masked : a + m * depth;
    const int64_t next = m + kTall, share = std::min<int64_t>(kTall, rows - next) * depth / Blocks(columns);
    for (int64_t n = 0; n < columns; n += kColumns) {
      const bool whole = n + kColumns <= columns;
      const float* const start = whole && bias ? bias + n : last;
      float* const out = y + m * columns + n;
      float* const c = whole ? out : edge;
      const int64_t c_row = whole ? columns : kColumns, soon = next * depth + n / kColumns * share;
      Foresee(a + soon, 1, 0, share);
      if (kept) Foresee(kept + soon, 1, 0, share);
      if (n + kColumns < columns) Foresee<true>(out + kColumns, kTall, columns, 1);
      for (int64_t k = 0; k < depth; k += kPanel) {
        const int64_t steps = std::min(kPanel, depth - k);
        RowTile<kTall>(left + k, depth, steps, b + (n / kColumns * depth + k) * kColumns, k ? nullptr : start, c, c_row,
                       rectified && k + steps == depth);
      }
      if (!whole)
        for (int i = 0; i < kTall; ++i) std::copy(edge + i * kColumns, edge + i * kColumns + columns - n, out + i * columns);
    }
  });
}

// y = A B + bias. B is packed by `pack_block(n)`, a block of columns at a time. Numbers of A whose counterparts in `kept`
// are not positive count as zeros.
template <typename PackBlock>
void Multiplied(const Pool& pool, int64_t rows, int64_t depth, int64_t columns, const float* a, const float* kept,
                const float* bias, float* y, bool rectified, const PackBlock& pack_block) {
  const int64_t pieces = Pieces(rows, kRowsAtATime), work = rows * depth * columns;
  Team team(pool, pieces);
  team.Run(Blocks(columns), depth * columns, pack_block);
  team.Run(pieces, work, [&](int64_t piece) {
    thread_local Scratch scratch;
    const int64_t first = piece * kRowsAtATime, count = std::min(kRowsAtATime, rows - first);
    RowsTimes(count, a + first * depth, kept ? kept + first * depth : nullptr, depth, pack_block.to, bias, columns,
              y + first * columns, rectified, kept ? scratch.Of(kRows * depth) : nullptr);
  });
}

// Packs blocks of `columns` columns, `length` long: those of a matrix whose rows lie `row` and whose columns `step` apart.
struct Packing {
  const float* w;
  int64_t columns, length, row, step;
  float* to;
  void operator()(int64_t block) const {
    const int64_t n = block * kColumns;
    Pack(w + n * step, length, row, step, std::min<int64_t>(kColumns, columns - n), to + n * length);
  }
};

}  // namespace

void Multiply(const Pool& pool, const Product& p, const float* x, const float* w, const float* bias, float* y) {
  Lent lent;
  const Packing pack{w, p.out, p.in, p.out, 1, lent.Of(Blocks(p.out) * kColumns * p.in)};
  Multiplied(pool, p.rows, p.in, p.out, x, nullptr, bias, y, p.rectified, pack);
}

void MultiplyInputGradient(const Pool& pool, const Product& p, const float* w, const float* y, const float* dy,
                           float* dx) {
  Lent lent;
  const Packing pack{w, p.in, p.out, 1, p.out, lent.Of(Blocks(p.in) * kColumns * p.out)};
  Multiplied(pool, p.rows, p.out, p.in, dy, p.rectified ? y : nullptr, nullptr, dx, false, pack);
}

void MultiplyKernelGradient(const Pool& pool, const Product& p, const float* x, const float* y, const float* dy,
                            float* dw, float* dbias) {
  const int64_t across = Pieces(p.out, kBreadth), down = Pieces(p.in, kHigh);
  const int64_t parts = std::min(Pieces(p.rows, kShortest), Pieces(kTasks, across * down));
  const int64_t wide = Blocks(p.out) * kColumns, high = Blocks(p.in) * kColumns, part_size = wide * (high + 1);
  Lent lent;
  float* sums = lent.Of(parts * part_size);  // for each part: blocks (high, kColumns), then the bias's
  const int64_t work = p.rows * p.in * p.out;
  Team team(pool, parts * across * down);
  team.Run(parts * across * down, work, [&](int64_t task) {
    thread_local Scratch scratch;
    const int64_t part = task / (across * down), k0 = task / across % down * kHigh, n0 = task % across * kBreadth;
    const int64_t height = std::min(kHigh, p.in - k0), breadth = std::min(kBreadth, p.out - n0);
    float* left = scratch.Of((kHigh + kBreadth) * kSteps);
    float* right = left + kHigh * kSteps;
    float* to = sums + part * part_size;
    const int64_t first = p.rows * part / parts, last = p.rows * (part + 1) / parts;
    for (int64_t m = first; m < last; m += kSteps) {
      const int64_t steps = std::min(kSteps, last - m), block = steps * kColumns;
      PackRows(x + m * p.in + k0, nullptr, steps, p.in, height, block, left);
      PackRows(dy + m * p.out + n0, p.rectified ? y + m * p.out + n0 : nullptr, steps, p.out, breadth, block, right);
      const Store store = m > first ? Store::kAdd : Store::kSet;
      for (int64_t n = 0; n < breadth; n += kColumns) {
        const float* slopes = right + n * steps;
        for (int64_t k = 0; k < height; k += kColumns)
          BlockRows<1, kColumns>(kColumns, left + k * steps, kColumns * kColumns, steps, slopes,
                                 to + (n0 + n) * high + (k0 + k) * kColumns, kColumns, store);
        if (k0 == 0 && dbias)
          for (int v = 0; v < kVectors; ++v) {
            Vector& sum = At(to + wide * high + n0 + n, v);
            if (store == Store::kSet) sum = Vector{};
            for (int64_t i = 0; i < steps; ++i) sum += At(slopes + i * kColumns, v);
          }
      }
    }
  });
  // The parts together, rows of the kernel some at a time, the bias last.
  const auto gather = [&](int64_t n, const float* from, float* to) {
    Vector sum[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      sum[v] = At(from, v);
      for (int64_t part = 1; part < parts; ++part) sum[v] += At(from + part * part_size, v);
    }
    if (n + kColumns <= p.out) {
      for (int v = 0; v < kVectors; ++v) At(to + n, v) = sum[v];
    } else {
      std::memcpy(to + n, sum, (p.out - n) * sizeof(float));
    }
  };
  const int64_t rows = Pieces(p.in, kColumns);
  team.Run(rows + 1, p.in * p.out * parts, [&](int64_t task) {
    for (int64_t n = 0; n < p.out; n += kColumns) {
      if (task == rows) {
        if (dbias) gather(n, sums + wide * high + n, dbias);
      } else {
        for (int64_t k = task * kColumns; k < std::min((task + 1) * kColumns, p.in); ++k)
          gather(n, sums + n * high + k * kColumns, dw + k * p.out);
      }
    }
  });
}

}  // namespace ranvier
