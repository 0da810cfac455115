"""Running a model once with every call of a layer watched, and its loss differentiated by what the calls gave.

The program is the model's own, run step by step: a watcher stands in the place of each layer's `call`
(`CallContext.watch`) and passes every result through a function of its own, which

- keeps it (the values),
- adds a zero to it, by which the loss is differentiated (the gradients ∂L/∂value), or
- puts a given value in its place, which cuts the program into pieces between one result and the next (the factors of
  the chain rule).

Layers with an activation give two results: the sum before it and the output after it. The sum is that of a twin of the
layer that has everything but the activation.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import get_opaque_trace_state

from ...core.masks import get_mask, set_mask
from ...core.pure import Scope, current_scope, scope
from ...core.serialization import is_builtin
from ...layers.base import Layer
from ...layers.context import call_context, current_context
from ...layers.signatures import call_parameters
from ...ops import symbolic
from .compiling import Traced, compiled, signature
from .samples import Sample
from .twins import is_weighted_sum, without_activation

__all__ = ["Call", "Found", "Node", "Program", "has_own_code", "is_float"]


class Node(NamedTuple):
    """A result inside the program: a call's sum, one of its outputs, or what other code than layers' made its input."""

    call: int
    role: str  # "sum", "output" or "input"
    place: int = 0

    def __str__(self) -> str:
        return f"{self.call:06} {self.role} {self.place}"


@dataclasses.dataclass
class Call:
    """One call of a layer.

    Attributes:
        id: its number, in the order in which calls began.
        layer: the layer (or, in a functional model, a function).
        parent: the number of the call around it; None for the outermost.
        key: the names of the layers around it and its own, unique among the calls.
        repeat: 1 for the first call of the layer at this place, 2 for the second …
        args, kwargs: what it was called on.
        masks: the masks that the arrays among them carry.
        training: the training flag that held.
        values: the values of variables when it began, by id.
        sum: the sum before the activation, or None.
        outputs: what it gave.
        children: the numbers of the calls within it.
    """

    id: int
    layer: Any
    parent: int | None
    key: str
    repeat: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    masks: list[Any]
    training: bool | None
    values: dict[int, Any]
    sum: Any = None
    outputs: Any = None
    children: list[int] = dataclasses.field(default_factory=list)

    @property
    def leaves(self) -> list[Any]:
        """The arrays that it gave."""
        return [leaf for leaf in symbolic.flatten(self.outputs) if hasattr(leaf, "shape")]


@dataclasses.dataclass
class Found:
    """What one run found.

    Attributes:
        outputs: the model's.
        calls: all calls, in the order in which they began.
        loss, penalties: the loss and the penalties in it; None without a target.
        variables: ∂L/∂variable, by the variable's id.
        nodes: ∂L/∂result, by node.
        inputs: ∂L/∂input, in the order of the flattened inputs; None for integers.
    """

    outputs: Any
    calls: list[Call]
    loss: float | None = None
    penalties: float | None = None
    variables: dict[int, Any] | None = None
    nodes: dict[Node, Any] | None = None
    inputs: list[Any] | None = None


class Program:
    """A model's computation for one sample, as something to run again and again.

    Args:
        layer: the model, or a layer.
        sample: what to run it on.
        training: whether layers behave as in training.
        variables: everything that the computation reads.
        objective: ``(inputs, target, outputs) → loss``; None: no loss.
        key: what tells this objective from others.

    Attributes:
        target: what the objective is given as the target.
        loss_name: the objective's name.
    """

    def __init__(
        self, layer: Any, sample: Sample, training: bool, variables: list[Any], objective: Any = None, key: Any = None
    ):
        self.layer = layer
        self.sample = sample
        self.training = training
        self.variables = variables
        self.start = [jnp.array(v.exact_value(), copy=True) for v in variables]
        self.objective = objective
        self.key = key
        self.loss_name = ""
        self.target: Any = None
        asked = getattr(layer, "_call_takes_training", None)
        self.takes_training = call_parameters(type(layer)).training if asked is None else bool(asked)

    # --- the whole, once --------------------------------------------------------------------------------------------

    def forward(self) -> Any:
        """The outputs' shapes and dtypes, or the outputs themselves where the inputs cannot be traced."""
        if not self._can_compile():
            return self._run(None, self.start, self.sample.x, None)[0]
        return jax.eval_shape(lambda v, x: self._run(None, v, x, None)[0], self.start, self.sample.x)

    def run(self) -> Found:
        """Everything: the calls with their values and, if there is a target, all gradients."""
        if not self._can_compile():
            notes: dict[str, Any] = {}
            return self._found(notes, self._whole(notes, self.start, self.sample.x, self.target))
        arguments = self.start, self.sample.x, self.target
        traced = self.compiled("run", self._whole, arguments)
        return self._found(traced.notes, traced(*arguments))

    def compiled(self, what: Any, function: Callable[..., Any], arguments: Any) -> Traced:
        """`function` of this program, compiled; kept for other samples of the same shapes."""
        sample = self.sample
        key = what, self.training, sample.batch, sample.row, self.key, signature(arguments)
        return compiled(self.layer, key, function)

    def _can_compile(self) -> bool:
        return all(np.asarray(a).dtype.kind not in "OUS" for a in symbolic.flatten((self.sample.x, self.target)))

    def _whole(self, notes: dict[str, Any], values: list[Any], x: Any, target: Any) -> Any:
        floats = [i for i, value in enumerate(values) if is_float(value)]
        leaves = symbolic.flatten(x)
        real = [i for i, value in enumerate(leaves) if is_float(value)]

        def total(free: list[Any], probes: dict[str, Any], inputs: list[Any]) -> Any:
            now, given = list(values), list(leaves)
            for i, value in zip(floats, free, strict=True):
                now[i] = value
            for i, value in zip(real, inputs, strict=True):
                given[i] = value
            rest = iter(given)
            watcher = _Watcher(lambda node, value: value + probes[str(node)] if str(node) in probes else value)
            outputs, loss, penalties = self._run(watcher, now, symbolic.rebuild(x, lambda _: next(rest)), target)
            arrays = [_taken_apart(call, watcher.start, notes) for call in watcher.calls]
            notes["calls"] = [
                (c.id, weakref.ref(c.layer), c.parent, c.key, c.repeat, c.training, c.children) for c in watcher.calls
            ]
            return jnp.zeros(()) if loss is None else loss, (outputs, penalties, arrays)

        free, inputs = [values[i] for i in floats], [jnp.asarray(leaves[i]) for i in real]
        notes["floats"], notes["real"], notes["leaves"] = floats, real, len(leaves)
        if self.objective is None or target is None:
            return total(free, {}, inputs)[1], None, None
        shapes: dict[str, Any] = {}

        def look(node: Node, value: Any) -> Any:
            shapes[str(node)] = (node, value.shape, value.dtype)
            return value

        jax.eval_shape(lambda v: self._run(_Watcher(look), v, x, None)[0], values)  # x may hold texts
        notes["nodes"] = {name: node for name, (node, _, _) in shapes.items()}
        probes = {name: jnp.zeros(shape, dtype) for name, (_, shape, dtype) in shapes.items()}
        (loss, aux), gradients = jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True)(free, probes, inputs)
        return aux, loss, gradients

    def _found(self, notes: dict[str, Any], results: Any) -> Found:
        (outputs, penalties, arrays), loss, gradients = jax.device_get(results)
        start = {id(v): value for v, value in zip(self.variables, jax.device_get(self.start), strict=True)}
        calls = []
        for described, parts, changed in zip(notes["calls"], arrays, notes["changed"], strict=True):
            number, layer, parent, key, repeat, training, children = described
            args, kwargs, masks, new, summed, given = _put_together(parts, notes[f"parts {number}"])
            values = start | dict(zip(changed, new, strict=True))
            calls.append(
                Call(
                    number, layer(), parent, key, repeat, args, kwargs, masks, training, values, summed, given, children
                )
            )
        if gradients is None:
            return Found(outputs, calls)
        by_free, by_probes, by_inputs = gradients
        inputs: list[Any] = [None] * notes["leaves"]
        for i, gradient in zip(notes["real"], by_inputs, strict=True):
            inputs[i] = gradient
        return Found(
            outputs, calls, float(loss), float(penalties),
            {id(self.variables[i]): g for i, g in zip(notes["floats"], by_free, strict=True)},
            {notes["nodes"][name]: g for name, g in by_probes.items()}, inputs,
        )  # fmt: skip

    # --- cut into pieces --------------------------------------------------------------------------------------------

    def cut(self, nodes: list[Node], given: list[Any], values: list[Any], x: Any, target: Any) -> tuple[list[Any], Any]:
        """The results at `nodes` where each is computed from the given values of those before it, and the loss."""
        table = dict(zip(nodes, given, strict=True))
        computed: dict[Node, Any] = {}

        def replace(node: Node, value: Any) -> Any:
            if node not in table:
                return value
            computed[node] = value
            return table[node]

        _, loss, _ = self._run(_Watcher(replace), values, x, target)
        return [computed[node] for node in nodes], loss

    def _run(self, watcher: Any, values: list[Any], x: Any, target: Any) -> tuple[Any, Any, Any]:
        with scope(Scope(self.variables, values, closed=False)), call_context(training=self.training) as context:
            if watcher is not None:
                watcher.begin(self.variables, values)
                context.watch = watcher
            outputs = self.layer(x, training=self.training) if self.takes_training else self.layer(x)
            context.watch = None
            if self.objective is None or target is None:
                return outputs, None, None
            mine = symbolic.rebuild(outputs, self._rows)
            losses = [jnp.sum(jnp.asarray(loss)) for loss in self.layer.losses]
            penalties = sum(losses[1:], start=losses[0]) if losses else jnp.zeros(())
            return outputs, self.objective(symbolic.rebuild(x, self.sample.rows), target, mine), penalties

    def _rows(self, output: Any) -> Any:
        """The sample's part of an output, with the mask that it carries."""
        mine = self.sample.rows(output)
        if mine is not output and (mask := get_mask(output)) is not None:
            set_mask(mine, self.sample.rows(mask))
        return mine


def _taken_apart(call: Call, start: dict[int, Any], notes: dict[str, Any]) -> list[Any]:
    """The arrays in what is known about a call; the rest goes into the notes."""
    changed = [key for key, value in call.values.items() if start.get(key) is not value]
    if not call.id:
        notes["changed"] = []
    notes["changed"].append(changed)
    everything = call.args, call.kwargs, call.masks, [call.values[key] for key in changed], call.sum, call.outputs
    leaves, structure = jax.tree.flatten(everything, is_leaf=lambda a: a is None)
    is_array = [isinstance(leaf, jax.Array) for leaf in leaves]
    rest = [None if array else leaf for leaf, array in zip(leaves, is_array, strict=True)]
    notes[f"parts {call.id}"] = structure, is_array, rest
    return [leaf for leaf, array in zip(leaves, is_array, strict=True) if array]


def _put_together(arrays: list[Any], notes: tuple[Any, list[bool], list[Any]]) -> Any:
    structure, is_array, rest = notes
    fresh = iter(arrays)
    leaves = [next(fresh) if array else leaf for array, leaf in zip(is_array, rest, strict=True)]
    return jax.tree.unflatten(structure, leaves)


def is_float(value: Any) -> bool:
    """Whether a value is an array of real numbers that can be differentiated by."""
    return hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating)


def has_own_code(layer: Any) -> bool:
    """Whether the layer's `call` is people's own code, that of a subclass, and no graph of layers."""
    return isinstance(layer, Layer) and not is_builtin(type(layer)) and getattr(layer, "graph", None) is None


class _Watcher:
    """Stands in the place of every layer's `call`.

    Args:
        through: what each result at a node becomes, ``(node, value) → value``.
    """

    def __init__(self, through: Callable[[Node, Any], Any]):
        self.through = through
        self.calls: list[Call] = []
        self.open: list[Call] = []
        self.repeats: dict[str, int] = {}
        self.given: dict[int, Any] = {}  # what has gone out of layers, or into those around, by id

    def begin(self, variables: list[Any], values: list[Any]) -> None:
        """Note the values at the start, and where the program runs, to tell calls inside loops from others."""
        self.start = {id(v): value for v, value in zip(variables, values, strict=True)}
        self.state = get_opaque_trace_state(convention="flax")

    def __call__(self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        # What runs inside a loop, a branch or a checkpoint has no values of its own that could be kept.
        if get_opaque_trace_state(convention="flax") != self.state:
            return call(*args, **kwargs)
        now = self._opened(layer, args, kwargs)
        if now.parent is not None and has_own_code(self.calls[now.parent].layer):
            places = iter(range(2**31))
            args, kwargs = now.args, now.kwargs = symbolic.rebuild(
                (args, kwargs), lambda leaf: self._taken(now, leaf, places)
            )
        self.given |= {id(leaf): leaf for leaf in symbolic.flatten((args, kwargs))}
        self.open.append(now)
        try:
            if is_weighted_sum(layer):
                now.sum = self._through(Node(now.id, "sum"), without_activation(layer).call(*args, **kwargs))
                outputs = layer.activation(now.sum)
            else:
                outputs = call(*args, **kwargs)
        finally:
            self.open.pop()
        places = iter(range(2**31))
        now.outputs = symbolic.rebuild(outputs, lambda leaf: self._through(Node(now.id, "output", next(places)), leaf))
        self.given |= {id(leaf): leaf for leaf in symbolic.flatten(now.outputs)}
        return now.outputs

    def _taken(self, call: Call, leaf: Any, places: Iterator[int]) -> Any:
        """What comes into a call: a result of its own where it is not simply what a layer gave."""
        if not hasattr(leaf, "dtype"):
            return leaf
        place = next(places)
        return leaf if id(leaf) in self.given else self._through(Node(call.id, "input", place), leaf)

    def _opened(self, layer: Any, args: Any, kwargs: Any) -> Call:
        parent = self.open[-1] if self.open else None
        prefix = f"{parent.key}/" if parent is not None and parent.parent is not None else ""
        name = f"{prefix}{layer.name}"
        repeat = self.repeats[name] = self.repeats.get(name, 0) + 1
        context, key = current_context(), name if repeat == 1 else f"{name}@{repeat}"
        masks = [get_mask(leaf) for leaf in symbolic.flatten((args, kwargs))]
        values = _values_now()
        training = kwargs.get("training", context.training if context is not None else None)
        now = Call(
            len(self.calls), layer, None if parent is None else parent.id, key, repeat, args, kwargs, masks, training,
            values,
        )  # fmt: skip
        self.calls.append(now)
        if parent is not None:
            parent.children.append(now.id)
        return now

    def _through(self, node: Node, value: Any) -> Any:
        if not is_float(value):
            return value
        new = self.through(node, value)
        if new is not value:
            set_mask(new, get_mask(value))
        return new


def _values_now() -> dict[int, Any]:
    found = current_scope()
    return dict(found.values) if found is not None else {}
