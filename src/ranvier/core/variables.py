"""`Variable`: a named array that can change, the only state there is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from . import budgets, names, ownership, settings
from .distributions import active_layout_of
from .dtypes import standardize_dtype
from .errors import ArgumentError, ArgumentTypeError, ShapeError, TraceError
from .jax_leaves import register_leaf
from .pure import current_scope

__all__ = ["Variable", "autocast_scope", "named_initializers", "shapes_only"]

_autocast: ContextVar[str | None] = ContextVar("autocast_dtype", default=None)


@contextlib.contextmanager
def autocast_scope(dtype: str | None) -> Iterator[None]:
    """Within it, float variables read as `dtype` (a layer's compute dtype); None: as they are kept."""
    token = _autocast.set(dtype)
    try:
        yield
    finally:
        _autocast.reset(token)


# Whether a trace is running that asks for shapes and dtypes only, such as that of symbolic tensors.
_shapes_only: ContextVar[bool] = ContextVar("shapes_only", default=False)


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """Within it, variables whose first values have not been made yet read as zeros of the trace."""
    token = _shapes_only.set(True)
    try:
        yield
    finally:
        _shapes_only.reset(token)


_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")


#: How names of initialisers are looked up; `ranvier.initializers`, which stands above, puts it here.
named_initializers: list[Callable[[str], Any]] = []


class Variable:
    """A named array that can change.

    Args:
        initializer: an initial value (array, number, nested list), a callable ``(shape, dtype=) → array``, or the name of an
            initialiser.
        shape: its shape; needed for a callable or a name.
        dtype: its dtype; None: the value's own, or `floatx()` for a callable and for Python numbers.
        trainable: whether optimizers may change it.
        autocast: whether layers may read it in their compute dtype.
        aggregation: how replicas combine: ``"none"``, ``"mean"``, ``"sum"`` or ``"only_first_replica"``.
        name: its own name, without slashes; the open name scopes make its `path`.
        layout: where its parts lie: a `TensorLayout`, a `jax.sharding.Sharding` or a device; None: as the distribution
            says, without one on the default device.

    Raises:
        ArgumentError: no shape for a callable, a name with a slash, an unknown aggregation.
        ShapeError: a value of another shape than `shape`.

    >>> v = Variable([1.0, 2.0], name="v")
    >>> _ = v.assign(v * 3)
    >>> v.numpy()
    array([3., 6.], dtype=float32)
    """

    def __init__(
        self,
        initializer: Any,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
    ):
        if isinstance(initializer, str):
            initializer = named_initializers[0](initializer)
        name = name or names.auto_name(type(self).__name__)
        if "/" in name:
            raise ArgumentError(f"A variable's name must not contain '/'. Received: name={name!r}")
        if aggregation not in _AGGREGATIONS:
            raise ArgumentError(f"aggregation must be one of {_AGGREGATIONS}. Received: aggregation={aggregation!r}")
        self._name = name
        parent = names.current_path()
        self._path = f"{parent}/{name}" if parent else name
        self.aggregation = aggregation
        self.synchronization = synchronization
        self.autocast = autocast
        self._made_as_number = ownership.numbered()
        self._trainable = self.born_trainable = bool(trainable)
        self._overwrite_with_gradient = False
        self.regularizer: Any = None
        self.constraint: Any = None
        self._initializer = initializer if callable(initializer) else None
        self._later: tuple[tuple[int, ...], str] | None = None
        self.layout = getattr(layout, "backend_layout", layout)
        if budgets.loading() and callable(initializer) and shape is not None and layout is None:
            self._later = (tuple(int(size) for size in shape), standardize_dtype(dtype))
            budgets.charge_bytes(self._later[0], jnp.dtype(self._later[1]).itemsize, f"The weight '{self._path}'")
        else:
            # A layer may be built in the middle of a trace; its first values must be real arrays all the same.
            with jax.ensure_compile_time_eval():
                self._value = _initial_value(initializer, shape, dtype, self._path)
                if layout is None:
                    self.layout = active_layout_of(self)
                self._value = self._laid_out(self._value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register_leaf(cls)

    def __getattr__(self, name: str) -> Any:
        # While a file is read, a variable takes no memory until the file gives its value, or somebody asks for it.
        if name != "_value" or self.__dict__.get("_later") is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        shape, dtype = self._later  # type: ignore[misc]
        if _shapes_only.get() and isinstance(jnp.zeros(()), Tracer):
            return jnp.zeros(shape, dtype)  # part of a trace that asks for shapes: takes no memory, and is not kept
        with jax.ensure_compile_time_eval():
            self.layout = active_layout_of(self)
            self._value = self._laid_out(_initial_value(self._initializer, shape, dtype, self._path))
        return self._value

    def _laid_out(self, value: jax.Array) -> jax.Array:
        return value if self.layout is None else jax.device_put(value, self.layout)

    @property
    def name(self) -> str:
        """The variable's own name, such as ``"kernel"``."""
        return self._name

    @property
    def path(self) -> str:
        """Name with those of the enclosing layers, such as ``"sequential/dense/kernel"``."""
        return self._path

    @property
    def trainable(self) -> bool:
        """Whether optimizers may change it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if self._trainable != bool(value):
            self._trainable = bool(value)
            ownership.changed(self)

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether an optimizer puts the gradient in the variable's place instead of taking a step along it."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise ArgumentTypeError(
                f"overwrite_with_gradient must be True or False. Received: overwrite_with_gradient={value!r}"
            )
        self._overwrite_with_gradient = value

    @property
    def value(self) -> Any:
        """The present value: of the running trace if there is one, else the stored array."""
        value = self.exact_value()
        dtype = _autocast.get()
        if dtype is not None and self.autocast and jnp.issubdtype(value.dtype, jnp.floating) and value.dtype != dtype:
            return value.astype(dtype)
        return value

    def exact_value(self) -> Any:
        """`value` in the variable's own dtype, even where layers read it in their compute dtype."""
        scope = current_scope()
        return self._value if scope is None else scope.read(self)

    def stored_value(self) -> jax.Array:
        """The array that the object itself holds, whatever trace is running."""
        return self._value

    def store(self, value: Any) -> None:
        """Replace the held array by one of the same shape and dtype, without checks or copies."""
        self._value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return tuple(self._value.shape) if self._later is None else self._later[0]

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return standardize_dtype(self._value.dtype) if self._later is None else self._later[1]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def assign(self, value: Any) -> Any:
        """Replace the value by one of the same shape, cast to the variable's dtype. Returns the new value.

        Raises:
            ShapeError: `value` has another shape.
            TraceError: inside a trace that was not given this variable.
        """
        value = jnp.asarray(value.value if isinstance(value, Variable) else value, self.dtype)
        if value.shape != self.shape:
            raise ShapeError(
                f"The shape of the assigned value must be that of variable '{self.path}', {self.shape}. "
                f"Received: value with shape {tuple(value.shape)}"
            )
        scope = current_scope()
        if scope is not None:
            scope.assign(self, value)
        elif isinstance(value, Tracer):
            raise TraceError(
                f"Variable '{self.path}' was assigned a traced value inside jax.jit, jax.grad or the like, from "
                "where it would leak. Use the stateless methods (stateless_call, stateless_apply …), or assign outside."
            )
        else:
            self._value = self._laid_out(_owned(value))
        return value

    def adopt(self, array: np.ndarray) -> None:
        """Replace the value by an array that nobody else holds: where its memory allows, without a copy.

        Args:
            array: the new value, of the variable's shape; its owner forgets it.

        Raises:
            ShapeError: `array` has another shape.
        """
        if current_scope() is not None or array.shape != self.shape:
            self.assign(array)
        else:
            self._value = self._laid_out(jnp.asarray(array, self.dtype))

    def assign_add(self, value: Any) -> Any:
        """Add `value`; returns the new value."""
        return self.assign(self.exact_value() + jnp.asarray(value, self._value.dtype))

    def assign_sub(self, value: Any) -> Any:
        """Subtract `value`; returns the new value."""
        return self.assign(self.exact_value() - jnp.asarray(value, self._value.dtype))

    def numpy(self) -> np.ndarray:
        """A NumPy copy of the value."""
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)  # Python would index without end otherwise: JAX has a last row for every index

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self._value}>"

    # Identity, not value, is what makes two variables the same one in lists and dicts.
    def __hash__(self) -> int:
        return id(self)

    def __pos__(self) -> Any:
        return +self.value

    def __neg__(self) -> Any:
        return -self.value

    def __abs__(self) -> Any:
        return abs(self.value)

    def __invert__(self) -> Any:
        return ~self.value


register_leaf(Variable)


def _operator(name: str) -> Callable[[Variable, Any], Any]:
    def apply(self: Variable, other: Any) -> Any:
        return getattr(self.value, name)(other.value if isinstance(other, Variable) else other)

    apply.__name__ = name
    return apply


for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "floordiv",
    "rfloordiv",
    "mod",
    "rmod",
    "pow",
    "rpow",
    "matmul",
    "rmatmul",
    "lt",
    "le",
    "gt",
    "ge",
    "eq",
    "ne",
    "and",
    "rand",
    "or",
    "ror",
    "xor",
    "rxor",
]:
    setattr(Variable, f"__{_name}__", _operator(f"__{_name}__"))


def _initial_value(initializer: Any, shape: Any, dtype: Any, path: str) -> jax.Array:
    if callable(initializer):
        if shape is None:
            raise ArgumentError(f"Variable '{path}' has a callable initializer, so it needs a shape.")
        dtype = standardize_dtype(dtype)
        value = _owned(jnp.asarray(initializer(tuple(shape), dtype=dtype), dtype))
    else:
        if isinstance(initializer, Variable):
            initializer = initializer.value
        if dtype is None and not hasattr(initializer, "dtype"):
            array = np.asarray(initializer)
            dtype = (
                settings.floatx() if array.dtype.kind == "f" else ("int32" if array.dtype.kind == "i" else array.dtype)
            )
        dtype = standardize_dtype(dtype if dtype is not None else initializer.dtype)
        value = _owned(jnp.asarray(initializer, dtype))
    if shape is not None and tuple(shape) != value.shape:
        raise ShapeError(
            f"Variable '{path}' should have shape {tuple(shape)}, but its initial value has {value.shape}."
        )
    return value


def _owned(array: jax.Array) -> jax.Array:
    """A copy that nobody else holds: NumPy memory could change under a variable, and training gives arrays away.

    `device_put` copies without a compilation, which `jnp.array` would cost for each shape. It copies in the background,
    where `array` may still be the memory of a NumPy array that its owner changes next: so wait for it.
    """
    with jax.ensure_compile_time_eval():
        return jax.device_put(array, may_alias=False).block_until_ready()
