// The doors of prediction by dense networks: one to XLA, and one without it, for whom its dispatch takes longer than the
// network.

#include <cstring>
#include <memory>

#include "dense_plan.h"
#include "dense_predict.h"
#include "doors.h"
#include "own_threads.h"

namespace {

using ranvier::Plan;
using ranvier::Predictor;
using ranvier::Sizes;

template <typename T>
struct Numbers {
  const T* first;
  size_t count;
  const T* begin() const { return first; }
  size_t size() const { return count; }
};

bool Read(Plan& plan, Predictor::Network& network, Sizes& sizes) {
  network.softmax = plan.Next(0, 2);
  const int64_t layers = plan.Next(1, 10000);
  sizes.slots = 0;
  sizes.parameters = plan.Next(1, 100000);
  sizes.moving = plan.Next(0, 100000);
  sizes.parameter.assign(sizes.parameters, -1);
  sizes.still.assign(sizes.moving, -1);
  network.scale = plan.Number();
  network.offset = plan.Number();
  if (!plan.good()) return false;
  ReadLayers(plan, layers, sizes, network.before, network.layers);
  return plan.over() && sizes.drops == 0;
}

// Puts a value where the plan says; false where its size does not fit.
bool Take(const Sizes& sizes, int64_t i, const float* value, int64_t size, std::vector<const float*>& parameters,
          std::vector<const float*>& moving) {
  const bool learnt = i < sizes.parameters;
  if (size != (learnt ? sizes.parameter[i] : sizes.still[i - sizes.parameters])) return false;
  (learnt ? parameters : moving).push_back(value);
  return true;
}

ffi::Error Misfit(const char* what) {
  return ffi::Error::InvalidArgument(std::string("ranvier: dense prediction: ") + what);
}

using Range = ffi::Buffer<ffi::S32, 1>;

// Fills the rows from range[0] to range[1] of y; `before` holds the others, unless there are none.
ffi::Error PredictDoor(ffi::ThreadPool threads, ffi::AnyBuffer x, Range range, Array<2> before,
                       ffi::RemainingArgs values, Result<2> y, ffi::Span<const int64_t> plan,
                       ffi::Span<const float> numbers) {
  Predictor::Network network{};
  Sizes sizes;
  Plan whole(plan, numbers);
  if (!Read(whole, network, sizes)) return Misfit("the plan is not whole");
  if (static_cast<int64_t>(values.size()) != sizes.parameters + sizes.moving)
    return Misfit("the number of values does not fit the plan");
  std::vector<const float*> parameters, moving;
  for (size_t i = 0; i < values.size(); ++i) {
    auto value = values.get<ffi::AnyBuffer>(i);
    if (!value.has_value() || value->element_type() != ffi::F32) return Misfit("values must be float32");
    if (!Take(sizes, i, value->typed_data<float>(), value->element_count(), parameters, moving))
      return Misfit("a value has a wrong size");
  }
  const auto xs = x.dimensions(), ys = y->dimensions();
  const bool floats = x.element_type() == ffi::F32;
  if (!floats && x.element_type() != ffi::U8) return Misfit("inputs must be float32 or uint8");
  if (xs.size() != 2 || xs[1] != network.layers.front().in || ys[0] != xs[0] || ys[1] != network.layers.back().out)
    return Misfit("the inputs or outputs do not fit the layers");
  if (range.element_count() != 2) return Misfit("a range has two ends");
  const int64_t first = range.typed_data()[0], stop = range.typed_data()[1];
  if (first < 0 || first > stop || stop > xs[0]) return Misfit("rows beyond the data");
  const auto olds = before.dimensions();
  if (olds[0] != xs[0] && (first != 0 || stop != xs[0])) return Misfit("rows that nobody fills");
  if (olds[0] == xs[0] && olds[1] != ys[1]) return Misfit("the outputs so far do not fit");
  if (olds[0] == xs[0] && before.typed_data() != y->typed_data())
    std::memcpy(y->typed_data(), before.typed_data(), before.size_bytes());
  if (first == stop) return ffi::Error::Success();
  const ranvier::Pool pool = PoolOf(threads);
  const Predictor predictor(pool, std::move(network), parameters, moving);
  const int64_t in = predictor.in();
  predictor.Run(pool, stop - first, floats ? x.typed_data<float>() + first * in : nullptr,
                floats ? nullptr : x.typed_data<uint8_t>() + first * in, y->typed_data() + first * predictor.out());
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_predict_dense, PredictDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<ffi::AnyBuffer>()
                                  .Arg<Range>().Arg<Array<2>>().RemainingArgs()
                                  .Ret<Array<2>>().Attr<ffi::Span<const int64_t>>("plan")
                                  .Attr<ffi::Span<const float>>("numbers"));

extern "C" {

// A network with copies of its weights, null if they do not fit the plan or memory; `ranvier_dense_close` frees it.
void* ranvier_dense_open(const int64_t* plan, int64_t plan_size, const float* numbers, int64_t number_count,
                         const float* const* values, const int64_t* value_sizes, int64_t value_count) try {
  Predictor::Network network{};
  Sizes sizes;
  Plan whole(Numbers<int64_t>{plan, static_cast<size_t>(plan_size)},
             Numbers<float>{numbers, static_cast<size_t>(number_count)});
  if (!Read(whole, network, sizes) || value_count != sizes.parameters + sizes.moving) return nullptr;
  std::vector<const float*> parameters, moving;
  for (int64_t i = 0; i < value_count; ++i)
    if (!Take(sizes, i, values[i], value_sizes[i], parameters, moving)) return nullptr;
  return new Predictor(ranvier::OwnThreads::Of(1), std::move(network), parameters, moving);
} catch (const std::exception&) {
  return nullptr;
}

// y for `rows` rows of x, bytes or floats. Returns 1; 0 if not all of x is finite; -1 where memory or threads are missing.
int ranvier_dense_run(const void* network, int64_t threads, int64_t rows, const void* x, int bytes, float* y) try {
  const float* floats = bytes ? nullptr : static_cast<const float*>(x);
  return static_cast<const Predictor*>(network)->Run(ranvier::OwnThreads::Of(threads), rows, floats,
                                                     static_cast<const uint8_t*>(x), y);
} catch (const std::exception&) {
  return -1;
}

void ranvier_dense_close(void* network) { delete static_cast<Predictor*>(network); }

}  // extern "C"

#pragma GCC visibility pop
