// The doors of normalisation by the batch to XLA.

#include "doors.h"
#include "kernels.h"

namespace {

bool Fits(Array<2> x, Array<1> column) {
  const auto xs = x.dimensions();
  return xs[1] == column.dimensions()[0] && xs[0] * xs[1] > 0;
}

ffi::Error Misfit() { return ffi::Error::InvalidArgument("ranvier: the normalisation's shapes do not fit"); }

ffi::Error MomentsDoor(ffi::ThreadPool threads, Array<2> x, Result<1> mean, Result<1> variance) {
  if (!Fits(x, *mean) || !Fits(x, *variance)) return Misfit();
  ranvier::BatchMoments(PoolOf(threads), x.dimensions()[0], x.dimensions()[1], x.typed_data(), mean->typed_data(),
                        variance->typed_data());
  return ffi::Error::Success();
}

ffi::Error BatchGradientDoor(ffi::ThreadPool threads, Array<2> x, Array<1> scale, Array<1> shift, Array<1> mean,
                             Array<1> variance, Array<2> dy, Result<2> dx, Result<1> dscale, Result<1> dshift,
                             float epsilon, float slope) {
  const auto xs = x.dimensions();
  for (const Array<1>& column : {scale, shift, mean, variance, *dscale, *dshift})
    if (!Fits(x, column)) return Misfit();
  for (const Array<2>& all : {dy, *dx})
    if (all.dimensions()[0] != xs[0] || all.dimensions()[1] != xs[1]) return Misfit();
  ranvier::NormalizeBatchGradient(PoolOf(threads), {xs[0], xs[1], epsilon, slope}, x.typed_data(), scale.typed_data(),
                                  shift.typed_data(), mean.typed_data(), variance.typed_data(), dy.typed_data(),
                                  dx->typed_data(), dscale->typed_data(), dshift->typed_data());
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    ranvier_moments, MomentsDoor,
    ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Ret<Array<1>>().Ret<Array<1>>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_batch_gradient, BatchGradientDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Arg<Array<1>>().Arg<Array<1>>()
                                  .Arg<Array<1>>().Arg<Array<1>>().Arg<Array<2>>().Ret<Array<2>>().Ret<Array<1>>()
                                  .Ret<Array<1>>().Attr<float>("epsilon").Attr<float>("slope"));

#pragma GCC visibility pop
