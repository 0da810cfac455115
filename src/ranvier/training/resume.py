"""Backups of a running `fit`, and going on from them to the same bits."""

from __future__ import annotations

import os
import random as python_random
import sys
import time
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError
from ..data.sources import ArrayData, StreamData
from ..files.generations import Generations
from .callback_state import CallbackStates
from .callbacks import BackupAndRestore
from .run_description import check_same_run, describe_run
from .state import Roles

__all__ = ["Backup", "find_backup"]

# By time: a backup when the last is so many seconds old, and so many times as old as it took to make.
LEAST_SECONDS = 1.0
SHARE = 20


def find_backup(resume: Any, hooks: Any) -> Backup | None:
    """The backup that `fit` was asked for: by its argument `resume`, or by a callback; None if by neither."""
    asked = [c for c in hooks.callbacks if isinstance(c, BackupAndRestore)]
    if resume is not None:
        if not isinstance(resume, (str, os.PathLike)) or not os.fspath(resume):
            raise ArgumentTypeError(f"resume must be the path of a folder. Received: resume={resume!r}")
        if asked:
            raise ArgumentError("Give fit's resume or a BackupAndRestore callback, not both: they do the same.")
        return Backup(os.fspath(resume), None, delete=False)
    if len(asked) > 1:
        raise ArgumentError(f"One BackupAndRestore callback is enough. Received: {len(asked)}")
    return Backup(asked[0].backup_dir, asked[0].save_freq, asked[0].delete_checkpoint) if asked else None


class Backup:
    """Makes the backups of one `fit`, and reads them.

    Args:
        folder: where the generations are.
        every: ``"epoch"``, a number of steps, or None: by time, at most a twentieth of it.
        delete: whether a run that has ended needs them no more.
    """

    def __init__(self, folder: str, every: int | str | None, delete: bool):
        self.generations = Generations(folder)
        self.every = every
        self.delete = delete
        self._since = 0  # steps since the last backup
        self._last = self._cost = 0.0  # when the last backup was made, and how long it took
        self._found: Any = None

    # --- going on ---------------------------------------------------------------------------------------------------

    def look(self, model: Any, roles: Roles, hooks: Any, data: Any, validation: Any, generator: Any) -> None:
        """Read the newest generation, if any, and check that it belongs to this run.

        Args:
            model: the model, built and compiled.
            roles: its variables.
            hooks: the run's callbacks, who learn from ``params["resumed"]`` that the run began earlier.
            data: the training data.
            validation: the validation data, or None.
            generator: what the orders of the samples are drawn from.

        Raises:
            ArgumentError: it is of another model, other data or another batch size.
        """
        self.model, self.roles, self.hooks = model, roles, hooks
        self.data, self.validation, self.generator = data, validation, generator
        self.run = describe_run(model, roles, data, validation)
        self._params = hooks.params
        self._found = self.generations.newest()
        if self._found is not None:
            check_same_run(self._found["run"], self.run, str(self.generations.folder))
            hooks.set_params({**(self._params or {}), "resumed": True})

    def begin(self, initial_epoch: int) -> tuple[int, int, dict[str, Any]]:
        """After `on_train_begin`: take over what was found, or make the first backup.

        Returns:
            The epoch to go on with, the steps of it that are done, and the logs of the epoch before.
        """
        self.callbacks = CallbackStates(c for c in self.hooks.callbacks if not isinstance(c, BackupAndRestore))
        found, self._found = self._found, None
        if found is None:
            self._stand()
            self._save(initial_epoch, 0, {})
            return initial_epoch, 0, {}
        self.hooks.set_params(self._params)
        for part, values in found["values"].items():
            for variable, value in zip(getattr(self.roles, part), values, strict=True):
                sharding = variable.stored_value().sharding
                variable.assign(value if len(sharding.device_set) == 1 else jax.device_put(value, sharding))
        self.generator.bit_generator.state = found["order"]
        for data, mark in ((self.data, found["data"]), (self.validation, found["validation"])):
            if isinstance(data, StreamData):
                data.resume(mark)
        self._stand()
        if self._all_arrays():  # what a stream has drawn, it draws again
            python_random.setstate(found["random"]["python"])
            np.random.set_state(found["random"]["numpy"])
        self.callbacks.set(found["callbacks"])
        self.model.stop_training = found["stopped"]
        self._last = time.perf_counter()
        return sys.maxsize if found["stopped"] else found["epoch"], found["step"], found["logs"]

    # --- while it runs ----------------------------------------------------------------------------------------------

    def _stand(self) -> None:
        """Note where the data stands between epochs: in the middle of one, some may have been read ahead."""
        self._place = {
            "order": self.generator.bit_generator.state,
            "data": self.data.mark() if isinstance(self.data, StreamData) else None,
            "validation": self.validation.mark() if isinstance(self.validation, StreamData) else None,
        }

    def room(self) -> int:
        """How many steps there may be until the next backup."""
        return self.every - self._since % self.every if isinstance(self.every, int) else sys.maxsize

    def passed(self, steps: int) -> None:
        """So many steps were made."""
        self._since += steps

    def due(self, epoch_ended: bool = False) -> bool:
        """Whether it is time for a backup."""
        if isinstance(self.every, int):
            return self._since >= self.every
        if self.every == "epoch":
            return epoch_ended
        return time.perf_counter() - self._last >= max(LEAST_SECONDS, SHARE * self._cost)

    def in_epoch(self, epoch: int, step: int) -> None:
        """Make a backup before step `step`; the model has its values."""
        self._save(epoch, step, {})

    def epoch_ended(self, epoch: int, logs: dict[str, Any], last: bool) -> None:
        """All of an epoch is done, validation and callbacks too; make a backup if it is time; the model has its values."""
        self._stand()
        if self.due(epoch_ended=True) or (last and not self.delete):
            self._save(epoch + 1, 0, logs)

    def ended(self) -> None:
        """`fit` has ended."""
        if self.delete:
            self.generations.clear()

    def _save(self, epoch: int, step: int, logs: dict[str, Any]) -> None:
        begun = time.perf_counter()
        self.generations.add(
            {
                "run": self.run,
                "epoch": epoch,
                "step": step,
                "logs": logs,
                "stopped": bool(getattr(self.model, "stop_training", False)) and step == 0,
                "values": {part: [v.stored_value() for v in getattr(self.roles, part)] for part in Roles._fields},
                **self._place,
                "callbacks": self.callbacks.get(),
                "random": {"python": python_random.getstate(), "numpy": np.random.get_state(legacy=False)},
            }
        )
        self._last, self._since = time.perf_counter(), 0
        self._cost = self._last - begun

    def _all_arrays(self) -> bool:
        return all(data is None or isinstance(data, ArrayData) for data in (self.data, self.validation))
