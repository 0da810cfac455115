// The doors of the recurrent kernels to XLA.

#include "doors.h"
#include "kernels.h"

namespace {

using ranvier::Sequence;

// A sequence of `gates` blocks of units, if the shapes agree.
template <typename Projected, typename Kernel, typename State, typename Keep>
ffi::ErrorOr<Sequence> Described(const Projected& x, const Kernel& w, const State& h, const Keep& keep, int64_t gates) {
  const auto xs = x.dimensions(), ws = w.dimensions(), states = h.dimensions(), kept = keep.dimensions();
  const Sequence s{xs[0], xs[1], states[1]};
  const bool fits = states[0] == s.batch && xs[2] == gates * s.units && ws[0] == s.units && ws[1] == gates * s.units &&
                    (kept[0] == 0 || kept[0] == s.time) && kept[1] == s.batch && s.time * s.batch * s.units > 0;
  if (!fits) return ffi::Unexpected(ffi::Error::InvalidArgument("ranvier: the recurrent shapes do not fit"));
  return s;
}

ffi::Error LstmDoor(ffi::ThreadPool threads, Array<3> x, Array<2> w, Array<2> h, Array<2> c, Array<2> keep,
                    Result<3> gates, Result<3> hs, Result<3> cs) {
  const auto s = Described(x, w, h, keep, 4);
  if (!s.has_value()) return s.error();
  ranvier::Lstm(PoolOf(threads), *s, w.typed_data(), h.typed_data(), c.typed_data(), OrNull(keep), gates->typed_data(),
                hs->typed_data(), cs->typed_data());
  return ffi::Error::Success();
}

ffi::Error LstmGradientDoor(ffi::ThreadPool threads, Array<3> saved, Array<2> w, Array<2> h, Array<2> c, Array<2> keep,
                            Array<3> hs, Array<3> cs, Array<2> last_h, Array<2> last_c, Array<3> each, Result<3> gates,
                            Result<2> dw, Result<2> dh, Result<2> dc) {
  const auto s = Described(saved, w, h, keep, 4);
  if (!s.has_value()) return s.error();
  ranvier::LstmGradient(PoolOf(threads), *s, w.typed_data(), h.typed_data(), c.typed_data(), OrNull(keep),
                        hs.typed_data(), cs.typed_data(), last_h.typed_data(), last_c.typed_data(), OrNull(each),
                        gates->typed_data(), dw->typed_data(), dh->typed_data(), dc->typed_data());
  return ffi::Error::Success();
}

ffi::Error GruDoor(ffi::ThreadPool threads, Array<3> x, Array<2> w, Array<1> bias, Array<2> h, Array<2> keep,
                   Result<3> gates, Result<3> hs) {
  const auto s = Described(x, w, h, keep, 3);
  if (!s.has_value()) return s.error();
  ranvier::Gru(PoolOf(threads), *s, x.typed_data(), w.typed_data(), bias.typed_data(), h.typed_data(), OrNull(keep),
               gates->typed_data(), hs->typed_data());
  return ffi::Error::Success();
}

ffi::Error GruGradientDoor(ffi::ThreadPool threads, Array<2> w, Array<2> h, Array<2> keep, Array<3> gates, Array<3> hs,
                           Array<2> last, Array<3> each, Result<3> dx, Result<2> dw, Result<1> dbias, Result<2> dh) {
  const auto s = Described(*dx, w, h, keep, 3);
  if (!s.has_value()) return s.error();
  ranvier::GruGradient(PoolOf(threads), *s, w.typed_data(), h.typed_data(), OrNull(keep), gates.typed_data(),
                       hs.typed_data(), last.typed_data(), OrNull(each), dx->typed_data(), dw->typed_data(),
                       dbias->typed_data(), dh->typed_data());
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_lstm, LstmDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<3>>().Arg<Array<2>>().Arg<Array<2>>()
                                  .Arg<Array<2>>().Arg<Array<2>>().Ret<Array<3>>().Ret<Array<3>>().Ret<Array<3>>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_lstm_gradient, LstmGradientDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<3>>().Arg<Array<2>>().Arg<Array<2>>()
                                  .Arg<Array<2>>().Arg<Array<2>>().Arg<Array<3>>().Arg<Array<3>>().Arg<Array<2>>()
                                  .Arg<Array<2>>().Arg<Array<3>>().Ret<Array<3>>().Ret<Array<2>>().Ret<Array<2>>()
                                  .Ret<Array<2>>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_gru, GruDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<3>>().Arg<Array<2>>().Arg<Array<1>>()
                                  .Arg<Array<2>>().Arg<Array<2>>().Ret<Array<3>>().Ret<Array<3>>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_gru_gradient, GruGradientDoor,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<2>>().Arg<Array<2>>().Arg<Array<2>>()
                                  .Arg<Array<3>>().Arg<Array<3>>().Arg<Array<2>>().Arg<Array<3>>().Ret<Array<3>>()
                                  .Ret<Array<2>>().Ret<Array<1>>().Ret<Array<2>>());

#pragma GCC visibility pop
