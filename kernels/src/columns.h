// What is done to one block of columns, (batch, kColumns), forwards and backwards.

#pragma once

#include "dense.h"
#include "functions.h"

namespace ranvier {

// What an operation keeps of one block for its gradient.
struct Kept {
  const float* in;
  float* out;
  float* mask;   // drop: 1 where kept, (batch, kColumns)
  float* mean;   // normalise: (kColumns)
  float* spread;  // normalise: 1 / √(variance + ε), (kColumns)
};

// Where a block lies in its layer.
struct Place {
  int64_t batch;
  int64_t first;  // column
  int64_t width;  // columns of the whole layer
  int64_t columns() const { return std::min<int64_t>(kColumns, width - first); }
};

// Vector `v` of the columns of a parameter, zeros beyond the last.
inline Vector Columns(const float* values, const Place& p, int v) {
  const int64_t count = p.columns() - v * kWidth;
  return count <= 0 ? Vector{} : Load(values + p.first + v * kWidth, count);
}

inline void PutColumns(float* values, const Place& p, int v, Vector x) {
  const int64_t count = p.columns() - v * kWidth;
  if (count > 0) Put(values + p.first + v * kWidth, count, x);
}

template <typename F>
inline void Each(const Place& p, const float* in, float* out, const F& f) {
  for (int64_t i = 0; i < p.batch * kVectors; ++i) At(out, i) = f(At(in, i));
}

// d ← d · f(kept).
template <typename F>
inline void EachSlope(const Place& p, const float* kept, float* d, const F& f) {
  for (int64_t i = 0; i < p.batch * kVectors; ++i) At(d, i) *= f(At(kept, i));
}

inline void Normalize(const Training& t, const ColumnOp& op, const Place& p, const Kept& kept) {
  for (int v = 0; v < kVectors; ++v) {
    Vector mean = {}, variance = {};
    for (int64_t m = 0; m < p.batch; ++m) mean += At(kept.in, m * kVectors + v);
    mean /= static_cast<float>(p.batch);
    for (int64_t m = 0; m < p.batch; ++m) {
      const Vector far = At(kept.in, m * kVectors + v) - mean;
      variance += far * far;
    }
    variance /= static_cast<float>(p.batch);
    Vector spread;
    for (int n = 0; n < kWidth; ++n) spread[n] = 1.0f / __builtin_sqrtf(variance[n] + op.a);
    At(kept.mean, v) = mean;
    At(kept.spread, v) = spread;
    const Vector factor = op.gamma < 0 ? spread : spread * Columns(t.parameters[op.gamma].value, p, v);
    const Vector shift = op.beta < 0 ? Vector{} : Columns(t.parameters[op.beta].value, p, v);
    for (int64_t m = 0; m < p.batch; ++m)
      At(kept.out, m * kVectors + v) = (At(kept.in, m * kVectors + v) - mean) * factor + shift;
    float* const moving[] = {t.moving[op.place], t.moving[op.place + 1]};
    PutColumns(moving[0], p, v, Columns(moving[0], p, v) * op.b + mean * op.c);
    PutColumns(moving[1], p, v, Columns(moving[1], p, v) * op.b + variance * op.c);
  }
}

// d becomes the gradient by the inputs; the gradients of γ and β go to `dgamma` and `dbeta`, (kColumns) each.
inline void NormalizeSlope(const Training& t, const ColumnOp& op, const Place& p, const Kept& kept, float* d,
                           float* dgamma, float* dbeta) {
  for (int v = 0; v < kVectors; ++v) {
    const Vector mean = At(kept.mean, v), spread = At(kept.spread, v);
    Vector sum = {}, along = {};
    for (int64_t m = 0; m < p.batch; ++m) {
      const Vector slope = At(d, m * kVectors + v);
      sum += slope;
      along += slope * ((At(kept.in, m * kVectors + v) - mean) * spread);
    }
    At(dbeta, v) = sum;
    At(dgamma, v) = along;
    const Vector factor = op.gamma < 0 ? spread : spread * Columns(t.parameters[op.gamma].value, p, v);
    const Vector level = sum / static_cast<float>(p.batch), tilt = along / static_cast<float>(p.batch) * spread;
    for (int64_t m = 0; m < p.batch; ++m) {
      Vector& slope = At(d, m * kVectors + v);
      slope = factor * (slope - level - (At(kept.in, m * kVectors + v) - mean) * tilt);
    }
  }
}

// Drops what the generator says for the numbers' places in (batch, width).
inline void Drop(const Training& t, const ColumnOp& op, const Place& p, const Kept& kept, int64_t step) {
  const uint32_t* seed = t.seeds + 2 * op.place;
  const Counter counter(seed[0], seed[1] + static_cast<uint32_t>(step));
  for (int64_t m = 0; m < p.batch; ++m) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t i = m * kVectors + v;
      const Words bits = counter.At(static_cast<uint32_t>(m * p.width + p.first + v * kWidth));
      const Vector x = At(kept.in, i) / op.a;
      const auto keep = bits < (Words{} + op.threshold);
      At(kept.out, i) = keep ? x : Vector{};
      At(kept.mask, i) = keep ? Vector{} + 1.0f : Vector{};
    }
  }
}

// A function of each number; false for operations that are none. `out` may be `in`.
inline bool Function(const ColumnOp& op, const Place& p, const float* in, float* out) {
  const float a = op.a, b = op.b;
  switch (op.kind) {
    case Kind::kRelu: Each(p, in, out, [](Vector x) { return x > 0.0f ? x : (x != x ? x : Vector{}); }); break;
    case Kind::kLeaky: Each(p, in, out, [a](Vector x) { return x >= 0.0f ? x : a * x; }); break;
    case Kind::kElu: Each(p, in, out, [a, b](Vector x) { return b * (x > 0.0f ? x : a * (Exp(x) - 1.0f)); }); break;
    case Kind::kSigmoid: Each(p, in, out, [](Vector x) { return Logistic(x); }); break;
    case Kind::kTanh: Each(p, in, out, [](Vector x) { return Tanh(x); }); break;
    case Kind::kSilu: Each(p, in, out, [](Vector x) { return x * Logistic(x); }); break;
    case Kind::kNormalize:
    case Kind::kDrop:
    case Kind::kKinds: return false;
  }
  return true;
}

inline void Forward(const Training& t, const ColumnOp& op, const Place& p, const Kept& kept, int64_t step) {
  if (Function(op, p, kept.in, kept.out)) return;
  if (op.kind == Kind::kNormalize) Normalize(t, op, p, kept);
  if (op.kind == Kind::kDrop) Drop(t, op, p, kept, step);
}

// d becomes the gradient by the operation's inputs (of functions and drops; normalisation has more to tell).
inline void Backward(const ColumnOp& op, const Place& p, const Kept& kept, float* d) {
  const float a = op.a, b = op.b;
  const Vector one = Vector{} + 1.0f;
  switch (op.kind) {
    case Kind::kRelu: return EachSlope(p, kept.in, d, [one](Vector x) { return x > 0.0f ? one : Vector{}; });
    case Kind::kLeaky: return EachSlope(p, kept.in, d, [a, one](Vector x) { return x >= 0.0f ? one : one * a; });
    case Kind::kElu:
      return EachSlope(p, kept.in, d, [a, b, one](Vector x) { return b * (x > 0.0f ? one : a * Exp(x)); });
    case Kind::kSigmoid: return EachSlope(p, kept.out, d, [](Vector y) { return y * (1.0f - y); });
    case Kind::kTanh: return EachSlope(p, kept.out, d, [](Vector y) { return 1.0f - y * y; });
    case Kind::kSilu:
      return EachSlope(p, kept.in, d, [](Vector x) {
        const Vector s = Logistic(x);
        return s * (1.0f + x * (1.0f - s));
      });
    case Kind::kDrop: return EachSlope(p, kept.mask, d, [a](Vector mask) { return mask / a; });
    case Kind::kNormalize:
    case Kind::kKinds: return;
  }
}

}  // namespace ranvier
