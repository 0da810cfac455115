// Zeros around images, and how images are shared out.

#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels.h"

namespace ranvier {

// The padded sizes of an image: all that windows touch.
struct Padded {
  explicit Padded(const Convolution& c)
      : height((c.out_h - 1) * c.stride_h + (c.window_h - 1) * c.dilation_h + 1),
        width((c.out_w - 1) * c.stride_w + (c.window_w - 1) * c.dilation_w + 1),
        needed(c.before_h > 0 || c.before_w > 0 || height > c.height || width > c.width) {}
  int64_t height, width;
  bool needed;
};

// Copies an image into the middle of zeros.
inline void Pad(const Convolution& c, const Padded& padded, const float* x, std::vector<float>& to) {
  to.assign(padded.height * padded.width * c.channels, 0.0f);
  const int64_t rows = std::min(c.height, padded.height - c.before_h);
  const int64_t columns = std::min(c.width, padded.width - c.before_w);
  for (int64_t i = 0; i < rows; ++i)
    std::memcpy(to.data() + ((i + c.before_h) * padded.width + c.before_w) * c.channels, x + i * c.width * c.channels,
                columns * c.channels * sizeof(float));
}

// How many images a task takes, so that each thread has a few tasks.
inline int64_t ImagesOfTask(const Pool& pool, int64_t batch) { return std::max<int64_t>(1, batch / (4 * pool.threads)); }

}  // namespace ranvier
