"""What was made of files, kept in memory where there is room."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable

import numpy as np

from ..core.machine import room_to_keep

__all__ = ["Kept"]


class Kept:
    """A function of files whose results are kept, so that later passes over the same files need not make them again.

    As many as fit into a quarter of the memory that is free at the first call; the others are made anew each time. So
    is what belongs to a file that has changed.

    Args:
        load: makes an array of the file at a path; called by several threads.
    """

    def __init__(self, load: Callable[[str], np.ndarray]):
        self._load = load
        self._results: dict[str, tuple[tuple[int, int], np.ndarray]] = {}
        self._room: int | None = None  # bytes
        self._lock = threading.Lock()

    def has(self, paths: Iterable[str]) -> bool:
        """Whether something is kept of each of these files; it may have changed since."""
        return self._results.keys() >= set(paths)

    def __call__(self, path: str) -> np.ndarray:
        """What `load` makes of the file; to be read only."""
        try:
            status = os.stat(path)
        except OSError:
            return self._load(path)  # whose error says more
        version = (status.st_mtime_ns, status.st_size)
        known = self._results.get(path)
        if known is not None and known[0] == version:
            return known[1]
        result = self._load(path)
        with self._lock:
            if self._room is None:
                self._room = room_to_keep()
            stale = self._results.pop(path, None)
            if stale is not None:
                self._room += stale[1].nbytes
            if result.nbytes <= self._room:
                self._room -= result.nbytes
                self._results[path] = version, result.copy()  # a view would keep all that it is a part of
        return result
