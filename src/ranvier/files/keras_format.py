"""``.keras`` files: an archive of the configuration (JSON) and the weights (HDF5), as Keras 3 writes and reads them."""

from __future__ import annotations

import datetime
import io
import json
import os
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any, cast

from ..core import serialization, shared_objects
from ..core.errors import ArgumentError, RanvierWarning, SerializationError
from ..core.hints import hint
from ..core.tracebacks import outside
from ..layers.base import Layer
from .archive import Archive, open_archive
from .assets import PREFIX, read_assets, write_assets
from .atomic import may_write, replacing
from .folder import Folder, replacing_folder
from .hdf5 import opened
from .legacy_h5 import load_h5_model, save_h5_model
from .limits import allowance, refusing
from .placed import Target, placed
from .strict_json import json_text
from .weights import read_optimizers, read_weights, write_weights

__all__ = ["load_model", "model_bytes", "model_of_bytes", "save_model"]

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_OLDER = (".h5", ".hdf5")
_IN_MEMORY = "model.keras in memory"


def save_model(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write a model with its weights, compile configuration and optimizer state.

    Args:
        model: a built model.
        filepath: a path that ends in ``.keras``, or in ``.h5`` for readers of the older format. Folders are made.
        overwrite: whether an existing file may be replaced; it stays whole until the new one is.
        zipped: False: write a folder with the files that a ``.keras`` archive holds; None or True: one file.
        **kwargs: `include_optimizer`; False: leave out how the model is compiled, and the optimizer's state.

    Raises:
        ArgumentError: an unknown argument, or a folder whose name ends as a file's.
        SerializationError: another ending, a model without weights yet, or one that nothing describes.
    """
    include_optimizer = bool(kwargs.pop("include_optimizer", True))
    _check_format(kwargs.pop("save_format", None), path := os.fspath(filepath))
    if kwargs:
        raise ArgumentError(f"save_model has no argument {', '.join(map(repr, kwargs))}.")
    ending = path.endswith((".keras", *_OLDER))
    if zipped is False and ending:
        raise ArgumentError(
            f"With zipped=False a folder is written, whose name must not end as a file's. Received: {path!r}"
        )
    if zipped is not False and not ending:
        raise SerializationError(
            f"A model's file must end in '.keras' (or, for older readers, '.h5'). Received: {path!r}"
        )
    if path.endswith(".weights.h5"):
        raise SerializationError(
            f"A file that ends in '.weights.h5' holds weights alone: model.save_weights({path!r})."
        )
    if not may_write(path, overwrite):
        return
    _tell_of_lambdas(model)
    if path.endswith(_OLDER):
        save_h5_model(model, path, include_optimizer)
    elif zipped is False:
        with replacing_folder(path) as folder:
            _write_folder(folder, model, include_optimizer)
    else:
        with replacing(path) as file:
            _write(file, model, path, include_optimizer)


def _check_format(save_format: Any, path: str) -> None:
    """Refuse a format that is not the path's; Keras 3 goes by the path alone."""
    if save_format is None:
        return
    formats = {"keras": (".keras",), "h5": _OLDER, "hdf5": _OLDER}
    if not path.endswith(formats.get(save_format, ())):
        raise ArgumentError(
            f"The ending of the path says the format: '.keras' or '.h5'. Received: save_format={save_format!r} for {path!r}"
        )
    hint("save_format", "save_format is not needed: the ending of the path says the format.")


def _tell_of_lambdas(model: Any) -> None:
    needy = [layer.name for layer in model._flatten_layers() if getattr(layer, "needs_its_function", False)]
    if needy:
        warnings.warn(
            f"A file holds no code, so Lambda layers cannot be read without their functions: {', '.join(map(repr, needy[:5]))}. "
            f"Load the model with custom_objects={{{needy[0]!r}: function}}, or register the function with "
            "@register_keras_serializable().",
            RanvierWarning,
            stacklevel=outside(),
        )


def _texts(model: Any, path: str, include_optimizer: bool) -> tuple[str, str]:
    """The contents of ``metadata.json`` and ``config.json``."""
    described = shared_objects.whole(lambda: serialization.serialize(model), in_file=True)
    if not include_optimizer:
        described.pop("compile_config", None)
    metadata = {"keras_version": "3.15.1", "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    return json.dumps(metadata), json_text(described, path)


def _write(file: Any, model: Any, path: str, include_optimizer: bool = True) -> None:
    """Write the archive to an open file."""
    import h5py

    texts = _texts(model, path, include_optimizer)
    with zipfile.ZipFile(cast(Any, target := Target(file)), "w", zipfile.ZIP_STORED) as archive:
        for name, content in zip(_MEMBERS[:2], texts, strict=True):
            archive.writestr(name, content)
        info = zipfile.ZipInfo(_MEMBERS[2], time.localtime()[:6])
        with placed(archive, target, info) as weights, h5py.File(weights, "w") as hdf5:
            write_weights(hdf5, model, compiled=include_optimizer)
        write_assets(archive, model)


def _write_folder(folder: str, model: Any, include_optimizer: bool) -> None:
    import h5py

    for name, content in zip(_MEMBERS[:2], _texts(model, folder, include_optimizer), strict=True):
        Path(folder, name).write_text(content, encoding="utf-8")
    with h5py.File(os.path.join(folder, _MEMBERS[2]), "w") as hdf5:
        write_weights(hdf5, model, compiled=include_optimizer)
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        write_assets(archive, model)
        archive.extractall(folder)


def model_bytes(model: Any) -> bytes:
    """The ``.keras`` file of a model, in memory."""
    file = io.BytesIO()
    _write(file, model, _IN_MEMORY)
    return file.getvalue()


def model_of_bytes(content: bytes, custom_objects: Any = None) -> Any:
    """The model whose ``.keras`` file this is, read as any file is.

    Raises:
        SerializationError: it is no such file.
    """
    with refusing(_IN_MEMORY, None), open_archive(io.BytesIO(content), _IN_MEMORY) as archive:
        return _read(archive, _IN_MEMORY, custom_objects, True)


def load_model(
    filepath: str | os.PathLike[str], custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Read a ``.keras`` or an older ``.h5`` file. The file is data: it can name only what ranvier has or the program registers.

    Args:
        filepath: the file, or the folder that ``save(…, zipped=False)`` wrote.
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
    if os.path.isdir(path):
        with refusing(path, None):
            return _read(Folder(path), path, custom_objects, compile)
    with refusing(path, None), open_archive(path) as archive:
        return _read(archive, path, custom_objects, compile)


def _read(archive: Archive | Folder, path: str, custom_objects: Any, compile: bool) -> Any:
    others = [name for name in archive.members if not name.startswith(PREFIX)]
    if sorted(others) != sorted(_MEMBERS):
        raise archive.refusal(None, f"it holds {others[:10]}; a .keras file holds {list(_MEMBERS)} and assets/…")
    config, metadata = archive.json("config.json"), archive.json("metadata.json")
    if not isinstance(config, dict) or not isinstance(metadata, dict):
        raise archive.refusal("config.json", "it does not describe a model")
    shared_objects.unmarked_twins(config)
    compile_config = config.pop("compile_config", None)
    size = archive.members["config.json"].size
    verified = isinstance(archive, Archive)  # which has a checksum of each member
    with (
        archive.source("model.weights.h5") as weights,
        opened(weights, path) as file,
        allowance(file, size),
        shared_objects.reading(),
    ):
        with refusing(path, "config.json"):
            model = serialization.deserialize(config, custom_objects)
        if not isinstance(model, Layer):
            raise archive.refusal("config.json", "it describes no model and no layer")
        with refusing(path, "model.weights.h5"):
            read_weights(file, model, verified)
        with refusing(path, "assets"):
            read_assets(archive, model)
        with refusing(path, "config.json"):
            if compile and compile_config:
                _compile(model, compile_config, custom_objects, file)
            left = read_optimizers(file, model, verified)
        if left:
            warnings.warn(
                f"The file's optimizer state at {', '.join(map(repr, left))} does not fit the optimizer; it starts anew.",
                RanvierWarning,
                stacklevel=outside(),
            )
    return model


def _compile(model: Any, compile_config: dict[str, Any], custom_objects: Any, file: Any) -> None:
    try:
        with serialization.custom_object_scope(custom_objects or {}):
            model.compile_from_config(compile_config)
    except SerializationError as error:
        raise SerializationError(f"{error} Or load the model alone: load_model(path, compile=False).") from None
    if model.optimizer is not None and len(file.get("optimizer/vars", ())):
        model.optimizer.build(model.trainable_variables)
