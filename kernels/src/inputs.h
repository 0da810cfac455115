// The rows of a batch, fetched from the data.

#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "dense.h"
#include "sparse.h"

namespace ranvier {

// Asks for `rows` rows of `count` floats, `row` apart, before they are needed.
inline void Expect(const float* from, int64_t rows, int64_t row, int64_t count) {
  constexpr int64_t kLine = 16;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t n = 0; n < count; n += kLine) __builtin_prefetch(from + r * row + n);
}

// Which row of the data is row m of a step's batch.
inline int64_t RowOf(const Training& t, int64_t step, int64_t m) {
  const int64_t i = step * t.batch + m;
  return t.order ? std::min<int64_t>(std::max<int64_t>(t.order[i], 0), t.rows - 1) : i;
}

// A batch in blocks of columns, `block` apart, and, if `marked`, which of its numbers are not zero.
struct Inputs {
  float* blocks;
  Marks marks;
  bool marked;

  // Fetches row m of a step.
  void Fetch(const Training& t, int64_t step, int64_t m, int64_t block) {
    const int64_t width = t.layers[0].in, row = RowOf(t, step, m) * width;
    const bool more = m + 2 < t.batch;  // rows lie anywhere in the data: those that come soon are asked for
    const int64_t later = more ? RowOf(t, step, m + 2) * width : 0;
    if (t.floats) {
      if (more) Expect(t.floats + later, 1, 0, width);
      Put(t, t.floats + row, m, block);
    } else {
      if (more) Expect(reinterpret_cast<const float*>(t.bytes + later), 1, 0, width / 4);
      Put(t, t.bytes + row, m, block);
    }
  }

 private:
  template <typename From>
  void Put(const Training& t, const From* from, int64_t m, int64_t block) {
    const int64_t width = t.layers[0].in;
    const bool same = sizeof(From) == sizeof(float) && t.scale == 1.0f && t.offset == 0.0f;
    float* to = blocks + m * kColumns;
    uint64_t word = 0;
    for (int64_t c = 0; c < width; c += kColumns, to += block) {
      const int64_t count = std::min<int64_t>(kColumns, width - c);
      if (same && count == kColumns) {
        std::memcpy(to, from + c, kColumns * sizeof(float));  // a size that is known takes no call
      } else if (same) {
        std::memcpy(to, from + c, count * sizeof(float));
      } else {
        for (int64_t n = 0; n < count; ++n) to[n] = static_cast<float>(from[c + n]) * t.scale + t.offset;
      }
      if (!marked) continue;
      word |= Marked(to) << c % kPart;
      if ((c + kColumns) % kPart == 0 || c + kColumns >= width) marks.Set(m, c / kPart, std::exchange(word, 0));
    }
  }
};

}  // namespace ranvier
