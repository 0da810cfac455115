"""The glass box: every number that a model computes for one sample, and how it comes about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import losses
from ..core.errors import ArgumentError, ArgumentTypeError, NotBuiltError
from ..core.ownership import unique
from ..core.tracebacks import filtered
from ..layers.base import Layer
from ..layers.input import InputLayer
from ..ops import symbolic
from ..training.compilation import Compiled
from ..training.objectives import LossSet, total_of
from ..training.output_structure import layer_names
from .explanations.between import Between
from .explanations.capture import Call, Found, Node, Program
from .explanations.explanation import Explanation, find_layer
from .explanations.layer import LayerExplanation, Results
from .explanations.operations import blocks_of
from .explanations.quantities import Quantity, numpy_of
from .explanations.samples import Sample, check_top, read_sample, read_target

__all__ = ["explain"]


@filtered
def explain(
    model: Any,
    x: Any,
    y: Any = None,
    layers: Any = None,
    neurons: Any = None,
    top: int = 8,
    *,
    index: int = 0,
    loss: Any = None,
    training: bool = False,
) -> Explanation:
    """What a model does with one sample, number by number.

    For each layer the inputs, weights, products, sums, biases and activations of its neurons, or whatever else it
    computes (statistics, gates and states, attention). With a target also the loss, ∂L/∂ of every output, sum, weight
    and bias, and the chain rule for any single weight, factor by factor: ``explanation.chain("hidden", (0, 0))``.
    The model is run once more for the gradients and is not changed.

    Args:
        model: a built model or layer.
        x: one sample, or a batch of samples, in the structure that the model takes.
        y: its target (or those of the batch); None: no loss, no gradients.
        layers: the layers to show: a name, a key such as ``"encoder/dense"``, a layer, or a list of them; None: all.
        neurons: the neurons to show: an index or a list of indices into a layer's output, or a dict of them by layer;
            None: all of small layers, the `top` strongest of others; (): none.
        top: how many neurons and products of large layers to show.
        index: which sample of a batch.
        loss: a loss in the place of the compiled one: a name, a loss object or a function.
        training: whether layers behave as in training (dropout drops, batch normalisation sees the batch).

    Raises:
        NotBuiltError: the model has no weights yet.
        ShapeError: a sample of another shape than the model takes.
        ArgumentError: unknown layers or neurons, or a target without a loss.

    >>> import ranvier
    >>> from ranvier import layers
    >>> model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(1, "sigmoid", kernel_initializer="ones", name="out")])
    >>> neuron = explain(model, [3.0, 4.0]).neuron("out", 0)
    >>> [term.product for term in neuron.terms], neuron.sum, round(neuron.output, 4)
    ([3.0, 4.0], 7.0, 0.9991)
    """
    _check(model)
    top = check_top(top)
    if y is None and loss is not None:
        raise ArgumentError("loss was given without a target y to compare the output with. Give both.")
    sample = read_sample(model, x, index, whole=bool(training))
    variables = unique([*model.variables, *model.metrics_variables])
    objective, key = (None, None) if y is None else _objective(model, loss, bool(training))
    program = Program(model, sample, bool(training), variables, objective, key)
    if y is not None:
        program.target, program.loss_name = read_target(y, program.forward(), sample), _loss_name(model, loss)
    found = program.run()
    results = Results(found.calls, sample, found.nodes, found.variables, _repeats(found.calls), top)
    everything = _explained(results)
    shown = everything if layers is None else [find_layer(everything, one) for one in _as_list(layers)]
    asked = _asked(neurons, shown, chosen=layers is not None)
    for one in shown:
        one._asked = asked.get(one.key)
    return Explanation(
        program, results, everything, shown, _quantities(sample, model, sample.x, "x", found.inputs),
        _quantities(sample, model, found.outputs, "ŷ", _output_gradients(found)), _target(program), _loss_of(found, program),
    )  # fmt: skip


def _check(model: Any) -> None:
    if not isinstance(model, Layer):
        raise ArgumentTypeError(f"explain takes a model or a layer. Received: a {type(model).__name__}")
    if not model.built:
        raise NotBuiltError(
            f"Model '{model.name}' is not built, so there are no weights to explain. Call it on data once, "
            "build(input_shape), or begin it with an Input."
        )


def _objective(model: Any, loss: Any, training: bool) -> tuple[Any, Any]:
    """The loss as a function of inputs, target and outputs, and what tells it from others."""
    if loss is not None:
        chosen = LossSet(loss, None, layer_names(model))
        return lambda x, y, outputs: total_of(model.losses, chosen(y, outputs)), ("given", _Same(loss))
    own = isinstance(model, Compiled) and type(model).compute_loss is not Compiled.compute_loss
    if not isinstance(model, Compiled) or not (own or model._losses_compiled is not None):
        raise ArgumentError(
            f"y was given, but '{getattr(model, 'name', model)}' has no loss to compare it with: compile(loss=…), or "
            "explain(…, loss=…)."
        )
    function = lambda x, y, outputs: model._call_compute_loss(x, y, outputs, None, training)  # noqa: E731
    return function, ("compiled", _Same(model._losses_compiled))


class _Same:
    """Equal to another only if it holds the same object (or an equal name), which it keeps from being freed."""

    def __init__(self, held: Any):
        self.held = held

    def __hash__(self) -> int:
        return hash(self.held) if isinstance(self.held, str) else id(self.held)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Same):
            return False
        return self.held is other.held or (isinstance(self.held, str) and self.held == other.held)


def _target(program: Program) -> Any:
    return None if program.target is None else symbolic.rebuild(program.target, lambda t: numpy_of(t)[0])


def _loss_of(found: Found, program: Program) -> dict[str, Any] | None:
    if found.loss is None or found.penalties is None:
        return None
    return {
        "name": program.loss_name, "value": found.loss, "data": found.loss - found.penalties,
        "penalties": found.penalties,
    }  # fmt: skip


def _loss_name(model: Any, loss: Any) -> str:
    given = model.loss if loss is None else loss
    if isinstance(given, (list, tuple, dict)):
        parts = given.values() if isinstance(given, dict) else given
        return " + ".join(_loss_name(model, part) for part in parts if part is not None)
    if given is None:
        return "compute_loss"
    found = losses.get(given) if isinstance(given, str) else given
    return str(getattr(found, "name", None) or getattr(found, "__name__", None) or type(found).__name__)


def _repeats(calls: list[Call]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for call in calls:
        counts[id(call.layer)] = counts.get(id(call.layer), 0) + 1
    return counts


def _explained(results: Results) -> list[LayerExplanation]:
    """One for each call within the model, and for what happens between them; a layer without any is explained itself."""
    calls, found = results.calls, []
    numbers = itertools.count(len(calls))

    def within(call: Call) -> None:
        blocks = blocks_of(call, calls, results.nodes, results.sample)
        by_end = {block.end if block.before is None else block.before.id: block for block in blocks}
        for end in (*call.children, "output", "loss"):
            if end in by_end:
                found.append(Between(by_end[end], results, next(numbers)))
            if isinstance(end, int):
                if not isinstance(calls[end].layer, InputLayer):
                    found.append(LayerExplanation(calls[end], results, None))
                within(calls[end])

    within(calls[0])
    return found or [LayerExplanation(calls[0], results, None)]


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _asked(neurons: Any, shown: list[LayerExplanation], chosen: bool) -> dict[str, list[tuple[int, ...]]]:
    """The indices of the neurons to show, by the layer's key."""
    if neurons is None:
        return {}
    if isinstance(neurons, dict):
        found = {find_layer(shown, name).key: neurons[name] for name in neurons}
        return {k: [find_layer(shown, k).check_index(i) for i in _indices(v)] for k, v in found.items()}
    indices = _indices(neurons)
    found = {}
    for layer in shown:
        if not indices or (not chosen and not layer.has_neurons):
            found[layer.key] = []
        else:
            found[layer.key] = [layer.check_index(i) for i in indices]
    return found


def _indices(value: Any) -> Sequence[Any]:
    """An index, or several: a tuple of integers is one index, a list is several."""
    if isinstance(value, (int, np.integer)):
        return [value]
    if isinstance(value, tuple) and value and all(isinstance(i, (int, np.integer)) for i in value):
        return [value]
    return list(value)


def _quantities(sample: Sample, model: Any, values: Any, symbol: str, gradients: Any) -> list[Quantity]:
    """The model's inputs or outputs."""
    leaves = [leaf for leaf in symbolic.flatten(values) if hasattr(leaf, "shape")]
    incoming = symbol == "x"
    names = getattr(model, "input_names" if incoming else "output_names", None) if _has_graph(model) else None
    if names is None or len(names) != len(leaves):
        names = [("input" if incoming else "output") + (f" {i}" if len(leaves) > 1 else "") for i in range(len(leaves))]
    meaning = "what the model is given" if incoming else "what the model answers"
    found = []
    for i, (name, leaf) in enumerate(zip(names, leaves, strict=True)):
        gradient = None if gradients is None else gradients[i]
        found.append(
            Quantity(
                name,
                symbol if len(leaves) == 1 else f"{symbol}{i}",
                meaning,
                numpy_of(sample.pick(np.asarray(leaf))),
                None if gradient is None else numpy_of(sample.pick(gradient)),
                dtype=str(leaf.dtype),
            )
        )
    return found


def _has_graph(model: Any) -> bool:
    return getattr(model, "graph", None) is not None


def _output_gradients(found: Found) -> list[Any] | None:
    if found.nodes is None:
        return None
    return [found.nodes.get(Node(0, "output", i)) for i in range(len(symbolic.flatten(found.outputs)))]
