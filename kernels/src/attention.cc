// Attention without its large intermediate results: some queries of one head at a time, whose scores stay in the cache;
// the gradient computes the weights again (Dao et al., 2022). Nothing is transposed in memory: products read with strides.

#include <cmath>
#include <vector>

#include "functions.h"
#include "kernels.h"
#include "packed.h"

namespace ranvier {

namespace {

constexpr int64_t kScores = 16384;  // scores held at a time

int64_t QueriesAtATime(const Attention& a) {
  return std::max<int64_t>(1, std::min(a.queries, std::max<int64_t>(2 * kRows, kScores / a.keys)));
}

// One part of the products of a head: rows of Q and of Y lie `heads` vectors apart.
struct Head {
  int64_t batch, head;
  int64_t QueryAt(const Attention& a, int64_t t, int64_t size) const {
    return ((batch * a.queries + t) * a.heads + head) * size;
  }
  int64_t KeyAt(const Attention& a, int64_t size) const { return (batch * a.keys * a.heads + head) * size; }
};

Words Mix(Words x) {
  x = (x ^ (x >> 16)) * 0x7FEB352Du;
  x = (x ^ (x >> 15)) * 0x846CA68Bu;
  return x ^ (x >> 16);
}

uint32_t Mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7FEB352Du;
  x = (x ^ (x >> 15)) * 0x846CA68Bu;
  return x ^ (x >> 16);
}

// The dropout's factors for a row of weights, the same numbers as keep_mask draws in ranvier/core/random.py.
class Dropout {
 public:
  explicit Dropout(const Attention& a) : on_(a.seed != nullptr), threshold_(a.threshold), factor_(a.factor) {
    if (!on_) return;
    first_ = Mix(a.seed[0] + 0x9E3779B9u);
    second_ = Mix(a.seed[1] ^ first_);
    for (int n = 0; n < kWidth; ++n) places_[n] = n;
  }
  bool on() const { return on_; }
  // The factors of the weights from number `index` on.
  Vector At(uint32_t index) const {
    const Words bits = Mix(Mix((places_ + index) ^ second_) + first_);
    return bits < threshold_ ? Vector{} + factor_ : Vector{};
  }

 private:
  bool on_;
  uint32_t threshold_, first_ = 0, second_ = 0;
  float factor_;
  Words places_ = Words{};
};

const uint8_t* MaskRow(const Attention& a, const Head& h, int64_t t) {
  return a.mask + h.batch * a.mask_batch + h.head * a.mask_head + t * a.mask_query;
}

constexpr float kMasked = -3.4028234663852886e38f * 0.7f;

// Scores to weights, in place; returns the logarithm of what they were divided by. With `logs` known it is not computed.
float Weights(const Attention& a, const uint8_t* mask, float* row, const float* known) {
  if (mask)
    for (int64_t s = 0; s < a.keys; ++s)
      if (!mask[s * a.mask_key]) row[s] = kMasked;
  float log;
  if (known) {
    log = *known;
    for (int64_t s = 0; s < a.keys; s += kWidth) Put(row + s, a.keys - s, Exp(Load(row + s, a.keys - s) - log));
  } else {
    float most = row[0];
    int64_t s = 0;
    if (a.keys >= kWidth) {
      Vector top = Load(row, kWidth);
      for (s = kWidth; s + kWidth <= a.keys; s += kWidth) {
        const Vector v = Load(row + s, kWidth);
        top = v > top ? v : top;
      }
      for (int n = 0; n < kWidth; ++n) most = std::max(most, top[n]);
    }
    for (; s < a.keys; ++s) most = std::max(most, row[s]);
    Vector sums = Vector{};
    float sum = 0.0f;
    for (s = 0; s < a.keys; s += kWidth) {
      const Vector e = Exp(Load(row + s, a.keys - s) - most);
      Put(row + s, a.keys - s, e);
      if (a.keys - s >= kWidth) {
        sums += e;
      } else {
        for (int64_t n = 0; n < a.keys - s; ++n) sum += e[n];
      }
    }
    sum += Sum(sums);
    log = most + std::log(sum);
    const float inverse = 1.0f / sum;
    for (s = 0; s < a.keys; s += kWidth) Put(row + s, a.keys - s, Load(row + s, a.keys - s) * inverse);
  }
  if (mask && log < 0.9f * kMasked) {  // the query may look nowhere
    const float each = a.zeros ? 0.0f : 1.0f / static_cast<float>(a.keys);
    std::fill(row, row + a.keys, each);
  }
  return log;
}

}  // namespace

void Attend(const Pool& pool, const Attention& a, const float* q, const float* k, const float* v, float* y,
            float* logs) {
  const int64_t block = QueriesAtATime(a);
  const Dropout dropout(a);
  Parallel(pool, a.batch * a.heads, [&](int64_t task) {
    const Head h{task / a.heads, task % a.heads};
    thread_local std::vector<float> scores;
    thread_local Packed keys, values;
    scores.resize(block * a.keys + kWidth);
    keys.Fill(k + h.KeyAt(a, a.features), a.features, a.keys, 1, a.heads * a.features, a.scale);
    values.Fill(v + h.KeyAt(a, a.values), a.keys, a.values, a.heads * a.values, 1);
    for (int64_t t = 0; t < a.queries; t += block) {
      const int64_t rows = std::min(block, a.queries - t);
      keys.Multiply(rows, {q + h.QueryAt(a, t, a.features), a.heads * a.features, 1}, scores.data(), a.keys,
                    Store::kSet);
      for (int64_t m = 0; m < rows; ++m) {
        float* row = scores.data() + m * a.keys;
        logs[task * a.queries + t + m] = Weights(a, a.mask ? MaskRow(a, h, t + m) : nullptr, row, nullptr);
        if (dropout.on()) {
          const uint32_t index = static_cast<uint32_t>((task * a.queries + t + m) * a.keys);
          for (int64_t s = 0; s < a.keys; s += kWidth)
            Put(row + s, a.keys - s, Load(row + s, a.keys - s) * dropout.At(index + static_cast<uint32_t>(s)));
        }
      }
      values.Multiply(rows, {scores.data(), a.keys, 1}, y + h.QueryAt(a, t, a.values), a.heads * a.values, Store::kSet);
    }
  });
}

void AttendGradient(const Pool& pool, const Attention& a, const float* q, const float* k, const float* v,
                    const float* y, const float* logs, const float* dy, float* dq, float* dk, float* dv) {
  const int64_t block = QueriesAtATime(a);
  const Dropout dropout(a);
  Parallel(pool, a.batch * a.heads, [&](int64_t task) {
    const Head h{task / a.heads, task % a.heads};
    thread_local std::vector<float> weights, dropped, slopes;
    thread_local Packed keys, keys_back, values_back, queries, outward;
    weights.resize(block * a.keys + kWidth);
    slopes.resize(block * a.keys + kWidth);
    if (dropout.on()) dropped.resize(block * a.keys + kWidth);
    keys.Fill(k + h.KeyAt(a, a.features), a.features, a.keys, 1, a.heads * a.features, a.scale);
    keys_back.Fill(k + h.KeyAt(a, a.features), a.keys, a.features, a.heads * a.features, 1, a.scale);
    values_back.Fill(v + h.KeyAt(a, a.values), a.values, a.keys, 1, a.heads * a.values);
    for (int64_t t = 0; t < a.queries; t += block) {
      const int64_t rows = std::min(block, a.queries - t);
      const Store store = t ? Store::kAdd : Store::kSet;
      const float* q_rows = q + h.QueryAt(a, t, a.features);
      const float* dy_rows = dy + h.QueryAt(a, t, a.values);
      const float* y_rows = y + h.QueryAt(a, t, a.values);
      keys.Multiply(rows, {q_rows, a.heads * a.features, 1}, weights.data(), a.keys, Store::kSet);
      values_back.Multiply(rows, {dy_rows, a.heads * a.values, 1}, slopes.data(), a.keys, Store::kSet);
      for (int64_t m = 0; m < rows; ++m) {
        float* row = weights.data() + m * a.keys;
        float* slope = slopes.data() + m * a.keys;
        const uint8_t* mask = a.mask ? MaskRow(a, h, t + m) : nullptr;
        Weights(a, mask, row, logs + task * a.queries + t + m);
        Vector along = Vector{};
        for (int64_t n = 0; n < a.values; n += kWidth)
          along += Load(y_rows + m * a.heads * a.values + n, a.values - n) *
                   Load(dy_rows + m * a.heads * a.values + n, a.values - n);
        const float mean = Sum(along);
        if (dropout.on()) {
          const uint32_t index = static_cast<uint32_t>((task * a.queries + t + m) * a.keys);
          for (int64_t s = 0; s < a.keys; s += kWidth) {
            const Vector kept = dropout.At(index + static_cast<uint32_t>(s)), weight = Load(row + s, a.keys - s);
            Put(dropped.data() + m * a.keys + s, a.keys - s, weight * kept);
            Put(slope + s, a.keys - s, weight * (Load(slope + s, a.keys - s) * kept - mean));
          }
        } else {
          for (int64_t s = 0; s < a.keys; s += kWidth)
            Put(slope + s, a.keys - s, Load(row + s, a.keys - s) * (Load(slope + s, a.keys - s) - mean));
        }
        if (mask)  // where a query may look nowhere, masked weights are not 0
          for (int64_t s = 0; s < a.keys; ++s)
            if (!mask[s * a.mask_key]) slope[s] = 0.0f;
      }
      keys_back.Multiply(rows, {slopes.data(), a.keys, 1}, dq + h.QueryAt(a, t, a.features), a.heads * a.features,
                         Store::kSet);
      queries.Fill(q_rows, rows, a.features, a.heads * a.features, 1, a.scale);
      queries.Multiply(a.keys, {slopes.data(), 1, a.keys}, dk + h.KeyAt(a, a.features), a.heads * a.features, store);
      outward.Fill(dy_rows, rows, a.values, a.heads * a.values, 1);
      outward.Multiply(a.keys, {dropout.on() ? dropped.data() : weights.data(), 1, a.keys}, dv + h.KeyAt(a, a.values),
                       a.heads * a.values, store);
    }
  });
}

}  // namespace ranvier
