"""`GradientTape`: records what is computed with watched arrays, and gives the gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src import core  # the interpreter stack has no public name

from ...core import pure
from ...core.errors import ArgumentError, ArgumentTypeError
from ...core.variables import Variable
from .backward import Journey
from .recording import Recorder, alias, is_differentiable, trace_for

__all__ = ["GradientTape", "UnconnectedGradients", "WatchingScope", "custom_gradient", "is_recording", "stop_gradient"]


class UnconnectedGradients:
    """What `GradientTape.gradient` gives for a source that the target does not depend on."""

    NONE = "none"
    ZERO = "zero"


class GradientTape:
    """Within it, what is computed with watched tensors is recorded; trainable variables are watched as they are read.

    Args:
        persistent: whether gradients may be asked for more than once.
        watch_accessed_variables: False: only what `watch` names.

    >>> from ranvier.compat import tensorflow as tf
    >>> x = tf.Variable(3.0)
    >>> with tf.GradientTape() as tape:
    ...     y = x * x
    >>> float(tape.gradient(y, x))
    6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent = bool(persistent)
        self._watches_variables = bool(watch_accessed_variables)
        self._recorder: Recorder | None = Recorder()
        self._readings: dict[int, tuple[Variable, list[Any]]] = {}
        self._watched: set[int] = set()
        self._open: contextlib.ExitStack | None = None
        self._outside: Any = None  # the trace that is current around the tape

    def __enter__(self) -> GradientTape:
        if self._open is not None:
            raise ArgumentError(
                "Tape is still recording. This can happen if you try to re-enter an already-active tape."
            )
        assert self._recorder is not None
        self._recorder.active = True
        outer = self._outside = core.trace_ctx.trace
        self._open = contextlib.ExitStack()
        self._open.enter_context(core.set_current_trace(trace_for(outer, self._recorder)))
        self._open.enter_context(pure.scope(WatchingScope(self, pure.current_scope())))
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._open is not None:
            stack, self._open = self._open, None
            stack.close()

    def watch(self, tensor: Any) -> None:
        """Record what is computed with `tensor`: an array, a variable, or a structure of them.

        Raises:
            ArgumentTypeError: something that is neither.
        """
        for item in jax.tree.leaves(tensor, is_leaf=lambda x: isinstance(x, Variable)):
            if isinstance(item, Variable):
                self._watched.add(id(item))
                self._note(item, _value(item))
            elif isinstance(item, jax.Array):
                if is_differentiable(item):
                    self._recording().slot(item)
            else:
                raise ArgumentTypeError(
                    f"Passed in object {item!r} of type {type(item).__name__!r}, not tf.Tensor or tf.Variable or "
                    "ExtensionType. Make it a tensor first: x = tf.convert_to_tensor(x)."
                )

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that were read or watched, in that order."""
        return tuple(variable for variable, _ in self._readings.values())

    @contextlib.contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Within it, nothing is recorded."""
        recorder = self._recording()
        before, recorder.active = recorder.active, False
        try:
            yield
        finally:
            recorder.active = before

    def reset(self) -> None:
        """Forget what was recorded."""
        recorder = Recorder()
        self._readings, self._watched = {}, set()
        if self._open is not None:
            trace = core.trace_ctx.trace
            trace.recorder = recorder  # the tape's own: it is the innermost
        self._recorder = recorder

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: Any = UnconnectedGradients.NONE,
    ) -> Any:
        """The gradients of `target` (of the sum of all its numbers) with respect to `sources`.

        Args:
            target: an array, or a structure of them.
            sources: arrays and variables, in any structure.
            output_gradients: a weight for each number of `target`; None: 1.
            unconnected_gradients: ``"none"`` or ``"zero"``, for sources that `target` does not depend on.

        Returns:
            A gradient for each source, in the structure of `sources`.

        Raises:
            ArgumentError: asked for a second time, of a tape that is not persistent.
        """
        mode = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower()
        if mode not in ("none", "zero"):
            raise ArgumentError(f"unconnected_gradients must be 'none' or 'zero'. Received: {unconnected_gradients!r}")
        targets = [_as_array(t) for t in _leaves(target)]
        weights = _leaves(output_gradients) if output_gradients is not None else [None] * len(targets)
        if len(weights) != len(targets):
            raise ArgumentError(
                f"output_gradients must have one for each of the {len(targets)} targets. Received: {len(weights)}"
            )
        journey, connected = self._journey(target, targets, sources)
        cotangents = [
            (jnp.ones(t.shape, t.dtype) if w is None else jnp.broadcast_to(jnp.asarray(w, t.dtype), t.shape))
            for t, w, known in zip(targets, weights, connected, strict=True)
            if known
        ]
        found = journey.back(cotangents)
        return self._arranged(sources, found, mode)

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = UnconnectedGradients.NONE,
        parallel_iterations: Any = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The derivative of each number of `target` with respect to `sources`: (*target's shape, *source's shape)."""
        (single,) = _leaves(target)
        single = _as_array(single)
        journey, connected = self._journey(target, [single], sources)
        if not all(connected):
            found: list[Any] = [None] * len(journey.sources)
        else:
            basis = jnp.eye(single.size, dtype=single.dtype).reshape(single.size, *single.shape)
            found = _mapped(journey, basis)
            found = [None if f is None else f.reshape(*single.shape, *f.shape[1:]) for f in found]
        return self._arranged(sources, found, str(unconnected_gradients).lower(), single.shape)

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: Any = UnconnectedGradients.NONE,
        parallel_iterations: Any = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The derivative of each number of each row of `target` with respect to the same row of `source`.

        Rows must not depend on each other. The result is (rows, *target's row, *source's row).
        """
        target = _as_array(target)
        journey, connected = self._journey(target, [target], source)
        rows = target.shape[0]
        if not all(connected):
            return self._arranged(source, [None], str(unconnected_gradients).lower(), target.shape)
        inner = target.shape[1:]
        size = int(np.prod(inner))
        basis = jnp.eye(size, dtype=target.dtype).reshape(size, 1, *inner)
        (found,) = _mapped(journey, jnp.broadcast_to(basis, (size, rows, *inner)))
        if found is None:
            return self._arranged(source, [None], str(unconnected_gradients).lower(), target.shape)
        found = jnp.moveaxis(found, 0, 1)  # (rows, size, *source's row)
        return found.reshape(rows, *inner, *found.shape[2:])

    # --- inside -------------------------------------------------------------------------------------------------------

    def _recording(self) -> Recorder:
        if self._recorder is None:
            raise ArgumentError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians). Make it "
                "GradientTape(persistent=True) to ask it more than once."
            )
        return self._recorder

    def _journey(self, target: Any, targets: list[Any], sources: Any) -> tuple[Journey, list[bool]]:
        """The way from the targets that the tape knows to the sources, each with all the arrays that it was read as."""
        recorder = self._recording()
        if not self._persistent:
            self.__exit__()
            self._recorder = None
        self._spread = [len(self._arrays_of(s)) for s in _leaves(sources)]
        slots = [recorder.slot(array) for s in _leaves(sources) for array in self._arrays_of(s)]
        connected = [recorder.knows(t) for t in targets]
        given = [recorder.slot(t) for t, known in zip(targets, connected, strict=True) if known]
        return Journey(recorder, given, slots), connected

    def _arrays_of(self, source: Any) -> list[Any]:
        if isinstance(source, Variable):
            return self._readings[id(source)][1] if id(source) in self._readings else []
        if isinstance(source, jax.Array):
            return [source] if is_differentiable(source) else []
        raise ArgumentTypeError(
            f"sources must be tensors or variables. Received: {source!r} of type {type(source).__name__!r}"
        )

    def _arranged(self, sources: Any, found: list[Any], mode: str, ahead: tuple[int, ...] = ()) -> Any:
        parts = iter(found)
        gradients = []
        for source, count in zip(_leaves(sources), self._spread, strict=True):
            given = [g for g in (next(parts) for _ in range(count)) if g is not None]
            gradient = sum(given[1:], given[0]) if given else None
            if gradient is None and mode == "zero":
                gradient = jnp.zeros((*ahead, *source.shape), source.dtype)
            gradients.append(gradient)
        return _like(sources, iter(gradients))

    def _note(self, variable: Variable, value: Any) -> None:
        if self._recorder is None or not is_differentiable(value):
            return
        known = self._readings.setdefault(id(variable), (variable, []))[1]
        if not any(value is k for k in known):
            known.append(value)
        self._recorder.slot(value)


class WatchingScope(pure.Scope):
    """Over whatever scope is outside: tells the tape which variables are read."""

    def __init__(self, tape: GradientTape, outer: pure.Scope | None):
        super().__init__(closed=False)
        self.tape = tape
        self.outer = outer

    def read(self, variable: Variable) -> Any:
        """The variable's value, which the tape hears of."""
        value = variable.stored_value() if self.outer is None else self.outer.read(variable)
        tape = self.tape
        recorder = tape._recorder
        if recorder is None or not recorder.active:
            return value
        if id(value) in recorder.made:
            with core.set_current_trace(tape._outside):
                value = alias(value)  # assigned from what was recorded: reading it is a beginning, as of any variable
        if id(variable) in tape._watched or (tape._watches_variables and variable.trainable):
            tape._note(variable, value)
        return value

    def assign(self, variable: Variable, value: Any) -> None:
        """Assign outside."""
        with pure.scope(self.outer):
            variable.assign(value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__.get("outer"), name)


def _value(variable: Variable) -> Any:
    scope = pure.current_scope()
    while isinstance(scope, WatchingScope):
        scope = scope.outer
    return variable.stored_value() if scope is None else scope.read(variable)


def _mapped(journey: Journey, basis: Any) -> list[Any]:
    """The way back for each cotangent in `basis`; None where there is none."""
    found = jax.vmap(lambda row: [g if g is not None else jnp.nan for g in journey.back([row])])(basis)
    return [f if connected else None for f, connected in zip(found, journey.connected, strict=True)]


def _leaves(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        return [leaf for key in structure for leaf in _leaves(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in _leaves(item)]
    return [structure]


def _like(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, dict):
        return {key: _like(value, leaves) for key, value in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_like(item, leaves) for item in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(_like(item, leaves) for item in structure)
    return next(leaves)


def _as_array(target: Any) -> Any:
    return (
        target.value
        if isinstance(target, Variable)
        else target
        if isinstance(target, jax.Array)
        else jnp.asarray(target)
    )


def is_recording() -> bool:
    """Whether a tape is open and records."""
    scope = pure.current_scope()
    return isinstance(scope, WatchingScope) and scope.tape._recorder is not None and scope.tape._recorder.active


def stop_gradient(input: Any, name: str | None = None) -> Any:
    """`input`, through which no gradient flows."""
    from ...ops import stop_gradient

    return stop_gradient(input)


def custom_gradient(f: Any) -> Any:
    """Decorator: `f` returns its result and the function from the result's gradient to those of the arguments."""
    from ...ops import custom_gradient

    return custom_gradient(f)
