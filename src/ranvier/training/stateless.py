"""A model's state and loss as values: trees of all variables, and the loss as a pure function of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentError
from ..core.pure import pure
from ..core.variables import Variable
from ..layers.context import call_context

__all__ = ["Stateless"]

_FORMATS = ("backend_tensor", "numpy_array")


class Stateless:
    """The part of a model that gives its state away as values and takes it back."""

    def _state_groups(self) -> dict[str, list[Variable]]:
        model: Any = self
        optimizer = model.optimizer.variables if model.optimizer is not None else []
        return {
            "trainable_variables": model.trainable_variables,
            "non_trainable_variables": model.non_trainable_variables,
            "optimizer_variables": optimizer,
            "metrics_variables": model.metrics_variables,
        }

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """The values of all variables in nested dicts: by group, then by the parts of their paths.

        Args:
            value_format: ``"backend_tensor"`` for jax arrays, ``"numpy_array"`` for NumPy copies.
        """
        if value_format not in _FORMATS:
            raise ArgumentError(f"value_format must be one of {_FORMATS}. Received: value_format={value_format!r}")
        read = _copied if value_format == "backend_tensor" else (lambda v: v.numpy())
        tree: dict[str, Any] = {}
        for group, variables in self._state_groups().items():
            tree[group] = {}
            for variable in variables:
                *scopes, name = variable.path.split("/")
                place = tree[group]
                for scope in scopes:
                    place = place.setdefault(scope, {})
                if name in place:
                    raise ArgumentError(
                        f"Two variables of the model have the path '{variable.path}': name its layers differently."
                    )
                place[name] = read(variable)
        return tree

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Give variables the values in a tree as `get_state_tree` made it; others keep theirs.

        Raises:
            ArgumentError: the tree holds something that the model does not have.
        """
        groups = self._state_groups()
        found: list[tuple[Variable, Any]] = []
        for group, tree in state_tree.items():
            if group not in groups:
                raise ArgumentError(f"A state tree has the groups {list(groups)}. Received: {group!r}")
            by_path = {variable.path: variable for variable in groups[group]}
            for path, value in _leaves(tree):
                if path not in by_path:
                    raise ArgumentError(f"The model has no variable '{path}' among its {group}.")
                found.append((by_path[path], value))
        for variable, value in found:
            variable.assign(value)

    def jax_state_sync(self) -> None:
        """Nothing to do: between runs the variables hold the state, and only a running loop holds it elsewhere."""

    # --- the loss as a pure function --------------------------------------------------------------------------------

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple[list[Any], list[Any], list[Any]]]:
        """`compute_loss` as a pure function of the variables' values.

        Returns:
            ``(loss, (trainable, non-trainable, metrics values))``.
        """
        model: Any = self
        parts = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables]
        run = pure(
            lambda: model._call_compute_loss(x, y, y_pred, sample_weight, training), [v for p in parts for v in p]
        )
        loss, values = run([*trainable_variables, *non_trainable_variables, *metrics_variables])
        trainable, others = len(parts[0]), len(parts[0]) + len(parts[1])
        return loss, (values[:trainable], values[trainable:others], values[others:])

    def compute_loss_and_updates(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Sequence[Any] | None = None,
    ) -> tuple[Any, tuple[Any, Any, list[Any], list[Any]]]:
        """Forward pass and loss as a pure function of the variables' values: what `jax.value_and_grad` is given.

        Returns:
            ``(scaled loss, (loss, outputs, non-trainable values, metrics values))``.
        """
        model: Any = self
        optimizer = model.optimizer.variables if optimizer_variables is not None and model.optimizer is not None else []
        parts = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables, optimizer]

        def forward() -> tuple[Any, Any, Any]:
            with call_context(training=training):
                y_pred = model(x, training=training) if model._call_takes_training else model(x)
                loss = model._call_compute_loss(x, y, y_pred, sample_weight, training)
            model._loss_tracker.update_state(loss, sample_weight=np.shape(_first(x))[0])
            scaled = model.optimizer.scale_loss(loss) if training and model.optimizer is not None else loss
            return scaled, loss, y_pred

        run = pure(forward, [v for part in parts for v in part])
        given = [*trainable_variables, *non_trainable_variables, *metrics_variables, *(optimizer_variables or ())]
        (scaled, loss, y_pred), values = run(given)
        a, b, c = len(parts[0]), len(parts[0]) + len(parts[1]), len(parts[0]) + len(parts[1]) + len(parts[2])
        return scaled, (loss, y_pred, values[a:b], values[b:c])


def _copied(variable: Variable) -> Any:
    """The value in an array of its own: training gives the variable's away."""
    return jax.device_put(variable.value, may_alias=False)


def _leaves(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(tree, dict):
        return [(path, tree)]
    return [leaf for key, value in tree.items() for leaf in _leaves(value, f"{path}/{key}" if path else str(key))]


def _first(x: Any) -> Any:
    while isinstance(x, (list, tuple, dict)):
        x = next(iter(x.values())) if isinstance(x, dict) else x[0]  # any will do: all have the batch's size
    return x
