"""Floor 2: how weights begin."""

from __future__ import annotations

from typing import Any

from ..core import serialization
from ..core.names import snake_case
from ..core.variables import named_initializers
from .base import Initializer, RandomInitializer
from .constants import STFT, Constant, Identity, Ones, Zeros
from .random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

__all__ = [
    "STFT", "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomInitializer",
    "RandomNormal", "RandomUniform", "STFTInitializer", "TruncatedNormal", "VarianceScaling", "Zeros", "constant",
    "deserialize", "get", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft", "truncated_normal",
    "variance_scaling", "zeros",
]  # fmt: skip

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant, identity, ones, zeros, stft = Constant, Identity, Ones, Zeros, STFT
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, orthogonal = LecunNormal, LecunUniform, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling

_CLASSES = (
    Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones, Orthogonal,
    RandomNormal, RandomUniform, STFT, TruncatedNormal, VarianceScaling, Zeros,
)  # fmt: skip
_TABLE: dict[str, Any] = {name: cls for cls in _CLASSES for name in (cls.__name__, snake_case(cls.__name__))}
_TABLE |= {
    "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT, "stft": STFT,
    "one": Ones, "zero": Zeros, "uniform": RandomUniform, "normal": RandomNormal,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """The initialiser for a name, an object, a class, a config, an array or a callable; None stays None.

    >>> get("he_normal").get_config()["seed"] is None
    True
    """
    if hasattr(identifier, "shape") and hasattr(identifier, "dtype") and not callable(identifier):
        return lambda shape, dtype=None: identifier
    return serialization.resolve(identifier, Initializer, _TABLE, "initializer")


named_initializers[:] = [get]


def serialize(initializer: Any) -> Any:
    """The initialiser in Keras's JSON spelling."""
    return serialization.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initialiser that `serialize` described."""
    with serialization.custom_object_scope(custom_objects or {}):
        return get(config)
