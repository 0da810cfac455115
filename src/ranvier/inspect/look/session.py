"""What the page asks about a model, answered as plain data."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, NotBuiltError
from ...core.trees import ordered_keys
from ...ops.symbolic import flatten
from ..explain import explain
from ..explanations.quantities import as_json
from ..model_graph import ModelGraph, Node, model_graph
from .pictures import number, numbers, picture, statistics, weight_picture
from .places import places
from .recording import Flow, Recording, Signal
from .samples import NotThereError, Samples, label_of

__all__ = ["Session"]

_THUMBNAIL = {"panels": 12, "side": 28, "length": 1024}
_TERMS = 12  # contributions of a neuron that are shown one by one
_SMALL = 2_000_000  # weights of a model that is explained before the page opens
_FEW = 16  # layers of which a neuron is worked out by then
_REMEMBERED = 8  # samples whose flow and explanation are kept


class Session:
    """One model with its samples. Its methods answer in dicts, lists, strings and numbers.

    Args:
        model: a built model.
        x, y: samples and targets; see `Samples`.

    Raises:
        NotBuiltError: the model has no weights yet.
    """

    def __init__(self, model: Any, x: Any = None, y: Any = None):
        if not getattr(model, "built", False):
            raise NotBuiltError(
                f"Model '{getattr(model, 'name', model)}' is not built, so there is nothing to look at yet. Call it on data, "
                "build(input_shape), or begin it with an Input."
            )
        self.model = model
        self.graph: ModelGraph = model_graph(model)
        tensors = [self.graph.node(id).outputs[0][0] for id in self.graph.inputs]
        shapes, dtypes = [tuple(t.shape[1:]) for t in tensors], [t.dtype for t in tensors]
        self.samples = Samples(model, shapes, dtypes, self._in_order(x), y)
        self._recording = Recording(model, self.graph)
        self._lock = threading.Lock()  # one forward pass at a time: a trace changes what the process knows
        self._drawn: dict[str, tuple[Any, list[dict[str, Any]], list[Any]]] = {}
        self._explaining = threading.Lock()
        self._known: OrderedDict[Any, tuple[tuple[Any, Any, Flow, list[Any]], list[Any]]] = OrderedDict()
        self.x = self._nested(self.samples.sample(0)[0])

    def _in_order(self, x: Any) -> Any:
        """A dict of samples in the order of the model's inputs."""
        struct = getattr(self.model, "_inputs_struct", None)
        names = ordered_keys(struct) if isinstance(struct, dict) else self.graph.inputs
        if not isinstance(x, dict) or getattr(self.model, "graph", None) is None:
            return x
        if set(x) != set(names):
            raise ArgumentError(f"x must have the keys of the model's inputs, {names}. Received: {list(x)}")
        return {name: x[name] for name in names}

    def _nested(self, x: Any) -> Any:
        """The model's inputs in the structure that it takes them in."""
        struct = getattr(self.model, "_inputs_struct", None)
        leaves = flatten(x)
        if isinstance(struct, dict) and not isinstance(x, dict) and len(struct) == len(leaves):
            return dict(zip(ordered_keys(struct), leaves, strict=True))
        return x

    def warm_up(self) -> None:
        """Compile what the page will ask for; of large models the explanation waits until it is asked for."""
        self.run({"sample": 0})
        if sum(v.size for v in self.model.weights) <= _SMALL:
            with contextlib.suppress(ValueError):  # of which the page tells where it matters
                self.within(self.graph.nodes[-1].id, {"sample": 0})
                for node in self.graph.nodes[:_FEW]:
                    shape = [size or 1 for size in node.outputs[-1][0].shape[1:]]
                    with contextlib.suppress(NotThereError, ValueError):
                        self.neuron(node.id, [0] * len(shape), {"sample": 0})

    # --- what is there ----------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """The model and its layers, with places to draw them at."""
        columns = places(self.graph)
        return {
            "name": self.model.name,
            "kind": type(self.model).__name__,
            "parameters": sum(v.size for v in self.model.weights),
            "trainable": sum(v.size for v in self.model.trainable_weights),
            "input": {
                "digit": self.samples.digit,
                "typed": self.samples.typed,
                "shapes": [list(shape) for shape in self.samples.shapes],
            },
            "samples": {
                "count": self.samples.count,
                "source": self.samples.source,
                "labelled": self.samples.labelled,
            },
            "loss": _loss_name(self.model),
            "layers": [self._described(node) | {"place": columns[node.id]} for node in self.graph.nodes],
            "edges": sorted({(edge.source, edge.target) for edge in self.graph.edges}),
            "outputs": self.graph.outputs,
        }

    def _described(self, node: Node) -> dict[str, Any]:
        activation = node.activation if node.activation not in (None, "linear") else None
        return {
            "id": node.id,
            "name": node.name,
            "kind": node.kind,
            "category": node.category,
            "within": node.parent,
            "activation": activation,
            "trainable": node.trainable,
            "parameters": node.parameters,
            "takes": [list(t.shape[1:]) for t in (node.inputs[0] if node.inputs else [])],
            "gives": [list(t.shape[1:]) for t in (node.outputs[0] if node.outputs else [])],
            "calls": len(node.outputs),
        }

    def _node(self, id: Any) -> Node:
        for node in self.graph.nodes:
            if node.id == id:
                return node
        raise NotThereError(f"The model has no layer called {str(id)[:80]!r}.")

    # --- what flows -------------------------------------------------------------------------------------------------

    def _resolve(self, source: Any) -> tuple[Any, Any, Any]:
        """The inputs, the target and a key for what the page chose."""
        if not isinstance(source, dict) or not source.keys() & {"sample", "pixels", "numbers"}:
            raise ArgumentError("Say what to look at: a sample's number, the pixels of a drawing, or numbers.")
        if "sample" in source:
            index = source["sample"]
            if not isinstance(index, int) or isinstance(index, bool):
                raise ArgumentError(f"A sample is chosen by its number. Received: {str(index)[:40]!r}")
            x, y = self.samples.sample(index)
        elif "pixels" in source:
            x, y = self.samples.drawing(source["pixels"]), None
        else:
            x, y = self.samples.typed_numbers(source["numbers"]), None
        if source.get("target") is not None:
            y = self._target(source["target"])
        x = self._nested(x)
        key = tuple(a.tobytes() for a in flatten((x, y)))
        return x, y, key

    def _target(self, target: Any) -> Any:
        """A typed target in the form that the model's loss takes."""
        try:
            values = np.asarray(target, np.float64).reshape(-1)
        except (TypeError, ValueError):
            values = np.zeros(0)
        width = self._width()
        if len(values) not in (1, width) or not np.isfinite(values).all():
            raise ArgumentError(f"The target must be a class or {width} number(s).")
        name = _loss_name(self.model) or ""
        if len(values) == 1 and width > 1:
            if not 0 <= values[0] < width or values[0] != int(values[0]):
                raise ArgumentError(f"The target must be a class from 0 to {width - 1}. Received: {values[0]:g}")
            if "sparse" not in name and name:
                return np.eye(width, dtype="float32")[int(values[0])][None]
            return values.astype("int32")
        return values.astype("float32")[None]

    def _width(self) -> int:
        node = self.graph.node(self.graph.outputs[0])
        return int(node.outputs[-1][0].shape[-1] or 1) if node.outputs and len(node.outputs[-1][0].shape) > 1 else 1

    def _flow(self, source: Any) -> tuple[Any, Any, Flow, list[Any]]:
        """The inputs, the target, what flows, and a place for the explanation."""
        x, y, key = self._resolve(source)
        with self._lock:
            held = [v.value for v in self.model.weights]  # so that an id stays its own; training gives other arrays
            state = (key, tuple(map(id, held)))
            if state not in self._known:
                self._known[state] = (x, y, self._recording(x), []), held
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
            self._known.move_to_end(state)
            return self._known[state][0]

    def run(self, source: Any, opened: Any = None) -> dict[str, Any]:
        """What the model says about an input, a small picture of what every layer gives, and of one in full."""
        x, y, flow, _ = self._flow(source)
        layers = {}
        for node in self.graph.nodes:
            value = self._value(node, flow, x)
            if value is not None:
                layers[node.id] = picture(value, **_THUMBNAIL, fold=self._fold(node))
        full = None if opened is None else self.layer(opened, source, brief=True)
        return {"outputs": self._said(flow), "label": label_of(y), "layers": layers, "opened": full}

    def _said(self, flow: Flow) -> list[dict[str, Any]]:
        said = []
        for name, output in zip(self.graph.outputs, flow.outputs, strict=False):
            values = np.asarray(output, np.float32)[0]
            flat = values.reshape(-1)
            activation = self.graph.node(name).activation if name in {n.id for n in self.graph.nodes} else None
            classes = values.ndim == 1 and len(flat) > 1 and flat.min() >= 0 and abs(float(flat.sum()) - 1) < 1e-3
            kind = "classes" if classes else "probability" if activation == "sigmoid" else "values"
            said.append({"name": name, "kind": kind, "shape": list(values.shape), "values": numbers(flat[:100])})
        return said

    def _value(self, node: Node, flow: Flow, x: Any) -> np.ndarray | None:
        """What a node gave for the sample, without the batch axis."""
        if node.id in self.graph.inputs and node.id not in flow.signals:
            return np.asarray(flatten(x)[self.graph.inputs.index(node.id)])[0]
        signal = self._signal(node, flow)
        if signal is None or not signal.outputs or not signal.outputs[0].ndim:
            return None
        return _without_batch(signal.outputs[0])

    def _signal(self, node: Node, flow: Flow) -> Signal | None:
        calls = flow.signals.get(node.id)
        return calls[-1] if calls else None

    def _image(self, node: Node) -> tuple[int, int] | None:
        """The height and width of the image that comes flattened to a node, if one does."""
        if self.samples.digit and len(self.samples.shapes[0]) == 1 and node.id in self._fed_by(self.graph.inputs):
            return 28, 28
        for edge in self.graph.edges:
            if edge.target == node.id:
                before = self.graph.node(edge.source)
                if before.kind == "Flatten" and before.inputs:
                    shape = [size for size in before.inputs[0][0].shape[1:] if size != 1]
                    if len(shape) == 2 and None not in shape:
                        return int(shape[0] or 0), int(shape[1] or 0)
        return None

    def _fed_by(self, ids: list[str]) -> set[str]:
        return {edge.target for edge in self.graph.edges if edge.source in ids}

    def _fold(self, node: Node) -> int | None:
        """The width of the image that a node's vector was."""
        if self.samples.digit and node.id in self.graph.inputs and len(self.samples.shapes[0]) == 1:
            return 28
        if node.kind == "Flatten" and node.inputs:
            shape = [size for size in node.inputs[0][0].shape[1:] if size != 1]
            return shape[1] if len(shape) == 2 else None
        return None

    # --- one layer, one neuron --------------------------------------------------------------------------------------

    def layer(self, id: Any, source: Any, brief: bool = False) -> dict[str, Any]:
        """A layer: what it gives for an input, in full, and (if not `brief`) its weights."""
        node = self._node(id)
        x, _, flow, _ = self._flow(source)
        value = self._value(node, flow, x)
        answer = self._described(node)
        if value is not None:
            answer["activation_picture"] = picture(value, fold=self._fold(node))
            answer["statistics"] = statistics(value)
        if brief:
            return answer
        answer["weights"] = self._weights(node)
        return answer

    def _weights(self, node: Node) -> list[dict[str, Any]]:
        """The weights of a layer as pictures, made anew where they have changed."""
        weights = getattr(node.layer, "weights", [])
        version = tuple(id(weight.value) for weight in weights)
        if self._drawn.get(node.id, (None, [], []))[0] == version:
            return self._drawn[node.id][1]
        drawn = [
            {
                "name": weight.name,
                "shape": list(weight.shape),
                "trainable": bool(weight.trainable),
                "picture": weight_picture(weight.value, node.kind, self._image(node)),
                "statistics": statistics(weight.value),
            }
            for weight in weights
        ]
        held = [weight.value for weight in weights]  # so that an id stays its own
        self._drawn[node.id] = (version, drawn, held)
        return drawn

    def within(self, id: Any, source: Any) -> dict[str, Any]:
        """What the explanation of the sample says about a layer: its formula, and the tensors inside it."""
        node = self._node(id)
        x, y, _, explained = self._flow(source)
        last = self._call(node, x, y, explained)
        if last is None:
            return {"id": node.id, "formula": "", "note": "", "neurons": False, "tensors": []}
        tensors = [
            {"name": t.name, "meaning": t.meaning, "axes": list(t.axes), "picture": picture(t.value)}
            for t in last.tensors
            if np.ndim(t.value) and np.asarray(t.value).dtype.kind == "f"
        ]
        return {
            "id": node.id, "formula": last.formula, "note": last.note, "neurons": last.has_neurons, "tensors": tensors,
        }  # fmt: skip

    def _explanation(self, x: Any, y: Any, explained: list[Any]) -> Any:
        """The explanation of the sample, worked out once; without the target's half where that cannot be."""
        with self._explaining:
            if not explained:
                sentence = None
                try:
                    explanation = explain(self.model, x, y, neurons=())
                except ValueError as error:
                    if y is None:
                        raise
                    explanation, sentence = explain(self.model, x, neurons=()), str(error)
                explained += [explanation, sentence]
            return explained

    def _call(self, node: Node, x: Any, y: Any, explained: list[Any]) -> Any:
        """What the explanation says about a layer's last call; None if it says nothing."""
        explanation = self._explanation(x, y, explained)[0]
        found = [layer for layer in explanation.layers if layer.key.split("@")[0] == node.id]
        return found[-1] if found else None

    def neuron(self, id: Any, index: Any, source: Any) -> dict[str, Any]:
        """A neuron's arithmetic for an input; with a target also its gradients."""
        node = self._node(id)
        x, y, flow, explained = self._flow(source)
        value = self._value(node, flow, x)
        if value is None:
            raise ArgumentError(f"'{node.name}' gives no numbers that can be looked at one by one.")
        place = _place(index, value.shape, node.name)
        answer: dict[str, Any] = {
            "layer": node.id, "name": node.name, "kind": node.kind, "index": list(place), "shape": list(value.shape),
            "output": number(value[place]), "terms": [],
        }  # fmt: skip
        call = self._call(node, x, y, explained)
        if call is None or not call.has_neurons:
            if node.category == "input":
                answer["sentence"] = "The input itself: nothing is computed here."
            else:
                answer["formula"] = call.formula if call else ""
                answer["sentence"] = (
                    f"{node.kind} has no weighted sums. What it computes is shown with the layer, step by step."
                )
            return answer
        explanation, sentence = self._explanation(x, y, explained)
        answer |= as_json(explanation.neuron(call.key, place, top=_TERMS).to_dict())
        answer |= {
            "layer": node.id, "formula": call.formula, "note": call.note, "why_no_gradient": sentence,
            "loss": as_json(explanation.loss), "pictures": self._pictures(node, place, flow),
            "fold": (self._image(node) or (0, None))[1] if node.kind == "Dense" else None,
        }  # fmt: skip
        return answer

    def chain(self, id: Any, index: Any, source: Any) -> dict[str, Any]:
        """The chain-rule products of a neuron's strongest weight, where there is a target."""
        node = self._node(id)
        x, y, flow, explained = self._flow(source)
        value = self._value(node, flow, x)
        place = _place(index, () if value is None else value.shape, node.name)
        call = self._call(node, x, y, explained)
        explanation, sentence = self._explanation(x, y, explained)
        if y is None or sentence is not None or call is None or not call.has_neurons:
            return {"chain": None}
        neuron = explanation.neuron(call.key, place, top=_TERMS)
        weighted = [term for term in neuron.terms if term.weight_index is not None]
        if not weighted or not neuron.weight_name:
            return {"chain": None}
        strongest = max(weighted, key=lambda term: abs(term.product))
        try:
            found = explanation.chain(call.key, tuple(strongest.weight_index), neuron.weight_name, top=3)
        except ValueError as error:  # through layers that the chain rule is not told for
            return {"chain": None, "sentence": str(error)}
        return {"chain": found.to_dict(json=True)}

    def _pictures(self, node: Node, place: tuple[int, ...], flow: Flow) -> list[dict[str, Any]]:
        """Input, weights and their products as images, for neurons that look at images."""
        signal = self._signal(node, flow)
        if signal is None or not signal.inputs:
            return []
        taken = _without_batch(signal.inputs[0])
        if node.kind == "Dense" and taken.ndim == 1 and (image := self._image(node)) is not None:
            weights = np.asarray(node.layer.kernel)[:, place[-1]]
            parts = [part.reshape(*image, 1) for part in (taken, weights, taken * weights)]
        elif node.kind == "Conv2D" and node.layer.groups == 1 and node.layer.data_format == "channels_last":
            kernel = np.asarray(node.layer.kernel)[..., place[-1]]
            patch = _patch(taken, kernel.shape, place, node.layer)
            parts = [patch, kernel, patch * kernel]
        else:
            return []
        titles = ("input", "weights", "products")
        return [{"title": t, "picture": picture(p, panels=64)} for t, p in zip(titles, parts, strict=True)]


def _patch(image: np.ndarray, shape: tuple[int, ...], place: tuple[int, ...], layer: Any) -> np.ndarray:
    """What a convolution's kernel lies on for the output at `place`; 0 where that is padding."""
    patch = np.zeros(shape, np.float32)
    offsets = []
    for axis in range(2):
        size, reach = image.shape[axis], (shape[axis] - 1) * layer.dilation_rate[axis] + 1
        stride, outputs = layer.strides[axis], -(-image.shape[axis] // layer.strides[axis])
        pad = max((outputs - 1) * stride + reach - size, 0) // 2 if layer.padding == "same" else 0
        offsets.append(place[axis] * stride - pad)
    for i in range(shape[0]):
        for j in range(shape[1]):
            row, column = offsets[0] + i * layer.dilation_rate[0], offsets[1] + j * layer.dilation_rate[1]
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                patch[i, j] = image[row, column]
    return patch


def _without_batch(array: np.ndarray) -> np.ndarray:
    return np.asarray(array[0] if array.ndim else array, np.float32)


def _place(index: Any, shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    whole = isinstance(index, list) and all(isinstance(i, int) and not isinstance(i, bool) for i in index)
    if not whole or len(index) != len(shape) or any(not 0 <= i < s for i, s in zip(index, shape, strict=True)):
        raise NotThereError(f"'{name}' gives numbers of shape {shape}; it has no neuron {str(index)[:60]}.")
    return tuple(index)


def _loss_name(model: Any) -> str | None:
    loss = getattr(model, "loss", None)
    if loss is None:
        return None
    if isinstance(loss, (list, tuple, dict)):
        return "several"
    return loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "custom")
