// Attention without its large intermediate results: some queries of one head at a time, whose scores stay in the cache;
// the gradient computes the weights again (Dao et al., 2022). Everything of a head lies in blocks of kColumns columns, one
// row of a block after the other: so scores are at once the left operand of a product with what they weigh, and, read the
// other way, of the products that sum over the queries.

#include <cmath>

#include "block_tile.h"
#include "functions.h"
#include "kernels.h"
#include "scratch.h"

namespace ranvier {

namespace {

constexpr int64_t kScores = 16384;  // scores held at a time
constexpr int64_t kPanel = 256;     // steps of the shared index whose packed panel stays in the first cache

int64_t QueriesAtATime(const Attention& a) {
  return std::max<int64_t>(1, std::min(a.queries, std::max<int64_t>(2 * kRows, kScores / a.keys)));
}

// Rows of one head, in blocks.
struct Sheet {
  int64_t rows, columns;
  float* data;
  int64_t block() const { return rows * kColumns; }  // floats from one block to the next
  float* Block(int64_t n) const { return data + n * block(); }
};

void Scale(const Sheet& x, float factor) {
  if (factor == 1.0f) return;
  for (int64_t i = 0; i < Blocks(x.columns) * x.rows * kVectors; ++i) At(x.data, i) *= factor;
}

// Takes rows that lie `row`, and columns that lie `step` apart, times a factor.
void Take(const Sheet& to, const float* from, int64_t row, int64_t step, float factor) {
  for (int64_t n = 0; n < to.columns; n += kColumns)
    Pack(from + n * step, to.rows, row, step, std::min<int64_t>(kColumns, to.columns - n), to.Block(n / kColumns));
  Scale(to, factor);
}

// Puts rows where they lie `row` apart.
void Give(const Sheet& from, int64_t rows, float* to, int64_t row) {
  for (int64_t n = 0; n < from.columns; n += kColumns) {
    const float* block = from.Block(n / kColumns);
    const int64_t count = std::min<int64_t>(kColumns, from.columns - n);
    for (int64_t m = 0; m < rows; ++m) {
      if (count == kColumns) {
        for (int v = 0; v < kVectors; ++v) At(to + m * row + n, v) = At(block + m * kColumns, v);
      } else {
        std::copy(block + m * kColumns, block + m * kColumns + count, to + m * row + n);
      }
    }
  }
}

// C = A B, the first `rows` rows of A.
void Multiply(int64_t rows, const Sheet& a, const Sheet& b, const Sheet& c) {
  for (int64_t n = 0; n < Blocks(b.columns); ++n)
    for (int64_t k = 0; k < b.rows; k += kPanel)
      BlockRows<kColumns, 1>(rows, a.Block(k / kColumns), a.block(), std::min(kPanel, b.rows - k),
                             b.Block(n) + k * kColumns, c.Block(n), kColumns, k ? Store::kAdd : Store::kSet);
}

// C = or += A' B, summed over the first `rows` rows of both.
void MultiplyTurned(int64_t rows, const Sheet& a, const Sheet& b, const Sheet& c, Store store) {
  for (int64_t n = 0; n < Blocks(b.columns); ++n)
    for (int64_t m = 0; m < c.rows; m += kColumns)
      BlockRows<1, kColumns>(std::min<int64_t>(kColumns, c.rows - m), a.Block(m / kColumns), kColumns * kColumns, rows,
                             b.Block(n), c.Block(n) + m * kColumns, kColumns, store);
}

// Memory for the rows of a head, of the thread that asks.
class Desk {
 public:
  explicit Desk(size_t count) {
    thread_local Scratch scratch;
    at_ = scratch.Of(count);
  }
  Sheet Room(int64_t rows, int64_t columns) {
    const Sheet made{rows, columns, at_};
    at_ += Size(rows, columns);
    return made;
  }
  static int64_t Size(int64_t rows, int64_t columns) { return Blocks(columns) * kColumns * rows; }

 private:
  float* at_;
};

// One part of the products of a head: rows of Q and of Y lie `heads` vectors apart.
struct Head {
  int64_t batch, head;
  int64_t QueryAt(const Attention& a, int64_t t, int64_t size) const {
    return ((batch * a.queries + t) * a.heads + head) * size;
  }
  int64_t KeyAt(const Attention& a, int64_t size) const { return (batch * a.keys * a.heads + head) * size; }
};

// The dropout's factors for a row of weights, the same numbers as keep_mask draws in ranvier/core/random.py.
class Dropout {
 public:
  explicit Dropout(const Attention& a)
      : on_(a.seed != nullptr),
        counter_(on_ ? a.seed[0] : 0, on_ ? a.seed[1] : 0),
        threshold_(a.threshold),
        factor_(a.factor) {}
  bool on() const { return on_; }
  // The factors of the weights from number `index` on.
  Vector At(uint32_t index) const {
    return counter_.At(index) < threshold_ ? Vector{} + factor_ : Vector{};
  }

 private:
  bool on_;
  Counter counter_;
  uint32_t threshold_;
  float factor_;
};

const uint8_t* MaskRow(const Attention& a, const Head& h, int64_t t) {
  return a.mask + h.batch * a.mask_batch + h.head * a.mask_head + t * a.mask_query;
}

constexpr float kMasked = -3.4028234663852886e38f * 0.7f;
constexpr float kBeyond = -3.4028234663852886e38f;  // the scores of columns that only fill a block

// What the weights of a row are, and what they are still to be multiplied by.
struct Weighed {
  float log, factor;
};

// A row of scores, one vector after the other: f(vector, place).
template <typename F>
inline void Along(const Sheet& scores, int64_t m, const F& f) {
  float* row = scores.data + m * kColumns;
  for (int64_t s = 0; s < scores.columns; s += kColumns, row += scores.block())
    for (int v = 0; v < kVectors; ++v) f(At(row, v), s + v * kWidth);
}

// f(score, place) for each score of a row.
template <typename F>
inline void Each(const Sheet& scores, int64_t m, const F& f) {
  for (int64_t s = 0; s < scores.columns; ++s) f(scores.Block(s / kColumns)[m * kColumns + s % kColumns], s);
}

// Row m of scores to weights, in place. With their logarithm known they are what they shall be, else factor is left to do.
Weighed Weights(const Attention& a, const uint8_t* mask, const Sheet& scores, int64_t m, const float* known) {
  if (mask)
    Each(scores, m, [&](float& score, int64_t s) {
      if (!mask[s * a.mask_key]) score = kMasked;
    });
  if (const int64_t over = a.keys % kColumns; over) {
    float* last = scores.Block(a.keys / kColumns) + m * kColumns;
    std::fill(last + over, last + kColumns, kBeyond);
  }
  Weighed w{0.0f, 1.0f};
  if (known) {
    w.log = *known;
    Along(scores, m, [&](Vector& v, int64_t) { v = Exp(v - w.log); });
  } else {
    Vector top = Vector{} + kBeyond, sums = {};
    Along(scores, m, [&](Vector& v, int64_t) { top = v > top ? v : top; });
    const float most = Largest(top);
    Along(scores, m, [&](Vector& v, int64_t) { sums += v = Exp(v - most); });
    const float sum = Sum(sums);
    w = {most + std::log(sum), 1.0f / sum};
  }
  if (mask && w.log < 0.9f * kMasked) {  // the query may look nowhere
    const float each = a.zeros ? 0.0f : 1.0f / static_cast<float>(a.keys);
    Each(scores, m, [&](float& score, int64_t) { score = each; });
    w.factor = 1.0f;
  }
  return w;
}

}  // namespace

void Attend(const Pool& pool, const Attention& a, const float* q, const float* k, const float* v, float* y,
            float* logs) {
  const int64_t block = QueriesAtATime(a);
  const Dropout dropout(a);
  Parallel(pool, a.batch * a.heads, [&](int64_t task) {
    const Head h{task / a.heads, task % a.heads};
    Desk desk(Desk::Size(block, a.features) + Desk::Size(a.features, a.keys) + Desk::Size(a.keys, a.values) +
              Desk::Size(block, a.keys) + Desk::Size(block, a.values) + Desk::Size(1, block));
    const Sheet queries = desk.Room(block, a.features), keys = desk.Room(a.features, a.keys);
    const Sheet values = desk.Room(a.keys, a.values), scores = desk.Room(block, a.keys);
    const Sheet results = desk.Room(block, a.values);
    float* factors = desk.Room(1, block).data;
    Take(keys, k + h.KeyAt(a, a.features), 1, a.heads * a.features, a.scale);
    Take(values, v + h.KeyAt(a, a.values), a.heads * a.values, 1, 1.0f);
    for (int64_t t = 0; t < a.queries; t += block) {
      const int64_t rows = std::min(block, a.queries - t);
      const Sheet now{rows, a.features, queries.data};
      Take(now, q + h.QueryAt(a, t, a.features), a.heads * a.features, 1, 1.0f);
      Multiply(rows, now, keys, scores);
      for (int64_t m = 0; m < rows; ++m) {
        const Weighed w = Weights(a, a.mask ? MaskRow(a, h, t + m) : nullptr, scores, m, nullptr);
        logs[task * a.queries + t + m] = w.log;
        factors[m] = w.factor;
        if (dropout.on()) {
          const uint32_t index = static_cast<uint32_t>((task * a.queries + t + m) * a.keys);
          Along(scores, m, [&](Vector& weight, int64_t s) { weight *= dropout.At(index + static_cast<uint32_t>(s)); });
        }
      }
      Multiply(rows, scores, values, results);
      for (int64_t m = 0; m < rows; ++m)
        Along(results, m, [&](Vector& sum, int64_t) { sum *= factors[m]; });
      Give(results, rows, y + h.QueryAt(a, t, a.values), a.heads * a.values);
    }
  });
}

void AttendGradient(const Pool& pool, const Attention& a, const float* q, const float* k, const float* v,
                    const float* y, const float* logs, const float* dy, float* dq, float* dk, float* dv) {
  const int64_t block = QueriesAtATime(a);
  const Dropout dropout(a);
  Parallel(pool, a.batch * a.heads, [&](int64_t task) {
    const Head h{task / a.heads, task % a.heads};
    const int64_t q_row = a.heads * a.features, v_row = a.heads * a.values;
    Desk desk(2 * (Desk::Size(block, a.features) + Desk::Size(a.keys, a.features) + Desk::Size(block, a.values)) +
              Desk::Size(a.features, a.keys) + Desk::Size(a.values, a.keys) + 3 * Desk::Size(block, a.keys) +
              Desk::Size(a.keys, a.values));
    const Sheet queries = desk.Room(block, a.features), outward = desk.Room(block, a.values);
    const Sheet results = desk.Room(block, a.values), query_slopes = desk.Room(block, a.features);
    const Sheet keys = desk.Room(a.keys, a.features), keys_turned = desk.Room(a.features, a.keys);
    const Sheet values_turned = desk.Room(a.values, a.keys), weights = desk.Room(block, a.keys);
    const Sheet slopes = desk.Room(block, a.keys), dropped = desk.Room(block, a.keys);
    const Sheet key_slopes = desk.Room(a.keys, a.features), value_slopes = desk.Room(a.keys, a.values);
    Take(keys, k + h.KeyAt(a, a.features), q_row, 1, a.scale);
    Take(keys_turned, k + h.KeyAt(a, a.features), 1, q_row, a.scale);
    Take(values_turned, v + h.KeyAt(a, a.values), 1, v_row, 1.0f);
    for (int64_t t = 0; t < a.queries; t += block) {
      const int64_t rows = std::min(block, a.queries - t);
      const Sheet now{rows, a.features, queries.data}, out{rows, a.values, outward.data}, had{rows, a.values, results.data};
      const Store store = t ? Store::kAdd : Store::kSet;
      Take(now, q + h.QueryAt(a, t, a.features), q_row, 1, 1.0f);
      Take(out, dy + h.QueryAt(a, t, a.values), v_row, 1, 1.0f);
      Take(had, y + h.QueryAt(a, t, a.values), v_row, 1, 1.0f);
      Multiply(rows, now, keys_turned, weights);
      Multiply(rows, out, values_turned, slopes);
      for (int64_t m = 0; m < rows; ++m) {
        const uint8_t* mask = a.mask ? MaskRow(a, h, t + m) : nullptr;
        Weights(a, mask, weights, m, logs + task * a.queries + t + m);
        Vector along = Vector{};
        for (int64_t n = 0; n < Blocks(a.values); ++n)
          for (int i = 0; i < kVectors; ++i) along += At(had.Block(n) + m * kColumns, i) * At(out.Block(n) + m * kColumns, i);
        const float mean = Sum(along);
        const uint32_t index = static_cast<uint32_t>((task * a.queries + t + m) * a.keys);
        const float* weight = weights.data + m * kColumns;
        float* left = dropped.data + m * kColumns;
        Along(slopes, m, [&](Vector& slope, int64_t s) {
          const int64_t at = s / kColumns * weights.block() + s % kColumns;
          const Vector w = At(weight + at, 0);
          if (dropout.on()) {
            const Vector kept = dropout.At(index + static_cast<uint32_t>(s));
            At(left + at, 0) = w * kept;
            slope = w * (slope * kept - mean);
          } else {
            slope = w * (slope - mean);
          }
        });
        if (mask)  // where a query may look nowhere, masked weights are not 0
          Each(slopes, m, [&](float& slope, int64_t s) {
            if (!mask[s * a.mask_key]) slope = 0.0f;
          });
      }
      Multiply(rows, slopes, keys, query_slopes);
      Give(query_slopes, rows, dq + h.QueryAt(a, t, a.features), q_row);
      MultiplyTurned(rows, slopes, now, key_slopes, store);
      MultiplyTurned(rows, dropout.on() ? dropped : weights, out, value_slopes, store);
    }
    Scale(key_slopes, a.scale);
    Give(key_slopes, a.keys, dk + h.KeyAt(a, a.features), q_row);
    Give(value_slopes, a.keys, dv + h.KeyAt(a, a.values), v_row);
  });
}

}  // namespace ranvier
