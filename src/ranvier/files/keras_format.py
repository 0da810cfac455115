"""``.keras`` files: an archive of the configuration (JSON) and the weights (HDF5), as Keras 3 writes and reads them."""

from __future__ import annotations

import datetime
import json
import os
import time
import warnings
import zipfile
from typing import Any, cast

from ..core import serialization
from ..core.errors import ArgumentError, RanvierWarning, SerializationError
from ..layers.base import Layer
from .archive import open_archive
from .assets import PREFIX, read_assets, write_assets
from .atomic import may_write, replacing
from .hdf5 import opened
from .legacy_h5 import load_h5_model, save_h5_model
from .limits import allowance, refusing
from .placed import Target, placed
from .strict_json import json_text
from .weights import read_optimizers, read_weights, write_weights

__all__ = ["load_model", "save_model"]

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_OLDER = (".h5", ".hdf5")


def save_model(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write a model with its weights, compile configuration and optimizer state.

    Args:
        model: a built model.
        filepath: a path that ends in ``.keras``, or in ``.h5`` for readers of the older format.
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
    if not path.endswith((".keras", *_OLDER)):
        raise SerializationError(
            f"A model's file must end in '.keras' (or, for older readers, '.h5'). Received: {path!r}"
        )
    if path.endswith(".weights.h5"):
        raise SerializationError(
            f"A file that ends in '.weights.h5' holds weights alone: model.save_weights({path!r})."
        )
    if not may_write(path, overwrite):
        return
    if path.endswith(_OLDER):
        save_h5_model(model, path)
        return
    config = json_text(serialization.serialize(model), path)
    metadata = {"keras_version": "3.15.1", "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    with (
        replacing(path) as file,
        zipfile.ZipFile(cast(Any, target := Target(file)), "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, content in zip(_MEMBERS[:2], (json.dumps(metadata), config), strict=True):
            archive.writestr(name, content)
        info = zipfile.ZipInfo(_MEMBERS[2], time.localtime()[:6])
        with placed(archive, target, info) as weights, h5py.File(weights, "w") as hdf5:
            write_weights(hdf5, model)
        write_assets(archive, model)


def load_model(
    filepath: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Read a ``.keras`` or an older ``.h5`` file. The file is data: it can name only what ranvier has or the program registers.

    Args:
        filepath: the file.
        custom_objects: further classes and functions, by name.
        compile: also compile the model and restore the optimizer, as it was saved.
        safe_mode: accepted; files never run code, whatever it says.

    Raises:
        SerializationError: not such a file, or one with members or names that do not belong there.
    """
    path = os.fspath(filepath)
    if not os.path.exists(path):
        raise SerializationError(f"There is no file {path!r}.")
    if path.endswith(_OLDER):
        return load_h5_model(path, custom_objects, compile)
    with refusing(path, None), open_archive(path) as archive:
        others = [name for name in archive.members if not name.startswith(PREFIX)]
        if sorted(others) != sorted(_MEMBERS):
            raise archive.refusal(None, f"it holds {others[:10]}; a .keras file holds {list(_MEMBERS)} and assets/…")
        config, metadata = archive.json("config.json"), archive.json("metadata.json")
        if not isinstance(config, dict) or not isinstance(metadata, dict):
            raise archive.refusal("config.json", "it does not describe a model")
        compile_config = config.pop("compile_config", None)
        size = archive.members["config.json"].size
        with archive.source("model.weights.h5") as weights, opened(weights, path) as file, allowance(file, size):
            with refusing(path, "config.json"):
                model = serialization.deserialize(config, custom_objects)
            if not isinstance(model, Layer):
                raise archive.refusal("config.json", "it describes no model and no layer")
            with refusing(path, "model.weights.h5"):
                read_weights(file, model)
            with refusing(path, "assets"):
                read_assets(archive, model)
            with refusing(path, "config.json"):
                if compile and compile_config:
                    _compile(model, compile_config, custom_objects, file)
                left = read_optimizers(file, model)
            if left:
                warnings.warn(
                    f"The file's optimizer state at {', '.join(map(repr, left))} does not fit the optimizer; it starts anew.",
                    RanvierWarning,
                    stacklevel=2,
                )
    return model


def _compile(model: Any, compile_config: dict[str, Any], custom_objects: Any, file: Any) -> None:
    with serialization.custom_object_scope(custom_objects or {}):
        model.compile_from_config(compile_config)
    if len(file.get("optimizer/vars", ())):
        model.optimizer.build(model.trainable_variables)
