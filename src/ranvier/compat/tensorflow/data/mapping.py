"""How `Dataset.map` calls a function: compiled, many elements at once, where nothing can tell the difference."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from ..functions import Program, functions_run_eagerly, put_together, taken_apart
from .elements import as_stored, as_tensors, is_numbers, leaves_of

__all__ = ["each"]

_SINGLY = 8  # elements that are mapped one by one before blocks begin: a short pass reads no further than it goes
_BLOCK, _BLOCK_BYTES = 128, 8 << 20


def each(function: Callable[..., Any], elements: Iterator[Any]) -> Iterator[Any]:
    """`function` of each element (a tuple's parts as arguments), stored.

    The function is traced and compiled; elements of one shape are then mapped in blocks. A function that draws random
    numbers or changes variables is called once for each element, one that asks for numbers or handles text runs as Python.
    """
    programs: dict[Any, _Compiled | None] = {}
    count = 0
    for first in elements:
        arguments = first if isinstance(first, tuple) else (first,)
        if functions_run_eagerly() or not all(is_numbers(leaf) for leaf in leaves_of(first)):
            yield _plainly(function, arguments)
            continue
        leaves, form = taken_apart((arguments, {}))
        key = form, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
        if key not in programs:
            programs[key] = _Compiled.of(function, leaves, form)
        program = programs[key]
        if program is None:
            yield _plainly(function, arguments)
            continue
        count += 1
        if program.changes or count <= _SINGLY:
            yield program.single(leaves)
            continue
        yield from _in_blocks(program, key, leaves, elements, function)


def _in_blocks(
    program: _Compiled, key: Any, leaves: list[Any], elements: Iterator[Any], function: Any
) -> Iterator[Any]:
    """Blocks of elements like the first; the first one of another kind ends it, mapped by itself."""
    size = int(np.clip(_BLOCK_BYTES // max(sum(leaf.nbytes for leaf in leaves), 1), 1, _BLOCK))
    block, failure, other = [leaves], None, None
    while True:
        try:
            for element in itertools.islice(elements, size - len(block)):
                arguments = element if isinstance(element, tuple) else (element,)
                more, form = taken_apart((arguments, {}))
                if (form, tuple((leaf.shape, str(leaf.dtype)) for leaf in more)) != key:
                    other = element
                    break
                block.append(more)
        except Exception as error:  # what came before it is handed on first
            failure = error
        full = len(block) == size
        yield from program.block(block, size)
        if failure is not None:
            raise failure
        if other is not None:
            yield from each(function, itertools.chain([other], elements))
            return
        if not full:
            return
        block = []
        following = next(elements, None)
        if following is None:
            return
        arguments = following if isinstance(following, tuple) else (following,)
        more, form = taken_apart((arguments, {}))
        if (form, tuple((leaf.shape, str(leaf.dtype)) for leaf in more)) != key:
            yield from each(function, itertools.chain([following], elements))
            return
        block = [more]


def _plainly(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return as_stored(function(*as_tensors(arguments)))


class _Compiled:
    """The function as a program for elements of one shape."""

    def __init__(self, program: Program):
        self.program = program
        self.changes = bool(program.assigned)
        self._block: Any = None

    @classmethod
    def of(cls, function: Callable[..., Any], leaves: list[Any], form: Any) -> _Compiled | None:
        """The program, None where Python needs the numbers (or fails, which it then does by itself)."""
        try:
            program = Program(lambda *args: as_structure(function(*args)), [np.asarray(leaf) for leaf in leaves], form)
        except Exception:
            return None
        return cls(program)

    def single(self, leaves: list[Any]) -> Any:
        """One element."""
        return as_stored(self.program(leaves))

    def block(self, rows: list[list[Any]], size: int) -> Iterator[Any]:
        """Several elements at once; a block that is not full is filled up with its last one."""
        if len(rows) == 1:
            yield self.single(rows[0])
            return
        columns = [np.stack([*column, *[column[-1]] * (size - len(rows))]) for column in zip(*rows, strict=True)]
        if self._block is None:
            values_and_rows = jax.vmap(self.program.evaluate, in_axes=(None, 0))
            self._block = jax.jit(values_and_rows)
        found = [np.asarray(f) for f in self._block([v.exact_value() for v in self.program.read_variables], columns)]
        for i in range(len(rows)):
            yield as_stored(put_together(self.program.form, iter([f[i] for f in found])))


def as_structure(result: Any) -> Any:
    """A function's result with lists as tensors, as ``tf.data`` takes them."""
    from ..tensors import array_of

    if isinstance(result, tuple):
        parts = [as_structure(r) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    if isinstance(result, dict):
        return {k: as_structure(v) for k, v in result.items()}
    found = array_of(result)
    if not isinstance(found, jax.Array):
        raise TypeError("not numbers")
    return found
