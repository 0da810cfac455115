// Normalisation by the statistics of the batch: a mean and a variance for each column, and the gradient.

#include <cmath>
#include <vector>

#include "functions.h"
#include "kernels.h"

namespace ranvier {

namespace {

constexpr int64_t kGroup = 4;        // vectors of columns whose sums stay in registers
constexpr int64_t kBlock = 1 << 11;  // numbers of a block of rows that stays in the first cache

int64_t PartsOf(const Pool& pool, int64_t rows, int64_t columns) {
  return std::max<int64_t>(1, std::min(std::min(pool.threads, rows), rows * columns / 16384));
}

int64_t Padded(int64_t columns) { return (columns + kWidth - 1) / kWidth * kWidth; }

// Sums over rows: f(row, n, count, sums) for the vectors of each row, and then done(n, count, sums) with the SUMS sums of
// each vector of columns.
template <int SUMS, typename F, typename D>
inline void Columns(int64_t from, int64_t to, int64_t columns, F f, D done) {
  int64_t n = 0;
  for (; n + kGroup * kWidth <= columns; n += kGroup * kWidth) {
    Vector sums[kGroup][SUMS] = {};
    for (int64_t m = from; m < to; ++m)
      for (int64_t v = 0; v < kGroup; ++v) f(m, n + v * kWidth, kWidth, sums[v]);
    for (int64_t v = 0; v < kGroup; ++v) done(n + v * kWidth, kWidth, sums[v]);
  }
  for (; n < columns; n += kWidth) {
    Vector sums[SUMS] = {};
    for (int64_t m = from; m < to; ++m) f(m, n, columns - n, sums);
    done(n, columns - n, sums);
  }
}

// What a gradient of some vectors of columns reads.
struct Column {
  Vector mean, factor, offset;  // z = factor x + offset is what the activation saw
  Vector slope, level;          // dx = factor dz + slope (x - mean) + level
};

enum class Activation { kNone, kRelu, kLeaky };

// The slope of z.
template <Activation A>
inline Vector Before(const Column& c, Vector x, Vector slope, float leak) {
  if constexpr (A == Activation::kNone) return slope;
  const Vector z = x * c.factor + c.offset;
  if constexpr (A == Activation::kRelu) return z > Vector{} ? slope : Vector{};
  return z >= Vector{} ? slope : slope * leak;
}

// Adds the sums of dz and of dz (x - mean) over rows.
template <Activation A>
void AddSums(int64_t rows, int64_t row, int64_t count, const Column c, float leak, const float* x, const float* dy,
             float* first, float* second) {
  Vector sums = Load(first, kWidth), products = Load(second, kWidth);
  for (int64_t m = 0; m < rows; ++m) {
    const Vector here = Load(x + m * row, count), slope = Before<A>(c, here, Load(dy + m * row, count), leak);
    sums += slope;
    products += slope * (here - c.mean);
  }
  Put(first, kWidth, sums);
  Put(second, kWidth, products);
}

template <Activation A>
void PutSlopes(int64_t rows, int64_t row, int64_t count, const Column c, float leak, const float* x, const float* dy,
               float* dx) {
  for (int64_t m = 0; m < rows; ++m) {
    const Vector here = Load(x + m * row, count), slope = Before<A>(c, here, Load(dy + m * row, count), leak);
    Put(dx + m * row, count, slope * c.factor + ((here - c.mean) * c.slope + c.level));
  }
}

template <Activation A>
void Gradient(const Pool& pool, const Batch& b, const float* x, const float* scale, const float* shift,
              const float* mean, const float* variance, const float* dy, float* dx, float* dscale, float* dshift) {
  const int64_t rows = b.rows, columns = b.columns, parts = PartsOf(pool, rows, columns), padded = Padded(columns);
  const int64_t height = std::max<int64_t>(1, kBlock / columns);
  const float leak = b.slope;
  std::vector<Column> made(padded / kWidth);
  std::vector<float> sums(2 * parts * padded);
  for (int64_t n = 0; n < columns; ++n) {
    Column& c = made[n / kWidth];
    const int64_t at = n % kWidth;
    c.mean[at] = mean[n];
    c.factor[at] = scale[n] / std::sqrt(variance[n] + b.epsilon);
    c.offset[at] = shift[n] - mean[n] * c.factor[at];
  }
  // Calls f(first row, rows, n, count, column) for the blocks of a part.
  const auto blocks = [&](int64_t part, const auto& f) {
    const int64_t end = rows * (part + 1) / parts;
    for (int64_t from = rows * part / parts; from < end; from += height) {
      int64_t n = 0;
      for (; n + kWidth <= columns; n += kWidth) f(from, std::min(height, end - from), n, kWidth, made[n / kWidth]);
      if (n < columns) f(from, std::min(height, end - from), n, columns - n, made[n / kWidth]);
    }
  };
  Parallel(pool, parts, [&](int64_t part) {
    float *first = sums.data() + 2 * part * padded, *second = first + padded;
    blocks(part, [&](int64_t from, int64_t height, int64_t n, int64_t count, const Column& c) {
      AddSums<A>(height, columns, count, c, leak, x + from * columns + n, dy + from * columns + n, first + n, second + n);
    });
  });
  const float share = 1.0f / static_cast<float>(rows);
  for (int64_t n = 0; n < columns; ++n) {
    float first = 0.0f, second = 0.0f;
    for (int64_t part = 0; part < parts; ++part) {
      first += sums[2 * part * padded + n];
      second += sums[(2 * part + 1) * padded + n];
    }
    Column& c = made[n / kWidth];
    const int64_t at = n % kWidth;
    const float inverse = 1.0f / std::sqrt(variance[n] + b.epsilon);
    dshift[n] = first;
    dscale[n] = second * inverse;
    c.slope[at] = -c.factor[at] * inverse * inverse * share * second;
    c.level[at] = -c.factor[at] * share * first;
  }
  Parallel(pool, parts, [&](int64_t part) {
    blocks(part, [&](int64_t from, int64_t height, int64_t n, int64_t count, const Column& c) {
      PutSlopes<A>(height, columns, count, c, leak, x + from * columns + n, dy + from * columns + n,
                   dx + from * columns + n);
    });
  });
}

}  // namespace

// Mean and squared distances of blocks of rows, put together by Chan, Golub & LeVeque (1979): one pass over memory, and as
// exact as two.
void BatchMoments(const Pool& pool, int64_t rows, int64_t columns, const float* x, float* mean, float* variance) {
  const int64_t parts = PartsOf(pool, rows, columns), padded = Padded(columns);
  const int64_t height = std::max<int64_t>(1, kBlock / columns);
  std::vector<float> kept(2 * parts * padded);
  const auto merge = [](float* means, float* squares, Vector other_mean, Vector other_squares, float count, float other) {
    const Vector old = Load(means, kWidth), delta = other_mean - old;
    const float share = other / (count + other);
    Put(means, kWidth, old + delta * share);
    Put(squares, kWidth, Load(squares, kWidth) + other_squares + delta * delta * (count * share));
  };
  Parallel(pool, parts, [&](int64_t part) {
    const int64_t begin = rows * part / parts, end = rows * (part + 1) / parts;
    float *means = kept.data() + 2 * part * padded, *squares = means + padded;
    std::vector<float> of_block(padded);
    for (int64_t from = begin; from < end; from += height) {
      const int64_t to = std::min(end, from + height);
      const float share = 1.0f / static_cast<float>(to - from);
      Columns<1>(
          from, to, columns,
          [&](int64_t m, int64_t n, int64_t count, Vector* sums) { sums[0] += Load(x + m * columns + n, count); },
          [&](int64_t n, int64_t count, Vector* sums) { Put(of_block.data() + n, kWidth, sums[0] * share); });
      Columns<1>(
          from, to, columns,
          [&](int64_t m, int64_t n, int64_t count, Vector* sums) {
            const Vector d = Load(x + m * columns + n, count) - Load(of_block.data() + n, kWidth);
            sums[0] += d * d;
          },
          [&](int64_t n, int64_t count, Vector* sums) {
            merge(means + n, squares + n, Load(of_block.data() + n, kWidth), sums[0], from - begin, to - from);
          });
    }
  });
  float *means = kept.data(), *squares = means + padded;
  for (int64_t part = 1; part < parts; ++part) {
    const int64_t before = rows * part / parts, more = rows * (part + 1) / parts - before;
    const float* others = kept.data() + 2 * part * padded;
    for (int64_t n = 0; n < columns; n += kWidth)
      merge(means + n, squares + n, Load(others + n, kWidth), Load(others + padded + n, kWidth), before, more);
  }
  for (int64_t n = 0; n < columns; ++n) {
    mean[n] = means[n];
    variance[n] = squares[n] / static_cast<float>(rows);
  }
}

void NormalizeBatchGradient(const Pool& pool, const Batch& b, const float* x, const float* scale, const float* shift,
                            const float* mean, const float* variance, const float* dy, float* dx, float* dscale,
                            float* dshift) {
  const auto way = b.slope == 1.0f   ? Gradient<Activation::kNone>
                   : b.slope == 0.0f ? Gradient<Activation::kRelu>
                                     : Gradient<Activation::kLeaky>;
  way(pool, b, x, scale, shift, mean, variance, dy, dx, dscale, dshift);
}

}  // namespace ranvier
