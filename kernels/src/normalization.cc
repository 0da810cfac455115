// Normalisation of rows: mean 0 and variance 1, then scale and shift.

#include <cmath>
#include <vector>

#include "functions.h"
#include "kernels.h"

namespace ranvier {

namespace {

int64_t PartsOf(const Pool& pool, int64_t rows, int64_t columns) {
  return std::max<int64_t>(1, std::min(std::min(pool.threads, rows), rows * columns / 16384));
}

// The sum of f(n, count) over vectors of a row; f's result beyond `count` must be 0.
template <typename F>
inline float Along(int64_t columns, F f) {
  Vector sum = Vector{};
  for (int64_t n = 0; n < columns; n += kWidth) sum += f(n, columns - n);
  return Sum(sum);
}

Vector OnlyFirst(Vector v, int64_t count) {
  for (int64_t n = count; n < kWidth; ++n) v[n] = 0.0f;
  return v;
}

}  // namespace

void NormalizeRows(const Pool& pool, int64_t rows, int64_t columns, float epsilon, const float* x, const float* scale,
                   const float* shift, float* y, float* means, float* inverses) {
  const int64_t parts = PartsOf(pool, rows, columns);
  const float share = 1.0f / static_cast<float>(columns);
  Parallel(pool, parts, [&](int64_t part) {
    for (int64_t m = rows * part / parts; m < rows * (part + 1) / parts; ++m) {
      const float* row = x + m * columns;
      const float mean = share * Along(columns, [&](int64_t n, int64_t count) { return Load(row + n, count); });
      const float variance = share * Along(columns, [&](int64_t n, int64_t count) {
        const Vector d = Load(row + n, count) - mean;
        return count < kWidth ? OnlyFirst(d * d, count) : d * d;
      });
      const float inverse = 1.0f / std::sqrt(variance + epsilon);
      means[m] = mean;
      inverses[m] = inverse;
      for (int64_t n = 0; n < columns; n += kWidth) {
        const int64_t count = columns - n;
        Put(y + m * columns + n, count,
            (Load(row + n, count) - mean) * inverse * Load(scale + n, count) + Load(shift + n, count));
      }
    }
  });
}

void NormalizeRowsGradient(const Pool& pool, int64_t rows, int64_t columns, const float* x, const float* scale,
                           const float* means, const float* inverses, const float* dy, float* dx, float* dscale,
                           float* dshift) {
  const int64_t parts = PartsOf(pool, rows, columns);
  const float share = 1.0f / static_cast<float>(columns);
  const int64_t padded = (columns + kWidth - 1) / kWidth * kWidth;
  std::vector<float> sums(2 * parts * padded);
  Parallel(pool, parts, [&](int64_t part) {
    float* scale_sums = sums.data() + 2 * part * padded;
    float* shift_sums = scale_sums + padded;
    for (int64_t m = rows * part / parts; m < rows * (part + 1) / parts; ++m) {
      const float *row = x + m * columns, *slope = dy + m * columns;
      const float mean = means[m], inverse = inverses[m];
      Vector by_mean = Vector{}, by_deviation = Vector{};
      for (int64_t n = 0; n < columns; n += kWidth) {
        const int64_t count = columns - n;
        const Vector d = Load(slope + n, count), normal = (Load(row + n, count) - mean) * inverse;
        const Vector scaled = d * Load(scale + n, count);
        by_mean += scaled;
        by_deviation += scaled * normal;
        Put(scale_sums + n, kWidth, Load(scale_sums + n, kWidth) + d * normal);
        Put(shift_sums + n, kWidth, Load(shift_sums + n, kWidth) + d);
      }
      const float first = share * Sum(by_mean), second = share * Sum(by_deviation);
      for (int64_t n = 0; n < columns; n += kWidth) {
        const int64_t count = columns - n;
        const Vector normal = (Load(row + n, count) - mean) * inverse;
        Put(dx + m * columns + n, count,
            (Load(slope + n, count) * Load(scale + n, count) - first - normal * second) * inverse);
      }
    }
  });
  for (int64_t n = 0; n < columns; ++n) {
    dscale[n] = dshift[n] = 0.0f;
    for (int64_t part = 0; part < parts; ++part) {
      dscale[n] += sums[2 * part * padded + n];
      dshift[n] += sums[(2 * part + 1) * padded + n];
    }
  }
}

}  // namespace ranvier
