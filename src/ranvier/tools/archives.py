"""Unpacking tar and zip archives that strangers made: plain files and folders only, inside one new folder, in bounds.

Everything is unpacked into a private folder beside the target, which takes its place when all of it is there. What a
member's header says is not believed: bytes are counted as they come.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import itertools
import lzma
import os
import re
import shutil
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..core.errors import DataError, SerializationError
from ..files.archive import Rules, open_archive

__all__ = ["FORMATS", "extract", "find_format"]

FORMATS = ("tar", "zip")

_MOST_MEMBERS = 5_000_000
_ALWAYS_ALLOWED = 2 << 30  # bytes that any archive may unpack to
_LARGEST_RATIO = 100  # beyond that, bytes out for a byte in
_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 20  # bytes of names and other notes about one member of a tar archive
_LONGEST_PATH, _LONGEST_NAME = 1000, 255  # characters; bytes
_UNPACKER = 128 << 20  # bytes that unpacking xz may take
_DAMAGE = (
    tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, struct.error, EOFError, ValueError, OverflowError,
    RuntimeError, RecursionError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True)
class _Member:
    name: str
    kind: str  # "file", "folder", or what else it is
    chunks: Callable[[], Iterator[bytes]]


def find_format(path: Path, formats: Iterable[str] = FORMATS) -> str | None:
    """Which of `formats` the file is, by its content, or None."""
    tests: dict[str, Callable[[Path], bool]] = {"tar": _is_tar, "zip": _is_zip}
    return next((name for name in formats if tests[name](path)), None)


def extract(path: Path, folder: Path, formats: Iterable[str] = FORMATS) -> None:
    """Unpack an archive into `folder`, which is replaced if it exists, and only once everything is unpacked.

    Args:
        path: a tar (plain, gzip, bzip2 or xz) or zip archive.
        folder: the folder to make.
        formats: "tar", "zip", or both.

    Raises:
        DataError: no such archive, or one with a member that is refused, which the message names: a path that leads
            out of the folder, a link, a device, a second member of the same name, too much data.
    """
    kind = find_format(path, formats)
    if kind is None:
        raise DataError(f"{path.name} is no archive of the formats {', '.join(formats)}, so nothing can be unpacked.")
    limit = _ALWAYS_ALLOWED + _LARGEST_RATIO * path.stat().st_size
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        inside = work / "content"
        inside.mkdir()
        with _members(path, kind) as members:
            _unpack(members, inside, path.name, limit)
        if folder.exists() or folder.is_symlink():
            os.replace(folder, work / "old")
        os.replace(inside, folder)
    except DataError:
        raise
    except SerializationError as error:
        raise DataError(f"{error}. Nothing was unpacked.") from None
    except _DAMAGE as error:
        raise DataError(f"The archive {path.name} is damaged: {str(error)[:300]}. Nothing was unpacked.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _unpack(members: Iterator[_Member], inside: Path, archive: str, limit: int) -> None:
    written = 0
    for count, member in enumerate(members):
        if count >= _MOST_MEMBERS:
            raise DataError(f"The archive {archive} has more than {_MOST_MEMBERS:,} members; refused.")
        parts = _parts(member.name, archive)
        if member.kind == "folder":
            _make_folders(inside.joinpath(*parts), member.name, archive)
            continue
        if member.kind != "file" or not parts:
            raise _refusal(archive, member.name, f"is {member.kind}; only files and folders are unpacked")
        target = inside.joinpath(*parts)
        _make_folders(target.parent, member.name, archive)
        try:
            output = target.open("xb")  # fails on a second member of this name, also where case does not matter
        except FileExistsError:
            raise _refusal(archive, member.name, "is there twice") from None
        with output:
            for chunk in member.chunks():
                written += len(chunk)
                if written > limit:
                    raise _refusal(archive, member.name, f"brings the whole to more than {limit:,} bytes")
                output.write(chunk)


def _make_folders(folder: Path, name: str, archive: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise _refusal(archive, name, "needs a folder where another member is a file") from None


def _parts(name: str, archive: str) -> list[str]:
    """The components of a member's path, which must stay inside."""
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise _refusal(archive, name, "has an absolute path")
    if "\\" in name or "\0" in name:
        raise _refusal(archive, name, "has a path with characters that mean different things on different systems")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _refusal(archive, name, "leads out of the folder that it is unpacked to")
    if len(name) > _LONGEST_PATH or any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        raise _refusal(archive, name, f"has a name of {len(name):,} characters, longer than file systems take")
    return parts


def _refusal(archive: str, name: str, why: str) -> DataError:
    return DataError(f"The archive {archive} is refused: its member {name[:200]!r} {why}. Nothing was unpacked.")


@contextlib.contextmanager
def _members(path: Path, kind: str) -> Iterator[Iterator[_Member]]:
    if kind == "tar":
        with _open_tar(path) as tar:
            yield (_Member(info.name, _tar_kind(info), lambda i=info: _tar_chunks(tar, i)) for info in tar)
        return
    # The list of members may not take much more memory than the archive has bytes.
    room = (16 << 20) + path.stat().st_size // 7
    rules = Rules(_MOST_MEMBERS, room, methods=(0, 8, 12, 14), foreign=True)
    with open_archive(path, path.name, rules) as archive:
        yield itertools.chain(
            (_Member(name, "folder", lambda: iter(())) for name in archive.folders),
            (
                _Member(name, "file", lambda n=name: archive.chunks(n, archive.members[n].size))
                for name in archive.members
            ),
        )


def _tar_chunks(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    file = tar.extractfile(info)
    while file is not None and (chunk := file.read(_CHUNK)):
        yield chunk


class _Info(tarfile.TarInfo):
    """A tar header; those that hold a name or notes for the next one are read into memory, so they have a limit."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: Any, errors: Any) -> Any:
        info = super().frombuf(buf, encoding, errors)
        notes = (
            tarfile.XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.SOLARIS_XHDTYPE,
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        )
        if info.type in notes and info.size > _LONGEST_HEADER:
            raise DataError(f"The archive is refused: a header in it takes {info.size:,} bytes.")
        return info


@contextlib.contextmanager
def _open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """A tar archive, unpacked as it is read from beginning to end."""
    with path.open("rb") as file:
        start = file.peek(6)
        stream: Any = file
        if start.startswith(b"\x1f\x8b"):
            stream = gzip.GzipFile(fileobj=file)
        elif start.startswith(b"BZh"):
            stream = bz2.BZ2File(file)
        elif start.startswith((b"\xfd7zXZ", b"\x5d\0\0")):
            stream = io.BufferedReader(_Xz(file))
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Info) as tar:
            yield tar


class _Xz(io.RawIOBase):
    """The bytes that xz packed, unpacked with bounded memory: a header may ask for gigabytes."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self._unpacker = lzma.LZMADecompressor(memlimit=_UNPACKER)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._unpacker.eof:
            packed = self._file.read(_CHUNK) if self._unpacker.needs_input else b""
            if not packed and self._unpacker.needs_input:
                raise EOFError("it is cut short")
            if data := self._unpacker.decompress(packed, len(buffer)):
                buffer[: len(data)] = data
                return len(data)
        return 0


def _is_tar(path: Path) -> bool:
    try:
        with _open_tar(path):
            return True
    except DataError:
        raise
    except (*_DAMAGE, OSError):
        return False


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"PK\3\4", b"PK\5\6")  # a member, or the end of an archive without any


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.issparse():
        return "a sparse file"
    if info.isreg():
        return "file"
    if info.isdir():
        return "folder"
    if info.issym() or info.islnk():
        return f"a link to {info.linkname[:100]!r}"
    return "a device or another special file"
