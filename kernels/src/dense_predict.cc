// Prediction by networks of dense layers: some rows at a time go through all layers and stay in the near caches.

#include "dense_predict.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "block_tile.h"
#include "columns.h"
#include "objective.h"

namespace ranvier {
namespace {

constexpr int64_t kPanel = 160;     // rows of a packed panel that many rows of inputs use: it stays in the first cache
constexpr int64_t kThin = 4;        // rows that are too few to fill the registers with one block
constexpr int64_t kGroup = 48;      // rows that go through the layers together
constexpr int64_t kWorth = 600000;  // multiplications that are worth another thread


float* MyValues(int64_t count) {
  thread_local Scratch scratch;
  return scratch.Of(count);
}

// C (ROWS x SIDE blocks) = A B for blocks that lie side by side: so many sums run at a time that none waits for itself.
// A's rows lie kColumns apart and its blocks `block`, as C's do; B's blocks lie one after the other.
template <int ROWS, int SIDE>
__attribute__((noinline)) void ThinTile(const float* a, int64_t block, int64_t depth, const float* __restrict b, float* c) {
  Vector sum[ROWS][SIDE * kVectors];
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < SIDE * kVectors; ++v) sum[m][v] = Vector{};
  const int64_t beside = depth * kColumns;
  for (int64_t k = 0; k < depth; a += block) {
    const float* left = a;
    for (const int64_t stop = std::min<int64_t>(depth, k + kColumns); k < stop; ++k, ++left, b += kColumns)
      for (int s = 0; s < SIDE; ++s)
        for (int v = 0; v < kVectors; ++v) {
          const Vector right = *reinterpret_cast<const Vector*>(b + s * beside + v * kWidth);
          for (int m = 0; m < ROWS; ++m) sum[m][s * kVectors + v] += left[m * kColumns] * right;
        }
  }
  for (int s = 0; s < SIDE; ++s)
    for (int m = 0; m < ROWS; ++m)
      for (int v = 0; v < kVectors; ++v) At(c + s * block, m * kVectors + v) = sum[m][s * kVectors + v];
}

// C (ROWS x kColumns) = or += A B where A's rows lie as the caller gave them, `row` apart.
template <int ROWS>
__attribute__((noinline)) void StraightTile(const float* a, int64_t row, int64_t depth, const float* __restrict b, float* c,
                                            Store store) {
  Vector sum[ROWS][kVectors];
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < kVectors; ++v) sum[m][v] = store == Store::kAdd ? At(c, m * kVectors + v) : Vector{};
#pragma GCC unroll 4
  for (int64_t k = 0; k < depth; ++k, ++a, b += kColumns) {
    Vector right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = At(b, v);
    for (int m = 0; m < ROWS; ++m)
      for (int v = 0; v < kVectors; ++v) sum[m][v] += a[m * row] * right[v];
  }
  for (int m = 0; m < ROWS; ++m)
    for (int v = 0; v < kVectors; ++v) At(c, m * kVectors + v) = sum[m][v];
}

void StraightRows(int64_t rows, const float* a, int64_t row, int64_t depth, const float* b, float* c, Store store) {
  Tiles(rows, [&](int64_t m, auto height) __attribute__((always_inline)) {
    StraightTile<decltype(height)::value>(a + m * row, row, depth, b, c + m * kColumns, store);
  });
}

template <int ROWS>
void ThinRows(const float* a, int64_t block, int64_t depth, int64_t blocks, const float* b, float* c) {
  constexpr int kSide = ROWS == 1 ? 4 : ROWS == 2 ? 3 : kRows / ROWS < 1 ? 1 : kRows / ROWS;
  int64_t n = 0;
  for (; n + kSide <= blocks; n += kSide) ThinTile<ROWS, kSide>(a, block, depth, b + n * depth * kColumns, c + n * block);
  if constexpr (kSide > 1)
    Choose<kSide>(blocks - n, [&](auto side) {
      ThinTile<ROWS, decltype(side)::value>(a, block, depth, b + n * depth * kColumns, c + n * block);
    });
}

}  // namespace

Predictor::Predictor(const Pool& pool, Network network, const std::vector<const float*>& parameters,
                     const std::vector<const float*>& moving)
    : network_(std::move(network)) {
  widest_ = Blocks(in());
  float* base = nullptr;
  const auto lay = [&] {
    int64_t need = 0;
    const auto room = [&](int64_t count) {
      float* at = base + need;
      need += (count + 15) / 16 * 16;
      return at;
    };
    packed_.clear();
    for (const Affine& layer : network_.layers) {
      const int64_t padded = Blocks(layer.out) * kColumns;
      Packed p{room(padded * layer.in), layer.bias < 0 ? nullptr : room(padded), {}};
      for (const ColumnOp& op : layer.ops)
        if (op.kind == Kind::kNormalize) p.sides.push_back(room(3 * padded));
      packed_.push_back(std::move(p));
    }
    return need;
  };
  base = memory_.Of(lay());
  lay();
  for (size_t l = 0; l < packed_.size(); ++l) {
    const Affine& layer = network_.layers[l];
    const Packed& p = packed_[l];
    const int64_t blocks = Blocks(layer.out);
    widest_ = std::max(widest_, blocks);
    work_ += layer.in * blocks * kColumns;
    const auto pack = [&](int64_t c) {
      Pack(parameters[layer.kernel] + c * kColumns, layer.in, layer.out, 1,
           std::min<int64_t>(kColumns, layer.out - c * kColumns), p.kernel + c * layer.in * kColumns);
    };
    if (layer.in * layer.out < kWorth) {
      for (int64_t c = 0; c < blocks; ++c) pack(c);
    } else {
      Parallel(pool, blocks, pack);
    }
    const int64_t padded = blocks * kColumns;
    const auto side = [&](const float* from, float* to) {
      std::memcpy(to, from, layer.out * sizeof(float));
      std::memset(to + layer.out, 0, (padded - layer.out) * sizeof(float));
    };
    if (p.bias) side(parameters[layer.bias], p.bias);
    size_t found = 0;
    for (const ColumnOp& op : layer.ops) {
      if (op.kind != Kind::kNormalize) continue;
      float* const mean = p.sides[found++];
      float* const factor = mean + padded;
      float* const shift = factor + padded;
      std::memset(mean, 0, 3 * padded * sizeof(float));
      side(moving[op.place], mean);
      for (int64_t n = 0; n < layer.out; ++n) {
        factor[n] = 1.0f / std::sqrt(moving[op.place + 1][n] + op.a);
        if (op.gamma >= 0) factor[n] *= parameters[op.gamma][n];
      }
      if (op.beta >= 0) side(parameters[op.beta], shift);
    }
  }
}

// Some rows on their way through the layers. Their arrays lie in blocks of kColumns columns, as in training.
class Predictor::Rows {
 public:
  Rows(const Predictor& p, int64_t rows)
      : p_(p), m_(rows), block_((rows | 1) * kColumns), now_(MyValues(2 * p.widest_ * block_)),
        next_(now_ + p.widest_ * block_) {}

  // Takes the rows in; returns whether they are finite.
  bool Take(const float* from) {
    const Network& network = p_.network_;
    if (m_ < kThin || network.scale != 1.0f || network.offset != 0.0f || !network.before.empty()) return Gather(from);
    straight_ = from;
    const int64_t count = m_ * p_.in(), whole = count / kColumns * kColumns;
    bool finite = true;
    for (int64_t i = 0; i < whole; i += kColumns) finite &= Finite(from + i);
    for (int64_t i = whole; i < count; ++i) finite &= std::isfinite(from[i]);
    return finite;
  }

  bool Take(const uint8_t* from) { return Gather(from); }

  void Layers() {
    for (size_t l = 0; l < p_.packed_.size(); ++l) {
      const int64_t blocks = Blocks(p_.network_.layers[l].out);
      Product(p_.network_.layers[l].in, blocks, p_.packed_[l].kernel);
      for (int64_t c = 0; c < blocks; ++c) Finish(l, c);
      std::swap(now_, next_);
    }
  }

  void Put(float* y) {
    const int64_t width = p_.out(), blocks = Blocks(width);
    for (int64_t m = 0; m < m_; ++m, y += width) {
      float* row = next_;
      for (int64_t c = 0; c < blocks; ++c)
        std::memcpy(row + c * kColumns, now_ + c * block_ + m * kColumns, kColumns * sizeof(float));
      if (p_.network_.softmax) Softmax(row, width, blocks * kColumns);
      std::memcpy(y, row, width * sizeof(float));
    }
  }

 private:
  template <typename From>
  bool Gather(const From* from) {
    const Network& network = p_.network_;
    const int64_t width = p_.in();
    bool finite = true;
    for (int64_t m = 0; m < m_; ++m) {
      float* to = now_ + m * kColumns;
      for (int64_t c = 0; c < width; c += kColumns, to += block_) {
        const int64_t count = std::min<int64_t>(kColumns, width - c);
        if (count < kColumns) std::memset(to, 0, kColumns * sizeof(float));
        for (int64_t n = 0; n < count; ++n) to[n] = static_cast<float>(from[m * width + c + n]);
        if (sizeof(From) == sizeof(float)) finite &= Finite(to);
        if (network.scale != 1.0f || network.offset != 0.0f)
          for (int v = 0; v < kVectors; ++v) At(to, v) = At(to, v) * network.scale + network.offset;
      }
    }
    for (const ColumnOp& op : network.before)
      for (int64_t c = 0; c < Blocks(width); ++c) Function(op, PlaceOf(c, width), now_ + c * block_, now_ + c * block_);
    return finite;
  }

  Place PlaceOf(int64_t c, int64_t width) const { return {m_, c * kColumns, width}; }

  static bool Finite(const float* x) {
    Integers most = Integers{};
    for (int v = 0; v < kVectors; ++v) {
      const Integers bits = *reinterpret_cast<const Integers*>(x + v * kWidth) & 0x7FFFFFFF;
      most = bits > most ? bits : most;
    }
    int32_t all = 0;
    for (int n = 0; n < kWidth; ++n) all = std::max(all, most[n]);
    return all < 0x7F800000;
  }

  void Product(int64_t depth, int64_t blocks, const float* b) {
    const float* straight = std::exchange(straight_, nullptr);
    if (straight) {
      for (int64_t c = 0; c < blocks; ++c)
        for (int64_t k = 0; k < depth; k += kPanel)
          StraightRows(m_, straight + k, depth, std::min(kPanel, depth - k), b + (c * depth + k) * kColumns,
                       next_ + c * block_, k ? Store::kAdd : Store::kSet);
      return;
    }
    if (m_ == 1) return ThinRows<1>(now_, block_, depth, blocks, b, next_);
    if (m_ == 2) return ThinRows<2>(now_, block_, depth, blocks, b, next_);
    if (m_ == 3) return ThinRows<3>(now_, block_, depth, blocks, b, next_);
    for (int64_t c = 0; c < blocks; ++c)
      for (int64_t k = 0; k < depth; k += kPanel)
        BlockRows<kColumns, 1>(m_, now_ + k / kColumns * block_, block_, std::min(kPanel, depth - k),
                               b + (c * depth + k) * kColumns, next_ + c * block_, kColumns,
                               k ? Store::kAdd : Store::kSet);
  }

  void Finish(size_t l, int64_t c) {
    const Affine& layer = p_.network_.layers[l];
    const Packed& packed = p_.packed_[l];
    float* at = next_ + c * block_;
    if (packed.bias)
      for (int v = 0; v < kVectors; ++v) {
        const Vector bias = At(packed.bias + c * kColumns, v);
        for (int64_t m = 0; m < m_; ++m) At(at, m * kVectors + v) += bias;
      }
    size_t found = 0;
    for (const ColumnOp& op : layer.ops)
      if (op.kind == Kind::kNormalize) {
        Normalize(packed.sides[found++] + c * kColumns, Blocks(layer.out) * kColumns, at);
      } else {
        Function(op, PlaceOf(c, layer.out), at, at);
      }
  }

  void Normalize(const float* sides, int64_t beside, float* at) const {
    for (int v = 0; v < kVectors; ++v) {
      const Vector mean = At(sides, v), factor = At(sides + beside, v), shift = At(sides + 2 * beside, v);
      for (int64_t m = 0; m < m_; ++m) At(at, m * kVectors + v) = (At(at, m * kVectors + v) - mean) * factor + shift;
    }
  }

  const Predictor& p_;
  const int64_t m_, block_;
  float* now_;
  float* next_;
  const float* straight_ = nullptr;  // the inputs, where nothing is done to them before the first product
};

bool Predictor::Run(const Pool& pool, int64_t rows, const float* floats, const uint8_t* bytes, float* y) const {
  const int64_t threads = std::max<int64_t>(1, std::min(pool.threads, rows * work_ / kWorth));
  // Each thread takes some groups, so that one that comes late takes fewer.
  const int64_t share = threads == 1 ? rows : (rows + 2 * threads - 1) / (2 * threads);
  const int64_t group = std::min(kGroup, (share + kRows - 1) / kRows * kRows);
  std::atomic<bool> finite{true};
  Parallel({threads, pool.schedule}, (rows + group - 1) / group, [&](int64_t i) {
    const int64_t first = i * group;
    Rows some(*this, std::min(group, rows - first));
    if (!(floats ? some.Take(floats + first * in()) : some.Take(bytes + first * in())))
      finite.store(false, std::memory_order_relaxed);
    some.Layers();
    some.Put(y + first * out());
  });
  return finite.load(std::memory_order_relaxed);
}

}  // namespace ranvier
