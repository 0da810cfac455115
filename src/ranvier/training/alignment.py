"""Targets and outputs that differ by a last axis of one: which of them a loss or metric gets in which shape.

What ranvier has takes each sample with its own value. What users wrote gets what Keras would give it, for they may have shaped
the targets themselves; but where that would pair each sample with every other one, which no one means, it gets a column, too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr

from ..core import serialization
from ..core.masks import get_mask
from ..core.pure import sketch
from ..losses import LossFunctionWrapper
from ..metrics import Metric
from ..ops.errors_of_prediction import ELEMENT_MEANS

__all__ = ["aligned"]

_SAMPLES = 1009  # a batch size that no other axis has
_wants_column: WeakKeyDictionary[Any, dict[tuple[int, int], bool]] = WeakKeyDictionary()


def aligned(target: Any, output: Any, function: Any) -> tuple[Any, Any]:
    """Target and output such that each sample keeps its own value and weight.

    Targets (samples, …) of outputs (samples, …, 1) become (samples, …, 1). Where both are (samples,), a `function` that is a
    mean of elements would take the mean of the samples: for it both become (samples, 1).

    Args:
        target: the targets of one output.
        output: the output.
        function: the loss or metric that will take them.
    """
    target = jnp.asarray(target)
    if target.ndim == len(output.shape) - 1 and output.shape[-1] == 1:
        if _is_own(function) and not _takes_column(function, target, output):
            return target, output
        return target[..., None], output
    if target.ndim == len(output.shape) == 1 and getattr(function, "axis", -1) == -1 and get_mask(output) is None:
        formula = getattr(function, "fn", getattr(function, "_fn", getattr(type(function), "function", None)))
        if any(formula is known for known in ELEMENT_MEANS):
            return target[:, None], output[:, None]
    return target, output


def _is_own(function: Any) -> bool:
    """Whether a loss or metric is code of the user's."""
    inner = getattr(function, "fn", getattr(function, "_fn", None))
    module = getattr(inner, "__module__", None) or "" if inner is not None else type(function).__module__
    return not serialization.is_builtin(type(function)) or not module.startswith("ranvier.")


def _takes_column(function: Any, target: Any, output: Any) -> bool:
    if isinstance(function, LossFunctionWrapper) and serialization.is_builtin(type(function)):
        return target.ndim == 1  # further axes it brings to one rank itself, without the last one
    known, ranks = _wants_column.setdefault(function, {}), (target.ndim, len(output.shape))
    if ranks not in known:
        known[ranks] = _pairs_samples(function, target, output) and not _pairs_samples(
            function, target[..., None], output
        )
    return known[ranks]


def _pairs_samples(function: Any, target: Any, output: Any) -> bool:
    """Whether `function` fails with these, or makes an array with two axes of samples."""
    specs = [jax.ShapeDtypeStruct((_SAMPLES, *a.shape[1:]), a.dtype) for a in (target, output)]
    try:
        own = copy.deepcopy(function)  # what it notes in lists of its own stays with the copy
        call: Callable[..., Any] = own.update_state if isinstance(own, Metric) else own
        with sketch():
            program = jax.make_jaxpr(lambda y, p: call(y, p))(*specs)
    except Exception:
        return True
    return any(shape.count(_SAMPLES) > 1 for shape in _shapes(program.jaxpr))


def _shapes(program: Jaxpr) -> Iterator[tuple[int, ...]]:
    """The shapes of all that a program computes."""
    for eqn in program.eqns:
        yield from (tuple(getattr(v.aval, "shape", ())) for v in eqn.outvars)
        for value in jax.tree.leaves(list(eqn.params.values()), is_leaf=lambda v: isinstance(v, (Jaxpr, ClosedJaxpr))):
            if isinstance(value, (Jaxpr, ClosedJaxpr)):
                yield from _shapes(value.jaxpr if isinstance(value, ClosedJaxpr) else value)
