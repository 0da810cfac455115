"""Writing a file so that at every moment the old one or the new one is whole."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ..core.errors import SerializationError

__all__ = ["may_write", "replacing"]

_AHEAD = 32 << 20  # bytes after which the disk begins to write them, instead of waiting for the last ones


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` when everything is written and on the disk.

    An error on the way removes what was written and leaves `path` as it was. What a process that was killed had begun
    stays beside it until the next save, which removes it. The folder is made where it is missing.
    """
    target = Path(path)
    if target.is_symlink():  # the file that it leads to is what is replaced
        target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(target)
    descriptor, temporary = _begin(target)
    disk = _Disk(descriptor, "w+")
    try:
        with _Written(disk) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "posix":  # still locked: no other process takes it for left behind
                _put(temporary, target)
        if os.name != "posix":
            _put(temporary, target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if disk.error is not None and isinstance(error, Exception) and not isinstance(error, OSError):
            raise disk.error from error
        raise
    with contextlib.suppress(OSError):  # not every file system can sync a folder
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def may_write(path: str, overwrite: bool) -> bool:
    """Whether a save may go on: yes if there is no such file yet or it may be replaced; else people are asked.

    Raises:
        SerializationError: the file exists, it may not be replaced, and nobody is there to ask.
    """
    if overwrite or not os.path.exists(path):
        return True
    if not (sys.stdin is not None and sys.stdin.isatty()) and "ipykernel" not in sys.modules:
        raise SerializationError(
            f"{path!r} exists, and overwrite is False. Pass overwrite=True to replace it, or choose another name."
        )
    answer = ""
    while answer not in ("y", "n"):
        answer = input(f"{path!r} exists. Replace it? [y/n] ").strip().lower()
    return answer == "y"


class _Disk(io.FileIO):
    """A file that remembers the first error of its disk.

    HDF5 goes on after an error and closes what it has; what fails then depends on where it was, and Python reports that
    in place of the cause (a `SystemError`, for one).
    """

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = self.error or error
            raise


class _Written(io.BufferedRandom):
    """A file whose bytes go to the disk while further ones are written, so that little is left to wait for at the end."""

    def __init__(self, raw: Any):
        super().__init__(raw)
        self._begun = 0  # up to there the disk has been told to write

    def write(self, data: Any, /) -> int:
        """Write all of it, a piece at a time."""
        view = memoryview(data)
        view = view.cast("B") if view.nbytes else memoryview(b"")
        for start in range(0, len(view), _AHEAD):
            super().write(view[start : start + _AHEAD])
            end = self.tell()
            if end - self._begun >= _AHEAD and hasattr(os, "posix_fadvise"):
                # Linux begins to write what is told not to be needed; it stays in memory until that is done.
                with contextlib.suppress(OSError):
                    os.posix_fadvise(self.fileno(), self._begun, end - self._begun, os.POSIX_FADV_DONTNEED)
                self._begun = end
        return len(view)


def _put(temporary: str, target: Path) -> None:
    os.chmod(temporary, 0o666 & ~_umask())
    os.replace(temporary, target)


def _begin(target: Path) -> tuple[int, str]:
    """A new locked file beside `target`."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_prefix(target), suffix=".tmp", dir=target.parent)
        _lock(descriptor)
        try:
            if os.stat(name).st_ino == os.fstat(descriptor).st_ino:
                return descriptor, name
        except FileNotFoundError:  # another process took it for left behind before it was locked
            os.close(descriptor)


def _prefix(target: Path) -> str:
    return f".{target.name}."


def _remove_stale(target: Path) -> None:
    """Remove unfinished files that nobody is writing any more: their locks went with the processes."""
    for left in target.parent.glob(f"{_escaped(_prefix(target))}????????.tmp"):
        with contextlib.suppress(OSError):
            descriptor = os.open(left, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                if _lock(descriptor):
                    os.unlink(left)
            finally:
                os.close(descriptor)


def _escaped(text: str) -> str:
    return "".join(f"[{c}]" if c in "[*?" else c for c in text)


def _lock(descriptor: int) -> bool:
    """Lock an open file for as long as it is open; False if another process has."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be removed anyway
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now
