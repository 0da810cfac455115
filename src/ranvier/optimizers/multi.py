"""Different optimizers for different weights: `OptimizerMap` says which, `MultiOptimizer` runs them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, ClassVar

from ..core import serialization
from ..core.errors import ArgumentError, ArgumentTypeError
from ..core.names import by_path
from ..core.variables import Variable
from .base import Optimizer

__all__ = ["MultiOptimizer", "OptimizerMap"]


class OptimizerMap(MutableMapping):
    """Optimizers by patterns of variable paths.

    Args:
        default_optimizer: for paths that no key matches.
        optimizer_map: dict from keys to optimizers. A key is a path such as ``"model/dense/kernel"``, or a pattern that
            matches whole paths.

    Raises:
        ArgumentTypeError: a default that is no optimizer.
        ArgumentError: another value that is none, a key that is there already, or a path that several keys match.

    >>> from ranvier.optimizers import SGD, Adam
    >>> optimizers = OptimizerMap(Adam(), {".*/embedding/.*": SGD(0.1)})
    >>> type(optimizers["model/embedding/embeddings"]).__name__
    'SGD'
    """

    keras_module = "keras.optimizers"

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise ArgumentTypeError(
                f"default_optimizer must be an optimizer. Received: default_optimizer={default_optimizer!r}"
            )
        self._default = default_optimizer
        self._map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer for paths that no key matches."""
        return self._default

    def __getitem__(self, key: str) -> Optimizer:
        return by_path(self._map, key, self._default)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer for a variable."""
        return self[variable.path]

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(f"The map holds optimizers. Received: {optimizer!r} for key {key!r}")
        if key in self._map:
            raise ArgumentError(f"{key!r} is in the map already. Delete it first.")
        self._map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def __bool__(self) -> bool:
        return True

    def get_config(self) -> dict[str, Any]:
        """The default optimizer and the map, in their serialised spelling."""
        return {
            "default_optimizer": serialization.serialize(self._default),
            "optimizer_map": {key: serialization.serialize(optimizer) for key, optimizer in self._map.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> OptimizerMap:
        """The map that `get_config` described."""
        make = lambda c: serialization.deserialize(c, custom_objects, only=Optimizer)  # noqa: E731
        return cls(make(config["default_optimizer"]), {k: make(v) for k, v in config["optimizer_map"].items()})


serialization.register_builtin(OptimizerMap)


class MultiOptimizer(Optimizer):
    """Several optimizers, each for its own weights.

    Args:
        optimizer_map: an `OptimizerMap`, or a callable ``(variable) → optimizer``; it decides when the optimizer is built.
        loss_scale_factor: the loss is multiplied by it, and all optimizers divide the gradients by it.
        name: the optimizer's name.

    Raises:
        ArgumentTypeError: another kind of map.

    >>> from ranvier.optimizers import SGD, Adam
    >>> optimizer = MultiOptimizer(OptimizerMap(Adam(), {".*/embedding/.*": SGD(0.1)}))
    >>> [type(o).__name__ for o in optimizer.optimizers]
    ['SGD', 'Adam']
    """

    #: What the inner optimizers' own configurations say.
    config_excluded: ClassVar[frozenset[str]] = frozenset(inspect.signature(Optimizer.__init__).parameters) - {
        "name", "loss_scale_factor",
    }  # fmt: skip

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        if not isinstance(optimizer_map, OptimizerMap) and not callable(optimizer_map):
            raise ArgumentTypeError(
                "optimizer_map must be an OptimizerMap or a callable (variable) → optimizer. Received: "
                f"optimizer_map={optimizer_map!r} of type {type(optimizer_map).__name__}"
            )
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self._parts: list[tuple[Optimizer, list[int]]] = []  # each optimizer with the places of its weights
        known = (
            [*optimizer_map.values(), optimizer_map.default_optimizer]
            if isinstance(optimizer_map, OptimizerMap)
            else []
        )
        self._optimizers: list[Optimizer] = list({id(o): o for o in known}.values())
        self._share_scale()

    def _share_scale(self) -> None:
        if self.loss_scale_factor is not None:
            for optimizer in self._optimizers:
                optimizer.loss_scale_factor = self.loss_scale_factor

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers, the default one last."""
        return self._optimizers[:]

    def _optimizer_of(self, variable: Variable) -> Optimizer:
        chosen = (
            self.optimizer_map[variable.path]
            if isinstance(self.optimizer_map, OptimizerMap)
            else self.optimizer_map(variable)
        )
        if not isinstance(chosen, Optimizer):
            raise ArgumentError(f"optimizer_map gave {chosen!r} for '{variable.path}', which is no optimizer.")
        return chosen

    def build(self, var_list: Sequence[Variable]) -> None:  # type: ignore[override]  # Keras's name
        """Share the weights among the optimizers and make their state."""
        if self.built:
            return
        places: dict[int, list[int]] = {}
        for i, variable in enumerate(var_list):
            optimizer = self._optimizer_of(variable)
            if all(optimizer is not known for known in self._optimizers):
                self._optimizers.append(optimizer)
            places.setdefault(id(optimizer), []).append(i)
        self._share_scale()
        self._parts = [(o, places[id(o)]) for o in self._optimizers if id(o) in places]
        for optimizer, indices in self._parts:
            optimizer.build([var_list[i] for i in indices])
        super().build(var_list)

    @property
    def variables(self) -> list[Variable]:
        """Its own state and that of the optimizers."""
        return [*self._variables, *(v for optimizer in self._optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """There is no single one; see those of `optimizers`."""
        raise AttributeError("A MultiOptimizer has no learning rate of its own: look at those of its optimizers.")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("A MultiOptimizer has no learning rate of its own: set those of its optimizers.")

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Let each optimizer update its weights."""
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        weights = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(weights):
            raise ArgumentError(f"{len(grads)} gradients for {len(weights)} variables: the numbers must be equal.")
        given = {id(variable): gradient for variable, gradient in zip(weights, grads, strict=True)}
        unknown = [v.path for v in weights if id(v) not in self._index]
        if unknown:
            raise ArgumentError(f"This optimizer was not built for the variable(s) {unknown}.")
        for optimizer, indices in self._parts:
            own = [v for i in indices if id(v := self._trainable_variables[i]) in given]
            if any(given[id(v)] is not None for v in own):
                optimizer.apply([given[id(v)] for v in own], own)
        self._iterations.assign_add(1)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Leave variables out of the weight decay of every optimizer."""
        for optimizer in self._optimizers:
            optimizer.exclude_from_weight_decay(var_list, var_names)

    def averaged_weights(self) -> list[tuple[Variable, Variable]]:
        """As the optimizers keep them."""
        return [pair for optimizer in self._optimizers for pair in optimizer.averaged_weights()]

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """As the optimizers do it."""
        for optimizer, _ in self._parts:
            optimizer.finalize_variable_values(var_list)
