"""The loops of `predict`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import DataError
from ..core.settings import floatx
from ..data.checks import first_bad_row
from .pace import Pace
from .placement import placed
from .program import Programs, rows
from .state import TrainState

__all__ = ["is_small_batch", "predict_arrays", "predict_batch", "predict_stream"]


def is_small_batch(x: Any, batch_size: int | None) -> bool:
    """Whether `x` is one batch that needs no preparation: a few rows of finite floats in the default dtype."""
    return (
        type(x) is np.ndarray
        and x.ndim > 1
        and 0 < len(x) <= (32 if batch_size is None or type(batch_size) is not int else batch_size)
        and x.dtype == floatx()
        and first_bad_row(x) is None
    )


def predict_batch(programs: Programs, batch: Any) -> Any:
    """The outputs for one batch, as NumPy arrays that are the caller's own."""
    if programs.moving:
        outputs, values = programs.predict_and_move()(TrainState.take_weights(programs.roles), batch)
        for variable, value in zip(programs.moving, values, strict=True):
            variable.store(value)
        return _on_host(outputs)
    return _on_host(programs.predict()(TrainState.take_weights(programs.roles), batch))


def _on_host(outputs: Any) -> Any:
    # A tree of one leaf is the common case, and walking a tree costs more than the copy.
    return np.array(outputs) if isinstance(outputs, jax.Array) else jax.tree.map(np.array, outputs)


def predict_arrays(programs: Programs, data: Any, hooks: Any, watched: bool) -> Any:
    """The outputs for all rows of in-memory data: full batches in one program, the rest in another."""
    steps, rest = divmod(data.size, data.batch_size)
    if steps + (rest > 0) == 1:
        _tell(hooks, "begin", 0, None, watched)
        outputs = predict_batch(programs, data.arrays)
        _tell(hooks, "end", 0, outputs, watched)
        return outputs
    if programs.moving:  # each batch begins where the last one ended
        edges = range(0, data.size, data.batch_size)
        return _joined(programs, (rows(data.arrays, slice(i, i + data.batch_size)) for i in edges), hooks, watched)
    state, step = TrainState.take_weights(programs.roles), programs.predict()
    first = rows(data.arrays, slice(0, data.batch_size))
    shapes = jax.eval_shape(step, state, first)
    out = jax.tree.map(lambda s: jnp.zeros((steps * data.batch_size, *s.shape[1:]), s.dtype), shapes)
    arrays = jax.tree.map(placed, data.arrays)
    program = programs.predict(data.batch_size)
    pace = Pace(0.1 if watched else 0.5, fixed=1 if hooks.wants_predict_batches else None)
    at = 0
    while at < steps:
        count = min(pace.steps(), steps - at)
        _tell(hooks, "begin", at, None, watched)
        pace.start()
        out = program(out, state, arrays, at, at + count)
        jax.block_until_ready(out)
        pace.done(count)
        at += count
        batch = None
        if hooks.hears_predict_batches:
            batch = jax.tree.map(lambda o, b=at - 1: np.array(o[b * data.batch_size : (b + 1) * data.batch_size]), out)
        _tell(hooks, "end", at - 1, batch, watched)
    parts = [jax.tree.map(np.array, out)]
    if rest:
        _tell(hooks, "begin", steps, None, watched)
        parts.append(jax.tree.map(np.array, step(state, rows(data.arrays, slice(data.size - rest, data.size)))))
        _tell(hooks, "end", steps, parts[-1], watched)
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *p: np.concatenate(p), *parts)


def predict_stream(programs: Programs, data: Any, hooks: Any, watched: bool) -> Any:
    """The outputs for a stream of batches, one after the other."""
    return _joined(programs, data.batches(), hooks, watched)


def _joined(programs: Programs, batches: Iterable[Any], hooks: Any, watched: bool) -> Any:
    state, step, parts = TrainState.take_weights(programs.roles), programs.predict(), []
    for i, batch in enumerate(batches):
        _tell(hooks, "begin", i, None, watched)
        outputs = predict_batch(programs, batch) if programs.moving else jax.tree.map(np.array, step(state, batch))
        parts.append(outputs)
        _tell(hooks, "end", i, parts[-1], watched)
    if not parts:
        raise DataError("The data gave no batch at all. Check the generator or dataset, or steps.")
    return jax.tree.map(lambda *p: np.concatenate(p), *parts)


def _tell(hooks: Any, edge: str, step: int, outputs: Any, watched: bool) -> None:
    if hooks.hears_predict_batches or watched:
        if edge == "begin":
            hooks.on_predict_batch_begin(step)
        else:
            hooks.on_predict_batch_end(step, {"outputs": outputs})
