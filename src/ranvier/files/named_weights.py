"""Weights in safetensors files, under the paths of the variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .safetensors import read_tensors, write_tensors
from .transfer import Stored, Wanted

__all__ = ["named", "save_named"]


def save_named(path: str, wanted: Iterable[Wanted], name: str) -> None:
    """Write every layer's own weights to a ``.safetensors`` file.

    Args:
        path: the file.
        wanted: the layers.
        name: what the file says the weights are of.

    Raises:
        SerializationError: a layer keeps something else than numbers.
    """
    arrays: dict[str, Any] = {}
    for want in wanted:
        if want.fill is None:
            values: Any = [v.stored_value() for v in want.variables]
        else:
            values = _own(want).values()
        arrays.update(zip(_keys(want, arrays), values, strict=True))
    write_tensors(path, arrays, {"format": "ranvier", "name": name})


def _own(want: Wanted) -> dict[str, np.ndarray]:
    """What a layer whose class says itself what it keeps, keeps."""
    store: dict[str, Any] = {}
    want.layer.save_own_variables(store)
    return {key: np.asarray(value) for key, value in store.items()}


def _keys(want: Wanted, taken: Any) -> list[str]:
    """The names of a layer's weights in a file; where a path is taken by another layer, it is counted on."""
    paths = want.paths if want.fill is None else [f"{want.layer.path}/{key}" for key in _own(want)]
    found: list[str] = []
    for path in paths:
        number, key = 1, path
        while key in taken or key in found:
            key, number = f"{path}:{number}", number + 1
        found.append(key)
    return found


@contextlib.contextmanager
def named(path: str, wanted: list[Wanted], by_name: bool) -> Iterator[tuple[list[Wanted], list[Stored]]]:
    """What layers need and what a ``.safetensors`` file holds for them.

    Names decide. Unless told otherwise, layers whose names the file does not know take what is left in it, in order,
    if it is left over by as many layers of the same weights: a model that is made again counts its layers on.
    """
    with read_tensors(path) as tensors:
        left = dict(tensors)
        places: list[Wanted] = []
        stored: list[Stored] = []
        waiting: list[Wanted] = []
        taken: set[str] = set()
        for want in wanted:
            keys = _keys(want, taken)
            taken.update(keys)
            if not keys:
                places.append(want)
            elif all(key in left for key in keys):
                place = f"={want.place}"
                short = [key.rsplit("/", 1)[-1] for key in keys] if want.fill is not None else keys
                stored.append(Stored(place, want.names, {s: left.pop(key) for s, key in zip(short, keys, strict=True)}))
                places.append(Wanted(place, want.names, want.layer, want.variables, want.fill))
            else:
                waiting.append(want)
        groups: dict[str, dict[str, Any]] = {}
        for key, tensor in left.items():
            layer, _, own = key.rpartition("/")
            groups.setdefault(layer, {})[own] = tensor
        rest = [Stored(layer or "/", tuple(layer.split("/")), arrays) for layer, arrays in groups.items()]
        if not by_name:
            _in_order(waiting, rest, stored, places, path)
        else:
            stored += rest
            places += waiting
        yield places, stored


def _in_order(waiting: list[Wanted], rest: list[Stored], stored: list[Stored], places: list[Wanted], path: str) -> None:
    """Pair the layers whose names are not in the file with what is left in it."""
    stored += rest
    same = len(waiting) == len(rest) and all(
        sorted(key.rsplit("/", 1)[-1] for key in _keys(want, ())) == sorted(there.arrays)
        for want, there in zip(waiting, rest, strict=True)
    )
    for i, want in enumerate(waiting):
        if same:
            by_key = {key.rsplit("/", 1)[-1]: None for key in _keys(want, ())}
            there = rest[i]
            index = next(n for n, s in enumerate(stored) if s is there)
            stored[index] = Stored(there.place, there.names, {key: there.arrays[key] for key in by_key})
            places.append(Wanted(there.place, want.names, want.layer, want.variables, want.fill))
        else:
            places.append(want)
