"""Checks of layers' arguments, with errors that name the layer, the argument and what came."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from ..core.errors import ArgumentError, ArgumentTypeError

__all__ = ["per_axis", "positive", "rate_between", "refuse_lora"]


def positive(layer: str, name: str, value: Any, least: int = 1) -> int:
    """`value` as an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"{layer}: {name} must be an integer. Received: {name}={value!r}")
    if value < least:
        raise ArgumentError(f"{layer}: {name} must be at least {least}. Received: {name}={value!r}")
    return int(value)


def per_axis(layer: str, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """`value` as one int for each of `rank` axes; a single int stands for all."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank:
        raise ArgumentError(f"{layer}: {name} must be an integer or {rank} of them. Received: {name}={value!r}")
    return tuple(positive(layer, name, v, least) for v in values)


def rate_between(layer: str, name: str, value: Any) -> float:
    """`value`, refused unless it lies in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ArgumentError(f"{layer}: {name} must be a number from 0 to 1. Received: {name}={value!r}")
    return value


def refuse_lora(layer: str, rank: Any, alpha: Any) -> None:
    """Refuse low-rank updates, which Keras's signatures hold."""
    if rank is not None or alpha is not None:
        raise ArgumentError(
            f"{layer}: layers hold no low-rank updates; lora_rank and lora_alpha must be None. Received: "
            f"lora_rank={rank!r}, lora_alpha={alpha!r}"
        )
