"""Weights in HDF5, laid out as Keras does: a group for each layer, called by its class and counted."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError, RanvierWarning, SerializationError, ShapeError
from ..core.names import snake_case
from ..core.tracebacks import outside
from ..layers.base import Layer
from .atomic import replacing
from .layered_weights import load_layered_weights
from .shards import read_shards, write_shards

__all__ = [
    "MissingFileError",
    "in_memory",
    "load_weights",
    "opened_weights",
    "parts",
    "read_weights",
    "save_weights",
    "write_weights",
]


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


def read_weights(
    file: Any, layer: Any, path: str = "", seen: set[int] | None = None, failed: list[str] | None = None
) -> None:
    """Read what `write_weights` (or Keras) wrote.

    Args:
        file: an open HDF5 file.
        layer: the layer or model to fill.
        path: the layer's group in the file.
        seen: layers that are read already.
        failed: takes the messages of layers whose weights do not fit, which are then left alone.

    Raises:
        SerializationError: weights that the file lacks or has too many of.
        ShapeError: weights of another shape.
    """
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    place = f"{path}vars"
    try:
        if _overrides(layer, "load_own_variables"):
            layer.load_own_variables({key: _array(file[place][key]) for key in file.get(place, ())})
        else:
            _read_own(file, place, layer)
    except (SerializationError, ShapeError) as error:
        if failed is None:
            raise
        failed.append(str(error))
    for name, inner in parts(layer):
        read_weights(file, inner, f"{path}{name}/", seen, failed)


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
    datasets = [file[place][str(i)] for i in range(count)]
    for dataset, variable in zip(datasets, variables, strict=True):
        if tuple(dataset.shape) != variable.shape:
            raise ShapeError(
                f"Weight '{variable.path}' has shape {variable.shape}, the file has {tuple(dataset.shape)}."
            )
    for dataset, variable in zip(datasets, variables, strict=True):
        variable.assign(_array(dataset))


def _array(dataset: Any) -> np.ndarray:
    array = np.asarray(dataset[()])
    return array.view(jnp.bfloat16) if dataset.attrs.get("dtype") == "bfloat16" else array


def save_weights(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Write a model's weights to a ``.weights.h5`` file, or to several with an index ``.weights.json``.

    Args:
        model: a built model.
        filepath: a path that ends in ``.weights.h5``; with `max_shard_size` in ``.weights.json``.
        overwrite: whether an existing file may be replaced; it stays whole until the new one is.
        max_shard_size: the size of each file in GB; None: one file.

    Raises:
        SerializationError: another ending, or a file that may not be overwritten.
    """
    import h5py

    _no_further("save_weights", kwargs)
    path = os.fspath(filepath)
    ending = ".weights.h5" if max_shard_size is None else ".weights.json"
    if not path.endswith(ending):
        raise SerializationError(f"A file of weights must end in '{ending}'. Received: {path!r}")
    if not overwrite and os.path.exists(path):
        raise SerializationError(f"{path!r} exists, and overwrite is False.")
    if max_shard_size is not None:
        with in_memory(model) as file:
            write_shards(file, path, max_shard_size)
        return
    with replacing(path) as target, h5py.File(target, "w") as file:
        write_weights(file, model)


@contextlib.contextmanager
def in_memory(model: Any) -> Iterator[Any]:
    """The weights of a model as an open HDF5 file in memory."""
    import h5py

    with h5py.File(io.BytesIO(), "w") as file:
        write_weights(file, model)
        yield file


def load_weights(model: Any, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Read a model's weights from a ``.weights.h5``, ``.weights.json`` or ``.keras`` file, or an older ``.h5`` one.

    Args:
        model: a built model.
        filepath: the file.
        skip_mismatch: leave layers alone, with a warning, whose weights in the file are of another number or shape.

    Raises:
        SerializationError: another ending, no such file, or weights that the file lacks or has too many of.
        ShapeError: weights of another shape.
    """
    _no_further("load_weights", kwargs)
    path = os.fspath(filepath)
    if not path.endswith((".h5", ".hdf5", ".weights.json", ".keras")):
        raise SerializationError(
            f"A file of weights must end in '.weights.h5', '.weights.json', '.keras', or '.h5' if it is an older one. "
            f"Received: {path!r}"
        )
    if not os.path.exists(path):
        raise MissingFileError(f"There is no file {path!r}.")
    if path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5"):
        if skip_mismatch:
            raise SerializationError(
                f"An older '.h5' file is read whole or not at all: skip_mismatch=False for {path!r}."
            )
        load_layered_weights(model, path)
        return
    failed: list[str] | None = [] if skip_mismatch else None
    with opened_weights(path) as file:
        read_weights(file, model, failed=failed)
    if failed:
        warnings.warn(
            f"The weights of {len(failed)} layers do not fit and were skipped: {' '.join(failed)}",
            RanvierWarning,
            stacklevel=outside(),
        )


@contextlib.contextmanager
def opened_weights(path: str) -> Iterator[Any]:
    """The weights in a ``.weights.h5``, ``.weights.json`` or ``.keras`` file as an open HDF5 file."""
    import h5py

    with contextlib.ExitStack() as stack:
        if path.endswith(".weights.json"):
            yield stack.enter_context(read_shards(path))
            return
        source: Any = path
        if path.endswith(".keras"):
            try:
                archive = stack.enter_context(zipfile.ZipFile(path))
                source = io.BytesIO(archive.read("model.weights.h5"))
            except (zipfile.BadZipFile, KeyError):
                raise SerializationError(f"{path!r} is not a .keras file.") from None
        try:
            yield stack.enter_context(h5py.File(source, "r"))
        except OSError as error:
            raise SerializationError(f"{path!r} is not an HDF5 file of weights.") from error


def _no_further(function: str, kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise ArgumentError(f"{function} has no argument {', '.join(map(repr, kwargs))}.")


class MissingFileError(SerializationError, FileNotFoundError):
    """There is no such file; Keras raises a FileNotFoundError here."""

    __str__ = Exception.__str__
