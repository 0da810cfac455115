"""Recording: a traced program keeps each function of ops as one equation, with its name and its arguments.

XLA would see a softmax as five elementary operations. Within `recording`, a call of an operation with tracers among its
arguments binds one equation of the primitive ``ranvier_operation`` instead; `ranvier.graph` reads them. Evaluated, compiled,
differentiated or batched, such an equation is the function itself.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from jax import export
from jax.core import ShapedArray, Tracer
from jax.interpreters import ad, batching, mlir

from ..core.pure import sketch
from ..core.variables import Variable
from .compiled import Primitive

__all__ = ["ArrayAt", "OperationCall", "is_recording", "named", "operation_p", "recorded", "recording", "unrecorded"]

F = TypeVar("F", bound=Callable[..., Any])

_recording: ContextVar[bool] = ContextVar("recording_operations", default=False)


@contextlib.contextmanager
def _set(value: bool) -> Iterator[None]:
    token = _recording.set(value)
    try:
        yield
    finally:
        _recording.reset(token)


def recording() -> contextlib.AbstractContextManager[None]:
    """Within it, programs that are traced keep the operations that they call."""
    return _set(True)


def unrecorded() -> contextlib.AbstractContextManager[None]:
    """Within it, nothing is recorded: what an operation calls is a part of it."""
    return _set(False)


def is_recording() -> bool:
    """Whether operations are recorded now."""
    return _recording.get()


@dataclass(frozen=True)
class ArrayAt:
    """The place of an array among the operands of a recorded operation."""

    index: int


class OperationCall:
    """A function of ops with the arguments of one call, of which the arrays were taken out.

    Args:
        function: the function itself, which records nothing.
        arguments: its arguments by name, with `ArrayAt` where the arrays were.
    """

    def __init__(self, function: Callable[..., Any], arguments: inspect.BoundArguments):
        self.function = function
        self.arguments = arguments
        self.structure: Any = None  # of the results
        self._shapes: dict[Any, list[ShapedArray]] = {}

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.__name__

    def __call__(self, *arrays: Any) -> Any:
        """What the function gives for these operands, in its own structure."""
        with unrecorded():
            args, kwargs = _replaced((self.arguments.args, self.arguments.kwargs), arrays)
            return self.function(*args, **kwargs)

    def given(self) -> dict[str, Any]:
        """The arguments by name, defaults among them."""
        full = inspect.BoundArguments(self.arguments.signature, self.arguments.arguments.copy())
        full.apply_defaults()
        return dict(full.arguments)

    def with_arguments(self, replace: Callable[[Any], Any]) -> OperationCall:
        """The same call with other arguments: each value is what `replace` makes of it."""
        changed = {name: replace(value) for name, value in self.arguments.arguments.items()}
        return OperationCall(self.function, inspect.BoundArguments(self.arguments.signature, changed))  # type: ignore[arg-type]

    def flat(self, *arrays: Any) -> list[Any]:
        """The results as a list of arrays."""
        leaves, self.structure = jax.tree.flatten(self(*arrays))
        if not all(isinstance(leaf, (jax.Array, np.ndarray)) for leaf in leaves):
            raise Unrecordable(f"{self.name} gives something else than arrays")  # sizes, for example
        return leaves

    def shapes(self, *operands: ShapedArray) -> list[ShapedArray]:
        """Shapes and dtypes of the results."""
        key = tuple((a.shape, a.dtype, a.weak_type) for a in operands)
        if key not in self._shapes:
            given = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type) for a in operands]
            with sketch():
                found = jax.eval_shape(self.flat, *given)
            self._shapes[key] = [ShapedArray(a.shape, a.dtype, weak_type=a.weak_type) for a in found]
        return self._shapes[key]

    def __str__(self) -> str:
        return self.name


def _replaced(value: Any, arrays: Sequence[Any]) -> Any:
    if isinstance(value, ArrayAt):
        return arrays[value.index]
    if isinstance(value, dict):
        return {key: _replaced(inner, arrays) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_replaced(inner, arrays) for inner in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(inner, arrays) for inner in value)
    if isinstance(value, slice):
        return slice(*(_replaced(part, arrays) for part in (value.start, value.stop, value.step)))
    return value


class Unrecordable(Exception):  # noqa: N818  no error: the call is recorded by its parts
    """An argument or a result that an equation cannot hold."""


def _taken_out(value: Any, arrays: list[Any], concrete: bool) -> Any:
    """`value` with places for its arrays, which go to `arrays`; those that are no tracers stay unless `concrete`."""
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, Tracer) or (concrete and isinstance(value, (jax.Array, np.ndarray)) and np.ndim(value)):
        if getattr(value, "dtype", None) is not None and value.dtype.kind in "OUST":
            raise Unrecordable
        arrays.append(value)
        return ArrayAt(len(arrays) - 1)
    if isinstance(value, dict):
        return {key: _taken_out(inner, arrays, concrete) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_taken_out(inner, arrays, concrete) for inner in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_taken_out(inner, arrays, concrete) for inner in value)
    if isinstance(value, slice):
        return slice(*(_taken_out(part, arrays, concrete) for part in (value.start, value.stop, value.step)))
    size: Any = value
    if export.is_symbolic_dim(size):
        return size
    if value is None or value is Ellipsis or isinstance(value, _PLAIN) or not callable(value):
        if hasattr(value, "next_seed") or hasattr(value, "__jax_array__"):
            raise Unrecordable  # it draws numbers, or is an array of another kind
        return value
    raise Unrecordable  # a function: what it calls is recorded by itself


def _holds_open_size(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_open_size, value.values()))
    return any(map(_holds_open_size, value)) if isinstance(value, (list, tuple)) else export.is_symbolic_dim(value)


_PLAIN = (bool, int, float, complex, str, bytes, type, np.dtype, np.generic)


def recorded(function: Callable[..., Any], args: Any, kwargs: Any, makes: bool = False) -> Any:
    """What `function` gives, as one equation where that is possible, else as the equations that it is made of."""
    for concrete in (True, False):
        try:
            arrays: list[Any] = []
            bound = _signature(function).bind(*args, **kwargs)
            for name, value in bound.arguments.items():
                bound.arguments[name] = _taken_out(value, arrays, concrete)
            if not (makes or any(isinstance(array, Tracer) for array in arrays) or _holds_open_size(bound.arguments)):
                break
            call = OperationCall(function, bound)
            call.shapes(*map(_shaped, arrays))
        except (Unrecordable, jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            continue  # values that must be known, such as a size, are no operands
        except (TypeError, ValueError, IndexError):
            break  # the function itself says what is wrong
        return jax.tree.unflatten(call.structure, operation_p.bind(*arrays, call=call))
    return function(*args, **kwargs)


def named(function: F, makes: bool = False) -> F:
    """Decorator: `function` of arrays is one equation of recorded programs, under its name. Otherwise it is as it was.

    For what layers compute and Keras has no function for; the decorator `op` of public functions does this, too.

    Args:
        function: the function.
        makes: it makes tensors of none, as `zeros` does.
    """

    @functools.wraps(function)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return recorded(function, args, kwargs, makes) if _recording.get() else function(*args, **kwargs)

    return dispatch  # type: ignore[return-value]


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _shaped(array: Any) -> ShapedArray:
    return jax.typeof(array)  # type: ignore[return-value]


operation_p = Primitive("ranvier_operation")
operation_p.multiple_results = True
operation_p.def_impl(lambda *arrays, call: call.flat(*arrays))
operation_p.def_abstract_eval(lambda *shapes, call: call.shapes(*shapes))
mlir.register_lowering(operation_p, mlir.lower_fun(lambda *arrays, call: call.flat(*arrays), multiple_results=True))


def _batched(arrays: Sequence[Any], axes: Sequence[Any], *, call: OperationCall) -> tuple[list[Any], list[int]]:
    outputs = jax.vmap(call.flat, in_axes=tuple(axes), out_axes=0)(*arrays)
    return outputs, [0] * len(outputs)


def _differentiated(primals: Sequence[Any], tangents: Sequence[Any], *, call: OperationCall) -> tuple[list[Any], Any]:
    tangents = [ad.instantiate_zeros(t) for t in tangents]
    return jax.jvp(call.flat, tuple(primals), tuple(tangents))


batching.primitive_batchers[operation_p] = _batched
ad.primitive_jvps[operation_p] = _differentiated
