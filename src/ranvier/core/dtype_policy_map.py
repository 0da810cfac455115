"""`DTypePolicyMap`: a dtype policy for each layer of a model, by the layers' paths."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from .dtypes import DTypePolicy, dtype_policy, get_policy
from .errors import ArgumentError, ArgumentTypeError
from .names import by_path
from .serialization import register_builtin, serialize

__all__ = ["DTypePolicyMap"]


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by layer paths: give it as the `dtype` of a model's or layer's parts.

    Args:
        default_policy: for paths that no key matches; None: the global policy.
        policy_map: dict from keys to policies. A key is a path such as ``"model/dense"``, or a pattern that matches
            whole paths.

    Raises:
        ArgumentTypeError: `policy_map` is no dict.
        ArgumentError: a key that is there already, or a path that several patterns match.

    >>> policies = DTypePolicyMap("float32", {"model/dense.*": DTypePolicy("mixed_bfloat16")})
    >>> policies["model/dense_1"].name, policies["model/output"].name
    ('mixed_bfloat16', 'float32')
    """

    keras_module = "keras.dtype_policies"

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None):
        if policy_map is not None and not isinstance(policy_map, dict):
            raise ArgumentTypeError(
                f"policy_map must be a dict. Received: policy_map={policy_map!r} of type {type(policy_map).__name__}"
            )
        self._default = None if default_policy is None else get_policy(default_policy)
        self._map: dict[str, DTypePolicy] = {}
        for key, policy in (policy_map or {}).items():
            self[key] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy for paths that no key matches."""
        return self._default or dtype_policy()

    @property
    def name(self) -> str:
        """``"map_"`` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The default policy's."""
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The default policy's."""
        return self.default_policy.quantization_mode

    def __getitem__(self, key: str) -> DTypePolicy:
        return by_path(self._map, key, self.default_policy)

    def __setitem__(self, key: str, policy: Any) -> None:
        if not isinstance(key, str):
            raise ArgumentTypeError(f"Keys of a DTypePolicyMap are paths of layers. Received: {key!r}")
        if key in self._map:
            raise ArgumentError(f"{key!r} is in the map already, with {self._map[key]!r}. Delete it first.")
        self._map[key] = get_policy(policy)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def get_config(self) -> dict[str, Any]:
        """The default policy (None: the global one) and the map, in their serialised spelling."""
        return {
            "default_policy": None if self._default is None else serialize(self._default),
            "policy_map": {key: serialize(policy) for key, policy in self._map.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> DTypePolicyMap:
        """The map that `get_config` described."""
        return cls(
            config.get("default_policy"), {k: get_policy(v) for k, v in (config.get("policy_map") or {}).items()}
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DTypePolicyMap):
            return False
        return self._default == other._default and self._map == other._map

    __hash__ = object.__hash__  # type: ignore[assignment]  # it changes: by identity

    def __bool__(self) -> bool:
        return True  # empty or not, it is a policy

    def __repr__(self) -> str:
        mapping = [(key, policy.name) for key, policy in self._map.items()]
        return f"<DTypePolicyMap default_policy={self.default_policy.name}, mapping={mapping}>"


register_builtin(DTypePolicyMap)
