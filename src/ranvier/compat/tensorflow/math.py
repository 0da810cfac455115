"""``tf.math``: elementwise functions, reductions, running sums, segments, and what they are built of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.scipy import special

from ...ops.symbolic import op
from . import dtypes
from .declaring import InvalidArgumentError, as_axis, binary, operands, unary
from .results import TopK
from .tensors import array_of

__all__ = [
    "abs", "accumulate_n", "acos", "acosh", "add", "add_n", "angle", "argmax", "argmin", "asin", "asinh", "atan",
    "atan2", "atanh", "bessel_i0", "bessel_i0e", "bessel_i1", "bessel_i1e", "betainc", "bincount", "ceil",
    "confusion_matrix", "conj", "cos", "cosh", "count_nonzero", "cumprod", "cumsum", "cumulative_logsumexp",
    "digamma", "divide", "divide_no_nan", "equal", "erf", "erfc", "erfcinv", "erfinv", "exp", "expm1", "floor",
    "floordiv", "floormod", "greater", "greater_equal", "igamma", "igammac", "imag", "in_top_k", "invert_permutation",
    "is_finite", "is_inf", "is_nan", "is_non_decreasing", "is_strictly_increasing", "l2_normalize", "lbeta", "less",
    "less_equal", "lgamma", "log", "log1p", "log_sigmoid", "log_softmax", "logical_and", "logical_not", "logical_or",
    "logical_xor", "maximum", "minimum", "mod", "multiply", "multiply_no_nan", "ndtri", "negative", "nextafter",
    "not_equal", "polygamma", "polyval", "pow", "real", "reciprocal", "reciprocal_no_nan", "reduce_all", "reduce_any",
    "reduce_euclidean_norm", "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod",
    "reduce_std", "reduce_sum", "reduce_variance", "rint", "round", "rsqrt", "scalar_mul", "segment_max",
    "segment_mean", "segment_min", "segment_prod", "segment_sum", "sigmoid", "sign", "sin", "sinh", "softmax",
    "softplus", "softsign", "sqrt", "square", "squared_difference", "subtract", "tan", "tanh", "top_k", "truediv",
    "unsorted_segment_max", "unsorted_segment_mean", "unsorted_segment_min", "unsorted_segment_prod",
    "unsorted_segment_sqrt_n", "unsorted_segment_sum", "xdivy", "xlog1py", "xlogy", "zero_fraction", "zeta",
]  # fmt: skip


def _float(x: Any) -> Any:
    """Integers as floats, where a function is one of real numbers."""
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)


# --- one tensor -------------------------------------------------------------------------------------------------------

abs = unary("abs", jnp.abs, "The absolute value of each number.")
acos = unary("acos", jnp.arccos, "The angle whose cosine each number is.")
acosh = unary("acosh", jnp.arccosh, "The inverse of the hyperbolic cosine.")
angle = unary("angle", jnp.angle, "The angle of each complex number.")
asin = unary("asin", jnp.arcsin, "The angle whose sine each number is.")
asinh = unary("asinh", jnp.arcsinh, "The inverse of the hyperbolic sine.")
atan = unary("atan", jnp.arctan, "The angle whose tangent each number is.")
atanh = unary("atanh", jnp.arctanh, "The inverse of the hyperbolic tangent.")
bessel_i0 = unary("bessel_i0", special.i0, "The modified Bessel function of order 0.")
bessel_i0e = unary("bessel_i0e", special.i0e, "`bessel_i0` divided by exp(|x|).")
bessel_i1 = unary("bessel_i1", special.i1, "The modified Bessel function of order 1.")
bessel_i1e = unary("bessel_i1e", special.i1e, "`bessel_i1` divided by exp(|x|).")
ceil = unary("ceil", jnp.ceil, "The smallest whole number that is not smaller.")
conj = unary("conj", jnp.conj, "The complex conjugate.")
cos = unary("cos", jnp.cos, "The cosine.")
cosh = unary("cosh", jnp.cosh, "The hyperbolic cosine.")
digamma = unary("digamma", special.digamma, "The derivative of `lgamma`.")
erf = unary("erf", special.erf, "The error function.")
erfc = unary("erfc", special.erfc, "1 less the error function.")
erfcinv = unary("erfcinv", lambda x: special.erfinv(1 - x), "The inverse of `erfc`.")
erfinv = unary("erfinv", special.erfinv, "The inverse of the error function.")
exp = unary("exp", jnp.exp, "e to the power of each number.")
expm1 = unary("expm1", jnp.expm1, "exp(x) - 1, exact also near 0.")
floor = unary("floor", jnp.floor, "The largest whole number that is not larger.")
imag = unary("imag", jnp.imag, "The imaginary part.")
is_finite = unary("is_finite", jnp.isfinite, "Whether each number is neither infinite nor NaN.")
is_inf = unary("is_inf", jnp.isinf, "Whether each number is infinite.")
is_nan = unary("is_nan", jnp.isnan, "Whether each number is NaN.")
lgamma = unary("lgamma", special.gammaln, "The logarithm of the absolute value of the gamma function.")
log = unary("log", jnp.log, "The natural logarithm.")
log1p = unary("log1p", jnp.log1p, "log(1 + x), exact also near 0.")
log_sigmoid = unary("log_sigmoid", jax.nn.log_sigmoid, "The logarithm of the sigmoid.")
logical_not = unary("logical_not", jnp.logical_not, "Not, of each truth value.")
ndtri = unary("ndtri", special.ndtri, "The inverse of the normal distribution's function.")
negative = unary("negative", jnp.negative, "The negative of each number.")
real = unary("real", jnp.real, "The real part.")
reciprocal = unary("reciprocal", lambda x: 1 / x, "1 divided by each number.")
reciprocal_no_nan = unary("reciprocal_no_nan", lambda x: _no_nan(1.0, x), "1 divided by each number, 0 where it is 0.")
rint = unary("rint", jnp.rint, "The nearest whole number; of two the even one.")
round = unary("round", jnp.round, "The nearest whole number; of two the even one.")
rsqrt = unary("rsqrt", jax.lax.rsqrt, "1 divided by the square root.")
sigmoid = unary("sigmoid", jax.nn.sigmoid, "1 / (1 + exp(-x)).")
sign = unary("sign", jnp.sign, "-1, 0 or 1.")
sin = unary("sin", jnp.sin, "The sine.")
sinh = unary("sinh", jnp.sinh, "The hyperbolic sine.")
sqrt = unary("sqrt", jnp.sqrt, "The square root.")
square = unary("square", jnp.square, "Each number times itself.")
tan = unary("tan", jnp.tan, "The tangent.")
tanh = unary("tanh", jnp.tanh, "The hyperbolic tangent.")


@op
def softplus(features: Any, name: str | None = None) -> Any:
    """log(1 + exp(x))."""
    return jax.nn.softplus(array_of(features))


@op
def softsign(features: Any, name: str | None = None) -> Any:
    """x / (1 + |x|)."""
    return jax.nn.soft_sign(array_of(features))


@op
def softmax(logits: Any, axis: int | None = None, name: str | None = None) -> Any:
    """exp(logits) divided by their sum along `axis` (None: the last)."""
    return jax.nn.softmax(array_of(logits), -1 if axis is None else axis)


@op
def log_softmax(logits: Any, axis: int | None = None, name: str | None = None) -> Any:
    """The logarithm of `softmax` along `axis` (None: the last)."""
    return jax.nn.log_softmax(array_of(logits), -1 if axis is None else axis)


# --- two tensors ------------------------------------------------------------------------------------------------------


def _no_nan(x: Any, y: Any) -> Any:
    y = jnp.asarray(y)
    zero = y == 0
    return jnp.where(zero, 0, x / jnp.where(zero, 1, y))


def _truncatediv(x: Any, y: Any) -> Any:
    x, y = jnp.broadcast_arrays(jnp.asarray(x), jnp.asarray(y))
    x, y = (a.astype(jnp.result_type(x, y)) for a in (x, y))
    found = jax.lax.div(x, y)
    return found if jnp.issubdtype(x.dtype, jnp.integer) else jnp.trunc(found)


def _divided(x: Any, y: Any) -> Any:
    return jnp.true_divide(x, y)


add = binary("add", jnp.add, "x + y.")
atan2 = binary("atan2", jnp.arctan2, "The angle of the point (y, x).")
divide = binary("divide", _divided, "x / y.")
divide_no_nan = binary("divide_no_nan", _no_nan, "x / y, 0 where y is 0.")
equal = binary("equal", jnp.equal, "Whether x equals y.")
floordiv = binary("floordiv", jnp.floor_divide, "x / y, rounded down.")
floormod = binary("floormod", jnp.mod, "What is left of x / y, rounded down; it has y's sign.")
greater = binary("greater", jnp.greater, "Whether x > y.")
greater_equal = binary("greater_equal", jnp.greater_equal, "Whether x >= y.")
igamma = binary("igamma", special.gammainc, "The regularised lower incomplete gamma function.")
igammac = binary("igammac", special.gammaincc, "The regularised upper incomplete gamma function.")
less = binary("less", jnp.less, "Whether x < y.")
less_equal = binary("less_equal", jnp.less_equal, "Whether x <= y.")
logical_and = binary("logical_and", jnp.logical_and, "And.")
logical_or = binary("logical_or", jnp.logical_or, "Or.")
logical_xor = binary("logical_xor", jnp.logical_xor, "Either, not both.")
# Of two equal numbers the first has the gradient, as in TensorFlow.
maximum = binary("maximum", lambda x, y: jnp.where((x >= y) | (x != x), x, y), "The larger of two numbers.")
minimum = binary("minimum", lambda x, y: jnp.where((x <= y) | (x != x), x, y), "The smaller of two numbers.")
mod = floormod
multiply = binary("multiply", jnp.multiply, "x * y.")
multiply_no_nan = binary("multiply_no_nan", lambda x, y: jnp.where(jnp.equal(y, 0), 0, x * y), "x * y, 0 where y is 0.")
nextafter = binary("nextafter", jnp.nextafter, "The next number that can be held, from x towards y.")
not_equal = binary("not_equal", jnp.not_equal, "Whether x differs from y.")
pow = binary("pow", jnp.power, "x to the power of y.")
squared_difference = binary("squared_difference", lambda x, y: jnp.square(x - y), "(x - y)².")
subtract = binary("subtract", jnp.subtract, "x - y.")
truediv = binary("truediv", _divided, "x / y.")
truncatediv = binary("truncatediv", _truncatediv, "x / y, rounded towards 0.")
truncatemod = binary("truncatemod", jnp.fmod, "What is left of x / y, rounded towards 0; it has x's sign.")
xdivy = binary(
    "xdivy", lambda x, y: jnp.where(jnp.equal(x, 0), 0, x / jnp.where(jnp.equal(x, 0), 1, y)), "x / y, 0 where x is 0."
)
xlog1py = binary("xlog1py", special.xlog1py, "x log(1 + y), 0 where x is 0.")
xlogy = binary("xlogy", special.xlogy, "x log(y), 0 where x is 0.")
polygamma = binary(
    "polygamma",
    lambda a, x: special.polygamma(jnp.asarray(a).astype(jnp.int32), x),
    "The derivative of order `x` of `digamma`.",
)
zeta = binary("zeta", special.zeta, "The Hurwitz zeta function.")


@op
def betainc(a: Any, b: Any, x: Any, name: str | None = None) -> Any:
    """The regularised incomplete beta function."""
    return special.betainc(*map(array_of, (a, b, x)))


@op
def lbeta(x: Any, name: str | None = None) -> Any:
    """The logarithm of the beta function of the numbers along the last axis."""
    x = array_of(x)
    return jnp.sum(special.gammaln(x), -1) - special.gammaln(jnp.sum(x, -1))


@op
def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """`x` times a number."""
    return jnp.multiply(*operands(scalar, x))


@op
def add_n(inputs: Sequence[Any], name: str | None = None) -> Any:
    """The sum of several tensors."""
    return functools.reduce(jnp.add, map(array_of, inputs))


def accumulate_n(inputs: Sequence[Any], shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Any:
    """The sum of several tensors."""
    return add_n(inputs)


@op
def polyval(coeffs: Sequence[Any], x: Any, name: str | None = None) -> Any:
    """A polynomial of `x`; the coefficient of the highest power comes first."""
    x = array_of(x)
    return functools.reduce(lambda value, c: value * x + array_of(c), coeffs, jnp.zeros_like(x))


@op
def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None) -> Any:
    """`x` divided by its length along `axis`; None: of all numbers."""
    x = array_of(x)
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), as_axis(axis), keepdims=True), epsilon))


# --- reductions -------------------------------------------------------------------------------------------------------


def _reduction(title: str, function: Callable[..., Any], doc: str) -> Callable[..., Any]:
    @op
    def call(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
        return function(array_of(input_tensor), axis=as_axis(axis), keepdims=keepdims)

    call.__name__ = call.__qualname__ = title
    call.__doc__ = f"{doc} Along `axis` (None: all); `keepdims` leaves axes of size 1."
    return call


def _in_own_dtype(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(x: Any, axis: Any, keepdims: bool) -> Any:
        return function(x, axis=axis, keepdims=keepdims).astype(x.dtype)

    return run


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    if jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.mean(x, axis=axis, keepdims=keepdims)
    total = jnp.sum(x, axis=axis, keepdims=keepdims)  # integers stay integers, as in TensorFlow
    return jax.lax.div(total, jnp.full_like(total, x.size // max(total.size, 1))).astype(x.dtype)


reduce_all = _reduction("reduce_all", jnp.all, "Whether all are true.")
reduce_any = _reduction("reduce_any", jnp.any, "Whether any is true.")
reduce_euclidean_norm = _reduction(
    "reduce_euclidean_norm",
    lambda x, axis, keepdims: jnp.sqrt(jnp.sum(jnp.square(x), axis=axis, keepdims=keepdims)),
    "The length.",
)
reduce_logsumexp = _reduction("reduce_logsumexp", special.logsumexp, "The logarithm of the sum of exponentials.")
reduce_max = _reduction("reduce_max", jnp.max, "The largest number.")
reduce_mean = _reduction("reduce_mean", _mean, "The mean.")
reduce_min = _reduction("reduce_min", jnp.min, "The smallest number.")
reduce_prod = _reduction("reduce_prod", _in_own_dtype(jnp.prod), "The product.")
reduce_std = _reduction("reduce_std", jnp.std, "The standard deviation.")
reduce_sum = _reduction("reduce_sum", _in_own_dtype(jnp.sum), "The sum.")
reduce_variance = _reduction("reduce_variance", jnp.var, "The variance.")


@op
def count_nonzero(
    input: Any, axis: Any = None, keepdims: bool | None = None, dtype: Any = dtypes.int64, name: str | None = None
) -> Any:
    """How many numbers are not 0."""
    found = jnp.sum(array_of(input) != 0, axis=as_axis(axis), keepdims=bool(keepdims))
    return found.astype(dtypes.dtype_name(dtype))


@op
def zero_fraction(value: Any, name: str | None = None) -> Any:
    """The fraction of numbers that are 0."""
    return jnp.mean((array_of(value) == 0).astype(jnp.float32))


@op
def argmax(input: Any, axis: Any = None, output_type: Any = dtypes.int64, name: str | None = None) -> Any:
    """Where the largest number along `axis` (None: the first axis) is."""
    return jnp.argmax(array_of(input), 0 if axis is None else int(axis)).astype(dtypes.dtype_name(output_type))


@op
def argmin(input: Any, axis: Any = None, output_type: Any = dtypes.int64, name: str | None = None) -> Any:
    """Where the smallest number along `axis` (None: the first axis) is."""
    return jnp.argmin(array_of(input), 0 if axis is None else int(axis)).astype(dtypes.dtype_name(output_type))


@op
def top_k(input: Any, k: int = 1, sorted: bool = True, index_type: Any = dtypes.int32, name: str | None = None) -> Any:
    """The `k` largest numbers along the last axis, and where they are."""
    values, indices = jax.lax.top_k(array_of(input), int(k))
    return TopK(values, indices)


def in_top_k(targets: Any, predictions: Any, k: int, name: str | None = None) -> Any:
    """Whether the class `targets` is among the `k` with the largest predictions, (batch,) and (batch, classes)."""
    from ...ops import in_top_k

    return in_top_k(array_of(targets), array_of(predictions), k)


# --- running sums -----------------------------------------------------------------------------------------------------


def _running(x: Any, axis: int, exclusive: bool, reverse: bool, function: Callable[..., Any], neutral: float) -> Any:
    x = array_of(x)
    axis = int(axis) % x.ndim
    if reverse:
        x = jnp.flip(x, axis)
    if exclusive:
        first = jnp.full_like(jax.lax.slice_in_dim(x, 0, 1, axis=axis), neutral)
        x = jnp.concatenate([first, jax.lax.slice_in_dim(x, 0, x.shape[axis] - 1, axis=axis)], axis)
    found = function(x, axis=axis).astype(x.dtype)
    return jnp.flip(found, axis) if reverse else found


@op
def cumsum(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
    """Running sums along `axis`; `exclusive`: without the number itself; `reverse`: from the end."""
    return _running(x, axis, exclusive, reverse, jnp.cumsum, 0)


@op
def cumprod(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
    """Running products along `axis`; `exclusive`: without the number itself; `reverse`: from the end."""
    return _running(x, axis, exclusive, reverse, jnp.cumprod, 1)


@op
def cumulative_logsumexp(
    x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Any:
    """The logarithms of running sums of exponentials along `axis`."""
    return _running(x, axis, exclusive, reverse, lambda a, axis: jax.lax.cumlogsumexp(a, axis=axis), -np.inf)


# --- counting and segments --------------------------------------------------------------------------------------------


def bincount(
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = dtypes.int32,
    name: str | None = None,
    axis: int | None = None,
    binary_output: bool = False,
) -> Any:
    """How often each number from 0 on occurs."""
    arr = np.asarray(array_of(arr))
    least = int(minlength or 0)
    found = np.bincount(arr.ravel(), None if weights is None else np.asarray(weights).ravel(), least)
    if maxlength is not None:
        found = found[: int(maxlength)]
    if binary_output:
        found = (found > 0).astype(found.dtype)
    return jnp.asarray(found, "float32" if weights is not None else dtypes.dtype_name(dtype))


def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    weights: Any = None,
    dtype: Any = dtypes.int32,
    name: str | None = None,
) -> Any:
    """How often each class was taken for each: rows are labels, columns predictions."""
    labels, predictions = array_of(labels).ravel(), array_of(predictions).ravel()
    if num_classes is None:
        num_classes = int(max(labels.max(), predictions.max())) + 1
    given = jnp.ones(labels.shape) if weights is None else array_of(weights).ravel()
    found = jnp.zeros((num_classes, num_classes), jnp.float32).at[labels, predictions].add(given)
    return found.astype(dtypes.dtype_name(dtype))


def invert_permutation(x: Any, name: str | None = None) -> Any:
    """The permutation that undoes `x`."""
    return jnp.argsort(array_of(x)).astype(array_of(x).dtype)


@op
def is_non_decreasing(x: Any, name: str | None = None) -> Any:
    """Whether no number is smaller than the one before."""
    x = array_of(x).ravel()
    return jnp.all(x[1:] >= x[:-1])


@op
def is_strictly_increasing(x: Any, name: str | None = None) -> Any:
    """Whether every number is larger than the one before."""
    x = array_of(x).ravel()
    return jnp.all(x[1:] > x[:-1])


def _segments(title: str, function: Callable[..., Any], doc: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @op
    def unsorted(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
        data, ids = array_of(data), array_of(segment_ids)
        return function(data.reshape(ids.size, *data.shape[ids.ndim :]), ids.ravel(), int(num_segments))

    def ordered(data: Any, segment_ids: Any, name: str | None = None) -> Any:
        ids = array_of(segment_ids)
        if isinstance(ids, Tracer):
            raise InvalidArgumentError(
                f"Within a compiled function use unsorted_segment_{title}, which is told num_segments."
            )
        data, count = array_of(data), int(ids.max()) + 1
        found = function(data, ids, count)
        if title in ("min", "max"):  # segments without numbers
            there = jnp.zeros(count, bool).at[ids].set(True)
            found = jnp.where(there.reshape(-1, *(1,) * (found.ndim - 1)), found, 0)
        return found

    unsorted.__name__, ordered.__name__ = f"unsorted_segment_{title}", f"segment_{title}"
    unsorted.__doc__ = f"{doc} of the rows with the same number in `segment_ids`."
    ordered.__doc__ = unsorted.__doc__
    return unsorted, ordered


def _segment_mean(data: Any, ids: Any, count: int, power: float = 1.0) -> Any:
    sums = jax.ops.segment_sum(data, ids, count)
    number = jax.ops.segment_sum(jnp.ones(ids.shape, jnp.float32), ids, count)
    number = jnp.maximum(number, 1) ** power
    return (sums / number.reshape(-1, *(1,) * (data.ndim - 1))).astype(data.dtype)


def _extreme(function: Callable[..., Any], largest: bool) -> Callable[..., Any]:
    def run(data: Any, ids: Any, count: int) -> Any:
        info = jnp.finfo(data.dtype) if jnp.issubdtype(data.dtype, jnp.floating) else jnp.iinfo(data.dtype)
        found = function(data, ids, count)
        there = jnp.zeros(count, bool).at[ids].set(True, mode="drop")
        return jnp.where(there.reshape(-1, *(1,) * (found.ndim - 1)), found, info.min if largest else info.max)

    return run


unsorted_segment_sum, segment_sum = _segments("sum", jax.ops.segment_sum, "The sum")
unsorted_segment_prod, segment_prod = _segments("prod", jax.ops.segment_prod, "The product")
unsorted_segment_max, segment_max = _segments("max", _extreme(jax.ops.segment_max, True), "The largest")
unsorted_segment_min, segment_min = _segments("min", _extreme(jax.ops.segment_min, False), "The smallest")
unsorted_segment_mean, segment_mean = _segments("mean", _segment_mean, "The mean")
unsorted_segment_sqrt_n, _ = _segments("sqrt_n", functools.partial(_segment_mean, power=0.5), "The sum over √n")


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("math", name, __all__))
