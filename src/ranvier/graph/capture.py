"""`capture`: a model, layer or function, traced once with symbolic sizes, as a `Graph` of named operations.

Each function of ops is one equation of the trace (`ops/recording.py`); calls of layers leave their number in the equations'
scopes, and marks on the tensors that go in and come out. What is computed otherwise, with `jax.numpy` say, is there as the
elementary operations that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jax.core import Tracer

from ..core.errors import ArgumentError
from ..core.masks import get_mask, set_mask
from ..core.pure import Scope, pure, scope
from ..core.variables import Variable
from ..layers.context import call_context
from ..ops.recording import recording
from ..ops.symbolic import flatten, is_symbolic, rebuild
from .convert import MARK, SCOPE, Converter
from .graph import Graph, LayerCall, Value
from .sizes import symbols

__all__ = ["capture"]


def capture(target: Any, *args: Any, training: bool | None = False, **kwargs: Any) -> Graph:
    """The graph of what `target` computes for arguments like these.

    Args:
        target: a model, a layer or any function of tensors.
        args: its arguments: symbolic tensors, whose unknown sizes stay open; arrays as examples, of which the first axis
            stays open; `jax.ShapeDtypeStruct` for shapes that are as they are. None for a model made of symbolic
            tensors: its own inputs.
        training: the flag for layers that compute otherwise in training.
        kwargs: further arguments, of which arrays are inputs of the graph, too.

    Raises:
        ArgumentError: no arguments for something whose inputs are not known.

    >>> import ranvier
    >>> model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(2, activation="relu", name="hidden")])
    >>> graph = capture(model)
    >>> [node.path for node in graph.nodes][0], [str(size) for size in graph.inputs[0].shape]
    ('sequential/hidden', ['batch', '3'])
    >>> graph.run(jax.numpy.ones((5, 3))).shape
    (5, 2)
    """
    if not args and not kwargs:
        if getattr(target, "inputs", None) is None:
            raise ArgumentError(
                f"capture needs arguments for {target!r}, such as Input((28, 28)): its inputs are not known."
            )
        args = (_inputs_of(target),)
    error: Exception | None = None
    for assumed in _ASSUMPTIONS:
        try:
            return _captured(target, args, kwargs, training, assumed)
        except Exception as raised:
            if not _is_of_sizes(raised):
                raise
            error = error or raised
    assert error is not None
    raise error


class _Assumed(NamedTuple):
    """What open sizes other than the batch's are taken to be, since a trace has to decide how they compare."""

    shared: bool  # unknown sizes of the same axis of several inputs are one size
    least: int
    multiple: int


_ASSUMPTIONS = [
    _Assumed(shared, *rest) for rest in ((1, 1), (16, 1), (16, 2), (16, 8), (32, 32)) for shared in (False, True)
]


def _is_of_sizes(error: BaseException) -> bool:
    """Whether an error may be gone under other assumptions of the sizes."""
    said = f"{type(error).__name__} {error}"
    return "ymbolic" in said or "DimExpr" in said or "incompatible shapes" in said or "size_" in said


def _inputs_of(model: Any) -> Any:
    structure = getattr(model, "_inputs_struct", None)
    return structure if structure is not None else model.inputs[0] if len(model.inputs) == 1 else model.inputs


def _is_input(leaf: Any) -> bool:
    return is_symbolic(leaf) or isinstance(leaf, (jax.Array, np.ndarray, jax.ShapeDtypeStruct))


def _specs(leaves: Sequence[Any], assumed: _Assumed) -> list[jax.ShapeDtypeStruct]:
    """Shapes with a symbol for each size that stays open."""
    shapes, names = [], {}
    for place, leaf in enumerate(leaves):
        example = isinstance(leaf, (jax.Array, np.ndarray))
        shape: list[Any] = list(leaf.shape)
        for axis, size in enumerate(leaf.shape):
            if size is None or (example and axis == 0):
                name = (
                    "batch" if axis == 0 else f"size_{axis}" if assumed.shared or not place else f"size_{place}_{axis}"
                )
                names[name] = None
                shape[axis] = name
        shapes.append(shape)
    known = symbols(list(names), assumed.least, assumed.multiple)
    return [
        jax.ShapeDtypeStruct(tuple(known.get(s, s) if isinstance(s, str) else s for s in shape), _dtype_of(leaf))
        for shape, leaf in zip(shapes, leaves, strict=True)
    ]


def _dtype_of(leaf: Any) -> Any:
    return jax.dtypes.canonicalize_dtype(leaf.dtype)


class _Reads(Scope):
    """Notes the variables that a function reads or assigns."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[int, Variable] = {}

    def read(self, variable: Variable) -> Any:
        self.found[id(variable)] = variable
        return self.values.get(id(variable), variable.stored_value())

    def assign(self, variable: Variable, value: Any) -> None:
        self.found[id(variable)] = variable
        self.values[id(variable)] = value


def _captured(target: Any, args: Any, kwargs: Any, training: bool | None, assumed: _Assumed) -> Graph:
    leaves = [leaf for leaf in flatten((args, kwargs)) if _is_input(leaf)]
    specs = _specs(leaves, assumed)
    calls: list[LayerCall] = []
    structure: list[Any] = []

    def run(arrays: list[Any]) -> list[Any]:
        calls.clear()
        rest = iter(arrays)
        given, named = rebuild((args, kwargs), lambda leaf: next(rest) if _is_input(leaf) else leaf)
        with recording(), call_context(training) as context:
            context.watch = _watcher(calls)
            outputs = target(*given, **named)
        flat, found = jax.tree.flatten(outputs)
        structure[:] = [found]
        return [jnp.asarray(leaf) for leaf in flat]

    variables = _variables_of(run, specs)
    closed = jax.make_jaxpr(pure(run, variables))([_spec_of(v) for v in variables], specs)
    inputs = [
        Value(tuple(spec.shape), str(spec.dtype), name=_input_name(leaf, i))
        for i, (spec, leaf) in enumerate(zip(specs, leaves, strict=True))
    ]
    weights = [Value(tuple(v.shape), str(v.dtype), name=v.path, variable=v) for v in variables]
    converter = Converter(calls)
    results = converter.converted(closed.jaxpr, closed.consts, [*weights, *inputs], None)
    outputs, assigned = results[: len(results) - len(variables)], results[len(results) - len(variables) :]
    updates = [(v, new) for v, old, new in zip(variables, weights, assigned, strict=True) if new is not old]
    return converter.pruned(Graph(inputs, outputs, converter.nodes, calls, updates, structure[0]))


def _spec_of(variable: Variable) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(variable.shape, jnp.dtype(variable.dtype))


def _variables_of(run: Callable[..., Any], specs: list[jax.ShapeDtypeStruct]) -> list[Variable]:
    """What the computation reads or assigns, from a first trace, in which layers that are not built are."""
    reads = _Reads()
    with scope(reads):
        jax.eval_shape(run, specs)
    return list(reads.found.values())


def _input_name(leaf: Any, place: int) -> str:
    return getattr(leaf, "name", None) or f"input_{place}"


def _watcher(calls: list[LayerCall]) -> Callable[..., Any]:
    """What is called in place of each layer's `call`: notes the call, and marks the tensors that go in and come out."""
    stack: list[LayerCall] = []

    def mark(values: Any, number: int, side: str) -> Any:
        def one(x: Any) -> Any:
            if (
                not isinstance(x, Tracer)
                or not hasattr(x, "dtype")
                or jax.dtypes.issubdtype(x.dtype, jax.dtypes.extended)
            ):
                return x
            marked = checkpoint_name(x, f"{MARK}:{number}:{side}")
            set_mask(marked, get_mask(x))
            return marked

        return rebuild(values, one)

    def watch(layer: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not hasattr(layer, "trainable_weights"):  # a function between layers
            return call(*args, **kwargs)
        parent = stack[-1] if stack else None
        number = len(calls)
        calls.append(LayerCall(layer, f"{parent.path}/{layer.name}" if parent else layer.name, parent))
        stack.append(calls[-1])
        try:
            with jax.named_scope(f"{SCOPE}{number}"):
                return mark(call(*mark(args, number, "in"), **kwargs), number, "out")
        finally:
            stack.pop()

    return watch
