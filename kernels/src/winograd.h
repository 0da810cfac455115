// Minimal filtering of tiles, F(4x4, 3x3): 36 products for 16 outputs of a 3x3 window instead of 144.
//
// A. Lavin, S. Gray: "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, arXiv:1509.09308, equation (8):
// Y = A' [(G g G') * (B' d B)] A for a tile d of 6x6 inputs, a window g of 3x3 and 4x4 outputs Y, where * multiplies
// element by element and ' transposes. Summed over channels, each of the 36 elements is a matrix product over tiles.
//
// The map is made of polynomials through six points, by Toom and Cook. The paper's points 0, 1, -1, 2, -2 and infinity
// make float32 lose much; with p = sqrt(2) and q = 1 / p the points 0, p, -p, q, -q and infinity keep powers small, and
// pq = 1. Greatest errors against float64 relative to the greatest output, normal inputs and windows, where channels are
// summed in float32 one after the other:
//   channels   direct     p, q       the paper's points   F(2x2, 3x3)
//    32        6e-7       1.1e-6     4.5e-6               3e-7
//   128        1.3e-6     2.0e-6     8.4e-6               4e-7
//   512        2.3e-6     3.5e-6     1.2e-5               1.0e-6
// F(2x2, 3x3) needs 1.8 times as many products. The kernels sum in parts, and stay below that: for 512 channels the
// direct ones at 4e-7, these at 1.5e-6 (outputs), 1.1e-6 (gradient by inputs) and 8e-7 (gradient of the kernel).

#pragma once

#include "functions.h"

namespace ranvier::winograd {

constexpr int kTile = 4;              // outputs of a tile along an axis
constexpr int kReach = 6;             // inputs that they meet
constexpr int kFrequencies = 36;      // kReach * kReach
constexpr float kP = 1.41421356237f;  // the points
constexpr float kQ = 0.70710678119f;

// B' d: rows are the products of (x - point) over all points but one.
struct Inputs {
  static constexpr int kFrom = kReach, kTo = kReach;
  static void Apply(const Vector* d, Vector* v) {
    const Vector even_p = d[4] - 0.5f * d[2], odd_p = d[3] - 0.5f * d[1];
    const Vector even_q = d[4] - 2.0f * d[2], odd_q = d[3] - 2.0f * d[1];
    v[0] = d[4] - 2.5f * d[2] + d[0];
    v[1] = even_p + kP * odd_p;
    v[2] = even_p - kP * odd_p;
    v[3] = even_q + kQ * odd_q;
    v[4] = even_q - kQ * odd_q;
    v[5] = d[5] - 2.5f * d[3] + d[1];
  }
};

// B v, its transpose.
struct InputsBack {
  static constexpr int kFrom = kReach, kTo = kReach;
  static void Apply(const Vector* v, Vector* d) {
    const Vector sum_p = v[1] + v[2], gap_p = v[1] - v[2], sum_q = v[3] + v[4], gap_q = v[3] - v[4];
    d[0] = v[0];
    d[1] = v[5] - kQ * gap_p - kP * gap_q;
    d[2] = -2.5f * v[0] - 0.5f * sum_p - 2.0f * sum_q;
    d[3] = kP * gap_p + kQ * gap_q - 2.5f * v[5];
    d[4] = v[0] + sum_p + sum_q;
    d[5] = v[5];
  }
};

// G g: the window's polynomial at the points, over the product of the point's distances from the others.
struct Window {
  static constexpr int kFrom = 3, kTo = kReach;
  static void Apply(const Vector* g, Vector* u) {
    const Vector even_p = (1.0f / 6.0f) * g[0] + (1.0f / 3.0f) * g[2], odd_p = (kP / 6.0f) * g[1];
    const Vector even_q = (-2.0f / 3.0f) * g[0] - (1.0f / 3.0f) * g[2], odd_q = (-kP / 3.0f) * g[1];
    u[0] = g[0];
    u[1] = even_p + odd_p;
    u[2] = even_p - odd_p;
    u[3] = even_q + odd_q;
    u[4] = even_q - odd_q;
    u[5] = g[2];
  }
};

// G' u.
struct WindowBack {
  static constexpr int kFrom = kReach, kTo = 3;
  static void Apply(const Vector* u, Vector* g) {
    const Vector sum_p = u[1] + u[2], gap_p = u[1] - u[2], sum_q = u[3] + u[4], gap_q = u[3] - u[4];
    g[0] = u[0] + (1.0f / 6.0f) * sum_p - (2.0f / 3.0f) * sum_q;
    g[1] = (kP / 6.0f) * gap_p - (kP / 3.0f) * gap_q;
    g[2] = (1.0f / 3.0f) * (sum_p - sum_q) + u[5];
  }
};

// A' m: from the values at the points to the four outputs.
struct Outputs {
  static constexpr int kFrom = kReach, kTo = kTile;
  static void Apply(const Vector* m, Vector* y) {
    const Vector sum_p = m[1] + m[2], gap_p = m[1] - m[2], sum_q = m[3] + m[4], gap_q = m[3] - m[4];
    y[0] = m[0] + sum_p + sum_q;
    y[1] = kP * gap_p + kQ * gap_q;
    y[2] = 2.0f * sum_p + 0.5f * sum_q;
    y[3] = (2.0f * kP) * gap_p + (0.5f * kQ) * gap_q + m[5];
  }
};

// A y.
struct OutputsBack {
  static constexpr int kFrom = kTile, kTo = kReach;
  static void Apply(const Vector* y, Vector* m) {
    const Vector even_p = y[0] + 2.0f * y[2], odd_p = y[1] + 2.0f * y[3];
    const Vector even_q = y[0] + 0.5f * y[2], odd_q = y[1] + 0.5f * y[3];
    m[0] = y[0];
    m[1] = even_p + kP * odd_p;
    m[2] = even_p - kP * odd_p;
    m[3] = even_q + kQ * odd_q;
    m[4] = even_q - kQ * odd_q;
    m[5] = y[3];
  }
};

// The map along both axes: read(k) gives vector k = row * kFrom + column, write(k, v) takes k = row * kTo + column. The
// loops over lines stay loops: unrolled, the compiler keeps 36 addresses, and spills everything else.
template <typename Map, typename Read, typename Write>
inline void Change(const Read& read, const Write& write) {
  Vector half[Map::kTo][Map::kFrom];
#pragma GCC unroll 1
  for (int j = 0; j < Map::kFrom; ++j) {
    Vector in[Map::kFrom], out[Map::kTo];
    for (int i = 0; i < Map::kFrom; ++i) in[i] = read(i * Map::kFrom + j);
    Map::Apply(in, out);
    for (int i = 0; i < Map::kTo; ++i) half[i][j] = out[i];
  }
#pragma GCC unroll 1
  for (int i = 0; i < Map::kTo; ++i) {
    Vector out[Map::kTo];
    Map::Apply(half[i], out);
    for (int j = 0; j < Map::kTo; ++j) write(i * Map::kTo + j, out[j]);
  }
}

inline Vector At(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void Set(float* to, Vector v) { *reinterpret_cast<Vector*>(to) = v; }

template <typename Map>
[[gnu::noinline]] void GatherFew(const float* const* places, int64_t n, int64_t count, float* to, int64_t apart) {
  Change<Map>([&](int k) { return Load(places[k] + n, count); },
              [&](int k, Vector v) { Put(to + k * apart, std::min<int64_t>(count, kWidth), v); });
}

// The elements of a tile at the frequencies, `apart` floats from each other: `count` channels, at most a vector of them.
template <typename Map>
inline void Gather(const float* const* places, int64_t n, int64_t count, float* to, int64_t apart) {
  if (count < kWidth) return GatherFew<Map>(places, n, count, to, apart);
  Change<Map>([&](int k) { return At(places[k] + n); }, [&](int k, Vector v) { Set(to + k * apart, v); });
}

template <typename Map, Store STORE>
[[gnu::noinline]] void SpreadFew(const float* from, int64_t apart, float* const* places, int64_t n, int64_t count) {
  Change<Map>([&](int k) { return At(from + k * apart); },
              [&](int k, Vector v) {
                float* to = places[k] + n;
                Put(to, count, STORE == Store::kAdd ? v + Load(to, count) : v);
              });
}

// And back: the elements of a tile set, or added to what is there.
template <typename Map, Store STORE>
inline void Spread(const float* from, int64_t apart, float* const* places, int64_t n, int64_t count) {
  if (count < kWidth) return SpreadFew<Map, STORE>(from, apart, places, n, count);
  Change<Map>([&](int k) { return At(from + k * apart); },
              [&](int k, Vector v) {
                float* to = places[k] + n;
                Set(to, STORE == Store::kAdd ? v + At(to) : v);
              });
}

}  // namespace ranvier::winograd
