"""What an optimizer keeps: the step count, the learning rate, and slots for each weight."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import initializers
from ..core import names, ownership
from ..core.errors import ArgumentError, ArgumentTypeError, RanvierWarning
from ..core.hints import hint
from ..core.pure import scope
from ..core.settings import floatx
from ..core.tracebacks import outside
from ..core.variables import Variable
from .checks import finite
from .schedules.base import LearningRateSchedule

__all__ = ["OptimizerState", "constant", "finished"]


class OptimizerState(ownership.Watched):
    """The part of `Optimizer` that makes, reads and replaces its variables."""

    name: str
    built: bool
    _building: bool = False
    _copied: bool = False  # it was unpickled or copied after `build`
    _trainable_variables: list[Variable]
    _index: dict[int, int]
    _undecayed: tuple[list[Variable], tuple[str, ...]]
    gradient_accumulation_steps: int | None

    def _make_state(self, learning_rate: Any) -> None:
        """Make the step count and the learning rate."""
        self._variables: list[Variable] = []
        self._waiting: dict[str, Any] = {}  # state from a file for slots that are not made yet
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._schedule: Any = None
        if isinstance(learning_rate, LearningRateSchedule) or callable(learning_rate):
            self._schedule = learning_rate
        else:
            finite("learning_rate", learning_rate, least=0)
            self._learning_rate = self.add_variable((), constant(float(learning_rate)), name="learning_rate")

    @property
    def variables(self) -> list[Variable]:
        """All state: the step count, the learning rate, and the slots of each weight."""
        return self._variables[:]

    @property
    def iterations(self) -> Any:
        """The number of updates so far: a variable, or with accumulated gradients a number made of one."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    def _step_number(self, dtype: str = "float32") -> Any:
        """The number of the running update, from 1, for weights of `dtype`.

        In float32 or float64, since the powers of betas that corrections are made of lose themselves in 16 bits.
        """
        return jnp.asarray(self.iterations + 1, "float64" if dtype == "float64" else "float32")

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a piece of state, in `floatx` unless `dtype` says otherwise.

        Args:
            shape: its shape.
            initializer: a function of shape and dtype, or an initialiser's name.
            dtype: its dtype.
            aggregation: how replicas combine.
            layout: where its parts lie; None: as the distribution says.
            name: its name under the optimizer's.
        """
        start = _INITIALIZERS.get(initializer) if isinstance(initializer, str) else initializer
        start = initializers.get(initializer) if start is None else start
        with names.name_scope(self.name):
            variable = Variable(
                start, tuple(shape), dtype or floatx(), False, aggregation=aggregation, name=name, layout=layout
            )
        self._variables.append(variable)
        ownership.changed(self)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a slot in the shape and dtype of a weight; with ``initializer="same"`` it begins as the weight."""
        reference = reference_variable.path.replace("/", "_")
        if isinstance(initializer, str) and initializer == "same":
            initializer = functools.partial(_value_of, reference_variable)
        return self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            layout=reference_variable.layout,
            name=f"{reference}_{name}" if name else reference,
        )

    def add_optimizer_variables(self, trainable_variables: Any, name: Any, initializer: Any = "zeros") -> Any:
        """Make a list of slots, one for each weight; several lists for several names."""
        if isinstance(name, (list, tuple)):
            starts = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(name)
            slots: list[list[Variable]] = [[] for _ in name]
            for variable in trainable_variables:
                for slot, n, start in zip(slots, name, starts, strict=True):
                    slot.append(self.add_variable_from_reference(variable, n, start))
            return slots
        return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a variable, or the schedule's value at the present step. Assign a number to change it."""
        return self._current_learning_rate() if self._schedule is not None else self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule) or (callable(value) and not isinstance(value, Variable)):
            if self._schedule is None:
                self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._schedule = value
            return
        if self._schedule is not None:
            raise ArgumentTypeError(
                "This optimizer was made with a learning-rate schedule, so its learning rate cannot be set to a "
                "number. Make it with a number, or assign another schedule."
            )
        if isinstance(value, (int, float, np.generic)):
            finite("learning_rate", value, least=0)
        self._learning_rate.assign(value)

    @property
    def lr(self) -> Any:
        """The learning rate, by the name that it had in Keras 2."""
        hint("optimizer.lr", "optimizer.lr is called optimizer.learning_rate in Keras 3.")
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        hint("optimizer.lr", "optimizer.lr is called optimizer.learning_rate in Keras 3.")
        self.learning_rate = value

    def _current_learning_rate(self) -> Any:
        if isinstance(self._schedule, LearningRateSchedule):
            return self._schedule(self._iterations.value)
        return self._schedule() if self._schedule is not None else self._learning_rate.value

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the state by arrays in the order of `variables`."""
        if len(weights) != len(self.variables):
            raise ArgumentError(f"The optimizer has {len(self.variables)} variables. Received: {len(weights)} arrays")
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Put the state into `store` under "0", "1" …"""
        if self._waiting:
            store.update(self._waiting)
            return
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the state from `store`."""
        if len(store) != len(self.variables):
            warnings.warn(
                f"The file has {len(store)} optimizer variables, optimizer '{self.name}' has {len(self.variables)}; "
                "its state is not loaded.",
                RanvierWarning,
                stacklevel=2,
            )
            return
        for i, variable in enumerate(self.variables):
            variable.assign(np.asarray(store[str(i)]))

    def take(self, store: Mapping[str, Any]) -> bool:
        """Take the state from `store` if it fits, or keep it until `build`, if that has not been. Returns whether it did."""
        if [np.shape(value) for value in store.values()] == [v.shape for v in self.variables]:
            self.load_own_variables(store)
        elif self.built or len(store) <= len(self.variables):
            return False
        else:
            self._waiting = dict(store)
        return True

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_index"}  # which holds identities

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}
        self._copied = self.built

    def _rebind(self, variables: list[Variable]) -> None:
        """Of a copy that came without its weights, or with copies of them: go on with these, if they are alike."""
        own, index = self._trainable_variables, self._index
        if all(id(v) in index for v in variables) or [v.shape for v in own] != [v.shape for v in variables]:
            return
        excluded, words = self._undecayed
        self._undecayed = ([variables[index[id(v)]] for v in excluded if id(v) in index], words)
        self._trainable_variables = variables
        self._index = {id(v): i for i, v in enumerate(variables)}
        self._copied = False

    def _take_waiting(self) -> None:
        """After `build`: take the state that a file had for the slots."""
        store, self._waiting = self._waiting, {}
        if store and not self.take(store):
            warnings.warn(
                f"The optimizer state that was loaded for '{self.name}' does not fit the variables that it is used for; "
                "it starts anew.",
                RanvierWarning,
                stacklevel=outside(),
            )


def finished(build: Callable[..., None]) -> Callable[..., None]:
    """`build`, after which (its outermost frame) the optimizer takes the state that a file had for it."""

    @functools.wraps(build)
    def run(self: OptimizerState, *args: Any, **kwargs: Any) -> None:
        if self._copied and self.built and args:
            self._rebind(list(args[0]))
        inside, self._building = self._building, True
        try:
            build(self, *args, **kwargs)
        finally:
            self._building = inside
        if self._waiting and not inside:
            # Also if a trace came upon the optimizer first: what the variables hold is changed, not what the trace sees.
            with scope(None), jax.ensure_compile_time_eval():
                self._take_waiting()

    return run


def constant(value: float) -> Any:
    """An initialiser that gives one value everywhere, made by NumPy: no compilation."""
    return functools.partial(_full, value)


def _full(value: float, shape: Any, dtype: Any = None) -> np.ndarray:
    return np.full(shape, value, "float32" if dtype in (None, "bfloat16") else dtype)


def _value_of(variable: Variable, shape: Any, dtype: Any = None) -> Any:
    return variable.stored_value()


_INITIALIZERS = {"zeros": constant(0.0), "ones": constant(1.0)}
