"""Weights in several HDF5 files with an index, ``name.weights.json``, laid out as Keras does."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import ArgumentError
from .atomic import replacing
from .hdf5 import opened
from .hdf5_reader import Group
from .limits import json_bytes, refusal
from .sources import opened_source
from .strict_json import read_json

__all__ = ["read_shards", "write_shards"]


def write_shards(file: Any, path: str, max_shard_size: float) -> None:
    """Write an open HDF5 file's weights to ``name_00000.weights.h5`` … and the index ``name.weights.json``.

    Args:
        file: the open file.
        path: the index's path.
        max_shard_size: the size of each file in GB.

    Raises:
        ArgumentError: a size that is not positive, or smaller than one of the weights.
    """
    import h5py

    if isinstance(max_shard_size, bool) or not isinstance(max_shard_size, (int, float)) or not max_shard_size > 0:
        raise ArgumentError(f"max_shard_size must be a positive number of GB. Received: {max_shard_size=}")
    most = max_shard_size * 1024**3
    datasets: list[Any] = []
    file.visititems(lambda name, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
    shards: list[list[Any]] = [[]]
    size = 0
    for dataset in datasets:
        if dataset.nbytes > most:
            raise ArgumentError(
                f"The weight {dataset.name!r} takes {dataset.nbytes:,} bytes, more than max_shard_size ({most:,.0f})."
            )
        if size + dataset.nbytes > most:
            shards.append([])
            size = 0
        shards[-1].append(dataset)
        size += dataset.nbytes
    weight_map: dict[str, list[str]] = {}
    base = path.removesuffix(".weights.json")
    before = {p for p in Path(path).parent.iterdir() if _is_shard(p.name, base)} if os.path.exists(path) else set()
    # Files that the present index leads to stay as they are until the new index is there.
    in_use = _names(path) if os.path.exists(path) else []
    mark = ".b" if f"{os.path.basename(base)}_00000.weights.h5" in in_use else ""
    written = set()
    for number, shard in enumerate(shards):
        name = f"{base}_{number:05d}{mark}.weights.h5"
        written.add(Path(name))
        with replacing(name) as target, h5py.File(target, "w") as part:
            for dataset in shard:
                group = dataset.parent.name
                place = part.require_group(group)
                place.attrs.update(dataset.parent.attrs)
                copy = place.create_dataset(dataset.name.rsplit("/", 1)[1], data=dataset[()])
                copy.attrs.update(dataset.attrs)
                files = weight_map.setdefault(group, [])
                if os.path.basename(name) not in files:
                    files.append(os.path.basename(name))
    total = math.fsum(d.nbytes for d in datasets)
    _write_index(path, total, weight_map)
    if mark:  # the names without it are free by now, and Keras finds the first file by its name
        marked, written = written, set()
        for shard in marked:
            written.add(shard.with_name(_unmarked(shard.name)))
            with replacing(shard.with_name(_unmarked(shard.name))) as target, open(shard, "rb") as source:
                shutil.copyfileobj(source, target)
        _write_index(path, total, {group: list(map(_unmarked, files)) for group, files in weight_map.items()})
        before |= marked
    for old in before - written:
        old.unlink(missing_ok=True)


def _write_index(path: str, total: float, weight_map: dict[str, list[str]]) -> None:
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    with replacing(path) as target:
        target.write(json.dumps(index, indent=4).encode())


def _unmarked(name: str) -> str:
    return name.removesuffix(".b.weights.h5") + ".weights.h5"


def _is_shard(name: str, base: str) -> bool:
    return re.fullmatch(re.escape(os.path.basename(base)) + r"_\d{5}(\.b)?\.weights\.h5", name) is not None


@contextlib.contextmanager
def read_shards(path: str) -> Iterator[Any]:
    """The weights that an index ``name.weights.json`` leads to, as the root of one open HDF5 file.

    Raises:
        SerializationError: no such index, or one that names files elsewhere.
    """
    folder = Path(path).parent
    names = _names(path)
    for name in names:
        if not isinstance(name, str) or name != os.path.basename(name) or not name.endswith(".weights.h5"):
            raise refusal(path, None, f"it names {str(name)[:100]!r}, which is no file of weights beside it")
        if not (folder / name).is_file() or (folder / name).is_symlink():
            raise refusal(path, None, f"it names {name[:100]!r}, which is not there")
    with contextlib.ExitStack() as stack:
        merged = Group("/", {}, {})
        for name in names:
            merged.take(stack.enter_context(opened(folder / name, name)))
        yield merged


def _names(path: str) -> list[Any]:
    """The files that an index leads to."""
    with opened_source(path) as source:
        if source.length > json_bytes(source.length):
            raise source.refusal("it is too large to be an index of weights")
        index = read_json(source.read(0, source.length), source)
    try:
        held = index["weight_map"].values()  # Keras names a single file without a list, in some cases
        return sorted({name for files in held for name in ([files] if isinstance(files, str) else files)})
    except (KeyError, TypeError, AttributeError):
        raise refusal(path, None, "it is not an index of weights") from None
