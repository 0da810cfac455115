"""`KerasFileEditor`: look into a file of weights, and change what it holds."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, SerializationError
from .archive import open_archive
from .atomic import replacing
from .hdf5 import array_of, members, write_array
from .transfer import verify
from .weights import MissingFileError, in_memory, opened_weights

__all__ = ["KerasFileEditor"]


class KerasFileEditor:
    """The weights of a ``.keras`` or ``.weights.h5`` file, to be shown, compared with a model, changed and saved.

    An object is named by its path, such as ``"layers/dense"``, or by the last part of it where only one object ends so.

    Args:
        filepath: the file.

    Attributes:
        weights_dict: the weights as dicts in dicts: objects inside objects, with arrays under "0", "1" … in them.
        metadata: what a ``.keras`` file says of itself, or None.
        config: the configuration in a ``.keras`` file, or None.

    Raises:
        SerializationError: another ending, or not such a file.
    """

    def __init__(self, filepath: str | os.PathLike[str]):
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith((".keras", ".weights.h5")):
            raise SerializationError(f"filepath must end in '.keras' or '.weights.h5'. Received: {self.filepath!r}")
        if not os.path.exists(self.filepath):
            raise MissingFileError(f"There is no file {self.filepath!r}.")
        self.metadata = self.config = None
        with opened_weights(self.filepath) as file:
            self.weights_dict: dict[str, Any] = _content(file)
        if self.filepath.endswith(".keras"):
            with open_archive(self.filepath) as archive:
                if not {"metadata.json", "config.json"} <= set(archive.members):
                    raise archive.refusal(None, "it is not a .keras file")
                self.metadata, self.config = archive.json("metadata.json"), archive.json("config.json")

    # --- looking ----------------------------------------------------------------------------------------------------

    def summary(self) -> None:
        """Print the objects in the file with the shapes and dtypes of their weights."""
        print("Weights structure")
        for line in _lines(self.weights_dict, "  "):
            print(line)

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print how the weights in the file differ in place and shape from those of a model.

        Args:
            reference_model: a built model.

        Returns:
            ``{"status": "success" or "error", "error_count": …, "match_count": …}``; matches are counted in weights.
        """
        with in_memory(reference_model) as file:
            # The optimizer's state is no part of the model.
            model, saved = (
                {k: v for k, v in _objects(content).items() if k.split("/")[0] != "optimizer"}
                for content in (_content(file), self.weights_dict)
            )
        errors, matches = [], 0
        for path in sorted(model.keys() | saved.keys()):
            if path not in saved:
                errors.append(f"Object {path} of the model is missing from the file. It has: {sorted(model[path])}")
            elif path not in model:
                errors.append(f"Object {path} of the file is missing from the model. It has: {sorted(saved[path])}")
            else:
                here, there = saved[path], model[path]
                for key in sorted(here.keys() | there.keys()):
                    if key not in here or key not in there:
                        errors.append(f"Weight {path}/{key} is only in the {'file' if key in here else 'model'}.")
                    elif here[key].shape != there[key].shape:
                        errors.append(
                            f"Weight {path}/{key} has shape {here[key].shape} in the file and {there[key].shape} in the model."
                        )
                    else:
                        matches += 1
        for error in errors:
            print(error)
        print(f"{matches} weights match, {len(errors)} differences.")
        return {"status": "error" if errors else "success", "error_count": len(errors), "match_count": matches}

    # --- changing ---------------------------------------------------------------------------------------------------

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name; `new_name` is one part of a path."""
        if "/" in new_name:
            raise ArgumentError(f"new_name must be a name, not a path. Received: new_name={new_name!r}")
        parent, key = self._find(object_name)
        if new_name in parent:
            raise ArgumentError(f"There is an object {new_name!r} beside {object_name!r} already.")
        items = [(new_name if k == key else k, v) for k, v in parent.items()]
        parent.clear()
        parent.update(items)

    def delete_object(self, object_name: str) -> None:
        """Remove an object with all that is in it."""
        parent, key = self._find(object_name)
        del parent[key]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Put an object at a whole path, such as ``"layers/dense_9"``.

        Args:
            object_path: its path; all but the last part must be there.
            weights: dict of arrays.
        """
        *outer, name = object_path.strip("/").split("/")
        parent = self.weights_dict
        for part in outer:
            if not isinstance(parent.get(part), dict):
                raise ArgumentError(f"There is no object {'/'.join(outer)!r} in the file.")
            parent = parent[part]
        if name in parent:
            raise ArgumentError(f"There is an object {object_path!r} already.")
        parent[name] = _arrays(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove a weight of an object."""
        parent, key = self._find(object_name)
        if not isinstance(parent[key].get(weight_name), np.ndarray):
            raise ArgumentError(f"Object {object_name!r} has no weight {weight_name!r}. It has: {list(parent[key])}")
        del parent[key][weight_name]

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Put further weights into an object; those of the same name are replaced."""
        parent, key = self._find(object_name)
        parent[key].update(_arrays(weights))

    def _find(self, name: str) -> tuple[dict[str, Any], str]:
        """The dict that holds the object, and its key there."""
        parts = name.strip("/").split("/")
        found: list[tuple[dict[str, Any], str, str]] = []

        def walk(place: dict[str, Any], path: str) -> None:
            for key, item in place.items():
                if isinstance(item, dict):
                    found.append((place, key, f"{path}{key}"))
                    walk(item, f"{path}{key}/")

        walk(self.weights_dict, "")
        matching = [f for f in found if f[2] == "/".join(parts)] or [
            f for f in found if f[2].split("/")[-len(parts) :] == parts
        ]
        if len(matching) != 1:
            what = f"stands for {[f[2] for f in matching]}" if matching else f"is not among {[f[2] for f in found]}"
            raise ArgumentError(f"The object {name!r} {what}. Give its whole path.")
        return matching[0][0], matching[0][1]

    # --- saving -----------------------------------------------------------------------------------------------------

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights, as they are now, to a ``.weights.h5`` file."""
        import h5py

        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise SerializationError(f"filepath must end in '.weights.h5'. Received: {path!r}")
        with replacing(path) as target, h5py.File(target, "w") as file:
            for place, weights in _objects(self.weights_dict).items():
                group = file.require_group(f"{place}/vars" if place else "vars")
                for key, array in weights.items():
                    write_array(group, key, array)

    resave_weights = save


def _content(group: Any) -> dict[str, Any]:
    """What is in a group: dicts for groups, arrays for datasets; the level called "vars" is left out."""
    found: dict[str, Any] = {}
    for key, item in members(group):
        if not hasattr(item, "keys"):
            verify([item])
            found[key] = array_of(item)
        elif key == "vars":
            found.update(_content(item))
        elif inner := _content(item):
            found[key] = inner
    return found


def _objects(place: dict[str, Any], path: str = "") -> dict[str, dict[str, np.ndarray]]:
    """The objects with weights of their own by their paths."""
    own = {key: item for key, item in place.items() if not isinstance(item, dict)}
    found = {path: own} if own else {}
    for key, item in place.items():
        if isinstance(item, dict):
            found.update(_objects(item, f"{path}/{key}" if path else key))
    return found


def _lines(place: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for i, (key, item) in enumerate(place.items()):
        branch, below = ("└─ ", "   ") if i == len(place) - 1 else ("├─ ", "│  ")
        if isinstance(item, dict):
            lines += [f"{indent}{branch}{key}", *_lines(item, indent + below)]
        else:
            lines.append(f"{indent}{branch}{key}: shape={item.shape}, dtype={item.dtype}")
    return lines


def _arrays(weights: Any) -> dict[str, np.ndarray]:
    if not isinstance(weights, dict):
        raise ArgumentError(f"weights must be a dict of arrays. Received: {weights!r}")
    return {str(key): np.asarray(value) for key, value in weights.items()}
