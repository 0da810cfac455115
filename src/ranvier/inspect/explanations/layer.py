"""`LayerExplanation`: everything about one call of a layer."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...layers.base import Layer
from ...layers.signatures import call_parameters
from ...ops import symbolic
from ..categories import category_of
from .capture import Call, Node
from .expressions import call_expression, parameter_names
from .html import layer_page
from .neurons import Neuron, neuron_of
from .operations import own_steps
from .quantities import Quantity, as_json, numpy_of
from .replays import replay
from .rules import activation_name, formula_of, note_of, replica_of
from .samples import Sample, as_index, check_top
from .terms import has_terms
from .text import layer_text

__all__ = ["LayerExplanation", "Results", "Weight"]


@dataclasses.dataclass
class Weight:
    """A variable of a layer.

    Attributes:
        name: its own name.
        path: with the names of the layers around it.
        trainable: whether optimizers may change it.
        value: its numbers.
        gradient: ∂L/∂value, over all calls of the layer and with penalties; None without a target.
        dtype: the dtype in which it is kept.
    """

    name: str
    path: str
    trainable: bool
    value: np.ndarray
    gradient: np.ndarray | None
    dtype: str

    def to_dict(self) -> dict[str, Any]:
        """The weight as plain data."""
        return {
            "name": self.name, "path": self.path, "shape": list(self.value.shape), "dtype": self.dtype,
            "trainable": self.trainable, "value": self.value, "gradient": self.gradient,
        }  # fmt: skip


@dataclasses.dataclass
class Results:
    """What was found by running the model: the calls, and the gradients where there is a target.

    Attributes:
        calls: all calls of layers.
        sample: whose numbers are shown.
        nodes: ∂L/∂ of sums and outputs; None without a target.
        variables: ∂L/∂ of variables, by id; None without a target.
        repeats: how often each layer is called, by the layer's id.
        top: how much of large layers to show.
    """

    calls: list[Call]
    sample: Sample
    nodes: dict[Node, Any] | None
    variables: dict[int, Any] | None
    repeats: dict[int, int]
    top: int


class LayerExplanation:
    """What one call of a layer did with the sample.

    Args:
        call: the call.
        results: what was found by running the model.
        asked: the indices of the neurons to show; None: all if they are few, else the strongest.
    """

    def __init__(self, call: Call, results: Results, asked: Sequence[tuple[int, ...]] | None):
        self._call = call
        self._results = results
        self._asked = asked
        self.layer = call.layer
        self.id = call.id
        self.key = call.key
        self.name: str = call.layer.name
        self.class_name = type(call.layer).__name__ if isinstance(call.layer, Layer) else "function"
        self.kind = category_of(call.layer, getattr(getattr(call.layer, "function", None), "__name__", ""))
        self.call = call.repeat
        self.calls = results.repeats.get(id(call.layer), 1)
        self.activation = activation_name(call.layer)
        self.has_neurons = has_terms(call)

    @functools.cached_property
    def formula(self) -> str:
        """The layer's mathematics in a line, or ""."""
        if isinstance(self.layer, Layer):
            return formula_of(self.layer)
        return f"y = {call_expression(self.layer, self._call.args, self._call.kwargs)}"

    @functools.cached_property
    def note(self) -> str:
        """A sentence on what the layer does, or ""."""
        return note_of(self._call)

    @property
    def parent(self) -> int | None:
        """The id of the call around this one; None at the top."""
        outer = self._call.parent
        return None if outer is None or self._results.calls[outer].parent is None else outer

    @property
    def depth(self) -> int:
        """How many calls are around this one."""
        depth, at = 0, self.parent
        while at is not None:
            outer = self._results.calls[at].parent
            depth, at = depth + 1, None if outer is None or self._results.calls[outer].parent is None else outer
        return depth

    # --- numbers ----------------------------------------------------------------------------------------------------

    def _quantity(self, name: str, symbol: str, meaning: str, value: Any, node: Node | None) -> Quantity:
        sample, nodes = self._results.sample, self._results.nodes
        gradient = None if nodes is None or node is None else nodes.get(node)
        return Quantity(
            name, symbol, meaning, numpy_of(sample.pick(value)),
            None if gradient is None else numpy_of(sample.pick(gradient)), dtype=str(value.dtype),
        )  # fmt: skip

    @functools.cached_property
    def inputs(self) -> list[Quantity]:
        """What came in."""
        layer, args = self.layer, self._call.args
        names = call_parameters(type(layer)).names if isinstance(layer, Layer) else parameter_names(layer)
        given = dict(zip([*names, *(f"x{i}" for i in range(len(names), len(args)))], args, strict=False))
        found = []
        for name, value in (given | {k: v for k, v in self._call.kwargs.items() if k != "training"}).items():
            leaves = [leaf for leaf in symbolic.flatten(value) if hasattr(leaf, "shape")]
            several = len(leaves) > 1
            found += [(f"{name}[{i}]" if several else name, leaf) for i, leaf in enumerate(leaves)]
        return [
            self._quantity(name, "x" if len(found) == 1 else f"x{i}", "what comes in", value, Node(self.id, "input", i))
            for i, (name, value) in enumerate(found)
        ]

    @functools.cached_property
    def outputs(self) -> list[Quantity]:
        """What went out."""
        leaves = self._call.leaves
        symbol = "a" if self.activation or self._call.sum is not None else "y"
        return [
            self._quantity(
                "output" if len(leaves) == 1 else f"output {i}", symbol if len(leaves) == 1 else f"{symbol}{i}",
                "what goes out", leaf, Node(self.id, "output", i),
            )
            for i, leaf in enumerate(leaves)
        ]  # fmt: skip

    @functools.cached_property
    def tensors(self) -> list[Quantity]:
        """What lies between: sums, statistics, gates and states, queries, keys, scores …"""
        found = []
        replica = replica_of(self._call)
        if replica is not None:
            nodes = self._results.nodes
            count = len(self._call.leaves)
            by_output = None if nodes is None else [nodes.get(Node(self.id, "output", i)) for i in range(count)]
            if by_output is not None and replica is own_steps:
                by_output.append(np.ones((), "float32"))  # the losses that the code adds
            found += replay(self._call, replica, by_output, self._results.sample)[0]
        if self._call.sum is not None:
            meaning = "the weighted sum of the inputs with the bias, before the activation"
            found.append(self._quantity("sum", "z", meaning, self._call.sum, Node(self.id, "sum")))
        return found

    def tensor(self, name: str) -> Quantity:
        """The quantity with this name among `tensors`."""
        for quantity in self.tensors:
            if quantity.name == name:
                return quantity
        raise ArgumentError(f"Layer '{self.key}' shows {[q.name for q in self.tensors]}. Received: {name!r}")

    @functools.cached_property
    def weights(self) -> list[Weight]:
        """The layer's variables, and those of layers inside that were not seen called."""
        if not isinstance(self.layer, Layer):
            return []
        seen = {id(call.layer) for call in self._within(self._call)}
        own = [v for layer in [self.layer, *self._unseen(self.layer, seen)] for v in layer._own_variables()]
        gradients = self._results.variables
        return [
            Weight(
                v.name, v.path, v.trainable, numpy_of(self._call.values.get(id(v), v.stored_value())),
                None if gradients is None or id(v) not in gradients else numpy_of(gradients[id(v)]), v.dtype,
            )
            for v in {id(v): v for v in own}.values()
        ]  # fmt: skip

    def _within(self, call: Call) -> list[Call]:
        inner = [self._results.calls[i] for i in call.children]
        return inner + [deeper for one in inner for deeper in self._within(one)]

    def _unseen(self, layer: Any, seen: set[int]) -> list[Any]:
        found = []
        for inner in layer._layers_in_order():
            if id(inner) not in seen:
                found += [inner, *self._unseen(inner, seen)]
        return found

    def weight(self, name: str) -> Weight:
        """The variable with this name."""
        for weight in self.weights:
            if weight.name == name:
                return weight
        raise ArgumentError(f"Layer '{self.key}' has the weights {[w.name for w in self.weights]}. Received: {name!r}")

    # --- neurons ----------------------------------------------------------------------------------------------------

    @property
    def neuron_shape(self) -> tuple[int, ...]:
        """What indices of neurons index: the shape of the output."""
        return self.outputs[0].shape if self.outputs else ()

    def check_index(self, index: Any) -> tuple[int, ...]:
        """`index` as a tuple of non-negative integers.

        Raises:
            ArgumentError: there is no such neuron.
        """
        if not self.has_neurons:
            raise ArgumentError(
                f"Layer '{self.key}' ({self.class_name}) has no neurons that are sums of products; see its tensors: "
                f"{[q.name for q in self.tensors]}."
            )
        shape = self.neuron_shape
        place = as_index(index, shape)
        if place is None:
            places = " × ".join(f"0…{s - 1}" for s in shape)
            raise ArgumentError(
                f"The neurons of layer '{self.key}' have the indices {places or '()'} (its output has the shape "
                f"{shape}). Received: {index!r}"
            )
        return place

    def neuron(self, index: Any, top: int | None = None) -> Neuron:
        """One neuron's arithmetic.

        Args:
            index: where in the output, an integer or a tuple of them.
            top: how many products to show; None: as many as in the explanation.
        """
        place = self.check_index(index)
        nodes = self._results.nodes or {}
        return neuron_of(
            self._call, place, self._results.top if top is None else check_top(top), self._results.sample,
            nodes.get(Node(self.id, "sum")), nodes.get(Node(self.id, "output")), self.activation,
        )  # fmt: skip

    @functools.cached_property
    def neurons(self) -> list[Neuron]:
        """The neurons that were asked for; by default all if they are few, else those with the strongest outputs."""
        if not self.has_neurons:
            return []
        if self._asked is not None:
            return [self.neuron(index) for index in self._asked]
        shape, top = self.neuron_shape, self._results.top
        if int(np.prod(shape)) <= top:
            return [self.neuron(index) for index in itertools.product(*map(range, shape))]
        strongest = np.argsort(-np.abs(np.nan_to_num(self.outputs[0].value)).ravel(), kind="stable")[:top]
        return [self.neuron(tuple(int(i) for i in np.unravel_index(flat, shape))) for flat in strongest]

    # --- forms ------------------------------------------------------------------------------------------------------

    def to_dict(self, json: bool = False) -> dict[str, Any]:
        """The call as plain data; with `json`, as data that JSON can hold."""
        data = {
            "id": self.id, "key": self.key, "name": self.name, "class": self.class_name, "kind": self.kind,
            "call": self.call, "calls": self.calls, "parent": self.parent, "depth": self.depth,
            "formula": self.formula, "note": self.note, "activation": self.activation,
            "inputs": [q.to_dict() for q in self.inputs],
            "outputs": [q.to_dict() for q in self.outputs],
            "weights": [w.to_dict() for w in self.weights],
            "tensors": [q.to_dict() for q in self.tensors],
            "has_neurons": self.has_neurons,
            "neuron_shape": list(self.neuron_shape),
            "neurons": [n.to_dict() for n in self.neurons],
        }  # fmt: skip
        return as_json(data) if json else data

    def __str__(self) -> str:
        return layer_text(self)

    def _repr_html_(self) -> str:
        return layer_page(self)

    def __repr__(self) -> str:
        return f"<LayerExplanation {self.key} ({self.class_name}), {len(self._call.leaves)} output(s)>"
