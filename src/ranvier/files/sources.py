"""A range of bytes that is really there: what archives, HDF5 and safetensors are read from."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from ..core.errors import SerializationError
from .limits import refusal

__all__ = ["Source", "opened_source"]

_CHUNK = 1 << 20
_MOVING = threading.Lock()  # of files that must be moved in to be read


class Source:
    """Bytes `start` to `start + length` of an open file, readable at any place, never beyond the end.

    Args:
        file: a binary file that can seek.
        path: what to call the file in messages.
        member: what to call the part of it.
        start: where the range begins.
        length: how many bytes it has; None: all that follow.

    Attributes:
        present: bytes of the whole file on disk, which budgets are made of.
    """

    def __init__(
        self, file: BinaryIO | Any, path: Any, member: str | None = None, start: int = 0, length: int | None = None,
        present: int | None = None,
    ):  # fmt: skip
        self._file: Any = file
        self.path = path
        self.member = member
        #: Plain files are read at any place without moving in them, so that several threads may.
        self._descriptor = None
        size = file.seek(0, io.SEEK_END)
        if isinstance(file, (io.BufferedReader, io.BufferedRandom)) and hasattr(os, "preadv"):
            self._descriptor = file.fileno()
        self.start = start
        self.length = size - start if length is None else length
        self.present = size if present is None else present
        if start < 0 or self.length < 0 or start + self.length > size:
            raise self.refusal("it is cut short")

    def refusal(self, why: str) -> SerializationError:
        """The error that names this file and this part of it."""
        return refusal(self.path, self.member, why)

    def part(self, member: str, start: int, length: int) -> Source:
        """A part of this range, under another name in messages."""
        if start < 0 or length < 0 or start + length > self.length:
            raise refusal(self.path, member, "it is cut short, or reaches beyond the end of the file")
        return Source(self._file, self.path, member, self.start + start, length, self.present)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; nothing is allocated for more than there are."""
        if offset < 0 or length < 0 or offset + length > self.length:
            raise self.refusal(f"{length:,} bytes at {offset:,} are asked for, and there are {self.length:,} in all")
        if self._descriptor is not None:
            data = os.pread(self._descriptor, length, self.start + offset)
        else:
            with _MOVING:
                self._file.seek(self.start + offset)
                data = self._file.read(length)
        if len(data) != length:
            raise self.refusal("it changed while it was read")
        return data

    def read_into(self, offset: int, array: np.ndarray) -> None:
        """Fill a C-ordered array."""
        flat: Any = array.reshape(-1).view(np.uint8)
        view = memoryview(flat)
        if offset < 0 or offset + len(view) > self.length:
            raise self.refusal(f"{len(view):,} bytes at {offset:,} are asked for, of {self.length:,} in all")
        done = 0
        while done < len(view):
            place = self.start + offset + done
            if self._descriptor is not None:
                count = os.preadv(self._descriptor, [view[done:]], place)
            else:
                with _MOVING:
                    self._file.seek(place)
                    count = self._file.readinto(view[done:])
            if not count:
                raise self.refusal("it changed while it was read")
            done += count

    def chunks(self) -> Iterator[bytes]:
        """All bytes in order, a piece at a time."""
        for offset in range(0, self.length, _CHUNK):
            yield self.read(offset, min(_CHUNK, self.length - offset))


@contextlib.contextmanager
def opened_source(source: Any, shown: Any = None) -> Iterator[Source]:
    """The bytes of a path, of a binary file object, or of a `Source` itself.

    Raises:
        SerializationError: no such file, or none that has bytes of its own: a folder, a device, a pipe.
    """
    if isinstance(source, Source):
        yield source
        return
    if hasattr(source, "read"):
        yield Source(source, "in memory" if shown is None else shown)
        return
    path = os.fspath(source)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise refusal(path, None, "it is no plain file")
        file = open(path, "rb")  # noqa: SIM115  closed below
    except (OSError, ValueError) as error:
        if isinstance(error, SerializationError):
            raise
        raise refusal(path, None, getattr(error, "strerror", None) or str(error)) from None
    with file:
        yield Source(file, path if shown is None else shown)
