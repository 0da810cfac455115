// What the kernels compute.

#pragma once

#include <cstdint>

#include "parallel.h"

namespace ranvier {

// A convolution in two dimensions: x (batch, height, width, channels), w (window_h, window_w, channels / groups,
// filters), y (batch, out_h, out_w, filters); `before` zeros precede the rows and columns of x.
struct Convolution {
  int64_t batch, height, width, channels;
  int64_t window_h, window_w, filters, groups;
  int64_t out_h, out_w;
  int64_t stride_h, stride_w, dilation_h, dilation_w;
  int64_t before_h, before_w;
};

void Convolve(const Pool&, const Convolution&, const float* x, const float* w, float* y);
void KernelGradient(const Pool&, const Convolution&, const float* x, const float* dy, float* dw);

// The same where each channel is convolved by itself: groups = channels = filters.
void ConvolveDepthwise(const Pool&, const Convolution&, const float* x, const float* w, float* y);
void KernelGradientDepthwise(const Pool&, const Convolution&, const float* x, const float* dy, float* dw);

}  // namespace ranvier
