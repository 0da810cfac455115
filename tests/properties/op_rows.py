"""Rows for the functions of `ops` that compute: elementwise, broadcast, reductions, linear algebra, Fourier, control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from .strategies import FLOATS, Draw

__all__ = ["ROWS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """Functions of one signature, the arguments they are tried on, and how they are compared."""

    names: str
    make: Callable[[Draw], tuple[tuple[Any, ...], dict[str, Any]]]
    gradient: bool = True
    traced: bool = True  # False for results whose shapes depend on values
    tolerance: float = 1.0
    through: Callable[[Any], Callable[..., Any]] | None = None  # from a module to what is compared, if not the function

    def __str__(self) -> str:
        names = self.names.split()
        return names[0] if len(names) == 1 else f"{names[0]}-and-{len(names) - 1}-more"


def _unary(d: Draw) -> Any:
    return (d.tensor(*d.shape()),), {}


def _complex(d: Draw, shape: Any = None) -> np.ndarray:
    shape = d.shape(1, 2) if shape is None else shape
    return (d.floats(*shape) + 1j * d.floats(*shape)).astype("complex64")


def _inside(low: float, high: float) -> Any:
    return lambda d: ((d.floats(*d.shape(), low=low, high=high),), {})


def _option(**options: Any) -> Any:
    """A float tensor and options drawn by functions of Draw."""
    return lambda d: ((d.tensor(*d.shape(), dtypes=FLOATS),), d.some(**{k: f(d) for k, f in options.items()}))


def _along(low: int = 1, **fixed: Any) -> Any:
    def make(d: Draw) -> Any:
        shape = d.shape(low)
        return (d.tensor(*shape),), d.some(axis=d.axis(len(shape)), **fixed)

    return make


def _reduced(d: Draw, **more: Any) -> Any:
    shape = d.shape(1)
    return (d.tensor(*shape),), d.some(axis=d.axes(len(shape)), keepdims=d.flag(), **more)


def _reduced_with_holes(d: Draw) -> Any:
    (x,), options = _reduced(d)
    x = d.floats(*x.shape)
    return (np.where(d.rng.uniform(size=x.shape) < 0.3, np.float32(np.nan), x),), options


def _single(d: Draw, holes: bool) -> Any:
    shape = d.shape(1)
    x = d.tensor(*shape, dtypes=FLOATS) if holes else d.tensor(*shape)
    if holes and x.dtype == "float32":
        x = np.where(d.rng.uniform(size=shape) < 0.3, np.float32(np.nan), x)
    return (x,), d.some(axis=d.pick(None, d.axis(len(shape))), keepdims=d.flag())


def _running(d: Draw) -> Any:
    shape = d.shape(1)
    return (d.tensor(*shape),), d.some(axis=d.axis(len(shape)), dtype=d.pick("float32", "int32"))


def _quantiles(d: Draw, scale: int, holes: bool = False) -> Any:
    shape = d.shape(1)
    q = d.real(0.01, 0.99) * scale if d.flag() else [scale * d.real(0.01, 0.99), scale * 0.5]
    x = d.floats(*shape)
    if holes:
        x = np.where(d.rng.uniform(size=shape) < 0.2, np.float32(np.nan), x)
    options = {"axis": d.axes(len(shape)), "keepdims": d.flag()}
    options["method"] = d.pick("linear", "lower", "higher", "midpoint", "nearest")
    return (x, q), d.some(**options)


def _norms(d: Draw) -> Any:
    shape = d.shape(1)
    rank = len(shape)
    if d.flag():
        order, axis = d.pick(None, 1, 2, 3, np.inf, -np.inf, 0, 2.5), d.axis(rank)
    else:
        order, axis = d.pick(None, 1, -1, 2, -2, "fro", "nuc", np.inf, -np.inf), d.order(rank)[:2]
    return (d.floats(*shape),), {"ord": order, "axis": axis, **d.some(keepdims=d.flag())}


def _average(d: Draw) -> Any:
    shape = d.shape(1)
    axis = d.pick(None, d.axis(len(shape)))
    weights = d.floats(*(shape if axis is None or d.flag() else (shape[axis],)), low=0.1)
    return (d.tensor(*shape),), {"axis": axis, **d.some(weights=weights)}


def _two(d: Draw, dtypes: Any = ("float32", "bfloat16", "int32", "float16", "bool", "uint8", "int8")) -> Any:
    first, second = d.broadcastable(2)
    return (d.tensor(*first, dtypes=dtypes), d.tensor(*second, dtypes=dtypes)), {}


def _tensor_and_number(d: Draw) -> Any:
    pair = d.tensor(*d.shape(), dtypes=(*FLOATS, "int32")), d.pick(2, -1, 0.5, 1.5, True)
    return pair[:: d.pick(1, -1)], {}


def _two_whole(d: Draw) -> Any:
    first, second = d.broadcastable(2)
    kinds = d.pick("int32", "uint8", "int8"), d.pick("int32", "uint8", "int8")
    return (d.integers(*first, low=0, dtype=kinds[0]), d.integers(*second, low=1, dtype=kinds[1])), {}


def _close(d: Draw) -> Any:
    first, second = d.broadcastable(2)
    x = d.floats(*first)
    y = (np.broadcast_to(x, np.broadcast_shapes(first, second)) + d.pick(0, 1e-7, 1e-3)).astype("float32")
    return (x, y), d.some(rtol=d.pick(1e-2, 1e-6), atol=d.pick(1e-2, 1e-9), equal_nan=d.flag())


def _product(d: Draw, equal_last: bool = False) -> Any:
    """Operands of a matrix product, with batches that broadcast."""
    n, k, m = d.shape(3, 3)
    first, second = (*d.shape(0, 1), n, k), (*d.shape(0, 1), k, m)
    if len(first) == len(second) == 3 and 1 not in (first[0], second[0]):
        second = (first[0], *second[1:])
    if equal_last:
        second = (*second[:-2], m, k)
    pair = [first, second]
    if d.pick(False, False, True):
        pair[0] = (k,)
    if d.pick(False, False, True):
        pair[1] = (k,)
    kinds = ("float32", "bfloat16", "int32")
    return tuple(d.tensor(*s, dtypes=kinds) for s in pair), {}


def _dot(d: Draw) -> Any:
    k = d.pick(1, 2, 3)
    left, right = d.shape(0, 2), d.shape(0, 2)
    first, second = (*left, k), (k,) if not right else (*right[:-1], k, right[-1])
    return d.pick((d.tensor(*first), d.tensor(*second)), (d.floats(*first), np.float32(2))), {}


def _tensordot(d: Draw) -> Any:
    shape, tail = d.shape(1, 2), d.shape(0, 2)
    if d.flag():
        return (d.floats(*d.shape(0, 1), *shape), d.floats(*shape, *tail)), {"axes": len(shape)}
    n = len(shape)
    axes = [list(range(-n, 0)), list(range(n))]
    return (d.floats(*d.shape(0, 1), *shape), d.floats(*shape, *tail)), {"axes": axes}


def _einsum(d: Draw) -> Any:
    pattern = d.pick("ab,bc->ac", "abc,cd->abd", "ab,ab->", "abc->cb", "...a,ab->...b", "aab->b", "ab,cb,c->a", "ab,bc")
    size = {c: d.pick(1, 2, 3) for c in "abcd"}
    extra = d.shape(1, 2)
    terms = pattern.split("->")[0].split(",")
    shapes = [(*(extra if "..." in t else ()), *(size[c] for c in t.strip("."))) for t in terms]
    return (pattern, *(d.tensor(*s, dtypes=("float32", "int32")) for s in shapes)), {}


def _cross(d: Draw) -> Any:
    batch = d.shape(0, 2)
    return tuple(d.floats(*batch, d.pick(3, 3, 2)) for _ in range(2)), {}


def _square(d: Draw, kind: str = "any") -> Any:
    n, batch = d.pick(1, 2, 3), d.shape(0, 1)
    x = d.floats(*batch, n, n) + np.float32(3) * np.eye(n, dtype="float32")
    if kind == "symmetric":
        x = (x + np.swapaxes(x, -1, -2)) / 2
    if kind == "positive":
        x = x @ np.swapaxes(x, -1, -2) + np.eye(n, dtype="float32")
    return (x,), {}


def _tall(d: Draw, **options: Any) -> Any:
    n, m = d.pick((3, 2), (2, 2), (2, 3), (4, 3))
    return (d.floats(*d.shape(0, 1), n, m),), d.some(**options)


def _solve(d: Draw) -> Any:
    (a,), _ = _square(d)
    return (a, d.floats(*a.shape[:-1], d.pick(1, 2)) if a.ndim > 2 or d.flag() else d.floats(*a.shape[:-1])), {}


def _triangular(d: Draw) -> Any:
    (a, b), _ = _solve(d)
    return (a, b), d.some(lower=d.flag())


def _cholesky(d: Draw, of_factor: bool = False) -> Any:
    (x,), _ = _square(d, "positive")
    upper = d.flag()
    if of_factor:
        x = np.linalg.cholesky(x)
        x = np.swapaxes(x, -1, -2).copy() if upper else x
    return (x,), {"upper": upper} if upper or d.flag() else {}


def _least(d: Draw) -> Any:
    n, m = d.pick((3, 2), (4, 2), (2, 2), (2, 3))
    return (d.floats(n, m), d.floats(n, *d.shape(0, 1))), d.some(rcond=d.pick(None, 0.01))


def _parts(d: Draw) -> tuple[np.ndarray, np.ndarray]:
    shape = (*d.shape(0, 2), d.pick(2, 3, 4))
    return d.floats(*shape), d.floats(*shape)


def _wave(d: Draw) -> dict[str, Any]:
    length = d.pick(4, 6)
    return {
        "sequence_length": length, "sequence_stride": d.pick(2, 3), "fft_length": d.pick(length, 8),
        **d.some(window=d.pick("hann", "hamming", d.floats(length, low=0.2).tolist()), center=d.flag()),
    }  # fmt: skip


def _stft(d: Draw) -> Any:
    options = _wave(d)
    if isinstance(options.get("window"), list):
        options["window"] = np.float32(options["window"])
    return (d.floats(*d.shape(0, 2), d.pick(16, 19)),), options


def _istft(d: Draw) -> Any:
    options = _wave(d) | {"sequence_stride": 2}
    options.pop("window", None)
    options["window"] = d.pick("hann", "hamming")
    shape = (*d.shape(0, 1), 5, options["fft_length"] // 2 + 1)
    return ((d.floats(*shape), d.floats(*shape)),), options | d.some(length=d.pick(8, 10))


def _elements(d: Draw) -> Any:
    return d.floats(d.pick(2, 3), *d.shape(0, 2))


def _loops(d: Draw) -> Any:
    n, x = d.whole(0, 3), d.floats(*d.shape(0, 2))
    return (0, n, lambda i, v: v * 1.5 + i, x), {}


def _scan(d: Draw) -> Any:
    xs = _elements(d)
    options = d.some(reverse=d.flag(), unroll=d.pick(1, 2))
    return (lambda c, x: (c + x.sum(), c * x), d.floats(), xs), options


def _bincount(d: Draw) -> Any:
    shape = d.shape(1, 2)
    return (d.integers(*shape, low=0, high=5),), d.some(weights=d.floats(*shape), minlength=d.pick(2, 8))


ROWS = [
    Kind("abs absolute angle arctan arcsinh cbrt ceil conj conjugate copy cos cosh deg2rad erf erfc exp exp2 expm1 "
         "fabs floor i0 imag isfinite isinf isnan isneginf isposinf isreal logical_not negative rad2deg ravel real "
         "reciprocal round sign signbit sin sinc sinh square stop_gradient tan tanh transpose trunc ones_like "
         "zeros_like empty_like nan_to_num array convert_to_tensor view", _unary),
    Kind("arccos arcsin arctanh erfinv log log10 log1p log2 rsqrt sqrt", _inside(0.05, 0.95)),
    Kind("arccosh", _inside(1.1, 5)),
    Kind("bitwise_invert bitwise_not", lambda d: ((d.tensor(*d.shape(), dtypes=("int32", "uint8", "bool")),), {})),
    Kind("abs angle conj exp imag isreal real sqrt square sum mean prod isfinite isnan negative ravel",
         lambda d: ((_complex(d),), {})),
    Kind("add multiply subtract divide", lambda d: (lambda s: ((_complex(d, s), _complex(d, s)), {}))(d.shape(0, 2))),
    # Numbers at the edges: values only, since many functions have no slope there.
    Kind("abs angle arctan arcsinh arccos arccosh arcsin arctanh cbrt ceil cos cosh erf erfc erfinv exp exp2 expm1 "
         "fabs floor isfinite isinf isnan isneginf isposinf log log10 log1p log2 logical_not nan_to_num negative "
         "reciprocal round rsqrt sign signbit sin sinh sqrt square tan tanh trunc relu relu6 sigmoid silu softplus "
         "softsign log_sigmoid hard_sigmoid hard_silu hard_tanh leaky_relu elu selu gelu tanh_shrink "
         "soft_shrink hard_shrink sparse_sigmoid sparse_plus",
         lambda d: ((d.special(*d.shape(1, 2)),), {}), gradient=False),
    Kind("add divide divide_no_nan equal fmax fmin greater greater_equal less less_equal maximum minimum multiply "
         "not_equal subtract true_divide logaddexp logical_and logical_or logical_xor arctan2 heaviside mod fmod "
         "floor_divide hypot",
         lambda d: ((d.special(4), d.special(4)), {}), gradient=False),
    Kind("max min amax amin sum mean prod all any argmax argmin nanmax nanmin nansum nanmean nanprod median ptp "
         "sort logsumexp cumsum cumprod std var count_nonzero softmax log_softmax",
         lambda d: ((d.special(d.pick(2, 4)),), {}), gradient=False),
    Kind("hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid relu relu6 selu sigmoid silu "
         "softplus softsign sparse_plus sparse_sigmoid swish tanh_shrink", _unary),
    Kind("celu elu", _option(alpha=lambda d: d.real(0.1, 2))),
    Kind("gelu", _option(approximate=Draw.flag)),
    Kind("leaky_relu", _option(negative_slope=lambda d: d.real(0, 0.5))),
    Kind("hard_shrink soft_shrink", _option(threshold=lambda d: d.real(0, 1))),
    Kind("squareplus", _option(b=lambda d: d.real(0.1, 5))),
    Kind("threshold", lambda d: ((d.tensor(*d.shape()), d.real(-1, 1), d.real(-2, 2)), {})),
    Kind("glu", lambda d: (lambda s, a: ((d.floats(*(2 * n if i == a % len(s) else n for i, n in enumerate(s))),),
                                         {"axis": a}))(*(lambda s: (s, d.axis(len(s))))(d.shape(1)))),
    Kind("softmax log_softmax", lambda d: (lambda s: ((d.tensor(*s, dtypes=FLOATS),),
                                                      d.some(axis=d.axes(len(s)))))(d.shape(1))),
    Kind("amax amin mean sum prod std var median ptp all any logsumexp", _reduced),
    Kind("max min", lambda d: _reduced(d, initial=d.pick(0, 1, -1))),
    Kind("count_nonzero", lambda d: (lambda s: ((d.tensor(*s),), d.some(axis=d.axes(len(s)))))(d.shape(1))),
    Kind("nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar", _reduced_with_holes),
    Kind("argmax argmin", lambda d: _single(d, False)),
    Kind("nanargmax nanargmin", lambda d: _single(d, True)),
    Kind("cumsum cumprod nancumsum nancumprod", _running),
    Kind("sort argsort", _along()),
    Kind("quantile", lambda d: _quantiles(d, 1)),
    Kind("percentile", lambda d: _quantiles(d, 100)),
    Kind("nanquantile", lambda d: _quantiles(d, 1, True)),
    Kind("nanpercentile", lambda d: _quantiles(d, 100, True)),
    Kind("norm", _norms, tolerance=3),
    Kind("average", _average),
    Kind("add arctan2 divide divide_no_nan equal floor_divide fmax fmin fmod greater greater_equal heaviside hypot "
         "less less_equal logaddexp logaddexp2 maximum minimum mod multiply nextafter not_equal outer subtract "
         "true_divide logical_and logical_or logical_xor", _two),
    Kind("power", lambda d: ((d.floats(*d.shape(), low=0.2, high=2), d.pick(d.floats(), 2, 0.5, -1)), {})),
    Kind("add divide divide_no_nan equal floor_divide greater less maximum minimum mod multiply not_equal subtract "
         "true_divide", _tensor_and_number),
    Kind("bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor gcd lcm left_shift right_shift",
         _two_whole),
    Kind("ldexp", lambda d: (lambda s: ((d.floats(*s[0]), d.integers(*s[1])), {}))(d.broadcastable(2))),
    Kind("allclose isclose", _close),
    Kind("matmul", _product),
    Kind("inner", lambda d: (lambda k: ((d.floats(*d.shape(0, 2), k), d.floats(*d.shape(0, 2), k)), {}))(d.pick(1, 3))),
    Kind("vdot", lambda d: (lambda s: ((d.tensor(*s), d.tensor(*s)), {}))(d.shape())),
    Kind("dot", _dot),
    Kind("tensordot", _tensordot),
    Kind("einsum", _einsum),
    Kind("kron", lambda d: ((d.tensor(*d.shape(1, 2)), d.tensor(*d.shape(1, 2))), {})),
    Kind("cross", _cross),
    Kind("cdist", lambda d: (lambda k: ((d.floats(d.pick(1, 3), k), d.floats(d.pick(2, 4), k)), {}))(d.pick(1, 2, 5))),
    Kind("cholesky", _cholesky, tolerance=3),
    Kind("cholesky_inverse", lambda d: _cholesky(d, True), tolerance=5),
    Kind("det inv logdet slogdet lu_factor", _square, tolerance=5),
    Kind("eig", _square, gradient=False, tolerance=5),
    Kind("eigh", lambda d: _square(d, "symmetric"), tolerance=20),
    Kind("pinv", lambda d: _tall(d, rcond=d.pick(1e-5, 0.3)), tolerance=20),
    Kind("matrix_rank", lambda d: _tall(d, tol=d.pick(1e-3, 0.8))),
    Kind("qr", lambda d: _tall(d, mode=d.pick("reduced", "complete")), gradient=False, tolerance=5),
    Kind("qr", lambda d: (_square(d)[0], {}), tolerance=20),
    Kind("svd", lambda d: _tall(d, full_matrices=d.flag(), compute_uv=d.flag()), gradient=False, tolerance=5),
    Kind("svd", lambda d: (_tall(d)[0], {"compute_uv": False}), tolerance=20),
    Kind("solve", _solve, tolerance=10),
    Kind("solve_triangular", _triangular, tolerance=20),
    Kind("lstsq", _least, tolerance=50),
    Kind("corrcoef", lambda d: ((d.floats(*d.pick((5,), (2, 5), (3, 4))),), {}), tolerance=3),
    Kind("correlate", lambda d: ((d.floats(d.pick(3, 5)), d.floats(d.pick(2, 3))),
                                 d.some(mode=d.pick("valid", "same", "full")))),
    Kind("trapezoid", lambda d: (lambda s: ((d.floats(*s),), d.pick({}, {"dx": 0.5}, {"x": np.sort(d.floats(s[-1]))})))(
        (*d.shape(0, 2), 4))),
    Kind("trapezoid", lambda d: (lambda s: ((d.tensor(*s),), {"axis": d.axis(len(s))}))(d.shape(1))),
    Kind("vander", lambda d: ((d.floats(d.pick(1, 3)),), d.some(N=d.pick(1, 4), increasing=d.flag()))),
    Kind("histogram", lambda d: ((d.floats(*d.shape(1, 2)),), d.some(bins=d.pick(1, 4), range=(-1.0, 2.0))),
         gradient=False, traced=False),
    Kind("bincount", _bincount, gradient=False, traced=False),
    Kind("digitize", lambda d: ((d.tensor(*d.shape(), dtypes=("float32", "int32")), np.sort(d.floats(d.pick(1, 3)))),
                                {})),
    Kind("searchsorted", lambda d: ((np.sort(d.integers(4)).astype("float32"), d.integers(*d.shape(0, 2))
                                     .astype("float32")), d.some(side=d.pick("left", "right")))),
    Kind("psnr", lambda d: (lambda s: ((d.floats(*s), d.floats(*s), d.pick(1.0, 255.0)), {}))(d.shape(1))),
    Kind("fft", lambda d: ((_parts(d),), {})),
    Kind("fft2 ifft2", lambda d: ((lambda s: ((d.floats(*s), d.floats(*s)),))((*d.shape(0, 1), *d.shape(2, 2))), {})),
    Kind("rfft", lambda d: ((_parts(d)[0],), d.some(fft_length=d.pick(2, 3, 4, 7)))),
    Kind("irfft", lambda d: ((_parts(d),), d.some(fft_length=d.pick(2, 3, 4, 7)))),
    Kind("extract_sequences", lambda d: ((d.floats(*d.shape(0, 2), d.pick(7, 9)), d.pick(1, 3, 7), d.pick(1, 2, 3)),
                                         {})),
    Kind("stft", _stft, tolerance=3),
    Kind("istft", _istft, tolerance=3),
    Kind("polar", lambda d: (lambda s: ((d.floats(*s, low=0.1), d.floats(*s)), {}))(d.shape())),
    Kind("view_as_real", lambda d: ((_complex(d),), {})),
    Kind("view_as_complex", lambda d: ((d.floats(*d.shape(), 2),), {})),
    Kind("map vectorized_map", lambda d: ((lambda v: (v * 2).sum(), _elements(d)), {})),
    Kind("associative_scan", lambda d: (lambda x: ((jnp.add, x), d.some(reverse=d.flag(), axis=d.axis(x.ndim))))(
        _elements(d))),
    Kind("scan", _scan),
    Kind("fori_loop", _loops, gradient=False),
    Kind("while_loop", lambda d: ((lambda v: v.sum() < 20, lambda v: v * 2 + 1, d.floats(*d.shape(0, 2))),
                                  d.some(maximum_iterations=d.pick(1, 2))), gradient=False),
    Kind("cond", lambda d: (lambda x: ((d.booleans(), lambda: x * 2, lambda: x + 1), {}))(d.floats(*d.shape(0, 2)))),
    Kind("switch", lambda d: ((d.integers(low=-1, high=4), [lambda v: v, lambda v: v * 2, lambda v: v - 1],
                               d.floats(*d.shape(0, 2))), {})),
    Kind("jvp", lambda d: (lambda s: ((lambda v: jnp.sin(v) * v, (d.floats(*s),), (d.floats(*s),)), {}))(d.shape())),
]  # fmt: skip
