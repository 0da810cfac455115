"""`Between`: what happens between layers, in the place of a layer's explanation."""

from __future__ import annotations

import functools

from .capture import Call
from .layer import LayerExplanation, Results, Weight
from .operations import Block
from .quantities import Quantity

__all__ = ["Between"]


class _Code:
    """Stands for a piece of a model's own code."""

    def __init__(self, name: str):
        self.name = name


class Between(LayerExplanation):
    """Operations of a model's own code that lead to a layer, to the output or to a loss.

    Args:
        block: the operations.
        results: what was found by running the model.
        id: its number among the calls.
    """

    def __init__(self, block: Block, results: Results, id: int):
        within, before = block.within, block.before
        prefix = "" if within.parent is None else f"{within.key}/"
        name = f"before {block.end if before is None else before.key.rsplit('/', 1)[-1]}"
        call = Call(id, _Code(name), within.id, prefix + name, 1, (), {}, [], within.training, {})
        super().__init__(call, results, None)
        self.class_name = "operations"
        self._block = block
        sources, end = ", ".join(q.name for q in block.inputs), block.end if before is None else before.key
        self._note = f"{sources} → {end}"

    @functools.cached_property
    def formula(self) -> str:
        """Nothing: each step has its own."""
        return ""

    @functools.cached_property
    def note(self) -> str:
        """From where to where."""
        return self._note

    @functools.cached_property
    def inputs(self) -> list[Quantity]:
        """What they begin with."""
        return self._block.inputs

    @functools.cached_property
    def outputs(self) -> list[Quantity]:
        """What leaves: the last of `tensors`."""
        return self._block.outputs

    @functools.cached_property
    def tensors(self) -> list[Quantity]:
        """What each operation gives, in order."""
        return self._block.steps

    @functools.cached_property
    def weights(self) -> list[Weight]:
        """None of its own."""
        return []
