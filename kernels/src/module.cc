// The doors of the convolutions to XLA: decode buffers and attributes, check them, call the kernels.

#include <cstring>

#include "doors.h"
#include "kernels.h"

using ranvier::Convolution;

namespace {

using Images = Array<4>;

template <typename X, typename W, typename Y>
ffi::ErrorOr<Convolution> Described(const X& x, const W& w, const Y& y, ffi::Span<const int64_t> geometry) {
  if (geometry.size() != 7) return ffi::Unexpected(ffi::Error::InvalidArgument("ranvier: geometry has 7 numbers"));
  const auto xs = x.dimensions(), ws = w.dimensions(), ys = y.dimensions();
  Convolution c{xs[0],       xs[1],       xs[2],       xs[3],       ws[0],       ws[1],      ws[3],      geometry[6],
                ys[1],       ys[2],       geometry[0], geometry[1], geometry[2], geometry[3], geometry[4], geometry[5]};
  const bool fits = c.groups > 0 && ws[2] * c.groups == c.channels && c.filters % c.groups == 0 && ys[0] == c.batch &&
                    ys[3] == c.filters && c.stride_h > 0 && c.stride_w > 0 && c.dilation_h > 0 && c.dilation_w > 0 &&
                    c.before_h >= 0 && c.before_w >= 0;
  if (!fits) return ffi::Unexpected(ffi::Error::InvalidArgument("ranvier: the convolution's shapes do not fit"));
  return c;
}

bool Empty(const Convolution& c) {
  return c.batch * c.height * c.width * c.channels * c.window_h * c.window_w * c.filters * c.out_h * c.out_w == 0;
}

bool IsDepthwise(const Convolution& c) { return c.groups > 1 && c.groups == c.channels && c.filters == c.channels; }

using Kernel = void(const ranvier::Pool&, const Convolution&, const float*, const float*, float*);

ffi::Error Run(ffi::ThreadPool& threads, const ffi::ErrorOr<Convolution>& c, Kernel* usual, Kernel* depthwise,
               const Images& a, const Images& b, Result<4>& out) {
  if (!c.has_value()) return c.error();
  if (Empty(*c)) {
    std::memset(out->typed_data(), 0, out->size_bytes());
  } else {
    (IsDepthwise(*c) ? depthwise : usual)(PoolOf(threads), *c, a.typed_data(), b.typed_data(), out->typed_data());
  }
  return ffi::Error::Success();
}

// The same for kernels of minimal filtering, which are made for one kind of window.
ffi::Error RunFiltered(ffi::ThreadPool& threads, const ffi::ErrorOr<Convolution>& c, Kernel* kernel, const Images& a,
                       const Images& b, Result<4>& out) {
  if (c.has_value() && !(c->window_h == 3 && c->window_w == 3 && c->stride_h == 1 && c->stride_w == 1 &&
                         c->dilation_h == 1 && c->dilation_w == 1 && c->groups == 1))
    return ffi::Error::InvalidArgument("ranvier: minimal filtering is for windows of 3x3, strides and dilation of 1");
  return Run(threads, c, kernel, kernel, a, b, out);
}

using Geometry = ffi::Span<const int64_t>;

ffi::Error ConvolveDoor(ffi::ThreadPool threads, Images x, Images w, Result<4> y, Geometry geometry) {
  return Run(threads, Described(x, w, *y, geometry), ranvier::Convolve, ranvier::ConvolveDepthwise, x, w, y);
}

ffi::Error KernelGradientDoor(ffi::ThreadPool threads, Images x, Images dy, Result<4> dw, Geometry geometry) {
  return Run(threads, Described(x, *dw, dy, geometry), ranvier::KernelGradient, ranvier::KernelGradientDepthwise, x, dy,
             dw);
}

ffi::Error InputGradientDoor(ffi::ThreadPool threads, Images dy, Images w, Result<4> dx, Geometry geometry) {
  return Run(threads, Described(*dx, w, dy, geometry), ranvier::InputGradient, ranvier::InputGradientDepthwise, dy, w, dx);
}

ffi::Error WinogradDoor(ffi::ThreadPool threads, Images x, Images w, Result<4> y, Geometry geometry) {
  return RunFiltered(threads, Described(x, w, *y, geometry), ranvier::ConvolveWinograd, x, w, y);
}

ffi::Error WinogradKernelGradientDoor(ffi::ThreadPool threads, Images x, Images dy, Result<4> dw, Geometry geometry) {
  return RunFiltered(threads, Described(x, *dw, dy, geometry), ranvier::KernelGradientWinograd, x, dy, dw);
}

ffi::Error WinogradInputGradientDoor(ffi::ThreadPool threads, Images dy, Images w, Result<4> dx, Geometry geometry) {
  return RunFiltered(threads, Described(*dx, w, dy, geometry), ranvier::InputGradientWinograd, dy, w, dx);
}

}  // namespace

#pragma GCC visibility push(default)  // everything else is hidden

#define RANVIER_CONVOLUTION(symbol, door)                \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(symbol, door,            \
                                ffi::Ffi::Bind()         \
                                    .Ctx<ffi::ThreadPool>() \
                                    .Arg<Images>()       \
                                    .Arg<Images>()       \
                                    .Ret<Images>()       \
                                    .Attr<ffi::Span<const int64_t>>("geometry"))

RANVIER_CONVOLUTION(ranvier_convolve, ConvolveDoor);
RANVIER_CONVOLUTION(ranvier_kernel_gradient, KernelGradientDoor);
RANVIER_CONVOLUTION(ranvier_input_gradient, InputGradientDoor);
RANVIER_CONVOLUTION(ranvier_winograd, WinogradDoor);
RANVIER_CONVOLUTION(ranvier_winograd_kernel_gradient, WinogradKernelGradientDoor);
RANVIER_CONVOLUTION(ranvier_winograd_input_gradient, WinogradInputGradientDoor);

// The best of the libraries that this machine can run; asked of the basic one, which every machine can.
extern "C" const char* ranvier_best() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    return "avx512";
  if (avx2) return "avx2";
#endif
  return "basic";
}

#pragma GCC visibility pop
