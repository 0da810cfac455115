// The doors of attention to XLA.

#include "doors.h"
#include "kernels.h"

namespace {

using ranvier::Attention;
using Mask = ffi::Buffer<ffi::PRED, 4>;
using Seed = ffi::Buffer<ffi::U32, 1>;

ffi::ErrorOr<Attention> Described(Array<4> q, Array<4> k, Array<4> v, Mask mask, Seed seed, float scale, float rate,
                                  int64_t threshold, bool zeros) {
  const auto qs = q.dimensions(), ks = k.dimensions(), vs = v.dimensions(), ms = mask.dimensions();
  Attention a{};
  a.batch = qs[0], a.queries = qs[1], a.heads = qs[2], a.features = qs[3];
  a.keys = ks[1], a.values = vs[3];
  const int64_t whole[] = {a.batch, a.heads, a.queries, a.keys};
  bool fits = ks[0] == a.batch && vs[0] == a.batch && vs[1] == a.keys && ks[2] == a.heads && vs[2] == a.heads &&
              ks[3] == a.features && q.element_count() && k.element_count() && v.element_count();
  if (mask.element_count()) {
    int64_t strides[4], stride = 1;
    for (int i = 3; i >= 0; --i) {
      fits = fits && (ms[i] == 1 || ms[i] == whole[i]);
      strides[i] = ms[i] == 1 ? 0 : stride;
      stride *= ms[i];
    }
    a.mask = reinterpret_cast<const uint8_t*>(mask.untyped_data());
    a.mask_batch = strides[0], a.mask_head = strides[1], a.mask_query = strides[2], a.mask_key = strides[3];
  }
  if (rate > 0.0f) {
    fits = fits && seed.element_count() == 2;
    a.seed = seed.typed_data();
    a.threshold = static_cast<uint32_t>(threshold);
    a.factor = 1.0f / (1.0f - rate);
  }
  a.scale = scale;
  a.zeros = zeros;
  if (!fits) return ffi::Unexpected(ffi::Error::InvalidArgument("ranvier: the attention's shapes do not fit"));
  return a;
}

ffi::Error AttendDoor(ffi::ThreadPool threads, Array<4> q, Array<4> k, Array<4> v, Mask mask, Seed seed, Result<4> y,
                      Result<3> logs, float scale, float rate, int64_t threshold, bool zeros) {
  const auto a = Described(q, k, v, mask, seed, scale, rate, threshold, zeros);
  if (!a.has_value()) return a.error();
  ranvier::Attend(PoolOf(threads), *a, q.typed_data(), k.typed_data(), v.typed_data(), y->typed_data(),
                  logs->typed_data());
  return ffi::Error::Success();
}

ffi::Error AttendGradientDoor(ffi::ThreadPool threads, Array<4> q, Array<4> k, Array<4> v, Mask mask, Seed seed,
                              Array<4> y, Array<3> logs, Array<4> dy, Result<4> dq, Result<4> dk, Result<4> dv,
                              float scale, float rate, int64_t threshold, bool zeros) {
  const auto a = Described(q, k, v, mask, seed, scale, rate, threshold, zeros);
  if (!a.has_value()) return a.error();
  ranvier::AttendGradient(PoolOf(threads), *a, q.typed_data(), k.typed_data(), v.typed_data(), y.typed_data(),
                          logs.typed_data(), dy.typed_data(), dq->typed_data(), dk->typed_data(), dv->typed_data());
  return ffi::Error::Success();
}

}  // namespace

#pragma GCC visibility push(default)

#define RANVIER_ATTENTION_INPUTS                                                                                    \
  ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array<4>>().Arg<Array<4>>().Arg<Array<4>>().Arg<Mask>().Arg<Seed>()
#define RANVIER_ATTENTION_ATTRIBUTES \
  Attr<float>("scale").Attr<float>("rate").Attr<int64_t>("threshold").Attr<bool>("zeros")

XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_attend, AttendDoor,
                              RANVIER_ATTENTION_INPUTS.Ret<Array<4>>().Ret<Array<3>>().RANVIER_ATTENTION_ATTRIBUTES);
XLA_FFI_DEFINE_HANDLER_SYMBOL(ranvier_attend_gradient, AttendGradientDoor,
                              RANVIER_ATTENTION_INPUTS.Arg<Array<4>>().Arg<Array<3>>().Arg<Array<4>>().Ret<Array<4>>()
                                  .Ret<Array<4>>().Ret<Array<4>>().RANVIER_ATTENTION_ATTRIBUTES);

#pragma GCC visibility pop
