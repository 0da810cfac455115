"""Automatic names: `Dense` becomes "dense", then "dense_1", counted per process until `clear_session()`."""

from __future__ import annotations

import contextlib
import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from .errors import ArgumentError

__all__ = [
    "auto_name", "by_path", "clear_names", "count_name", "counted_anew", "current_path", "name_scope", "snake_case",
]  # fmt: skip

_counts: Counter[str] = Counter()
_scopes: ContextVar[tuple[str, ...]] = ContextVar("name_scopes", default=())


@functools.cache
def snake_case(name: str) -> str:
    """``"BatchNormalization"`` → ``"batch_normalization"``, ``"Conv2D"`` → ``"conv2d"``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def by_path(table: Mapping[str, Any], path: str, default: Any) -> Any:
    """What a table holds for a path: under the path itself, or under the one regular expression that matches all of it.

    Raises:
        ArgumentError: several expressions match.

    >>> by_path({"encoder/.*": 1, "head": 2}, "encoder/dense", 0), by_path({"head": 2}, "encoder", 0)
    (1, 0)
    """
    if path in table:
        return table[path]
    matching = [pattern for pattern in table if re.fullmatch(pattern, path)]
    if len(matching) > 1:
        raise ArgumentError(f"The path {path!r} matches several keys of the map: {matching}. It may match one only.")
    return table[matching[0]] if matching else default


def auto_name(prefix: str) -> str:
    """`prefix` the first time it is asked for, then ``prefix_1``, ``prefix_2`` …"""
    prefix = snake_case(prefix)
    count = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def clear_names() -> None:
    """Start counting automatic names from the beginning again."""
    _counts.clear()


@contextlib.contextmanager
def counted_anew() -> Iterator[None]:
    """Within it, automatic names begin from the beginning; afterwards they go on as if nothing had been named."""
    before = Counter(_counts)
    _counts.clear()
    try:
        yield
    finally:
        _counts.clear()
        _counts.update(before)


@contextlib.contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Within it, new variables' paths begin with `name`."""
    token = _scopes.set((*_scopes.get(), name))
    try:
        yield
    finally:
        _scopes.reset(token)


def current_path() -> str:
    """The names of the open scopes, joined by slashes."""
    return "/".join(_scopes.get())


def count_name(prefix: str) -> int:
    """How often `prefix` has been asked for, this time included."""
    _counts[prefix] += 1
    return _counts[prefix]
