"""Weights in HDF5, laid out as Keras does: a group for each layer, called by its class and counted."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..core.errors import ArgumentError, RanvierWarning, SerializationError
from ..core.names import snake_case
from ..core.serialization import is_builtin
from ..core.tracebacks import outside
from ..layers.base import Layer
from ..layers.owner import Owner
from .archive import open_archive
from .atomic import may_write, replacing
from .hdf5 import array_of, checked, members, opened, write_array
from .layered_weights import layered
from .limits import refusing
from .named_weights import named, save_named
from .shards import read_shards, write_shards
from .transfer import LoadReport, Stored, Wanted, load, verify

__all__ = [
    "MissingFileError",
    "in_memory",
    "load_weights",
    "opened_weights",
    "parts",
    "read_optimizer",
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


def write_weights(file: Any, layer: Any) -> None:
    """Write the weights of `layer` and of the layers inside, and its optimizer's state, into an open HDF5 file."""
    for want in _wanted(layer):
        group = file.require_group(f"{want.place}/vars".lstrip("/"))
        group.attrs["name"] = want.layer.name
        if _overrides(want.layer, "save_own_variables"):
            _write_own(group, want.layer)
        else:
            for i, variable in enumerate(want.variables):
                write_array(group, str(i), variable.stored_value())
    optimizer = getattr(layer, "optimizer", None)  # layers are saved alone, too
    place = "optimizer"
    while optimizer is not None and optimizer.built:
        group = file.require_group(f"{place}/vars")
        group.attrs["name"] = optimizer.name
        _write_own(group, optimizer)
        # Keras keeps the state of an optimizer inside twice, and looks for it in both places.
        optimizer, place = getattr(optimizer, "inner_optimizer", None), f"{place}/inner_optimizer"


def _write_own(group: Any, owner: Any) -> None:
    store: dict[str, Any] = {}
    owner.save_own_variables(store)
    for key, value in store.items():
        write_array(group, key, value)


def read_weights(file: Any, layer: Any) -> None:
    """Read what `write_weights` (or Keras) wrote, but for the optimizer's state.

    Args:
        file: an open HDF5 file, in an archive that has compared it with its checksum.
        layer: the layer or model to fill.

    Raises:
        SerializationError: weights that the file lacks or has too many of.
        ShapeError: weights of another shape.
    """
    load(_wanted(layer), _stored(file), LoadReport(layer.name, ""), verified=True)


def read_optimizer(file: Any, model: Any) -> bool:
    """Give the model's optimizer, which is built, its state from the file, if it fits. Returns whether it did."""
    optimizer = model.optimizer
    arrays = _own_arrays(file["optimizer/vars"]) if "optimizer/vars" in file else {}
    shapes = [tuple(array.shape) for array in arrays.values()]
    if not arrays or shapes != [v.shape for v in optimizer.variables]:
        return False
    optimizer.load_own_variables({key: array_of(array) for key, array in arrays.items()})
    return True


def _wanted(layer: Any, place: str = "", names: tuple[str, ...] = (), seen: set[int] | None = None) -> Iterator[Wanted]:
    """`layer` and those inside, each once, with their places in a file."""
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    names = (*names, layer.name)
    fill = layer.load_own_variables if _overrides(layer, "load_own_variables") else None
    yield Wanted(place, names, layer, layer._own_variables(), fill)
    for name, inner in parts(layer):
        yield from _wanted(inner, f"{place}/{name}".lstrip("/"), names, seen)


def _stored(group: Any, place: str = "", names: tuple[str, ...] = ()) -> Iterator[Stored]:
    """What an open HDF5 file holds for each layer."""
    found = dict(members(group))
    arrays: dict[str, Any] = {}
    if "vars" in found:
        said = found["vars"].attrs.get("name")
        arrays = _own_arrays(found.pop("vars"))
        # Groups such as "layers" hold layers and are none, so they give no name.
        names = (*names, said if isinstance(said, str) else place.rsplit("/", 1)[-1])
        yield Stored(place, names, arrays)
    for key, item in found.items():
        if hasattr(item, "keys") and (place or key != "optimizer"):
            yield from _stored(item, f"{place}/{key}".lstrip("/"), names)


def _own_arrays(group: Any) -> dict[str, Any]:
    """The datasets in a group, "0", "1" … in this order."""
    arrays = [(key, checked(item)) for key, item in members(group)]
    return dict(sorted(arrays, key=lambda entry: (len(entry[0]), entry[0])))


def _overrides(layer: Any, method: str) -> bool:
    """Whether the layer's class says itself how its own variables are stored."""
    owner = next(cls for cls in type(layer).__mro__ if method in vars(cls))
    # Layers that can be adapted by small matrices say so only while they are.
    return owner is not Owner and not (is_builtin(owner) and getattr(layer, "lora_enabled", None) is False)


def save_weights(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Write the weights of a model, or of a part of it.

    ``.weights.h5`` files are Keras's; as there, they hold the optimizer's state too if the model has been trained.
    ``.safetensors`` files hold the weights alone, under the variables' paths.

    Args:
        model: a built model or layer.
        filepath: a path that ends in ``.weights.h5`` or ``.safetensors``; with `max_shard_size` in ``.weights.json``,
            which is an index of several files.
        overwrite: whether an existing file may be replaced; it stays whole until the new one is. False: ask, where
            somebody can answer.
        max_shard_size: the size of each file in GB; None: one file.
        **kwargs: `part`, the name of a layer or model inside, or several joined by slashes: save only that.

    Raises:
        SerializationError: another ending, or a file that may not be overwritten.
        ArgumentError: there is no such part.
    """
    import h5py

    layer = _part(model, kwargs.pop("part", None))
    _no_further("save_weights", kwargs)
    path = os.fspath(filepath)
    endings = (".weights.h5", ".safetensors") if max_shard_size is None else (".weights.json",)
    if not path.endswith(endings):
        raise SerializationError(f"A file of weights must end in {' or '.join(map(repr, endings))}. Received: {path!r}")
    if not may_write(path, overwrite):
        return
    if not layer.built:
        raise SerializationError(
            f"'{layer.name}' has no weights yet. Call it on data, or build it, before saving its weights."
        )
    if path.endswith(".safetensors"):
        save_named(path, _wanted(layer), layer.name)
    elif max_shard_size is not None:
        with in_memory(layer) as file:
            write_shards(file, path, max_shard_size)
    else:
        with replacing(path) as target, h5py.File(target, "w") as file:
            write_weights(file, layer)


@contextlib.contextmanager
def in_memory(model: Any) -> Iterator[Any]:
    """The weights of a model as an open HDF5 file in memory."""
    import h5py

    with h5py.File(io.BytesIO(), "w") as file:
        write_weights(file, model)
        yield file


def load_weights(
    model: Any, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any
) -> LoadReport:
    """Read the weights of a model, or of a part of it, from a file of any of the formats.

    These are ``.weights.h5``, ``.weights.json`` with its shards, ``.keras``, ``.safetensors``, and the ``.h5`` files of
    older versions. Either everything that is to be read fits, or the model stays as it was.

    Args:
        model: a built model or layer.
        filepath: the file.
        skip_mismatch: leave layers alone, with a warning, whose weights in the file are of another number or shape.
        **kwargs: `by_name` (pair layers by their names, not their places, and leave others alone), `part` (the name of
            a layer or model inside, or several joined by slashes: fill only that) and `objects_to_skip` (layers to leave
            alone).

    Returns:
        A report of what was taken, and what was not and why, to be printed or asked.

    Raises:
        SerializationError: another ending, no such file, or weights that the file lacks or has too many of.
        ShapeError: weights of another shape.
        ArgumentError: there is no such part.
    """
    layer = _part(model, kwargs.pop("part", None))
    by_name, skipped = kwargs.pop("by_name", False), kwargs.pop("objects_to_skip", None) or ()
    _no_further("load_weights", kwargs)
    path = os.fspath(filepath)
    if not path.endswith((".h5", ".hdf5", ".weights.json", ".keras", ".safetensors")):
        raise SerializationError(
            f"A file of weights must end in '.weights.h5', '.weights.json', '.keras', '.safetensors', or '.h5' if it is an "
            f"older one. Received: {path!r}"
        )
    if not os.path.exists(path):
        raise MissingFileError(f"There is no file {path!r}.")
    report = LoadReport(layer.name, os.path.basename(path))
    with refusing(path, None), contextlib.ExitStack() as stack:
        file = None
        if path.endswith(".safetensors"):
            wanted, stored = stack.enter_context(named(path, list(_wanted(layer)), by_name))
        elif path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5"):
            wanted, stored = stack.enter_context(layered(path, layer, by_name))
        else:
            file = stack.enter_context(opened_weights(path))
            wanted, stored = list(_wanted(layer)), _stored(file)
        if not layer.built and not any(want.variables or want.fill for want in wanted):
            raise SerializationError(
                f"'{layer.name}' has no weights yet. Call it on data, or build it, before loading its weights."
            )
        left = {id(inner) for one in skipped for inner in one._flatten_layers()}
        wanted = [want for want in wanted if id(want.layer) not in left]
        verified = path.endswith(".keras")  # the archive has a checksum of all of it
        optimizer = None if file is None or by_name or "optimizer" not in file else getattr(layer, "optimizer", None)
        if file is not None and optimizer is not None and "optimizer/vars" in file and not verified:
            verify(_own_arrays(file["optimizer/vars"]).values())
        load(wanted, stored, report, by_name=by_name, skip_mismatch=skip_mismatch, verified=verified)
        goes_on = optimizer is not None and optimizer.built and read_optimizer(file, layer)
        if file is not None and "optimizer" in file and not goes_on:
            report.unused.append("optimizer")
    if report.skipped:
        warnings.warn(
            f"{len(report.skipped)} weights do not fit and were skipped. {report}", RanvierWarning, stacklevel=outside()
        )
    return report


def _part(model: Any, name: str | None) -> Any:
    """The layer or model inside `model` that a name, or several joined by slashes, stands for."""
    found = model
    for step in name.split("/") if name else ():
        inside = {layer.name: layer for layer in found._layers_in_order()}
        if step not in inside:
            raise ArgumentError(f"'{found.name}' has no layer {step!r}. It has: {list(inside)[:20]}")
        found = inside[step]
    return found


@contextlib.contextmanager
def opened_weights(path: str) -> Iterator[Any]:
    """The weights in a ``.weights.h5``, ``.weights.json`` or ``.keras`` file as an open HDF5 file."""
    with contextlib.ExitStack() as stack:
        if path.endswith(".weights.json"):
            yield stack.enter_context(read_shards(path))
            return
        source: Any = path
        if path.endswith(".keras"):
            archive = stack.enter_context(open_archive(path))
            if "model.weights.h5" not in archive.members:
                raise archive.refusal(None, "it is not a .keras file: it holds no model.weights.h5")
            source = stack.enter_context(archive.source("model.weights.h5"))
        yield stack.enter_context(opened(source, os.path.basename(path)))


def _no_further(function: str, kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise ArgumentError(f"{function} has no argument {', '.join(map(repr, kwargs))}.")


class MissingFileError(SerializationError, FileNotFoundError):
    """There is no such file; Keras raises a FileNotFoundError here."""

    __str__ = Exception.__str__
