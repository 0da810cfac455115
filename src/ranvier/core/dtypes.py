"""Names of dtypes, and the policies that say in which dtype a layer keeps its weights and computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import settings
from .collector import collector_at_rest
from .errors import ArgumentError

with collector_at_rest():  # of all modules this one is imported first, so JAX is imported here
    import jax.numpy as jnp

__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "dtype_policy",
    "get_policy",
    "is_float",
    "result_dtype",
    "set_dtype_policy",
    "standardize_dtype",
]

_ALLOWED = {
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "float32", "float64", "complex64", "complex128", "string",
}  # fmt: skip
_PYTHON_TYPES = {bool: "bool", int: "int32", str: "string"}
_ALIASES = {
    "half": "float16",
    "float": "float32",
    "single": "float32",
    "double": "float64",
    "int": "int32",
    "str": "string",
}


def standardize_dtype(dtype: Any) -> str:
    """The canonical name of a dtype given as a string, type, NumPy or JAX dtype; None means `floatx()`.

    >>> standardize_dtype(np.float32)
    'float32'
    """
    if dtype is None:
        return settings.floatx()
    if dtype is float:
        return settings.floatx()
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    if isinstance(dtype, str):
        name = _ALIASES.get(dtype, dtype)
    else:
        name = getattr(dtype, "name", None) or str(dtype)
        if not isinstance(name, str) or name not in _ALLOWED:
            try:
                name = jnp.dtype(dtype).name
            except TypeError:
                name = str(dtype)
    if name not in _ALLOWED:
        raise ArgumentError(f"dtype must name a tensor type such as 'float32' or 'int32'. Received: dtype={dtype!r}")
    return name


def is_float(dtype: Any) -> bool:
    """Whether the dtype is a (real) floating-point one."""
    return "float" in standardize_dtype(dtype)


def result_dtype(*dtypes: Any) -> str:
    """The dtype that arithmetic between these dtypes gives, by JAX's promotion rules.

    >>> result_dtype("bfloat16", "float32")
    'float32'
    """
    return standardize_dtype(jnp.promote_types(*dtypes) if len(dtypes) == 2 else jnp.result_type(*dtypes))


class DTypePolicy:
    """In which dtype weights are kept (`variable_dtype`) and work is done (`compute_dtype`).

    Args:
        name: ``"float32"``, ``"bfloat16"``, ``"float16"``, ``"float64"`` and the other dtypes, or
            ``"mixed_float16"`` and ``"mixed_bfloat16"``: compute in 16 bits, keep weights in float32
            (Micikevicius et al., 2018, *Mixed Precision Training*). None: the global policy's name.
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise ArgumentError(
                f"A dtype policy's name must be a string such as 'mixed_bfloat16'. Received: name={name!r}"
            )
        self._name = name
        if name.startswith("mixed_"):
            if name not in ("mixed_float16", "mixed_bfloat16"):
                raise ArgumentError(f"Mixed policies are 'mixed_float16' and 'mixed_bfloat16'. Received: name={name!r}")
            self._compute_dtype, self._variable_dtype = name[len("mixed_") :], "float32"
        else:
            self._compute_dtype = self._variable_dtype = standardize_dtype(name)
        if self._compute_dtype == "float64":
            settings.enable_float64()

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer computes and to which it casts float inputs."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype in which the layer keeps its weights."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """None: this policy does not quantise."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """`x` as a tensor, floats cast to `dtype` when `autocast` is on."""
        dtype = standardize_dtype(dtype)
        if hasattr(x, "dtype") and hasattr(x, "shape"):
            if autocast and is_float(x.dtype) and standardize_dtype(x.dtype) != dtype:
                return x.astype(dtype) if hasattr(x, "astype") else jnp.asarray(x, dtype)
            return jnp.asarray(x) if isinstance(x, np.ndarray) else x
        return jnp.asarray(x, dtype if isinstance(x, float) else None)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal policy."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy that `get_config` described."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._name == other._name  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._name))

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self._name}">'


FloatDTypePolicy = DTypePolicy

_policy: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """The global policy: what `set_dtype_policy` set, or plain `floatx()`."""
    return _policy or DTypePolicy(settings.floatx())


def set_dtype_policy(policy: str | DTypePolicy | None) -> None:
    """Set the policy of layers made from now on; None goes back to `floatx()`."""
    global _policy
    _policy = None if policy is None else get_policy(policy)


def get_policy(identifier: Any) -> DTypePolicy:
    """A policy from a policy, its name, a dtype, its config, or None for the global one."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        if identifier.get("class_name") not in (None, "DTypePolicy", "FloatDTypePolicy"):
            from . import serialization  # which knows the classes of policies, and therefore imports this module

            return serialization.deserialize(identifier, only=DTypePolicy)
        config = identifier.get("config", identifier)
        return DTypePolicy(**config)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(standardize_dtype(identifier))
