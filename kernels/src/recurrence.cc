// Whole sequences of LSTM and GRU steps. Each thread takes some rows of the batch through all times, so that threads
// need not wait for each other, and what a step wrote is still near when the next one reads it.

#include <memory>
#include <vector>

#include "functions.h"
#include "kernels.h"
#include "packed.h"

namespace ranvier {

namespace {

// Parts of the batch that go through time by themselves.
int64_t PartsOf(const Pool& pool, const Sequence& s) {
  const int64_t work = s.time * s.batch * s.units * s.units;
  if (work < 50000) return 1;
  return std::max<int64_t>(1, std::min(pool.threads, (s.batch + kRows - 1) / kRows));
}

// dU (units x width) = the sum over times and rows of the h before each step, transposed, times what the step's sums
// want. `offsets` tell where blocks of `units` columns of dU lie in a row of `slopes`.
void AddWeightGradient(const Sequence& s, int64_t first, int64_t rows, const float* h, const float* hs,
                       const float* slopes, int64_t slopes_row, const std::vector<int64_t>& offsets, float* sum) {
  const int64_t width = static_cast<int64_t>(offsets.size()) * s.units;
  const int64_t times = std::max<int64_t>(1, kDepth / rows);
  thread_local std::vector<float> panel;
  thread_local std::vector<Run> runs;
  panel.resize(times * rows * kColumns + 16);
  for (int64_t t = 0; t < s.time;) {
    // The first step began with h, which lies elsewhere: it goes by itself.
    const int64_t count = t == 0 ? 1 : std::min(times, s.time - t);
    const float* left = t == 0 ? h + first * s.units : hs + ((t - 1) * s.batch + first) * s.units;
    runs.clear();
    for (int64_t l = 0; l < count; ++l) runs.push_back({l * s.batch * s.units, rows});
    for (size_t block = 0; block < offsets.size(); ++block)
      for (int64_t n = 0; n < s.units; n += kColumns) {
        const int64_t columns = std::min<int64_t>(kColumns, s.units - n);
        for (int64_t l = 0; l < count; ++l)
          Pack(slopes + ((t + l) * s.batch + first) * slopes_row + offsets[block] + n, rows, slopes_row, 1, columns,
               panel.data() + l * rows * kColumns);
        Rows(s.units, {left, 1, s.units}, runs.data(), runs.size(), panel.data(), sum + block * s.units + n, width,
             columns, Store::kAdd);
      }
    t += count;
  }
}

// Sums of their own for all parts but the first, which has the result itself; added up by `Total`.
class Sums {
 public:
  Sums(int64_t parts, int64_t size, float* result) : size_(size), result_(result), others_((parts - 1) * size) {
    std::fill(result, result + size, 0.0f);
  }
  float* Of(int64_t part) { return part ? others_.data() + (part - 1) * size_ : result_; }
  void Total() {
    for (size_t k = 0; k < others_.size(); ++k) result_[k % size_] += others_[k];
  }

 private:
  int64_t size_;
  float* result_;
  std::vector<float> others_;
};

}  // namespace

void Lstm(const Pool& pool, const Sequence& s, const float* w, const float* h, const float* c, const float* keep,
          float* gates, float* hs, float* cs) {
  const int64_t u = s.units, parts = PartsOf(pool, s);
  const Packed kernel(w, u, 4 * u, 4 * u, 1);
  Parallel(pool, parts, [&](int64_t part) {
    const int64_t first = s.batch * part / parts, rows = s.batch * (part + 1) / parts - first;
    for (int64_t t = 0; t < s.time; ++t) {
      const float* h_before = t ? hs + ((t - 1) * s.batch + first) * u : h + first * u;
      const float* c_before = t ? cs + ((t - 1) * s.batch + first) * u : c + first * u;
      const int64_t place = t * s.batch + first;
      kernel.Multiply(rows, {h_before, u, 1}, gates + place * 4 * u, 4 * u, Store::kAdd);
      for (int64_t m = 0; m < rows; ++m) {
        float* gate = gates + (place + m) * 4 * u;
        const bool stays = keep && keep[place + m] == 0.0f;
        for (int64_t n = 0; n < u; n += kWidth) {
          const int64_t count = u - n;
          const Vector i = Sigmoid(Load(gate + n, count)), f = Sigmoid(Load(gate + u + n, count));
          const Vector g = Tanh(Load(gate + 2 * u + n, count)), o = Sigmoid(Load(gate + 3 * u + n, count));
          const Vector old = Load(c_before + m * u + n, count);
          const Vector now = f * old + i * g;
          Put(gate + n, count, i);
          Put(gate + u + n, count, f);
          Put(gate + 2 * u + n, count, g);
          Put(gate + 3 * u + n, count, o);
          Put(cs + (place + m) * u + n, count, stays ? old : now);
          Put(hs + (place + m) * u + n, count, stays ? Load(h_before + m * u + n, count) : o * Tanh(now));
        }
      }
    }
  });
}

void LstmGradient(const Pool& pool, const Sequence& s, const float* w, const float* h, const float* c,
                  const float* keep, const float* hs, const float* cs, const float* last_h, const float* last_c,
                  const float* each, float* gates, float* dw, float* dh, float* dc) {
  const int64_t u = s.units, parts = PartsOf(pool, s);
  const Packed transposed(w, 4 * u, u, 1, 4 * u);
  Sums sums(parts, 4 * u * u, dw);
  Parallel(pool, parts, [&](int64_t part) {
    const int64_t first = s.batch * part / parts, rows = s.batch * (part + 1) / parts - first;
    std::copy(last_h + first * u, last_h + (first + rows) * u, dh + first * u);
    std::copy(last_c + first * u, last_c + (first + rows) * u, dc + first * u);
    for (int64_t t = s.time - 1; t >= 0; --t) {
      const int64_t place = t * s.batch + first;
      const float* c_before = t ? cs + (place - s.batch) * u : c + first * u;
      for (int64_t m = 0; m < rows; ++m) {
        float* gate = gates + (place + m) * 4 * u;
        const bool stays = keep && keep[place + m] == 0.0f;
        for (int64_t n = 0; n < u; n += kWidth) {
          const int64_t count = u - n;
          Vector by_h = Load(dh + (first + m) * u + n, count);
          if (each) by_h += Load(each + (place + m) * u + n, count);
          if (keep) Put(dh + (first + m) * u + n, count, stays ? by_h : Vector{});
          if (stays) {
            for (int64_t k = 0; k < 4; ++k) Put(gate + k * u + n, count, Vector{});
            continue;
          }
          const Vector i = Load(gate + n, count), f = Load(gate + u + n, count);
          const Vector g = Load(gate + 2 * u + n, count), o = Load(gate + 3 * u + n, count);
          const Vector shown = Tanh(Load(cs + (place + m) * u + n, count));
          const Vector inner = Load(dc + (first + m) * u + n, count) + by_h * o * (1.0f - shown * shown);
          Put(gate + n, count, inner * g * i * (1.0f - i));
          Put(gate + u + n, count, inner * Load(c_before + m * u + n, count) * f * (1.0f - f));
          Put(gate + 2 * u + n, count, inner * i * (1.0f - g * g));
          Put(gate + 3 * u + n, count, by_h * shown * o * (1.0f - o));
          Put(dc + (first + m) * u + n, count, inner * f);
        }
      }
      transposed.Multiply(rows, {gates + place * 4 * u, 4 * u, 1}, dh + first * u, u,
                          keep ? Store::kAdd : Store::kSet);
    }
    AddWeightGradient(s, first, rows, h, hs, gates, 4 * u, {0, u, 2 * u, 3 * u}, sums.Of(part));
  });
  sums.Total();
}

void Gru(const Pool& pool, const Sequence& s, const float* x, const float* w, const float* bias, const float* h,
         const float* keep, float* gates, float* hs) {
  const int64_t u = s.units, parts = PartsOf(pool, s);
  const Packed kernel(w, u, 3 * u, 3 * u, 1);
  Parallel(pool, parts, [&](int64_t part) {
    const int64_t first = s.batch * part / parts, rows = s.batch * (part + 1) / parts - first;
    std::vector<float> products(rows * 3 * u);
    for (int64_t t = 0; t < s.time; ++t) {
      const float* before = t ? hs + ((t - 1) * s.batch + first) * u : h + first * u;
      const int64_t place = t * s.batch + first;
      kernel.Multiply(rows, {before, u, 1}, products.data(), 3 * u, Store::kSet);
      for (int64_t m = 0; m < rows; ++m) {
        const float* given = x + (place + m) * 3 * u;
        const float* past = products.data() + m * 3 * u;
        float* gate = gates + (place + m) * 4 * u;
        const bool stays = keep && keep[place + m] == 0.0f;
        for (int64_t n = 0; n < u; n += kWidth) {
          const int64_t count = u - n;
          const Vector z = Sigmoid(Load(given + n, count) + (Load(past + n, count) + Load(bias + n, count)));
          const Vector r =
              Sigmoid(Load(given + u + n, count) + (Load(past + u + n, count) + Load(bias + u + n, count)));
          const Vector inner = Load(past + 2 * u + n, count) + Load(bias + 2 * u + n, count);
          const Vector made = Tanh(Load(given + 2 * u + n, count) + r * inner);
          const Vector old = Load(before + m * u + n, count);
          Put(gate + n, count, z);
          Put(gate + u + n, count, r);
          Put(gate + 2 * u + n, count, made);
          Put(gate + 3 * u + n, count, inner);
          Put(hs + (place + m) * u + n, count, stays ? old : z * old + (1.0f - z) * made);
        }
      }
    }
  });
}

void GruGradient(const Pool& pool, const Sequence& s, const float* w, const float* h, const float* keep,
                 const float* gates, const float* hs, const float* last, const float* each, float* dx, float* dw,
                 float* dbias, float* dh) {
  const int64_t u = s.units, parts = PartsOf(pool, s);
  const Packed transposed(w, 3 * u, u, 1, 3 * u);
  Sums sums(parts, 3 * u * u, dw), bias_sums(parts, 3 * u, dbias);
  std::unique_ptr<float[]> by_past(new float[s.time * s.batch * 3 * u]);
  Parallel(pool, parts, [&](int64_t part) {
    const int64_t first = s.batch * part / parts, rows = s.batch * (part + 1) / parts - first;
    std::copy(last + first * u, last + (first + rows) * u, dh + first * u);
    float* bias_sum = bias_sums.Of(part);
    for (int64_t t = s.time - 1; t >= 0; --t) {
      const int64_t place = t * s.batch + first;
      const float* before = t ? hs + (place - s.batch) * u : h + first * u;
      for (int64_t m = 0; m < rows; ++m) {
        const float* gate = gates + (place + m) * 4 * u;
        float* slope = dx + (place + m) * 3 * u;
        float* past = by_past.get() + (place + m) * 3 * u;
        const bool stays = keep && keep[place + m] == 0.0f;
        for (int64_t n = 0; n < u; n += kWidth) {
          const int64_t count = u - n;
          Vector by_h = Load(dh + (first + m) * u + n, count);
          if (each) by_h += Load(each + (place + m) * u + n, count);
          if (stays) {
            for (int64_t k = 0; k < 3; ++k) {
              Put(slope + k * u + n, count, Vector{});
              Put(past + k * u + n, count, Vector{});
            }
            Put(dh + (first + m) * u + n, count, by_h);
            continue;
          }
          const Vector z = Load(gate + n, count), r = Load(gate + u + n, count);
          const Vector made = Load(gate + 2 * u + n, count), inner = Load(gate + 3 * u + n, count);
          const Vector by_made = by_h * (1.0f - z) * (1.0f - made * made);
          const Vector by_z = by_h * (Load(before + m * u + n, count) - made) * z * (1.0f - z);
          const Vector by_r = by_made * inner * r * (1.0f - r), by_inner = by_made * r;
          Put(slope + n, count, by_z);
          Put(slope + u + n, count, by_r);
          Put(slope + 2 * u + n, count, by_made);
          Put(past + n, count, by_z);
          Put(past + u + n, count, by_r);
          Put(past + 2 * u + n, count, by_inner);
          Put(bias_sum + n, count, Load(bias_sum + n, count) + by_z);
          Put(bias_sum + u + n, count, Load(bias_sum + u + n, count) + by_r);
          Put(bias_sum + 2 * u + n, count, Load(bias_sum + 2 * u + n, count) + by_inner);
          Put(dh + (first + m) * u + n, count, by_h * z);
        }
      }
      transposed.Multiply(rows, {by_past.get() + place * 3 * u, 3 * u, 1}, dh + first * u, u, Store::kAdd);
    }
    AddWeightGradient(s, first, rows, h, hs, by_past.get(), 3 * u, {0, u, 2 * u}, sums.Of(part));
  });
  sums.Total();
  bias_sums.Total();
}

}  // namespace ranvier
