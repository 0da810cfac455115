"""Functions of ``keras.backend`` that were about graphs: functions of symbolic tensors, the phase of learning, loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import backend, models, ops
from ...core.errors import ArgumentError, ArgumentTypeError
from ...core.names import name_scope
from ...core.settings import image_data_format, set_image_data_format
from ...layers.context import current_context
from ...ops.symbolic import is_symbolic

__all__ = [
    "Function", "foldl", "foldr", "function", "image_dim_ordering", "in_test_phase", "in_train_phase", "learning_phase",
    "map_fn", "name_scope", "reset_uids", "set_image_dim_ordering", "switch",
]  # fmt: skip

_DIM_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}


class LearningPhase(int):
    """0 or 1, as Keras 2 had it; among the inputs of `function` it stands for the `training` of the call."""


class Function:
    """A function from values for symbolic inputs to the values of symbolic outputs, as NumPy arrays."""

    def __init__(self, inputs: list[Any], outputs: Any):
        self._phase = next((i for i, t in enumerate(inputs) if isinstance(t, LearningPhase)), None)
        self._several = isinstance(outputs, (list, tuple))
        tensors = [t for t in inputs if not isinstance(t, LearningPhase)]
        wanted = list(outputs) if self._several else [outputs]
        wrong = [t for t in [*tensors, *wanted] if not is_symbolic(t)]
        if wrong:
            raise ArgumentTypeError(
                "function takes symbolic tensors, such as model.input and model.layers[0].output. "
                f"Received: {type(wrong[0]).__name__}"
            )
        self._model = models.Model(tensors, wanted)

    def __call__(self, inputs: Any) -> Any:
        """The outputs for a list of values, one for each input."""
        values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        training = bool(values.pop(self._phase)) if self._phase is not None else False
        found = self._model([np.asarray(v) for v in values], training=training)
        arrays = [np.asarray(v) for v in (found if isinstance(found, (list, tuple)) else [found])]
        return arrays if self._several else arrays[0]


def function(inputs: Any, outputs: Any, updates: Any = None, **kwargs: Any) -> Function:
    """A callable that computes symbolic outputs from values for symbolic inputs.

    Args:
        inputs: symbolic tensors; `learning_phase()` among them stands for `training`.
        outputs: a symbolic tensor or a list of them.
        updates: must be empty: variables change where they are assigned.

    Raises:
        ArgumentError: there are updates.

    >>> from ranvier import Sequential, layers
    >>> model = Sequential([layers.Dense(2, input_shape=(3,), kernel_initializer="ones")])
    >>> function([model.input], [model.layers[0].output])([np.ones((1, 3))])[0].tolist()
    [[3.0, 3.0]]
    """
    if updates:
        raise ArgumentError("function takes no updates: write a train_step, or assign to variables in a layer's call.")
    return Function(list(inputs) if isinstance(inputs, (list, tuple)) else [inputs], outputs)


def learning_phase() -> LearningPhase:
    """1 within a call with ``training=True``, such as a step of `fit`; else 0."""
    context = current_context()
    return LearningPhase(bool(context is not None and context.training))


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` in training, else `alt`; either may be a function that gives it."""
    training = learning_phase() if training is None else training
    if isinstance(training, (bool, int, np.bool_)):
        chosen = x if training else alt
        return chosen() if callable(chosen) else chosen
    return switch(training, x, alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`alt` in training, else `x`; either may be a function that gives it."""
    return in_train_phase(alt, x, training)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two, by a scalar or for each element; functions are called for a scalar condition."""
    condition = ops.cast(condition, "bool")
    if len(condition.shape) == 0 and callable(then_expression) and callable(else_expression):
        return ops.cond(condition, then_expression, else_expression)
    then, other = (e() if callable(e) else e for e in (then_expression, else_expression))
    rank = max(len(ops.shape(then)), len(ops.shape(other)))
    if 0 < len(condition.shape) < rank:
        condition = ops.reshape(condition, (*ops.shape(condition), *(1,) * (rank - len(condition.shape))))
    return ops.where(condition, then, other)


def map_fn(fn: Any, elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """`fn` of each element along the first axis."""
    found = ops.map(fn, elems)
    return found if dtype is None else ops.cast(found, dtype)


def foldl(fn: Any, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """``fn(fn(fn(initializer, first), second), …)``; without an initializer it begins with the first element."""
    return _fold(fn, ops.convert_to_tensor(elems), initializer)


def foldr(fn: Any, elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`foldl` from the last element to the first."""
    return _fold(fn, ops.flip(ops.convert_to_tensor(elems), 0), initializer)


def _fold(fn: Any, elems: Any, start: Any) -> Any:
    if start is None:
        start, elems = elems[0], elems[1:]
    return ops.scan(lambda so_far, x: (fn(so_far, x), 0), ops.convert_to_tensor(start), elems)[0]


def image_dim_ordering() -> str:
    """``"tf"`` where channels come last, ``"th"`` where they come first."""
    return next(old for old, new in _DIM_ORDERINGS.items() if new == image_data_format())


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set where channels are, in the words of Keras 1: ``"tf"`` (last) or ``"th"`` (first)."""
    if dim_ordering not in _DIM_ORDERINGS:
        raise ArgumentError(f"dim_ordering must be 'tf' or 'th'. Received: dim_ordering={dim_ordering!r}")
    set_image_data_format(_DIM_ORDERINGS[dim_ordering])


def reset_uids() -> None:
    """Count automatic names from the beginning."""
    backend.clear_session()
