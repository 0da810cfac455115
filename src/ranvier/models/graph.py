"""Graphs of nodes: which calls lie between inputs and outputs, in which order to run them, and running them."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentError
from ..layers.base import Layer
from ..layers.context import current_context
from ..layers.input import Input
from ..ops import symbolic
from ..ops.symbolic import KerasTensor, Node

__all__ = ["Graph", "sources"]


class Graph:
    """The calls between symbolic inputs and outputs.

    Inputs may be results of calls: there the graph is cut, and what lies behind the cut is copied, with a fresh `Input`
    in the place of each such tensor. So `inputs` and `outputs` may be other tensors than those that were given.

    Args:
        inputs: symbolic tensors, nested.
        outputs: symbolic tensors, nested.

    Raises:
        ArgumentError: something that is not a symbolic tensor, an input given twice, or outputs that the inputs do
            not reach.
    """

    def __init__(self, inputs: Any, outputs: Any):
        self.inputs = symbolic.flatten(inputs)
        self.outputs = symbolic.flatten(outputs)
        for argument, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not tensors:
                raise ArgumentError(f"{argument} must hold at least one symbolic tensor. Received: none")
            for tensor in tensors:
                if not isinstance(tensor, KerasTensor):
                    raise ArgumentError(
                        f"{argument} must be symbolic tensors: results of Input() or of layers called on them. Received: "
                        f"{tensor!r} of type {type(tensor).__name__}"
                    )
        if len({id(t) for t in self.inputs}) != len(self.inputs):
            raise ArgumentError("inputs must be different tensors. Received the same one twice.")
        fresh = {id(t): _fresh_input(t) for t in self.inputs if not _begins(t)}
        self.nodes = self._order(fresh)
        if fresh:
            self._cut(fresh)
        self.depths = self._depths()

    @property
    def operations(self) -> list[Any]:
        """The layers and functions in the graph, each once, those nearest to the inputs first (Keras's order)."""
        deepest: dict[int, tuple[int, int, Any]] = {}
        for position, node in enumerate(self.nodes):
            depth = self.depths[id(node)]
            known = deepest.get(id(node.operation))
            if known is None:
                deepest[id(node.operation)] = (depth, position, node.operation)
            elif depth > known[0]:
                deepest[id(node.operation)] = (depth, known[1], node.operation)
        return [entry[2] for entry in sorted(deepest.values(), key=lambda e: (-e[0], e[1]))]

    def _order(self, fresh: dict[int, Any]) -> list[Node]:
        """The nodes so that each comes after those that it needs: a depth-first walk from the outputs.

        Args:
            fresh: the tensors that take the places of inputs, by the identities of these.
        """
        stop = {id(t) for t in self.inputs}
        input_nodes = [_node_of(fresh.get(id(t), t)) for t in self.inputs]
        done: dict[int, Node] = {}
        open_nodes: set[int] = set()

        def visit(tensor: Any) -> None:
            if id(tensor) in stop:
                node = _node_of(fresh.get(id(tensor), tensor))
                done.setdefault(id(node), node)
                return
            if not hasattr(tensor, "_keras_history"):
                raise ArgumentError(f"The outputs depend on {tensor!r}, which is not among the model's inputs.")
            node = _node_of(tensor)
            if id(node) in done:
                return
            if node.is_input:
                raise ArgumentError(
                    f"The outputs depend on the input '{node.operation.name}', which is not among the model's inputs "
                    f"({', '.join(n.operation.name for n in input_nodes)})."
                )
            if id(node) in open_nodes:
                raise ArgumentError(f"The graph has a cycle through '{node.operation.name}'.")
            open_nodes.add(id(node))
            for parent in node.input_tensors:
                visit(parent)
            done[id(node)] = node

        for tensor in self.outputs:
            visit(tensor)
        for node in input_nodes:
            done.setdefault(id(node), node)
        return list(done.values())

    def _cut(self, fresh: dict[int, Any]) -> None:
        """Put copies in the place of all nodes that depend on tensors for which there are `fresh` ones."""
        table = dict(fresh)
        for i, node in enumerate(self.nodes):
            if not any(id(t) in table for t in node.input_tensors):
                continue
            args, kwargs = symbolic.rebuild((node.args, node.kwargs), lambda x: table.get(id(x), x))
            outputs = symbolic.rebuild(
                node.outputs, lambda x: KerasTensor(x.shape, x.dtype) if isinstance(x, KerasTensor) else x
            )
            self.nodes[i] = Node(node.operation, args, kwargs, outputs)
            for old, new in zip(node.output_tensors, self.nodes[i].output_tensors, strict=True):
                table.setdefault(id(old), new)
        self.inputs = [table.get(id(t), t) for t in self.inputs]
        self.outputs = [table.get(id(t), t) for t in self.outputs]

    def _depths(self) -> dict[int, int]:
        """How many calls lie between each node and the outputs, at the most; inputs are the deepest of all."""
        depths = {id(node): 0 for node in self.nodes}
        by_operation: dict[int, int] = {}
        for node in reversed(self.nodes):
            depth = max(depths[id(node)], by_operation.get(id(node.operation), 0))
            depths[id(node)] = by_operation[id(node.operation)] = depth
            for parent in node.parent_nodes:
                depths[id(parent)] = max(depths[id(parent)], depth + 1)
        return depths

    def run(self, values: list[Any], call: Any = None) -> list[Any]:
        """The outputs for these values of the inputs.

        Args:
            values: arrays or symbolic tensors in the order of the inputs.
            call: how to call an operation, ``(operation, args, kwargs) → results``; by default plainly.
        """
        call = call or _called
        table = {id(t): v for t, v in zip(self.inputs, values, strict=True)}
        for node in self.nodes:
            if all(id(t) in table for t in node.output_tensors):
                continue
            args, kwargs = symbolic.rebuild(
                (node.args, node.kwargs), lambda x: table[id(x)] if isinstance(x, KerasTensor) else x
            )
            results = call(node.operation, args, kwargs)
            for tensor, result in zip(node.output_tensors, symbolic.flatten(results), strict=True):
                table[id(tensor)] = result
        return [table[id(t)] for t in self.outputs]


def _called(operation: Any, args: Any, kwargs: Any) -> Any:
    """The operation's results; who watches the calls of layers is told of those of functions, too."""
    context = current_context()
    if context is None or context.watch is None or isinstance(operation, Layer):
        return operation(*args, **kwargs)
    return context.watch(operation, operation, args, kwargs)


def _begins(tensor: KerasTensor) -> bool:
    """Whether a graph can begin at a tensor as it is: it is an `Input`'s."""
    return hasattr(tensor, "_keras_history") and _node_of(tensor).is_input


def _fresh_input(tensor: KerasTensor) -> KerasTensor:
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}CLONE")  # which is Keras's name


def _node_of(tensor: KerasTensor) -> Node:
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def sources(tensors: list[KerasTensor]) -> list[KerasTensor]:
    """The `Input`s from which symbolic tensors were made, in the order in which they are met."""
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    left = list(reversed(tensors))
    while left:
        tensor = left.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if _begins(tensor):
            found[id(tensor)] = tensor
        elif hasattr(tensor, "_keras_history"):
            left.extend(reversed(_node_of(tensor).input_tensors))
    return list(found.values())
