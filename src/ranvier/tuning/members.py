"""The candidates in training: each with its state, its order of samples and its history; one after another, or in threads."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data.sources import ArrayData
from ..training.callbacks import CallbackList, History
from ..training.loop import Session, python_logs
from ..training.program import Programs

__all__ = ["Member", "Work", "train_each", "workers"]

_SHORT = 100  # steps of an epoch up to which many of them are one call of a program
Tell = Callable[[int], None]  # so many epochs of one candidate have ended


def workers() -> int:
    """How many threads can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Work:
    """What all candidates train on.

    Args:
        data: the training data.
        validation: the validation data, if there is any.
    """

    data: ArrayData
    validation: ArrayData | None
    on_device: dict[int, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether many epochs are one program: they are short, and nobody asks for anything in between."""
        return self.validation is None and self.data.steps <= _SHORT


class _CandidateSession(Session):
    """A session that shares its data with others, and keeps to itself that a loss is not finite."""

    def __init__(self, model: Any, programs: Programs, callbacks: Any, work: Work):
        super().__init__(model, programs, callbacks, watched=False)
        self._on_device = work.on_device
        self.diverged = False

    def _warn_of_bad_loss(self, epoch: int) -> None:
        self.diverged |= int(self.state.bad_step) >= 0  # type: ignore[union-attr]


class Member:
    """One candidate while it trains.

    Args:
        index: its number.
        model: its model, with the programs that it shares.
        generator: what the order of its samples is drawn from.
        work: what it trains on.
        epochs: how many there will be.
    """

    def __init__(self, index: int, model: Any, generator: np.random.Generator, work: Work, epochs: int):
        self.index = index
        self.model = model
        self.generator = generator
        self.records = History()
        hooks = CallbackList([self.records], model=model, verbose=0, epochs=epochs, steps=work.data.steps)
        self.session = _CandidateSession(model, model._programs, hooks, work)
        model.stop_training = False
        model.history = self.records

    @property
    def programs(self) -> Programs:
        """Its programs, shared with others."""
        return self.session.programs

    @property
    def history(self) -> dict[str, list[float]]:
        """Its logs, a list with a number for each epoch."""
        return self.records.history

    def train(self, work: Work, first: int, last: int, tell: Tell) -> None:
        """The epochs from `first` to `last`, by itself."""
        if work.whole:
            for epoch, logs in self.session.run_epochs(work.data, self.generator, first, last):
                self.record(epoch, {name: [value] for name, value in logs.items()}, tell)
                if self.model.stop_training:
                    return
            return
        for epoch in range(first, last):
            logs = python_logs(self.session.run(work.data, True, self.generator, epoch))
            if work.validation is not None:
                found = python_logs(self.session.run(work.validation, False, None))
                logs |= {f"val_{name}": value for name, value in found.items()}
            self.record(epoch, {name: [value] for name, value in logs.items()}, tell)
            if self.model.stop_training:
                return

    def record(self, first: int, logs: dict[str, list[float]], tell: Tell) -> None:
        """Epochs from `first` on have ended, with these logs."""
        count = len(next(iter(logs.values())))
        self.records.epoch.extend(range(first, first + count))
        for name, values in logs.items():
            self.history.setdefault(name, []).extend(values)
        tell(count)

    def finish(self) -> None:
        """The candidate trains no more; its model has its weights."""
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)


def train_each(members: Sequence[Member], work: Work, first: int, last: int, tell: Tell, threads: int) -> None:
    """Train every member by itself, so many of them at a time."""
    if threads == 1 or len(members) == 1:
        for member in members:
            member.train(work, first, last, tell)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="ranvier-candidate") as pool:
        runs = [pool.submit(contextvars.copy_context().run, m.train, work, first, last, tell) for m in members]
        try:
            for run in runs:
                run.result()
        except BaseException:
            for run in runs:
                run.cancel()
            for member in members:
                member.model.stop_training = True
            raise
