"""What flows through a model for a sample: one compiled forward pass that also gives what every layer took and gave."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from ...core.pure import pure
from ...layers.context import call_context
from ...ops.symbolic import flatten
from ..model_graph import ModelGraph

__all__ = ["Flow", "Recording", "Signal"]


class Signal(NamedTuple):
    """What one call of a layer took and gave, with the batch axis."""

    inputs: list[np.ndarray]
    outputs: list[np.ndarray]


class Flow(NamedTuple):
    """What flowed: the model's outputs, and for each node of the graph its calls."""

    outputs: list[np.ndarray]
    signals: dict[str, list[Signal]]


class Recording:
    """A model's forward pass with its layers watched, compiled once for each shape of input.

    Args:
        model: a built model.
        graph: its description; what flows is given by the ids of its nodes.
    """

    def __init__(self, model: Any, graph: ModelGraph):
        self.model = model
        self._variables = [*model.trainable_variables, *model.non_trainable_variables]
        self._places = {(part.parent, id(part.layer)): part.id for part in (*graph.groups, *graph.nodes) if part.layer}
        self._leaves = {node.id for node in graph.nodes}
        self._forward = jax.jit(self._watched)
        self._from_edges = [
            (edge.source, edge.target, edge.call, edge.position)
            for edge in graph.edges
            if not hasattr(graph.node(edge.source).layer, "weights")
        ]

    def __call__(self, inputs: Any) -> Flow:
        """What flows for these inputs (arrays with a batch axis, nested as the model takes them)."""
        outputs, found = self._forward([v.value for v in self._variables], inputs)
        outputs, found = jax.tree.map(np.asarray, (outputs, found))
        signals = {id: [Signal(*call) for call in calls] for id, calls in found.items()}
        for source, target, call, position in self._from_edges:  # functions are no layers: their takers know the value
            if source not in signals and target in signals and call < len(signals[target]):
                taken = signals[target][call].inputs
                if position < len(taken):
                    signals[source] = [Signal([], [taken[position]])]
        return Flow(outputs, signals)

    def _watched(self, values: Any, inputs: Any) -> Any:
        found: dict[str, list[tuple[list[Any], list[Any]]]] = {}
        stack: list[str | None] = [None]

        def run() -> Any:
            with call_context() as context:

                def watch(layer: Any, call: Any, args: Any, kwargs: Any) -> Any:
                    if layer is self.model:
                        return call(*args, **kwargs)
                    place = self._places.get((stack[-1], id(layer)))
                    if place is None:
                        return call(*args, **kwargs)
                    stack.append(place)
                    if place in self._leaves:
                        context.watch = None  # what happens inside may be in a loop, where nothing can be carried out
                    try:
                        outputs = call(*args, **kwargs)
                    finally:
                        context.watch = watch
                        stack.pop()
                    if place in self._leaves:
                        found.setdefault(place, []).append((_arrays((args, kwargs)), _arrays(outputs)))
                    return outputs

                context.watch = watch
                return _arrays(self.model(inputs, training=False))

        return pure(run, self._variables)(values)[0], found


def _arrays(structure: Any) -> list[Any]:
    return [leaf for leaf in flatten(structure) if isinstance(leaf, (jax.Array, np.ndarray))]
