// A matrix packed once for many products.

#pragma once

#include <vector>

#include "tile.h"

namespace ranvier {

class Packed {
 public:
  Packed() = default;
  Packed(const float* from, int64_t depth, int64_t columns, int64_t row, int64_t step) {
    Fill(from, depth, columns, row, step);
  }

  // Takes B (depth x columns), times a factor; element (k, n) lies at from[k * row + n * step].
  void Fill(const float* from, int64_t depth, int64_t columns, int64_t row, int64_t step, float factor = 1.0f) {
    depth_ = depth;
    columns_ = columns;
    const size_t size = (columns + kColumns - 1) / kColumns * kColumns * depth;
    if (data_.size() < size) data_.resize(size);
    for (int64_t n = 0; n < columns; n += kColumns)
      Pack(from + n * step, depth, row, step, std::min<int64_t>(kColumns, columns - n), data_.data() + n * depth);
    if (factor != 1.0f)
      for (size_t i = 0; i < size; ++i) data_[i] *= factor;
  }

  // C (rows x columns) = or += A B.
  void Multiply(int64_t rows, Left a, float* c, int64_t c_row, Store store) const {
    for (int64_t n = 0; n < columns_; n += kColumns)
      for (int64_t k = 0; k < depth_; k += kDepth) {
        const Run run{k * a.step, std::min(kDepth, depth_ - k)};
        Rows(rows, a, &run, 1, data_.data() + n * depth_ + k * kColumns, c + n, c_row,
             std::min<int64_t>(kColumns, columns_ - n), k ? Store::kAdd : store);
      }
  }

 private:
  int64_t depth_ = 0, columns_ = 0;
  std::vector<float> data_;
};

}  // namespace ranvier
