"""Signatures are the configuration: `get_config` and `from_config` for every class, from its `__init__`.

The explicit parameters of `__init__`, along the bases that it passes `**kwargs` to, are the configuration.
Classes of ranvier keep each one as an attribute of the same name, which is what `get_config` reads; for classes
of others the arguments as given are remembered, since their attributes may mean something else. A class that writes
a `get_config` of its own adds its arguments itself: `super().get_config()` has those of ranvier's class below it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from . import budgets, ownership, serialization, shared_objects
from .argument_names import check_names

__all__ = ["Configurable"]


class Configurable:
    """Base of everything that is described by its constructor's arguments."""

    #: The module under which Keras's files know the class.
    keras_module: ClassVar[str] = "keras"
    #: Parameters that the configuration leaves out where they are None.
    config_optional: ClassVar[frozenset[str]] = frozenset()
    #: Parameters that Keras's own configs leave out; held only where they differ from the default, so that nothing is
    #: lost and configs are Keras's otherwise.
    config_if_changed: ClassVar[frozenset[str]] = frozenset()
    #: Parameters that the configuration never holds.
    config_excluded: ClassVar[frozenset[str]] = frozenset()

    _given: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        budgets.charge_objects(f"A {cls.__name__}")
        if kwargs:
            check_names(cls, kwargs, serialization.is_builtin)
        self = super().__new__(cls)
        placed = _signature(cls).bind_partial(None, *args).arguments if args else {}
        given = {k: v for k, v in (*placed.items(), *kwargs.items()) if k in _parameters(cls)}
        object.__setattr__(self, "_given", given)
        object.__setattr__(self, "_made_as_number", ownership.numbered())
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        serialization.register_builtin(cls)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, nested objects in their serialised spelling."""
        return shared_objects.whole(lambda: {name: serialization.config_value(v) for name, v in self._config_items()})

    def _config_items(self) -> Iterator[tuple[str, Any]]:
        """What the configuration holds, as it is."""
        for name, declared_by in _described(type(self)).items():
            if name in self.config_excluded:
                continue
            value = self._config_value(name, declared_by)
            if value is None and name in self.config_optional:
                continue
            if name in self.config_if_changed and value == _default(declared_by, name):
                continue
            yield name, value

    def _config_value(self, name: str, declared_by: type) -> Any:
        """The present value of constructor argument `name`."""
        if serialization.is_builtin(declared_by) and hasattr(self, name):
            return getattr(self, name)
        if name in self._given:
            return self._given[name]
        return _default(declared_by, name)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """An object with the configuration that `get_config` gave."""
        unasked = _described(cls).keys() - _parameters(cls).keys()  # of a base, and settled by the constructor
        return cls(**serialization.deserialize_nested({k: v for k, v in config.items() if k not in unasked}))


def _default(declared_by: type, name: str) -> Any:
    default = inspect.signature(declared_by.__init__).parameters[name].default
    return None if default is inspect.Parameter.empty else default


@functools.cache
def _signature(cls: type) -> inspect.Signature:
    return inspect.signature(cls.__init__)


@functools.cache
def _described(cls: type) -> dict[str, type]:
    """The parameters that the configuration of `cls` holds before its own `get_config`, if it has one, adds others."""
    found = _parameters(cls)
    writer = next(base for base in cls.__mro__ if "get_config" in vars(base))
    if serialization.is_builtin(writer):
        return found
    ours = _parameters(next(base for base in cls.__mro__ if serialization.is_builtin(base)))
    written = _parameters(writer)
    return {**{name: declared for name, declared in found.items() if name not in written}, **ours}


@functools.cache
def _parameters(cls: type) -> dict[str, type]:
    """Names of the explicit parameters along the bases, each with the class that declares it."""
    found: dict[str, type] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                found.setdefault(parameter.name, base)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found
