// What a network's outputs cost: the gradient of the mean over the batch, row by row.

#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "dense.h"
#include "functions.h"

namespace ranvier {

constexpr float kLeast = 1e-7f;  // probabilities are kept this far from 0 and 1

// The slope of holding p there, at the bounds themselves half, as JAX has it.
inline float Inside(float p) {
  constexpr float kMost = 1.0f - kLeast;
  return p > kLeast && p < kMost ? 1.0f : (p == kLeast || p == kMost ? 0.5f : 0.0f);
}

// p ← softmax(p), of `padded` numbers, those from `width` on ignored.
inline void Softmax(float* p, int64_t width, int64_t padded) {
  float most = -std::numeric_limits<float>::infinity(), sum = 0.0f;
  for (int64_t n = 0; n < width; ++n) most = p[n] > most || p[n] != p[n] ? p[n] : most;
  for (int64_t i = 0; i < padded; i += kWidth) {
    Vector* at = reinterpret_cast<Vector*>(p + i);
    *at = Exp(*at - most);
  }
  for (int64_t n = 0; n < width; ++n) sum += p[n];
  if (most != most) sum = most;  // NaN stays NaN
  for (int64_t n = 0; n < width; ++n) p[n] /= sum;
}

// One row: `y` holds the last layer's columns and becomes the outputs, `d` becomes their gradient; t holds the targets.
inline void Slope(const Training& training, int64_t width, int64_t padded, const float* t, float* y, float* d) {
  const float part = 1.0f / static_cast<float>(training.batch), each = part / static_cast<float>(width);
  if (training.softmax) Softmax(y, width, padded);
  switch (training.aim) {
    case Aim::kProbabilities: {  // -Σ t log(q), q = y / Σ y within bounds
      float sum = 0.0f, along = 0.0f;
      for (int64_t n = 0; n < width; ++n) sum += y[n];
      for (int64_t n = 0; n < width; ++n) {
        const float q = y[n] / sum;
        const float inside = Inside(q);
        d[n] = inside > 0.0f ? -t[n] * part / q * inside : (q != q ? q : 0.0f);
        along += d[n] * q;
      }
      for (int64_t n = 0; n < width; ++n) d[n] = (d[n] - along) / sum;
      break;
    }
    case Aim::kLogits: {
      float sum = 0.0f;
      for (int64_t n = 0; n < width; ++n) {
        d[n] = y[n];
        sum += t[n];
      }
      Softmax(d, width, padded);
      for (int64_t n = 0; n < width; ++n) d[n] = (d[n] * sum - t[n]) * part;
      break;
    }
    case Aim::kBinary:
      for (int64_t n = 0; n < width; ++n) {
        const float inside = Inside(y[n]), slope = (-t[n] / y[n] + (1.0f - t[n]) / (1.0f - y[n])) * each;
        d[n] = inside > 0.0f ? slope * inside : (y[n] != y[n] ? y[n] : 0.0f);
      }
      break;
    case Aim::kBinaryLogits:
      for (int64_t i = 0; i < padded; i += kWidth)
        *reinterpret_cast<Vector*>(d + i) = Logistic(*reinterpret_cast<const Vector*>(y + i));
      for (int64_t n = 0; n < width; ++n) d[n] = (d[n] - t[n]) * each;
      break;
    case Aim::kSquares:
      for (int64_t n = 0; n < width; ++n) d[n] = 2.0f * (y[n] - t[n]) * each;
      break;
    case Aim::kDistances:
      for (int64_t n = 0; n < width; ++n) d[n] = y[n] > t[n] ? each : (y[n] < t[n] ? -each : (y[n] - t[n]) * each);
      break;
    case Aim::kAims: break;
  }
  if (training.softmax) {
    float along = 0.0f;
    for (int64_t n = 0; n < width; ++n) along += d[n] * y[n];
    for (int64_t n = 0; n < width; ++n) d[n] = y[n] * (d[n] - along);
  }
  for (int64_t n = width; n < padded; ++n) d[n] = 0.0f;
}

}  // namespace ranvier
