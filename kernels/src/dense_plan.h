// What the doors of dense networks share: reading the plan of a network.

#pragma once

#include <algorithm>
#include <utility>

#include "dense.h"

namespace ranvier {

// The plan, read number by number; what is missing or out of its range spoils it.
class Plan {
 public:
  // Of anything that has a size and elements.
  template <typename Whole, typename Numbers>
  Plan(const Whole& whole, const Numbers& numbers)
      : whole_(whole.begin()), size_(whole.size()), numbers_(numbers.begin()), number_count_(numbers.size()) {}

  int64_t Next(int64_t least, int64_t limit) {
    const int64_t value = at_ < size_ ? whole_[at_] : least - 1;
    ++at_;
    if (value < least || value >= limit) {
      good_ = false;
      return least;
    }
    return value;
  }

  float Number() {
    if (number_ >= number_count_) good_ = false;
    return good_ ? numbers_[number_++] : 0.0f;
  }

  bool good() const { return good_; }
  bool over() const { return good_ && at_ == size_ && number_ == number_count_; }

 private:
  const int64_t* whole_;
  size_t size_;
  const float* numbers_;
  size_t number_count_;
  size_t at_ = 0, number_ = 0;
  bool good_ = true;
};

constexpr int64_t kMany = int64_t{1} << 31;

// What the plan says of the sizes of parameters and of moving values, to be held against the buffers.
struct Sizes {
  int64_t slots, parameters, moving, drops = 0;
  std::vector<int64_t> parameter, still;
};

// Notes the size of what lies at `place`, if anything; what is used twice spoils the plan.
inline void Claim(Plan& plan, std::vector<int64_t>& sizes, int64_t place, int64_t size) {
  if (place < 0) return;
  if (sizes[place] >= 0) plan.Next(0, 0);
  sizes[place] = size;
}

inline void ReadOps(Plan& plan, int64_t width, Sizes& sizes, std::vector<ColumnOp>& ops) {
  const int64_t count = plan.Next(0, 64);
  for (int64_t i = 0; i < count && plan.good(); ++i) {
    ColumnOp op;
    op.kind = static_cast<Kind>(plan.Next(0, static_cast<int64_t>(Kind::kKinds)));
    op.gamma = plan.Next(-1, sizes.parameters);
    op.beta = plan.Next(-1, sizes.parameters);
    op.place = plan.Next(-1, kMany);
    op.threshold = static_cast<uint32_t>(plan.Next(0, int64_t{1} << 32));
    op.a = plan.Number();
    op.b = plan.Number();
    op.c = plan.Number();
    Claim(plan, sizes.parameter, op.gamma, width);
    Claim(plan, sizes.parameter, op.beta, width);
    if (op.kind == Kind::kNormalize) {
      if (op.place < 0 || op.place + 1 >= sizes.moving) return void(plan.Next(0, 0));
      Claim(plan, sizes.still, op.place, width);
      Claim(plan, sizes.still, op.place + 1, width);
    }
    if (op.kind == Kind::kDrop) {
      if (op.place < 0) return void(plan.Next(0, 0));
      sizes.drops = std::max(sizes.drops, op.place + 1);
    }
    ops.push_back(op);
  }
}

// What comes before the first product, and `count` layers; what does not fit spoils the plan.
inline void ReadLayers(Plan& plan, int64_t count, Sizes& sizes, std::vector<ColumnOp>& before,
                       std::vector<Affine>& layers) {
  const int64_t parameters = std::exchange(sizes.parameters, 0);  // nothing is learnt before the first product
  ReadOps(plan, 0, sizes, before);
  sizes.parameters = parameters;
  for (const ColumnOp& op : before)
    if (op.kind == Kind::kNormalize) return void(plan.Next(0, 0));
  for (int64_t l = 0; l < count && plan.good(); ++l) {
    Affine layer;
    layer.in = plan.Next(1, kMany);
    layer.out = plan.Next(1, kMany);
    layer.kernel = plan.Next(0, sizes.parameters);
    layer.bias = plan.Next(-1, sizes.parameters);
    Claim(plan, sizes.parameter, layer.kernel, layer.in * layer.out);
    Claim(plan, sizes.parameter, layer.bias, layer.out);
    if (l && layers.back().out != layer.in) return void(plan.Next(0, 0));
    ReadOps(plan, layer.out, sizes, layer.ops);
    layers.push_back(std::move(layer));
  }
}

}  // namespace ranvier
