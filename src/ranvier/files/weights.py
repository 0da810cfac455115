"""Weights in HDF5, laid out as Keras does: a group for each layer, called by its class and counted."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from ..core.errors import ArgumentError, RanvierWarning, SerializationError
from ..core.serialization import is_builtin
from ..core.tracebacks import outside
from ..layers.owner import Owner
from ..optimizers import Optimizer
from .archive import open_archive
from .atomic import may_write, replacing
from .hdf5 import array_of, checked, members, opened, write_array
from .layered_weights import layered
from .limits import refusing
from .named_weights import named, save_named
from .places import Held, held, resolved
from .shards import read_shards, write_shards
from .transfer import LoadReport, Stored, Wanted, load, verify

__all__ = [
    "MissingFileError",
    "in_memory",
    "load_weights",
    "opened_weights",
    "read_optimizers",
    "read_weights",
    "save_weights",
    "write_weights",
]


def write_weights(file: Any, layer: Any, compiled: bool = True, skip: Iterable[Any] = ()) -> None:
    """Write the weights of `layer` and of the layers inside, and the state of its optimizers, into an open HDF5 file.

    Args:
        file: the file.
        layer: a model or layer.
        compiled: whether the state of the optimizer that it is compiled with is written, too.
        skip: layers that are left out, with those inside them.

    Raises:
        SerializationError: a weight that has no place in the file.
    """
    everything = held(layer)
    left = _inside_of(skip)
    for want in _complete(layer, _wanted(everything)):
        if id(want.layer) in left:
            continue
        if "vars" in want.place.split("/"):
            raise SerializationError(
                f"Layer '{want.layer.name}' lies in an attribute called 'vars', where files keep the weights of the layer "
                "around it. Give the attribute another name."
            )
        group = file.require_group(f"{want.place}/vars".lstrip("/"))
        group.attrs["name"] = want.layer.name
        if _overrides(want.layer, "save_own_variables"):
            _write_own(group, want.layer)
        else:
            for i, variable in enumerate(want.variables):
                write_array(group, str(i), variable.stored_value())
    own = getattr(layer, "optimizer", None)  # layers are saved alone, too
    for place, _, optimizer in everything:
        if isinstance(optimizer, Optimizer) and (optimizer is not own or (compiled and optimizer.built)):
            group = file.require_group(f"{place}/vars")
            group.attrs["name"] = optimizer.name
            _write_own(group, optimizer)


def _write_own(group: Any, owner: Any) -> None:
    store: dict[str, Any] = {}
    owner.save_own_variables(store)
    for key, value in store.items():
        write_array(group, key, value)


def _complete(layer: Any, wanted: Iterable[Wanted]) -> list[Wanted]:
    """`wanted`, which has a place for every weight of `layer`."""
    wanted = list(wanted)
    placed = {id(variable) for want in wanted for variable in want.variables}
    lost = [v.path for v in layer.weights if id(v) not in placed]
    if lost:
        raise SerializationError(
            f"{len(lost)} weights of '{layer.name}' have no place in a file: {', '.join(map(repr, lost[:5]))}. Files keep "
            "what attributes of the model and of its layers hold, in lists, tuples, dicts and sets at any depth: assign "
            "these weights, or the layers that own them, to attributes."
        )
    return wanted


def _inside_of(skip: Iterable[Any]) -> set[int]:
    """The ids of layers that are left alone, and of those inside them."""
    return {id(inner) for one in skip for inner in one._flatten_layers()}


def read_weights(file: Any, layer: Any, verified: bool = True) -> None:
    """Read what `write_weights` (or Keras) wrote, but for the state of optimizers.

    Args:
        file: an open HDF5 file.
        layer: the layer or model to fill.
        verified: the file has been compared with its checksum already.

    Raises:
        SerializationError: weights that the file lacks or has too many of.
        ShapeError: weights of another shape.
    """
    report = LoadReport(layer.name, "")
    everything = held(layer)
    load(_wanted(everything), _placed(file, layer, everything, report), report, verified=verified)


def read_optimizers(file: Any, model: Any, verified: bool = True) -> list[str]:
    """Give the model's optimizers their state from the file, where it fits; those that are not built take it when they are.

    Args:
        file: an open HDF5 file.
        model: a model, or a layer.
        verified: the file has been compared with its checksum already.

    Returns:
        The places of what fits none.
    """
    pairs = []
    for there in _stored(file):
        optimizer = resolved(model, there.place)
        if isinstance(optimizer, Optimizer) and not there.place.endswith("/inner_optimizer"):
            pairs.append((there, optimizer))
    if not verified:
        verify(array for there, _ in pairs for array in there.arrays.values())
    left = []
    for there, optimizer in pairs:
        if not optimizer.take({key: array_of(array) for key, array in there.arrays.items()}):
            left.append(there.place)
    return left


def _wanted(everything: Iterable[Held]) -> Iterator[Wanted]:
    """What layers need, with their places in a file."""
    for place, names, layer in everything:
        if isinstance(layer, Owner):
            fill = layer.load_own_variables if _overrides(layer, "load_own_variables") else None
            yield Wanted(place, names, layer, layer._own_variables(), fill)


def _placed(file: Any, layer: Any, everything: list[Held], report: LoadReport) -> Iterator[Stored]:
    """What an open HDF5 file holds for each layer, under the place at which this version would write it."""
    owners = {one.place: one.owner for one in everything}
    first = {id(one.owner): one.place for one in everything}
    found = list(_stored(file))
    present = {there.place for there in found}
    for there in found:
        owner = owners.get(there.place) or resolved(layer, there.place)
        if isinstance(owner, Optimizer):
            continue
        if owner is None and _is_no_weight(there):
            report.unused.append(there.place)
        elif owner is None or there.place in owners:
            yield there
        elif first[id(owner)] not in present:
            yield dataclasses.replace(there, place=first[id(owner)])


def _is_no_weight(there: Stored) -> bool:
    """Whether this is the state of an optimizer, of a metric or of a seed generator, which a model may do without."""
    kinds = [(tuple(array.shape), str(array.dtype)) for array in there.arrays.values()]
    steps = bool(kinds) and kinds[0] in (((), "int32"), ((), "int64"))  # an optimizer's first variable counts its steps
    return steps or there.place.split("/")[0] in ("optimizer", "metrics") or kinds == [((2,), "uint32")]


def _stored(group: Any, place: str = "", names: tuple[str, ...] = ()) -> Iterator[Stored]:
    """What an open HDF5 file holds for each layer and optimizer."""
    found = dict(members(group))
    arrays: dict[str, Any] = {}
    if "vars" in found:
        said = found["vars"].attrs.get("name")
        arrays = _own_arrays(found.pop("vars"))
        # Groups such as "layers" hold layers and are none, so they give no name.
        names = (*names, said if isinstance(said, str) else place.rsplit("/", 1)[-1])
        yield Stored(place, names, arrays)
    for key, item in found.items():
        if hasattr(item, "keys"):
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
        filepath: a path that ends in ``.weights.h5`` or ``.safetensors``, or for a whole model's weights in Keras 2's
            format in ``.h5``; with `max_shard_size` in ``.weights.json``, which is an index of several files.
        overwrite: whether an existing file may be replaced; it stays whole until the new one is. False: ask, where
            somebody can answer.
        max_shard_size: the size of each file in GB; None: one file.
        **kwargs: `part`, the name of a layer or model inside, or several joined by slashes: save only that;
            `objects_to_skip`, layers to leave out (they are to be left out when the file is read, too).

    Raises:
        SerializationError: another ending, or a file that may not be overwritten.
        ArgumentError: there is no such part.
    """
    import h5py

    layer = _part(model, kwargs.pop("part", None))
    skip = tuple(kwargs.pop("objects_to_skip", None) or ())
    _no_further("save_weights", kwargs)
    path = os.fspath(filepath)
    endings = (".weights.h5", ".safetensors") if max_shard_size is None else (".weights.json",)
    older = path.endswith((".h5", ".hdf5")) and not path.endswith(endings) and hasattr(layer, "fit") and not skip
    if not path.endswith(endings) and not (older and max_shard_size is None):
        raise SerializationError(f"A file of weights must end in {' or '.join(map(repr, endings))}. Received: {path!r}")
    if not may_write(path, overwrite):
        return
    if not layer.built:
        raise SerializationError(
            f"'{layer.name}' has no weights yet. Call it on data, or build it, before saving its weights."
        )
    if older:
        from .legacy_h5 import save_h5_weights

        save_h5_weights(layer, path)
    elif path.endswith(".safetensors"):
        left = _inside_of(skip)
        named_ones = [want for want in _complete(layer, _wanted(held(layer))) if id(want.layer) not in left]
        save_named(path, named_ones, layer.name)
    elif max_shard_size is not None:
        with in_memory(layer, skip) as file:
            write_shards(file, path, max_shard_size)
    else:
        with replacing(path) as target, h5py.File(target, "w") as file:
            write_weights(file, layer, skip=skip)


@contextlib.contextmanager
def in_memory(model: Any, skip: Iterable[Any] = ()) -> Iterator[Any]:
    """The weights of a model as an open HDF5 file in memory."""
    import h5py

    with h5py.File(io.BytesIO(), "w") as file:
        write_weights(file, model, skip=skip)
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
    everything = held(layer)
    with refusing(path, None), contextlib.ExitStack() as stack:
        file = None
        if path.endswith(".safetensors"):
            wanted, stored = stack.enter_context(named(path, list(_wanted(everything)), by_name))
        elif path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5"):
            wanted, stored = stack.enter_context(layered(path, layer, by_name))
        else:
            file = stack.enter_context(opened_weights(path))
            wanted, stored = list(_wanted(everything)), list(_placed(file, layer, everything, report))
        if not layer.built and not any(want.variables or want.fill for want in wanted):
            raise SerializationError(
                f"'{layer.name}' has no weights yet. Call it on data, or build it, before loading its weights."
            )
        left = _inside_of(skipped)
        apart = {want.place for want in wanted if id(want.layer) in left}
        wanted = [want for want in wanted if want.place not in apart]
        verified = path.endswith(".keras")  # the archive has a checksum of all of it
        load(wanted, stored, report, by_name=by_name, skip_mismatch=skip_mismatch, verified=verified, apart=apart)
        if file is not None and not by_name:
            report.unused += read_optimizers(file, layer, verified)
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
