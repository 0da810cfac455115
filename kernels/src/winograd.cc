// Convolutions of 3x3 windows, strides and dilation 1, and both their gradients, by minimal filtering (see winograd.h).
//
// Some tiles at a time go through all steps, so that what stands between the steps stays in the cache. Each step is
// linear, and so the gradients are its transposes: dU = V' dM and dV = dM U' at each frequency.

#include <vector>

#include "kernels.h"
#include "scratch.h"
#include "winograd.h"

namespace ranvier {

namespace {

using namespace winograd;

constexpr int64_t kCache = 480 << 10;  // bytes of the second cache that a block of tiles may take
constexpr int64_t kLeast = 48;         // tiles that are worth reading the kernel for, whatever they take
constexpr int64_t kSum = 96;           // channels summed before they are added to the others: short sums round less

int64_t Up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// A distance in floats that is an odd number of cache lines: what lies so far apart meets in no set of the cache.
int64_t Apart(int64_t floats) { return (Up(floats, 16) / 16 | 1) * 16; }

// The tiles of all images, one after the other, row by row.
struct Tiles {
  explicit Tiles(const Convolution& c)
      : down((c.out_h + kTile - 1) / kTile),
        across((c.out_w + kTile - 1) / kTile),
        each(down * across),
        count(c.batch * each) {}
  int64_t down, across, each, count;
};

// `tiles` in blocks of about the same size, of at most `fitting`.
int64_t TilesOfBlock(int64_t tiles, int64_t fitting) {
  const int64_t blocks = (tiles + fitting - 1) / fitting;
  return Up((tiles + blocks - 1) / blocks, kRows);
}

// Where the elements of a tile lie in an image, from (row, column) on; those beyond its edges lie in `outside`.
template <int SIZE, typename Float>
void Places(Float* image, int64_t height, int64_t width, int64_t channels, int64_t row, int64_t column, Float* outside,
            Float** to) {
  for (int64_t i = row; i < row + SIZE; ++i)
    for (int64_t j = column; j < column + SIZE; ++j, ++to)
      *to = i >= 0 && i < height && j >= 0 && j < width ? image + (i * width + j) * channels : outside;
}

template <typename Float>
void InputPlaces(const Convolution& c, const Tiles& tiles, Float* x, int64_t tile, Float* outside, Float** to) {
  const int64_t image = tile / tiles.each, i = tile % tiles.each / tiles.across, j = tile % tiles.across;
  Places<kReach>(x + image * c.height * c.width * c.channels, c.height, c.width, c.channels, i * kTile - c.before_h,
                 j * kTile - c.before_w, outside, to);
}

template <typename Float>
void OutputPlaces(const Convolution& c, const Tiles& tiles, Float* y, int64_t tile, Float* outside, Float** to) {
  const int64_t image = tile / tiles.each, i = tile % tiles.each / tiles.across, j = tile % tiles.across;
  Places<kTile>(y + image * c.out_h * c.out_w * c.filters, c.out_h, c.out_w, c.filters, i * kTile, j * kTile, outside,
                to);
}

// A kernel at the frequencies, packed for products: for each kColumns of `columns`, 36 panels of `depth` rows. Element
// (k, n) of tap t lies at w[t * depth * columns + k * row + n * step].
void ChangeKernel(const Pool& pool, const float* w, int64_t depth, int64_t columns, int64_t row, int64_t step,
                  float* to) {
  const int64_t size = depth * kColumns;
  Parallel(pool, (columns + kColumns - 1) / kColumns, [&](int64_t panel) {
    thread_local Scratch scratch;
    float* taps = scratch.Of(9 * size);
    const int64_t first = panel * kColumns;
    for (int64_t t = 0; t < 9; ++t)
      Pack(w + t * depth * columns + first * step, depth, row, step, std::min<int64_t>(kColumns, columns - first),
           taps + t * size);
    float* out = to + panel * kFrequencies * size;
    for (int64_t k = 0; k < size; k += kWidth)
      Change<Window>([&](int t) { return At(taps + t * size + k); },
                     [&](int f, Vector v) { Set(out + f * size + k, v); });
  });
}

// What a thread needs for a block of tiles.
struct Room {
  Scratch from, to, outside;
  std::vector<float*> places;
};

// Tiles [begin, end) through all steps: their elements at `read` places, changed by FROM, times the changed kernel
// (depth x columns), changed back by TO into their `written` places.
template <typename From, typename To, Store STORE, typename Read, typename Written>
void Through(int64_t begin, int64_t end, int64_t depth, int64_t columns, const float* kernel, const Read& read,
             const Written& written) {
  thread_local Room room;
  constexpr int kRead = From::kFrom * From::kFrom, kWritten = To::kTo * To::kTo;
  const int64_t fitting = kCache / static_cast<int64_t>(sizeof(float)) / (kFrequencies * (depth + kColumns));
  const int64_t most = TilesOfBlock(end - begin, std::max(fitting, kLeast));
  // What stays in the cache is read again for every kColumns of the results; what does not is read once, for all.
  const int64_t width = fitting >= kLeast / 2 ? kColumns : Up(columns, kColumns);
  const int64_t from_apart = Apart(most * depth), to_apart = Apart(most * width);
  float* from = room.from.Of(kFrequencies * from_apart);
  float* to = room.to.Of(kFrequencies * to_apart);
  float* zeros = room.outside.Of(depth + columns);  // what is read outside; and where what is cut off is written
  std::fill(zeros, zeros + depth, 0.0f);
  room.places.resize(most * kWritten);
  for (int64_t first = begin; first < end; first += most) {
    const int64_t rows = std::min(most, end - first);
    for (int64_t t = 0; t < rows; ++t) {
      const float* places[kRead];
      read(first + t, zeros, places);
      written(first + t, zeros + depth, room.places.data() + t * kWritten);
      for (int64_t k = 0; k < depth; k += kWidth)
        Gather<From>(places, k, depth - k, from + t * depth + k, from_apart);
    }
    for (int64_t low = 0; low < columns; low += width) {
      for (int f = 0; f < kFrequencies; ++f)
        for (int64_t n = low; n < std::min(columns, low + width); n += kColumns)
          for (int64_t k = 0; k < depth; k += kSum) {
            const Run run{k, std::min(kSum, depth - k)};
            Rows(rows, {from + f * from_apart, depth, 1}, &run, 1,
                 kernel + (n / kColumns * kFrequencies + f) * depth * kColumns + k * kColumns,
                 to + f * to_apart + n - low, width, kColumns, k ? Store::kAdd : Store::kSet);
          }
      for (int64_t t = 0; t < rows; ++t)
        for (int64_t n = low; n < std::min(columns, low + width); n += kWidth)
          Spread<To, STORE>(to + t * width + n - low, to_apart, room.places.data() + t * kWritten, n, columns - n);
    }
  }
}

}  // namespace

void ConvolveWinograd(const Pool& pool, const Convolution& c, const float* x, const float* w, float* y) {
  Lent changed;
  float* const kernel = changed.Of(kFrequencies * c.channels * Up(c.filters, kColumns));
  ChangeKernel(pool, w, c.channels, c.filters, c.filters, 1, kernel);
  const Tiles tiles(c);
  const int64_t tasks = std::min((tiles.count + kRows - 1) / kRows, 4 * pool.threads);
  Parallel(pool, tasks, [&](int64_t task) {
    Through<Inputs, Outputs, Store::kSet>(
        tiles.count * task / tasks, tiles.count * (task + 1) / tasks, c.channels, c.filters, kernel,
        [&](int64_t tile, const float* zeros, const float** to) { InputPlaces(c, tiles, x, tile, zeros, to); },
        [&](int64_t tile, float* outside, float** to) { OutputPlaces(c, tiles, y, tile, outside, to); });
  });
}

void InputGradientWinograd(const Pool& pool, const Convolution& c, const float* dy, const float* w, float* dx) {
  Lent changed;
  float* const kernel = changed.Of(kFrequencies * c.filters * Up(c.channels, kColumns));
  ChangeKernel(pool, w, c.filters, c.channels, 1, c.filters, kernel);
  const Tiles tiles(c);
  const int64_t image = c.height * c.width * c.channels;
  // Tiles that are neighbours add to the same inputs. A task takes whole images, or, where these are few, rows of
  // tiles: then tasks that are neighbours must not run together, and every second one waits for the others.
  const bool whole = c.batch >= 2 * pool.threads;
  const int64_t lines = whole ? c.batch : c.batch * tiles.down, line = whole ? tiles.each : tiles.across;
  const int64_t tasks = std::min(lines, (whole ? 4 : 8) * pool.threads);
  const auto run = [&](int64_t task) {
    const int64_t begin = lines * task / tasks, end = lines * (task + 1) / tasks;
    if (whole) std::fill(dx + begin * image, dx + end * image, 0.0f);
    Through<OutputsBack, InputsBack, Store::kAdd>(
        begin * line, end * line, c.filters, c.channels, kernel,
        [&](int64_t tile, const float* zeros, const float** to) { OutputPlaces(c, tiles, dy, tile, zeros, to); },
        [&](int64_t tile, float* outside, float** to) { InputPlaces(c, tiles, dx, tile, outside, to); });
  };
  if (whole) {
    Parallel(pool, tasks, run);
    return;
  }
  std::fill(dx, dx + c.batch * image, 0.0f);
  for (int64_t odd = 0; odd < 2; ++odd) Parallel(pool, (tasks + 1 - odd) / 2, [&](int64_t t) { run(2 * t + odd); });
}

void KernelGradientWinograd(const Pool& pool, const Convolution& c, const float* x, const float* dy, float* dw) {
  const Tiles tiles(c);
  const int64_t size = c.channels * c.filters;
  // Many filters are shared out, which costs only that each task changes the inputs for itself; then the tiles, where
  // each part has a sum of its own.
  const int64_t panels = (c.filters + kColumns - 1) / kColumns;
  const int64_t across = std::max<int64_t>(1, std::min(pool.threads, c.filters / 64));
  const int64_t parts = std::min((pool.threads + across - 1) / across, (tiles.count + kLeast - 1) / kLeast);
  Lent summed;
  float* const sums = summed.Of(parts * kFrequencies * size);
  Parallel(pool, parts * across, [&](int64_t task) {
    thread_local Room room;
    const int64_t part = task % parts, slice = task / parts;
    float* sum = sums + part * kFrequencies * size;
    const int64_t low = panels * slice / across * kColumns;
    const int64_t high = std::min(c.filters, panels * (slice + 1) / across * kColumns), width = Up(high - low, kColumns);
    const int64_t begin = tiles.count * part / parts, end = tiles.count * (part + 1) / parts;
    // The sums pass through the cache for every block: the more tiles, the seldomer.
    const int64_t fitting = 2 * kCache / static_cast<int64_t>(sizeof(float)) / (kFrequencies * (c.channels + width));
    const int64_t worth = c.channels * width / (c.channels + width);
    const int64_t most = TilesOfBlock(end - begin, std::min(kDepth - kRows, std::max({fitting, worth, kLeast})));
    const int64_t row = c.channels % 64 ? c.channels : Apart(c.channels);
    const int64_t v_apart = Apart(most * row), m_apart = Apart(most * width);
    float* v = room.from.Of(kFrequencies * v_apart);
    float* m = room.to.Of(kFrequencies * m_apart);
    float* zeros = room.outside.Of(std::max(c.channels, c.filters));
    std::fill(zeros, zeros + std::max(c.channels, c.filters), 0.0f);
    for (int64_t first = begin; first < end; first += most) {
      const int64_t count = std::min(most, end - first);
      for (int64_t t = 0; t < count; ++t) {
        const float* places[kFrequencies];
        InputPlaces(c, tiles, x, first + t, static_cast<const float*>(zeros), places);
        for (int64_t k = 0; k < c.channels; k += kWidth) Gather<Inputs>(places, k, c.channels - k, v + t * row + k, v_apart);
        OutputPlaces(c, tiles, dy, first + t, static_cast<const float*>(zeros), places);
        for (int64_t n = low; n < high; n += kWidth)  // packed: kColumns of all tiles, then the next
          Gather<OutputsBack>(places, n, c.filters - n,
                              m + (n - low) / kColumns * kColumns * count + t * kColumns + n % kColumns, m_apart);
      }
      const Run run{0, count};
      for (int f = 0; f < kFrequencies; ++f)
        for (int64_t n = low; n < high; n += kColumns)
          Rows(c.channels, {v + f * v_apart, 1, row}, &run, 1, m + f * m_apart + (n - low) * count, sum + f * size + n,
               c.filters, std::min<int64_t>(kColumns, high - n), first == begin ? Store::kSet : Store::kAdd);
    }
  });
  // dw = G' dU G, of the parts' sum.
  const int64_t stretch = 64 * kWidth;
  Parallel(pool, (size + stretch - 1) / stretch, [&](int64_t task) {
    for (int64_t k = task * stretch; k < std::min(size, (task + 1) * stretch); k += kWidth)
      Change<WindowBack>(
          [&](int f) {
            Vector sum = Load(sums + f * size + k, size - k);
            for (int64_t part = 1; part < parts; ++part)
              sum += Load(sums + (part * kFrequencies + f) * size + k, size - k);
            return sum;
          },
          [&](int t, Vector v) { Put(dw + t * size + k, size - k, v); });
  });
}

}  // namespace ranvier
