"""`Metric`: state that counts over batches, and a result. Both are traced into the compiled program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from .. import initializers
from ..core import dtypes, names
from ..core.configurable import Configurable
from ..core.errors import NotDefinedError
from ..core.ownership import Watched, changed, in_order, owned, unique
from ..core.pure import pure
from ..core.random import SeedGenerator
from ..core.variables import Variable

__all__ = ["Metric"]


class Metric(Watched, Configurable):
    """Base of metrics: subclass it with `update_state` and `result`; state comes from `add_variable`.

    Args:
        dtype: the dtype of the result; None: `floatx()`.
        name: the metric's name, which logs show.

    >>> class Largest(Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")
    ...
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.largest.assign(max(self.largest.value, abs(y_true - y_pred).max()))
    ...
    ...     def result(self):
    ...         return self.largest.value
    >>> float(Largest()(np.array([1.0, 2.0]), np.array([1.5, 4.0])))
    2.0
    """

    keras_module = "keras.metrics"
    not_owned = frozenset({"_given", "_watches", "_variables"})
    _variables: list[Variable]

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or names.auto_name(type(self).__name__)
        self._dtype = dtypes.get_policy(dtypes.settings.floatx() if dtype is None else dtype)
        self.__dict__.setdefault("_variables", [])

    @property
    def dtype(self) -> str:
        """The dtype of the result."""
        return self._dtype.compute_dtype

    # --- state ------------------------------------------------------------------------------------------------------

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "sum", name: str | None = None
    ) -> Variable:
        """Make a piece of state, which `reset_state` sets to 0.

        Args:
            shape: its shape.
            initializer: its first value: an initialiser or its name.
            dtype: its dtype; None: the metric's.
            aggregation: how replicas combine.
            name: its own name; the metric's name stands before it in the path.
        """
        start = initializers.get("zeros" if initializer is None else initializer)
        with names.name_scope(self.name):
            variable = Variable(
                start, tuple(shape), dtype or self.dtype, trainable=False, aggregation=aggregation, name=name
            )
        self.__dict__.setdefault("_variables", []).append(variable)
        changed(self)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a piece of state: `add_variable` by Keras's older name."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def prepare(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Make the state that depends on the shapes of targets and predictions; called before the first trace."""

    @property
    def variables(self) -> list[Variable]:
        """The state: the variables that this metric's attributes hold, then those of the metrics that they hold."""
        inner = [variable for metric in owned(self, Metric) for variable in metric.variables]
        return unique([*self._own_variables(), *inner])

    def _own_variables(self) -> list[Variable]:
        return in_order(self._variables, owned(self, Variable))

    def reset_state(self) -> None:
        """Start counting anew: all own variables are 0, and metrics inside start anew."""
        for variable in self._own_variables():
            variable.assign(np.zeros(variable.shape, jax.numpy.dtype(variable.dtype)))
        for metric in owned(self, Metric):
            metric.reset_state()

    # --- counting ---------------------------------------------------------------------------------------------------

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Count a batch; every metric overrides it."""
        raise NotDefinedError(f"{type(self).__name__} must define update_state(self, …).")

    def result(self) -> Any:
        """The value so far; every metric overrides it."""
        raise NotDefinedError(f"{type(self).__name__} must define result(self).")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    # --- stateless use ----------------------------------------------------------------------------------------------

    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """The state's new values after `update_state` from these values."""
        return self._pure(lambda: self.update_state(*args, **kwargs), metric_variables)[1]

    def stateless_result(self, metric_variables: Any) -> Any:
        """The result for these values of the state."""
        return self._pure(self.result, metric_variables)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The state's values at the start."""
        return self._pure(self.reset_state, [v.stored_value() for v in self.variables])[1]

    def _pure(self, function: Callable[[], Any], values: Sequence[Any]) -> tuple[Any, list[Any]]:
        """`function()` for these values of the state, and the state's new values."""
        state, held = self.variables, self._held_variables()
        result, new = pure(function, [*state, *held])([*values, *(v.exact_value() for v in held)])
        return result, new[: len(state)]

    def _held_variables(self) -> list[Variable]:
        """The variables of networks and seed generators that the metric uses: nothing that it counts."""
        state = {id(v) for v in self.variables}
        found = [v for thing in owned(self, Watched) for v in getattr(thing, "variables", ())]
        found += [seed.state for seed in owned(self, SeedGenerator)]
        return unique(v for v in found if id(v) not in state)

    # --- configuration ----------------------------------------------------------------------------------------------

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.dtype if name == "dtype" else super()._config_value(name, declared_by)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
