// Functions of vectors.

#pragma once

#include "tile.h"

namespace ranvier {

inline Vector Load(const float* from, int64_t count) {
  if (count >= kWidth) return *reinterpret_cast<const Vector*>(from);
  Vector v = Vector{};
  for (int64_t n = 0; n < count; ++n) v[n] = from[n];
  return v;
}

inline void Put(float* to, int64_t count, Vector v) {
  if (count >= kWidth) {
    *reinterpret_cast<Vector*>(to) = v;
    return;
  }
  for (int64_t n = 0; n < count; ++n) to[n] = v[n];
}

// tanh as a ratio of polynomials, the one that XLA and Eigen use: within a few units in the last place everywhere.
inline Vector Tanh(Vector x) {
  const Vector bound = Vector{} + 7.90531110763549805f;
  x = x > bound ? bound : x;
  x = x < -bound ? -bound : x;
  const Vector s = x * x;
  Vector p = s * -2.76076847742355e-16f + 2.00018790482477e-13f;
  p = s * p + -8.60467152213735e-11f;
  p = s * p + 5.12229709037114e-08f;
  p = s * p + 1.48572235717979e-05f;
  p = s * p + 6.37261928875436e-04f;
  p = s * p + 4.89352455891786e-03f;
  Vector q = s * 1.19825839466702e-06f + 1.18534705686654e-04f;
  q = s * q + 2.26843463243900e-03f;
  q = s * q + 4.89352518554385e-03f;
  return x * p / q;
}

inline Vector Sigmoid(Vector x) { return 0.5f + 0.5f * Tanh(0.5f * x); }

typedef uint32_t Words __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));

// exp by powers of two and a polynomial (Cephes's): within two units in the last place; zero far below, never infinite.
inline Vector Exp(Vector x) {
  const Vector bound = Vector{} + 88.3762626647949f;
  const Vector low = Vector{} - 87.3365447504f;
  const Vector far = x;
  x = x > bound ? bound : x;
  x = x < low ? low : x;
  const Vector magic = Vector{} + 12582912.0f;  // 1.5 * 2^23: adding it rounds to whole numbers
  const Vector shifted = x * 1.44269504088896341f + magic;
  const Vector whole = shifted - magic;
  const Vector r = (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
  Vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = r * p + 8.3334519073e-3f;
  p = r * p + 4.1665795894e-2f;
  p = r * p + 1.6666665459e-1f;
  p = r * p + 5.0000001201e-1f;
  p = r * r * p + r + 1.0f;
  const Integers bits = reinterpret_cast<Integers>(p) + ((reinterpret_cast<Integers>(shifted) - 0x4B400000) << 23);
  return far < low ? Vector{} : reinterpret_cast<Vector>(bits);
}

// The sigmoid, for probabilities: small ones are right in all their digits, which those of `Sigmoid` are not.
inline Vector Logistic(Vector x) { return 1.0f / (1.0f + Exp(-x)); }

// Each half of each 2 S lanes in the other's place.
template <int S, int... N>
inline Vector HalvesSwapped(Vector v, std::integer_sequence<int, N...>) {
  return Shuffled<(N ^ S)...>(v, v);
}

// f over all numbers of a vector, by halves.
template <int S = kWidth / 2, typename F>
inline float Across(Vector v, const F& f) {
  if constexpr (S == 0) {
    return v[0];
  } else {
    return Across<S / 2>(f(v, HalvesSwapped<S>(v, Lanes())), f);
  }
}

inline float Sum(Vector v) {
  return Across(v, [](Vector a, Vector b) { return a + b; });
}

inline float Largest(Vector v) {
  return Across(v, [](Vector a, Vector b) { return a > b ? a : b; });
}

// The counter generator of ranvier/core/random.py: a word for each index, from two words of a seed.
class Counter {
 public:
  Counter(uint32_t seed, uint32_t state) : first_(Mix(seed + 0x9E3779B9u)), second_(Mix(state ^ first_)) {
    for (int n = 0; n < kWidth; ++n) lanes_[n] = static_cast<uint32_t>(n);
  }

  // The words of the indices from `index` on.
  Words At(uint32_t index) const { return Mix(Mix((lanes_ + index) ^ second_) + first_); }

 private:
  template <typename W>
  static W Mix(W x) {
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
  }

  uint32_t first_, second_;
  Words lanes_;
};

}  // namespace ranvier
