"""`Graph`: the operations of a model in the order in which they run, with the tensors between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.variables import Variable
from .sizes import Size, Sizes, solved

__all__ = ["Graph", "LayerCall", "Node", "Value"]


@dataclass(eq=False)
class Value:
    """A tensor of the graph.

    Attributes:
        shape: its sizes; those that are not known before it runs are symbolic, such as ``batch`` or ``2*size_1``.
        dtype: its dtype's name.
        name: of an input; the path of a variable.
        variable: the variable that it is the value of.
        constant: its numbers, where they are known.
    """

    shape: tuple[Size, ...]
    dtype: str
    name: str = ""
    variable: Variable | None = None
    constant: np.ndarray | jax.Array | None = None


@dataclass(eq=False)
class LayerCall:
    """One call of a layer.

    Attributes:
        layer: the layer.
        path: the names of the layers around it and its own, joined by slashes.
        parent: the call that it is a part of.
        inputs: the tensors that it was given; of a call in a loop, those of the loop's graph.
        outputs: the tensors that it gave.
    """

    layer: Any  # a layer, of a floor above this one
    path: str
    parent: LayerCall | None
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)


@dataclass(eq=False)
class Node:
    """One operation.

    Attributes:
        op: its name: that of the function of ops, or of JAX's primitive where no function of ops was called.
        attributes: its arguments that are no tensors.
        inputs: the tensors that it takes.
        outputs: the tensors that it gives.
        named: whether it is a function of ops.
        call: the innermost call of a layer that it is a part of.
        source: file and line of the program that called it, if that is none of ranvier's own.
        graphs: of loops and branches, what runs inside.
    """

    op: str
    attributes: dict[str, Any]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    evaluate: Callable[[Sequence[Any], Sizes], Sequence[Any]] = field(repr=False)
    named: bool = True
    call: LayerCall | None = None
    source: str | None = None
    graphs: tuple[Graph, ...] = ()

    @property
    def path(self) -> str:
        """The path of the layer that it is a part of; empty outside all layers."""
        return self.call.path if self.call is not None else ""


@dataclass(eq=False)
class Graph:
    """What a model computes.

    Attributes:
        inputs: the tensors that it takes.
        outputs: the tensors that it gives, flat.
        nodes: its operations in an order in which they can run.
        calls: the calls of layers in the order in which they began.
        updates: what variables become: pairs of a variable and a tensor.
        structure: the nested structure of the outputs.
    """

    inputs: list[Value]
    outputs: list[Value]
    nodes: list[Node]
    calls: list[LayerCall] = field(default_factory=list)
    updates: list[tuple[Variable, Value]] = field(default_factory=list)
    structure: Any = None

    @property
    def variables(self) -> list[Variable]:
        """The variables that something depends on, each once."""
        found = {id(v.variable): v.variable for v in self._read() if v.variable is not None}
        return list(found.values())

    @property
    def producers(self) -> Mapping[Value, Node]:
        """The node that gives each tensor; inputs, weights and constants have none."""
        return {value: node for node in self.nodes for value in node.outputs}

    @property
    def readers(self) -> Mapping[Value, list[Node]]:
        """The nodes that take each tensor."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                found.setdefault(value, []).append(node)
        return found

    def walk(self) -> Iterator[Node]:
        """All nodes, also those inside loops and branches."""
        for node in self.nodes:
            yield node
            for graph in node.graphs:
                yield from graph.walk()

    def run(self, *inputs: Any) -> Any:
        """The outputs, operation by operation, with the variables' present values.

        Args:
            inputs: arrays in the order of `inputs`, also in nested structures.

        Raises:
            ArgumentError: another number of inputs.
            ShapeError: sizes that contradict each other.
        """
        outputs, _ = self.run_updates(*inputs)
        return outputs

    def run_updates(self, *inputs: Any) -> tuple[Any, dict[str, Any]]:
        """The outputs, and the new values of the variables that are assigned, by their paths."""
        arrays = jax.tree.leaves(inputs)
        if len(arrays) != len(self.inputs):
            raise ArgumentError(f"The graph has {len(self.inputs)} inputs. Received: {len(arrays)} arrays")
        arrays = [jax.numpy.asarray(a).astype(v.dtype) for v, a in zip(self.inputs, arrays, strict=True)]
        sizes = solved([v.shape for v in self.inputs], [a.shape for a in arrays])
        table = self.evaluated(arrays, sizes)
        outputs = [_found(value, table) for value in self.outputs]
        updates = {variable.path: _found(value, table) for variable, value in self.updates}
        if self.structure is not None:
            outputs = jax.tree.unflatten(self.structure, outputs)
        return outputs, updates

    def evaluated(self, arrays: Sequence[Any], sizes: Sizes) -> dict[Value, Any]:
        """Every tensor's array, for arrays in the order of the inputs and numbers for the symbolic sizes."""
        table: dict[Value, Any] = dict(zip(self.inputs, arrays, strict=True))
        for node in self.nodes:
            given = [_found(value, table) for value in node.inputs]
            try:
                results = node.evaluate(given, sizes)
            except Exception as error:
                error.add_note(f"in the operation {node.op} of {node.path or 'the program'}")
                raise
            table.update(zip(node.outputs, results, strict=True))
        return table

    def _read(self) -> Iterator[Value]:
        for node in self.walk():
            yield from node.inputs
        yield from self.outputs
        yield from (value for _, value in self.updates)

    def __str__(self) -> str:
        names: dict[Value, str] = {}
        return "\n".join(_lines(self, names, ""))


def _found(value: Value, table: Mapping[Value, Any]) -> Any:
    if value in table:
        return table[value]
    if value.constant is not None:
        return value.constant
    if value.variable is None:
        raise ShapeError(f"The graph does not compute the tensor '{value.name}' {value.shape}.")
    return value.variable.exact_value()


def _name(value: Value, names: dict[Value, str]) -> str:
    if value not in names:
        small = value.constant is not None and np.ndim(value.constant) == 0
        names[value] = str(np.asarray(value.constant)) if small else value.name or f"%{len(names)}"
    return names[value]


def _lines(graph: Graph, names: dict[Value, str], indent: str) -> Iterator[str]:
    def described(values: Sequence[Value]) -> str:
        return ", ".join(f"{_name(v, names)}: {v.dtype}[{', '.join(map(str, v.shape))}]" for v in values)

    yield f"{indent}({described(graph.inputs)}) → ({described(graph.outputs)})"
    for node in graph.nodes:
        inputs = ", ".join(_name(v, names) for v in node.inputs)
        settings = "".join(f", {k}={_short(v)}" for k, v in node.attributes.items())
        where = f"   # {node.path}" if node.path else ""
        yield f"{indent}  {described(node.outputs)} = {node.op}({inputs}{settings}){where}"
        for inner in node.graphs:
            yield from _lines(inner, names, indent + "    ")
    for variable, value in graph.updates:
        yield f"{indent}  {variable.path} ← {_name(value, names)}"


def _short(value: Any) -> str:
    if isinstance(value, (np.ndarray, jax.Array)):
        return f"<{value.dtype}{list(value.shape)}>"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
