"""Which of a file's weights go into which of a model's layers, and the report of it.

Everything is compared before anything is assigned: a file that does not fit leaves the model as it was.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import math
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.budgets import loading
from ..core.errors import SerializationError, ShapeError
from ..core.variables import Variable
from .checksums import checksum
from .hdf5 import array_of, checked, dtype_of

__all__ = ["LoadReport", "Stored", "Wanted", "load", "verify"]

_SHOWN = 10  # lines of each kind
_LARGE = 1 << 20  # bytes; what is worth another thread


@dataclass
class LoadReport:
    """What a loading of weights took from a file, and what it did not. Its text is for people.

    Attributes:
        target: the model or layer that was filled.
        source: the file.
        taken: paths of the variables that have the file's values now.
        skipped: paths of variables that the file holds but that do not fit, with the reasons.
        missing: paths of variables that the file does not hold.
        unused: places in the file that hold weights nothing asked for.

    >>> print(LoadReport("net", "a.keras", taken=["net/a/kernel"], missing=["net/b/kernel"]))
    net: 1 of 2 weights taken from 'a.keras'
      missing  net/b/kernel: not in the file
    """

    target: str
    source: str
    taken: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every weight has the file's value now."""
        return not self.skipped and not self.missing

    def __str__(self) -> str:
        total = len(self.taken) + len(self.skipped) + len(self.missing)
        lines = [f"{self.target}: {len(self.taken)} of {total} weights taken from {self.source!r}"]
        kinds: dict[str, list[str]] = {
            "skipped": [f"{path}: {reason}" for path, reason in self.skipped.items()],
            "missing": [f"{path}: not in the file" for path in self.missing],
            "unused": [f"{place}: in the file only" for place in self.unused],
        }
        for kind, entries in kinds.items():
            lines += [f"  {kind:<8} {entry}" for entry in entries[:_SHOWN]]
            if len(entries) > _SHOWN:
                lines.append(f"  {kind:<8} … and {len(entries) - _SHOWN} more")
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(frozen=True)
class Stored:
    """What a file holds for one layer.

    Attributes:
        place: where it lies in the file.
        names: the layer's name after those of the layers around it.
        arrays: datasets, or anything with `shape`, `dtype` and ``[()]``, in the order of the layer's variables.
    """

    place: str
    names: tuple[str, ...]
    arrays: Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What one layer needs.

    Attributes:
        place: where a file of this model would hold it.
        names: the layer's name after those of the layers around it.
        layer: the layer.
        variables: those to fill.
        fill: how the layer takes what is stored, if its class says so itself.
    """

    place: str
    names: tuple[str, ...]
    layer: Any
    variables: list[Variable]
    fill: Callable[[dict[str, np.ndarray]], None] | None = None

    @property
    def paths(self) -> list[str]:
        """The paths of the variables."""
        return [v.path for v in self.variables]


def load(
    wanted: Iterable[Wanted],
    stored: Iterable[Stored],
    report: LoadReport,
    *,
    by_name: bool = False,
    skip_mismatch: bool = False,
    verified: bool = False,
    apart: Collection[str] = (),
) -> LoadReport:
    """Fill layers from what a file holds, all that fit or, with an error, none.

    Args:
        wanted: the model's layers.
        stored: what the file holds.
        report: to be filled.
        by_name: pair layers by their names; those without a partner are left alone. Otherwise by their places.
        skip_mismatch: leave layers alone that do not fit, too.
        verified: what is stored has been compared with checksums already.
        apart: places in the file that are left alone on purpose.

    Raises:
        SerializationError: weights that the file lacks, has too many of, or that no layer takes.
        ShapeError: weights of another shape.
    """
    wanted, stored = list(wanted), list(stored)
    pairs = _by_names(wanted, stored) if by_name else _by_places(wanted, stored)
    pairs = [(w, s) for w, s in pairs if w.variables or w.fill is not None or (s is not None and s.arrays)]
    used = {id(there) for _, there in pairs if there is not None}
    unused = [
        f"{s.place}/{key}".lstrip("/") for s in stored if id(s) not in used and s.place not in apart for key in s.arrays
    ]
    fitting = []
    for want, there in pairs:
        if there is None and (by_name or (want.fill is not None and not want.variables)):
            report.missing += want.paths
            continue
        error = _misfit(want, there)
        if error is None:
            fitting.append((want, there))
        elif not skip_mismatch:
            raise error
        elif there is None or not there.arrays:
            report.missing += want.paths
        else:
            report.skipped.update(dict.fromkeys(want.paths or [want.place], str(error)))
    if unused and not by_name and not skip_mismatch:
        raise SerializationError(
            f"The file holds {len(unused)} weights that no layer of '{report.target}' takes: "
            f"{', '.join(map(repr, unused[:5]))}. It is of another model; load_weights(…, skip_mismatch=True) takes what fits."
        )
    report.unused += unused
    if not verified:
        verify(array for _, there in fitting if there is not None for array in there.arrays.values())
    plain = (a for want, there in fitting if want.fill is None and there is not None for a in there.arrays.values())
    with contextlib.closing(_in_order(_value, plain)) as values:
        for want, there in fitting:
            try:
                _assign(want, there, values)
            except (SerializationError, ShapeError) as error:
                if not skip_mismatch:
                    raise
                report.skipped.update(dict.fromkeys(want.paths or [want.place], str(error)))
            else:
                report.taken += want.paths
    return report


def _by_places(wanted: list[Wanted], stored: list[Stored]) -> list[tuple[Wanted, Stored | None]]:
    places = {s.place: s for s in stored}
    return [(w, places.get(w.place)) for w in wanted]


def _by_names(wanted: list[Wanted], stored: list[Stored]) -> list[tuple[Wanted, Stored | None]]:
    """Pairs with the same names, the whole chain of them first, then the layer's own name where only one has it."""
    chains = {s.names[1:] or s.names: s for s in stored}
    own = Counter(s.names[-1] for s in stored), Counter(w.names[-1] for w in wanted)
    single = {s.names[-1]: s for s in stored if own[0][s.names[-1]] == 1}
    pairs = []
    for want in wanted:
        there = chains.get(want.names[1:] or want.names)
        if there is None and own[1][want.names[-1]] == 1:
            there = single.get(want.names[-1])
        pairs.append((want, there))
    return pairs


def _misfit(want: Wanted, there: Stored | None) -> SerializationError | ShapeError | None:
    """Why what is stored does not fit, or None if it does."""
    if want.fill is not None:  # the layer's class judges itself
        return None
    count = 0 if there is None else len(there.arrays)
    if there is None or count != len(want.variables):
        unbuilt = (
            ""
            if want.layer.built
            else " The layer is not built yet: call the model on data, or build it, before loading."
        )
        return SerializationError(
            f"Layer '{want.layer.name}' has {len(want.variables)} weights of its own, the file has {count} at "
            f"'{want.place if there is None else there.place}'.{unbuilt}"
        )
    keys = list(there.arrays)
    if any(key.isdigit() for key in keys) and keys != [str(i) for i in range(count)]:
        return SerializationError(
            f"The weights of layer '{want.layer.name}' in the file are called {keys[:10]}, not 0 to {count - 1}."
        )
    for variable, array in zip(want.variables, there.arrays.values(), strict=True):
        if tuple(array.shape) != variable.shape:
            return ShapeError(
                f"Weight '{variable.path}' has shape {variable.shape}, the file has {tuple(array.shape)}."
            )
        kind, own = _kind(_dtype(array)), _kind(jnp.dtype(variable.dtype))
        if kind > own or not _keeps(array, jnp.dtype(variable.dtype)):
            return SerializationError(
                f"Weight '{variable.path}' is of {variable.dtype}, the file's of {_dtype(array)}: numbers would be lost."
            )
    return None


def _dtype(array: Any) -> np.dtype:
    return dtype_of(checked(array)) if hasattr(array, "attrs") else np.dtype(array.dtype)


def _keeps(array: Any, own: np.dtype) -> bool:
    """Whether every number of the file is one of dtype `own`.

    A program that makes its model of short floats wants them rounded; a file cannot ask for it.
    """
    dtype = _dtype(array)
    rounds = own.itemsize <= 2 and _kind(own) == 2 and dtype.itemsize <= 4 and _kind(dtype) == 2
    if dtype == own or np.can_cast(dtype, own, "safe") or (rounds and not loading()):
        return True
    values = _value(array)
    with np.errstate(all="ignore"):
        back = values.astype(own).astype(dtype)
    return bool(np.all((back == values) | (back != back) & (values != values)))


def _kind(dtype: np.dtype) -> int:
    """0 for truth values, 1 for integers, 2 for floats, 3 for complex numbers, 4 for what is no number."""
    kind = "f" if dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2") else dtype.kind
    return {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}.get(kind, 4)


def _assign(want: Wanted, there: Stored | None, values: Iterator[Callable[[], Any]]) -> None:
    if want.fill is not None:
        want.fill({key: _value(array) for key, array in ({} if there is None else there.arrays).items()})
        return
    for variable, value in [(variable, next(values)) for variable in want.variables]:
        variable.adopt(value())


def verify(arrays: Iterable[Any]) -> None:
    """Compare arrays in a file with their checksums, where they have some.

    Raises:
        SerializationError: numbers that are not those that were written.
    """
    arrays = [array for array in arrays if getattr(array, "checksum", None) is not None]
    with contextlib.closing(_in_order(_checksum, arrays)) as numbers:
        for array, number in zip(arrays, numbers, strict=True):
            if number() != array.checksum:
                raise SerializationError(
                    f"{array.name[:200]!r} in the file is damaged: its numbers are not those that were written, as its "
                    "checksum (crc32) shows. A program that changes them on purpose must remove or renew it, too."
                )


def _checksum(array: Any) -> int:
    return checksum(_dtype(array), array.shape, array.pieces())


def _in_order(function: Callable[[Any], Any], arrays: Iterable[Any]) -> Generator[Callable[[], Any], None, None]:
    """For each array what gives `function` of it; for large ones it is being computed already, two at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        waiting: deque[Callable[[], Any]] = deque()
        for array in arrays:
            large = math.prod(array.shape) * array.dtype.itemsize > _LARGE
            waiting.append(threads.submit(function, array).result if large else functools.partial(function, array))
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting


def _value(array: Any) -> np.ndarray:
    return array_of(array) if hasattr(array, "attrs") else np.asarray(array[()])
