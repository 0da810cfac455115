"""`Owner`: the half of a layer that has a name, a dtype policy and weights."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .. import constraints, initializers, regularizers
from ..core import dtypes, names, ownership
from ..core.configurable import Configurable
from ..core.dtype_policy_map import DTypePolicyMap
from ..core.errors import ArgumentError, NotBuiltError, SerializationError, ShapeError
from ..core.ownership import Watched, in_order, owned, unique
from ..core.random import SeedGenerator
from ..core.variables import Variable
from .checks import true_or_false
from .context import current_context

__all__ = ["Owner"]


def _shape_first(add_weight: Callable[..., Variable]) -> Callable[..., Variable]:
    """`add_weight`, which says what to do where a name stands first, as Keras 2 had it."""

    @functools.wraps(add_weight)
    def checked(self: Owner, *args: Any, **kwargs: Any) -> Variable:
        if args and isinstance(args[0], str):
            raise ArgumentError(
                f"The first argument of add_weight is the shape; the name is given by keyword: add_weight(shape=…, "
                f"name={args[0]!r}). Received: {args[0]!r} first"
            )
        return add_weight(self, *args, **kwargs)

    return checked


class Owner(Watched, Configurable):
    """What owns variables through its attributes; `Layer` is the only one."""

    #: Attributes in which no weights are looked for.
    not_owned: ClassVar[frozenset[str]] = frozenset(
        {"_given", "_inbound_nodes", "_build_shapes", "_losses", "_watches", "_added_weights"}
    )
    not_watched: ClassVar[frozenset[str]] = frozenset({"_given", "_inbound_nodes", "_build_shapes", "_losses"})

    built: bool = False
    _name: str | None
    _trainable: bool
    _thawed: bool = False  # whether this very layer, not one around it, was set trainable
    _building: bool
    _dtype_policy: dtypes.DTypePolicy

    # --- names and dtypes -------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The layer's name."""
        if self._name is None:
            raise NotBuiltError(f"{type(self).__name__} has no name yet: its __init__ must call super().__init__().")
        return self._name

    @property
    def path(self) -> str:
        """The layer's name with those of the layers that enclosed it when it was built."""
        return getattr(self, "_path", None) or self.name

    @property
    def dtype_policy(self) -> dtypes.DTypePolicy:
        """The policy that says in which dtypes the layer keeps its weights and computes; assign one, or its name."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = dtypes.get_policy(value)

    @property
    def _policy(self) -> dtypes.DTypePolicy:
        """The policy at this layer's place, which a map of policies knows by the layer's path."""
        policy = self._dtype_policy
        if not isinstance(policy, DTypePolicyMap):
            return policy
        enclosing = names.current_path()
        inside = enclosing == self.name or enclosing.endswith("/" + self.name)
        here = enclosing if inside or not enclosing else f"{enclosing}/{self.name}"
        return policy[getattr(self, "_path", None) or here or self.name]

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self._policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self._policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer computes."""
        return self._policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self.compute_dtype

    @property
    def quantization_mode(self) -> str | None:
        """None: the layer is not quantised."""
        return self._policy.quantization_mode

    # --- weights ----------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape. Layers with weights override it."""
        self._build_by_call(input_shape)
        self.built = True

    def _build_by_call(self, input_shape: Any) -> None:
        """Nothing to make; models build their parts by tracing their call."""

    @_shape_first
    def add_weight(
        self,
        shape: tuple[int, ...] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight; it is the layer's as soon as it is assigned to an attribute, and before.

        Args:
            shape: sizes, all known; () for a scalar.
            initializer: an initialiser; None: Glorot uniform for floats, zeros for others.
            dtype: None: the layer's variable dtype.
            trainable: whether optimizers may change it.
            autocast: whether `call` sees it in the compute dtype.
            regularizer: a penalty on it, added to the loss.
            constraint: a projection applied after each update.
            name: its name.

        Raises:
            ArgumentError: a name in the place of the shape, or a weight that is made in `call`.
            ShapeError: a shape that is not known.
        """
        if current_context() is not None and self.built and not self._building:
            raise ArgumentError(
                f"Layer '{self.name}' makes the weight '{name or 'variable'}' in `call`: each call would make another one, "
                "which no optimizer knows. Make it in `build(self, input_shape)` or in `__init__`."
            )
        shape = () if shape is None else tuple(shape)
        if any(size is None for size in shape):
            raise ShapeError(
                f"Weight '{name}' of layer '{self.name}' would have shape {shape}: an input size that a weight "
                "depends on must be known. Give it in the Input or input_shape."
            )
        dtype = dtypes.standardize_dtype(dtype) if dtype is not None else self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        with names.name_scope(self.name) if not self._building else contextlib.nullcontext():
            variable = Variable(
                initializers.get(initializer), shape, dtype, trainable, autocast, aggregation, name=name or "variable"
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self.__dict__.setdefault("_added_weights", []).append(variable)
        ownership.changed(self)
        return variable

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, trainable: bool = True, autocast: bool = True,
        regularizer: Any = None, constraint: Any = None, name: str | None = None,
    ) -> Variable:  # fmt: skip
        """Make a weight: `add_weight` by another name."""
        return self.add_weight(shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name)

    def _layers_in_order(self) -> list[Owner]:
        """The layers that this layer's attributes hold."""
        return owned(self, Owner)

    def _own_variables(self) -> list[Variable]:
        """The variables that this layer's attributes hold, in the order of Keras's files: those made trainable first."""
        variables = in_order(vars(self).get("_added_weights", ()), owned(self, Variable))
        return sorted(variables, key=lambda v: not v.born_trainable)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Owner]:
        """This layer and all below it, each once."""
        found: dict[int, Owner] = {id(self): self} if include_self else {}

        def visit(layer: Owner) -> None:
            for child in layer._layers_in_order():
                if id(child) not in found and child is not self:
                    found[id(child)] = child
                    if recursive:
                        visit(child)

        visit(self)
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """All state, each variable once: weights and the states of seed generators."""
        found = []
        for layer in self._flatten_layers():
            found += layer._own_variables()
            found += layer._unsaved_variables()
        return unique(found)

    def _unsaved_variables(self) -> list[Variable]:
        """This layer's own state that no file keeps: the states of seed generators."""
        return [g.state for g in owned(self, SeedGenerator)]

    @property
    def weights(self) -> list[Variable]:
        """The variables that a file keeps: all but the states of seed generators."""
        return unique(v for layer in self._flatten_layers() for v in layer._own_variables())

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that optimizers change."""
        frozen = self._frozen_variables()
        return [v for v in self.weights if id(v) not in frozen]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that optimizers leave alone."""
        frozen = self._frozen_variables()
        return [v for v in self.weights if id(v) in frozen]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that optimizers change."""
        frozen = self._frozen_variables()
        return [v for v in self.variables if id(v) not in frozen]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that optimizers leave alone, seed states among them."""
        frozen = self._frozen_variables()
        return [v for v in self.variables if id(v) in frozen]

    def _frozen_variables(self) -> set[int]:
        """The ids of the variables here and inside that do not train: they, or an owner above them, are not trainable."""
        return self._sorted_out()[0]

    def _held_back(self) -> list[str]:
        """The names of the layers inside that were set trainable, and still do not train, since an owner does not."""
        return self._sorted_out()[1]

    def _sorted_out(self) -> tuple[set[int], list[str]]:
        frozen: set[int] = set()
        held_back: list[str] = []
        seen: dict[int, bool] = {}

        def visit(layer: Owner, held: bool) -> None:
            if held and layer._thawed and layer.trainable:
                held_back.append(layer.name)
            held = held or not layer.trainable
            if seen.get(id(layer)) in (held, True):
                return
            seen[id(layer)] = held
            own = [*layer._own_variables(), *layer._unsaved_variables()]
            frozen.update(id(v) for v in own if held or not v.trainable)
            for child in layer._layers_in_order():
                visit(child, held)

        visit(self, False)
        return frozen, held_back

    @property
    def trainable(self) -> bool:
        """Whether optimizers may change the weights, here and in the layers inside.

        A weight trains if it, its layer and every layer around that are trainable. Setting it sets it for all layers
        inside, too.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = true_or_false(f"Layer '{self.name}'", "trainable", value)
        ownership.changed(self)
        self._trainable = bool(value)
        for layer in self._flatten_layers():
            ownership.changed(layer)
            layer._trainable = bool(value)
            layer._thawed = layer is self and bool(value)
            for variable in layer._own_variables():
                if variable.born_trainable:
                    variable.trainable = bool(value)

    def get_weights(self) -> list[np.ndarray]:
        """NumPy copies of the weights."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Replace the weights by arrays of the same shapes, in the order of `get_weights()`."""
        variables = self.weights
        if len(weights) != len(variables):
            raise ArgumentError(
                f"Layer '{self.name}' has {len(variables)} weights. Received: a list of {len(weights)} arrays."
                + (
                    ""
                    if self.built
                    else " The layer is not built yet: call it on data, or give it an input shape, first."
                )
            )
        for variable, value in zip(variables, weights, strict=True):
            if tuple(np.shape(value)) != variable.shape:
                raise ShapeError(
                    f"Weight '{variable.path}' has shape {variable.shape}. "
                    f"Received: an array of shape {np.shape(value)}"
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put the values of this layer's own weights, not those of layers inside, into `store` under "0", "1", …

        Args:
            store: a dict-like of arrays; a file's, when the layer is saved.
        """
        for i, variable in enumerate(self._own_variables()):
            store[str(i)] = variable.exact_value()

    def load_own_variables(self, store: Any) -> None:
        """Take this layer's own weights from `store`, where `save_own_variables` put them.

        Raises:
            SerializationError: weights that are missing, or too many.
            ShapeError: a weight of another shape.
        """
        variables = self._own_variables()
        if len(store) != len(variables):
            raise SerializationError(
                f"Layer '{self.name}' has {len(variables)} weights of its own, the file has {len(store)}."
                + (
                    ""
                    if self.built
                    else " The layer is not built yet: call the model on data, or build it, before loading."
                )
            )
        for i, variable in enumerate(variables):
            value = store[str(i)]
            if tuple(value.shape) != variable.shape:
                raise ShapeError(
                    f"Weight '{variable.path}' has shape {variable.shape}, the file has {tuple(value.shape)}."
                )
            variable.assign(value)

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        if not self.built and not self.weights:
            raise NotBuiltError(
                f"Layer '{self.name}' is not built, so its parameters cannot be counted. "
                "Call it on data, or build(input_shape)."
            )
        return sum(v.size for v in self.weights)
