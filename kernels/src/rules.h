// How optimizers change weights for their gradients.

#pragma once

#include <cmath>

#include "dense.h"

namespace ranvier {

// Changes the `count` numbers of a parameter from `first` on for their gradients g; `rates` are the step's.
inline void Apply(const Training& t, const Parameter& p, int64_t first, int64_t count, const float* __restrict g,
                  const float* rates) {
  const float rate = rates[0], a = t.numbers[0], b = t.numbers[1], epsilon = t.numbers[2];
  float* __restrict w = p.value + first;
  if (rates[1] != 0.0f)
    for (int64_t i = 0; i < count; ++i) w[i] -= w[i] * rates[1];
  switch (t.rule) {
    case Rule::kDescent:
      for (int64_t i = 0; i < count; ++i) w[i] -= g[i] * rate;
      return;
    case Rule::kMomentum:
    case Rule::kNesterov: {
      float* __restrict m = p.slots[0] + first;
      const bool ahead = t.rule == Rule::kNesterov;
      for (int64_t i = 0; i < count; ++i) {
        const float next = m[i] * a - g[i] * rate;
        m[i] = next;
        w[i] += ahead ? next * a - g[i] * rate : next;
      }
      return;
    }
    case Rule::kAdam: {
      float* __restrict m = p.slots[0] + first;
      float* __restrict v = p.slots[1] + first;
      for (int64_t i = 0; i < count; ++i) {
        const float mean = m[i] + (g[i] - m[i]) * a, square = v[i] + (g[i] * g[i] - v[i]) * b;
        m[i] = mean;
        v[i] = square;
        w[i] -= mean * rate / (std::sqrt(square) + epsilon);
      }
      return;
    }
    case Rule::kRootMeanSquare: {
      float* __restrict v = p.slots[0] + first;
      for (int64_t i = 0; i < count; ++i) {
        const float square = a * v[i] + b * (g[i] * g[i]);
        v[i] = square;
        w[i] -= rate * g[i] / std::sqrt(square + epsilon);
      }
      return;
    }
    case Rule::kRules: return;
  }
}

}  // namespace ranvier
