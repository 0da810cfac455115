// Depthwise convolutions: each channel by itself, vectors along the channels.

#include <vector>

#include "kernels.h"
#include "padding.h"
#include "tile.h"

namespace ranvier {

namespace {

constexpr int64_t kTaps = 8;  // places of a window row whose sums stay in registers

// One row of outputs for `columns` channels (at most kWidth), all window places.
void Row(const Convolution& c, int64_t width, const float* x, const float* w, float* y, int64_t columns) {
  for (int64_t o = 0; o < c.out_w; ++o) {
    const float* place = x + o * c.stride_w * c.channels;
    if (columns == kWidth) {
      Vector sum = Vector{};
      for (int64_t i = 0; i < c.window_h; ++i)
        for (int64_t j = 0; j < c.window_w; ++j)
          sum += *reinterpret_cast<const Vector*>(place + (i * c.dilation_h * width + j * c.dilation_w) * c.channels) *
                 *reinterpret_cast<const Vector*>(w + (i * c.window_w + j) * c.channels);
      *reinterpret_cast<Vector*>(y + o * c.channels) = sum;
      continue;
    }
    for (int64_t n = 0; n < columns; ++n) {
      float sum = 0.0f;
      for (int64_t i = 0; i < c.window_h; ++i)
        for (int64_t j = 0; j < c.window_w; ++j)
          sum += place[(i * c.dilation_h * width + j * c.dilation_w) * c.channels + n] *
                 w[(i * c.window_w + j) * c.channels + n];
      y[o * c.channels + n] = sum;
    }
  }
}

// Adds what one row of outputs gives to `taps` places of one window row.
template <int64_t TAPS>
void GradientRow(const Convolution& c, int64_t taps, const float* x, const float* dy, float* dw, int64_t columns) {
  if constexpr (TAPS > 1) {
    if (taps < TAPS) return GradientRow<TAPS - 1>(c, taps, x, dy, dw, columns);
  }
  if (columns == kWidth) {
    Vector sum[TAPS];
    for (int64_t j = 0; j < TAPS; ++j) sum[j] = *reinterpret_cast<const Vector*>(dw + j * c.channels);
    for (int64_t o = 0; o < c.out_w; ++o) {
      const Vector slope = *reinterpret_cast<const Vector*>(dy + o * c.channels);
      const float* place = x + o * c.stride_w * c.channels;
      for (int64_t j = 0; j < TAPS; ++j)
        sum[j] += *reinterpret_cast<const Vector*>(place + j * c.dilation_w * c.channels) * slope;
    }
    for (int64_t j = 0; j < TAPS; ++j) *reinterpret_cast<Vector*>(dw + j * c.channels) = sum[j];
    return;
  }
  for (int64_t j = 0; j < TAPS; ++j)
    for (int64_t o = 0; o < c.out_w; ++o)
      for (int64_t n = 0; n < columns; ++n)
        dw[j * c.channels + n] +=
            x[(o * c.stride_w + j * c.dilation_w) * c.channels + n] * dy[o * c.channels + n];
}

}  // namespace

void ConvolveDepthwise(const Pool& pool, const Convolution& c, const float* x, const float* w, float* y) {
  const Padded padded(c);
  const int64_t width = padded.needed ? padded.width : c.width;
  const int64_t each = ImagesOfTask(pool, c.batch), tasks = (c.batch + each - 1) / each;
  Parallel(pool, tasks, [&](int64_t task) {
    thread_local std::vector<float> image;
    for (int64_t n = task * each; n < std::min(c.batch, (task + 1) * each); ++n) {
      const float* source = x + n * c.height * c.width * c.channels;
      if (padded.needed) {
        Pad(c, padded, source, image);
        source = image.data();
      }
      for (int64_t i = 0; i < c.out_h; ++i)
        for (int64_t first = 0; first < c.channels; first += kWidth)
          Row(c, width, source + i * c.stride_h * width * c.channels + first, w + first,
              y + (n * c.out_h + i) * c.out_w * c.channels + first, std::min<int64_t>(kWidth, c.channels - first));
    }
  });
}

void KernelGradientDepthwise(const Pool& pool, const Convolution& c, const float* x, const float* dy, float* dw) {
  const Padded padded(c);
  const int64_t width = padded.needed ? padded.width : c.width;
  const int64_t size = c.window_h * c.window_w * c.channels;
  const int64_t parts = std::max<int64_t>(1, std::min(pool.threads, c.batch));
  std::vector<float> sums((parts - 1) * size);
  Parallel(pool, parts, [&](int64_t part) {
    thread_local std::vector<float> image;
    float* sum = part ? sums.data() + (part - 1) * size : dw;
    std::fill(sum, sum + size, 0.0f);
    for (int64_t n = c.batch * part / parts; n < c.batch * (part + 1) / parts; ++n) {
      const float* source = x + n * c.height * c.width * c.channels;
      if (padded.needed) {
        Pad(c, padded, source, image);
        source = image.data();
      }
      for (int64_t o = 0; o < c.out_h; ++o)
        for (int64_t first = 0; first < c.channels; first += kWidth)
          for (int64_t i = 0; i < c.window_h; ++i)
            for (int64_t j = 0; j < c.window_w; j += kTaps)
              GradientRow<kTaps>(c, std::min(kTaps, c.window_w - j),
                                 source + ((o * c.stride_h + i * c.dilation_h) * width + j * c.dilation_w) * c.channels + first,
                                 dy + (n * c.out_h + o) * c.out_w * c.channels + first,
                                 sum + (i * c.window_w + j) * c.channels + first,
                                 std::min<int64_t>(kWidth, c.channels - first));
    }
  });
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t k = 0; k < size; ++k) dw[k] += sums[(part - 1) * size + k];
}

}  // namespace ranvier
