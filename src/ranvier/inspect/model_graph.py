"""A model as plain data: its layers as nodes, what flows between them as edges, the models inside it as groups.

Pictures (`plot_model`), DOT text (`model_to_dot`) and the page all draw from this one description.

>>> import ranvier
>>> from ranvier import layers
>>> model = ranvier.Sequential([layers.Input((4,)), layers.Dense(3, "relu", name="hidden"), layers.Dense(1, name="out")])
>>> graph = model_graph(model)
>>> [(node.id, node.kind, node.outputs[0][0].shape) for node in graph.nodes][1:]
[('hidden', 'Dense', (None, 3)), ('out', 'Dense', (None, 1))]
>>> [(edge.source, edge.target) for edge in graph.edges][1:]
[('hidden', 'out')]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..core.errors import ArgumentError, ArgumentTypeError, NotBuiltError
from ..core.trees import ordered_keys
from ..layers.base import Layer
from ..layers.signatures import as_shapes, tensors_of
from ..ops import symbolic
from ..training.trainer import Trainer
from .categories import category_of
from .tracing import FlowEvents, Tensor, TracedCall, trace_flow

__all__ = ["Edge", "Group", "ModelGraph", "Node", "Tensor", "model_graph"]


@dataclasses.dataclass
class Node:
    """A layer, a function between layers, or an input.

    Attributes:
        id: unique in the graph: the names of the groups around it and its own, with slashes, ``"encoder/dense_1"``.
        name: the layer's name (not unique across groups); a function's name for a function.
        kind: the class's name, ``"Dense"``; a function's name, ``"add"``, for a function; ``"InputLayer"`` for inputs.
        category: what kind of work it does, for colours: ``input``, ``dense``, ``convolution``, ``pooling``,
            ``normalization``, ``activation``, ``dropout``, ``recurrent``, ``attention``, ``embedding``, ``merge``,
            ``shape``, ``preparation``, ``model``, ``function`` or ``other``.
        parent: the id of the group it lies in; None at the top.
        inputs: for each call the tensors that came in; a layer that is shared was called more than once.
        outputs: for each call the tensors that went out.
        activation: the activation's name, for layers that have one.
        trainable: whether optimizers may change it; None for functions and inputs.
        parameters: how many numbers its weights hold.
        layer: the layer (or operation) itself; None for functions found by tracing. Not part of `to_dict()`.
    """

    id: str
    name: str
    kind: str
    category: str
    parent: str | None = None
    inputs: list[list[Tensor]] = dataclasses.field(default_factory=list)
    outputs: list[list[Tensor]] = dataclasses.field(default_factory=list)
    activation: str | None = None
    trainable: bool | None = None
    parameters: int = 0
    layer: Any = dataclasses.field(default=None, repr=False, compare=False)


class Edge(NamedTuple):
    """A tensor's way from one node to another.

    Attributes:
        source: the id of the node that made it.
        target: the id of the node that takes it.
        tensor: its shape and dtype as it arrives.
        call: which call of the target takes it, from 0.
        position: which of that call's inputs it is, from 0.
    """

    source: str
    target: str
    tensor: Tensor
    call: int = 0
    position: int = 0


@dataclasses.dataclass
class Group:
    """A model (or a layer made of layers) whose parts are in the graph.

    Attributes:
        id: its path, as of nodes; parts have ids that begin with it and a slash.
        name: its name.
        kind: its class's name.
        parent: the id of the group around it; None at the top.
        layer: the model itself. Not part of `to_dict()`.
    """

    id: str
    name: str
    kind: str
    parent: str | None = None
    layer: Any = dataclasses.field(default=None, repr=False, compare=False)


@dataclasses.dataclass
class ModelGraph:
    """A model as nodes, edges and groups.

    Attributes:
        name: the model's name.
        nodes: in an order in which they can be computed.
        edges: in the order of the calls that take them.
        groups: outer ones first.
        inputs: ids of the nodes that are the model's inputs.
        outputs: ids of the nodes that make the model's outputs.
    """

    name: str
    nodes: list[Node]
    edges: list[Edge]
    groups: list[Group]
    inputs: list[str]
    outputs: list[str]

    def node(self, id: str) -> Node:
        """The node with this id.

        Raises:
            ArgumentError: there is none.
        """
        for node in self.nodes:
            if node.id == id:
                return node
        raise ArgumentError(f"No node is called {id!r}. The nodes are: {[node.id for node in self.nodes]}")

    def to_dict(self) -> dict[str, Any]:
        """The same as dicts, lists, strings and numbers, ready for JSON; shapes are lists with None where unknown."""

        def plain(x: Any) -> Any:
            if isinstance(x, Tensor):
                return {"shape": list(x.shape), "dtype": x.dtype}
            if isinstance(x, Edge):
                return {name: plain(value) for name, value in x._asdict().items()}
            if dataclasses.is_dataclass(x):
                return {f.name: plain(getattr(x, f.name)) for f in dataclasses.fields(x) if f.name != "layer"}
            return [plain(item) for item in x] if isinstance(x, (list, tuple)) else x

        return plain(self)


def model_graph(model: Any, expand_nested: bool = True, input_shape: Any = None) -> ModelGraph:
    """What `model` is made of.

    Functional and Sequential models are read; subclassed models, and layers made of layers, are traced: called once
    on tensors without numbers, and watched. Between the layers of a traced model, functions appear where they join
    what several layers gave.

    Args:
        model: a model, or a layer.
        expand_nested: whether models inside, and people's own layers made of layers, become groups, or single nodes.
        input_shape: for a model that is not functional: the shape of its input with None for the batch, or shapes
            nested as its inputs are; None: that which it was built with.

    Raises:
        ArgumentTypeError: something that is not a layer.
        NotBuiltError: the model has no shapes yet.
        ArgumentError: a model that cannot be called on inputs of this shape.
    """
    if not isinstance(model, Layer):
        raise ArgumentTypeError(f"model must be a model or a layer. Received: {model!r} of type {type(model).__name__}")
    if input_shape is not None and not model.built:
        model.build(as_shapes(input_shape))
    builder = _Builder(expand_nested)
    if getattr(model, "graph", None) is not None and input_shape is None:
        ends = builder.read(model, None, None)
    else:
        ends = builder.trace_root(model, input_shape)
    outputs = list(dict.fromkeys(source for sources in ends for source, _ in sources))
    return ModelGraph(
        model.name,
        list(builder.nodes.values()),
        list(builder.edges),
        list(builder.groups.values()),
        builder.inputs,
        outputs,
    )


# A value in the graph: the nodes that made it, each with the tensor that came from it; usually a single one.
_Sources = tuple[tuple[str, Tensor], ...]


class _Builder:
    """Collects nodes, edges and groups.

    Args:
        expand: whether models inside become groups.
    """

    def __init__(self, expand: bool):
        self.expand = expand
        self.nodes: dict[str, Node] = {}
        self.groups: dict[str, Group] = {}
        self.edges: dict[Edge, None] = {}
        self.inputs: list[str] = []
        self._ids: dict[tuple[str | None, int], str] = {}
        self._held: list[Any] = []  # so that the ids of objects stay their own

    # --- parts ------------------------------------------------------------------------------------------------------

    def _id(self, parent: str | None, operation: Any, name: str) -> str:
        """The id of an operation at its place; the same one gets the same id again."""
        key = (parent, id(operation))
        if key not in self._ids:
            wanted = f"{parent}/{name}" if parent else name
            found, number = wanted, 1
            while found in self.nodes or found in self.groups:
                number += 1
                found = f"{wanted}~{number}"
            self._ids[key] = found
            self._held.append(operation)
        return self._ids[key]

    def opens(self, operation: Any) -> bool:
        """Whether the parts of this operation are shown: a model's, or those of people's own layers."""
        if not self.expand or not isinstance(operation, Layer):
            return False
        if isinstance(operation, Trainer):
            return bool(operation._layers_in_order()) or getattr(operation, "graph", None) is not None
        return not type(operation).__module__.startswith("ranvier.") and bool(operation._layers_in_order())

    def group(self, layer: Any, parent: str | None) -> str:
        """The id of the group of this layer, made if it is new."""
        id = self._id(parent, layer, layer.name)
        self.groups.setdefault(id, Group(id, layer.name, type(layer).__name__, parent, layer))
        return id

    def leaf(
        self, operation: Any, parent: str | None, inputs: list[_Sources], taken: list[Tensor], given: list[Tensor],
        function: str | None = None,
    ) -> list[_Sources]:  # fmt: skip
        """One call of an operation (or of a traced function, by its name): its node, its edges, and what it gives."""
        if isinstance(operation, Layer):
            name, kind = operation.name, type(operation).__name__
        else:
            name = getattr(operation, "name", function or "function")
            inner = getattr(operation, "function", None)
            kind = function or getattr(inner, "__name__", type(operation).__name__)
        id = self._id(parent, operation, name)
        node = self.nodes.get(id)
        if node is None:
            node = Node(id, name, kind, category_of(operation, kind), parent)
            node.layer = None if function else operation
            if isinstance(operation, Layer):
                node.activation = _activation(operation)
                node.parameters = sum(v.size for v in operation.weights)
                node.trainable = None if node.category == "input" else operation.trainable
            self.nodes[id] = node
        call = len(node.inputs)
        node.inputs.append(taken)
        node.outputs.append(given)
        for position, sources in enumerate(inputs):
            for source, tensor in sources:
                arriving = taken[position] if position < len(taken) and not function else tensor
                self.edges[Edge(source, id, arriving, call, position)] = None
        return [((id, tensor),) for tensor in given]

    # --- functional models ------------------------------------------------------------------------------------------

    def read(self, model: Any, parent: str | None, bound: list[_Sources] | None) -> list[_Sources]:
        """The graph of a functional model, whose inputs are bound to these values; None: to nodes of their own."""
        table: dict[int, _Sources] = {}
        for i, tensor in enumerate(model.graph.inputs):
            if bound is not None:
                table[id(tensor)] = bound[i]
                continue
            (table[id(tensor)],) = self.leaf(tensor._keras_history.operation, parent, [], [], [_tensor(tensor)])
            self.inputs.append(table[id(tensor)][0][0])
        for node in model.graph.nodes:
            if all(id(t) in table for t in node.output_tensors):
                continue
            operation, inputs = node.operation, [table[id(t)] for t in node.input_tensors]
            if self.opens(operation):
                inside = self.group(operation, parent)
                if getattr(operation, "graph", None) is not None:
                    results = self.read(operation, inside, _in_order(operation, node.args[0], inputs))
                else:
                    results = self.trace(operation, inside, node.args, node.kwargs, inputs)
            else:
                taken, given = [_tensor(t) for t in node.input_tensors], [_tensor(t) for t in node.output_tensors]
                results = self.leaf(operation, parent, inputs, taken, given)
            for tensor, sources in zip(node.output_tensors, results, strict=True):
                table[id(tensor)] = sources
        return [table[id(t)] for t in model.graph.outputs]

    # --- traced ones ------------------------------------------------------------------------------------------------

    def trace_root(self, model: Any, input_shape: Any) -> list[_Sources]:
        """The parts of a model that is not functional, called on nodes of inputs."""
        if input_shape is not None:
            tries = [(as_shapes(input_shape), dtype) for dtype in (model.compute_dtype, "int32")]
        else:
            shapes = model._build_shapes
            if not model.built or not shapes:
                raise NotBuiltError(
                    f"Model '{model.name}' has not been called yet, so the shapes in it are unknown. Call it on data, "
                    "build(input_shape), or pass input_shape=(None, …)."
                )
            known = next(iter(shapes.values())) if len(shapes) == 1 else dict(shapes)
            free = symbolic.rebuild(_Shapes.wrap(known), lambda s: s.free())
            fixed = symbolic.rebuild(_Shapes.wrap(known), lambda s: s.shape)
            tries = [(s, dtype) for s in (free, fixed) for dtype in (model.compute_dtype, "int32")]
        failure: Exception | None = None
        for shapes, dtype in tries:
            specs = tensors_of(shapes, dtype)
            by_name = input_shape is None and len(model._build_shapes) > 1
            if by_name:
                specs = {k.removesuffix("_shape"): v for k, v in specs.items()}
            args, kwargs = ((), specs) if by_name else ((specs,), {})
            try:
                events = trace_flow(model, args, kwargs, self.opens)
            except Exception as error:  # people's own code, called on tensors without numbers
                failure = failure or error
                continue
            return self._play(events, None, self._input_nodes(specs))
        raise ArgumentError(
            f"Model '{model.name}' cannot be traced: its call on inputs of shape {tries[0][0]} failed with "
            f"{type(failure).__name__}: {failure}. Pass input_shape= with the shapes that it takes."
        ) from failure

    def _input_nodes(self, specs: Any) -> list[_Sources]:
        names = ordered_keys(specs) if isinstance(specs, dict) else []
        tensors = symbolic.flatten(specs)
        found = []
        for i, tensor in enumerate(tensors):
            name = names[i] if len(names) == len(tensors) else "input" if len(tensors) == 1 else f"input_{i + 1}"
            id = self._id(None, tensor, name.removesuffix("_shape"))
            self.nodes[id] = Node(id, id, "InputLayer", "input", None, [[]], [[_tensor(tensor)]])
            self.inputs.append(id)
            found.append(((id, _tensor(tensor)),))
        return found

    def trace(self, layer: Any, group: str, args: Any, kwargs: Any, inputs: list[_Sources]) -> list[_Sources]:
        """The parts of a layer that is called on these symbolic arguments, in a group."""
        return self._play(trace_flow(layer, args, kwargs, self.opens), group, inputs)

    def _play(self, events: FlowEvents, parent: str | None, inputs: list[_Sources]) -> list[_Sources]:
        """Nodes and edges from what was seen; `parent` is the group of the traced layer itself."""
        groups: dict[int, str | None] = {0: parent}

        def group_of(number: int) -> str | None:
            if number not in groups:
                call = events.calls[number]
                groups[number] = self.group(call.layer, group_of(call.parent))
            return groups[number]

        def leaf(call: TracedCall, values: list[_Sources]) -> list[_Sources]:
            return self.leaf(call.layer, group_of(call.parent), values, call.inputs, call.outputs)

        def function(name: str, around: int, values: list[_Sources], given: list[Tensor]) -> list[_Sources]:
            taken = [tensor for value in values for _, tensor in value]
            return self.leaf(object(), group_of(around), values, taken, given, function=name)

        return events.play(inputs, leaf, function)


class _Shapes:
    """A shape as one leaf of a nested structure."""

    def __init__(self, shape: tuple[int | None, ...]):
        self.shape = shape

    def free(self) -> tuple[int | None, ...]:
        """The shape for any size of the batch."""
        return (None, *self.shape[1:])

    @staticmethod
    def wrap(shapes: Any) -> Any:
        """The structure with its shapes as leaves."""
        if isinstance(shapes, (tuple, list)) and all(s is None or isinstance(s, int) for s in shapes):
            return _Shapes(tuple(shapes))
        if isinstance(shapes, dict):
            return {k: _Shapes.wrap(v) for k, v in shapes.items()}
        return [_Shapes.wrap(v) for v in shapes] if isinstance(shapes, Iterable) else shapes


def _in_order(model: Any, given: Any, values: list[_Sources]) -> list[_Sources]:
    """The values that a functional model was called with, in the order of its inputs."""
    if isinstance(given, dict):
        struct = model._inputs_struct
        by_name = dict(zip(ordered_keys(given), values, strict=False))
        return [by_name[name] for name in (ordered_keys(struct) if isinstance(struct, dict) else model.input_names)]
    return values[: len(model.graph.inputs)]


def _tensor(tensor: Any) -> Tensor:
    return Tensor(tuple(tensor.shape), str(tensor.dtype))


def _activation(layer: Any) -> str | None:
    activation = getattr(layer, "activation", None)
    if activation is None:
        return None
    return getattr(activation, "__name__", None) or type(activation).__name__
