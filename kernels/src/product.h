// Products of a matrix of many rows and a kernel, with a bias and a ReLU, and their gradients.

#pragma once

#include <cstdint>

#include "parallel.h"

namespace ranvier {

// y = x w + bias, x (rows, in), w (in, out); no bias where it is null; rectified: max(y, 0).
struct Product {
  int64_t rows, in, out;
  bool rectified;
};

void Multiply(const Pool&, const Product&, const float* x, const float* w, const float* bias, float* y);

// The gradients by x and by w and the bias (null: not wanted). Only a rectified product reads y.
void MultiplyInputGradient(const Pool&, const Product&, const float* w, const float* y, const float* dy, float* dx);
void MultiplyKernelGradient(const Pool&, const Product&, const float* x, const float* y, const float* dy, float* dw,
                            float* dbias);

}  // namespace ranvier
