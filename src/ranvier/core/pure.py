"""The bridge between objects that own variables and functions that JAX can differentiate and compile.

`pure(function, variables)` is `function` with the variables' values as an argument and their new values as a
result. While it runs, reading or assigning a `Variable` goes to the values of the trace, never to the object.
Two mistakes that would otherwise pass silently are refused with the variable's path:

- *reading* a variable that the trace was not given would bake its present value into the compiled program;
- *assigning* one would leak a tracer into an object that outlives the trace.

The scope is a context variable: threads never see each other's tracers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax
from jax.core import Tracer

from .errors import TraceError
from .trees import flatten, map_structure

if TYPE_CHECKING:
    from .variables import Variable

__all__ = ["Scope", "current_scope", "pure", "scope", "sketch", "suspended"]

_current: ContextVar[Scope | None] = ContextVar("pure_scope", default=None)


class Scope:
    """The values of variables during one trace.

    Args:
        variables: the variables that the trace is given.
        values: their values, in the same order.
        closed: refuse variables that were not given. An open scope (`sketch`) lets them be read and
            forgets what is assigned.
    """

    def __init__(self, variables: Sequence[Variable] = (), values: Sequence[Any] = (), closed: bool = True):
        # Variables may be given as values, too: they stand for what they hold in the scope around this one.
        given = [value.exact_value() if hasattr(value, "exact_value") else value for value in values]
        self.values: dict[int, Any] = {id(v): value for v, value in zip(variables, given, strict=True)}
        self.variables = variables
        self.closed = closed

    def read(self, variable: Variable) -> Any:
        """The value of `variable` in this trace."""
        try:
            return self.values[id(variable)]
        except KeyError:
            if self.closed:
                raise TraceError(_refusal("read", variable)) from None
            return variable.stored_value()

    def assign(self, variable: Variable, value: Any) -> None:
        """Give `variable` a new value for the rest of this trace."""
        if self.closed and id(variable) not in self.values:
            raise TraceError(_refusal("assigned", variable))
        self.values[id(variable)] = value


def _refusal(verb: str, variable: Variable) -> str:
    return (
        f"Variable '{variable.path}' was {verb} inside a compiled function that was not given it. Make it part of the "
        "model (assign it, or the layer or metric that owns it, to an attribute of a layer before the first call), "
        "or pass its value as an argument."
    )


def current_scope() -> Scope | None:
    """The scope of the running trace, or None outside any."""
    return _current.get()


@contextlib.contextmanager
def scope(new: Scope | None) -> Iterator[Scope | None]:
    """Make `new` the current scope (None: variables mean their own values again)."""
    token = _current.set(new)
    try:
        yield new
    finally:
        _current.reset(token)


@contextlib.contextmanager
def suspended() -> Iterator[None]:
    """Leave a step that runs with numbers for a while: its values are the variables' own, and what they become is taken back.

    Raises:
        TraceError: the step is being traced.
    """
    current = current_scope()
    if current is None:
        yield
        return
    if not current.closed or any(isinstance(value, Tracer) for value in current.values.values()):
        raise TraceError(
            "fit, evaluate and predict run whole programs of their own, which a compiled step cannot contain. In a step, call "
            "the model itself or train_on_batch; or compile the outer model with run_eagerly=True."
        )
    for variable in current.variables:
        variable.store(current.values[id(variable)])
    try:
        with scope(None), jax.disable_jit(False):
            yield
    finally:
        current.values.update((id(variable), variable.stored_value()) for variable in current.variables)


def sketch() -> contextlib.AbstractContextManager[Scope | None]:
    """A scope for abstract evaluation: any variable can be read, every assignment is forgotten."""
    return scope(Scope(closed=False))


def pure(function: Callable[..., Any], variables: Sequence[Variable]) -> Callable[..., tuple[Any, list[Any]]]:
    """`function(*args)` as ``(values, *args) → (result, new values)``.

    Args:
        function: any callable that reads and assigns `variables`, directly or through objects.
        variables: every variable that it may touch, in the order of `values`.

    >>> import jax
    >>> from ranvier.core.variables import Variable
    >>> counter = Variable(0.0, name="counter")
    >>> step = pure(lambda by: counter.assign_add(by), [counter])
    >>> float(jax.jit(step)([1.0], 2.0)[1][0]), float(counter.value)
    (3.0, 0.0)
    """
    variables = list(variables)

    def run(values: Sequence[Any], *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        with scope(Scope(variables, values)) as inner:
            result = function(*args, **kwargs)
            assert inner is not None
            return _numbers(result), [inner.values[id(v)] for v in variables]

    return run


def _numbers(result: Any) -> Any:
    """`result` with what its variables hold in the scope in their places: outside it they hold something else."""
    if not any(hasattr(leaf, "exact_value") for leaf in flatten(result)):
        return result
    return map_structure(lambda leaf: leaf.exact_value() if hasattr(leaf, "exact_value") else leaf, result)
