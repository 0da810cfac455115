"""``.keras`` files: an archive of the configuration (JSON) and the weights (HDF5), as Keras 3 writes and reads them."""

from __future__ import annotations

import datetime
import io
import json
import os
import warnings
import zipfile
from typing import Any

from ..core import serialization
from ..core.errors import ArgumentError, RanvierWarning, SerializationError
from .assets import PREFIX, read_assets, write_assets
from .atomic import replacing
from .weights import read_weights, write_weights

__all__ = ["load_model", "save_model"]

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_LARGEST_CONFIG = 64 << 20  # bytes of JSON


def save_model(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write a model with its weights, compile configuration and optimizer state.

    Args:
        model: a built model.
        filepath: a path that ends in ``.keras``.
        overwrite: whether an existing file may be replaced; it stays whole until the new one is.
        zipped: None or True: models are always one file, which can be replaced at once.

    Raises:
        ArgumentError: `zipped` is False.
        SerializationError: another ending, a model without weights yet, or one that nothing describes.
    """
    import h5py

    if kwargs:
        raise ArgumentError(f"save_model has no argument {', '.join(map(repr, kwargs))}.")
    if zipped not in (None, True):
        raise ArgumentError(f"A model is saved as one file, not as a folder. Received: zipped={zipped!r}")
    path = os.fspath(filepath)
    if not path.endswith(".keras"):
        raise SerializationError(f"A model's file must end in '.keras'. Received: {path!r}")
    if not overwrite and os.path.exists(path):
        raise SerializationError(f"{path!r} exists, and overwrite is False.")
    config = json.dumps(serialization.serialize(model))
    metadata = {"keras_version": "3.15.1", "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        write_weights(file, model)
        optimizer = getattr(model, "optimizer", None)  # layers are saved alone, too
        if optimizer is not None and optimizer.built:
            group = file.require_group("optimizer/vars")
            group.attrs["name"] = optimizer.name
            store: dict[str, Any] = {}
            optimizer.save_own_variables(store)
            for key, value in store.items():
                group.create_dataset(key, data=value)
    with replacing(path) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in zip(_MEMBERS, (json.dumps(metadata), config, weights.getbuffer()), strict=True):
            archive.writestr(name, content)
        write_assets(archive, model)


def load_model(
    filepath: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Read a ``.keras`` file. The file is data: it can name only what ranvier has or the program registers.

    Args:
        filepath: the file.
        custom_objects: further classes and functions, by name.
        compile: also compile the model and restore the optimizer, as it was saved.
        safe_mode: accepted; files never run code, whatever it says.

    Raises:
        SerializationError: not such a file, or one with members or names that do not belong there.
    """
    import h5py

    path = os.fspath(filepath)
    if not os.path.exists(path):
        raise SerializationError(f"There is no file {path!r}.")
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise SerializationError(f"{path!r} is not a .keras file: it is no zip archive.") from None
    with archive:
        names = archive.namelist()
        others = [name for name in names if not name.startswith(PREFIX)]
        if sorted(others) != sorted(_MEMBERS) or len(set(names)) < len(names):
            raise SerializationError(f"{path!r} holds {names[:10]}; a .keras file holds {list(_MEMBERS)} and assets/….")
        if archive.getinfo("config.json").file_size > _LARGEST_CONFIG:
            raise SerializationError(f"The config.json in {path!r} is too large to be a model's.")
        if any(archive.getinfo(n).compress_type != zipfile.ZIP_STORED for n in names if n.endswith(".h5")):
            size = archive.getinfo("model.weights.h5")
            if size.file_size > 1000 * max(size.compress_size, 1):
                raise SerializationError(f"The weights in {path!r} unpack to {size.file_size:,} bytes; refused.")
        try:
            config = json.loads(archive.read("config.json"))
        except (ValueError, RecursionError):
            raise SerializationError(f"The config.json in {path!r} is not valid JSON.") from None
        if not isinstance(config, dict):
            raise SerializationError(f"The config.json in {path!r} does not describe a model.")
        compile_config = config.pop("compile_config", None)
        model = serialization.deserialize(config, custom_objects)
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            read_weights(file, model)
            read_assets(archive, model)
            if compile and compile_config:
                _restore_training(model, compile_config, custom_objects, file)
    return model


def _restore_training(model: Any, compile_config: dict[str, Any], custom_objects: Any, file: Any) -> None:
    with serialization.custom_object_scope(custom_objects or {}):
        model.compile_from_config(compile_config)
    if len(file.get("optimizer/vars", ())):
        group = file["optimizer/vars"]
        model.optimizer.build(model.trainable_variables)
        if len(group) == len(model.optimizer.variables):
            model.optimizer.load_own_variables({key: group[key][()] for key in group})
        else:
            warnings.warn(
                "The file's optimizer state does not fit the optimizer; it starts anew.", RanvierWarning, stacklevel=3
            )
