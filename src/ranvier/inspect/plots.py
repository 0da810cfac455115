"""Pictures of a training run and of its result, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, MissingDependencyError, ShapeError

__all__ = ["BEST", "TRAIN", "VALIDATION", "confusion_matrix", "history", "new_figure", "predictions"]

# Okabe & Ito's colours, which colour-blind readers can tell apart.
TRAIN, VALIDATION, BEST = "#0072B2", "#D55E00", "#009E73"


def new_figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure without a window, whatever display there is, and its axes (rows, columns).

    Args:
        rows, columns: how many axes.
        size: width and height in inches.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "Plotting", "plot") from None
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def history(history: Any) -> Any:
    """Curves of every metric over the epochs: training against validation, the best epoch, and the learning rate.

    Args:
        history: what `fit` returned, or its dict of lists.

    Returns:
        A matplotlib figure, a panel for each metric. The learning rate has one where a callback recorded it.

    Raises:
        ArgumentError: there is nothing to draw.

    >>> figure = history({"loss": [0.9, 0.5], "val_loss": [0.8, 0.6], "learning_rate": [0.1, 0.05]})
    >>> [axis.get_title() for axis in figure.axes]
    ['loss', 'learning rate']
    """
    values: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    if not isinstance(values, Mapping):
        raise ArgumentError(f"history must be what fit returned, or its dict of lists. Received: {history!r}")
    rates = [name for name in values if name == "lr" or name.startswith("learning_rate")]
    names = [name for name in values if not name.startswith("val_") and name not in rates]
    names.sort(key=lambda name: (name != "loss", name))
    if not names or not len(values[names[0]]):
        raise ArgumentError("history holds no epochs. Received: an empty History")
    columns = min(4, len(names) + len(rates))
    rows = -(-(len(names) + len(rates)) // columns)
    figure, axes = new_figure(rows, columns, (4.6 * columns, 3.4 * rows))
    for axis, name in zip(axes.flat, [*names, *rates], strict=False):
        epochs = np.arange(1, len(values[name]) + 1)
        marker = {"marker": "o", "markersize": 3} if len(epochs) <= 60 else {}
        if name in rates:
            axis.step(epochs, values[name], color=TRAIN, where="mid")
            axis.set_yscale("log")
        else:
            axis.plot(epochs, values[name], color=TRAIN, label="training", **marker)
            watched, where, color = values[name], epochs, TRAIN
            if (validation := values.get(f"val_{name}")) is not None and len(validation):
                watched, where, color = validation, np.linspace(1, len(epochs), len(validation)), VALIDATION
                axis.plot(where, watched, color=color, linestyle="--", label="validation", **marker)
            if np.isfinite(watched).any():
                best = int(np.nanargmax(watched) if _rises(name) else np.nanargmin(watched))
                label = f"best: {watched[best]:.4g}, epoch {where[best]:.0f}"
                axis.axvline(where[best], color=BEST, linewidth=1, linestyle=":")
                axis.plot(where[best], watched[best], "o", color=BEST, markersize=6, label=label, zorder=3)
            axis.legend(frameon=False, fontsize=8)
        axis.set(title=name.replace("_", " ") if name in rates else name, xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(names) + len(rates) :]:
        axis.set_axis_off()
    return figure


_FALLING = (
    "loss",
    "error",
    "entropy",
    "mse",
    "mae",
    "mape",
    "msle",
    "hinge",
    "divergence",
    "poisson",
    "logcosh",
    "false",
)


def _rises(name: str) -> bool:
    """Whether more is better, as the metric's name has it."""
    return not any(word in name.lower() for word in _FALLING)


def confusion_matrix(y_true: Any, y_pred: Any, labels: Sequence[str] | None = None) -> Any:
    """How often each class is taken for each other one.

    Args:
        y_true: the classes, (samples,), or one-hot, (samples, classes).
        y_pred: predicted classes, or scores, (samples, classes).
        labels: the classes' names.

    Returns:
        A matplotlib figure: rows are true classes, columns predicted ones.
    """
    truth, guess = _classes(y_true), _classes(y_pred)
    if truth.shape != guess.shape:
        raise ShapeError(f"y_true and y_pred must have as many samples. Received: {truth.shape} and {guess.shape}")
    count = len(labels) if labels is not None else int(max(truth.max(), guess.max())) + 1
    matrix = np.zeros((count, count), int)
    np.add.at(matrix, (truth, guess), 1)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = list(labels) if labels is not None else [str(i) for i in range(count)]
    side = max(4.0, 0.55 * count + 1.5)
    figure, axes = new_figure(1, 1, (side + 0.6, side))
    axis = axes[0, 0]
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(count, count):
        if matrix[i, j]:
            axis.text(
                j,
                i,
                str(matrix[i, j]),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[i, j] > 0.5 else "black",
            )
    axis.set(xlabel="predicted", ylabel="true", title=f"accuracy {np.trace(matrix) / max(matrix.sum(), 1):.2%}")
    axis.set_xticks(range(count), names)
    axis.set_yticks(range(count), names)
    figure.colorbar(image, ax=axis, shrink=0.8, label="share of the true class")
    return figure


def _classes(y: Any) -> np.ndarray:
    array = np.asarray(y)
    return (array.argmax(axis=-1) if array.ndim > 1 and array.shape[-1] > 1 else array.reshape(-1)).astype(int)


def predictions(images: Any, scores: Any, y_true: Any = None, labels: Sequence[str] | None = None) -> Any:
    """Images with what a classifier says they are, mistakes in another colour.

    Args:
        images: (samples, height, width) or (samples, height, width, channels).
        scores: (samples, classes).
        y_true: the classes, (samples,), or one-hot.
        labels: the classes' names.

    Returns:
        A matplotlib figure.
    """
    images, guess, share = np.asarray(images), _classes(scores), np.asarray(scores).max(axis=-1)
    truth = None if y_true is None else _classes(y_true)
    columns = min(5, len(images))
    rows = -(-len(images) // columns)
    figure, axes = new_figure(rows, columns, (1.7 * columns, 2.0 * rows))
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i >= len(images):
            continue
        axis.imshow(images[i].squeeze(), cmap="gray_r" if images[i].squeeze().ndim == 2 else None)
        name = labels[guess[i]] if labels is not None else str(guess[i])
        right = truth is None or truth[i] == guess[i]
        axis.set_title(f"{name}  {share[i]:.0%}", color=TRAIN if right else VALIDATION, fontsize=10)
    return figure
