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
void InputGradient(const Pool&, const Convolution&, const float* dy, const float* w, float* dx);

// The same by minimal filtering: windows of 3x3, strides, dilation and groups of 1.
void ConvolveWinograd(const Pool&, const Convolution&, const float* x, const float* w, float* y);
void KernelGradientWinograd(const Pool&, const Convolution&, const float* x, const float* dy, float* dw);
void InputGradientWinograd(const Pool&, const Convolution&, const float* dy, const float* w, float* dx);

// The same where each channel is convolved by itself: groups = channels = filters.
void ConvolveDepthwise(const Pool&, const Convolution&, const float* x, const float* w, float* y);
void KernelGradientDepthwise(const Pool&, const Convolution&, const float* x, const float* dy, float* dw);
void InputGradientDepthwise(const Pool&, const Convolution&, const float* dy, const float* w, float* dx);

// Steps of recurrent units: arrays (time, batch, ...), states (batch, units). `keep`, (time, batch), is zero where states
// stay; null: nowhere.
struct Sequence {
  int64_t time, batch, units;
};

// Long short-term memory, gates in the order i, f, g, o. `gates` (time, batch, 4 units) holds xW + b and becomes the
// gates, and in the gradient it becomes the slopes of xW + b. `each` holds slopes of all hs; null: zeros.
void Lstm(const Pool&, const Sequence&, const float* w, const float* h, const float* c, const float* keep,
          float* gates, float* hs, float* cs);
void LstmGradient(const Pool&, const Sequence&, const float* w, const float* h, const float* c, const float* keep,
                  const float* hs, const float* cs, const float* last_h, const float* last_c, const float* each,
                  float* gates, float* dw, float* dh, float* dc);

// Gated recurrent units, reset after the product, in the order z, r, candidate; `gates` (time, batch, 4 units) also keeps
// the state's part of the candidate.
void Gru(const Pool&, const Sequence&, const float* x, const float* w, const float* bias, const float* h,
         const float* keep, float* gates, float* hs);
void GruGradient(const Pool&, const Sequence&, const float* w, const float* h, const float* keep, const float* gates,
                 const float* hs, const float* last, const float* each, float* dx, float* dw, float* dbias, float* dh);

// Attention of `heads` heads: q (batch, queries, heads, features), k and v (batch, keys, heads, features or values).
// `mask`, of (batch, heads, queries, keys), each size whole or 1, is nonzero where a query may look; null: everywhere.
// Weights are kept where the counter generator of ranvier/core/random.py draws less than `threshold`.
struct Attention {
  int64_t batch, queries, keys, heads, features, values;
  float scale;
  const uint8_t* mask;
  int64_t mask_batch, mask_head, mask_query, mask_key;  // strides, 0 for sizes of 1
  bool zeros;  // what a query gets that may look nowhere: zeros, or the mean of all values
  const uint32_t* seed;  // two words; null: no dropout
  uint32_t threshold;
  float factor;  // of weights that are kept
};

// y (batch, queries, heads, values); `logs` (batch, heads, queries): the logarithms of the weights' sums.
void Attend(const Pool&, const Attention&, const float* q, const float* k, const float* v, float* y, float* logs);
void AttendGradient(const Pool&, const Attention&, const float* q, const float* k, const float* v, const float* y,
                    const float* logs, const float* dy, float* dq, float* dk, float* dv);

// Rows of x with mean 0 and variance 1, times a scale, plus a shift; their means and 1 / deviations are kept.
void NormalizeRows(const Pool&, int64_t rows, int64_t columns, float epsilon, const float* x, const float* scale,
                   const float* shift, float* y, float* means, float* inverses);
void NormalizeRowsGradient(const Pool&, int64_t rows, int64_t columns, const float* x, const float* scale,
                           const float* means, const float* inverses, const float* dy, float* dx, float* dscale,
                           float* dshift);

// The largest of what windows meet in x (batch, height, width, channels); `before` places of them lie before the images.
struct Pooling {
  int64_t batch, height, width, channels;
  int64_t window_h, window_w, out_h, out_w;
  int64_t stride_h, stride_w, before_h, before_w;
  bool rectified;  // of max(x + bias, 0)
};

constexpr int32_t kNowhere = 255;  // the place of a largest element that has no slope: cut off by the ReLU, or NaN

// y (batch, out_h, out_w, channels) of x + bias (channels; null: 0), and the place of each in its window.
void PoolLargest(const Pool&, const Pooling&, const float* x, const float* bias, float* y, uint8_t* places);
void PoolLargestGradient(const Pool&, const Pooling&, const float* dy, const uint8_t* places, float* dx, float* dbias);

// Means and variances of the columns of x; and the gradient of normalising by them, scaling, shifting and an activation
// that multiplies what is negative by `slope` (0: a ReLU; 1: none).
struct Batch {
  int64_t rows, columns;
  float epsilon, slope;
};

void BatchMoments(const Pool&, int64_t rows, int64_t columns, const float* x, float* mean, float* variance);
void NormalizeBatchGradient(const Pool&, const Batch&, const float* x, const float* scale, const float* shift,
                            const float* mean, const float* variance, const float* dy, float* dx, float* dscale,
                            float* dshift);

}  // namespace ranvier
