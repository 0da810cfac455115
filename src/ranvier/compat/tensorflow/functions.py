"""`function`: a Python function of tensors, compiled, with the variables that it reads and assigns as its state.

The function is traced once for each structure, shapes and dtypes of its tensors and each value of its other arguments.
While it is traced, each variable that it reads becomes an input of the program, and each that it assigns an output, so
that it works on the variables' present values at every call. What Python does besides happens while tracing only.
"""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src import core  # the interpreter stack has no public name
from jax.errors import ConcretizationTypeError, NonConcreteBooleanIndexError, TracerArrayConversionError

from ...core import pure
from ...core.errors import ArgumentError
from ...core.settings import use_compilation_cache
from ...core.variables import Variable
from ...layers.context import call_context, current_context
from .recording import computes, is_differentiable
from .shapes import TensorSpec
from .tape import WatchingScope
from .tensors import array_of

__all__ = [
    "Function", "Program", "executing_eagerly", "function", "functions_run_eagerly", "inside_function",
    "put_together", "run_functions_eagerly", "taken_apart",
]  # fmt: skip

_eagerly = [False]
_NEEDS_NUMBERS = (ConcretizationTypeError, TracerArrayConversionError, NonConcreteBooleanIndexError)


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Whether functions made by `function` run as plain Python from now on."""
    _eagerly[0] = bool(run_eagerly)


def functions_run_eagerly() -> bool:
    """What `run_functions_eagerly` set."""
    return _eagerly[0]


def inside_function() -> bool:
    """Whether a program is being traced rather than numbers computed."""
    return not computes(core.trace_ctx.trace)


def executing_eagerly() -> bool:
    """Whether operations compute numbers at once, which is so outside compiled functions."""
    return not inside_function()


def function(
    func: Callable[..., Any] | None = None,
    input_signature: Sequence[Any] | None = None,
    autograph: bool = True,
    jit_compile: bool | None = None,
    reduce_retracing: bool = False,
    experimental_implements: Any = None,
    experimental_autograph_options: Any = None,
    experimental_attributes: Any = None,
    experimental_relax_shapes: bool | None = None,
    experimental_compile: bool | None = None,
    experimental_follow_type_hints: bool | None = None,
) -> Any:
    """Compile `func`; also a decorator, with and without arguments.

    Args:
        func: a function of tensors, which may read and assign variables, differentiate by `GradientTape`, train.
        input_signature: a `TensorSpec` for each argument, to which arguments are cast.
        autograph: accepted. Where Python's ``if`` and ``while`` ask for a tensor's value, the function runs uncompiled.
        jit_compile: accepted, like the others: all functions are compiled by XLA.

    >>> from ranvier.compat import tensorflow as tf
    >>> @tf.function
    ... def square(x):
    ...     return x * x
    >>> float(square(tf.constant(3.0)))
    9.0
    """
    if func is None:
        return functools.partial(function, input_signature=input_signature)
    return Function(func, input_signature)


class Function:
    """A compiled function; see `function`.

    Args:
        python_function: what is compiled.
        input_signature: specs of the arguments, or None.
    """

    def __init__(self, python_function: Callable[..., Any], input_signature: Sequence[Any] | None = None):
        self.python_function = python_function
        self.input_signature = None if input_signature is None else tuple(input_signature)
        self._programs: dict[Any, Program | None] = {}
        self._bound: weakref.WeakKeyDictionary[Any, Function] = weakref.WeakKeyDictionary()
        self._stays_eager = False
        functools.update_wrapper(self, python_function)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        try:
            found = self._bound.get(instance)
        except TypeError:
            return Function(types.MethodType(self.python_function, instance), self.input_signature)
        if found is None:
            reference = weakref.ref(instance)
            original = self.python_function

            @functools.wraps(original)
            def method(*args: Any, **kwargs: Any) -> Any:
                return original(reference(), *args, **kwargs)

            method.__signature__ = inspect.signature(types.MethodType(original, instance))  # type: ignore[attr-defined]
            found = Function(method, self.input_signature)
            found._owner = reference  # type: ignore[attr-defined]
            self._bound[instance] = found
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.input_signature is not None:
            args, kwargs = self._signed(args, kwargs)
        if _eagerly[0] or self._stays_eager or inside_function():
            return self.python_function(*args, **kwargs)
        leaves, form = taken_apart((args, kwargs))
        key = (form, tuple((leaf.shape, str(leaf.dtype), bool(getattr(leaf, "weak_type", False))) for leaf in leaves))
        program = self._programs.get(key)
        if program is None:
            use_compilation_cache()
            try:
                program = Program(self.python_function, leaves, form)
            except _NEEDS_NUMBERS:  # Python decides by the tensors' values
                self._stays_eager = True
                return self.python_function(*args, **kwargs)
            self._programs[key] = program
        return program(leaves)

    def _signed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as tensors of the signature."""
        assert self.input_signature is not None
        bound = inspect.signature(self.python_function).bind(*args, **kwargs)
        names = list(inspect.signature(self.python_function).parameters)
        values = [bound.arguments[n] for n in names if n in bound.arguments]
        if len(values) > len(self.input_signature):
            raise ArgumentError(
                f"input_signature has {len(self.input_signature)} specs. Received: {len(values)} arguments"
            )
        return tuple(_fitted(v, s) for v, s in zip(values, self.input_signature, strict=False)), {}

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> Any:
        """The function for arguments like these; `TensorSpec` objects stand for tensors."""
        return self

    def experimental_get_tracing_count(self) -> int:
        """How many programs have been made."""
        return len(self._programs)

    @property
    def pretty_printed_signature(self) -> str:
        """The Python function's signature."""
        return f"{self.__name__}{inspect.signature(self.python_function)}"  # type: ignore[attr-defined]


def _fitted(value: Any, spec: Any) -> Any:
    if isinstance(spec, TensorSpec):
        array = value.value if isinstance(value, Variable) else array_of(value, spec.dtype)
        if not spec.shape.is_compatible_with(array.shape):
            raise ArgumentError(
                f"The argument does not fit input_signature's {spec}. Received: shape {tuple(array.shape)}"
            )
        return array
    if isinstance(spec, (list, tuple)):
        return type(spec)(_fitted(v, s) for v, s in zip(value, spec, strict=True))
    if isinstance(spec, dict):
        return {k: _fitted(value[k], s) for k, s in spec.items()}
    return value


# --- arguments -------------------------------------------------------------------------------------------------------


class _Slot:
    """Where a tensor was in the arguments."""

    def __repr__(self) -> str:
        return "tensor"


_SLOT = _Slot()


class _Same:
    """An argument that is no tensor: the same value, or the same object, means the same program."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value)) if _is_plain(self.value) else id(self.value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Same):
            return NotImplemented
        if _is_plain(self.value):
            return type(self.value) is type(other.value) and self.value == other.value
        return self.value is other.value


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes, type, np.dtype))


def taken_apart(structure: Any) -> tuple[list[Any], Any]:
    """The tensors in nested arguments, and the rest in a form that can be compared."""
    leaves: list[Any] = []

    def form(given: Any) -> Any:
        value: Any = given
        if isinstance(value, (jax.Array, np.ndarray, np.generic)) and value.dtype.kind not in "OUS":
            leaves.append(value if isinstance(value, jax.Array) else jnp.asarray(value))
            return _SLOT
        if isinstance(value, dict):
            return (dict, tuple(value), tuple(form(v) for v in value.values()))
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return (type(value), len(value), tuple(form(v) for v in value))
        if type(value) in (list, tuple):
            items: Any = value
            return (type(value), len(items), tuple(form(v) for v in items))
        return _Same(value)

    return leaves, form(structure)


def put_together(form: Any, leaves: Any) -> Any:
    if form is _SLOT:
        return next(leaves)
    if isinstance(form, _Same):
        return form.value
    kind, keys, parts = form
    values = [put_together(part, leaves) for part in parts]
    if kind is dict:
        return dict(zip(keys, values, strict=True))
    return kind(*values) if hasattr(kind, "_fields") else kind(values)


# --- tracing ---------------------------------------------------------------------------------------------------------


read_p = core.Primitive("variable_read")
"""The value of a variable, in a program that does not have it as an input yet."""


@read_p.def_abstract_eval
def _(*, number: int, shape: tuple[int, ...], dtype: str) -> Any:
    return core.ShapedArray(shape, jnp.dtype(dtype))


@jax.custom_jvp
def _read_again(assigned: Any, start: Any) -> Any:
    """A variable's value after an assignment: gradients belong to the variable, and end at the assignment."""
    return assigned


@_read_again.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return primals[0], tangents[1]


class _Found(pure.Scope):
    """The scope of a trace that finds out which variables its function reads and assigns."""

    def __init__(self) -> None:
        super().__init__(closed=False)
        self.trace = core.trace_ctx.trace
        self.read_variables: list[Variable] = []
        self.assigned: dict[int, Variable] = {}
        self.starts: dict[int, Any] = {}

    def read(self, variable: Variable) -> Any:
        """What was assigned here; the first time, an input of the program to come."""
        if id(variable) not in self.values:
            stored = variable.stored_value()
            with core.set_current_trace(self.trace):
                self.values[id(variable)] = read_p.bind(
                    number=len(self.read_variables), shape=tuple(stored.shape), dtype=stored.dtype.name
                )
            self.read_variables.append(variable)
            self.starts[id(variable)] = self.values[id(variable)]
        value = self.values[id(variable)]
        if id(variable) in self.assigned and variable.trainable and is_differentiable(value):
            return _read_again(value, self.starts[id(variable)])
        return value

    def assign(self, variable: Variable, value: Any) -> None:
        """Note a new value."""
        if variable.trainable:
            self.read(variable)  # so that a gradient knows it
        self.assigned[id(variable)] = variable
        self.values[id(variable)] = value


class Program:
    """One trace of a function, compiled.

    Args:
        python_function: the function.
        leaves: example tensors.
        form: the arguments without them.
    """

    def __init__(self, python_function: Callable[..., Any], leaves: list[Any], form: Any):
        found: Any = None
        result_form: Any = None

        def run(leaves: list[Any]) -> Any:
            nonlocal found, result_form
            found = _Found()
            args, kwargs = put_together(form, iter(leaves))
            with pure.scope(found):
                if current_context() is None:
                    with call_context():
                        result = python_function(*args, **kwargs)
                else:
                    result = python_function(*args, **kwargs)
            outputs, result_form = taken_apart(_read_out(result, found))
            return outputs, [found.values[key] for key in found.assigned]

        with core.set_current_trace(core.eval_trace), pure.scope(None):
            specs = [jax.ShapeDtypeStruct(x.shape, x.dtype, weak_type=getattr(x, "weak_type", False)) for x in leaves]
            closed, shapes = jax.make_jaxpr(run, return_shape=True)(specs)
        assert found is not None
        self.read_variables = found.read_variables
        self.assigned = list(found.assigned.values())
        self.form = result_form
        self._outputs = len(shapes[0])
        computed = {v for eqn in closed.jaxpr.eqns if eqn.primitive is not read_p for v in eqn.outvars}
        results = closed.jaxpr.outvars
        #: Which variables get an array that nobody else holds, so that it need not be copied.
        self._owned = [
            not isinstance(v, core.Literal) and v in computed and sum(v is other for other in results) == 1
            for v in results[self._outputs :]
        ]
        self.evaluate = functools.partial(_evaluate, closed)  # values of variables and tensors → results
        self._compiled = jax.jit(self.evaluate)

    def __call__(self, leaves: list[Any]) -> Any:
        values = [variable.exact_value() for variable in self.read_variables]
        results = self._compiled(values, leaves)
        free = _outermost(pure.current_scope()) is None
        for variable, value, owned in zip(self.assigned, results[self._outputs :], self._owned, strict=True):
            if owned and free and variable.layout is None:
                variable.store(value)
            else:
                variable.assign(value)
        return put_together(self.form, iter(results[: self._outputs]))


def _outermost(scope: Any) -> Any:
    """The scope around those of tapes."""
    while isinstance(scope, WatchingScope):
        scope = scope.outer
    return scope


def _read_out(result: Any, scope: _Found) -> Any:
    """Results without variables: their values."""
    if isinstance(result, Variable):
        return scope.read(result)
    if isinstance(result, dict):
        return {k: _read_out(v, scope) for k, v in result.items()}
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*(_read_out(v, scope) for v in result))
    if type(result) in (list, tuple):
        return type(result)(_read_out(v, scope) for v in result)
    return jnp.asarray(result) if type(result) in (bool, int, float) else result


def _evaluate(closed: Any, values: list[Any], leaves: list[Any]) -> list[Any]:
    """The program again, with the variables' values where it reads them."""
    known: dict[Any, Any] = {}

    def value_of(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else known[atom]

    known.update(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    known.update(zip(closed.jaxpr.invars, leaves, strict=True))
    for eqn in closed.jaxpr.eqns:
        if eqn.primitive is read_p:
            known[eqn.outvars[0]] = values[eqn.params["number"]]
            continue
        outputs = eqn.primitive.bind(*map(value_of, eqn.invars), **eqn.primitive.get_bind_params(eqn.params))
        known.update(zip(eqn.outvars, outputs if eqn.primitive.multiple_results else [outputs], strict=True))
    return [value_of(v) for v in closed.jaxpr.outvars]
