"""`Optimizer`: what all rules share, from clipping to averaging; a rule itself is a dozen lines in its own file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..core import names, serialization
from ..core.argument_names import constructor_arguments, no_argument
from ..core.configurable import Configurable
from ..core.errors import ArgumentError, NotDefinedError, RanvierWarning
from ..core.names import snake_case
from ..core.pure import pure
from ..core.tracebacks import outside
from ..core.variables import Variable
from .checks import finite, fraction
from .older import needs_translation, translate
from .state import OptimizerState, finished

__all__ = ["Optimizer"]


class Optimizer(OptimizerState, Configurable):
    """Base of optimizers: subclass it with `build` (make the slots) and `update_step` (the rule).

    An update is, in this order: clip the gradients, decay the weights, apply the rule, average the weights, apply
    the constraints.

    Args:
        learning_rate: a positive number, a schedule, or a callable without arguments.
        weight_decay: each step multiplies weights by ``1 − learning_rate · weight_decay``.
        clipnorm: the largest norm of a single gradient.
        clipvalue: the largest absolute value in a gradient.
        global_clipnorm: the largest norm of all gradients together.
        use_ema: keep a moving average of the weights, which replaces them at the end of training.
        ema_momentum: how much of the average each step keeps.
        ema_overwrite_frequency: replace the weights by their average every so many steps; None: only at the end.
        loss_scale_factor: the loss is multiplied by it and the gradients divided, against underflow in float16.
        gradient_accumulation_steps: apply the mean of the gradients of so many steps at once.
        name: the optimizer's name.
    """

    keras_module = "keras.optimizers"
    config_excluded: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if kwargs.pop("decay", None):
            warnings.warn(
                "decay is ignored, as in Keras 3. For its effect in Keras 2 give learning_rate=InverseTimeDecay(rate, "
                "decay_steps=1, decay_rate=decay).",
                RanvierWarning,
                stacklevel=outside(),
            )
        if kwargs:
            raise ArgumentError(no_argument(type(self).__name__, kwargs, constructor_arguments(type(self))[0]))
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {k: v for k, v in clips.items() if v is not None}
        if len(given) > 1:
            raise ArgumentError(f"Give only one of clipnorm, clipvalue and global_clipnorm. Received: {given}")
        for key, value in given.items():
            finite(key, value, positive=True)
        if weight_decay is not None:
            finite("weight_decay", weight_decay, least=0)
        if use_ema:
            fraction("ema_momentum", ema_momentum, closed=True)
            if ema_overwrite_frequency is not None and (
                not isinstance(ema_overwrite_frequency, int) or ema_overwrite_frequency < 1
            ):
                raise ArgumentError(
                    "ema_overwrite_frequency must be a positive integer or None. "
                    f"Received: ema_overwrite_frequency={ema_overwrite_frequency!r}"
                )
        if gradient_accumulation_steps is not None and (
            not isinstance(gradient_accumulation_steps, int) or gradient_accumulation_steps < 2
        ):
            raise ArgumentError(
                "gradient_accumulation_steps must be an integer of at least 2, or None. "
                f"Received: gradient_accumulation_steps={gradient_accumulation_steps!r}"
            )
        if loss_scale_factor is not None:
            finite("loss_scale_factor", loss_scale_factor, positive=True)
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ArgumentError(f"name must be a string without '/'. Received: name={name!r}")
        self.name = name or names.auto_name(snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._trainable_variables = []
        self._undecayed = ([], ())
        self._make_state(learning_rate)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = finished(cls.build)

    needs_translation = staticmethod(needs_translation)
    translate = classmethod(translate)

    @finished
    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these weights. Rules extend it with their own slots."""
        if self.built:
            return
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average", "same")
        if self.gradient_accumulation_steps:
            self._accumulated = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._trainable_variables = list(variables)
        self._index = {id(v): i for i, v in enumerate(variables)}
        self.built = True

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[id(variable)]

    # --- the update -------------------------------------------------------------------------------------------------

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient: the rule."""
        raise NotDefinedError(
            f"{type(self).__name__} must define update_step(self, gradient, variable, learning_rate)."
        )

    def _step_rate(self, learning_rate: Any, dtype: str = "float32") -> Any:
        """What one step multiplies with: the learning rate, with the corrections that change from step to step."""
        return jnp.asarray(learning_rate, dtype)

    def assign(self, variable: Variable, value: Any) -> None:
        """Give a variable a new value."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """`apply` for pairs of gradient and variable. Returns the step count."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(list(grads), list(variables))
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update the weights for their gradients.

        Args:
            grads: one gradient for each weight; None where there is none.
            trainable_variables: the weights; None: those that the optimizer was built for.
        """
        if trainable_variables is None:
            if not self.built:
                raise ArgumentError("apply needs trainable_variables, since the optimizer is not built yet.")
            trainable_variables = self._trainable_variables
        trainable_variables = list(trainable_variables)
        if len(grads) != len(trainable_variables):
            raise ArgumentError(
                f"{len(grads)} gradients for {len(trainable_variables)} variables: the numbers must be equal."
            )
        self.build(trainable_variables)
        unknown = [v.path for v in trainable_variables if id(v) not in self._index]
        if unknown:
            raise ArgumentError(f"This optimizer was not built for the variable(s) {unknown}.")
        pairs = _with_gradients(grads, trainable_variables)
        variables = [v for _, v in pairs]
        for gradient, variable in pairs:
            if variable.overwrite_with_gradient:
                variable.assign(gradient)
        self._apply_rule([(g, v) for g, v in pairs if not v.overwrite_with_gradient])
        if self.use_ema:
            self._average(variables)
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def _apply_rule(self, pairs: list[tuple[Any, Variable]]) -> None:
        grads, variables = [g for g, _ in pairs], [v for _, v in pairs]
        if self.loss_scale_factor is not None:
            grads = [g / jnp.asarray(self.loss_scale_factor, g.dtype) for g in grads]
        if self.gradient_accumulation_steps:
            self._apply_accumulated(grads, variables)
        elif pairs:
            self._apply_now(grads, variables)

    def _apply_now(self, grads: list[Any], variables: list[Variable]) -> None:
        grads = self._clip(grads)
        self._decay(variables)
        self._update(grads, variables, self._current_learning_rate())

    def _update(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        for gradient, variable in zip(grads, variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def _apply_accumulated(self, grads: list[Any], variables: list[Variable]) -> None:
        """Add up gradients; on every n-th step apply their mean and begin anew."""
        steps = self.gradient_accumulation_steps or 1
        slots = [self._accumulated[self._index[id(v)]] for v in variables]
        touched = [*self._trainable_variables, *(v for v in self._variables if v is not self._iterations)]
        due = (self._iterations.value + 1) % steps == 0

        def update() -> None:
            self._apply_now([(g + s.value) / steps for g, s in zip(grads, slots, strict=True)], variables)
            for slot in slots:
                slot.assign(jnp.zeros(slot.shape, slot.dtype))

        def wait() -> None:
            for slot, gradient in zip(slots, grads, strict=True):
                slot.assign_add(gradient)

        scope = [*touched, self._iterations]
        values = [v.value for v in scope]
        branches = [lambda v, f=f: pure(f, scope)(v)[1] for f in (update, wait)]
        new = jax.lax.cond(due, *branches, values)
        for variable, value in zip(touched, new[:-1], strict=True):
            variable.assign(value)

    def _clip(self, grads: list[Any]) -> list[Any]:
        if self.clipnorm:
            return [_limited(g, jnp.sqrt(jnp.sum(jnp.square(g))), self.clipnorm) for g in grads]
        if self.global_clipnorm:
            norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in grads))
            return [_limited(g, norm, self.global_clipnorm) for g in grads]
        if self.clipvalue:
            return [jnp.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Leave variables, or those whose names match one of these patterns, out of the weight decay."""
        self._undecayed = (list(var_list or ()), tuple(var_names or ()))

    def _decay(self, variables: list[Variable]) -> None:
        decays = [self._decay_of(variable) for variable in variables]
        if all(decay is None for decay in decays):
            return
        rate = self._current_learning_rate()
        excluded, words = {id(v) for v in self._undecayed[0]}, self._undecayed[1]
        for variable, decay in zip(variables, decays, strict=True):
            free = id(variable) in excluded or any(re.search(word, variable.name) for word in words)
            if decay is not None and not free:
                variable.assign(variable.value - variable.value * jnp.asarray(rate * decay, variable.dtype))

    def _decay_of(self, variable: Variable) -> float | None:
        """The weight decay of one variable."""
        return self.weight_decay

    # --- averages of weights ----------------------------------------------------------------------------------------

    def _average(self, variables: list[Variable]) -> None:
        """Move the averages towards the weights; every so many steps put them in the weights' place."""
        count = jnp.asarray(self.iterations)
        first = count == 0
        for variable in variables:
            average = self._averages[self._index[id(variable)]]
            momentum = jnp.where(first, 0.0, self.ema_momentum).astype(variable.value.dtype)
            average.assign(momentum * average.value + (1 - momentum) * variable.value)
        if self.ema_overwrite_frequency:
            due = (count + 1) % self.ema_overwrite_frequency == 0
            for variable in variables:
                average = self._averages[self._index[id(variable)]]
                variable.assign(jnp.where(due, average.value, variable.value))

    def averaged_weights(self) -> list[tuple[Variable, Variable]]:
        """Pairs of each weight and its moving average; none without `use_ema`, or before `build`."""
        return list(zip(self._trainable_variables, self._averages, strict=True)) if self.use_ema and self.built else []

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """At the end of training: put the averages in the weights' place, if they are kept."""
        if self.use_ema and self.built:
            for variable in var_list:
                if id(variable) in self._index:
                    variable.assign(self._averages[self._index[id(variable)]].value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss as the gradients should be taken of it."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # --- stateless use and files ------------------------------------------------------------------------------------

    def stateless_apply(
        self, optimizer_variables: Any, grads: Any, trainable_variables: Any
    ) -> tuple[list[Any], list[Any]]:
        """`apply` as a pure function of the values: ``(new trainable values, new optimizer values)``."""
        if not self.built:
            raise ArgumentError(f"Optimizer '{self.name}' must be built before stateless_apply: call build(variables).")
        weights = self._trainable_variables
        if len(trainable_variables) != len(weights):
            raise ArgumentError(
                f"trainable_variables must hold {len(weights)} values. Received: {len(trainable_variables)}"
            )
        run = pure(lambda: self.apply(grads, weights), [*weights, *self.variables])
        new = run([*trainable_variables, *optimizer_variables])[1]
        return new[: len(weights)], new[len(weights) :]

    def _config_value(self, name: str, declared_by: type) -> Any:
        if name == "learning_rate":
            return self._schedule if self._schedule is not None else float(self._learning_rate.numpy())
        return super()._config_value(name, declared_by)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """An optimizer with the configuration that `get_config` gave."""
        return cls(**{k: serialization.deserialize_nested(v, custom_objects) for k, v in config.items()})


def _limited(gradient: Any, norm: Any, largest: float) -> Any:
    """`gradient` scaled so that `norm` becomes at most `largest`."""
    scale = jnp.where(norm > largest, largest / jnp.maximum(norm, 1e-30), 1.0)
    return gradient * scale.astype(gradient.dtype)


def _with_gradients(grads: Sequence[Any], variables: Sequence[Variable]) -> list[tuple[Any, Variable]]:
    pairs = [(jnp.asarray(g), v) for g, v in zip(grads, variables, strict=True) if g is not None]
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if not pairs:
        raise ArgumentError("There is no gradient for any variable. Does the loss depend on them?")
    if missing:
        warnings.warn(
            f"There is no gradient for {missing}; the loss does not depend on them.", RanvierWarning, stacklevel=4
        )
    return pairs
