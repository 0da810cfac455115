"""What the face of Keras has beyond ranvier's public modules: short names, and modules of older Kerases."""

from __future__ import annotations

import functools
import inspect
import math
from typing import Any

import ranvier

from ..faces import KERAS_VERSION

__all__ = ["ADDED", "Names", "additions"]

#: Modules to which something is added, or which only the face has.
ADDED = (
    "", "backend", "constraints", "engine.topology", "initializers", "layers", "losses", "metrics", "optimizers",
    "preprocessing", "preprocessing.image", "preprocessing.sequence", "preprocessing.text", "regularizers", "utils",
    "wrappers.scikit_learn",
)  # fmt: skip


class Names:
    """A few names with their values."""

    def __init__(self, doc: str, values: dict[str, Any]):
        self.__doc__, self.__all__ = doc, list(values)
        self.__dict__.update(values)


@functools.cache
def additions(path: str) -> Any:
    """What is added under this path: something with `__all__` and attributes, or None."""
    return _FROM_FILES[path]() if path in _FROM_FILES else _ALIASES[path]() if path in _ALIASES else None


# --- names in files of ours ------------------------------------------------------------------------------------------


def _backend() -> Any:
    from . import backend_functions

    return backend_functions


def _layers() -> Any:
    from . import older_layers

    return older_layers


def _image() -> Any:
    from . import image_generator, image_iterators, image_transforms

    parts = (image_generator, image_iterators, image_transforms)
    values = {name: getattr(part, name) for part in parts for name in part.__all__ if name != "image_paths"}
    return Names("Images in files and as arrays.", values)


def _sequence() -> Any:
    from . import sequences

    return sequences


def _text() -> Any:
    from . import text

    return text


def _scikit_learn() -> Any:
    ranvier.wrappers.SKLearnClassifier  # noqa: B018  says what to install where scikit-learn is absent
    from . import older_wrappers

    return older_wrappers


_FROM_FILES = {
    "backend": _backend, "layers": _layers, "preprocessing.image": _image, "preprocessing.sequence": _sequence,
    "preprocessing.text": _text, "wrappers.scikit_learn": _scikit_learn,
}  # fmt: skip


# --- other names for what ranvier has --------------------------------------------------------------------------------


def _root() -> Names:
    return Names("Keras's API on ranvier.", {"__version__": KERAS_VERSION, "version": lambda: KERAS_VERSION})


def _constraints() -> Names:
    c = ranvier.constraints
    return Names("Constraints.", {"maxnorm": c.MaxNorm, "nonneg": c.NonNeg, "unitnorm": c.UnitNorm})


def _topology() -> Names:
    names = ("Input", "InputSpec", "Layer", "Model", "Sequential")
    values = {name: getattr(ranvier, name) for name in names}
    return Names("What `keras.engine` held.", {**values, "InputLayer": ranvier.layers.InputLayer})


def _initializers() -> Names:
    i = ranvier.initializers
    return Names(
        "Initialisers.", {"normal": i.RandomNormal, "uniform": i.RandomUniform, "one": i.Ones, "zero": i.Zeros}
    )


def _losses() -> Names:
    reductions = Names("How losses are reduced.", _REDUCTIONS)
    return Names("Losses.", {**_short(ranvier.losses), "Reduction": reductions})


def _metrics() -> Names:
    return Names("Metrics.", _short(ranvier.losses))


def _optimizers() -> Names:
    names = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")
    return Names("Optimizers.", {name.lower(): getattr(ranvier.optimizers, name) for name in names})


def _regularizers() -> Names:
    return Names("Regularisers.", {"l1l2": ranvier.regularizers.L1L2})


def _utils() -> Names:
    def count_params(weights: Any) -> int:
        """The number of elements of a list of weights."""
        return sum(math.prod(weight.shape) for weight in {id(w): w for w in weights}.values())

    def print_summary(model: Any, *args: Any, **kwargs: Any) -> None:
        """`model.summary`."""
        model.summary(*args, **kwargs)

    plot = ranvier.utils.plot_model
    own = {"count_params": count_params, "plot": plot, "print_summary": print_summary}
    return Names("Helpers.", own | {name: _of_tensors(getattr(ranvier.utils, name)) for name in _MAKE_DATASETS})


def _preprocessing() -> Any:
    return Names("Data on its way in.", {name: getattr(additions("utils"), name) for name in _MAKE_DATASETS})


_MAKE_DATASETS = (
    "audio_dataset_from_directory", "image_dataset_from_directory", "text_dataset_from_directory", "timeseries_dataset_from_array",
)  # fmt: skip


def _of_tensors(function: Any) -> Any:
    """A function that makes datasets, as in Keras: they are ``tf.data``'s, and their elements tensors."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        from ..tensorflow.data.dataset import Dataset

        batches = inspect.signature(function).bind(*args, **kwargs).arguments.get("batch_size", 32) is not None
        made = function(*args, **kwargs)
        parts = [Dataset.of(part, batches) for part in (made if isinstance(made, (list, tuple)) else [made])]
        return type(made)(parts) if isinstance(made, (list, tuple)) else parts[0]

    return run


_ALIASES = {
    "": _root, "constraints": _constraints, "engine.topology": _topology, "initializers": _initializers, "losses": _losses,
    "metrics": _metrics, "optimizers": _optimizers, "preprocessing": _preprocessing, "regularizers": _regularizers,
    "utils": _utils,
}  # fmt: skip

_REDUCTIONS = {
    "AUTO": "sum_over_batch_size",
    "NONE": "none",
    "SUM": "sum",
    "SUM_OVER_BATCH_SIZE": "sum_over_batch_size",
}


def _short(losses: Any) -> dict[str, Any]:
    """The short names that ``tf.keras`` has for functions of predictions and targets."""
    full = {
        "mse": "mean_squared_error", "mae": "mean_absolute_error", "mape": "mean_absolute_percentage_error",
        "msle": "mean_squared_logarithmic_error", "kld": "kl_divergence",
    }  # fmt: skip
    found = {short: getattr(losses, name) for short, name in full.items()}
    found |= {short.upper(): function for short, function in found.items()}
    cosine, log_cosh = losses.cosine_similarity, losses.log_cosh
    return found | {
        "kullback_leibler_divergence": losses.kl_divergence, "logcosh": log_cosh, "log_cosh": log_cosh,
        "cosine_similarity": cosine, "cosine_proximity": cosine, "cosine": cosine,
    }  # fmt: skip
