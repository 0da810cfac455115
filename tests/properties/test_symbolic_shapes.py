"""Symbolic shapes of every function of `ops` with unknown sizes: those of real calls, None exactly where they differ."""

from __future__ import annotations

import random
import warnings
from typing import Any

import jax
import keras
import numpy as np

from ranvier import ops
from ranvier.ops import symbolic

from .op_rows import ROWS, Kind
from .op_rows_of_networks import IMAGE_ROWS
from .op_rows_of_networks import ROWS as NETWORKS
from .op_rows_of_shapes import ROWS as SHAPES
from .strategies import described, tried, try_examples

TABLE = [*ROWS, *SHAPES, *NETWORKS, *IMAGE_ROWS]
# Sizes at which a call with an unknown size is made in earnest.
SIZES = (1, 2, 3, 4, 6, 7)
# Functions whose results have shapes that only the values decide, so that no symbolic shape says more than None.
BY_VALUES = {"nonzero", "unique", "bincount", "segment_sum", "segment_max", "segment_min", "segment_prod"}
# Functions whose results have more or fewer axes at some sizes, at which the symbolic ones are not.
RANK_BY_SIZE = {"squeeze": 1, "corrcoef": 1, "cross": 3}


def _arrays(value: Any) -> list[np.ndarray]:
    """The arrays among the arguments, in order."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        return [a for v in value.values() for a in _arrays(v)]
    if isinstance(value, (list, tuple)):
        return [a for v in value for a in _arrays(v)]
    return []


def _replaced(value: Any, new: Any) -> Any:
    if isinstance(value, np.ndarray):
        return next(new)
    if isinstance(value, dict):
        return {k: _replaced(v, new) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(v, new) for v in value)
    return value


def _resized(array: np.ndarray, axis: int, size: int) -> np.ndarray:
    return np.take(array, np.arange(size) % array.shape[axis], axis)


def _shapes(result: Any) -> list[tuple[int | None, ...]]:
    return [tuple(leaf.shape) for leaf in symbolic.flatten(result) if hasattr(leaf, "shape")]


def _quiet(function: Any, args: Any, kwargs: Any, traced: bool) -> Any:
    """What the call gives, or the error; `traced`: only its shapes, which costs no compilation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return jax.eval_shape(lambda: function(*args, **kwargs)) if traced else function(*args, **kwargs)
        except Exception as error:
            return error


def _differences(name: str, function: Any, theirs: Any, args: Any, kwargs: Any) -> dict[str, str]:
    arrays = _arrays((args, kwargs))
    wrong: dict[str, str] = {}
    choices = [
        (axis, which)
        for axis in range(max((a.ndim for a in arrays), default=0))
        for which in {
            tuple(i for i, a in enumerate(arrays) if a.ndim > axis),
            *((i,) for i, a in enumerate(arrays) if a.ndim > axis),
        }
    ]
    for axis, which in choices:
        if any(arrays[i].shape[axis] == 0 for i in which):
            continue

        def call(f: Any, module: Any, size: int | None, axis: int = axis, which: Any = which) -> Any:
            new = []
            for i, a in enumerate(arrays):
                if size is not None:
                    new.append(_resized(a, axis, size) if i in which else a)
                    continue
                shape = [None if i in which and j == axis else n for j, n in enumerate(a.shape)]
                new.append(module.KerasTensor(shape, str(a.dtype)) if i in which else a)
            new_args, new_kwargs = _replaced((args, kwargs), iter(new))
            return _quiet(f, new_args, new_kwargs, size is not None and name not in BY_VALUES)

        own = {arrays[i].shape[axis] for i in which}
        found = call(function, symbolic, None)
        sizes = sorted({*SIZES, *own} - {RANK_BY_SIZE.get(name)})
        real = {n: r for n in sizes if not isinstance(r := call(function, None, n), Exception)}
        where = f"axis {axis} of {which}"
        if isinstance(found, Exception):
            if len(real) > 1 and not isinstance(call(theirs, keras, None), Exception):
                wrong[where] = f"refused, and not by Keras: {type(found).__name__}: {str(found)[:200]} {sorted(real)}"
            continue
        shapes = _shapes(found)
        for n, result in real.items():
            sizes = _shapes(result)
            fits = len(sizes) == len(shapes) and all(
                len(a) == len(b) and all(x in (None, y) for x, y in zip(a, b, strict=True))
                for a, b in zip(shapes, sizes, strict=True)
            )
            if not fits:
                wrong[where] = f"{shapes} though at size {n}: {sizes}"
        if len(real) >= 3 and name not in BY_VALUES and where not in wrong:
            for k, shape in enumerate(shapes):
                for j, size in enumerate(shape):
                    if size is None and len({_shapes(r)[k][j] for r in real.values()}) == 1:
                        wrong[where] = f"{shapes} though always: {_shapes(real[min(real)])}"
    return wrong


@tried(2, TABLE)
def test_symbolic_shapes_are_those_of_real_calls(row: Kind, examples: int):
    kind = row
    modules = (ops.image, keras.ops.image) if kind in IMAGE_ROWS else (ops, keras.ops)

    def check(call: Any) -> None:
        args, kwargs = call
        names = kind.names.split()
        for name in (
            names
            if examples > 2
            else random.Random(str([a.shape for a in _arrays((args, kwargs))])).sample(names, min(4, len(names)))
        ):
            function, theirs = (kind.through(m) if kind.through else getattr(m, name) for m in modules)
            wrong = _differences(name, function, theirs, args, kwargs)
            assert not wrong, f"{name}: {wrong} on {described(args)} {described(kwargs)}"

    try_examples(kind.make, check, examples)
