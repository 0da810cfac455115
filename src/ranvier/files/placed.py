"""Writing a member of a zip archive where it will lie, at any place in it, instead of copying it there afterwards."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from typing import IO, Any

__all__ = ["Target", "placed"]

_CHUNK = 1 << 20
_HEADER = 30 + 20  # bytes before a member: its description, and its sizes of 64 bits


class Target:
    """A file that `zipfile` writes to; within `passing`, what it writes is there already and is passed over."""

    def __init__(self, file: IO[bytes]):
        self.file = file
        self._passing = False
        self.seek, self.tell, self.flush, self.read = file.seek, file.tell, file.flush, file.read

    def write(self, data: Any) -> int:
        """Write, or go over as many bytes."""
        if not self._passing:
            return self.file.write(data)
        self.file.seek(len(data), io.SEEK_CUR)
        return len(data)

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Within it, writing only moves on."""
        self._passing = True
        try:
            yield
        finally:
            self._passing = False


class _Place:
    """The rest of a file from `start` on, as a file of its own."""

    def __init__(self, file: Any, start: int):
        self._file, self._start = file, start
        self.read, self.readinto, self.write, self.flush = file.read, file.readinto, file.write, file.flush

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = self._file.seek(offset + (self._start if whence == io.SEEK_SET else 0), whence)
        return max(place - self._start, 0)

    def tell(self) -> int:
        return max(self._file.tell() - self._start, 0)  # nothing is there yet

    def truncate(self, size: int) -> int:
        return self._file.truncate(self._start + size) - self._start


@contextlib.contextmanager
def placed(archive: zipfile.ZipFile, target: Target, info: zipfile.ZipInfo) -> Iterator[Any]:
    """A file to write the next member through, which is the archive's own memory on the disk.

    Args:
        archive: an archive that is being written to `target`.
        target: the file.
        info: the member's name and date; it is not compressed.
    """
    start = target.file.seek(0, io.SEEK_END) + _HEADER + len(info.filename.encode())
    yield _Place(target.file, start)
    end = target.file.seek(0, io.SEEK_END)
    # `zipfile` writes what stands before the member and takes the checksum of what it passes over.
    target.file.seek(start - _HEADER - len(info.filename.encode()))
    with archive.open(info, "w", force_zip64=True) as member:
        assert target.file.tell() == start
        with target.passing():
            while (left := end - (at := target.file.tell())) > 0:
                data = target.file.read(min(_CHUNK, left))
                target.file.seek(at)
                member.write(data)
