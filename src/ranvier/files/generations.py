"""Generations of a checkpoint in a folder: the newest and the one before, each whole at every moment."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from pathlib import Path
from typing import Any

from ..core.errors import RanvierWarning, SerializationError
from ..core.tracebacks import outside
from .checkpoint import read_checkpoint, write_checkpoint

__all__ = ["Generations"]

_NAME = re.compile(r"generation-(\d{8,})\.npz")
_TEMPORARY = re.compile(r"\.generation-.*\.tmp")


class Generations:
    """The checkpoints of one run.

    Args:
        folder: where they are kept; it is made at the first `add`. Files of others in it are left alone.

    >>> import tempfile
    >>> kept = Generations(tempfile.mkdtemp())
    >>> kept.newest() is None
    True
    >>> kept.add({"epoch": 1}); kept.add({"epoch": 2}); kept.add({"epoch": 3})
    >>> kept.newest(), [path.name for path in kept.paths()]
    ({'epoch': 3}, ['generation-00000003.npz', 'generation-00000002.npz'])
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self._whole: Path | None = None  # the newest that is known to be whole

    def paths(self) -> list[Path]:
        """The files that there are, the newest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=_number, reverse=True)

    def newest(self) -> Any:
        """The state in the newest whole generation; None if there is no generation at all.

        Raises:
            SerializationError: there are generations, but none can be read. None is removed.

        Warns:
            RanvierWarning: a newer generation was damaged; it is named.
        """
        damaged = []
        for path in self.paths():
            try:
                state = read_checkpoint(path)
            except SerializationError as error:
                damaged.append(str(error))
                continue
            if damaged:
                warnings.warn(
                    f"In {str(self.folder)!r}, {' '.join(damaged)} Going on from the one before, {path.name}.",
                    RanvierWarning,
                    stacklevel=outside(),
                )
            self._whole = path
            return state
        if damaged:
            raise SerializationError(
                f"No checkpoint in {str(self.folder)!r} can be read. {' '.join(damaged)} Remove them, or give another "
                "folder, to start afresh."
            )
        return None

    def add(self, state: Any) -> None:
        """Write a generation; then remove all but it and the one before, and what interrupted writing has left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_temporary()
        present = self.paths()
        path = self.folder / f"generation-{_number(present[0]) + 1 if present else 1:08d}.npz"
        write_checkpoint(path, state)
        for old in present:
            if old != self._whole:
                old.unlink(missing_ok=True)
        self._whole = path

    def clear(self) -> None:
        """Remove all generations, and the folder if nothing else is in it."""
        for path in self.paths():
            path.unlink(missing_ok=True)
        self._whole = None
        if self.folder.is_dir():
            self._remove_temporary()
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def _remove_temporary(self) -> None:
        for path in self.folder.iterdir():
            if _TEMPORARY.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _number(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1])
