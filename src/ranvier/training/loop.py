"""The loops: passes over data in chunks, epochs, validation, callbacks at the edges, and the state given back."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ..core.distributions import distribution
from ..core.errors import DataError, RanvierWarning
from ..core.tracebacks import outside
from ..data.blocks import FileData, blocks, power_of_two
from ..data.prefetch import prefetched
from ..data.sources import ArrayData, StreamData
from .chunks import stacked_chunks
from .filling import one_batch
from .label_checks import check_labels
from .pace import Pace
from .placement import lent, placed
from .program import Programs, rows
from .state import Roles, TrainState
from .step import unpack

__all__ = ["Session", "capacity_of", "python_logs"]

# A chunk's time in seconds: with somebody watching a bar, and with nobody.
_WATCHED, _UNWATCHED = 0.1, 0.5
# The bytes of data for a test that get room for more: later a compilation is a small part of the time.
_ROOMY = 32 << 20
# How many rows' places in shuffled orders one call holds, so many epochs of few rows and one of many.
_ORDERS = 1 << 18


def python_logs(logs: Any) -> dict[str, Any]:
    """Logs as Python numbers, in the order of their names."""
    return {k: _number(v) for k, v in sorted(jax.device_get(logs).items())}


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array


class Session:
    """One `fit`, `evaluate` or the like: owns the model's state while it runs.

    Args:
        model: a built and compiled model.
        programs: its compiled programs.
        callbacks: the list of callbacks to tell.
        watched: whether somebody looks at a progress bar.
    """

    def __init__(self, model: Any, programs: Programs, callbacks: Any, watched: bool):
        self.model = model
        self.programs = programs
        self.roles: Roles = programs.roles
        self.callbacks = callbacks
        self.watched = watched
        self.fresh_metrics = programs.fresh_metrics
        self._on_device: dict[int, Any] = {}
        self._warned = False
        self.state: TrainState | None = None

    def __enter__(self) -> Session:
        self.state = TrainState.take(self.roles)
        return self

    def __exit__(self, *exception: Any) -> None:
        assert self.state is not None
        self.state.put(self.roles)
        self.state = None

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """The model has its values while callbacks run, and may change them."""
        assert self.state is not None
        self.state.put(self.roles)
        try:
            yield
        finally:
            self.state = TrainState.take(self.roles)._replace(bad_step=self.state.bad_step)

    # --- one pass over data -----------------------------------------------------------------------------------------

    def run(
        self,
        data: ArrayData | StreamData,
        learn: bool,
        generator: np.random.Generator | None,
        epoch: int = 0,
        done: int = 0,
        backup: Any = None,
    ) -> Any:
        """One pass: train (`learn`) or test on all of `data`. Returns the logs at its end, still on the device.

        Args:
            data: what to pass over.
            learn: train, or only test.
            generator: what the order of the samples is drawn from.
            epoch: its number.
            done: steps of this pass that an interrupted run has made; their metrics are in the state.
            backup: a `Backup` to keep, or None.
        """
        assert self.state is not None
        kind = "train" if learn else "test"
        begin = getattr(self.callbacks, f"on_{kind}_batch_begin")
        end = getattr(self.callbacks, f"on_{kind}_batch_end")
        heard = getattr(self.callbacks, f"hears_{kind}_batches")
        every = getattr(self.callbacks, f"wants_{kind}_batches")
        together = self.model.steps_per_execution if every else None
        pace = Pace(_WATCHED if self.watched else _UNWATCHED, together, done)
        if not done:
            self.state = self.state._replace(metrics=list(self.fresh_metrics))
        if isinstance(data, FileData):
            source = self._chunks_of_files(data, learn, generator, pace, done)
        elif isinstance(data, ArrayData):
            source = self._chunks_of_arrays(data, learn, generator, pace, done)
        else:
            batches = data.batches(done, ahead=not every)  # after any batch, a callback may stop
            most = together if data.one_shot and together else data.steps
            stacks = stacked_chunks(batches, most, done > 0, self._check_labels)
            source = self._chunks_of_stacks(stacks, learn, pace)
        if backup is not None:
            pace.most = backup.room()
        step, logs, told = done, None, True
        stops = "stop_training" if learn else "stop_evaluating"
        for steps, call in source:
            # Only here is it known that the pass has another step; at its end, the backup waits for the epoch's.
            if backup is not None and step > done and backup.due():
                with self.lent():
                    backup.in_epoch(epoch, step)
            if heard and told:
                with self.lent():
                    begin(step)
            pace.start()
            self.state, logs = call(self.state)
            step += steps
            if backup is not None:
                backup.passed(steps)
                pace.most = backup.room()
            jax.block_until_ready(logs)
            pace.done(steps)
            told = pace.at_edge
            if heard and told:
                with self.lent():
                    end(step - 1, python_logs(logs))
            if told and getattr(self.model, stops):
                break
        if heard and not told:  # the last execution has fewer steps
            with self.lent():
                end(step - 1, python_logs(logs))
        if logs is None:
            raise DataError("The data gave no batch at all. Check the generator or dataset, or steps_per_epoch.")
        if learn:
            self._warn_of_bad_loss(epoch)
        return logs

    def _place(self, arrays: Any, rows: int | None = None, room: int = 0) -> Any:
        """The arrays on the device, kept for the next epoch: all or the first `rows`, with room for further ones."""
        if id(arrays) not in self._on_device:
            self._on_device[id(arrays)] = jax.tree.map(lambda leaf: placed(leaf, rows, room), arrays)
        return self._on_device[id(arrays)]

    def _place_for_tests(self, data: Any, rows: int) -> Any:
        """The rows of whole batches, with so much room that data of many sizes have the same shapes, for one program."""
        likes = jax.tree.leaves(data.arrays)
        size = sum(leaf.nbytes for leaf in likes) * rows // max(data.size, 1)
        if distribution() is not None or not 0 < size <= _ROOMY or any(isinstance(leaf, jax.Array) for leaf in likes):
            return self._place(data.arrays)
        return self._place(data.arrays, rows, power_of_two(rows // data.batch_size) * data.batch_size)

    def _chunks_of_arrays(
        self, data: Any, learn: bool, generator: Any, pace: Pace, done: int
    ) -> Iterator[tuple[int, Any]]:
        steps, rest = divmod(data.size, data.batch_size)
        arrays = self._place(data.arrays) if learn else self._place_for_tests(data, steps * data.batch_size)
        order = data.order(generator) if learn and generator is not None else None
        full = None if order is None else jax.device_put(order)
        program = self.programs.chunk(learn, data.batch_size, "slices" if order is None else "rows") if steps else None
        at = done
        while program is not None and at < steps:
            count = min(pace.steps(), steps - at)
            yield count, lambda state, a=at, b=at + count: program(state, arrays, full, a, b)
            at += count
        if rest:
            index = np.arange(data.size - rest, data.size) if order is None else order[data.size - rest :]
            batch = rows(data.arrays, index)
            yield 1, one_batch(self.programs, learn, batch, steps, data.batch_size if steps else None)

    def _chunks_of_files(
        self, data: FileData, learn: bool, generator: Any, pace: Pace, done: int
    ) -> Iterator[tuple[int, Any]]:
        order = data.order(generator) if learn and generator is not None else None
        shape = (-1, data.batch_size)

        def stacks() -> Iterator[tuple[int, Any]]:
            for block in blocks(data, order, done):
                if block.rows < data.batch_size:
                    yield 0, block.arrays
                else:
                    yield block.steps, jax.tree.map(lambda a: lent(a.reshape(*shape, *a.shape[1:])), block.arrays)

        # The thread reads while the device computes; one block waits, one is made.
        yield from self._chunks_of_stacks(
            prefetched(stacks, 1), learn, pace, data.batch_size if data.size > data.batch_size else None
        )

    def _chunks_of_stacks(
        self, stacks: Iterator[tuple[int, Any]], learn: bool, pace: Pace, room: int | None = None
    ) -> Iterator[tuple[int, Any]]:
        for count, batches in stacks:
            if count == 0:
                yield 1, one_batch(self.programs, learn, batches, 0, room)
                continue
            program = self.programs.chunk(learn, 0, "stacked")
            at = 0
            while at < count:
                steps = min(pace.steps(), count - at)
                yield steps, lambda state, a=at, b=at + steps, d=batches, run=program: run(state, d, None, a, b)
                at += steps

    def _check_labels(self, batches: Any) -> None:
        _, y, _ = unpack(batches)
        check_labels(self.model._losses_compiled, y, "y of the next batches")

    def _warn_of_bad_loss(self, epoch: int) -> None:
        assert self.state is not None
        if self._warned or int(self.state.bad_step) < 0:
            return
        self._warned = True
        warnings.warn(
            f"The loss became NaN or infinite at step {int(self.state.bad_step)} of epoch {epoch + 1}. Usual causes: a learning "
            "rate that is too high, unscaled inputs, NaN in the data, or log of 0 in a custom loss.",
            RanvierWarning,
            stacklevel=outside(),
        )

    # --- many epochs in one program ---------------------------------------------------------------------------------

    def run_epochs(
        self, data: ArrayData, generator: np.random.Generator, first: int, last: int
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Train from epoch `first` to `last` in as few calls as possible; yields each epoch's logs afterwards."""
        assert self.state is not None
        arrays = self._place(data.arrays)
        program = self.programs.many_epochs(data.batch_size, data.size, bool(data.shuffle), self.fresh_metrics)
        capacity = capacity_of(data.size)
        self.state = self.state._replace(metrics=list(self.fresh_metrics))
        shapes = self.programs.log_shapes(rows(data.arrays, slice(0, min(data.size, data.batch_size))))
        pace = Pace(_UNWATCHED)
        at = first
        while at < last:
            block = min(capacity, last - at)
            orders: Any = None
            if data.shuffle:
                orders = np.zeros((capacity, data.size), np.int32)
                for e in range(block):
                    orders[e] = data.order(generator)
                orders = jax.device_put(orders)
            logs = {name: np.zeros((capacity, *shape), np.float32) for name, shape in shapes.items()}
            done = 0
            while done < block:
                count = min(pace.steps(), block - done)
                pace.start()
                self.state, logs = program(self.state, arrays, orders, logs, done, done + count)
                jax.block_until_ready(logs)
                pace.done(count)
                done += count
            values = {k: np.asarray(v) for k, v in sorted(logs.items())}
            steps = -(-data.size // data.batch_size)
            assert self.state is not None
            bad = int(self.state.bad_step)
            if bad >= 0 and not self._warned:
                self.state = self.state._replace(bad_step=np.int32(bad % steps))
                self._warn_of_bad_loss(at + bad // steps)
            for e in range(block):
                yield at + e, {k: _number(v[e]) for k, v in values.items()}
            at += block


def capacity_of(size: int) -> int:
    """How many epochs' orders and logs one call holds. It depends on the data alone, so that no later `fit` compiles."""
    return max(1, min(1024, _ORDERS // size))
