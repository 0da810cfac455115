"""Numbers that stand in for unknown sizes while an operation is traced, and keeping them out of shapes and messages.

`jax.export`'s symbolic dimensions would need no numbers, but code that compares or divides sizes (pooling, top_k,
padding by reflection, choices of algorithms) fails on them; numbers go through everything that data goes through.

One number proves nothing: a slice of six rows fits 1638 and not 1. So each operation is traced with large sizes and
with 1; a size of the result is known if it is the same each time. Where an operation refuses the large numbers (an
unknown size beside a known one, an axis to be split evenly), `_families` offers other choices.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import jax

from ..core.errors import UnknownSizeError

__all__ = ["blank", "hints_of", "merged", "stand_ins_in_use", "traced"]

Shape = tuple[int | None, ...]
Sizes = list[tuple[int, ...]]
# Large, by axis. One less than each is a prime: no division by a usual number leaves the remainder that 1 leaves.
_LARGE = (1638, 1668, 1694, 1722, 1742, 1778, 1802, 1874)
_LARGER = (3348, 3362, 3392, 3414, 3434, 3462, 3470, 3492)
# Multiples of all numbers to 10, for what divides an axis.
_DIVISIBLE = (tuple(2520 * n for n in range(2, 10)), tuple(2520 * n for n in range(11, 19)))
_MOST_HINTS = 12
_MULTIPLES, _OTHERS = (2, 3), (1, 2, 3, 5, 6)

_in_use: ContextVar[frozenset[tuple[int, int]]] = ContextVar("stand_ins_in_use", default=frozenset())


def _filled(shapes: Sequence[Shape], numbers: Sequence[int]) -> Sizes:
    """The shapes with a number in each unknown place, by axis."""
    return [tuple(numbers[min(i, 7)] if s is None else s for i, s in enumerate(shape)) for shape in shapes]


def _trials(shapes: Sequence[Shape], small: int) -> list[Sizes]:
    """What is traced first, and then until two fit: large numbers, a small one, larger numbers, twice the large ones."""
    return [_filled(shapes, numbers) for numbers in (_LARGE, (small,) * 8, _LARGER, tuple(2 * n for n in _LARGE))]


def _families(shapes: Sequence[Shape], hints: Sequence[Any]) -> Iterator[list[Sizes]]:
    """Choices of sizes to try where the large numbers do not fit; those of one family have the same reason to fit.

    Args:
        shapes: of the symbolic arguments, None where unknown.
        hints: integers and tuples of integers that the operation was given besides, shapes of arrays among them.
    """
    others = [h for h in hints if isinstance(h, tuple)]
    beside = [_beside(i, shapes, others, from_right=False) for i in range(len(shapes))]
    beside_right = [_beside(i, shapes, others, from_right=True) for i in range(len(shapes))]
    bases = (_LARGE, _LARGER, (1,) * 8)
    for known in (beside, beside_right):
        if list(known) != list(shapes):
            yield [_filled(known, numbers) for numbers in bases]
    if len({len(s) for s in shapes}) > 1:  # the last axes are the ones that meet
        yield [_from_right(shapes, numbers) for numbers in bases]
    yield [_filled(shapes, (n,) * 8) for n in (_LARGE[0], _LARGER[0], 1)]
    yield [_filled(shapes, numbers) for numbers in _DIVISIBLE]
    wanted = dict.fromkeys(
        n
        for h in (1, *hints, *(s for shape in shapes for s in shape), 2, 3, 4, 8)
        for n in (h if isinstance(h, tuple) else (h,))
    )
    numbers = [n for n in wanted if isinstance(n, int) and 0 < n < 10**6][:_MOST_HINTS]
    axes = sorted({i for shape in shapes for i, s in enumerate(shape) if s is None})
    for n, axis in itertools.product(numbers, axes):
        exact, twice = (
            [tuple(m if s is None and i == axis else s for i, s in enumerate(shape)) for shape in shapes]
            for m in (n, 2 * n)
        )
        yield [*(_filled(exact, base) for base in bases), _filled(twice, _LARGE)]


def _variants(shapes: Sequence[Shape], sizes: Sizes) -> Iterator[Sizes]:
    """Sizes that differ from ones that fit in a single unknown place, or in all of one axis: they may fit as well."""
    places = [(k, i) for k, shape in enumerate(shapes) for i, s in enumerate(shape) if s is None]
    groups = [[place] for place in places]
    groups += [[p for p in places if p[1] == axis] for axis in sorted({i for _, i in places})]
    for group, (times, other) in itertools.product(groups, [*((n, 0) for n in _MULTIPLES), *((0, n) for n in _OTHERS)]):
        varied = [list(s) for s in sizes]
        for k, i in group:
            varied[k][i] = times * varied[k][i] + other
        if (found := [tuple(s) for s in varied]) != sizes:
            yield found


def _beside(index: int, shapes: Sequence[Shape], others: Sequence[Shape], from_right: bool) -> Shape:
    """The shape at `index` with the sizes that other shapes know at the same axes."""
    shape = shapes[index]
    known = list(shape)
    for other in [s for i, s in enumerate(shapes) if i != index] + list(others):
        shift = len(other) - len(shape)
        if not from_right and shift:
            continue
        for i, size in enumerate(shape):
            if size is None and known[i] is None and i + shift >= 0 and (n := other[i + shift]) is not None and n > 1:
                known[i] = n
    return tuple(known)


def _from_right(shapes: Sequence[Shape], numbers: Sequence[int]) -> list[tuple[int, ...]]:
    return [
        tuple(numbers[min(len(shape) - 1 - i, 7)] if s is None else s for i, s in enumerate(shape)) for shape in shapes
    ]


def hints_of(args: Any, operation: Any) -> list[Any]:
    """The integers and tuples of integers among the arguments (or an object's own attributes) and arrays' shapes."""
    found: list[Any] = []

    def look(value: Any, depth: int) -> None:
        if isinstance(value, bool) or depth > 3:
            return
        if isinstance(value, int):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            if value and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
                sizes = tuple(value)
                product = 1
                for n in sizes:
                    product *= n
                found.extend((sizes, product, len(sizes)))
            else:
                for v in value:
                    look(v, depth + 1)
        elif isinstance(value, dict):
            for v in value.values():
                look(v, depth + 1)
        elif hasattr(value, "dtype") and all(isinstance(n, int) for n in getattr(value, "shape", (None,))):
            found.append(tuple(value.shape))

    look(args, 0)
    for name, value in vars(operation).items() if operation is not None else ():
        if isinstance(value, (int, tuple, list)) and not name.startswith("__"):
            look(value, 2)
    return found


def merged(sizes: Sequence[tuple[int, ...]]) -> Shape:
    """One shape for the shapes of several traces: None where they differ."""
    return tuple(ns[0] if len(set(ns)) == 1 else None for ns in zip(*sizes, strict=True))


# What operations raise if sizes do not fit.
_UNFIT = (TypeError, ValueError, IndexError, ZeroDivisionError, AssertionError)


def traced(trace: Callable[..., Any], shapes: Any, small: int, hints: Callable[[], Any]) -> list[Any]:
    """The results of several traces, alike but for their sizes.

    Args:
        trace: gives the results for sizes (and an example of a text).
        shapes: of the symbolic arguments, None where unknown.
        small: the smallest number that may stand in for an unknown size.
        hints: gives what `hints_of` found, for when the large numbers do not fit.
    """
    large, *more = _trials(shapes, small)
    try:
        first = trace(large)
    except (jax.errors.JAXTypeError, UnknownSizeError):
        raise  # no other sizes would help
    except _UNFIT as error:
        for family in _families(shapes, hints()):
            for i, sizes in enumerate(family):
                if fit := _tried(trace, [sizes]):
                    more = [*family[i + 1 :], *_variants(shapes, sizes)]
                    return [*fit, *(_tried(trace, more, like=fit[0]) or [_blanked(fit[0], shapes, sizes)])]
        _forget_stand_ins(error, trace, more[1])
        raise
    for sizes in more:
        if len(results := [first, *_tried(trace, [sizes], like=first)]) > 1:
            return results
    return [first, _blanked(first, shapes, large)]


def _tried(trace: Callable[..., Any], family: Any, like: Any = None) -> list[Any]:
    """The results for the sizes that fit, as long as they are alike but for their sizes."""
    found = []
    for sizes in family:
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")  # about sizes that nobody chose
            result = trace(sizes, "a b c")
            if _kind(result) == _kind(found[0] if found else result if like is None else like):
                found.append(result)
    return found


def _kind(result: Any) -> Any:
    leaves, structure = jax.tree.flatten(result)
    return structure, [(len(leaf.shape), leaf.dtype) for leaf in leaves]


def _blanked(result: Any, shapes: Any, sizes: Any) -> Any:
    """`result` with other numbers in the places of stand-ins, where no second choice of sizes fits."""
    used = {
        n
        for shape, ns in zip(shapes, sizes, strict=True)
        for s, n in zip(shape, ns, strict=True)
        if s is None and n > 1000
    }
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct([n + (n in used) for n in a.shape], a.dtype), result)


def _forget_stand_ins(error: BaseException, trace: Callable[..., Any], sizes: Any) -> None:
    """Say None in the messages of `error` where numbers stood in for unknown sizes."""
    other: BaseException | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trace(sizes)
    except Exception as another:
        other = another
    one: BaseException | None = error
    while one is not None:
        if one.args and isinstance(one.args[0], str):
            text = str(other.args[0]) if other is not None and other.args else ""
            one.args = (_without_numbers(one.args[0], text), *one.args[1:])
        one = one.__cause__ or one.__context__
        other = other and (other.__cause__ or other.__context__)


# --- keeping stand-ins out of what users see ---------------------------------------------------------------------------


@contextlib.contextmanager
def stand_ins_in_use(shapes: Sequence[Shape], sizes: Sequence[tuple[int, ...]]) -> Iterator[None]:
    """Within it, `blank` knows these large numbers for unknown sizes."""
    used = {
        (i, n)
        for shape, numbers in zip(shapes, sizes, strict=True)
        for i, (s, n) in enumerate(zip(shape, numbers, strict=True))
        if s is None and n > 1000
    }
    token = _in_use.set(_in_use.get() | used)
    try:
        yield
    finally:
        _in_use.reset(token)


def blank(shape: Sequence[int]) -> Shape:
    """A shape met during a trace, with None again where a number or a symbol stands in for an unknown size."""
    used = _in_use.get()
    return tuple(None if not isinstance(n, int) or (used and (i, n) in used) else n for i, n in enumerate(shape))


_NUMBER = re.compile(r"\d+")


def _without_numbers(message: str, other: str) -> str:
    """`message` with None for each number that the same message on other stand-ins says differently."""
    texts, other_texts = _NUMBER.split(message), _NUMBER.split(other)
    numbers, other_numbers = _NUMBER.findall(message), _NUMBER.findall(other)
    if texts == other_texts:
        numbers = [n if n == m else "None" for n, m in zip(numbers, other_numbers, strict=True)]
    else:
        large = {str(n) for n in (*_LARGE, *_LARGER)}
        numbers = ["None" if n in large else n for n in numbers]
    return "".join(text + number for text, number in itertools.zip_longest(texts, numbers, fillvalue=""))
