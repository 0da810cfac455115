"""What callbacks know in the middle of a run, as plain data that a checkpoint can hold."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import numpy as np

from ..core.errors import RanvierWarning
from ..core.tracebacks import outside
from ..files.plain import NotPlainError, pack

__all__ = ["CallbackStates"]

_GIVEN = {"params", "_params", "model", "_model"}  # by `fit`, to every callback


class CallbackStates:
    """The states of a run's callbacks, by class and count.

    A callback with methods ``get_state() → plain data`` and ``set_state(state)`` is asked. Of any other, the state is
    the attributes that hold plain data and have changed since the run began; so what its constructor was given comes
    from the program, also when that has been edited.

    Args:
        callbacks: the run's callbacks, after their `on_train_begin`.
    """

    def __init__(self, callbacks: Iterable[Any]):
        counts: Counter[str] = Counter()
        self._callbacks: dict[str, Any] = {}
        for callback in callbacks:
            kind = type(callback).__name__
            self._callbacks[f"{kind}/{counts[kind]}"] = callback
            counts[kind] += 1
        self._at_first = {n: {k: _image(v) for k, v in _plain(c).items()} for n, c in self._callbacks.items()}

    def get(self) -> dict[str, Any]:
        """The states now."""
        return {name: self._one(name, callback) for name, callback in self._callbacks.items()}

    def _one(self, name: str, callback: Any) -> Any:
        if _asked(callback):
            state = callback.get_state()
            try:
                pack(state, [])
            except NotPlainError as error:
                raise NotPlainError(f"get_state() of the callback {name.partition('/')[0]}: {error}") from None
            return state
        first = self._at_first[name]
        return {key: value for key, value in _plain(callback).items() if first.get(key) != _image(value)}

    def set(self, states: dict[str, Any]) -> None:
        """Give states back to the callbacks that they came from."""
        for name, state in states.items():
            callback = self._callbacks.get(name)
            if callback is None:
                if state:
                    warnings.warn(
                        f"The checkpoint has the state of a callback {name.partition('/')[0]}, which this run does not "
                        "have.",
                        RanvierWarning,
                        stacklevel=outside(),
                    )
            elif _asked(callback):
                callback.set_state(state)
            else:
                for key, value in state.items():
                    _put(callback, key, value)


def _asked(callback: Any) -> bool:
    return callable(getattr(callback, "get_state", None)) and callable(getattr(callback, "set_state", None))


def _plain(callback: Any) -> dict[str, Any]:
    """The attributes that hold plain data."""
    found = {}
    for name, value in getattr(callback, "__dict__", {}).items() if not _asked(callback) else ():
        if name in _GIVEN:
            continue
        try:
            pack(value, [])
        except (NotPlainError, RecursionError):
            continue
        found[name] = value
    return found


def _image(value: Any) -> Any:
    """Something that equals another's image exactly when the values are the same bits."""
    arrays: list[np.ndarray] = []
    return pack(value, arrays), [(array.shape, array.dtype, sha256(array.tobytes()).digest()) for array in arrays]


def _put(callback: Any, name: str, value: Any) -> None:
    """Set an attribute; a container that is there already is filled anew, since others may hold it too."""
    present = callback.__dict__.get(name)
    if type(present) is list and type(value) is list:
        present[:] = value
    elif type(present) is dict and type(value) is dict:
        present.clear()
        present.update(value)
    elif isinstance(present, np.random.Generator) and isinstance(value, np.random.Generator):
        present.bit_generator.state = value.bit_generator.state
    else:
        setattr(callback, name, value)
