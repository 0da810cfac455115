"""Objects that stand at several places of one configuration, and are one object again when it is read.

Keras marks them in its files by `shared_object_id`. Here whatever is described within one `whole` gets a number, and
the numbers of those that turn out to stand there once are taken away again.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

__all__ = [
    "Copies",
    "called",
    "calls_before",
    "made_before",
    "marked",
    "reading",
    "remember",
    "unmarked_twins",
    "whole",
]

_KEY = "shared_object_id"
_T = TypeVar("_T")


class _Writer:
    """The objects of one configuration, with their numbers; and how often a reader will have called each layer."""

    def __init__(self, in_file: bool = False):
        self.in_file = in_file
        self.numbers: dict[int, tuple[Any, int]] = {}  # with the object, so that no other one takes its identity
        self.calls: Counter[int] = Counter()

    def number(self, thing: Any) -> int:
        return self.numbers.setdefault(id(thing), (thing, len(self.numbers) + 1))[1]


_writer: ContextVar[_Writer | None] = ContextVar("writer", default=None)
_made: ContextVar[dict[int, Any] | None] = ContextVar("made", default=None)


@contextlib.contextmanager
def _set(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def whole(describe: Callable[[], _T], in_file: bool = False) -> _T:
    """What `describe` gives, in which objects that stand there several times are marked as the same.

    Args:
        describe: makes the configuration; a `whole` inside is part of this one.
        in_file: whether Keras will read it with an eye on the marks.
    """
    if _writer.get() is not None:
        return describe()
    with _set(_writer, _Writer(in_file)):
        described = describe()
    found = list(_descriptions(described))
    times = Counter(one.get(_KEY) for one in found)
    for one in found:
        if times[one.get(_KEY)] == 1:
            one.pop(_KEY, None)
    return described


def _descriptions(value: Any) -> Iterator[dict[str, Any]]:
    """The dicts inside that describe objects, in the order in which they stand there; each dict once."""
    seen: set[int] = set()
    left = [value]
    while left:
        value = left.pop()
        if not isinstance(value, (dict, list, tuple)) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict) and "class_name" in value:
            yield value
        left.extend(reversed(list(value.values() if isinstance(value, dict) else value)))


def marked(thing: Any, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The description of `thing` with its number."""
    writer = _writer.get()
    if writer is None:
        return describe()
    again, calls = id(thing) in writer.numbers, writer.calls.copy()
    number = writer.number(thing)
    described = {**describe(), _KEY: number}
    if again:  # a reader makes it once
        writer.calls = calls
    return described


def called(operation: Any, times: int = 1) -> None:
    """Count the calls that the reader of what was described so far makes."""
    if (writer := _writer.get()) is not None:
        writer.calls[id(operation)] += times


def calls_before(operation: Any) -> int:
    """How many calls of `operation` Keras will have made before those that a graph's configuration tells next."""
    writer = _writer.get()
    return writer.calls[id(operation)] if writer is not None and writer.in_file else 0


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Within it, descriptions with the same mark give one object; a `reading` inside is part of this one."""
    with contextlib.nullcontext() if _made.get() is not None else _set(_made, {}):
        yield


def made_before(described: dict[str, Any]) -> Any:
    """The object that was made from a description with this mark, or None."""
    number, made = described.get(_KEY), _made.get()
    return made.get(number) if made is not None and isinstance(number, int) else None


def remember(described: dict[str, Any], thing: Any) -> None:
    """Keep what was made for the next description with its mark."""
    number, made = described.get(_KEY), _made.get()
    if made is not None and isinstance(number, int):
        made[number] = thing


def unmarked_twins(config: Any) -> None:
    """Mark the first description of a shared layer as the others are; in Keras's files its mark can be missing."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for one in _descriptions(config):
        inner = one.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(name, str) or not isinstance(one["class_name"], str):
            continue
        twin = first.setdefault((one["class_name"], name), one)
        if isinstance(number := one.get(_KEY), int) and _KEY not in twin and _plain(twin["config"]) == _plain(inner):
            twin[_KEY] = number


def _plain(value: Any) -> Any:
    """A configuration without marks."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k != _KEY}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


class Copies:
    """Copies of objects by their configurations, of which one object's is always the same."""

    def __init__(self) -> None:
        self._writer = _Writer()
        self._made: dict[int, Any] = {}

    def of(self, thing: Any, describe: Callable[[Any], Any], make: Callable[[Any], Any]) -> Any:
        """The copy of `thing`, made from what `describe` gives for it unless there is one."""
        number = self._writer.number(thing)
        if number not in self._made:
            with _set(_writer, self._writer):
                config = describe(thing)
            with _set(_writer, None), _set(_made, self._made):
                self._made[number] = make(config)
        return self._made[number]
