"""Scopes that programs open themselves: stateless and symbolic ones, names, and where arrays are placed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from . import names, pure
from .errors import ArgumentError, ShapeError
from .variables import Variable

__all__ = ["StatelessScope", "SymbolicScope", "device", "name_scope"]


class _Opened(pure.Scope):
    """A scope for `with`: any variable can be read, assignments stay inside."""

    def __init__(self) -> None:
        super().__init__(closed=False)
        self._open: list[contextlib.AbstractContextManager[Any]] = []

    def __enter__(self) -> Any:
        self._open.append(pure.scope(self))
        self._open[-1].__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._open.pop().__exit__(*exception)


class StatelessScope(_Opened):
    """Within it, variables have the values that a mapping gives, and keep to the scope what they are assigned.

    Args:
        state_mapping: pairs ``(variable, value)``; other variables have their own values.
        collect_losses: whether `losses` gathers what layers add by `add_loss`.
        initialize_variables: accepted; variables made within have their first values at once.

    Attributes:
        losses: what was added.

    Raises:
        ArgumentError: something that is not a variable.
        ShapeError: a value of another shape than its variable.

    >>> v = Variable(2.0, name="v")
    >>> with StatelessScope([(v, 5.0)]) as scope:
    ...     _ = v.assign_add(1.0)
    >>> float(scope.get_current_value(v)), float(v)
    (6.0, 2.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        super().__init__()
        self.collect_losses = bool(collect_losses)
        self.initialize_variables = bool(initialize_variables)
        self.losses: list[Any] = []
        self._held: list[Variable] = []  # so that their ids stay theirs
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise ArgumentError(f"state_mapping pairs variables with values. Received: {variable!r}")
            if tuple(np.shape(value)) != variable.shape:
                raise ShapeError(
                    f"The value for variable '{variable.path}' must have its shape {variable.shape}. Received: shape "
                    f"{tuple(np.shape(value))}"
                )
            self.assign(variable, jax.numpy.asarray(value, variable.dtype))

    def assign(self, variable: Variable, value: Any) -> None:
        """Give `variable` a value within the scope."""
        self._held.append(variable)
        super().assign(variable, value)

    def get_current_value(self, variable: Variable) -> Any:
        """The value that `variable` was given here, None if it was given none."""
        return self.values.get(id(variable))

    def add_loss(self, loss: Any) -> None:
        """Put a loss with `losses`."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Give a variable a value: a pair ``(variable, value)``."""
        self.assign(*update)


class SymbolicScope(_Opened):
    """Within it, layers can be called on symbolic tensors or traced, and no variable changes.

    >>> v = Variable(1.0)
    >>> with SymbolicScope():
    ...     _ = v.assign(3.0)
    >>> float(v)
    1.0
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()


class name_scope:  # noqa: N801  Keras's name
    """Within it, the paths of new variables begin with `name`.

    Args:
        name: a string without slashes.
        **kwargs: `caller` is accepted.

    >>> with name_scope("outer"):
    ...     path = Variable(0.0, name="v").path
    >>> path
    'outer/v'
    """

    def __init__(self, name: str, **kwargs: Any):
        if not isinstance(name, str) or "/" in name:
            raise ArgumentError(f"name must be a string without '/'. Received: name={name!r}")
        if set(kwargs) - {"caller"}:
            raise TypeError(f"name_scope has no argument {', '.join(map(repr, set(kwargs) - {'caller'}))}.")
        self.name = name
        self._open: list[contextlib.AbstractContextManager[Any]] = []

    def __enter__(self) -> name_scope:
        self._open.append(names.name_scope(self.name) if self.name else contextlib.nullcontext())
        self._open[-1].__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._open.pop().__exit__(*exception)


def device(device_name: Any) -> contextlib.AbstractContextManager[Any]:
    """A scope in which new arrays and variables are placed on one device.

    Args:
        device_name: such as ``"cpu"``, ``"gpu:0"`` or ``"tpu:1"``, or a `jax.Device`.

    Raises:
        ArgumentError: there is no such device.

    >>> with device("cpu:0"):
    ...     v = Variable(1.0)
    """
    if isinstance(device_name, jax.Device):
        return jax.default_device(device_name)
    if not isinstance(device_name, str):
        raise ArgumentError(
            f"device_name must be a string such as 'gpu:0', or a jax.Device. Received: device_name={device_name!r}"
        )
    platform, _, number = device_name.lower().partition(":")
    try:
        found = jax.devices({"cuda": "gpu"}.get(platform, platform))
    except RuntimeError:
        found = []
    index = int(number) if number.isdigit() else 0 if not number else -1
    if not 0 <= index < len(found):
        known = ", ".join(f"{d.platform}:{d.id}" for d in jax.devices())
        raise ArgumentError(f"There is no device {device_name!r}. The devices are: {known}")
    return jax.default_device(found[index])
