"""Random arguments for tables of rows, and the loop that tries them.

A row is a function of a `Draw` that returns the arguments of one call: short to write, and every choice is hypothesis's
own, so that a failure is repeated by running the test again. Sizes come from small sets: compiled programs are shared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

__all__ = ["DTYPES", "FLOATS", "Draw", "described", "tried", "try_examples"]

DTYPES = ("float32", "bfloat16", "int32", "float16", "bool", "uint8", "int8")
FLOATS = ("float32", "bfloat16", "float16")
DEEP = 50


def tried(few: int, rows: Iterable[Any] = ("",), heavy: Callable[[Any], bool] = lambda row: False) -> Any:
    """Parametrises a test by rows and how many examples of each it tries: few in the fast suite, many in the slow one.

    Args:
        few: examples in the fast suite.
        rows: names of rows, or rows with a name.
        heavy: which rows only the slow suite tries, having near relatives in the fast one.
    """
    fast = [pytest.param(row, few, id=str(row)) for row in rows if not heavy(row)]
    slow = [pytest.param(row, DEEP, id=f"{row}-deep", marks=pytest.mark.slow) for row in rows]
    return pytest.mark.parametrize(("row", "examples"), fast + slow)


class Draw:
    """Choices of one example."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self._draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**16)))

    def pick(self, *choices: Any) -> Any:
        """One of the choices."""
        return choices[self._draw(st.integers(0, len(choices) - 1))]

    def flag(self) -> bool:
        """True or false."""
        return self._draw(st.booleans())

    def whole(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return self._draw(st.integers(low, high))

    def real(self, low: float, high: float) -> float:
        """A number with three decimals."""
        return self.whole(math.ceil(low * 1000), math.floor(high * 1000)) / 1000

    def some(self, **options: Any) -> dict[str, Any]:
        """Each of the options or, as often, its default."""
        return {k: v for k, v in options.items() if self.flag()}

    def shape(self, low: int = 0, high: int = 3, sizes: Sequence[int] = (1, 2, 3)) -> tuple[int, ...]:
        """`low` to `high` axes of the given sizes."""
        return tuple(self.pick(*sizes) for _ in range(self.whole(low, high)))

    def axis(self, rank: int) -> int:
        """An axis, counted from either end."""
        return self.whole(-rank, rank - 1)

    def axes(self, rank: int) -> Any:
        """All axes, one, or several different ones."""
        if self.pick("all", "one", "several") != "several" or rank < 2:
            return None if self.flag() else self.axis(rank)
        chosen = [a for a in range(rank) if self.flag()] or [0]
        return tuple(a - rank if self.flag() else a for a in chosen)

    def order(self, rank: int) -> tuple[int, ...]:
        """A permutation of the axes."""
        return tuple(self._draw(st.permutations(range(rank))))

    def per_axis(self, rank: int, low: int, high: int) -> Any:
        """One number for all axes, or one for each."""
        return self.whole(low, high) if self.flag() else tuple(self.whole(low, high) for _ in range(rank))

    def broadcastable(self, count: int, high: int = 3) -> list[tuple[int, ...]]:
        """Shapes that broadcast with each other."""
        whole = self.shape(0, high)
        return [tuple(1 if self.flag() else n for n in whole[self.whole(0, len(whole)) :]) for _ in range(count)]

    def floats(self, *shape: int, low: float | None = None, high: float = 1.0, dtype: str = "float32") -> Any:
        """Normal numbers, or uniform ones where `low` is given."""
        values = self.rng.normal(size=shape) if low is None else self.rng.uniform(low, high, shape)
        return _cast(values, dtype)

    def integers(self, *shape: int, low: int = -3, high: int = 4, dtype: str = "int32") -> np.ndarray:
        """Integers from `low` to below `high`."""
        return self.rng.integers(low, high, shape).astype(dtype)

    def booleans(self, *shape: int) -> np.ndarray:
        """Trues and falses."""
        return self.rng.uniform(size=shape) < 0.5

    def tensor(self, *shape: int, dtypes: Sequence[str] = DTYPES) -> Any:
        """Numbers of one of the dtypes; half of the time of the first."""
        dtype = dtypes[0] if self.flag() else self.pick(*dtypes)
        if dtype == "bool":
            return self.booleans(*shape)
        if dtype in FLOATS:
            return self.floats(*shape, dtype=dtype)
        return self.integers(*shape, low=0 if dtype.startswith("u") else -3, dtype=dtype)

    def special(self, *shape: int) -> np.ndarray:
        """Float32 numbers with zeros, infinities, NaN, tiny and huge ones among them."""
        odd = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-30, 100.0], "float32")
        return np.asarray(self.rng.choice(odd, size=shape), "float32")


def _cast(values: Any, dtype: str) -> Any:
    if dtype == "bfloat16":
        import ml_dtypes

        return np.asarray(values, ml_dtypes.bfloat16)
    return np.asarray(values, dtype)


class _Example:
    """What a row made; short in hypothesis's report."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def __repr__(self) -> str:
        return described(self.made)


def described(value: Any) -> str:
    """Arrays by dtype and shape, and by their values where they are few."""
    if isinstance(value, np.ndarray) or hasattr(value, "aval"):
        few = np.array2string(np.asarray(value, "float32"), precision=4, separator=",") if value.size <= 6 else ""
        return f"{value.dtype}{list(value.shape)}{few}".replace("\n", "")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={described(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(described, value)) + ")"
    return repr(value)


@st.composite
def _examples(draw: Any, row: Callable[[Draw], Any]) -> _Example:
    return _Example(row(Draw(draw)))


def try_examples(row: Callable[[Draw], Any], check: Callable[[Any], None], examples: int) -> None:
    """Calls `check` with what the row makes, `examples` times; the same examples at every run."""
    met = 0

    def body(example: _Example) -> None:
        nonlocal met
        met += 1
        if met > 1:  # hypothesis begins with the smallest example of all, which tells the least
            check(example.made)

    profile = settings(
        max_examples=examples + 1, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    profile(given(_examples(row))(body))()
