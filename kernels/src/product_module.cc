// The doors of products to XLA.

#include "doors.h"
#include "product.h"

namespace {

using ranvier::Product;

bool Fits(const Product& p, Array<2> w, Array<2> y) {
  return w.dimensions()[0] == p.in && w.dimensions()[1] == p.out && y.dimensions()[0] == p.rows &&
         y.dimensions()[1] == p.out && p.rows * p.in * p.out > 0;
}

ffi::Error Misfit() { return ffi::Error::InvalidArgument("ranvier: the product's shapes do not fit"); }

ffi::Error MultiplyDoor(ffi::ThreadPool threads, Array<2> x, Array<2> w, Array<1> bias, Result<2> y, bool rectified) {
  const Product p{x.dimensions()[0], x.dimensions()[1], w.dimensions()[1], rectified};
  if (!Fits(p, w, *y) || (bias.element_count() && bias.dimensions()[0] != p.out)) return Misfit();
  ranvier::Multiply(PoolOf(threads), p, x.typed_data(), w.typed_data(), OrNull(bias), y->typed_data());
  return ffi::Error::Success();
}

ffi::Error MultiplyInputDoor(ffi::ThreadPool threads, Array<2> w, Array<2> y, Array<2> dy, Result<2> dx) {
  const Product p{dy.dimensions()[0], w.dimensions()[0], w.dimensions()[1], y.element_count() > 0};
  const auto xs = dx->dimensions();
  if (!Fits(p, w, dy) || (p.rectified && !Fits(p, w, y)) || xs[0] != p.rows || xs[1] != p.in) return Misfit();
  ranvier::MultiplyInputGradient(PoolOf(threads), p, w.typed_data(), OrNull(y), dy.typed_data(), dx->typed_data());
  return ffi::Error::Success();
}

ffi::Error MultiplyKernelDoor(ffi::ThreadPool threads, Array<2> x, Array<2> y, Array<2> dy, Result<2> dw,
                              Result<1> dbias) {
  const Product p{x.dimensions()[0], x.dimensions()[1], dy.dimensions()[1], y.element_count() > 0};
  const int64_t count = dbias->element_count();
  if (!Fits(p, *dw, dy) || (p.rectified && !Fits(p, *dw, y)) || (count && count != p.out)) return Misfit();
  ranvier::MultiplyKernelGradient(PoolOf(threads), p, x.typed_data(), OrNull(y), dy.typed_data(), dw->typed_data(),
                                  count ? dbias->typed_data() : nullptr);
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_multiply, MultiplyDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Arg<Array<2>>().Arg<Array<1>>()
                                  .Ret<Array<2>>().Attr<bool>("rectified"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_multiply_input_gradient, MultiplyInputDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Arg<Array<2>>().Arg<Array<2>>()
                                  .Ret<Array<2>>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_multiply_kernel_gradient, MultiplyKernelDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Arg<Array<2>>().Arg<Array<2>>()
                                  .Ret<Array<2>>().Ret<Array<1>>());

#pragma GCC visibility pop
