"""What layers keep in files of their own, such as vocabularies: members ``assets/…`` of a ``.keras`` archive.

A layer takes part by its methods ``save_assets(dir_path)`` and ``load_assets(dir_path)``, which see a folder that
holds nothing but its own files; a member that no layer of the model asks for is refused.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from typing import Any

from ..core.errors import SerializationError
from .weights import parts

__all__ = ["PREFIX", "read_assets", "write_assets"]

PREFIX = "assets/"
_LARGEST = 1 << 30  # bytes, of all assets together


def _layers(layer: Any, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """The layers that have assets, with the paths of their folders; those inside others first."""
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    for name, inner in parts(layer):
        yield from _layers(inner, f"{path}{name}/", seen)
    if hasattr(layer, "save_assets") and hasattr(layer, "load_assets"):
        yield path, layer


def write_assets(archive: zipfile.ZipFile, model: Any) -> None:
    """Write the files of every layer that has some."""
    for path, layer in _layers(model):
        with tempfile.TemporaryDirectory() as folder:
            layer.save_assets(folder)
            for place, inside, files in os.walk(folder):
                inside.sort()
                for file in sorted(files):
                    full = os.path.join(place, file)
                    archive.write(full, PREFIX + path + os.path.relpath(full, folder).replace(os.sep, "/"))


def read_assets(archive: zipfile.ZipFile, model: Any) -> None:
    """Give every layer that has files its own.

    Raises:
        SerializationError: members that no layer asks for, whose names leave their folder, or that are too large.
    """
    members = {m.filename: m for m in archive.infolist() if m.filename.startswith(PREFIX) and not m.is_dir()}
    size = sum(m.file_size for m in members.values())
    if size > _LARGEST or any(m.file_size > 1000 * max(m.compress_size, 1) for m in members.values()):
        raise SerializationError(f"The assets in the file unpack to {size:,} bytes; refused.")
    for path, layer in _layers(model):
        start = PREFIX + path
        own = [name for name in members if name.startswith(start)]
        if not own:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name in own:
                target = os.path.join(folder, *_steps(name, start))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    file.write(archive.read(members.pop(name)))
            layer.load_assets(folder)
    if members:
        raise SerializationError(f"The file holds assets that no layer of the model asks for: {sorted(members)[:5]}")


def _steps(name: str, start: str) -> list[str]:
    """The folders and the file that a member's name leads through, refused where they could lead elsewhere."""
    steps = name[len(start) :].split("/")
    if any(step in ("", ".", "..") or "\\" in step or ":" in step or "\0" in step for step in steps):
        raise SerializationError(f"The file holds an asset with an impossible name: {name[:100]!r}")
    return steps
