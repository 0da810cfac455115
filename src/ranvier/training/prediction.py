"""The loops of `predict`.

A program is compiled for shapes. So that `predict` on batches of all sizes does not compile for each of them, rows are
added up to the next power of two, and many batches are computed in blocks of equal room; what was added is cut off.
Where a model might mix the rows of a batch, nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import DataError
from ..core.settings import floatx
from ..data.blocks import Block, FileData, blocks, power_of_two
from ..data.prefetch import prefetched
from .pace import Pace
from .placement import lent
from .program import Programs, rows
from .state import TrainState

__all__ = ["is_small_batch", "predict_arrays", "predict_batch", "predict_directly", "predict_stream"]

_SMALL = 1 << 16  # numbers that are looked through in no time
_FLOATS = {"f": "float32", "d": "float64"}  # NumPy's own names take ten times as long to ask for


def is_small_batch(x: Any, batch_size: int | None) -> bool:
    """Whether `x` is one batch that needs no preparation: a few rows of finite floats in the default dtype."""
    if type(x) is not np.ndarray or x.ndim < 2 or not 0 < x.size <= _SMALL or _FLOATS.get(x.dtype.char) != floatx():
        return False
    if batch_size is not None and type(batch_size) is not int:
        return False
    if len(x) > (32 if batch_size is None else batch_size):
        return False
    flat = x.reshape(-1)
    # A number that is not finite makes the sum of squares so; the sum of large ones is looked at more closely later.
    return bool(np.vdot(flat, flat) < np.inf)


def predict_directly(programs: Programs | None, x: Any, batch_size: int | None) -> np.ndarray | None:
    """The outputs for a NumPy array by a kernel that takes it as it is; None where there is none, or it will not."""
    if programs is None or type(x) is not np.ndarray or (batch_size is not None and type(batch_size) is not int):
        return None
    direct = programs.direct
    return None if direct is None or (batch_size is not None and batch_size < 1) else direct(x)


def predict_batch(programs: Programs, batch: Any) -> Any:
    """The outputs for one batch, as NumPy arrays that are the caller's own."""
    state = TrainState.take_weights(programs.roles)
    if programs.moving:
        outputs, values = programs.predict_and_move()(state, batch)
        for variable, value in zip(programs.moving, values, strict=True):
            variable.store(value)
        return _on_host(outputs)
    size = len(batch[0]) if type(batch[0]) is np.ndarray else jax.tree.leaves(batch)[0].shape[0]
    room = power_of_two(size)
    if room == size or not programs.rowwise:
        return _on_host(programs.predict()(state, batch))
    outputs = programs.predict()(state, jax.tree.map(lambda leaf: _filled_up(leaf, room), batch))
    return jax.tree.map(lambda o: np.array(o)[:size], outputs)


def _filled_up(leaf: Any, room: int) -> np.ndarray:
    out = np.zeros((room, *leaf.shape[1:]), leaf.dtype)
    out[: len(leaf)] = leaf
    return out


def _on_host(outputs: Any) -> Any:
    # A tree of one leaf is the common case, and walking a tree costs more than the copy.
    return np.array(outputs) if isinstance(outputs, jax.Array) else jax.tree.map(np.array, outputs)


def predict_arrays(programs: Programs, data: Any, hooks: Any, watched: bool) -> Any:
    """The outputs for all rows of data in memory or in files."""
    if data.steps == 1:
        return _joined(programs, [data.peek()], hooks, watched)
    if programs.moving:  # each batch begins where the last one ended
        return _joined(programs, (block.arrays for block in _single_batches(data)), hooks, watched)
    state, batch_size = TrainState.take_weights(programs.roles), data.batch_size
    shapes = jax.eval_shape(programs.predict(), state, data.peek())
    program = programs.predict(batch_size)
    pace = Pace(0.1 if watched else 0.5, fixed=1 if hooks.wants_predict_batches else None)
    parts = []
    for block in _blocks(data, programs.rowwise):
        if block.rows < batch_size and not programs.rowwise:
            _tell(hooks, "begin", block.first, None, watched)
            parts.append(_on_host(programs.predict()(state, block.arrays)))
            _tell(hooks, "end", block.first, parts[-1], watched)
            continue
        room = jax.tree.leaves(block.arrays)[0].shape[0]
        out = jax.tree.map(lambda s, room=room: jnp.zeros((room, *s.shape[1:]), s.dtype), shapes)
        at = 0
        while at < block.steps:
            count = min(pace.steps(), block.steps - at)
            _tell(hooks, "begin", block.first + at, None, watched)
            pace.start()
            out = program(out, state, block.arrays, at, at + count)
            jax.block_until_ready(out)
            pace.done(count)
            at += count
            batch = None
            if hooks.hears_predict_batches:
                start, stop = (at - 1) * batch_size, min(at * batch_size, block.rows)
                batch = jax.tree.map(lambda o, a=start, b=stop: np.array(np.asarray(o)[a:b]), out)
            _tell(hooks, "end", block.first + at - 1, batch, watched)
        parts.append(jax.tree.map(lambda o, n=block.rows: np.asarray(o)[:n], out))
    return jax.tree.map(lambda *p: np.concatenate(p), *parts)


def _blocks(data: Any, padded: bool) -> Iterator[Block]:
    """The blocks of `data`, on the device; those of files are read while the one before is computed."""

    def made() -> Iterator[Block]:
        for block in blocks(data, padded=padded):
            yield block._replace(arrays=jax.tree.map(lent, block.arrays))

    return prefetched(made, 1 if isinstance(data, FileData) else 0)


def _single_batches(data: Any) -> Iterator[Block]:
    for block in blocks(data):
        for start in range(0, block.rows, data.batch_size):
            stop = min(start + data.batch_size, block.rows)
            yield Block(block.first, 1, stop - start, rows(block.arrays, slice(start, stop)))


def predict_stream(programs: Programs, data: Any, hooks: Any, watched: bool) -> Any:
    """The outputs for a stream of batches, one after the other."""
    return _joined(programs, data.batches(), hooks, watched)


def _joined(programs: Programs, batches: Iterable[Any], hooks: Any, watched: bool) -> Any:
    parts = []
    for i, batch in enumerate(batches):
        _tell(hooks, "begin", i, None, watched)
        parts.append(predict_batch(programs, batch))
        _tell(hooks, "end", i, parts[-1], watched)
    if not parts:
        raise DataError("The data gave no batch at all. Check the generator or dataset, or steps.")
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *p: np.concatenate(p), *parts)


def _tell(hooks: Any, edge: str, step: int, outputs: Any, watched: bool) -> None:
    if hooks.hears_predict_batches or watched:
        if edge == "begin":
            hooks.on_predict_batch_begin(step)
        else:
            hooks.on_predict_batch_end(step, {"outputs": outputs})
