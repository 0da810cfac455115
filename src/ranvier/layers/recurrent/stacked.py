"""`StackedRNNCells`: several cells as one."""

from __future__ import annotations

from typing import Any

from ...core import serialization
from ...core.errors import ArgumentError
from ...ops.meaning.recurrence import zeros
from ..base import Layer
from ..signatures import call_parameters

__all__ = ["StackedRNNCells"]


class StackedRNNCells(Layer):
    """Cells one on top of the other, each taking the outputs of the one below.

    Args:
        cells: a list of cells; see `RNN`.

    Raises:
        ArgumentError: a cell without `call` or `state_size`.

    >>> from ranvier.layers import GRUCell, LSTMCell
    >>> StackedRNNCells([LSTMCell(3), GRUCell(2)]).state_size
    [[3, 3], 2]
    """

    def __init__(self, cells: Any, **kwargs: Any):
        for cell in cells:
            if not callable(getattr(cell, "call", None)) or not hasattr(cell, "state_size"):
                raise ArgumentError(f"Each of cells must have a `call` and a `state_size`. Received: {cell!r}")
        super().__init__(**kwargs)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The cells' state sizes."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The output size of the last cell."""
        return _output_size(self.cells[-1])

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described; `custom_objects` holds the classes of a user's cells, by name."""
        with serialization.custom_object_scope(custom_objects or {}):
            return super().from_config(config)

    def build(self, input_shape: Any) -> None:
        """Build each cell for the outputs of the one below."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], _output_size(cell))

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The cells' first states, a list for each."""
        states = []
        for cell in self.cells:
            if hasattr(cell, "get_initial_state"):
                own = cell.get_initial_state(batch_size=batch_size)
            else:
                sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
                dtype = getattr(cell, "compute_dtype", self.compute_dtype)
                own = [zeros((batch_size or 1, size), dtype) for size in sizes]
            states.append(list(own) if isinstance(own, (list, tuple)) else [own])
        return states

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> tuple[Any, list[Any]]:
        """One step of every cell: the last one's output, and all new states."""
        new = []
        for cell, own in zip(self.cells, states, strict=True):
            own = list(own) if isinstance(own, (list, tuple)) else [own]
            takes = call_parameters(type(cell)).names
            options = {k: v for k, v in {"training": training, **kwargs}.items() if k in takes}
            inputs, own = cell(inputs, own, **options)
            new.append(list(own) if isinstance(own, (list, tuple)) else [own])
        return inputs, new


def _output_size(cell: Any) -> Any:
    """The cell's `output_size`, or else the size of its first state, which is then its output."""
    if hasattr(cell, "output_size"):
        return cell.output_size
    return cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
