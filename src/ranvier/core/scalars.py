"""Numbers of many candidates at once, while one program for all of them is traced.

A layer keeps its dropout rate as a Python number, and its `call` computes with it in Python: ``1 - self.rate``, ``if
self.rate == 1``, ``int(p * 2**32)``. A `Scalar` in that number's place holds one number per candidate. Python's
arithmetic on it is done in Python, for each candidate, in full precision; a decision (``if``, a comparison) goes on
where all candidates decide alike, and raises `Disagreement` otherwise; and where it meets an array, it becomes an input
of the program. So the program computes for every candidate what it would compute for the plain number.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from numbers import Number
from typing import Any

import jax
import numpy as np

from .errors import TraceError

__all__ = ["Disagreement", "Scalar", "collecting", "host"]


class Disagreement(TraceError):  # noqa: N818  what it is, among errors
    """Candidates would take different ways through one program.

    Args:
        message: what they disagree on.
        outcomes: what each of them decides, hashable.
    """

    def __init__(self, message: str, outcomes: Sequence[Any]):
        super().__init__(message)
        self.outcomes = tuple(outcomes)


_collector: ContextVar[Callable[[tuple[Any, ...]], Any] | None] = ContextVar("scalar_collector", default=None)


@contextlib.contextmanager
def collecting(collector: Callable[[tuple[Any, ...]], Any]) -> Iterator[None]:
    """Within it, a scalar that meets an array is what `collector` makes of its values."""
    token = _collector.set(collector)
    try:
        yield
    finally:
        _collector.reset(token)


class Scalar:
    """One number for each candidate.

    Args:
        values: the numbers; floats if one of them is a float.
        name: where they come from, for messages.

    >>> keep = 1 - Scalar([0.25, 0.5], "dropout.rate")
    >>> keep.values, keep < 1, host(lambda p: int(p * 8), keep).values
    ((0.75, 0.5), True, (6, 4))
    """

    __array_ufunc__ = None  # NumPy leaves arithmetic with arrays to this class

    def __init__(self, values: Sequence[Any], name: str):
        if any(type(v) is float for v in values) and all(type(v) in (int, float) for v in values):
            values = [float(v) for v in values]
        self.values = tuple(values)
        self.name = name

    def array(self) -> Any:
        """The number as an array: an input of the running trace."""
        collector = _collector.get()
        if collector is None:
            raise TraceError(f"{self!r} was kept from the tracing of a program for many candidates and used outside.")
        return collector(self.values)

    __jax_array__ = array

    def decided(self, outcomes: Sequence[Any], what: str) -> Any:
        """The outcome that all candidates share.

        Raises:
            Disagreement: there is more than one.
        """
        if any(outcome != outcomes[0] for outcome in outcomes):
            raise Disagreement(f"{what} differs between candidates: {_some(outcomes)}", outcomes)
        return outcomes[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.decided(self.values, self.name), dtype)

    def __repr__(self) -> str:
        return f"<{self.name}: {_some(self.values)}>"

    def __format__(self, spec: str) -> str:
        return repr(self)

    __hash__ = object.__hash__


def host(function: Callable[..., Any], *values: Any) -> Any:
    """`function` of plain numbers; of scalars, for each candidate by itself."""
    count = next((len(v.values) for v in values if isinstance(v, Scalar)), 0)
    if not count:
        return function(*values)
    columns = [v.values if isinstance(v, Scalar) else (v,) * count for v in values]
    return Scalar([function(*row) for row in zip(*columns, strict=True)], _named(values))


def _named(values: Any) -> str:
    return " and ".join(dict.fromkeys(v.name for v in values if isinstance(v, Scalar)))


def _some(values: Sequence[Any]) -> str:
    distinct = list(dict.fromkeys(values))
    return ", ".join(map(repr, distinct[:4])) + (", …" if len(distinct) > 4 else "")


def _computed(function: Callable[..., Any], a: Any, b: Any) -> Any:
    """`function` of numbers on the host, of a scalar and an array in the program."""
    if all(isinstance(v, (Scalar, Number, np.generic)) for v in (a, b)):
        return host(function, a, b)
    a, b = (v.array() if isinstance(v, Scalar) else v for v in (a, b))
    return function(a, b)


def _binary(function: Callable[..., Any], reflected: bool) -> Callable[[Scalar, Any], Any]:
    return lambda self, other: _computed(function, *((other, self) if reflected else (self, other)))


def _unary(function: Callable[[Any], Any]) -> Callable[[Scalar], Any]:
    return lambda self: host(function, self)


def _compared(name: str) -> Callable[[Scalar, Any], Any]:
    function = getattr(operator, name)

    def compare(self: Scalar, other: Any) -> Any:
        if other is None or isinstance(other, (str, tuple, list)):
            return name == "ne" if name in ("eq", "ne") else NotImplemented
        found = _computed(function, self, other)
        if not isinstance(found, Scalar):
            return found
        sign = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}[name]
        shown = f"({other.name})" if isinstance(other, Scalar) else repr(other)
        return found.decided(found.values, f"{self.name} {sign} {shown}")

    return compare


def _converted(function: Callable[[Any], Any], what: str) -> Callable[[Scalar], Any]:
    return lambda self: self.decided([function(v) for v in self.values], f"{what} of {self.name}")


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Scalar, f"__{_name}__", _binary(getattr(operator, _name), reflected=False))
    setattr(Scalar, f"__r{_name}__", _binary(getattr(operator, _name), reflected=True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Scalar, f"__{_name}__", _compared(_name))
for _name in ("neg", "pos", "abs"):
    setattr(Scalar, f"__{_name}__", _unary(getattr(operator, _name)))
for _name, _function in (("bool", bool), ("float", float), ("int", int), ("index", operator.index)):
    setattr(Scalar, f"__{_name}__", _converted(_function, "the truth" if _name == "bool" else "the plain number"))


class _Carried:
    """What a scalar is inside a function that `jax.jit` was given it as an argument."""

    __array_ufunc__ = None

    def __init__(self, value: Any):
        self.value = value

    def __jax_array__(self) -> Any:
        return self.value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.value, name)


def _carried(_: None, children: Any) -> Any:
    return _Carried(*children)


# `jnp` functions are compiled ones and take only arrays and trees of arrays: a scalar is a tree of one.
jax.tree_util.register_pytree_node(Scalar, lambda s: ((s.array(),), None), _carried)
jax.tree_util.register_pytree_node(_Carried, lambda c: ((c.value,), None), _carried)
