// Depthwise convolutions: each channel by itself, vectors along the channels.

#include <vector>

#include "functions.h"
#include "kernels.h"
#include "padding.h"

namespace ranvier {

namespace {

constexpr int kOutputs = 8;  // outputs of a row whose sums stay in registers
constexpr int kTaps = 9;     // places of the window whose sums stay in registers

// Images as windows see them: with zeros around, where windows reach out of them, and zeros between, where pixels are set
// apart by more than 1.
struct Images {
  Images(const Convolution& c, int64_t apart_h, int64_t apart_w)
      : c(c),
        apart_h(apart_h),
        apart_w(apart_w),
        padded(c),
        copied(padded.needed || apart_h > 1 || apart_w > 1),
        width(copied ? padded.width : c.width) {
    for (int64_t i = 0; i < c.window_h; ++i)
      for (int64_t j = 0; j < c.window_w; ++j)
        offsets.push_back((i * c.dilation_h * width + j * c.dilation_w) * c.channels);
  }

  // Calls f(image, n) for the images [from, to); `image` stays until the next one.
  template <typename F>
  void Each(const float* x, int64_t from, int64_t to, F f) const {
    std::vector<float> copy(copied ? padded.height * padded.width * c.channels : 0);
    for (int64_t n = from; n < to; ++n) {
      const float* image = x + n * c.height * c.width * c.channels;
      if (copied) Copy(image, copy.data());
      f(copied ? copy.data() : image, n);
    }
  }

  // Copies an image among zeros, which stay from one image to the next.
  void Copy(const float* image, float* to) const {
    for (int64_t i = 0; i < c.height; ++i) {
      const int64_t row = i * apart_h + c.before_h;
      if (row < 0 || row >= padded.height) continue;
      const float* from = image + i * c.width * c.channels;
      float* line = to + row * padded.width * c.channels;
      if (apart_w == 1 && c.before_w >= 0) {
        std::memcpy(line + c.before_w * c.channels, from,
                    std::min(c.width, padded.width - c.before_w) * c.channels * sizeof(float));
        continue;
      }
      for (int64_t j = 0; j < c.width; ++j) {
        const int64_t column = j * apart_w + c.before_w;
        if (column >= 0 && column < padded.width)
          std::memcpy(line + column * c.channels, from + j * c.channels, c.channels * sizeof(float));
      }
    }
  }

  const Convolution& c;
  const int64_t apart_h, apart_w;
  const Padded padded;
  const bool copied;
  const int64_t width;
  std::vector<int64_t> offsets;  // of the window's places from its first
};

// `count` outputs of a row, `step` floats apart in x, for `columns` channels: all places of the window.
template <int OUTPUTS>
inline void Outputs(int64_t count, const int64_t* offsets, int64_t taps, int64_t step, int64_t channels, int64_t columns,
                    const float* x, const float* w, float* y) {
  if constexpr (OUTPUTS > 1) {
    if (count < OUTPUTS) return Outputs<OUTPUTS - 1>(count, offsets, taps, step, channels, columns, x, w, y);
  }
  Vector sums[OUTPUTS] = {};
  for (int64_t t = 0; t < taps; ++t) {
    const Vector weight = Load(w + t * channels, columns);
    const float* place = x + offsets[t];
    for (int o = 0; o < OUTPUTS; ++o) sums[o] += Load(place + o * step, columns) * weight;
  }
  for (int o = 0; o < OUTPUTS; ++o) Put(y + o * channels, columns, sums[o]);
}

// Adds what a row of outputs gives to `taps` places of the window, for `columns` channels.
template <int TAPS>
inline void GradientOf(int64_t taps, const int64_t* offsets, int64_t outputs, int64_t step, int64_t channels,
                       int64_t columns, const float* x, const float* dy, float* dw) {
  if constexpr (TAPS > 1) {
    if (taps < TAPS) return GradientOf<TAPS - 1>(taps, offsets, outputs, step, channels, columns, x, dy, dw);
  }
  Vector sums[TAPS];
  const float* places[TAPS];
  for (int t = 0; t < TAPS; ++t) {
    sums[t] = Load(dw + t * channels, columns);
    places[t] = x + offsets[t];
  }
  for (int64_t o = 0; o < outputs; ++o) {
    const Vector slope = Load(dy + o * channels, columns);
    for (int t = 0; t < TAPS; ++t) sums[t] += Load(places[t] + o * step, columns) * slope;
  }
  for (int t = 0; t < TAPS; ++t) Put(dw + t * channels, columns, sums[t]);
}

// Calls f(first, columns) for the vectors of the channels; `columns` is a constant for all but the last.
template <typename F>
inline void ForChannels(int64_t channels, F f) {
  int64_t n = 0;
  for (; n + kWidth <= channels; n += kWidth) f(n, kWidth);
  if (n < channels) f(n, channels - n);
}

void Convolved(const Pool& pool, const Convolution& c, const Images& images, const float* x, const float* w, float* y) {
  const int64_t each = ImagesOfTask(pool, c.batch), tasks = (c.batch + each - 1) / each;
  const int64_t step = c.stride_w * c.channels, taps = images.offsets.size();
  Parallel(pool, tasks, [&](int64_t task) {
    images.Each(x, task * each, std::min(c.batch, (task + 1) * each), [&](const float* image, int64_t n) {
      for (int64_t i = 0; i < c.out_h; ++i) {
        const float* row = image + i * c.stride_h * images.width * c.channels;
        float* to = y + (n * c.out_h + i) * c.out_w * c.channels;
        ForChannels(c.channels, [&](int64_t first, int64_t columns) {
          for (int64_t o = 0; o < c.out_w; o += kOutputs)
            Outputs<kOutputs>(c.out_w - o, images.offsets.data(), taps, step, c.channels, columns,
                              row + o * step + first, w + first, to + o * c.channels + first);
        });
      }
    });
  });
}

}  // namespace

void ConvolveDepthwise(const Pool& pool, const Convolution& c, const float* x, const float* w, float* y) {
  Convolved(pool, c, Images(c, 1, 1), x, w, y);
}

// Slopes, set apart by the strides, convolved with the window turned round.
void InputGradientDepthwise(const Pool& pool, const Convolution& c, const float* dy, const float* w, float* dx) {
  Convolution turned = c;
  turned.height = c.out_h, turned.width = c.out_w, turned.out_h = c.height, turned.out_w = c.width;
  turned.stride_h = turned.stride_w = 1;
  turned.before_h = (c.window_h - 1) * c.dilation_h - c.before_h;
  turned.before_w = (c.window_w - 1) * c.dilation_w - c.before_w;
  const int64_t taps = c.window_h * c.window_w;
  std::vector<float> kernel(taps * c.channels);
  for (int64_t t = 0; t < taps; ++t)
    std::copy(w + t * c.channels, w + (t + 1) * c.channels, kernel.data() + (taps - 1 - t) * c.channels);
  Convolved(pool, turned, Images(turned, c.stride_h, c.stride_w), dy, kernel.data(), dx);
}

void KernelGradientDepthwise(const Pool& pool, const Convolution& c, const float* x, const float* dy, float* dw) {
  const Images images(c, 1, 1);
  const int64_t step = c.stride_w * c.channels, taps = images.offsets.size(), size = taps * c.channels;
  const int64_t parts = std::max<int64_t>(1, std::min(pool.threads, c.batch));
  std::vector<float> sums((parts - 1) * size);
  Parallel(pool, parts, [&](int64_t part) {
    float* sum = part ? sums.data() + (part - 1) * size : dw;
    std::fill(sum, sum + size, 0.0f);
    images.Each(x, c.batch * part / parts, c.batch * (part + 1) / parts, [&](const float* image, int64_t n) {
      for (int64_t i = 0; i < c.out_h; ++i) {
        const float* row = image + i * c.stride_h * images.width * c.channels;
        const float* slopes = dy + (n * c.out_h + i) * c.out_w * c.channels;
        ForChannels(c.channels, [&](int64_t first, int64_t columns) {
          for (int64_t t = 0; t < taps; t += kTaps)
            GradientOf<kTaps>(taps - t, images.offsets.data() + t, c.out_w, step, c.channels, columns, row + first,
                              slopes + first, sum + t * c.channels + first);
        });
      }
    });
  });
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t n = 0; n < size; ++n) dw[n] += sums[(part - 1) * size + n];
}

}  // namespace ranvier
