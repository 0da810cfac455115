"""A model as a folder: the members of a ``.keras`` archive as plain files, read as distrustfully as the archive."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import SerializationError
from .limits import MEMBERS, json_bytes, refusal
from .sources import Source, opened_source
from .strict_json import read_json

__all__ = ["Folder", "replacing_folder"]


class _File(NamedTuple):
    name: str
    size: int


class Folder:
    """What lies in a folder, as an `Archive` shows its members.

    Args:
        path: the folder.

    Attributes:
        members: the files by their names, those in folders with the folders' names before them.
        present: bytes of all files.

    Raises:
        SerializationError: links, devices, too many files, or no folder.
    """

    def __init__(self, path: str):
        self.path = path
        self.members: dict[str, _File] = {}
        for place, folders, files in os.walk(path, onerror=self._refuse):
            for name in (*folders, *files):
                full = Path(place, name)
                mode = os.lstat(full).st_mode
                member = full.relative_to(path).as_posix()
                if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    raise self.refusal(member, "it is a link or no plain file")
                if stat.S_ISREG(mode):
                    self.members[member] = _File(member, os.lstat(full).st_size)
                if len(self.members) > MEMBERS:
                    raise self.refusal(None, f"it has more than {MEMBERS:,} files")
        self.present = sum(file.size for file in self.members.values())

    def _refuse(self, error: OSError) -> None:
        raise self.refusal(None, error.strerror or str(error))

    def refusal(self, name: str | None, why: str) -> SerializationError:
        """The error that names the folder and the file in it."""
        return refusal(self.path, name, why)

    @contextlib.contextmanager
    def source(self, name: str) -> Iterator[Source]:
        """A file's bytes at any place."""
        with opened_source(os.path.join(self.path, name)) as source:
            yield source

    def chunks(self, name: str, most: int) -> Iterator[bytes]:
        """A file's bytes as they come, at most `most` of them."""
        with self.source(name) as source:
            if source.length > most:
                raise source.refusal(f"it has more than {most:,} bytes")
            yield from source.chunks()

    def json(self, name: str) -> Any:
        """A file that is JSON; see `read_json`."""
        with self.source(name) as source:
            if source.length > json_bytes(self.present):
                raise source.refusal(f"it has {source.length:,} bytes, too many for JSON")
            return read_json(source.read(0, source.length), source)


@contextlib.contextmanager
def replacing_folder(path: str) -> Iterator[str]:
    """A folder to write in, which takes the place of `path` when everything in it is written.

    An error on the way removes what was written and leaves `path` as it was.
    """
    target = Path(path).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as aside:
        new, old = Path(aside, "new"), Path(aside, "old")
        new.mkdir()
        yield str(new)
        if target.is_dir() and not target.is_symlink():
            _check_is_model(target)
            os.replace(target, old)
        try:
            os.replace(new, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _check_is_model(folder: Path) -> None:
    """Refuse to remove a folder that holds anything but a model."""
    strange = {entry.name for entry in folder.iterdir()} - {
        "config.json",
        "metadata.json",
        "model.weights.h5",
        "assets",
    }
    if strange:
        raise SerializationError(
            f"The folder {str(folder)!r} holds {sorted(strange)[:5]}, which is no part of a model, so it is not replaced. Name "
            "a new folder."
        )
