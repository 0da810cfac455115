// The largest of what windows meet, vectors along the channels, with the bias and the ReLU that came before.

#include <algorithm>
#include <type_traits>
#include <vector>

#include "functions.h"
#include "kernels.h"

namespace ranvier {

namespace {

// Places are kept as bytes, and compared as wide as the numbers.
void Widen(const uint8_t* __restrict from, int64_t count, int32_t* __restrict to) {
  for (int64_t n = 0; n < count; ++n) to[n] = from[n];
}

void Narrow(const int32_t* __restrict from, int64_t count, uint8_t* __restrict to) {
  for (int64_t n = 0; n < count; ++n) to[n] = static_cast<uint8_t>(from[n]);
}

// Calls f(n, count) for the vectors of a row; `count` is a constant for all but the last.
template <typename F>
inline void ForVectors(int64_t columns, F f) {
  int64_t n = 0;
  for (; n + kWidth <= columns; n += kWidth) f(n, std::integral_constant<int64_t, kWidth>());
  if (n < columns) f(n, columns - n);
}

// The part of a window that lies in the image: places [first, last) of one axis, from `start` on (which may be negative).
struct Part {
  Part(int64_t start, int64_t size, int64_t window)
      : first(std::max<int64_t>(0, -start)), last(std::min(window, size - start)) {}
  int64_t first, last;
};

// Calls f(i, j, place) for the places of a window; for whole windows of H x W the loops are unrolled.
template <int H, int W, typename F>
inline void ForPlaces(const Part& rows, const Part& columns, int64_t window_w, F f) {
  if constexpr (H > 0) {
#pragma GCC unroll 4
    for (int i = 0; i < H; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < W; ++j) f(i, j, i * W + j);
  } else {
    for (int64_t i = rows.first; i < rows.last; ++i)
      for (int64_t j = columns.first; j < columns.last; ++j) f(i, j, static_cast<int32_t>(i * window_w + j));
  }
}

// The largest elements of one window, and their places; `window` is where it begins, perhaps outside of the image.
template <int H, int W>
void LargestOf(const Pooling& p, const Part& rows, const Part& columns, const float* window, const float* bias, float* y,
               int32_t* places) {
  const int64_t c = p.channels, below = p.width * c;
  ForVectors(c, [&](int64_t n, auto count) {
    const Vector shift = bias ? Load(bias + n, count) : Vector{};
    const int64_t first = H ? 0 : rows.first, left = H ? 0 : columns.first;
    Vector best = Load(window + first * below + left * c + n, count) + shift;
    Integers place = Integers{} + static_cast<int32_t>(first * p.window_w + left);
    ForPlaces<H, W>(rows, columns, p.window_w, [&](int64_t i, int64_t j, int32_t here) {
      const Vector value = Load(window + i * below + j * c + n, count) + shift;
      const Integers larger = (value > best) | (value != value);  // NaN stays; the first of equals
      best = larger ? value : best;
      place = larger ? Integers{} + here : place;
    });
    Integers counts = best == best;
    if (p.rectified) {
      const Integers positive = best > Vector{};
      best = positive | ~counts ? best : Vector{};
      counts = positive;
    }
    Put(y + n, count, best);
    *reinterpret_cast<Integers*>(places + n) = counts ? place : Integers{} + kNowhere;
  });
}

// Puts the slopes of one window where its largest elements were; `sum` adds up those that are anywhere.
template <int H, int W>
void SpreadTo(const Pooling& p, const Part& rows, const Part& columns, bool apart, const float* dy,
              const int32_t* places, float* window, float* sum) {
  const int64_t c = p.channels, below = p.width * c;
  ForVectors(c, [&](int64_t n, auto count) {
    const Vector slope = Load(dy + n, count);
    const Integers place = *reinterpret_cast<const Integers*>(places + n);
    if (sum) Put(sum + n, kWidth, Load(sum + n, kWidth) + (place == kNowhere ? Vector{} : slope));
    ForPlaces<H, W>(rows, columns, p.window_w, [&](int64_t i, int64_t j, int32_t here) {
      float* to = window + i * below + j * c + n;
      const Vector given = place == here ? slope : Vector{};
      Put(to, count, apart ? given : Load(to, count) + given);
    });
  });
}

// Whether a window is a square of this size, all of it in the image.
bool Whole(const Pooling& p, const Part& rows, const Part& columns, int64_t size) {
  return p.window_h == size && p.window_w == size && rows.first == 0 && columns.first == 0 && rows.last == size &&
         columns.last == size;
}

int64_t TasksOf(const Pool& pool, const Pooling& p) {
  return std::max<int64_t>(1, std::min<int64_t>(p.batch, 4 * pool.threads));
}

}  // namespace

void PoolLargest(const Pool& pool, const Pooling& p, const float* x, const float* bias, float* y, uint8_t* places) {
  const int64_t tasks = TasksOf(pool, p), c = p.channels;
  Parallel(pool, tasks, [&](int64_t task) {
    std::vector<int32_t> found(c + kWidth);
    for (int64_t row = p.batch * task / tasks * p.out_h; row < p.batch * (task + 1) / tasks * p.out_h; ++row) {
      const int64_t top = row % p.out_h * p.stride_h - p.before_h;
      const Part rows(top, p.height, p.window_h);
      const float* image = x + (row / p.out_h * p.height + top) * p.width * c;
      for (int64_t o = 0; o < p.out_w; ++o) {
        const int64_t left = o * p.stride_w - p.before_w, to = (row * p.out_w + o) * c;
        const Part columns(left, p.width, p.window_w);
        const auto way = Whole(p, rows, columns, 2)   ? LargestOf<2, 2>
                         : Whole(p, rows, columns, 3) ? LargestOf<3, 3>
                                                      : LargestOf<0, 0>;
        way(p, rows, columns, image + left * c, bias, y + to, found.data());
        Narrow(found.data(), c, places + to);
      }
    }
  });
}

void PoolLargestGradient(const Pool& pool, const Pooling& p, const float* dy, const uint8_t* places, float* dx,
                         float* dbias) {
  const int64_t tasks = TasksOf(pool, p), c = p.channels, image = p.height * p.width * c;
  const int64_t padded = (c + kWidth - 1) / kWidth * kWidth;
  const bool apart = p.stride_h >= p.window_h && p.stride_w >= p.window_w;  // each element is met once at most
  const bool covered = apart && p.stride_h == p.window_h && p.stride_w == p.window_w && p.before_h == 0 &&
                       p.before_w == 0 && p.out_h * p.stride_h >= p.height && p.out_w * p.stride_w >= p.width;
  std::vector<float> sums(dbias ? tasks * padded : 0);
  Parallel(pool, tasks, [&](int64_t task) {
    std::vector<int32_t> wide(c + kWidth);
    float* sum = dbias ? sums.data() + task * padded : nullptr;
    for (int64_t row = p.batch * task / tasks * p.out_h; row < p.batch * (task + 1) / tasks * p.out_h; ++row) {
      const int64_t batch = row / p.out_h, top = row % p.out_h * p.stride_h - p.before_h;
      if (!covered && row % p.out_h == 0) std::fill(dx + batch * image, dx + (batch + 1) * image, 0.0f);
      const Part rows(top, p.height, p.window_h);
      float* start = dx + (batch * p.height + top) * p.width * c;
      for (int64_t o = 0; o < p.out_w; ++o) {
        const int64_t left = o * p.stride_w - p.before_w;
        const Part columns(left, p.width, p.window_w);
        const int64_t from = (row * p.out_w + o) * c;
        const auto way = Whole(p, rows, columns, 2) ? SpreadTo<2, 2> : Whole(p, rows, columns, 3) ? SpreadTo<3, 3> : SpreadTo<0, 0>;
        Widen(places + from, c, wide.data());
        way(p, rows, columns, apart, dy + from, wide.data(), start + left * c, sum);
      }
    }
  });
  if (!dbias) return;
  for (int64_t n = 0; n < c; ++n) {
    dbias[n] = 0.0f;
    for (int64_t task = 0; task < tasks; ++task) dbias[n] += sums[task * padded + n];
  }
}

}  // namespace ranvier
