"""Pictures of a training run and of its result, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, MissingDependencyError, ShapeError

__all__ = ["confusion_matrix", "history", "predictions"]

# Okabe & Ito's colours, which colour-blind readers can tell apart.
_TRAIN, _VALIDATION, _BEST = "#0072B2", "#D55E00", "#009E73"


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure without a window, whatever display there is."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "Plotting", "plot") from None
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def history(history: Any) -> Any:
    """Curves of every metric over the epochs, training against validation, the best epoch marked.

    Args:
        history: what `fit` returned, or its dict of lists.

    Returns:
        A matplotlib figure.

    Raises:
        ArgumentError: there is nothing to draw.
    """
    values: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    names = [name for name in values if not name.startswith("val_")]
    names.sort(key=lambda name: (name != "loss", name))
    if not names or not len(values[names[0]]):
        raise ArgumentError("history holds no epochs. Received: an empty History")
    figure, axes = _figure(1, len(names), (5.0 * len(names), 3.6))
    for axis, name in zip(axes[0], names, strict=True):
        epochs = np.arange(1, len(values[name]) + 1)
        axis.plot(epochs, values[name], color=_TRAIN, marker="o", markersize=3, label="training")
        watched = values.get(f"val_{name}")
        if watched is not None:
            where = np.linspace(1, len(epochs), len(watched))
            axis.plot(where, watched, color=_VALIDATION, marker="s", markersize=3, linestyle="--", label="validation")
            rising = not any(word in name for word in ("loss", "error", "crossentropy", "mse", "mae"))
            best = int(np.argmax(watched) if rising else np.argmin(watched))
            axis.axvline(where[best], color=_BEST, linewidth=1, linestyle=":", label=f"best: {watched[best]:.4g}")
        axis.set(title=name, xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    return figure


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
    figure, axes = _figure(1, 1, (side + 0.6, side))
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
    figure, axes = _figure(rows, columns, (1.7 * columns, 2.0 * rows))
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i >= len(images):
            continue
        axis.imshow(images[i].squeeze(), cmap="gray_r" if images[i].squeeze().ndim == 2 else None)
        name = labels[guess[i]] if labels is not None else str(guess[i])
        right = truth is None or truth[i] == guess[i]
        axis.set_title(f"{name}  {share[i]:.0%}", color=_TRAIN if right else _VALIDATION, fontsize=10)
    return figure
