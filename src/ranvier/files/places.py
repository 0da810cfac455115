"""Where in a file each layer and each optimizer of a model lies, named and ordered as in Keras's files.

What is inside an object comes from the one walk of `core.ownership`. A file orders it as Keras does: the layers of a
graph or a chain first, under ``layers``, then the attributes by their names, private ones last. The layers of other
models stand under ``layers``, too, in their order among the attributes of this name. An object that can be reached in
several ways lies at the first of these places; when a file is read, it is looked for at the others, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..core.ownership import attributes, places
from ..layers.base import Layer
from ..optimizers import Optimizer

__all__ = ["Held", "held", "layers_inside", "resolved"]


class Held(NamedTuple):
    """A layer or an optimizer with its place in a file, and its name after those of the layers around it."""

    place: str
    names: tuple[str, ...]
    owner: Any


def _inside(owner: Any) -> Iterator[tuple[str, Any]]:
    """The layers and optimizers directly inside, each with every place under which it is reached, Keras's first."""
    if isinstance(owner, Optimizer):
        inner = getattr(owner, "inner_optimizer", None)
        if inner is not None:
            yield "inner_optimizer", inner
        return
    found = dict(attributes(owner))
    if isinstance(getattr(owner, "optimizer", None), Optimizer):
        found["optimizer"] = owner.optimizer
    if getattr(owner, "graph", None) is not None or hasattr(owner, "_chain"):
        yield from places("layers", owner.layers)
    elif hasattr(type(owner), "layers"):
        found["layers"] = owner.layers
    for name, value in sorted(found.items(), key=lambda entry: (entry[0].startswith("_"), entry[0])):
        yield from ((place, item) for place, item in places(name, value) if isinstance(item, (Layer, Optimizer)))


def held(root: Any) -> list[Held]:
    """`root` and all layers and optimizers inside, each once."""
    found: dict[int, Held] = {}

    def visit(owner: Any, place: str, names: tuple[str, ...]) -> None:
        if id(owner) not in found:
            names = (*names, owner.name)
            found[id(owner)] = Held(place, names, owner)
            for inner, item in _inside(owner):
                visit(item, f"{place}/{inner}".lstrip("/"), names)

    visit(root, "", ())
    return list(found.values())


def resolved(root: Any, place: str) -> Any:
    """The layer or optimizer that is reached at `place` of `root`, by whatever way; None if there is none."""
    if not place:
        return root
    for inner, item in _inside(root):
        if place == inner or place.startswith(f"{inner}/"):
            found = resolved(item, place[len(inner) + 1 :])
            if found is not None:
                return found
    return None


def layers_inside(layer: Any) -> Iterator[tuple[str, Any]]:
    """The layers directly inside, with the names of their groups."""
    return ((place, item) for place, item in _inside(layer) if isinstance(item, Layer))
