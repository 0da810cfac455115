"""Weights in HDF5, laid out as Keras does: a group for each layer, called by its class and counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import SerializationError, ShapeError
from ..core.names import snake_case
from ..core.variables import Variable
from ..layers.base import Layer
from .atomic import replacing

__all__ = ["load_weights", "parts", "read_weights", "save_weights", "write_weights"]


def parts(layer: Any) -> Iterator[tuple[str, Any]]:
    """The layers inside, with the names of their groups."""
    if getattr(layer, "graph", None) is not None or hasattr(layer, "_chain"):
        chain = getattr(layer, "_input_layer", None)
        layers = [*([chain] if chain is not None else []), *layer.layers]
        yield from _counted("layers", layers)
        return
    for name, value in vars(layer).items():
        if name.startswith("__") or name in layer.not_owned:
            continue
        if isinstance(value, Layer):
            yield name, value
        elif isinstance(value, (list, tuple)) and any(isinstance(v, Layer) for v in value):
            yield from _counted(name, [v for v in value if isinstance(v, Layer)])
        elif isinstance(value, dict) and any(isinstance(v, Layer) for v in value.values()):
            yield from _counted(name, [v for v in value.values() if isinstance(v, Layer)])


def _counted(group: str, layers: list[Any]) -> Iterator[tuple[str, Any]]:
    counts: Counter[str] = Counter()
    for layer in layers:
        kind = snake_case(type(layer).__name__)
        yield f"{group}/{kind}_{counts[kind]}" if counts[kind] else f"{group}/{kind}", layer
        counts[kind] += 1


def write_weights(file: Any, layer: Any, path: str = "", seen: set[int] | None = None) -> None:
    """Write the weights of `layer` and of the layers inside into an open HDF5 file."""
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    group = file.require_group(f"{path}vars")
    group.attrs["name"] = layer.name
    if _overrides(layer, "save_own_variables"):
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        for key, value in store.items():
            _write(group, key, np.asarray(value))
    else:
        for i, variable in enumerate(layer._own_variables()):
            _write(group, str(i), variable.numpy())
    for name, inner in parts(layer):
        write_weights(file, inner, f"{path}{name}/", seen)


def _write(group: Any, key: str, array: np.ndarray) -> None:
    if array.dtype.name == "bfloat16":  # HDF5 has no such numbers; Keras writes their bits
        dataset = group.create_dataset(key, data=array.view(np.int16))
        dataset.attrs["dtype"] = "bfloat16"
    else:
        group.create_dataset(key, data=array)


def read_weights(file: Any, layer: Any, path: str = "", seen: set[int] | None = None) -> None:
    """Read what `write_weights` (or Keras) wrote.

    Raises:
        SerializationError: weights that the file lacks or has too many of.
        ShapeError: weights of another shape.
    """
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    place = f"{path}vars"
    if _overrides(layer, "load_own_variables"):
        layer.load_own_variables({key: _array(file[place][key]) for key in file.get(place, ())})
    else:
        _read_own(file, place, layer)
    for name, inner in parts(layer):
        read_weights(file, inner, f"{path}{name}/", seen)


def _overrides(layer: Any, method: str) -> bool:
    """Whether the layer's class says itself how its own variables are stored."""
    return getattr(type(layer), method) is not getattr(Layer, method)


def _read_own(file: Any, place: str, layer: Any) -> None:
    variables = layer._own_variables()
    count = len(file[place]) if place in file else 0
    if count != len(variables):
        raise SerializationError(
            f"Layer '{layer.name}' has {len(variables)} weights of its own, the file has {count} at '{place}'."
            + (
                ""
                if layer.built
                else " The layer is not built yet: call the model on data, or build it, before loading."
            )
        )
    for i, variable in enumerate(variables):
        _read(file[place][str(i)], variable)


def _read(dataset: Any, variable: Variable) -> None:
    if tuple(dataset.shape) != variable.shape:
        raise ShapeError(f"Weight '{variable.path}' has shape {variable.shape}, the file has {tuple(dataset.shape)}.")
    variable.assign(_array(dataset))


def _array(dataset: Any) -> np.ndarray:
    array = np.asarray(dataset[()])
    return array.view(jnp.bfloat16) if dataset.attrs.get("dtype") == "bfloat16" else array


def save_weights(model: Any, path: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model's weights to a ``.weights.h5`` file.

    Raises:
        SerializationError: another ending, or a file that may not be overwritten.
    """
    import h5py

    path = os.fspath(path)
    if not path.endswith(".weights.h5"):
        raise SerializationError(f"A file of weights must end in '.weights.h5'. Received: {path!r}")
    if not overwrite and os.path.exists(path):
        raise SerializationError(f"{path!r} exists, and overwrite is False.")
    with replacing(path) as target, h5py.File(target, "w") as file:
        write_weights(file, model)


def load_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Read a model's weights from a ``.weights.h5`` file."""
    import h5py

    path = os.fspath(path)
    if not path.endswith(".weights.h5"):
        raise SerializationError(f"A file of weights must end in '.weights.h5'. Received: {path!r}")
    with h5py.File(path, "r") as file:
        read_weights(file, model)
