"""Batches from a stream, stacked so that one call of the program takes many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax

from ..core.memory import aligned_empty
from .placement import lent

__all__ = ["stacked_chunks"]

_BYTES = 32 << 20  # a chunk's size at the most
_BATCHES = 64
_SECONDS = 0.2  # a slow source's batches are not held back longer than this


def stacked_chunks(
    batches: Iterable[Any],
    steps: int | None = None,
    pattern: bool = False,
    check: Callable[[Any], None] = lambda batches: None,
) -> Iterator[tuple[int, Any]]:
    """Gather batches of equal shapes into arrays (capacity, batch, …).

    Args:
        batches: tuples (x, y, sample_weight) of nested NumPy arrays.
        steps: how many there will be, if known.
        pattern: whether the first batch is there for its shape only, having been run already.
        check: refuses batches; it gets them as one batch, still as NumPy arrays.

    Yields:
        ``(count, stacked)``, of which the first `count` entries are filled; ``(0, batch)`` for a batch of another
        shape than its neighbours, to be run by itself.
    """
    capacity, signature, held, since = 0, None, [], 0.0
    for batch in batches:
        leaves, structure = jax.tree.flatten(batch)
        now = (structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
        if signature is None:
            signature = now
            size = sum(leaf.nbytes for leaf in leaves) or 1
            capacity = max(1, min(_BATCHES, _BYTES // size, steps or _BATCHES))
            if pattern:
                continue
        if now != signature:
            if held:
                yield len(held), _stack(held, capacity, check)
                held = []
            check(batch)
            yield 0, batch
            continue
        if not held:
            since = time.perf_counter()
        held.append(batch)
        if len(held) == capacity or time.perf_counter() - since > _SECONDS:
            yield len(held), _stack(held, capacity, check)
            held = []
    if held:
        yield len(held), _stack(held, capacity, check)


def _stack(batches: list[Any], capacity: int, check: Callable[[Any], None]) -> Any:
    """The batches one after the other, in arrays of always the same shape (unfilled entries are never read)."""

    def fill(*leaves: Any) -> Any:
        out = aligned_empty((capacity, *leaves[0].shape), jax.dtypes.canonicalize_dtype(leaves[0].dtype))
        for i, leaf in enumerate(leaves):
            out[i] = leaf
        return out

    stack = jax.tree.map(fill, *batches)
    check(jax.tree.map(lambda leaf: leaf[: len(batches)].reshape(-1, *leaf.shape[2:]), stack))
    return jax.tree.map(lent, stack)
