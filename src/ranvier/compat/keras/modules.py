"""Which modules the face of Keras has, and where each looks its names up."""

from __future__ import annotations

import functools
import types
from typing import Any

import ranvier

from ..faces import Face
from .absent import absent_module, absent_name
from .additions import ADDED, additions

__all__ = ["MOVED", "keras_face", "keras_modules"]

#: Modules of older Kerases whose names are elsewhere now: all of what the other module has is found in them.
MOVED = {
    "callbacks.callbacks": "callbacks",
    "constraints.constraints": "constraints",
    "datasets.cifar": "datasets.cifar10",
    "engine": "engine.topology",
    "engine.base_layer": "engine.topology",
    "engine.functional": "models",
    "engine.input_layer": "layers",
    "engine.sequential": "models",
    "engine.training": "models",
    "initializers.initializers_v2": "initializers",
    "layers.advanced_activations": "layers",
    "layers.attention": "layers",
    "layers.convolutional": "layers",
    "layers.convolutional_recurrent": "layers",
    "layers.core": "layers",
    "layers.embeddings": "layers",
    "layers.experimental": "layers",
    "layers.experimental.preprocessing": "layers",
    "layers.local": "layers",
    "layers.merge": "layers",
    "layers.noise": "layers",
    "layers.normalization": "layers",
    "layers.normalization.batch_normalization": "layers",
    "layers.normalization_v2": "layers",
    "layers.pooling": "layers",
    "layers.preprocessing": "layers",
    "layers.preprocessing.image_preprocessing": "layers",
    "layers.recurrent": "layers",
    "layers.recurrent_v2": "layers",
    "layers.wrappers": "layers",
    "mixed_precision.experimental": "mixed_precision",
    "objectives": "losses",
    "optimizers.adadelta_v2": "optimizers",
    "optimizers.adagrad_v2": "optimizers",
    "optimizers.adam_v2": "optimizers",
    "optimizers.adamax_v2": "optimizers",
    "optimizers.experimental": "optimizers",
    "optimizers.gradient_descent_v2": "optimizers",
    "optimizers.legacy": "optimizers",
    "optimizers.nadam_v2": "optimizers",
    "optimizers.rmsprop_v2": "optimizers",
    "optimizers.schedules.learning_rate_schedule": "optimizers.schedules",
    "preprocessing.text_dataset": "preprocessing",
    "utils.data_utils": "utils",
    "utils.generic_utils": "utils",
    "utils.layer_utils": "utils",
    "utils.losses_utils": "losses",
    "utils.np_utils": "utils",
    "utils.tf_utils": "utils",
    "utils.vis_utils": "utils",
    "utils.visualize_util": "utils",
}


_NOT_KERAS = {"compat", "install_as_keras"}  # of ranvier's own names


@functools.cache
def keras_face(path: str) -> Any:
    """The module ``keras`` or ``keras.<path>``.

    Raises:
        ModuleNotFoundError: there is no such module; the message names the nearest way.

    >>> keras_face("layers.core").LSTM.__name__
    'LSTM'
    """
    name, shown = _named(path), MOVED.get(path, path)
    own, added = _own(shown), additions(shown)
    sources = [source for source in (added, own) if source is not None]
    if not sources:
        raise ModuleNotFoundError(absent_module(path), name=name)

    def look_up(attribute: str) -> Any:
        for source in sources:
            if (
                attribute in source.__all__
                and attribute not in _NOT_KERAS
                and not isinstance(getattr(source, attribute), types.ModuleType)
            ):
                return getattr(source, attribute)
        for parent in (path, shown):
            child = f"{parent}.{attribute}".lstrip(".")
            if child in MOVED or _is_module(child):
                return keras_face(child)
        raise AttributeError(absent_name(path, attribute))

    def names() -> list[str]:
        inside = [a.removeprefix(f"{shown}.") for a in ADDED if not shown or a.startswith(shown + ".")]
        found = {n for source in sources for n in source.__all__} | {a.partition(".")[0] for a in inside}
        return sorted(found - {"", "__version__", "engine", *_NOT_KERAS})

    file = next((f for source in reversed(sources) if (f := getattr(source, "__file__", None))), ranvier.__file__)
    return Face(name, look_up, names, sources[-1].__doc__, str(file))


def keras_modules() -> list[str]:
    """The paths of all modules that are not moved ones, in order."""
    found, waiting = [], [""]
    while waiting:
        path = waiting.pop()
        found.append(path)
        below = [f"{path}.{name}".lstrip(".") for name in keras_face(path).__all__]
        waiting += [child for child in below if child not in MOVED and _is_module(child)]
    return sorted(found)


def _is_module(path: str) -> bool:
    return path in ADDED or any(a.startswith(path + ".") for a in ADDED) or _own(path) is not None


def _own(path: str) -> Any:
    """ranvier's own public module under this path, or None."""
    found: Any = ranvier
    for part in path.split(".") if path else []:
        if part not in found.__all__ or part in _NOT_KERAS:
            return None
        found = getattr(found, part)
        if not isinstance(found, types.ModuleType):
            return None
    return found


def _named(path: str) -> str:
    return f"keras.{path}" if path else "keras"
