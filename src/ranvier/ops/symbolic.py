"""Symbolic tensors: shapes and dtypes without numbers, and the graph that calls on them leave behind.

The shape of an operation's result comes from tracing the operation itself with `jax.eval_shape`; there are no
shape rules to write or to get wrong. Numbers stand in for an unknown size (None), each time another one: the sizes
of the result that come out different are unknown too (`unknown_sizes.py` chooses the numbers).
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ..core import budgets, names
from ..core.dtypes import standardize_dtype
from ..core.errors import ArgumentError, ArgumentTypeError, ShapeError, UnknownSizeError
from ..core.masks import get_mask, mask_table, masks_of, set_mask
from ..core.pure import sketch
from ..core.trees import ordered_keys
from ..core.variables import shapes_only
from . import unknown_sizes
from .recording import is_recording, recorded

__all__ = [
    "FunctionOperation",
    "History",
    "KerasTensor",
    "Node",
    "any_symbolic",
    "attach_mask",
    "flatten",
    "get_item",
    "infer",
    "is_symbolic",
    "keras_mask",
    "marked_operations",
    "op",
    "rebuild",
    "record",
    "squeeze",
]


class History(NamedTuple):
    """Where a symbolic tensor comes from."""

    operation: Any
    node_index: int
    tensor_index: int


class Node:
    """One call of an operation in the graph.

    Args:
        operation: the layer or function operation that was called.
        args: its positional arguments, symbolic tensors among them.
        kwargs: its keyword arguments.
        outputs: the nested structure of symbolic results; None for an input's node, which has `output_tensors` set later.
    """

    def __init__(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.input_tensors = [t for t in flatten((args, kwargs)) if is_symbolic(t)]
        self.output_tensors = [t for t in flatten(outputs) if is_symbolic(t)]
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for i, tensor in enumerate(self.output_tensors):
            tensor._keras_history = History(operation, index, i)

    @property
    def is_input(self) -> bool:
        """Whether the node has no inputs."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list[Node]:
        """The nodes that made the inputs."""
        return [t._keras_history.operation._inbound_nodes[t._keras_history.node_index] for t in self.input_tensors]


class KerasTensor:
    """A tensor without numbers, for building functional models.

    Args:
        shape: sizes, None where unknown.
        dtype: the dtype's name.
        name: the tensor's name.
    """

    _keras_history: History
    _keras_mask: KerasTensor | None = None
    ragged_rank = row_splits_dtype = None  # there are no ragged tensors

    def __init__(
        self, shape: Any, dtype: Any = "float32", sparse: bool = False, ragged: bool = False, record_history: bool = True,
        name: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        self._shape = tuple(None if s is None else int(s) for s in shape)
        self._dtype = standardize_dtype(dtype)
        budgets.check_shape(self._shape)
        self.sparse = bool(sparse)
        self.ragged = bool(ragged)
        self.record_history = record_history
        self.name = name or names.auto_name("keras_tensor")

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes, None where unknown."""
        return self._shape

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self._dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    rank = ndim

    @property
    def T(self) -> Any:  # noqa: N802  the field's name for it
        """The transpose."""
        return _operators["transpose"](self)

    def reshape(self, *newshape: Any) -> Any:
        """The same elements in another shape."""
        shape = newshape[0] if len(newshape) == 1 and isinstance(newshape[0], (tuple, list)) else newshape
        return _operators["reshape"](self, tuple(shape))

    def squeeze(self, axis: Any = None) -> Any:
        """Without axes of size 1."""
        return squeeze(self, axis)

    def astype(self, dtype: Any) -> Any:
        """The same numbers in another dtype."""
        return _operators["astype"](self, dtype)

    def __len__(self) -> int:
        raise ArgumentTypeError("A symbolic tensor has no length: its first size may be unknown. Use its .shape.")

    def __bool__(self) -> bool:
        raise ArgumentTypeError(
            "A symbolic tensor has no numbers yet, so it cannot decide an `if`. Use ops.where or ops.cond."
        )

    def __float__(self) -> float:
        raise ArgumentTypeError(_no_numbers("a float"))

    def __int__(self) -> int:
        raise ArgumentTypeError(_no_numbers("an int"))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentTypeError(_no_numbers("a NumPy array"))

    @property
    def __jax_array__(self) -> Any:  # a property, for JAX asks no further than whether it is there
        raise ArgumentError(  # not a TypeError, which JAX would put its own words around
            "A symbolic tensor cannot go into a jax.numpy function. Use the same function of ranvier.ops, or put the call "
            "into a Layer's `call`."
        )

    def __format__(self, spec: str) -> str:
        if spec:
            raise ArgumentTypeError(_no_numbers(f"a text in the format {spec!r}"))
        return str(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _READ_ONLY:
            raise AttributeError(
                f"The {name} of a symbolic tensor cannot be set. Make another: KerasTensor(shape, dtype)."
            )
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        hint = " " + _no_numbers("numbers") if name in ("numpy", "item", "tolist", "value", "eval", "at") else ""
        raise AttributeError(f"A symbolic tensor has no attribute {name!r}.{hint}")

    def __iter__(self) -> Iterator[Any]:
        raise ArgumentTypeError("Iterating over a symbolic tensor is not possible; use ops.unstack.")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, ragged={self.ragged}, name={self.name}>"


_READ_ONLY = frozenset({"shape", "dtype", "ndim", "rank", "ragged_rank", "row_splits_dtype"})


def _no_numbers(kind: str) -> str:
    return (
        f"A symbolic tensor has no numbers yet, so it cannot become {kind}. Build a Model(inputs, outputs) from it and call "
        "that on data."
    )


def is_symbolic(x: Any) -> bool:
    """Whether `x` is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def flatten(structure: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts, these by their sorted keys (see `core.trees`); None is no leaf."""
    if isinstance(structure, dict):
        return [leaf for key in ordered_keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in flatten(value)]
    return [] if structure is None else [structure]


def any_symbolic(args: Any, kwargs: Any = None) -> bool:
    """Whether a symbolic tensor is among the (nested) arguments."""
    return any(isinstance(leaf, KerasTensor) for leaf in flatten((args, kwargs)))


def infer(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *options: Any) -> Any:
    """The structure of `function(*args, **kwargs)` with symbolic tensors for its arrays; no computation is done.

    Masks go through the trace beside the tensors: those of symbolic arguments come in, and results carry symbolic ones.
    """
    leaves = flatten((args, kwargs))
    masks = [leaf._keras_mask if is_symbolic(leaf) else None for leaf in leaves]

    def masked(masks: Any, args: Any, kwargs: Any) -> Any:
        with mask_table():
            for leaf, mask in zip(flatten((args, kwargs)), masks, strict=True):
                set_mask(leaf, mask)
            outputs = function(*args, **kwargs)
            return outputs, masks_of(outputs)

    masked.__self__ = getattr(function, "__self__", None)  # type: ignore[attr-defined]
    outputs, found = _infer(masked, (masks, args, kwargs), {}, *options)
    for tensor, mask in zip(jax.tree.leaves(outputs), found, strict=True):
        if mask is not None:
            attach_mask(tensor, mask)
    return outputs


def attach_mask(tensor: KerasTensor, mask: KerasTensor) -> None:
    """Let a symbolic tensor carry a symbolic mask, which can be used in a graph like any other tensor."""
    tensor._keras_mask = mask
    Node(FunctionOperation(keras_mask), (tensor,), {}, mask)


def keras_mask(x: Any) -> Any:
    """The mask of `x`: what stands in a graph where someone uses the mask that a symbolic tensor carries."""
    return get_mask(x)


def _infer(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], small: int = 1) -> Any:
    """The structure of results as `infer` gives it, without a look at masks.

    Args:
        function: what is traced.
        args: its positional arguments, symbolic tensors among them.
        kwargs: its keyword arguments.
        small: the smallest number that may stand in for an unknown size.

    Raises:
        ValueError, TypeError, …: what `function` raises whatever the unknown sizes are.
    """
    tensors: list[KerasTensor] = []

    def collect(x: Any) -> Any:
        if isinstance(x, KerasTensor):
            tensors.append(x)
        return x

    rebuild((args, kwargs), collect)
    shapes = [t.shape for t in tensors]

    def trace(sizes: Any, text: str = "a b") -> Any:
        with unknown_sizes.stand_ins_in_use(shapes, sizes):
            return _trace(function, args, kwargs, tensors, sizes, text)

    operation = getattr(function, "__self__", None)
    if any(None in shape for shape in shapes):
        found = unknown_sizes.traced(trace, shapes, small, lambda: unknown_sizes.hints_of((args, kwargs), operation))
    else:
        # Strings cannot be traced. Examples stand for them, of two words once and of three the other time.
        texts = ("a b", "a b c") if any(t.dtype == "string" for t in tensors) else ("a b",)
        found = [trace(shapes, text) for text in texts]

    open_axes = {i for shape in shapes for i, s in enumerate(shape) if i and s is None}
    keeps = getattr(operation, "unknown_stays_unknown", False)

    def merge(*specs: Any) -> KerasTensor:
        shape = unknown_sizes.merged([s.shape for s in specs])
        return KerasTensor([None if keeps and i in open_axes else n for i, n in enumerate(shape)], specs[0].dtype)

    return jax.tree.map(merge, *found)


def _trace(function: Any, args: Any, kwargs: Any, tensors: list[KerasTensor], sizes: Any, text: str) -> Any:
    texts = [np.full(s, text, object) if t.dtype == "string" else None for t, s in zip(tensors, sizes, strict=True)]
    specs = [
        jax.ShapeDtypeStruct(s, jnp.dtype(t.dtype)) for t, s in zip(tensors, sizes, strict=True) if t.dtype != "string"
    ]

    def run(values: list[Any]) -> Any:
        numbers, strings = iter(values), iter(texts)

        def value(x: Any) -> Any:
            if not is_symbolic(x):
                return x
            example = next(strings)
            return next(numbers) if example is None else example

        real_args, real_kwargs = rebuild((args, kwargs), value)
        return function(*real_args, **real_kwargs)

    with sketch(), shapes_only():
        return jax.eval_shape(run, specs)


def rebuild(structure: Any, replace: Callable[[Any], Any]) -> Any:
    """The same nested structure with `replace` applied to each leaf, in the order of `flatten`."""
    if isinstance(structure, dict):
        replaced = {key: rebuild(structure[key], replace) for key in ordered_keys(structure)}
        kind = OrderedDict if isinstance(structure, OrderedDict) else dict
        return kind((key, replaced[key]) for key in structure)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(rebuild(v, replace) for v in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(rebuild(v, replace) for v in structure)
    return None if structure is None else replace(structure)


def record(
    operation: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], small: int = 1
) -> Any:
    """Infer the results of `function` and leave a node of `operation` in the graph."""
    outputs = infer(function, args, kwargs, small)
    Node(operation, args, kwargs, outputs)
    return outputs


class FunctionOperation:
    """A function of ops as an operation in a graph."""

    def __init__(self, function: Callable[..., Any], name: str | None = None):
        self.function = function
        self.name = name or names.auto_name(function.__name__)
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


F = TypeVar("F", bound=Callable[..., Any])

_marks: ContextVar[Iterator[int] | None] = ContextVar("operation_marks", default=None)


@contextlib.contextmanager
def marked_operations() -> Iterator[None]:
    """Within it, a traced program names the functions of ops that it came from: in scopes ``operation-0-softmax`` …"""
    token = _marks.set(itertools.count())
    try:
        yield
    finally:
        _marks.reset(token)


def _marked(function: Callable[..., Any], args: Any, kwargs: Any, marks: Iterator[int]) -> Any:
    token = _marks.set(None)  # functions that this one calls are parts of it
    try:
        with jax.named_scope(f"operation-{next(marks)}-{function.__name__}"):
            return function(*args, **kwargs)
    finally:
        _marks.reset(token)


def op(function: F, small: int = 1, spec: Callable[..., Any] | None = None) -> F:
    """Decorator: `function` of tensors that, called with symbolic ones, records itself in the graph instead.

    Args:
        function: the function.
        small: the smallest number that may stand in for an unknown size.
        spec: gives the symbolic results for the same arguments where the values decide the shapes, so that a trace
            cannot tell them; None as its result leaves them to the trace.
    """

    @functools.wraps(function)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            try:
                if spec is not None and (outputs := spec(*args, **kwargs)) is not None:
                    Node(FunctionOperation(dispatch), args, kwargs, outputs)
                    return outputs
                return record(FunctionOperation(dispatch), function, args, kwargs, small)
            except (TypeError, IndexError) as error:
                raise ShapeError(f"{function.__name__} does not fit its symbolic arguments: {error}") from error
        if is_recording():
            return recorded(function, args, kwargs)
        marks = _marks.get()
        return function(*args, **kwargs) if marks is None else _marked(function, args, kwargs, marks)

    return dispatch  # type: ignore[return-value]


def _binary(name: str) -> Callable[[Any, Any], Any]:
    function = _operators[name]
    return lambda self, other: function(self, other)


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    function = _operators[name]
    return lambda self, other: function(other, self)


# The operators of symbolic tensors, named as the functions of ops are.
_operators: dict[str, Any] = {
    name: op(getattr(jnp, name))
    for name in [
        "add",
        "subtract",
        "multiply",
        "divide",
        "floor_divide",
        "mod",
        "power",
        "matmul",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "not_equal",
        "equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "negative",
        "absolute",
        "logical_not",
        "transpose",
        "reshape",
        "astype",
    ]
}


@op
def squeeze(x: Any, axis: Any = None) -> Any:
    """Without axes of size 1."""
    x = jnp.asarray(x)
    sizes = unknown_sizes.blank(x.shape)
    for one in () if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,):
        if -x.ndim <= one < x.ndim and sizes[one] is None:
            raise UnknownSizeError(
                f"squeeze: the size of axis {one} is unknown, so it may not be 1. Use x[:, 0] or the like."
            )
    return jnp.squeeze(x, axis)


@functools.partial(op, small=0)  # a slice of six rows may have none
def get_item(x: Any, key: Any) -> Any:
    """``x[key]``; raises ShapeError for an index that the axis does not have."""
    _check_bounds(x.shape, key if isinstance(key, tuple) else (key,))
    return x[key]


def _check_bounds(shape: tuple[int, ...], keys: tuple[Any, ...]) -> None:
    """Refuse integers out of bounds, which JAX would take for the last place or fill with NaN."""
    taken = [0 if k is None else k.ndim if getattr(k, "dtype", "") in ("bool", np.bool_) else 1 for k in keys]
    rest = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    if rest is not None:
        taken[rest] = len(shape) - sum(taken) + 1
    axis = 0
    for k, n in zip(keys, taken, strict=True):
        if isinstance(k, (int, np.integer)) and not isinstance(k, bool) and axis < len(shape):
            size = shape[axis]
            if not -size <= k < size:
                raise ShapeError(f"Index {k} is out of bounds for axis {axis} of a tensor of shape {shape}.")
        axis += n


for _dunder, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "mod": "mod",
    "pow": "power", "matmul": "matmul", "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
}.items():  # fmt: skip
    setattr(KerasTensor, f"__{_dunder}__", _binary(_name))
    setattr(KerasTensor, f"__r{_dunder}__", _reflected(_name))
for _dunder, _name in {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "ne": "not_equal",
}.items():
    setattr(KerasTensor, f"__{_dunder}__", _binary(_name))
for _dunder, _name in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
    setattr(KerasTensor, f"__{_dunder}__", lambda self, _function=_operators[_name]: _function(self))
KerasTensor.__getitem__ = lambda self, key: get_item(self, key)  # type: ignore[attr-defined]
