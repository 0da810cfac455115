"""``tf.debugging``: checks of tensors. Within a compiled function numbers are not known, so only shapes are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ...core.errors import ArgumentTypeError
from .declaring import InvalidArgumentError
from .dtypes import as_dtype
from .shapes import TensorShape
from .tensors import array_of, is_tensor

__all__ = [
    "Assert", "assert_all_finite", "assert_equal", "assert_greater", "assert_greater_equal", "assert_integer",
    "assert_less", "assert_less_equal", "assert_near", "assert_negative", "assert_non_negative",
    "assert_non_positive", "assert_none_equal", "assert_positive", "assert_rank", "assert_rank_at_least",
    "assert_rank_in", "assert_same_float_dtype", "assert_scalar", "assert_shapes", "assert_type", "check_numerics",
    "enable_check_numerics", "is_numeric_tensor", "set_log_device_placement",
]  # fmt: skip


def _check(holds: Any, message: str | None, text: str) -> None:
    if not isinstance(holds, Tracer) and not bool(np.all(np.asarray(holds))):
        raise InvalidArgumentError(f"{message}: {text}" if message else text)


def _compares(name: str, function: Callable[[Any, Any], Any], sign: str) -> Callable[..., None]:
    def call(x: Any, y: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
        x, y = array_of(x), array_of(y)
        _check(function(x, y), message, f"Condition x {sign} y did not hold element-wise: x = {x}, y = {y}")

    call.__name__ = name
    call.__doc__ = f"Raise InvalidArgumentError where x {sign} y does not hold."
    return call


def _is(name: str, function: Callable[[Any], Any], text: str) -> Callable[..., None]:
    def call(x: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
        x = array_of(x)
        _check(function(x), message, f"Condition x {text} did not hold element-wise: x = {x}")

    call.__name__ = name
    call.__doc__ = f"Raise InvalidArgumentError where x {text} does not hold."
    return call


assert_equal = _compares("assert_equal", lambda x, y: x == y, "==")
assert_none_equal = _compares("assert_none_equal", lambda x, y: x != y, "!=")
assert_greater = _compares("assert_greater", lambda x, y: x > y, ">")
assert_greater_equal = _compares("assert_greater_equal", lambda x, y: x >= y, ">=")
assert_less = _compares("assert_less", lambda x, y: x < y, "<")
assert_less_equal = _compares("assert_less_equal", lambda x, y: x <= y, "<=")
assert_positive = _is("assert_positive", lambda x: x > 0, "> 0")
assert_negative = _is("assert_negative", lambda x: x < 0, "< 0")
assert_non_negative = _is("assert_non_negative", lambda x: x >= 0, ">= 0")
assert_non_positive = _is("assert_non_positive", lambda x: x <= 0, "<= 0")


def assert_near(
    x: Any,
    y: Any,
    rtol: Any = None,
    atol: Any = None,
    message: str | None = None,
    summarize: Any = None,
    name: str | None = None,
) -> None:
    """Raise InvalidArgumentError where x and y differ by more than atol + rtol |y|; both 10 times the dtype's epsilon."""
    x, y = array_of(x), array_of(y)
    epsilon = 10 * float(jnp.finfo(x.dtype).eps) if jnp.issubdtype(x.dtype, jnp.floating) else 0
    rtol, atol = epsilon if rtol is None else rtol, epsilon if atol is None else atol
    _check(jnp.abs(x - y) <= atol + rtol * jnp.abs(y), message, f"x and y are not near: x = {x}, y = {y}")


def assert_rank(x: Any, rank: int, message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError if the number of axes is another one."""
    _check(array_of(x).ndim == rank, message, f"Tensor must have rank {rank}. Received rank {array_of(x).ndim}")


def assert_rank_at_least(x: Any, rank: int, message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError if there are fewer axes."""
    _check(
        array_of(x).ndim >= rank, message, f"Tensor must have rank at least {rank}. Received rank {array_of(x).ndim}"
    )


def assert_rank_in(x: Any, ranks: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError if the number of axes is none of these."""
    _check(
        array_of(x).ndim in tuple(ranks),
        message,
        f"Tensor must have rank in {tuple(ranks)}. Received rank {array_of(x).ndim}",
    )


def assert_scalar(tensor: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError if it is not a single number."""
    assert_rank(tensor, 0, message)


def assert_shapes(
    shapes: Any, data: Any = None, summarize: Any = None, message: str | None = None, name: str | None = None
) -> None:
    """Raise InvalidArgumentError if sizes of the same name differ, or are not the numbers given."""
    sizes: dict[Any, int] = {}
    for tensor, expected in shapes.items() if isinstance(shapes, dict) else shapes:
        actual = TensorShape(array_of(tensor).shape)
        _check(len(actual) == len(expected), message, f"Tensor of shape {actual} does not have shape {tuple(expected)}")
        for size, wanted in zip(actual, expected, strict=True):
            if wanted is None or wanted == "?":
                continue
            known = wanted if isinstance(wanted, int) else sizes.setdefault(wanted, size)
            _check(size == known, message, f"Tensor of shape {actual} does not have shape {tuple(expected)}")


def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise TypeError if the dtype is another one."""
    if as_dtype(array_of(tensor).dtype) != as_dtype(tf_type):
        raise ArgumentTypeError(
            message or f"Tensor must be of type {as_dtype(tf_type)!r}. Received: {array_of(tensor).dtype}"
        )


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise TypeError if the dtype is not an integer one."""
    if not as_dtype(array_of(x).dtype).is_integer:
        raise ArgumentTypeError(message or f"Expected integer type. Received: {array_of(x).dtype}")


def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> Any:
    """The float dtype that all tensors have."""
    found = {as_dtype(array_of(t).dtype) for t in tensors or ()} | ({as_dtype(dtype)} if dtype is not None else set())
    if len(found) > 1 or not all(d.is_floating for d in found):
        raise InvalidArgumentError(f"Expected one float type. Received: {sorted(map(repr, found))}")
    return next(iter(found), as_dtype("float32"))


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Any:
    """The tensor, which must have neither NaN nor infinity."""
    x = array_of(tensor)
    _check(jnp.isfinite(x), message, "Tensor had NaN or Inf values")
    return x


def assert_all_finite(x: Any, message: str, name: str | None = None) -> Any:
    """The tensor, which must have neither NaN nor infinity."""
    return check_numerics(x, message)


def Assert(condition: Any, data: Any, summarize: Any = None, name: str | None = None) -> None:  # noqa: N802
    """Raise InvalidArgumentError with `data` if the condition is false."""
    _check(array_of(condition), None, f"assertion failed: {' '.join(map(str, data))}")


def is_numeric_tensor(tensor: Any) -> bool:
    """Whether it is a tensor of numbers."""
    return is_tensor(tensor) and as_dtype(tensor.dtype) != "bool"


def enable_check_numerics(*args: Any, **kwargs: Any) -> None:
    """Have JAX raise where a NaN appears."""
    import jax

    jax.config.update("jax_debug_nans", True)


def set_log_device_placement(enabled: bool) -> None:
    """Accepted: JAX does not log where it computes."""


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("debugging", name, __all__))
