"""`Variable` with TensorFlow's arguments and methods; every variable of ranvier is an instance of it."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core import variables
from ...core.errors import ArgumentError
from .dtypes import dtype_name
from .shapes import TensorShape
from .tensors import array_of, numpy_repr

__all__ = ["Module", "Variable", "VariableAggregation", "VariableSynchronization"]


class VariableAggregation:
    """How replicas combine."""

    NONE, SUM, MEAN, ONLY_FIRST_REPLICA = "none", "sum", "mean", "only_first_replica"


class VariableSynchronization:
    """When replicas combine."""

    AUTO, NONE, ON_WRITE, ON_READ = "auto", "none", "on_write", "on_read"


class _VariableType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, variables.Variable)


class Variable(variables.Variable, metaclass=_VariableType):
    """A named tensor that can change.

    Args:
        initial_value: a tensor, number or nested list, or a function without arguments that gives one.
        trainable: whether tapes watch it and optimizers may change it.
        name: its name.
        dtype: its dtype; None: the value's own.
        shape: its shape; None: the value's.
        constraint: applied by optimizers after an update.
        aggregation: how replicas combine.
        **kwargs: `validate_shape`, `caching_device`, `synchronization` and other arguments of TensorFlow's are accepted.

    >>> v = Variable([1.0, 2.0], name="v")
    >>> v.assign_add([1.0, 1.0])
    <tf.Variable 'v:0' shape=(2,) dtype=float32, numpy=array([2., 3.], dtype=float32)>
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Any = None,
        synchronization: str = "auto",
        aggregation: str = "none",
        shape: Any = None,
        **kwargs: Any,
    ):
        if initial_value is None:
            raise ArgumentError("initial_value must be given: tf.Variable(tf.zeros((3, 2))).")
        value = array_of(initial_value() if callable(initial_value) else initial_value, dtype)
        if isinstance(value, np.ndarray):
            raise ArgumentError("A variable holds numbers; text stays in Python or NumPy.")
        self._given_name = name or "Variable"
        super().__init__(
            value,
            dtype=value.dtype,
            trainable=True if trainable is None else bool(trainable),
            aggregation=aggregation,
            name=self._given_name.rpartition("/")[2],
        )
        self.constraint = constraint

    @property
    def name(self) -> str:
        """The name that was given, with TensorFlow's ``:0``."""
        return f"{self._given_name}:0"

    @property
    def shape(self) -> TensorShape:
        """The shape."""
        return TensorShape(super().shape)

    def get_shape(self) -> TensorShape:
        """The shape."""
        return self.shape

    def read_value(self) -> Any:
        """The present value."""
        return self.value

    def initialized_value(self) -> Any:
        """The present value."""
        return self.value

    def numpy(self) -> Any:
        """A NumPy copy of the value."""
        return super().numpy()[()]

    def assign(
        self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Variable:
        """Replace the value by one of the same shape."""
        super().assign(array_of(value, dtype_name(self.dtype)))
        return self

    def assign_add(  # pyright: ignore[reportIncompatibleMethodOverride]  # TensorFlow's name
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Variable:
        """Add `delta`."""
        return self.assign(self.exact_value() + array_of(delta, self.dtype))

    def assign_sub(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Variable:
        """Subtract `delta`."""
        return self.assign(self.exact_value() - array_of(delta, self.dtype))

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> Variable:
        """Replace the elements or rows at `indices`, (…, axes that they tell)."""
        return self.assign(self.exact_value().at[_index(indices)].set(array_of(updates, self.dtype)))

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> Variable:
        """Add to the elements or rows at `indices`."""
        return self.assign(self.exact_value().at[_index(indices)].add(array_of(updates, self.dtype)))

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> Variable:
        """Subtract from the elements or rows at `indices`."""
        return self.assign(self.exact_value().at[_index(indices)].add(-array_of(updates, self.dtype)))

    def gather_nd(self, indices: Any, name: str | None = None) -> Any:
        """The elements or rows at `indices`."""
        return self.value[_index(indices)]

    def sparse_read(self, indices: Any, name: str | None = None) -> Any:
        """The rows at `indices`."""
        return jnp.take(self.value, array_of(indices), axis=0)

    def __repr__(self) -> str:
        numbers = numpy_repr(np.asarray(self.stored_value()))
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype}, numpy={numbers}>"


def _index(indices: Any) -> Any:
    indices = array_of(indices)
    return tuple(jnp.moveaxis(indices, -1, 0))


class Module:
    """A base for objects that own variables: what attributes hold, at any depth, is found.

    Args:
        name: the module's name.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = Variable(2.0)
    >>> len(Scale().trainable_variables)
    1
    """

    def __init__(self, name: str | None = None):
        self._name = name

    @property
    def name(self) -> str:
        """The name that was given, or one made of the class's."""
        given = self.__dict__.get("_name")
        if given:
            return given
        text = type(self).__name__
        return "".join(
            f"_{c.lower()}" if c.isupper() and i and not text[i - 1].isupper() else c.lower()
            for i, c in enumerate(text)
        )

    @property
    def name_scope(self) -> Any:
        """A context with the module's name in front of those of variables."""
        from ...core.scopes import name_scope

        return name_scope(self.name)

    @property
    def variables(self) -> tuple[Any, ...]:
        """The variables in the attributes, at any depth, each once."""
        found: dict[int, Any] = {}
        _collect(self, found, set())
        return tuple(found.values())

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        """Those of `variables` that train."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Any, ...]:
        """Those of `variables` that do not train."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Any, ...]:
        """The modules in the attributes, at any depth."""
        seen: set[int] = set()
        modules: list[Any] = []
        _collect(self, {}, seen, modules)
        return tuple(m for m in modules if m is not self)

    @classmethod
    def with_name_scope(cls, method: Any) -> Any:
        """Decorator: the method runs in the module's name scope."""
        import functools

        @functools.wraps(method)
        def scoped(self: Any, *args: Any, **kwargs: Any) -> Any:
            with self.name_scope:
                return method(self, *args, **kwargs)

        return scoped


def _collect(value: Any, found: dict[int, Any], seen: set[int], modules: list[Any] | None = None) -> None:
    if isinstance(value, variables.Variable):
        found[id(value)] = value
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            _collect(item, found, seen, modules)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found, seen, modules)
    elif isinstance(value, Module):
        if id(value) in seen:
            return
        seen.add(id(value))
        if modules is not None:
            modules.append(value)
        for name in sorted(vars(value)):
            _collect(vars(value)[name], found, seen, modules)
    elif hasattr(value, "variables") and hasattr(value, "trainable"):  # a layer or a model
        for variable in value.variables:
            found[id(variable)] = variable
