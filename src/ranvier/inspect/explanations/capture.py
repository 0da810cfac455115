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
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import get_opaque_trace_state

from ...core.masks import get_mask, set_mask
from ...core.pure import Scope, current_scope, scope
from ...layers.context import call_context, current_context
from ...layers.signatures import call_parameters
from ...ops import symbolic
from .samples import Sample
from .twins import is_weighted_sum, without_activation

__all__ = ["Call", "Node", "Program"]


class Node(NamedTuple):
    """A result inside the program: a call's sum, or one of its outputs."""

    call: int
    role: str  # "sum" or "output"
    place: int = 0


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


class Program:
    """A model's computation for one sample, as something to run again and again.

    Args:
        layer: the model, or a layer.
        sample: what to run it on.
        training: whether layers behave as in training.
        variables: everything that the computation reads.
    """

    def __init__(self, layer: Any, sample: Sample, training: bool, variables: list[Any]):
        self.layer = layer
        self.sample = sample
        self.training = training
        self.variables = variables
        self.start = [jnp.array(v.exact_value(), copy=True) for v in variables]
        self.takes_training = _takes_training(layer)
        self.objective: Callable[[Any], Any] | None = None
        self.loss_name = ""
        self.target: Any = None

    def forward(self) -> tuple[Any, list[Call]]:
        """The outputs, and all calls with their values."""
        watcher = _Watcher(lambda node, value: value)
        outputs, _, _ = self._run(watcher, self.start, self.sample.x, with_loss=False)
        return outputs, watcher.calls

    def loss(self) -> tuple[float, float]:
        """The loss, and the penalties in it."""
        _, total, penalties = self._run(None, self.start, self.sample.x)
        return float(total), float(penalties)

    def gradients(self, nodes: dict[Node, Any]) -> tuple[dict[int, Any], dict[Node, Any], Any]:
        """∂L/∂ of the variables (by id), of the results at `nodes` (given with their values), and of the inputs."""
        floats = [i for i, value in enumerate(self.start) if is_float(value)]
        x = symbolic.flatten(self.sample.x)
        real = [i for i, value in enumerate(x) if is_float(value)]

        def total(free: list[Any], probes: dict[Node, Any], inputs: list[Any]) -> Any:
            values, given = list(self.start), list(x)
            for i, value in zip(floats, free, strict=True):
                values[i] = value
            for i, value in zip(real, inputs, strict=True):
                given[i] = value
            rest = iter(given)
            watcher = _Watcher(lambda node, value: value + probes[node] if node in probes else value)
            return self._run(watcher, values, symbolic.rebuild(self.sample.x, lambda _: next(rest)))[1]

        probes = {node: jnp.zeros(value.shape, value.dtype) for node, value in nodes.items()}
        start = [self.start[i] for i in floats], _keyed(probes), [jnp.asarray(x[i]) for i in real]
        by_free, by_probes, by_inputs = jax.grad(lambda *a: total(a[0], _by_node(a[1]), a[2]), argnums=(0, 1, 2))(*start)
        by_x: list[Any] = [None] * len(x)
        for i, gradient in zip(real, by_inputs, strict=True):
            by_x[i] = gradient
        return (
            {id(self.variables[i]): g for i, g in zip(floats, by_free, strict=True)}, _by_node(by_probes), by_x
        )  # fmt: skip

    def cut(self, given: dict[Node, Any], values: list[Any] | None = None) -> tuple[dict[Node, Any], Any]:
        """The results at the nodes of `given` where each is computed from the given values of those before it.

        Returns:
            The computed results, and the loss.
        """
        computed: dict[Node, Any] = {}

        def replace(node: Node, value: Any) -> Any:
            if node not in given:
                return value
            computed[node] = value
            return given[node]

        _, loss, _ = self._run(_Watcher(replace), self.start if values is None else values, self.sample.x)
        return computed, loss

    def _run(self, watcher: Any, values: list[Any], x: Any, with_loss: bool = True) -> tuple[Any, Any, Any]:
        with scope(Scope(self.variables, values, closed=False)), call_context(training=self.training) as context:
            if watcher is not None:
                watcher.begin()
                context.watch = watcher
            outputs = self.layer(x, training=self.training) if self.takes_training else self.layer(x)
            context.watch = None
            if self.objective is None or not with_loss:
                return outputs, None, None
            mine = symbolic.rebuild(outputs, self.sample.rows)
            losses = [jnp.sum(jnp.asarray(loss)) for loss in self.layer.losses]
            return outputs, self.objective(mine), sum(losses[1:], start=losses[0]) if losses else 0.0


def _takes_training(layer: Any) -> bool:
    asked = getattr(layer, "_call_takes_training", None)
    return call_parameters(type(layer)).training if asked is None else bool(asked)


def is_float(value: Any) -> bool:
    """Whether a value is an array of real numbers that can be differentiated by."""
    return hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jnp.floating)


def _keyed(nodes: dict[Node, Any]) -> dict[str, Any]:
    return {f"{n.call} {n.role} {n.place}": value for n, value in nodes.items()}


def _by_node(keyed: dict[str, Any]) -> dict[Node, Any]:
    parts = {key: key.split() for key in keyed}
    return {Node(int(p[0]), p[1], int(p[2])): keyed[key] for key, p in parts.items()}


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

    def begin(self) -> None:
        """Note where the program runs, to tell calls inside loops from others."""
        self.state = get_opaque_trace_state(convention="flax")

    def __call__(self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        # What runs inside a loop, a branch or a checkpoint has no values of its own that could be kept.
        if get_opaque_trace_state(convention="flax") != self.state:
            return call(*args, **kwargs)
        now = self._opened(layer, args, kwargs)
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
        return now.outputs

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
