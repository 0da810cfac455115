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

ffi::Error ConvolveDoor(ffi::ThreadPool threads, Images x, Images w, ffi::ResultBuffer<ffi::F32, 4> y,
                        ffi::Span<const int64_t> geometry) {
  const auto c = Described(x, w, *y, geometry);
  if (!c.has_value()) return c.error();
  if (Empty(*c)) {
    std::memset(y->typed_data(), 0, y->size_bytes());
  } else {
    (IsDepthwise(*c) ? ranvier::ConvolveDepthwise : ranvier::Convolve)(PoolOf(threads), *c, x.typed_data(), w.typed_data(), y->typed_data());
  }
  return ffi::Error::Success();
}

ffi::Error KernelGradientDoor(ffi::ThreadPool threads, Images x, Images dy, ffi::ResultBuffer<ffi::F32, 4> dw,
                              ffi::Span<const int64_t> geometry) {
  const auto c = Described(x, *dw, dy, geometry);
  if (!c.has_value()) return c.error();
  if (Empty(*c)) {
    std::memset(dw->typed_data(), 0, dw->size_bytes());
  } else {
    (IsDepthwise(*c) ? ranvier::KernelGradientDepthwise : ranvier::KernelGradient)(PoolOf(threads), *c, x.typed_data(), dy.typed_data(), dw->typed_data());
  }
  return ffi::Error::Success();
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
