"""``tf.train``: checkpoints of variables, layers, models and optimizers, in one file of arrays each."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, SerializationError
from ...core.variables import Variable
from .variables import Module

__all__ = ["Checkpoint", "CheckpointManager", "latest_checkpoint"]


class Checkpoint:
    """Variables, and objects that have variables, by name.

    Args:
        root: an object whose parts are saved, too.
        **kwargs: variables, layers, models, optimizers, metrics, modules.

    >>> import os, tempfile
    >>> from ranvier.compat import tensorflow as tf
    >>> step = tf.Variable(3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Checkpoint(step=step).save(os.path.join(folder, "ckpt"))
    ...     _ = step.assign(5)
    ...     _ = Checkpoint(step=step).restore(path)
    >>> int(step)
    3
    """

    def __init__(self, root: Any = None, **kwargs: Any):
        self.__dict__.update(kwargs)
        self._parts = dict(kwargs) if root is None else {"root": root, **kwargs}
        self.save_counter = 0

    def _values(self) -> dict[str, Variable]:
        found: dict[str, Variable] = {}
        for name, part in self._parts.items():
            if isinstance(part, Variable):
                found[name] = part
                continue
            variables = part.variables if not isinstance(part, (list, tuple)) else part
            if not isinstance(part, (Module, list, tuple)) and not hasattr(part, "variables"):
                raise ArgumentError(f"A checkpoint holds variables and what has them. Received: {name}={part!r}")
            for i, variable in enumerate(variables):
                found[f"{name}/{i:04d}/{getattr(variable, 'path', 'variable')}"] = variable
        return found

    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Save to this file; returns its name without ending."""
        path = _file(file_prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        with open(temporary, "wb") as stream:
            arrays: Any = {name: np.asarray(v.stored_value()) for name, v in self._values().items()}
            np.savez(stream, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        return str(file_prefix)

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Save to the file of the next number; returns its name without ending."""
        self.save_counter += 1
        return self.write(f"{file_prefix}-{self.save_counter}")

    def read(self, save_path: Any, options: Any = None) -> Any:
        """Restore what `write` saved."""
        return self.restore(save_path)

    def restore(self, save_path: Any, options: Any = None) -> _Status:
        """Give the variables the saved values; None: nothing to restore.

        Raises:
            SerializationError: the file holds other variables, or other shapes.
        """
        if save_path is None:
            return _Status()
        with np.load(_file(save_path), allow_pickle=False) as stored:
            for name, part in self._parts.items():
                if getattr(part, "built", True) is False:
                    raise ArgumentError(
                        f"'{name}' has no weights yet to restore: call a model on data once, or build it; "
                        "optimizer.build(model.trainable_variables) for an optimizer."
                    )
            names = _by_place(stored.files)
            values = self._values()
            missing = [n for n in values if _place(n) not in names]
            unknown = [n for n in stored.files if _place(n) not in {_place(v) for v in values}]
            if missing or unknown:
                raise SerializationError(
                    f"The checkpoint {save_path} does not fit: it lacks {missing[:3] or 'nothing'} and holds "
                    f"{unknown[:3] or 'nothing'} besides."
                )
            loaded = {n: stored[names[_place(n)]] for n in values}
        for name, variable in values.items():
            if loaded[name].shape != tuple(variable.shape):
                raise SerializationError(
                    f"The checkpoint {save_path} holds {name} of shape {loaded[name].shape}; "
                    f"the variable has {tuple(variable.shape)}."
                )
        for name, variable in values.items():
            variable.assign(loaded[name])
        number = re.search(r"-(\d+)$", str(save_path))
        self.save_counter = int(number[1]) if number else self.save_counter
        return _Status()


class _Status:
    """That a checkpoint was restored: all of it, or an error was raised."""

    def assert_consumed(self) -> _Status:
        """The status."""
        return self

    expect_partial = assert_existing_objects_matched = assert_nontrivial_match = assert_consumed

    def initialize_or_restore(self, session: Any = None) -> None:
        """Nothing is left to do."""


def _place(name: str) -> str:
    """A name without what may be called otherwise in another program: the part, and the number in it."""
    return "/".join(name.split("/")[:2])


def _by_place(names: Any) -> dict[str, str]:
    return {_place(n): n for n in names}


def _file(prefix: Any) -> Path:
    return Path(f"{prefix}.ckpt.npz")


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """The newest checkpoint in a folder, None if there is none."""
    files = sorted(Path(checkpoint_dir).glob("*.ckpt.npz"), key=lambda p: p.stat().st_mtime_ns)
    return str(files[-1]).removesuffix(".ckpt.npz") if files else None


class CheckpointManager:
    """The newest checkpoints in a folder.

    Args:
        checkpoint: what is saved.
        directory: the folder.
        max_to_keep: how many stay; None: all.
        checkpoint_name: how their names begin.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: Any,
        max_to_keep: int | None = None,
        checkpoint_name: str = "ckpt",
        **kwargs: Any,
    ):
        self._checkpoint = checkpoint
        self.directory = str(directory)
        self._max_to_keep = max_to_keep
        self._name = checkpoint_name

    @property
    def checkpoint(self) -> Checkpoint:
        """What is saved."""
        return self._checkpoint

    @property
    def checkpoints(self) -> list[str]:
        """The checkpoints, the newest last."""
        files = sorted(Path(self.directory).glob(f"{self._name}-*.ckpt.npz"), key=lambda p: p.stat().st_mtime_ns)
        return [str(f).removesuffix(".ckpt.npz") for f in files]

    @property
    def latest_checkpoint(self) -> str | None:
        """The newest checkpoint, None if there is none."""
        return next(reversed(self.checkpoints), None)

    def save(self, checkpoint_number: int | None = None, check_interval: bool = True, options: Any = None) -> str:
        """Save, and remove what is too many."""
        prefix = str(Path(self.directory) / self._name)
        if checkpoint_number is None:
            path = self._checkpoint.save(prefix)
        else:
            path = self._checkpoint.write(f"{prefix}-{int(checkpoint_number)}")
        if self._max_to_keep is not None:
            for old in self.checkpoints[: -self._max_to_keep]:
                _file(old).unlink()
        return path

    def restore_or_initialize(self) -> str | None:
        """Restore the newest checkpoint, if there is one."""
        latest = self.latest_checkpoint
        self._checkpoint.restore(latest)
        return latest


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("train", name, __all__))
