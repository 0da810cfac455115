"""Activation functions and their derivatives, as a table of numbers and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import activations
from ..core.errors import ArgumentError
from .plots import TRAIN, VALIDATION, new_figure

__all__ = ["activation_functions", "function_and_derivative"]

# Those that look at one number at a time, in the order in which people meet them; `swish` is `silu`'s other name.
_ELEMENTWISE = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "swish", "gelu", "selu", "softplus", "softsign", "mish", "exponential",
    "linear", "relu6", "celu", "hard_sigmoid", "hard_tanh", "hard_swish", "log_sigmoid", "squareplus", "tanh_shrink",
    "soft_shrink", "hard_shrink", "sparse_plus", "sparse_sigmoid",
)  # fmt: skip


def function_and_derivative(activation: Any, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """An activation function's values and slopes.

    Args:
        activation: its name, or a function of one number at a time.
        x: where, any shape.

    Returns:
        Two arrays of the shape of `x`: f(x) and f′(x), float32.

    Raises:
        ArgumentError: a function of several numbers, such as softmax, which has no single slope.

    >>> values, slopes = function_and_derivative("sigmoid", [0.0])
    >>> float(values[0]), float(slopes[0])
    (0.5, 0.25)
    """
    return _measure([activation], np.asarray(x, "float32"))[0]


def _measure(chosen: Sequence[Any], x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Values and slopes of several functions, by one program."""
    functions = [activations.get(activation) for activation in chosen]
    flat, trial = jnp.asarray(x).reshape(-1), jnp.array([0.5, -1.0, 2.0, -0.25])

    @jax.jit
    def run(flat: Any, trial: Any) -> Any:
        found = []
        for function in functions:
            alone = lambda t, function=function: function(jnp.stack((t, t)))[0]  # noqa: E731  two: softmax warns of one
            found.append((function(flat), jax.vmap(jax.grad(alone))(flat), function(trial), jax.vmap(alone)(trial)))
        return found

    try:
        found = run(flat, trial)
    except (
        AssertionError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:  # of functions that halve their input, for example
        if len(chosen) == 1:
            raise ArgumentError(_no_curve(chosen[0])) from error
        return [_measure([one], x)[0] for one in chosen]  # which finds the one
    for activation, (_, _, together, apart) in zip(chosen, found, strict=True):
        if together.shape != trial.shape or not jnp.allclose(together, apart, atol=1e-5):
            raise ArgumentError(_no_curve(activation))
    return [
        (np.asarray(values).reshape(x.shape), np.asarray(slopes).reshape(x.shape)) for values, slopes, _, _ in found
    ]


def _no_curve(activation: Any) -> str:
    return (
        f"{_name(activation)} looks at several numbers together, so it has no curve. Functions with one: "
        f"{', '.join(_ELEMENTWISE)}"
    )


def activation_functions(names: Sequence[Any] | str | None = None, x: Any = None) -> Any:
    """Activation functions with their derivatives, a panel each.

    Args:
        names: names or functions; None: all that look at one number at a time.
        x: where to draw them; None: from −5 to 5.

    Returns:
        A matplotlib figure: the function is the full line, its derivative the dashed one.

    Raises:
        ArgumentError: an unknown name, or a function such as softmax.

    >>> len(activation_functions(["relu", "tanh"]).axes)
    2
    """
    chosen = [names] if isinstance(names, str) or callable(names) else list(_ELEMENTWISE if names is None else names)
    if not chosen:
        raise ArgumentError("names must hold at least one activation. Received: none")
    points = np.linspace(-5, 5, 1001, dtype="float32") if x is None else np.sort(np.asarray(x, "float32").reshape(-1))
    curves = _measure(chosen, points)
    columns = min(5, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, axes = new_figure(rows, columns, (2.6 * columns, 2.15 * rows + 0.3))
    for axis, activation, (values, slopes) in zip(axes.flat, chosen, curves, strict=False):
        axis.axhline(0, color="#ADB5BD", linewidth=0.8)
        axis.axvline(0, color="#ADB5BD", linewidth=0.8)
        axis.plot(points, values, color=TRAIN, linewidth=1.8)
        axis.plot(points, slopes, color=VALIDATION, linewidth=1.4, linestyle="--")
        low, high = min(values.min(), slopes.min()), max(values.max(), slopes.max())
        axis.set(title=_name(activation), xlim=(points[0], points[-1]), ylim=(max(low, -3) - 0.2, min(high, 5) + 0.2))
        axis.title.set_fontsize(10)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(chosen) :]:
        axis.set_axis_off()
    lines = axes[0, 0].get_lines()[-2:]
    figure.legend(lines, ["f(x)", "f′(x)"], loc="outside lower center", ncols=2, frameon=False)
    return figure


def _name(activation: Any) -> str:
    return activation if isinstance(activation, str) else getattr(activation, "__name__", type(activation).__name__)
