"""Gradients with respect to variables, for training steps that users write themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from ..core.masks import attach_masks, masks_of
from ..core.pure import Scope, current_scope, scope
from ..core.variables import Variable

__all__ = ["gradients"]


def gradients(
    function: Callable[[], Any], variables: Sequence[Variable], has_aux: bool = False
) -> tuple[Any, list[Any]]:
    """The value of `function()` and its gradients with respect to `variables`.

    What the function assigns (moving averages, metrics, seeds) is kept. Works in an overridden
    ``train_step(self, data)``, compiled with it, and by itself.

    Args:
        function: a callable without arguments that returns a scalar; with `has_aux`, ``(scalar, further results)``.
        variables: what to differentiate by.
        has_aux: whether the function returns further results, such as outputs for metrics.

    Returns:
        ``(value, gradients)``, one gradient for each variable; with `has_aux` ``((value, further results), gradients)``, in
        the order of `jax.value_and_grad`.

    >>> from ranvier import Variable
    >>> w = Variable(3.0)
    >>> value, (gradient,) = gradients(lambda: w.value ** 2, [w])
    >>> float(value), float(gradient)
    (9.0, 6.0)
    >>> (value, parts), (gradient,) = gradients(lambda: (w.value ** 2, {"w": w.value}), [w], has_aux=True)
    >>> float(value), float(parts["w"]), float(gradient)
    (9.0, 3.0, 6.0)
    """
    outer = current_scope()
    touched: dict[int, Variable] = {}

    def run(values: list[Any]) -> Any:
        inner = _Overlay(outer, variables, values, touched)
        with scope(inner):
            result = function()
        value, aux = result if has_aux else (result, None)
        return value, (aux, masks_of(aux), {key: inner.values[key] for key in touched})

    (value, (aux, masks, assigned)), found = jax.value_and_grad(run, has_aux=True)([v.exact_value() for v in variables])
    for key, variable in touched.items():
        variable.assign(assigned[key])
    return ((value, attach_masks(aux, masks)) if has_aux else value), found


class _Overlay(Scope):
    """A scope over another one (or over the variables' own values) that notes what is assigned."""

    def __init__(
        self, outer: Scope | None, variables: Sequence[Variable], values: list[Any], touched: dict[int, Variable]
    ):
        super().__init__(variables, values, closed=False)
        self.outer = outer
        self.touched = touched

    def read(self, variable: Variable) -> Any:
        """The value of `variable`: assigned here, or from outside."""
        if id(variable) in self.values:
            return self.values[id(variable)]
        return variable.stored_value() if self.outer is None else self.outer.read(variable)

    def assign(self, variable: Variable, value: Any) -> None:
        """Note a new value."""
        self.touched[id(variable)] = variable
        self.values[id(variable)] = value
