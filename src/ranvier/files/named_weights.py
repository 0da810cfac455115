"""Weights in safetensors files, under the paths of the variables."""

from __future__ import annotations

import contextlib
import re
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

    Names decide. Unless told otherwise, a model whose names the file does not know all takes what is in it in order, if
    that is as many weights of the same kinds: a model that is made again counts its layers on, and a name that is known
    may then be another layer's. Else layers with unknown names take what is left over by as many layers of their kind.
    """
    with read_tensors(path) as tensors:
        left = dict(tensors)
        if not by_name and (pairs := _all_in_order(wanted, left)) is not None:
            yield pairs
            return
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


def _all_in_order(wanted: list[Wanted], tensors: dict[str, Any]) -> tuple[list[Wanted], list[Stored]] | None:
    """Every layer with the next tensors of the file; None where names say more, or the file is of another model."""
    keys: list[list[str]] = []
    for want in wanted:
        keys.append(_keys(want, {key for found in keys for key in found}))
    flat = [key for found in keys for key in found]
    if len(flat) != len(tensors) or set(flat) == set(tensors):
        return None
    if any(_stem(key) != _stem(there) for key, there in zip(flat, tensors, strict=True)):
        return None
    rest = iter(tensors.items())
    places, stored = [], []
    for want, found in zip(wanted, keys, strict=True):
        place = f"={want.place}"
        short = [key.rsplit("/", 1)[-1] for key in found] if want.fill is not None else found
        stored.append(Stored(place, want.names, {key: next(rest)[1] for key in short}))
        places.append(Wanted(place, want.names, want.layer, want.variables, want.fill))
    return places, stored


def _stem(key: str) -> str:
    """The own name of a weight, without the number that tells it from others."""
    return re.sub(r"(_\d+)?(:\d+)?$", "", key.rsplit("/", 1)[-1])


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
