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
    """The outputs for one batch, as NumPy arrays that are the caller's own. What the step assigns is kept."""
    state = programs.prediction_state()
    size = len(batch[0]) if type(batch[0]) is np.ndarray else jax.tree.leaves(batch)[0].shape[0]
    room = power_of_two(size)
    if room == size or not programs.rowwise:
        outputs, assigned = programs.predict()(state, batch)
        if assigned:
            programs.keep(assigned)
        return _on_host(outputs)
    outputs, _ = programs.predict()(state, jax.tree.map(lambda leaf: _filled_up(leaf, room), batch))
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
    if programs.eager:
        return _joined(programs, (block.arrays for block in _single_batches(data)), hooks, watched)
    state, batch_size = programs.prediction_state(), data.batch_size
    shapes, assigned = jax.eval_shape(programs.predict(), state, data.peek())
    if assigned:  # each batch begins where the last one ended
        return _joined(programs, (block.arrays for block in _single_batches(data)), hooks, watched)
    program, told = programs.predict(batch_size), _Told(programs.model, hooks, watched)
    pace = Pace(0.1 if watched else 0.5, told.together)
    parts = []
    for block in _blocks(data, programs.rowwise):
        whole = block.rows >= batch_size or programs.rowwise
        room = jax.tree.leaves(block.arrays)[0].shape[0]
        out = jax.tree.map(lambda s, room=room: jnp.zeros((room, *s.shape[1:]), s.dtype), shapes)
        at = 0
        while at < block.steps and not told.stopped:
            count = min(pace.steps(), block.steps - at)
            told.begin(block.first + at)
            pace.start()
            out = (
                program(out, state, block.arrays, at, at + count)
                if whole
                else programs.predict()(state, block.arrays)[0]
            )
            jax.block_until_ready(out)
            pace.done(count)
            start, at = at * batch_size if told.together else (at + count - 1) * batch_size, at + count
            stop = min(at * batch_size, block.rows)
            told.end(block.first + at - 1, out, slice(start, stop), pace.at_edge)
        done = min(at * batch_size, block.rows)
        parts.append(jax.tree.map(lambda o, n=done: np.asarray(o)[:n], out))
        if told.stopped:
            break
    told.close()
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
    return _joined(programs, data.batches(ahead=not hooks.wants_predict_batches), hooks, watched)


def _joined(programs: Programs, batches: Iterable[Any], hooks: Any, watched: bool) -> Any:
    parts: list[Any] = []
    told = _Told(programs.model, hooks, watched)
    for i, batch in enumerate(batches):
        told.begin(i)
        parts.append(predict_batch(programs, batch))
        told.end(i, parts[-1], slice(None), (i + 1) % (told.together or 1) == 0)
        if told.stopped:
            break
    told.close()
    if not parts:
        raise DataError("The data gave no batch at all. Check the generator or dataset, or steps.")
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *p: np.concatenate(p), *parts)


class _Told:
    """Tells callbacks of the batches, or of the executions of several, and learns from them whether to stop.

    Attributes:
        together: how many batches make an execution; None: nobody needs to be told of each.
        stopped: whether a callback has set `stop_predicting`.
    """

    def __init__(self, model: Any, hooks: Any, watched: bool):
        self.together = model.steps_per_execution if hooks.wants_predict_batches else None
        self.stopped = False
        self._model, self._hooks = model, hooks
        self._hears = hooks.hears_predict_batches
        self._silent = not (self._hears or watched)
        self._last = -1
        self._parts: list[Any] | None = None  # the outputs since the execution began

    def begin(self, step: int) -> None:
        """A batch begins; with it an execution, if none is under way."""
        if not self._silent and self._parts is None:
            self._parts = []
            self._hooks.on_predict_batch_begin(step)

    def end(self, step: int, outputs: Any, rows: slice, at_edge: bool) -> None:
        """The batches up to `step` have these outputs, in the given rows; `at_edge`: an execution ends."""
        if self._silent:
            return
        self._last = step
        if self._hears and self._parts is not None:
            self._parts.append(jax.tree.map(lambda o: np.array(np.asarray(o)[rows]), outputs))
        if at_edge:
            self.close()

    def close(self) -> None:
        """End the execution that is under way, if any."""
        if self._parts is None:
            return
        outputs = jax.tree.map(lambda *p: np.concatenate(p), *self._parts) if self._parts else None
        self._parts = None
        self._hooks.on_predict_batch_end(self._last, {"outputs": outputs})
        self.stopped = bool(self._model.stop_predicting)
