"""What a `GradientTape` records: each primitive operation of JAX that a watched array goes into, while it is computed.

Within the tape, JAX hands every primitive to `RecordingTrace` (whoever asked for it: an operator, `tf.*`, `ops`,
`jax.numpy`, a layer), which lets it be computed as it would be without the tape and notes a `Step` if an array that
the tape knows goes in. Values are the plain arrays that they always are; the tape knows them by identity, and holds them
so that an identity stays theirs. What could slip past that is refused or taken apart: arrays that a compiled function
closed over, and operations that return the very array that they were given.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax._src import core  # the interpreter stack has no public name

from ...core.errors import TraceError

__all__ = ["Recorder", "RecordingTrace", "Step", "alias", "computes", "is_differentiable", "trace_for", "with_pullback"]

_local = threading.local()


class Step:
    """One recorded operation.

    Args:
        function: the operation as a function of all its inputs, which can be run again.
        key: what makes two steps the same computation; None: nothing can be said.
        inputs: the arrays that went in.
        places: for each input its slot on the tape, None for one that the tape does not know.
        pullback: from the outputs' cotangents to those of the inputs that have a slot; None: not made yet.
    """

    __slots__ = ("function", "inputs", "key", "output_avals", "output_slots", "places", "pullback")

    def __init__(
        self,
        function: Callable[..., list[Any]],
        key: Hashable | None,
        inputs: Sequence[Any],
        places: Sequence[int | None],
        pullback: Any = None,
    ):
        self.function = function
        self.key = key
        self.inputs = inputs
        self.places = places
        self.pullback = pullback
        self.output_slots: list[int | None] = []
        self.output_avals: list[Any] = []


class Recorder:
    """The arrays that a tape knows, each with a slot, and the steps that led from some to others."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.slots: dict[int, int] = {}
        self.arrays: list[Any] = []
        self.made: set[int] = set()  # ids of the arrays that recorded steps gave
        self.active = True

    def slot(self, array: Any) -> int:
        """The slot of `array`; a new one if the tape has not met it."""
        found = self.slots.get(id(array))
        if found is None:
            found = self.slots[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return found

    def knows(self, array: Any) -> bool:
        """Whether `array` is watched or depends on something that is."""
        return id(array) in self.slots


class RecordingTrace(core.Trace):
    """Computes as the trace outside it would, and tells the recorder.

    Args:
        parent: the trace outside.
        recorder: what is told.
    """

    def __init__(self, parent: Any, recorder: Recorder):
        super().__init__()
        self.parent = parent
        self.recorder = recorder
        self.requires_low = parent.requires_low
        #: In a trace of JAX the steps are differentiated as they come, so that nothing is computed twice in the program.
        self.at_once = not computes(parent)

    def stage_value(self, val: Any) -> Any:
        """`val` as an array."""
        return self.parent.stage_value(val)

    def cur_qdd(self, x: Any) -> Any:
        """As outside."""
        return self.parent.cur_qdd(x)

    def process_primitive(self, primitive: Any, args: Sequence[Any], params: dict[str, Any], /) -> Any:
        """Compute one primitive and record it."""
        recorder = self.recorder
        if recorder.active and recorder.slots:
            if any(id(c) in recorder.slots for c in _captured_in(params)):
                return self._opened(primitive, args, params)
            if primitive.name == "stop_gradient":
                return self._under_parent(lambda: alias(primitive.bind(*args, **params)))
            if any(id(a) in recorder.slots for a in args):
                return self._recorded(primitive, args, params)
        return self._plain(primitive, args, params)

    def _under_parent(self, function: Callable[[], Any]) -> Any:
        with core.set_current_trace(self.parent):
            return function()

    def _plain(self, primitive: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        return self._under_parent(lambda: primitive.bind(*args, **params))

    def _recorded(self, primitive: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        several = primitive.multiple_results

        def function(*inputs: Any) -> list[Any]:
            outputs = primitive.bind(*inputs, **params)
            return list(outputs) if several else [outputs]

        if primitive.name in ("custom_jvp_call", "custom_vjp_call") or self.at_once:
            key = None
        else:
            key = _hashable((primitive, tuple(sorted(params.items()))))
        outputs = self._noted(function, key, args)
        return outputs if several else outputs[0]

    def _noted(self, function: Callable[..., list[Any]], key: Hashable | None, args: Sequence[Any]) -> list[Any]:
        """The outputs of a step that is now on the tape."""
        recorder = self.recorder
        places = [recorder.slots.get(id(a)) for a in args]
        pullback = None
        if self.at_once:
            outputs, pullback = self._under_parent(lambda: with_pullback(function, args, places))
        else:
            outputs = self._under_parent(lambda: function(*args))
        given = {id(a) for a in args}
        # An operation may return the very array that it was given; the result must be told from the argument.
        outputs = [
            self._under_parent(lambda o=o: alias(o)) if id(o) in given or recorder.knows(o) else o for o in outputs
        ]
        step = Step(function, key, args, places, pullback)
        for output in outputs:
            differentiable = is_differentiable(output)
            step.output_slots.append(recorder.slot(output) if differentiable else None)
            step.output_avals.append((output.shape, output.dtype))
            if differentiable:
                recorder.made.add(id(output))
        if any(slot is not None for slot in step.output_slots):
            recorder.steps.append(step)
        return outputs

    def _opened(self, primitive: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """A compiled function that closed over an array of the tape, operation by operation."""
        closed = params.get("jaxpr")
        if primitive.name not in ("jit", "pjit") or not isinstance(closed, core.ClosedJaxpr):
            raise TraceError(
                f"Inside a GradientTape, the operation {primitive.name!r} uses a watched tensor that it was not given as an "
                "argument but found around it, so its gradient cannot be followed. Pass the tensor as an argument."
            )
        with core.set_current_trace(self):
            return core.eval_jaxpr(closed.jaxpr, closed.consts, *args)

    def process_custom_jvp_call(self, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **params: Any) -> Any:
        """A function with a derivative of its own."""
        return self._custom(primitive, (fun, jvp), tracers, params)

    def process_custom_vjp_call(
        self, primitive: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **params: Any
    ) -> Any:
        """A function with a gradient of its own."""
        return self._custom(primitive, (fun, fwd, bwd), tracers, params)

    def _custom(self, primitive: Any, functions: tuple[Any, ...], args: Any, params: dict[str, Any]) -> Any:
        recorder = self.recorder
        given = {"subfuns": functions, **params}
        if not (recorder.active and any(id(a) in recorder.slots for a in args)):
            return self._plain(primitive, args, given)
        if self.at_once:
            return self._recorded(primitive, args, given)
        # Such functions can be run only once: what runs again and again is their program.
        program = _custom_program(primitive, functions, args, params)
        if any(id(c) in recorder.slots for c in _captured(program.closed.jaxpr)) or any(
            id(c) in recorder.slots for c in program.closed.consts
        ):
            raise TraceError(
                "Inside a GradientTape, a function with a gradient of its own uses a watched tensor that it was not given "
                "as an argument. Pass the tensor as an argument."
            )
        return self._noted(program, program, args)

    def process_call(self, call_primitive: Any, f: Any, tracers: Any, params: Any, /) -> Any:
        """Calls of other kinds are rare; they are computed, but not recorded."""
        if self.recorder.active and any(self.recorder.knows(t) for t in tracers):
            raise TraceError(f"A GradientTape cannot record the operation {call_primitive.name!r}.")
        return self.parent.process_call(call_primitive, f, tracers, params)


def trace_for(parent: Any, recorder: Recorder) -> RecordingTrace:
    """A trace within `parent` that tells `recorder`.

    JAX keeps what it has traced by the trace that was current, so the same one is taken again where numbers are computed.
    """
    if not computes(parent):
        return RecordingTrace(parent, recorder)
    kept: dict[int, RecordingTrace] = _local.__dict__.setdefault("traces", {})
    trace = kept.get(id(parent))
    if trace is None or trace.parent is not parent:
        trace = kept[id(parent)] = RecordingTrace(parent, recorder)
    trace.recorder = recorder
    return trace


def computes(trace: Any) -> bool:
    """Whether `trace` computes numbers at once, rather than tracing a program."""
    while isinstance(trace, RecordingTrace):
        trace = trace.parent
    return isinstance(trace, core.EvalTrace)


def is_differentiable(array: Any) -> bool:
    """Whether gradients can flow through `array`."""
    return jnp.issubdtype(array.dtype, jnp.inexact)


def alias(array: Any) -> Any:
    """The same numbers as another array, for the trace that is current."""
    return jax.lax.copy_p.bind(array)


def with_pullback(function: Callable[..., list[Any]], args: Sequence[Any], places: Sequence[int | None]) -> Any:
    """The outputs and the function from their cotangents to those of the inputs that have a place."""
    moving = [i for i, place in enumerate(places) if place is not None]

    def of_moving(*values: Any) -> list[Any]:
        inputs = list(args)
        for i, value in zip(moving, values, strict=True):
            inputs[i] = value
        return function(*inputs)

    return jax.vjp(of_moving, *(args[i] for i in moving))


class _Program:
    """A traced function of arrays, the same object for the same function and shapes."""

    def __init__(self, closed: Any, first: Any):
        self.closed = closed
        self.first = first  # the function that was traced, which knows the structure of its results
        self._compiled = jax.jit(core.jaxpr_as_fun(closed))

    def __call__(self, *args: Any) -> list[Any]:
        return list(self._compiled(*args))


_MOST_PROGRAMS = 512
_programs: dict[Any, _Program] = {}


def _custom_program(primitive: Any, functions: Any, args: Sequence[Any], params: dict[str, Any]) -> _Program:
    function, *rules = functions
    avals = tuple(core.typeof(a) for a in args)
    fixed = tuple(sorted((k, v) for k, v in params.items() if k != "out_trees"))
    key = _hashable((primitive, function, tuple(getattr(rule, "f", rule) for rule in rules), avals, fixed))
    program = _programs.get(key) if key is not None else None
    if program is not None:
        function.populate_stores(program.first.stores)
        return program

    def run(*values: Any) -> Any:
        return primitive.bind(*values, subfuns=functions, **params)

    with core.set_current_trace(core.eval_trace):
        closed = jax.make_jaxpr(run)(*(jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type) for a in avals))
    program = _Program(closed, function)
    if key is not None:
        if len(_programs) >= _MOST_PROGRAMS:
            _programs.clear()
        _programs[key] = program
    return program


def _hashable(value: Any) -> Hashable | None:
    try:
        hash(value)
    except TypeError:
        return None
    return value


def _captured_in(params: dict[str, Any]) -> Sequence[Any]:
    """The arrays that functions among the parameters of a primitive closed over."""
    found: Sequence[Any] = ()
    for value in params.values():
        kind = type(value)
        if kind is core.ClosedJaxpr or kind is core.Jaxpr or kind is tuple:
            found = [*found, *_captured_by(value)]
    return found


def _captured_by(value: Any) -> Sequence[Any]:
    if isinstance(value, core.ClosedJaxpr):
        return [*(c for c in value.consts if isinstance(c, jax.Array)), *_captured(value.jaxpr)]
    if isinstance(value, core.Jaxpr):
        return _captured(value)
    if isinstance(value, tuple):
        return [
            c for item in value if isinstance(item, (core.ClosedJaxpr, core.Jaxpr, tuple)) for c in _captured_by(item)
        ]
    return ()


@functools.lru_cache(maxsize=4096)
def _captured(jaxpr: Any) -> Sequence[Any]:
    """The arrays inside a program, at any depth."""
    found: list[Any] = []
    for eqn in jaxpr.eqns:
        found += [v.val for v in eqn.invars if isinstance(v, core.Literal) and isinstance(v.val, jax.Array)]
        found += _captured_in(eqn.params)
    return tuple(found)
