// The door of the training of dense networks to XLA.

#include <cstring>

#include "dense.h"
#include "dense_plan.h"
#include "doors.h"

namespace {

using ranvier::kMany;
using ranvier::Plan;
using ranvier::Sizes;
using ranvier::Training;

ffi::Error Misfit(const char* what) { return ffi::Error::InvalidArgument(std::string("ranvier: dense training: ") + what); }

bool Read(Plan& plan, Training& t, Sizes& sizes) {
  t.batch = plan.Next(1, kMany);
  t.softmax = plan.Next(0, 2);
  t.aim = static_cast<ranvier::Aim>(plan.Next(0, static_cast<int64_t>(ranvier::Aim::kAims)));
  t.rule = static_cast<ranvier::Rule>(plan.Next(0, static_cast<int64_t>(ranvier::Rule::kRules)));
  sizes.slots = plan.Next(0, 3);
  const int64_t needed = t.rule == ranvier::Rule::kAdam ? 2 : t.rule == ranvier::Rule::kDescent ? 0 : 1;
  const int64_t layers = plan.Next(1, 10000);
  sizes.parameters = plan.Next(1, 100000);
  sizes.moving = plan.Next(0, 100000);
  sizes.parameter.assign(sizes.parameters, -1);
  sizes.still.assign(sizes.moving, -1);
  for (float& number : t.numbers) number = plan.Number();
  t.scale = plan.Number();
  t.offset = plan.Number();
  if (!plan.good() || sizes.slots != needed) return false;
  ReadLayers(plan, layers, sizes, t.before, t.layers);
  return plan.over();
}

// A buffer that the call changes in place: XLA gives the result the operand's memory, or else it is copied.
float* InPlace(const ffi::AnyBuffer& from, ffi::Result<ffi::AnyBuffer>& to) {
  float* out = to->typed_data<float>();
  if (from.typed_data<float>() != out) std::memcpy(out, from.typed_data<float>(), from.size_bytes());
  return out;
}

using Words = ffi::Buffer<ffi::U32, 2>;
using Indices = ffi::Buffer<ffi::S32, 1>;

ffi::Error TrainDoor(ffi::ThreadPool threads, ffi::AnyBuffer x, ffi::AnyBuffer y, Indices order, Indices range,
                     Array<2> rates, Words seeds, ffi::RemainingArgs values, Result<2> outputs, ffi::RemainingRets news,
                     ffi::Span<const int64_t> plan, ffi::Span<const float> numbers) {
  Training t{};
  Sizes sizes;
  Plan whole(plan, numbers);
  if (!Read(whole, t, sizes)) return Misfit("the plan is not whole");
  const int64_t each = 1 + sizes.slots, count = sizes.parameters * each + sizes.moving;
  if (static_cast<int64_t>(values.size()) != count || static_cast<int64_t>(news.size()) != count)
    return Misfit("the number of values does not fit the plan");
  for (int64_t i = 0; i < count; ++i) {
    const bool learnt = i < sizes.parameters * each;
    const int64_t size = learnt ? sizes.parameter[i / each] : sizes.still[i - sizes.parameters * each];
    auto from = values.get<ffi::AnyBuffer>(i);
    auto to = news.get<ffi::AnyBuffer>(i);
    if (!from.has_value() || !to.has_value()) return Misfit("a value is missing");
    if (from->element_type() != ffi::F32 || (*to)->element_type() != ffi::F32) return Misfit("values must be float32");
    const int64_t there = from->element_count();
    if (there != size || static_cast<int64_t>((*to)->element_count()) != size) return Misfit("a value has a wrong size");
    float* const value = InPlace(*from, *to);
    if (!learnt) {
      t.moving.push_back(value);
    } else if (i % each == 0) {
      t.parameters.push_back({value, {nullptr, nullptr}});
    } else {
      t.parameters.back().slots[i % each - 1] = value;
    }
  }
  const auto xs = x.dimensions();
  const int64_t width = t.layers.back().out;
  if (xs.size() != 2 || xs[1] != t.layers[0].in) return Misfit("the inputs do not fit the first layer");
  if (x.element_type() == ffi::F32) {
    t.floats = x.typed_data<float>();
  } else if (x.element_type() == ffi::U8) {
    t.bytes = x.typed_data<uint8_t>();
  } else {
    return Misfit("inputs must be float32 or uint8");
  }
  if (y.element_type() == ffi::F32 && static_cast<int64_t>(y.element_count()) == xs[0] * width) {
    t.targets = y.typed_data<float>();
  } else if (y.element_type() == ffi::S32 && static_cast<int64_t>(y.element_count()) == xs[0]) {
    t.classes = y.typed_data<int32_t>();
  } else {
    return Misfit("the targets do not fit");
  }
  t.rows = xs[0];
  t.order = order.element_count() ? order.typed_data() : nullptr;
  t.rates = rates.typed_data();
  t.seeds = seeds.typed_data();
  t.outputs = outputs->typed_data();
  if (range.element_count() != 2) return Misfit("a range has two ends");
  const int64_t start = range.typed_data()[0], stop = range.typed_data()[1];
  const int64_t rows = t.order ? static_cast<int64_t>(order.element_count()) : t.rows;
  const bool reach = start >= 0 && start <= stop && (start == stop || t.rows) && stop * t.batch <= rows &&
                     stop <= rates.dimensions()[0] && stop * t.batch <= outputs->dimensions()[0];
  if (!reach || rates.dimensions()[1] != 2 || outputs->dimensions()[1] != width || seeds.dimensions()[1] != 2 ||
      seeds.dimensions()[0] < sizes.drops)
    return Misfit("steps beyond the data");
  ranvier::Train(PoolOf(threads), t, start, stop);
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_train_dense, TrainDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()
                                  .Arg<Indices>().Arg<Indices>().Arg<Array<2>>().Arg<Words>().RemainingArgs()
                                  .Ret<Array<2>>().RemainingRets().Attr<ffi::Span<const int64_t>>("plan")
                                  .Attr<ffi::Span<const float>>("numbers"));

#pragma GCC visibility pop
