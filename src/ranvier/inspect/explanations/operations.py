"""What people's own code computes outside of layers: in a layer's `call`, and between the layers that a `call` uses.

The call is traced once more with the layers inside replaced by what they gave, so that what is left is the call's own
code, and taken apart into steps (`Steps`). Each step belongs to the first that needs it: a layer inside, or the output.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.extend.core import get_opaque_trace_state

from ...core.masks import set_mask
from ...core.pure import current_scope
from ...layers.base import Layer
from ...layers.context import current_context
from ...layers.signatures import call_parameters
from ...ops import symbolic
from .capture import Call, Node, has_own_code
from .quantities import Quantity, numpy_of
from .replays import Tap, replay
from .samples import Sample
from .steps import Step, Steps

__all__ = ["Block", "blocks_of", "own_steps"]


@dataclasses.dataclass
class Block:
    """The operations between layers that lead to one of them.

    Attributes:
        within: the call whose code they are.
        before: the call that takes their results; None: they make the output, or a loss.
        end: "output" or "loss" where `before` is None.
        inputs: what they begin with.
        steps: all of them, in order.
        outputs: those of `steps` that leave.
    """

    within: Call
    before: Call | None
    end: str
    inputs: list[Quantity]
    steps: list[Quantity]
    outputs: list[Quantity]


class _OtherCourseError(Exception):
    """The code calls other layers than it did before, so its steps cannot be told."""


class _Part(NamedTuple):
    """A block as the trace finds it: its end, its inputs (numbers, or names of earlier steps), its steps and outputs."""

    end: int | str
    inputs: list[int | str]
    steps: list[str]
    outputs: list[str]


def _arrays(structure: Any) -> list[Any]:
    return [leaf for leaf in symbolic.flatten(structure) if hasattr(leaf, "shape") and hasattr(leaf, "dtype")]


def _is_number(array: Any) -> bool:
    return np.asarray(array).dtype.kind not in "OUS" if isinstance(array, np.ndarray) else True


def _labels(layer: Any, args: Any, kwargs: Any) -> list[str]:
    """What arrays that came in are called in the call's code."""
    parameters = call_parameters(type(layer)).names if isinstance(layer, Layer) else []
    names = [*parameters, *(f"x{i}" for i in range(len(parameters), len(args)))]
    found = []
    for name, value in {**dict(zip(names, args, strict=False)), **kwargs}.items():
        count = len(_arrays(value))
        found += [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]
    return found


# --- a layer of one's own -------------------------------------------------------------------------------------------


def own_steps(call: Call, tap: Tap) -> Any:
    """What a layer's own code computes, operation by operation."""
    leaves = _arrays((call.args, call.kwargs))
    labels = _labels(call.layer, call.args, call.kwargs)

    def again(arrays: list[Any]) -> Any:
        args, kwargs = _rebuilt((call.args, call.kwargs), arrays, call.masks)
        return call.layer.call(*args, **kwargs)

    def through(step: Step, value: Any) -> Any:
        return tap(step.name, step.symbol, step.meaning, value)

    outputs, losses = Steps(again, leaves, labels, _known(call.layer)).run(leaves, through)
    return [*symbolic.flatten(outputs), _total(losses)]


def _known(layer: Any) -> list[tuple[Any, str]]:
    frame = current_scope()
    return [] if frame is None else [(frame.read(v), v.name) for v in layer.variables]


def _rebuilt(structure: Any, arrays: list[Any], masks: list[Any]) -> Any:
    """The nested arguments with other arrays, which carry the masks."""
    rest = iter(arrays)
    fresh = symbolic.rebuild(structure, lambda leaf: next(rest) if hasattr(leaf, "dtype") else leaf)
    for leaf, mask in zip(symbolic.flatten(fresh), masks, strict=True):
        set_mask(leaf, mask)
    return fresh


# --- between layers -------------------------------------------------------------------------------------------------


def blocks_of(call: Call, calls: list[Call], nodes: dict[Node, Any] | None, sample: Sample) -> list[Block]:
    """The operations of a call's own code between the layers that it uses.

    Args:
        call: a call with calls within.
        calls: all calls.
        nodes: ∂L/∂ of results; None without a target.
        sample: whose numbers are wanted.
    """
    if not has_own_code(call.layer) or not call.children:
        return []
    inner = [calls[i] for i in call.children]
    arrays = _arrays((call.args, call.kwargs, [c.outputs for c in inner]))
    if not all(map(_is_number, arrays)):
        return []  # texts cannot be traced
    gradients = None
    if nodes is not None:
        gradients = [nodes.get(Node(call.id, "output", i)) for i in range(len(symbolic.flatten(call.outputs)))]
        for child in inner:
            gradients += [
                nodes.get(Node(child.id, "input", i)) for i in range(len(_arrays((child.args, child.kwargs))))
            ]
        gradients.append(np.ones((), "float32"))  # the losses that the code adds count as they are
    begun = list(_begun(call, inner, nodes, sample))
    given = [c.outputs for c in inner]
    args = call.args, call.kwargs, given, [quantity.name for quantity in begun]
    masks = [*call.masks, *(None for _ in symbolic.flatten((given, begun)))]
    whole = dataclasses.replace(call, args=args, kwargs={}, masks=masks)
    try:
        quantities, parts = replay(whole, _between, gradients, sample)
    except _OtherCourseError:
        return []
    by_name = {step.name: step for step in quantities}
    found = []
    for part in parts:
        before = inner[part.end] if isinstance(part.end, int) else None
        inputs = [begun[i] if isinstance(i, int) else by_name[i] for i in part.inputs]
        steps, outputs = ([by_name[name] for name in names] for names in (part.steps, part.outputs))
        found.append(Block(call, before, str(part.end), inputs, steps, outputs))
    return found


def _begun(call: Call, inner: list[Call], nodes: Any, sample: Sample) -> Iterator[Quantity]:
    """The names and values of what a call's code begins with: its inputs and what the layers inside gave."""

    def quantity(name: str, meaning: str, value: Any, node: Node | None) -> Quantity:
        gradient = None if nodes is None or node is None else nodes.get(node)
        return Quantity(
            name, name, meaning, numpy_of(sample.pick(value)),
            None if gradient is None else numpy_of(sample.pick(gradient)), dtype=str(value.dtype),
        )  # fmt: skip

    for name, leaf in zip(_labels(call.layer, call.args, call.kwargs), _arrays((call.args, call.kwargs)), strict=True):
        yield quantity(name, "what comes in", leaf, None)
    for child in inner:
        name = child.key.rsplit("/", 1)[-1]
        for i, leaf in enumerate(child.leaves):
            one = name if len(child.leaves) == 1 else f"{name}[{i}]"
            yield quantity(one, f"what {child.key} gives", leaf, Node(child.id, "output", i))


def _between(whole: Call, tap: Tap) -> Any:
    """A call's own code, with what the layers inside gave in their place."""
    leaves, labels = _arrays(whole.args), whole.args[-1]
    taken_counts: list[int] = []

    def again(arrays: list[Any]) -> Any:
        args, kwargs, inner, _ = _rebuilt(whole.args, arrays, whole.masks)
        state = get_opaque_trace_state(convention="flax")
        context = current_context()
        rest, taken = iter(inner), []
        taken_counts.clear()

        def watch(layer: Any, call: Any, args: Any, kwargs: Any) -> Any:
            if get_opaque_trace_state(convention="flax") != state:
                return call(*args, **kwargs)
            came = _arrays((args, kwargs))
            taken_counts.append(len(came))
            taken.extend(came)
            try:
                return next(rest)
            except StopIteration:
                raise _OtherCourseError from None

        assert context is not None
        context.watch = watch
        try:
            outputs = whole.layer.call(*args, **kwargs)
        finally:
            context.watch = None
        return [symbolic.flatten(outputs), taken]

    steps = Steps(again, leaves, labels, _known(whole.layer))
    if len(taken_counts) != len(whole.args[2]):
        raise _OtherCourseError
    outputs = len(steps.outputs) - sum(taken_counts) - steps.losses
    tap.told = parts = _parts(steps, taken_counts, outputs)
    wanted = {name for part in parts for name in part.steps}

    def through(step: Step, value: Any) -> Any:
        return tap(step.name, step.symbol, step.meaning, value) if step.name in wanted else value

    (given, taken), losses = steps.run(leaves, through)
    return [*given, *taken, _total(losses)]


def _total(losses: list[Any]) -> Any:
    return sum((jnp.sum(loss) for loss in losses), start=jnp.zeros(()))


def _parts(steps: Steps, taken: list[int], outputs: int) -> list[_Part]:
    """The steps by what first needs them."""
    by_symbol = {step.symbol: step for step in steps.steps}
    order = {step.name: i for i, step in enumerate(steps.steps)}
    ends: list[tuple[int | str, list[set[int | str]]]] = []
    at = outputs
    for i, count in enumerate(taken):
        ends.append((i, steps.outputs[at : at + count]))
        at += count
    ends += [("output", steps.outputs[:outputs]), ("loss", steps.outputs[at:])]
    done: set[str] = set()
    found = []
    for end, values in ends:
        roots = set().union(*values)
        mine: list[str] = []
        inputs: set[int | str] = set()
        waiting = [s for s in roots if isinstance(s, str)]
        while waiting:
            step = by_symbol[waiting.pop()]
            if step.name in done:
                continue
            done.add(step.name)
            mine.append(step.name)
            waiting += [s for s in step.reads if isinstance(s, str) and by_symbol[s].name not in done]
            inputs.update(s if isinstance(s, int) else by_symbol[s].name for s in step.reads)
        if mine:
            inputs -= set(mine)
            leaving = [by_symbol[s].name for s in roots if isinstance(s, str) and by_symbol[s].name in mine]
            found.append(
                _Part(end, sorted(inputs, key=str), sorted(mine, key=order.__getitem__), sorted(leaving, key=order.__getitem__))
            )  # fmt: skip
    return found
