"""What the face of Keras has beyond ranvier's public modules: short names, and modules of older Kerases."""

from __future__ import annotations

import functools
from typing import Any

from ..faces import KERAS_VERSION

__all__ = ["ADDED", "Names", "additions"]

#: Modules to which something is added, or which only the face has.
ADDED = (
    "", "backend", "engine.topology", "losses", "metrics",
)  # fmt: skip


class Names:
    """A few names with their values, under what documentation shows of them."""

    def __init__(self, doc: str, values: dict[str, Any]):
        self.__doc__, self.__all__ = doc, list(values)
        self.__dict__.update(values)


@functools.cache
def additions(path: str) -> Any:
    """What is added under this path: something with `__all__` and attributes, or None."""
    import ranvier

    match path:
        case "":
            return Names("Keras's API on ranvier.", {"__version__": KERAS_VERSION, "version": lambda: KERAS_VERSION})
        case "backend":
            from . import backend_functions

            return backend_functions
        case "engine.topology":
            names = ("Input", "InputSpec", "Layer", "Model", "Sequential")
            values = {name: getattr(ranvier, name) for name in names}
            return Names("What `keras.engine` held.", {**values, "InputLayer": ranvier.layers.InputLayer})
        case "losses":
            return Names(
                "Losses.", {**_short(ranvier.losses), "Reduction": Names("How losses are reduced.", _REDUCTIONS)}
            )
        case "metrics":
            return Names("Metrics.", _short(ranvier.losses))
    return None


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
