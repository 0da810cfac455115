"""``tf.data``: `Dataset`, over the steps of `ranvier.data.Dataset`."""

from . import experimental
from .dataset import Dataset, Options, TextLineDataset

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "Options",
    "TextLineDataset",
    "experimental",
]

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


def __getattr__(name: str) -> object:
    from ..absent import absence

    raise AttributeError(absence("data", name, __all__))
