// The doors of pooling to XLA.

#include "doors.h"
#include "kernels.h"

namespace {

using Places = ffi::Buffer<ffi::U8, 4>;
using PlacesResult = ffi::ResultBuffer<ffi::U8, 4>;

// The pooling that shapes and `geometry` (window 2, strides 2, zeros before 2, rectified) describe.
template <typename X, typename Y, typename P>
ffi::ErrorOr<ranvier::Pooling> Described(X&& x, Y&& y, P&& places, int64_t bias, ffi::Span<const int64_t> geometry) {
  const auto xs = x.dimensions(), ys = y.dimensions(), ps = places.dimensions();
  if (geometry.size() != 7) return ffi::Unexpected(ffi::Error::InvalidArgument("ranvier: geometry must be 7 integers"));
  const ranvier::Pooling p{xs[0],       xs[1],       xs[2],       xs[3],       geometry[0],     geometry[1], ys[1],
                           ys[2],       geometry[2], geometry[3], geometry[4], geometry[5],     geometry[6] != 0};
  // Every window meets the image, and none reaches beyond what `before` and the sizes allow.
  const auto fits = [](int64_t size, int64_t window, int64_t out, int64_t stride, int64_t before) {
    return window > 0 && stride > 0 && before >= 0 && before < window && out > 0 && (out - 1) * stride - before < size;
  };
  const bool all = fits(p.height, p.window_h, p.out_h, p.stride_h, p.before_h) &&
                   fits(p.width, p.window_w, p.out_w, p.stride_w, p.before_w) && p.batch > 0 && p.channels > 0 &&
                   p.window_h * p.window_w <= ranvier::kNowhere && ys[0] == xs[0] && ys[3] == xs[3] &&
                   ys[0] == ps[0] && ys[1] == ps[1] && ys[2] == ps[2] && ys[3] == ps[3] &&
                   (bias == 0 || bias == p.channels);
  if (!all) return ffi::Unexpected(ffi::Error::InvalidArgument("ranvier: the pooling's shapes do not fit"));
  return p;
}

ffi::Error PoolDoor(ffi::ThreadPool threads, Array<4> x, Array<1> bias, Result<4> y, PlacesResult places,
                    ffi::Span<const int64_t> geometry) {
  const auto p = Described(x, *y, *places, bias.element_count(), geometry);
  if (!p.has_value()) return p.error();
  ranvier::PoolLargest(PoolOf(threads), *p, x.typed_data(), OrNull(bias), y->typed_data(), places->typed_data());
  return ffi::Error::Success();
}

ffi::Error PoolGradientDoor(ffi::ThreadPool threads, Array<4> dy, Places places, Result<4> dx, Result<1> dbias,
                            ffi::Span<const int64_t> geometry) {
  const auto p = Described(*dx, dy, places, dbias->element_count(), geometry);
  if (!p.has_value()) return p.error();
  ranvier::PoolLargestGradient(PoolOf(threads), *p, dy.typed_data(), places.typed_data(), dx->typed_data(),
                               dbias->element_count() ? dbias->typed_data() : nullptr);
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_pool, PoolDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<4>>().Arg<Array<1>>().Ret<Array<4>>()
                                  .Ret<Places>().Attr<ffi::Span<const int64_t>>("geometry"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_pool_gradient, PoolGradientDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<4>>().Arg<Places>().Ret<Array<4>>()
                                  .Ret<Array<1>>().Attr<ffi::Span<const int64_t>>("geometry"));

#pragma GCC visibility pop
