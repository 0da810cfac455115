"""What a call of `fit`, `evaluate` or `predict` asks for, checked once before anything runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from ..core.errors import ArgumentError, ArgumentTypeError
from .limits import limited_epochs

__all__ = ["TrainingSpec", "check_count", "check_verbose"]


def check_count(name: str, value: Any, *, least: int = 1, optional: bool = True) -> int | None:
    """`value` as an int of at least `least` (or None where `optional`)."""
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")
    if value < least:
        raise ArgumentError(f"{name} must be at least {least}. Received: {name}={value!r}")
    return int(value)


def check_verbose(value: Any) -> int:
    """0, 1 or 2; "auto" means 1."""
    if value == "auto":
        return 1
    if value not in (0, 1, 2, True, False):
        raise ArgumentError(
            f"verbose must be 'auto', 0 (silent), 1 (bar) or 2 (a line per epoch). Received: verbose={value!r}"
        )
    return int(value)


@dataclass(frozen=True)
class TrainingSpec:
    """The schedule of a `fit`.

    Args:
        epochs: the epoch to stop before.
        initial_epoch: the epoch to start with.
        verbose: 0, 1 or 2.
        validation_freq: validate every so many epochs, or after the epochs in a collection (counted from 1).
    """

    epochs: int
    initial_epoch: int
    verbose: int
    validation_freq: int | frozenset[int]

    @classmethod
    def check(cls, epochs: Any, initial_epoch: Any, verbose: Any, validation_freq: Any, shuffle: Any) -> TrainingSpec:
        """The spec for these arguments of `fit`, refused if they make no sense."""
        epochs = check_count("epochs", epochs, optional=False)
        initial_epoch = check_count("initial_epoch", initial_epoch, least=0, optional=False)
        if isinstance(validation_freq, Collection) and not isinstance(validation_freq, str):
            validation_freq = frozenset(int(check_count("validation_freq", v) or 0) for v in validation_freq)
        else:
            validation_freq = check_count("validation_freq", validation_freq, optional=False)
        if shuffle not in (True, False, "batch"):
            raise ArgumentError(f"shuffle must be True, False or 'batch'. Received: shuffle={shuffle!r}")
        return cls(limited_epochs(epochs), initial_epoch, check_verbose(verbose), validation_freq)  # type: ignore[arg-type]

    def validates(self, epoch: int) -> bool:
        """Whether validation follows `epoch` (counted from 0)."""
        if isinstance(self.validation_freq, frozenset):
            return epoch + 1 in self.validation_freq
        return (epoch + 1) % self.validation_freq == 0
