"""What happens in each layer while a network trains: how large activations, gradients and weights are, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError
from ..core.pure import pure
from ..layers.base import Layer
from ..layers.context import call_context
from ..ops import symbolic
from ..training.callbacks.callback import Callback, Logs
from ..training.trainer import Trainer
from .plots import new_figure

__all__ = ["LayerStatistics", "layer_statistics"]

_ACTIVATIONS = ("mean", "std", "zeros")
_WEIGHTS = ("weight_norm", "gradient_norm")


class LayerStatistics(Callback):
    """Record each layer's activations, weights and gradients on a sample, at the end of each epoch.

    Activations that are all zero, gradients that vanish or explode, layers that do not change: `plot.layer_statistics`
    shows them.

    Args:
        x: a sample of the inputs, in the form that `fit` takes them; some hundred are enough.
        y: its targets; None: no gradients are recorded.

    Attributes:
        epochs: the epochs at whose ends values were recorded, from 0.
        statistics: for each layer a dict of lists, one value for each epoch: ``mean``, ``std`` and ``zeros`` (the share
            of exact zeros) of its activations, ``weight_norm`` and ``gradient_norm``, √Σw² and √Σ(∂L/∂w)² over its
            trainable weights. Layers without weights lack the last two.

    >>> import numpy as np
    >>> from ranvier import Sequential, layers
    >>> model = Sequential([layers.Dense(4, "relu", input_shape=(2,), name="hidden"), layers.Dense(1, name="out")])
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((8, 2)), np.ones((8, 1))
    >>> record = LayerStatistics(x, y)
    >>> history = model.fit(x, y, epochs=3, verbose=0, callbacks=[record])
    >>> list(record.statistics), len(record.statistics["hidden"]["gradient_norm"])
    (['hidden', 'out'], 3)
    """

    def __init__(self, x: Any, y: Any = None):
        sizes = {np.shape(leaf)[0] if np.ndim(leaf) else 0 for leaf in symbolic.flatten(x)}
        if len(sizes) != 1 or 0 in sizes:
            raise ArgumentError(f"x must hold samples, equally many in each of its arrays. Received: sizes {sizes}")
        as_arrays = lambda data: symbolic.rebuild(data, jnp.asarray)  # noqa: E731
        self.x, self.y = as_arrays(x), None if y is None else as_arrays(y)
        self.epochs: list[int] = []
        self.statistics: dict[str, dict[str, list[float]]] = {}
        self._measure: Any = None
        self._known: tuple[int, ...] = ()
        self._order: list[tuple[str, Layer]] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Make the program anew: the model may have been compiled with another loss."""
        self._measure = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Record the epoch."""
        variables = _state(self.model)
        known = tuple(map(id, variables))
        if self._measure is None or known != self._known:
            measure, self._order = _program(self.model, variables, self.y is not None)
            self._measure, self._known = jax.jit(measure), known
        found = self._measure([v.exact_value() for v in variables], self.x, self.y)
        self.epochs.append(epoch)
        numbers = jax.device_get(found)
        for layer, _ in self._order:
            record = self.statistics.setdefault(layer, {})
            for name, value in numbers[layer].items():
                record.setdefault(name, []).append(float(value))


def _state(model: Any) -> list[Any]:
    """All variables that a call of the model with its loss may touch."""
    return list({id(v): v for v in [*model.variables, *model.metrics_variables]}.values())


def _program(model: Any, variables: list[Any], with_gradients: bool) -> tuple[Any, list[tuple[str, Layer]]]:
    """``(values, x, y) → {layer: {statistic: number}}``, and the list of layers in their order, which its trace fills."""
    trainable = {id(v) for v in model.trainable_variables}
    places = [i for i, v in enumerate(variables) if id(v) in trainable]

    def run(x: Any, y: Any) -> Any:
        outputs: dict[str, list[Any]] = {}
        owners: dict[str, Any] = {}
        with call_context() as context:
            context.training = False
            names: list[str] = []

            def watch(layer: Layer, call: Any, args: Any, kwargs: Any) -> Any:
                inner = layer is model or _is_model(layer)
                if layer is not model:
                    names.append(layer.name)
                path = "/".join(names)
                if not inner:
                    context.watch = None
                try:
                    result = call(*args, **kwargs)
                finally:
                    context.watch = watch
                    if layer is not model:
                        names.pop()
                if not inner:
                    owners[path] = layer
                    outputs.setdefault(path, []).extend(
                        leaf.astype("float32").reshape(-1)
                        for leaf in symbolic.flatten(result)
                        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)
                    )
                return result

            context.watch = watch
            predicted = model(x)
            context.watch = None
            loss = model.compute_loss(x=x, y=y, y_pred=predicted, training=False) if with_gradients else 0.0
        found = {path: _of_activations(jnp.concatenate(parts)) for path, parts in outputs.items() if parts}
        layers_of[:] = [(path, layer) for path, layer in owners.items() if path in found]
        return loss, found

    layers_of: list[tuple[str, Layer]] = []
    as_function = pure(run, variables)

    def measure(values: list[Any], x: Any, y: Any) -> Any:
        def of_trainable(free: list[Any]) -> Any:
            given = list(values)
            for i, value in zip(places, free, strict=True):
                given[i] = value
            (loss, found), _ = as_function(given, x, y)
            return loss, found

        free = [values[i] for i in places]
        gradients: list[Any] = []
        if with_gradients:
            (_, found), gradients = jax.value_and_grad(of_trainable, has_aux=True)(free)
        else:
            _, found = of_trainable(free)
        position = {id(variables[i]): k for k, i in enumerate(places)}
        for path, layer in layers_of:
            mine = [position[id(v)] for v in layer.trainable_variables if id(v) in position]
            if mine:
                found[path]["weight_norm"] = _norm([free[k] for k in mine])
            if mine and with_gradients:
                found[path]["gradient_norm"] = _norm([gradients[k] for k in mine])
        return found

    return measure, layers_of


def _is_model(layer: Any) -> bool:
    return isinstance(layer, Trainer)


def _of_activations(values: Any) -> dict[str, Any]:
    return {"mean": values.mean(), "std": values.std(), "zeros": (values == 0).mean()}


def _norm(arrays: list[Any]) -> Any:
    return jnp.sqrt(sum(jnp.sum(jnp.square(a.astype("float32"))) for a in arrays))


def layer_statistics(record: Any) -> Any:
    """How activations, weights and gradients of each layer went over the epochs.

    Args:
        record: a `LayerStatistics` callback that was given to `fit`, or its `statistics`.

    Returns:
        A matplotlib figure, a panel for each statistic and a line for each layer, the first layers dark.

    Raises:
        ArgumentError: nothing was recorded.
    """
    statistics: Mapping[str, Mapping[str, Any]] = getattr(record, "statistics", record)
    if not isinstance(statistics, Mapping) or not statistics:
        raise ArgumentError("Nothing was recorded: give LayerStatistics(x, y) to fit(callbacks=[…]) first.")
    titles = {
        "mean": "activations: mean", "std": "activations: standard deviation", "zeros": "activations: share of zeros",
        "weight_norm": "weights: norm", "gradient_norm": "gradients: norm",
    }  # fmt: skip
    shown = [name for name in titles if any(name in numbers for numbers in statistics.values())]
    figure, axes = new_figure(1, len(shown), (3.9 * len(shown), 3.6))
    from matplotlib import colormaps

    shades = colormaps["viridis"](np.linspace(0, 0.9, len(statistics)))
    for axis, name in zip(axes[0], shown, strict=True):
        for color, (layer, numbers) in zip(shades, statistics.items(), strict=True):
            if name in numbers:
                marker = {"marker": "o", "markersize": 3} if len(numbers[name]) <= 60 else {}
                axis.plot(np.arange(1, len(numbers[name]) + 1), numbers[name], color=color, label=layer, **marker)
        if name == "gradient_norm" and any(v > 0 for n in statistics.values() for v in n.get(name, [])):
            axis.set_yscale("log")
        axis.set(title=titles[name], xlabel="epoch")
        axis.title.set_fontsize(10)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    step = max(1, -(-len(labels) // 12))  # of many layers some are named
    figure.legend(handles[::step], labels[::step], loc="outside right center", frameon=False, fontsize=8)
    return figure
