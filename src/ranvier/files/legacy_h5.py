"""Whole models in a single HDF5 file, ``.h5``, as Keras wrote them before the ``.keras`` format and still can."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from typing import Any

import numpy as np

from ..core import serialization
from ..core.errors import ArgumentError, RanvierWarning, SerializationError
from ..core.hints import hint
from ..core.tracebacks import outside
from ..layers.base import Layer
from .atomic import replacing
from .hdf5 import array_of, checked, member, opened, write_array
from .layered_weights import legacy_layers, legacy_variables, matched, names_in
from .legacy_config import modern
from .limits import allowance, refusing
from .strict_json import read_json
from .transfer import LoadReport, load, verify

__all__ = ["load_h5_model", "save_h5_model", "save_h5_weights"]

_LONGEST_LIST = 60_000  # bytes of names that one attribute holds


def save_h5_model(model: Any, path: str, include_optimizer: bool = True) -> None:
    """Write a functional model or a chain of layers with its weights, compile configuration and optimizer state.

    Args:
        model: a model that a graph or a chain describes.
        path: the file.
        include_optimizer: whether it says how the model is compiled, and holds the optimizer's state.

    Raises:
        SerializationError: a model whose layers are not known from its configuration.
    """
    import h5py

    described = serialization.serialize(model)
    if not (hasattr(model, "_chain") or getattr(model, "graph", None) is not None):
        raise SerializationError(
            f"An '.h5' file holds functional models and chains of layers, not {type(model).__name__} '{model.name}'. Save it "
            "as '.keras'."
        )
    hint("h5", "'.h5' is the old format of models, which loses more than '.keras' does: model.save('name.keras').")
    compiled = described.pop("compile_config", None) if include_optimizer else None
    described["class_name"] = described["registered_name"] or described["class_name"]
    with replacing(path) as target, h5py.File(target, "w") as file:
        file.attrs.update({"keras_version": "3.15.1", "backend": "jax"})
        _write_text(file, "model_config", json.dumps({key: described[key] for key in ("class_name", "config")}))
        _write_layers(file.create_group("model_weights"), model)
        if compiled:
            compiled["optimizer_config"] = {k: compiled["optimizer"][k] for k in ("class_name", "config")}
            del compiled["optimizer"]
            _write_text(file, "training_config", json.dumps(compiled))
            if model.optimizer is not None and model.optimizer.built:
                state = [(v.path, v) for v in model.optimizer.variables]
                _write_weights(file.create_group("optimizer_weights"), state)


def save_h5_weights(model: Any, path: str) -> None:
    """Write the weights of a model layer by layer, as Keras 2 did under ``.h5``.

    Args:
        model: a built model.
        path: the file.
    """
    import h5py

    hint("h5 weights", "Files of weights end in '.weights.h5' in Keras 3; this one is in the older format.")
    with replacing(path) as target, h5py.File(target, "w") as file:
        _write_layers(file, model)


def _write_layers(group: Any, model: Any) -> None:
    group.attrs.update({"keras_version": "3.15.1", "backend": "jax"})
    layers = legacy_layers(model)
    _write_names(group, "layer_names", [layer.name for layer in layers])
    for layer in layers:
        _write_weights(group.create_group(layer.name), [(v.path, v) for v in legacy_variables(layer)])
    _write_weights(group.create_group("top_level_model_weights"), [(v.path, v) for v in model._own_variables()])


def _write_text(file: Any, attribute: str, text: str) -> None:
    file.attrs[attribute] = text
    file.attrs[f"{attribute}_crc32"] = np.uint32(zlib.crc32(text.encode("utf-8")))


def _write_weights(group: Any, variables: list[tuple[str, Any]]) -> None:
    names: list[str] = []
    for path, variable in variables:
        name = path if path not in names else f"{path}_{len(names)}"
        names.append(name)
        array = np.asarray(variable.stored_value())
        # HDF5 knows no bfloat16, and readers of this layout no note that says so.
        write_array(group, name, array.astype("float32") if array.dtype.name == "bfloat16" else array)
    _write_names(group, "weight_names", names)


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    """Write names as an attribute, in numbered pieces where they are too long for one."""
    encoded = [name.encode() for name in names]
    longest = max(map(len, encoded), default=1)
    step = max(_LONGEST_LIST // longest, 1)
    pieces = [encoded[i : i + step] for i in range(0, len(encoded), step)] or [[]]
    for i, piece in enumerate(pieces):
        group.attrs[attribute if len(pieces) == 1 else f"{attribute}{i}"] = np.array(piece, dtype=f"S{longest}")


def load_h5_model(path: str, custom_objects: Any, compile: bool) -> Any:
    """Read a whole model from an ``.h5`` file, of any version of Keras that wrote such.

    Args:
        path: the file.
        custom_objects: further classes and functions, by name.
        compile: also compile the model and restore the optimizer, as it was saved.

    Raises:
        SerializationError: a file without a model, or one that names what nobody knows.
        ShapeError: weights that do not fit the model.
    """
    shown = os.path.basename(path)
    with refusing(path, None), opened(path, shown) as file, allowance(file, file.present):
        if "model_config" not in file.attrs:
            raise SerializationError(
                f"{shown!r} holds no model, perhaps weights only: make the model, then call load_weights({shown!r})."
            )
        config = modern(_json(file, "model_config", shown))
        model = serialization.deserialize(config, custom_objects)
        if not isinstance(model, Layer):
            raise SerializationError(f"The model_config in {shown!r} describes no model.")
        wanted, stored = matched(member(file, "model_weights"), model, False, shown)
        load(wanted, stored, LoadReport(model.name, shown))
        if compile and "training_config" in file.attrs:
            _restore_training(model, _json(file, "training_config", shown), custom_objects, file, shown)
    return model


def _json(file: Any, attribute: str, shown: str) -> dict[str, Any]:
    text = file.attrs[attribute]
    if not isinstance(text, (str, bytes)):
        raise SerializationError(f"The {attribute} in {shown!r} is no text.")
    text = text if isinstance(text, bytes) else text.encode("utf-8")
    if file.attrs.get(f"{attribute}_crc32", zlib.crc32(text)) != zlib.crc32(text):
        raise SerializationError(f"The {attribute} in {shown!r} is damaged: it is not what was written.")
    found = read_json(text, file.source)
    if not isinstance(found, dict):
        raise SerializationError(f"The {attribute} in {shown!r} does not describe a model.")
    return found


def _restore_training(model: Any, described: dict[str, Any], custom_objects: Any, file: Any, shown: str) -> None:
    described = dict(described)
    optimizer = described.pop("optimizer_config", None)
    keep = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution")
    config = {key: modern(described[key]) for key in keep if described.get(key) is not None}
    for key in ("loss", "metrics", "weighted_metrics"):
        if key in config:
            config[key] = _from(config[key], "keras.losses" if key == "loss" else "keras.metrics")
    with serialization.custom_object_scope(custom_objects or {}):
        try:
            config["optimizer"] = _optimizer(modern(optimizer), custom_objects)
            model.compile_from_config(config)
        except (ArgumentError, SerializationError) as error:
            _warn(f"{shown!r} says how the model was compiled, but not in a way that is known: {error}")
            return
    if "optimizer_weights" not in file:
        return
    group = member(file, "optimizer_weights")
    names = names_in(group, "weight_names", shown)
    arrays = [checked(member(group, name)) for name in names]
    variables = model.optimizer.variables
    # Versions before 3 keep another order of slots, and their names end so.
    old = any(name.endswith(":0") for name in names)
    if old or [tuple(a.shape) for a in arrays] != [v.shape for v in variables]:
        _warn(f"The optimizer's state in {shown!r} does not fit the optimizer; it starts anew.")
        return
    verify(arrays)
    for variable, array in zip(variables, arrays, strict=True):
        variable.adopt(array_of(array))


def _optimizer(described: Any, custom_objects: Any) -> Any:
    """The description of an optimizer; Keras's own were registered as if the program had brought them."""
    name = str(described.get("class_name")) if isinstance(described, dict) else ""
    if name.startswith("Custom>") and serialization.get_registered_object(name, custom_objects) is None:
        return {**described, "class_name": name.removeprefix("Custom>")}
    return described


def _from(value: Any, module: str) -> Any:
    """`value` with the module of the objects in it: a loss and a metric may have the same name."""
    if isinstance(value, list):
        return [_from(item, module) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value and "config" in value:
        return {"module": module, **value} if value["class_name"] != "function" else value
    return {key: _from(item, module) for key, item in value.items()}


def _warn(message: str) -> None:
    warnings.warn(message[:900], RanvierWarning, stacklevel=outside())
