"""`Metric`: state that counts over batches, and a result. Both are traced into the compiled program."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from ..core import dtypes, names
from ..core.configurable import Configurable
from ..core.pure import pure
from ..core.variables import Variable

__all__ = ["Metric"]


class Metric(Configurable):
    """Base of metrics: subclass it with `update_state` and `result`; state comes from `add_variable`.

    Args:
        dtype: the dtype of the result; None: `floatx()`.
        name: the metric's name, which logs show.

    >>> from ranvier import metrics
    >>> mean = metrics.Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> float(mean.result())
    2.0
    """

    keras_module = "keras.metrics"

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or names.auto_name(type(self).__name__)
        self._dtype = dtypes.get_policy(dtype if dtype is not None else dtypes.settings.floatx())
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype of the result."""
        return self._dtype.compute_dtype

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "sum", name: str | None = None
    ) -> Variable:
        """Make a piece of state, which `reset_state` sets to 0."""
        with names.name_scope(self.name):
            start = initializer if callable(initializer) else _ones if initializer == "ones" else _zeros
            variable = Variable(
                start,
                tuple(shape),
                dtype or self.dtype,
                trainable=False,
                aggregation=aggregation,
                name=name or "variable",
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a piece of state: `add_variable` by Keras's older name."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The state: this metric's, and that of metrics in its attributes."""
        inner = [v for value in vars(self).values() if isinstance(value, Metric) for v in value.variables]
        return list({id(v): v for v in [*self._variables, *inner]}.values())

    def reset_state(self) -> None:
        """Start counting anew."""
        for variable in self.variables:
            variable.assign(jnp.zeros(variable.shape, variable.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Count a batch; every metric overrides it."""
        raise TypeError(f"{type(self).__name__} must define update_state(self, …).")

    def result(self) -> Any:
        """The value so far; every metric overrides it."""
        raise TypeError(f"{type(self).__name__} must define result(self).")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    # --- stateless use ----------------------------------------------------------------------------------------------

    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """The state's new values after `update_state` from these values."""
        return pure(lambda: self.update_state(*args, **kwargs), self.variables)(metric_variables)[1]

    def stateless_result(self, metric_variables: Any) -> Any:
        """The result for these values of the state."""
        return pure(self.result, self.variables)(metric_variables)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The state's values at the start."""
        return pure(self.reset_state, self.variables)([v.value for v in self.variables])[1]

    # --- configuration ----------------------------------------------------------------------------------------------

    config_optional: ClassVar[frozenset[str]] = frozenset()

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.dtype if name == "dtype" else super()._config_value(name, declared_by)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and all(value is not v for v in self.__dict__.get("_variables", ())):
            self.__dict__.setdefault("_variables", []).append(value)
        super().__setattr__(name, value)


def _zeros(shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
    return np.zeros(shape, dtypes.standardize_dtype(dtype) if dtype != "bfloat16" else "float32")


def _ones(shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
    return np.ones(shape, dtypes.standardize_dtype(dtype) if dtype != "bfloat16" else "float32")
