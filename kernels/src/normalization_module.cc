// The doors of normalisation to XLA.

#include "doors.h"
#include "kernels.h"

namespace {

bool Fits(Array<2> x, Array<1> scale, Array<1> rows) {
  const auto xs = x.dimensions();
  return xs[1] == scale.dimensions()[0] && xs[0] == rows.dimensions()[0] && xs[0] * xs[1] > 0;
}

ffi::Error Misfit() { return ffi::Error::InvalidArgument("ranvier: the normalisation's shapes do not fit"); }

ffi::Error NormalizeDoor(ffi::ThreadPool threads, Array<2> x, Array<1> scale, Array<1> shift, Result<2> y,
                         Result<1> means, Result<1> inverses, float epsilon) {
  if (!Fits(x, scale, *means) || !Fits(x, shift, *inverses)) return Misfit();
  ranvier::NormalizeRows(PoolOf(threads), x.dimensions()[0], x.dimensions()[1], epsilon, x.typed_data(),
                         scale.typed_data(), shift.typed_data(), y->typed_data(), means->typed_data(),
                         inverses->typed_data());
  return ffi::Error::Success();
}

ffi::Error NormalizeGradientDoor(ffi::ThreadPool threads, Array<2> x, Array<1> scale, Array<1> means,
                                 Array<1> inverses, Array<2> dy, Result<2> dx, Result<1> dscale, Result<1> dshift) {
  if (!Fits(x, scale, means) || !Fits(dy, *dscale, inverses)) return Misfit();
  ranvier::NormalizeRowsGradient(PoolOf(threads), x.dimensions()[0], x.dimensions()[1], x.typed_data(),
                                 scale.typed_data(), means.typed_data(), inverses.typed_data(), dy.typed_data(),
                                 dx->typed_data(), dscale->typed_data(), dshift->typed_data());
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_normalize, NormalizeDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Arg<Array<1>>().Arg<Array<1>>()
                                  .Ret<Array<2>>().Ret<Array<1>>().Ret<Array<1>>().Attr<float>("epsilon"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_normalize_gradient, NormalizeGradientDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Arg<Array<1>>().Arg<Array<1>>()
                                  .Arg<Array<1>>().Arg<Array<2>>().Ret<Array<2>>().Ret<Array<1>>().Ret<Array<1>>());

#pragma GCC visibility pop
