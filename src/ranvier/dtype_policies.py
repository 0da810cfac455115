"""`keras.dtype_policies`: in which dtypes layers keep weights and compute."""

from __future__ import annotations

from typing import Any

from .core.dtype_policy_map import DTypePolicyMap
from .core.dtypes import DTypePolicy, FloatDTypePolicy
from .core.dtypes import get_policy as get

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The policy in Keras's JSON spelling."""
    from .core import serialization

    return serialization.serialize(dtype_policy)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> DTypePolicy:
    """The policy that `serialize` described."""
    return get(config)
