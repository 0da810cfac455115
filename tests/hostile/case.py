"""What a hostile file is here, and a good model's files to make hostile ones of."""

from __future__ import annotations

import copy
import functools
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

__all__ = ["SECRET", "Hostile", "config", "dense", "keras_file", "weights", "with_layers"]

#: What a file beside the hostile ones holds; no message and no model may ever hold it.
SECRET = "the-content-of-another-file-4711"


@dataclass(frozen=True)
class Hostile:
    """A file that must be refused.

    Attributes:
        kind: its class of attack.
        name: what it does.
        data: its bytes, or its members' if it is several files, the first of which is read.
        ending: of its name, which says how it is read; archives for `get_file` are ``.tar`` and ``.zip``.
        says: what the message must hold: the member or the reason.
    """

    kind: str
    name: str
    data: bytes | dict[str, bytes]
    ending: str = ".keras"
    says: str = ""


@functools.cache
def _good() -> tuple[str, bytes]:
    """The configuration and the weights of a small compiled model that has been trained."""
    import ranvier

    model = ranvier.Sequential(
        [ranvier.Input((4,)), ranvier.layers.Dense(3, name="first"), ranvier.layers.Dense(1, name="last")], name="good"
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((2, 4), "float32"), np.ones((2, 1), "float32"), verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "good.keras"
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json").decode(), archive.read("model.weights.h5")


def config() -> dict[str, Any]:
    """The good model's configuration, to be changed."""
    return json.loads(_good()[0])


def weights(change: Callable[[h5py.File], None] | None = None) -> bytes:
    """The good model's weights, changed as told."""
    content = io.BytesIO(_good()[1])
    if change is not None:
        with h5py.File(content, "r+") as file:
            change(file)
    return content.getvalue()


def dense(**changes: Any) -> dict[str, Any]:
    """The good model's configuration with other arguments of its first layer."""
    changed = config()
    changed["config"]["layers"][1]["config"].update(changes)
    return changed


def with_layers(*layers: dict[str, Any], shape: Any = (None, 4), dtype: str = "float32") -> dict[str, Any]:
    """A chain of these layers, not built yet."""
    changed = config()
    first = copy.deepcopy(changed["config"]["layers"][0])
    first["config"].update({"batch_shape": list(shape), "dtype": dtype})
    changed["config"]["layers"] = [first, *layers]
    changed.pop("compile_config", None)
    changed.pop("build_config", None)
    changed["config"].pop("build_input_shape", None)
    return changed


def layer(name: str, *, module: str = "keras.layers", **arguments: Any) -> dict[str, Any]:
    """A layer in Keras's spelling."""
    return {
        "module": module, "class_name": name, "config": {"name": "evil", **arguments}, "registered_name": None,
    }  # fmt: skip


def keras_file(described: Any = None, held: bytes | None = None, **members: bytes) -> bytes:
    """A ``.keras`` file with this configuration (a text is taken as it is), these weights and further members."""
    text = (
        described if isinstance(described, (str, bytes)) else json.dumps(config() if described is None else described)
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}))
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", weights() if held is None else held)
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()
