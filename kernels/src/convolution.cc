// Convolutions and their gradients, without patches: the numbers under one row of the window lie side by side in memory
// (window_w * channels of them), so that a row of outputs is a product of strided reads.

#include <vector>

#include "kernels.h"
#include "packed.h"
#include "padding.h"
#include "tile.h"

namespace ranvier {

namespace {

// The runs of the shared index under a window: whole rows of it where the taps lie side by side, else one per tap.
std::vector<Run> RunsOfWindow(const Convolution& c, int64_t width) {
  std::vector<Run> runs;
  const int64_t depth = c.channels / c.groups;
  const bool rows = c.groups == 1 && c.dilation_w == 1;
  for (int64_t i = 0; i < c.window_h; ++i) {
    const int64_t start = i * c.dilation_h * width * c.channels;
    if (rows) {
      runs.push_back({start, c.window_w * depth});
    } else {
      for (int64_t j = 0; j < c.window_w; ++j) runs.push_back({start + j * c.dilation_w * c.channels, depth});
    }
  }
  return runs;
}

// Runs cut into blocks of at most kDepth steps, whose packed panel stays in the first cache.
std::vector<std::vector<Run>> Blocks(const std::vector<Run>& runs) {
  std::vector<std::vector<Run>> blocks(1);
  int64_t filled = 0;
  for (Run run : runs) {
    while (run.length > 0) {
      if (filled == kDepth) {
        blocks.emplace_back();
        filled = 0;
      }
      const int64_t taken = std::min(run.length, kDepth - filled);
      blocks.back().push_back({run.offset, taken});
      run = {run.offset + taken, run.length - taken};
      filled += taken;
    }
  }
  return blocks;
}

int64_t LengthOf(const std::vector<Run>& runs) {
  int64_t length = 0;
  for (const Run& run : runs) length += run.length;
  return length;
}

}  // namespace

void Convolve(const Pool& pool, const Convolution& c, const float* x, const float* w, float* y) {
  const Padded padded(c);
  const int64_t width = padded.needed ? padded.width : c.width;
  const auto blocks = Blocks(RunsOfWindow(c, width));
  const int64_t depth = c.channels / c.groups, filters = c.filters / c.groups;
  const int64_t each = ImagesOfTask(pool, c.batch), tasks = (c.batch + each - 1) / each;
  Parallel(pool, tasks, [&](int64_t task) {
    thread_local std::vector<float> panel(kDepth * kColumns + 16), image;
    for (int64_t n = task * each; n < std::min(c.batch, (task + 1) * each); ++n) {
      const float* source = x + n * c.height * c.width * c.channels;
      if (padded.needed) {
        Pad(c, padded, source, image);
        source = image.data();
      }
      for (int64_t g = 0; g < c.groups; ++g) {
        for (int64_t f = 0; f < filters; f += kColumns) {
          const int64_t columns = std::min<int64_t>(kColumns, filters - f);
          int64_t k = 0;
          for (size_t block = 0; block < blocks.size(); ++block) {
            const int64_t length = LengthOf(blocks[block]);
            Pack(w + k * c.filters + g * filters + f, length, c.filters, 1, columns, panel.data());
            k += length;
            for (int64_t i = 0; i < c.out_h; ++i) {
              const float* left = source + i * c.stride_h * width * c.channels + g * depth;
              float* out = y + ((n * c.out_h + i) * c.out_w) * c.filters + g * filters + f;
              Rows(c.out_w, {left, c.stride_w * c.channels, 1}, blocks[block].data(), blocks[block].size(),
                   panel.data(), out, c.filters, columns, block ? Store::kAdd : Store::kSet);
            }
          }
        }
      }
    }
  });
}

void KernelGradient(const Pool& pool, const Convolution& c, const float* x, const float* dy, float* dw) {
  const Padded padded(c);
  const int64_t width = padded.needed ? padded.width : c.width;
  const int64_t depth = c.channels / c.groups, filters = c.filters / c.groups;
  const int64_t size = c.window_h * c.window_w * depth * c.filters;
  const bool rows = c.groups == 1 && c.dilation_w == 1;
  const int64_t taps = rows ? 1 : c.window_w;
  const int64_t span = rows ? c.window_w * depth : depth;  // rows of dw that one stretch of x meets
  // Each part of the batch has a sum of its own; they are added at the end.
  const int64_t parts = std::max<int64_t>(1, std::min(pool.threads, c.batch));
  std::vector<float> sums((parts - 1) * size);
  const int64_t lines = std::max<int64_t>(1, std::min(c.out_h, kDepth / std::max<int64_t>(c.out_w, 1)));
  Parallel(pool, parts, [&](int64_t part) {
    thread_local std::vector<float> panel, image;
    thread_local std::vector<Run> runs;
    panel.resize(lines * c.out_w * kColumns + 16);
    float* sum = part ? sums.data() + (part - 1) * size : dw;
    std::fill(sum, sum + size, 0.0f);
    for (int64_t n = c.batch * part / parts; n < c.batch * (part + 1) / parts; ++n) {
      const float* source = x + n * c.height * c.width * c.channels;
      if (padded.needed) {
        Pad(c, padded, source, image);
        source = image.data();
      }
      for (int64_t first = 0; first < c.out_h; first += lines) {
        const int64_t count = std::min(lines, c.out_h - first);
        runs.clear();
        for (int64_t l = 0; l < count; ++l) runs.push_back({l * c.stride_h * width * c.channels, c.out_w});
        for (int64_t g = 0; g < c.groups; ++g)
          for (int64_t f = 0; f < filters; f += kColumns) {
            const int64_t columns = std::min<int64_t>(kColumns, filters - f);
            Pack(dy + ((n * c.out_h + first) * c.out_w) * c.filters + g * filters + f, count * c.out_w, c.filters, 1,
                 columns, panel.data());
            for (int64_t i = 0; i < c.window_h; ++i)
              for (int64_t j = 0; j < taps; ++j) {
                const float* left = source +
                                    ((first * c.stride_h + i * c.dilation_h) * width + j * c.dilation_w) * c.channels +
                                    g * depth;
                float* out = sum + ((i * c.window_w + j) * depth) * c.filters + g * filters + f;
                Rows(span, {left, 1, c.stride_w * c.channels}, runs.data(), runs.size(), panel.data(), out, c.filters,
                     columns, Store::kAdd);
              }
          }
      }
    }
  });
  for (int64_t part = 1; part < parts; ++part)
    for (int64_t k = 0; k < size; ++k) dw[k] += sums[(part - 1) * size + k];
}

void InputGradient(const Pool& pool, const Convolution& c, const float* dy, const float* w, float* dx) {
  const int64_t depth = c.channels / c.groups, filters = c.filters / c.groups, taps = c.window_h * c.window_w;
  std::vector<Packed> kernels(taps * c.groups);  // of each place of the window and each group, turned: filters x depth
  Parallel(pool, taps, [&](int64_t t) {
    for (int64_t g = 0; g < c.groups; ++g)
      kernels[t * c.groups + g].Fill(w + t * depth * c.filters + g * filters, filters, depth, 1, c.filters);
  });
  const int64_t size = c.height * c.width * c.channels;
  const int64_t each = ImagesOfTask(pool, c.batch), tasks = (c.batch + each - 1) / each;
  Parallel(pool, tasks, [&](int64_t task) {
    for (int64_t n = task * each; n < std::min(c.batch, (task + 1) * each); ++n) {
      std::fill(dx + n * size, dx + (n + 1) * size, 0.0f);
      for (int64_t o = 0; o < c.out_h; ++o)
        for (int64_t t = 0; t < taps; ++t) {
          const int64_t i = o * c.stride_h + t / c.window_w * c.dilation_h - c.before_h;
          const int64_t j = t % c.window_w * c.dilation_w - c.before_w;  // what the first output of the row meets
          if (i < 0 || i >= c.height || j >= c.width) continue;
          const int64_t first = j < 0 ? (-j + c.stride_w - 1) / c.stride_w : 0;
          const int64_t last = std::min(c.out_w, (c.width - 1 - j) / c.stride_w + 1);
          const float* slopes = dy + ((n * c.out_h + o) * c.out_w + first) * c.filters;
          float* to = dx + n * size + (i * c.width + j + first * c.stride_w) * c.channels;
          for (int64_t g = 0; g < c.groups && first < last; ++g)
            kernels[t * c.groups + g].Multiply(last - first, {slopes + g * filters, c.filters, 1}, to + g * depth,
                                               c.stride_w * c.channels, Store::kAdd);
        }
    }
  });
}

}  // namespace ranvier
