"""Candidates side by side: their states stacked, and one program that takes a step of all of them at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..training.loop import capacity_of, python_logs
from ..training.pace import Pace
from ..training.program import rows
from ..training.state import TrainState
from .members import Member, Tell, Work
from .programs import SharedPrograms

__all__ = ["Stack", "alike", "training_logs"]

_CHUNK = 0.5  # seconds that a call of the program should take


def alike(shared: SharedPrograms, members: Sequence[Member], work: Work) -> list[list[Member]]:
    """The members of a group, by the programs that they need: those of one list can be stacked."""
    calls = _calls(shared, members[0], work)
    classes: dict[tuple[int, ...], list[Member]] = {}
    for _ in range(2):  # a later member may divide what an earlier one was in; then all parts are known
        classes.clear()
        for member in members:
            parts = tuple(program.division(member.index, *args) for program, args in calls)
            classes.setdefault(parts, []).append(member)
    return list(classes.values())


def _calls(shared: SharedPrograms, member: Member, work: Work) -> list[tuple[Any, tuple[Any, ...]]]:
    """The programs that training calls, with arguments as one member gives them."""
    state, session, found = member.session.state, member.session, []
    for data, learn in ((work.data, True), (work.validation, False)):
        if data is None:
            continue
        arrays, (steps, rest) = session._place(data.arrays), divmod(data.size, data.batch_size)
        order = np.zeros(data.size, np.int32) if learn and data.shuffle else None
        if learn and work.whole:
            capacity = capacity_of(data.size)
            program = shared.many_epochs(data.batch_size, data.size, bool(data.shuffle), session.fresh_metrics)
            orders = None if order is None else np.zeros((capacity, data.size), np.int32)
            found.append((program, (state, arrays, orders, training_logs(member, data, (capacity,)), 0, 1)))
            continue
        if steps:
            program = shared.chunk(learn, data.batch_size, "slices" if order is None else "rows")
            found.append((program, (state, arrays, order, 0, 1)))
        if rest:
            found.append((shared.single(learn), (state, rows(data.arrays, slice(0, rest)), 0)))
    return found


def training_logs(member: Member, data: Any, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Room for the logs of training, by their names."""
    batch = rows(data.arrays, slice(0, min(data.size, data.batch_size)))
    return {name: np.zeros((*shape, *own), np.float32) for name, own in member.programs.log_shapes(batch).items()}


class Stack:
    """Members whose steps are taken together.

    Args:
        shared: their programs.
        members: those of one part.
        lanes: how many the program is made for; lanes without a member repeat the first one.
        work: what they train on.

    Attributes:
        compiling: seconds of the first call, which compiles if nobody did before.
        training: seconds of all other calls.
        epochs: epochs in these, with parts.
    """

    def __init__(self, shared: SharedPrograms, members: Sequence[Member], lanes: int, work: Work):
        self.shared = shared
        self.members = list(members)
        self.work = work
        self.lanes = [*range(len(members)), *[0] * (lanes - len(members))]
        self.numbers = [members[lane].index for lane in self.lanes]
        self.compiling = self.training = self.epochs = 0.0
        # How many epochs' orders a call of the program holds, for all lanes.
        self.capacity = capacity_of(max(1, work.data.size * lanes // 4))
        self.state: TrainState = jax.device_put(self._stacked([m.session.state for m in members]))
        self.fresh = self._stacked([m.session.fresh_metrics for m in members])

    def _stacked(self, trees: list[Any]) -> Any:
        return jax.tree.map(lambda *v: np.stack([np.asarray(v[i]) for i in self.lanes]), *trees)

    def give_back(self) -> None:
        """The members have their states again."""
        values = jax.tree.map(np.asarray, self.state)
        for i, member in enumerate(self.members):
            own = jax.tree.map(lambda v, i=i: jax.device_put(v[i], may_alias=False), values)
            member.session.state = own
            member.session.diverged |= int(own.bad_step) >= 0

    # --- training ---------------------------------------------------------------------------------------------------

    def train(self, first: int, last: int, tell: Tell) -> None:
        """The epochs from `first` to `last`."""
        try:
            if self.work.whole:
                self._train_whole(first, last, tell)
            else:
                for epoch in range(first, last):
                    self._train_epoch(epoch, tell)
        finally:
            # After a failed call the state may be gone; then the members keep those that they had.
            if not any(isinstance(v, jax.Array) and v.is_deleted() for v in jax.tree.leaves(self.state)):
                self.give_back()

    def _train_epoch(self, epoch: int, tell: Tell) -> None:
        logs = self._pass(self.work.data, learn=True)
        found = {} if self.work.validation is None else self._pass(self.work.validation, learn=False)
        for i, member in enumerate(self.members):
            own = python_logs({name: values[i] for name, values in logs.items()})
            own |= {f"val_{k}": v for k, v in python_logs({name: values[i] for name, values in found.items()}).items()}
            member.record(epoch, {name: [value] for name, value in own.items()}, tell)

    def _pass(self, data: Any, learn: bool) -> dict[str, np.ndarray]:
        self.state = self.state._replace(metrics=self.fresh)
        steps, rest = divmod(data.size, data.batch_size)
        orders = self._orders(data) if learn and data.shuffle else None
        logs: Any = None
        at, pace = 0, Pace(_CHUNK)
        while at < steps:
            count = min(pace.steps(), steps - at)
            pace.start()
            logs = self.chunk(data, learn, orders, at, at + count, count / data.steps)
            pace.done(count)
            at += count
        if rest:
            logs = self.rest(data, learn, orders, steps)
        return jax.device_get(logs)

    def _orders(self, data: Any) -> np.ndarray:
        orders = [data.order(member.generator) for member in self.members]
        return np.stack([orders[lane] for lane in self.lanes])

    def chunk(self, data: Any, learn: bool, orders: Any, start: int, stop: int, part: float) -> Any:
        """The steps from `start` to `stop` of a pass over `data`; returns the logs."""
        arrays = self.members[0].session._place(data.arrays)
        program = self.shared.chunk(learn, data.batch_size, "slices" if orders is None else "rows")
        axis = None if orders is None else 0
        return self._call(program, (0, None, axis, None, None), arrays, orders, start, stop, part=part)

    def rest(self, data: Any, learn: bool, orders: Any, number: int) -> Any:
        """The last, incomplete step of a pass; returns the logs."""
        at = number * data.batch_size
        index: Any = slice(at, data.size) if orders is None else orders[:, at:]
        axes = (0, None if orders is None else 0, None)
        return self._call(self.shared.single(learn), axes, rows(data.arrays, index), number, part=1 / data.steps)

    def _train_whole(self, first: int, last: int, tell: Tell) -> None:
        data, capacity = self.work.data, self.capacity
        at, pace = first, Pace(_CHUNK)
        while at < last:
            block = min(capacity, last - at)
            orders: Any = None
            if data.shuffle:
                orders = np.zeros((len(self.lanes), capacity, data.size), np.int32)
                for lane, i in enumerate(self.lanes):
                    for e in range(block):
                        orders[lane, e] = data.order(self.members[i].generator) if lane == i else orders[i, e]
                orders = jax.device_put(orders)
            logs: Any = training_logs(self.members[0], data, (len(self.lanes), capacity))
            done = 0
            while done < block:
                count = min(pace.steps(), block - done)
                pace.start()
                logs = self.whole(orders, logs, done, done + count)
                pace.done(count)
                done += count
            values = {name: np.asarray(v) for name, v in sorted(logs.items())}
            for i, member in enumerate(self.members):
                member.record(at, {name: v[i, :block].tolist() for name, v in values.items()}, tell)
            at += block

    def whole(self, orders: Any, logs: Any, start: int, stop: int) -> Any:
        """The epochs from `start` to `stop` of those that `orders` holds; returns the logs."""
        data = self.work.data
        fresh = self.members[0].session.fresh_metrics
        program = self.shared.many_epochs(data.batch_size, data.size, bool(data.shuffle), fresh)
        axes = (0, None, None if orders is None else 0, 0, None, None)
        arrays = self.members[0].session._place(data.arrays)
        return self._call(program, axes, arrays, orders, logs, start, stop, part=float(stop - start))

    def _call(self, program: Any, axes: Any, *args: Any, part: float) -> Any:
        begin = time.perf_counter()
        self.state, logs = program.many(self.numbers, axes, self.state, *args)
        jax.block_until_ready(logs)
        seconds = time.perf_counter() - begin
        if not self.compiling:
            self.compiling = seconds
        else:
            self.training, self.epochs = self.training + seconds, self.epochs + part
        return logs
