"""The structure of a model's outputs, and what a user gives for them: pairs by key and place, never by luck.

Dicts go by their keys. Where a flat list stands for outputs in a dict, its order is that of the sorted keys, which is the
order of `predict`'s leaves, of `output_names` and of Keras; an `OrderedDict` keeps its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..core.trees import ordered_keys

__all__ = ["Path", "children", "distributed", "is_nested", "label", "layer_names", "leaves", "pack", "paired", "part"]

Path = tuple[Any, ...]  # the keys and places from the whole to a part; () is the whole


def is_nested(x: Any) -> bool:
    """Whether `x` holds parts: a dict, list or tuple."""
    return isinstance(x, (dict, list, tuple))


def children(x: Any) -> list[tuple[Any, Any]]:
    """The parts of a dict, list or tuple with their keys or places."""
    return [(key, x[key]) for key in ordered_keys(x)] if isinstance(x, dict) else list(enumerate(x))


def leaves(structure: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """The leaves of a nested structure with their paths; None is no leaf.

    >>> leaves({"b": 1, "a": (2, 3)})
    [(('a', 0), 2), (('a', 1), 3), (('b',), 1)]
    """
    if is_nested(structure):
        return [leaf for key, part in children(structure) for leaf in leaves(part, (*path, key))]
    return [] if structure is None else [(path, structure)]


def pack(structure: Any, value: Callable[[Path], Any], path: Path = ()) -> Any:
    """The same containers with `value(path)` for each leaf."""
    if isinstance(structure, dict):
        return {key: pack(part, value, (*path, key)) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [pack(part, value, (*path, i)) for i, part in enumerate(structure)]
        if isinstance(structure, tuple):
            return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
        return parts
    return None if structure is None else value(path)


def part(structure: Any, path: Path) -> Any:
    """What lies at a path."""
    for key in path:
        structure = structure[key]
    return structure


def _show(structure: Any) -> str:
    """A structure in words, such as ``{'a': ·, 'b': [·, ·]}``."""
    if isinstance(structure, dict):
        return "{" + ", ".join(f"{key!r}: {_show(part)}" for key, part in children(structure)) + "}"
    if isinstance(structure, (list, tuple)):
        opening, closing = "[]" if isinstance(structure, list) else "()"
        return opening + ", ".join(map(_show, structure)) + closing
    return "None" if structure is None else "·"


def label(path: Path, names: dict[Path, str]) -> str:
    """What an output is called: the path, its last place by the name of the layer where that is known.

    >>> label(("box", 1), {("box", 1): "right"})
    'box/right'
    """
    if path and not isinstance(path[-1], int):
        return "/".join(map(str, path))
    return "/".join(map(str, (*path[:-1], names.get(path, f"output_{path[-1] if path else 0}"))))


def layer_names(model: Any) -> dict[Path, str]:
    """The names of the layers that make a model's outputs, by the outputs' paths; none without a graph."""
    if getattr(model, "graph", None) is None:
        return {}
    return {path: tensor._keras_history.operation.name for path, tensor in leaves(model.output)}


def _unknown_key(argument: str, key: Any, known: Collection[Any]) -> ArgumentError:
    close = difflib.get_close_matches(str(key), [str(k) for k in known], n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return ArgumentError(f"{argument} has the key {key!r}; the model's outputs are {list(known)}.{hint}")


def _places(node: Any, path: Path, names: dict[Path, str]) -> dict[Any, Path]:
    """The keys by which a dict can name parts of the outputs: those of a dict, else the names of the layers."""
    if isinstance(node, dict):
        return {key: (*path, key) for key, _ in children(node)}
    return {label(place, names): place for place, _ in leaves(node, path)}


def distributed(
    argument: str, given: Any, outputs: Any, names: dict[Path, str], *, together: bool = False, path: Path = ()
) -> Iterator[tuple[Path, Any]]:
    """Pairs of an output's path and one entry of `given`: a loss, a weight or a metric.

    Args:
        argument: what to call `given` in messages.
        given: entries in the structure of the outputs; in a flat list in the outputs' order; in a dict by the names of the
            layers; several entries of one output in a list.
        outputs: the outputs, or the part of them at `path`.
        names: the names of the layers that make the outputs.
        together: whether an entry may be for several outputs together: a list of other entries than one for each output
            holds such entries, and structures of the outputs.

    Raises:
        ArgumentError: keys that no output has, lists of another length.
    """
    options: dict[str, Any] = {"names": names, "together": together}
    below = leaves(outputs, path)
    if given is None:
        return
    if not is_nested(given):
        yield path, given
    elif isinstance(given, dict):
        places = _places(outputs, path, names)
        for key in given:
            if key not in places:
                raise _unknown_key(argument, key, list(places))
        for key in (key for key in places if key in given):
            inner = part(outputs, places[key][len(path) :])
            yield from distributed(argument, given[key], inner, path=places[key], **options)
    elif not together and len(below) == 1:
        yield from ((below[0][0], entry) for _, entry in leaves(given))
    elif is_nested(outputs) and len(given) == len(below) and not any(map(is_nested, given)):
        for (place, output), entry in zip(below, given, strict=True):
            yield from distributed(argument, entry, output, path=place, **options)
    elif is_nested(outputs) and len(given) == len(outputs) and not (together and isinstance(outputs, dict)):
        for (key, inner), entry in zip(children(outputs), given, strict=True):
            yield from distributed(argument, entry, inner, path=(*path, key), **options)
    elif not is_nested(outputs) and (path or len(given) == 1):
        yield from ((path, entry) for entry in given if entry is not None)
    elif len(given) == 1 and is_nested(given[0]) and is_nested(outputs):  # a list around the structure
        yield from distributed(argument, given[0], outputs, path=path, **options)
    elif together and any(map(is_nested, given)):
        for entry in given:
            yield from distributed(argument, entry, outputs, path=path, **options)
    elif given:
        called = [label(place, names) for place, _ in below]
        raise ArgumentError(
            f"{argument} must have one entry for each of the model's {len(called)} output(s) {called}, in a list or in their "
            f"structure, {_show(outputs)}. Received: {len(given)} entries, {given!r}"
        )


def paired(
    argument: str, given: Any, outputs: Any, names: dict[Path, str], wanted: Collection[Path] = ()
) -> dict[Path, Any]:
    """The part of `given` for each output by the output's path; None where there is none.

    Args:
        argument: what to call `given` in messages.
        given: arrays in the structure of the outputs; or by the names of the layers; or a flat list in the outputs'
            order, of all of them or of the `wanted` ones alone.
        outputs: the model's outputs.
        names: the names of their layers.
        wanted: the outputs for which something is needed.

    Raises:
        ArgumentError: what does not pair with the outputs.
    """
    places = [path for path, _ in leaves(outputs)]
    found: dict[Path, Any] = dict.fromkeys(places)
    if _collect(given, outputs, (), found):
        return found
    if isinstance(given, (list, tuple)) and len(given) == 1 and is_nested(given[0]) and is_nested(outputs):
        return paired(argument, given[0], outputs, names, wanted)  # a list around the structure
    if isinstance(given, dict):
        by_name = {label(path, names): path for path in places}
        if set(given) <= set(by_name) and not isinstance(outputs, dict) and not any(map(is_nested, given.values())):
            return dict.fromkeys(places) | {by_name[name]: value for name, value in given.items()}
        if len(places) == 1 and len(given) == 1:
            return dict.fromkeys(places, next(iter(given.values())))
        known = _places(outputs, (), names)
        for key in given:
            if key not in known:
                raise _unknown_key(argument, key, list(known))
    elif not _has_dict(given):
        flat = [part for _, part in leaves(given)] if is_nested(given) else [given]
        for targets in (places, sorted(wanted, key=places.index)):
            if len(flat) == len(targets):
                return dict.fromkeys(places) | dict(zip(targets, flat, strict=True))
        if argument == "sample_weight" and len(flat) == 1:
            return dict.fromkeys(places, flat[0])
    called = ", ".join(label(path, names) for path in places)
    raise ArgumentError(
        f"{argument} must have the structure of the outputs, {_show(outputs)}, with one entry for each of the {len(places)} "
        f"output(s) ({called}). Received: {_show(given)}"
    )


def _has_dict(given: Any) -> bool:
    return isinstance(given, dict) or (isinstance(given, (list, tuple)) and any(map(_has_dict, given)))


def _collect(given: Any, node: Any, path: Path, found: dict[Path, Any]) -> bool:
    """Put the parts of `given` into `found`, if its structure is that of `node`; None stands for any part."""
    if given is None:
        return True
    if not is_nested(node):
        if is_nested(given):
            if isinstance(given, (list, tuple)) and given and all(isinstance(v, (int, float)) for v in given):
                given = np.asarray(given)  # plain numbers
            elif isinstance(given, (list, tuple)) and len(given) == 1 and not is_nested(given[0]):
                given = given[0]
            else:
                return False
        found[path] = given
        return True
    if isinstance(node, dict):
        return (
            isinstance(given, dict)
            and bool(given)
            and set(given) <= set(node)
            and all(_collect(part, node[key], (*path, key), found) for key, part in given.items())
        )
    return (
        isinstance(given, (list, tuple))
        and len(given) == len(node)
        and all(_collect(part, node[i], (*path, i), found) for i, part in enumerate(given))
    )
