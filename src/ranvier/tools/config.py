"""`Config`: named values that can be frozen."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from ..core.errors import ArgumentError

__all__ = ["Config"]


class Config:
    """Named values, as attributes and as entries.

    Args:
        **kwargs: the first values.

    Raises:
        ArgumentError: a change after `freeze`.

    >>> config = Config(learning_rate=0.1)
    >>> config.momentum = 0.9
    >>> config["momentum"], config
    (0.9, <Config {'learning_rate': 0.1, 'momentum': 0.9}>)
    """

    _values: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_values", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self.__dict__.get("_values", ()):
            raise AttributeError(f"This Config has no value {name!r}.")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._values:
            raise AttributeError(f"This Config has no value {name!r}.")
        del self[name]

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._changeable()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._changeable()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def _changeable(self) -> dict[str, Any]:
        if self._frozen:
            raise ArgumentError("This Config is frozen, so its values cannot change. Call unfreeze() first.")
        return self._values

    @property
    def frozen(self) -> bool:
        """Whether values cannot change."""
        return self._frozen

    def freeze(self) -> None:
        """Let no value change from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Let values change again."""
        object.__setattr__(self, "_frozen", False)

    def get(self, keyname: str, value: Any = None) -> Any:
        """The value of that name, or `value` where there is none."""
        return self._values.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Take a value out: ``pop(name)``, or ``pop(name, default)``."""
        return self._changeable().pop(*args)

    def update(self, *args: Mapping[str, Any], **kwargs: Any) -> None:
        """Set several values, from a mapping, by name, or both."""
        self._changeable().update(*args, **kwargs)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and value."""
        return self._values.items()

    def as_dict(self) -> dict[str, Any]:
        """The values as a dict of their own."""
        return dict(self._values)

    def to_json(self) -> str:
        """The values as JSON text; a `Config` among them as an object.

        Raises:
            TypeError: a value that JSON cannot hold.
        """
        return json.dumps(self._values, default=_as_json)


def _as_json(value: Any) -> Any:
    if isinstance(value, Config):
        return value.as_dict()
    raise TypeError(f"JSON cannot hold {value!r} of type {type(value).__name__}.")
