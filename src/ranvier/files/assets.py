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

from .archive import Archive
from .folder import Folder
from .limits import ASSETS, json_items, unpacked
from .places import layers_inside

__all__ = ["PREFIX", "read_assets", "write_assets"]

PREFIX = "assets/"


def _layers(layer: Any, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """The layers that have assets, with the paths of their folders; those inside others first."""
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    for name, inner in layers_inside(layer):
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


def read_assets(archive: Archive | Folder, model: Any) -> None:
    """Give every layer that has files its own.

    Raises:
        SerializationError: members that no layer asks for, or that are too large.
    """
    members = [name for name in archive.members if name.startswith(PREFIX)]
    left, lines = min(ASSETS, unpacked(archive.present)), json_items(archive.present)
    for path, layer in _layers(model):
        start = PREFIX + path
        own = [name for name in members if name.startswith(start)]
        if not own:
            continue
        members = [name for name in members if not name.startswith(start)]
        with tempfile.TemporaryDirectory() as folder:
            for name in own:
                target = os.path.join(folder, *name[len(start) :].split("/"))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    for chunk in archive.chunks(name, left):
                        left -= len(chunk)
                        lines -= chunk.count(b"\n")
                        if lines < 0:
                            raise archive.refusal(name, f"it has more than {json_items(archive.present):,} lines")
                        file.write(chunk)
            layer.load_assets(folder)
    if members:
        raise archive.refusal(members[0], "no layer of the model asks for it")
