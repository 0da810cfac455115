"""Dropout inside recurrent cells: one mask for all time steps of a batch, a fresh one for the next (Gal and
Ghahramani, 2016)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp

from ...core.pure import current_scope
from ...core.random import SeedGenerator
from ...ops.meaning.recurrence import dropout_mask
from ..base import Layer
from ..checks import rate_between

__all__ = ["DropoutMasks", "same_masks"]


class DropoutMasks(Layer):
    """Base of cells with `dropout` on their inputs and `recurrent_dropout` on their state.

    What is kept between steps is not a mask but the seed that it follows from, whatever shape it must have.
    """

    not_owned = Layer.not_owned | {"_seeds"}
    #: How many masks of each kind there are, one for each gate; None: one that is no list.
    mask_count: int | None = None

    dropout: float
    recurrent_dropout: float
    seed_generator: SeedGenerator | None

    def _set_dropout(self, dropout: Any, recurrent_dropout: Any, seed: Any) -> None:
        kind = type(self).__name__
        self.dropout = rate_between(kind, "dropout", dropout)
        self.recurrent_dropout = rate_between(kind, "recurrent_dropout", recurrent_dropout)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if dropout or recurrent_dropout else None
        self._seeds: dict[str, tuple[Any, Any]] = {}  # by kind: the trace that drew the seed, and the seed

    def get_dropout_mask(self, step_input: Any) -> Any:
        """The masks (a list of them, one for each gate, or one mask) to multiply an input of this shape by.

        They stay the same until `reset_dropout_mask`. None where there is no dropout.
        """
        return self._mask("inputs", self.dropout, step_input)

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """The masks to multiply a state of this shape by, until `reset_recurrent_dropout_mask`."""
        return self._mask("states", self.recurrent_dropout, step_input)

    def reset_dropout_mask(self) -> None:
        """The next `get_dropout_mask` draws a fresh one."""
        self._seeds.pop("inputs", None)

    def reset_recurrent_dropout_mask(self) -> None:
        """The next `get_recurrent_dropout_mask` draws a fresh one."""
        self._seeds.pop("states", None)

    def _masks(self, inputs: Any, state: Any, training: Any) -> tuple[Any, Any]:
        """The masks for inputs and states, None outside training."""
        if not training:
            return None, None
        return self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(state)

    def _mask(self, kind: str, rate: float, like: Any) -> Any:
        if rate == 0:
            return None
        like = jnp.asarray(like)
        return dropout_mask(self._seed(kind), rate, like.shape, like.dtype, self.mask_count)

    def _seed(self, kind: str) -> Any:
        where, seed = self._seeds.get(kind, (None, None))
        # A seed of another trace must not be used in this one; _ANYWHERE: the loop around this step drew it.
        if seed is None or (where is not _ANYWHERE and where is not current_scope()):
            assert self.seed_generator is not None
            seed = self.seed_generator.next()
            self._seeds[kind] = current_scope(), seed
        return seed


_ANYWHERE = object()


@contextlib.contextmanager
def same_masks(cell: Any, training: Any) -> Iterator[None]:
    """Within it, the cells in `cell` use the same fresh masks at every step."""
    layers = cell._flatten_layers() if isinstance(cell, Layer) else []
    cells = [c for c in layers if isinstance(c, DropoutMasks) and c.seed_generator is not None] if training else []
    for inner in cells:
        assert inner.seed_generator is not None
        for kind, rate in (("inputs", inner.dropout), ("states", inner.recurrent_dropout)):
            if rate:
                inner._seeds[kind] = _ANYWHERE, inner.seed_generator.next()
    try:
        yield
    finally:
        for inner in cells:
            inner._seeds.clear()
