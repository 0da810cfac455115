"""Which layer is called on what, for models that are Python code: the model is traced once, with its calls marked.

Each call of a layer marks its inputs and outputs with the identity `jax.ad_checkpoint.checkpoint_name`, so that the
traced program tells how values flow from layer to layer, whatever happens to them on the way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax.ad_checkpoint import checkpoint_name
from jax.core import Tracer

from ..core.masks import get_mask, set_mask
from ..core.pure import sketch
from ..layers.context import call_context
from ..ops import symbolic

__all__ = ["FlowEvents", "Tensor", "TracedCall", "trace_flow"]


class Tensor(NamedTuple):
    """A tensor's shape, with None where a size is not fixed, and dtype."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass
class TracedCall:
    """A call of a layer seen in a trace.

    Attributes:
        layer: the layer.
        parent: the number of the call that made it; -1 for the outermost.
        opened: whether the calls within are recorded.
        inputs: the arrays that came in.
        outputs: the arrays that went out.
    """

    layer: Any
    parent: int
    opened: bool
    inputs: list[Tensor] = dataclasses.field(default_factory=list)
    outputs: list[Tensor] = dataclasses.field(default_factory=list)


_PREFIX = "ranvier"
# Two sizes for each unknown one; sizes that differ between two traces are unknown. Primes seldom meet other sizes.
_STAND_INS = ((4099, 4111, 4127, 4129, 4133, 4139, 4153, 4157), (6007, 6011, 6029, 6037, 6043, 6047, 6053, 6067))


def trace_flow(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], opens: Callable[[Any], bool]) -> FlowEvents:
    """Trace ``layer(*args, **kwargs)`` and watch the calls within.

    Args:
        layer: a layer or model; it becomes built, as by any call.
        args, kwargs: its arguments, with symbolic tensors for arrays.
        opens: whether to look into a layer that is called within.
    """
    tensors = [t for t in symbolic.flatten((args, kwargs)) if symbolic.is_symbolic(t)]
    fixed = all(size is not None for t in tensors for size in t.shape)
    calls, first = _trace(layer, args, kwargs, tensors, _STAND_INS[0], opens)
    if fixed:
        return FlowEvents(calls, first, first)
    others, second = _trace(layer, args, kwargs, tensors, _STAND_INS[1], opens)
    for call, other in zip(calls, others, strict=False):
        call.inputs = [_merge(a, b) for a, b in zip(call.inputs, other.inputs, strict=False)]
        call.outputs = [_merge(a, b) for a, b in zip(call.outputs, other.outputs, strict=False)]
    return FlowEvents(calls, first, second)


def _merge(one: Any, other: Any) -> Tensor:
    """A tensor whose sizes are those that two arrays (or tensors) agree on."""
    return Tensor(tuple(a if a == b else None for a, b in zip(one.shape, other.shape, strict=True)), str(one.dtype))


def _trace(
    layer: Any, args: Any, kwargs: Any, tensors: list[Any], stand_ins: tuple[int, ...], opens: Callable[[Any], bool]
) -> tuple[list[TracedCall], Any]:
    calls: list[TracedCall] = []

    def mark(values: Any, call: int, side: str) -> Any:
        seen = calls[call].inputs if side == "in" else calls[call].outputs

        def one(x: Any) -> Any:
            if not isinstance(x, Tracer):
                return x
            marked = checkpoint_name(x, f"{_PREFIX}:{call}:{side}:{len(seen)}")
            set_mask(marked, get_mask(x))
            seen.append(_merge(x, x))
            return marked

        return symbolic.rebuild(values, one)

    def run(values: list[Any]) -> Any:
        rest = iter(values)
        real_args, real_kwargs = symbolic.rebuild(
            (args, kwargs), lambda x: next(rest) if symbolic.is_symbolic(x) else x
        )
        with call_context() as context:
            stack = [-1]

            def watch(inner: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
                number = len(calls)
                opened = inner is layer or opens(inner)
                calls.append(TracedCall(inner, stack[-1], opened))
                stack.append(number)
                if not opened:
                    context.watch = None
                try:
                    masks = {
                        k: v
                        for k, v in kwargs.items()
                        if k == "mask" or (k.endswith("_mask") and k != "attention_mask")
                    }
                    args, given = mark((args, {k: v for k, v in kwargs.items() if k not in masks}), number, "in")
                    return mark(call(*args, **given, **masks), number, "out")
                finally:
                    context.watch = watch
                    stack.pop()

            context.watch = watch
            outputs = layer(*real_args, **real_kwargs)
        return [t for t in symbolic.flatten(outputs) if isinstance(t, Tracer)]

    specs = [
        jax.ShapeDtypeStruct([stand_ins[min(i, 7)] if s is None else s for i, s in enumerate(t.shape)], t.dtype)
        for t in tensors
    ]
    with sketch():
        return calls, jax.make_jaxpr(run)(specs).jaxpr


class FlowEvents:
    """A traced program, to be walked through.

    Args:
        calls: the calls of layers, numbered by their places.
        first: the program for one size of what is unknown.
        second: for another.
    """

    def __init__(self, calls: list[TracedCall], first: Any, second: Any):
        self.calls = calls
        self._programs = (first, second)

    def play(
        self,
        inputs: list[Any],
        leaf: Callable[[TracedCall, list[Any]], list[Any]],
        function: Callable[[str, int, list[Any], list[Tensor]], list[Any]],
    ) -> list[Any]:
        """Walk through the program with a value for each array; what depends on no input has the value ().

        Args:
            inputs: the values of the inputs, tuples.
            leaf: ``(call, values in) → values out``, for a call of a layer that was not opened.
            function: ``(name, call around it, values in, tensors out) → values out``, for a function that joins values.

        Returns:
            The values of the outputs.
        """
        return _Walk(self.calls, leaf, function).program(*self._programs, inputs)


class _Walk:
    """The state of one walk: what came into the calls that are under way."""

    def __init__(self, calls: list[TracedCall], leaf: Any, function: Any):
        self.calls, self.leaf, self.function = calls, leaf, function
        self.taken: dict[int, list[Any]] = {}
        self.given: dict[int, list[Any]] = {}
        self.around = 0

    def program(self, first: Any, second: Any, inputs: list[Any]) -> list[Any]:
        """The values of a program's outputs."""
        values: dict[int, Any] = dict(zip(map(id, first.invars), inputs, strict=True))
        paired = second.eqns if len(second.eqns) == len(first.eqns) else first.eqns
        for one, other in zip(first.eqns, paired, strict=True):
            given = self.equation(one, other, [values.get(id(v), ()) for v in one.invars])
            values.update(zip(map(id, one.outvars), given, strict=True))
        return [values.get(id(v), ()) for v in first.outvars]

    def equation(self, one: Any, other: Any, inputs: list[Any]) -> list[Any]:
        """The values of one equation's outputs."""
        mark = str(one.params.get("name", "")).split(":")
        if one.primitive.name == "name" and mark[0] == _PREFIX:
            return [self.mark(int(mark[1]), mark[2], int(mark[3]), inputs[0])]
        for inner_one, inner_other in _inside(one, other):
            skipped = len(one.invars) - len(inner_one.invars)  # the choice of `cond`, the condition's part of `while`
            results = self.program(inner_one, inner_other, inputs[skipped:])
            if any(results):
                return results
        found = list(dict.fromkeys(value for value in inputs if value))
        if len(found) < 2:
            return [found[0] if found else ()] * len(one.outvars)
        same = [v.aval.shape for v in one.outvars], [v.aval.shape for v in other.outvars]
        pairs = zip(one.outvars, other.outvars if len(same[0]) == len(same[1]) else one.outvars, strict=True)
        name = _NAMES.get(one.primitive.name, one.primitive.name)
        return self.function(name, self.around, found, [_merge(a.aval, b.aval) for a, b in pairs])

    def mark(self, number: int, side: str, index: int, value: Any) -> Any:
        """The value behind a mark."""
        call = self.calls[number]
        if call.opened:
            self.around = number if side == "in" else max(call.parent, 0)
            return value
        if side == "in":
            self.taken.setdefault(number, []).append(value)
            return ()
        if number not in self.given:
            self.given[number] = self.leaf(call, self.taken.get(number, []))
        return self.given[number][index]


_NAMES = {
    "add_any": "add", "mul": "multiply", "sub": "subtract", "div": "divide", "dot_general": "matmul", "max": "maximum",
    "min": "minimum", "select_n": "where", "pow": "power", "dynamic_update_slice": "update", "scatter": "update",
    "conv_general_dilated": "convolution",
}  # fmt: skip


def _inside(one: Any, other: Any) -> list[tuple[Any, Any]]:
    """The programs within an equation (a jitted function, a loop's body, the branches of a choice), in pairs."""
    found = []
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr", "body_jaxpr", "branches"):
        mine, theirs = one.params.get(name), other.params.get(name)
        if mine is None:
            continue
        several = isinstance(mine, (tuple, list))
        for a, b in zip(mine, theirs, strict=True) if several else [(mine, theirs)]:
            found.append((getattr(a, "jaxpr", a), getattr(b, "jaxpr", b)))
    return [(a, b) for a, b in found if len(a.outvars) == len(one.outvars) and len(a.invars) <= len(one.invars)]
