"""Pictures of what is inside a network: its weights, and what its layers give for a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, NotBuiltError, ShapeError
from ..layers.base import Layer
from ..layers.context import call_context
from ..ops import symbolic
from ..training.trainer import Trainer
from .plots import TRAIN, new_figure

__all__ = ["activations", "board", "layer_outputs", "weights"]

_MOST_TILES = 64  # small images on one board


def weights(model: Any, image_shape: Sequence[int] | None = None, most: int = 24) -> Any:
    """The weights of a model or layer as pictures, red above zero and blue below it.

    Matrices are shown as they are, (inputs, units); kernels of convolutions as a board of small images, one for each
    filter (of its first three input channels, which are red, green and blue in a first layer, the mean); vectors as
    bars.

    Args:
        model: a model or layer that has weights.
        image_shape: (height, width) or (height, width, channels): show each unit of matrices that take so many inputs
            as an image, as of a `Dense` layer on flattened pixels.
        most: how many weights are shown; further ones are left out, and the picture says so.

    Returns:
        A matplotlib figure, a panel for each weight.

    Raises:
        NotBuiltError: no weights exist yet.

    >>> from ranvier import layers
    >>> layer = layers.Dense(3)
    >>> layer.build((None, 4))
    >>> [axis.get_title() for axis in weights(layer).axes[:2]]
    ['dense/kernel\\n(4, 3)', 'dense/bias\\n(3,)']
    """
    if not isinstance(model, Layer):
        raise ArgumentTypeError(f"model must be a model or a layer. Received: {model!r} of type {type(model).__name__}")
    found = [w for w in model.weights if np.size(w) and np.issubdtype(np.asarray(w).dtype, np.number)]
    if not found:
        raise NotBuiltError(
            f"'{model.name}' has no weights" + (" to show." if model.built else " yet: call it on data, or build it.")
        )
    panels = [(f"{w.path}\n{tuple(w.shape)}", np.asarray(w, "float32")) for w in found[:most]]
    figure = _panels(panels, lambda axis, value: _weight(axis, value, image_shape))
    _note_left_out(figure, len(found) - len(panels), "weights")
    return figure


def _weight(axis: Any, value: np.ndarray, image_shape: Sequence[int] | None) -> None:
    value = np.squeeze(value)
    if image_shape is not None and value.ndim == 2 and value.shape[0] == int(np.prod(image_shape)):
        tiles = value.T.reshape(-1, *image_shape)
        _signed(axis, board(tiles.mean(-1) if tiles.ndim == 4 else tiles))
    elif value.ndim >= 3:  # (…, in, out) of a convolution in 1, 2 or 3 dimensions, or of attention
        if value.ndim == 4:
            tiles = value[:, :, :3].mean(2) if value.shape[2] <= 3 else value.mean(2)
            _signed(axis, board(np.moveaxis(tiles, -1, 0)))
        else:
            _signed(axis, value.reshape(-1, value.shape[-1]))
    elif value.ndim == 2:
        _signed(axis, value)
        axis.set(xlabel="unit", ylabel="input")
    else:
        _bars(axis, np.atleast_1d(value))


def layer_outputs(model: Any, x: Any) -> list[tuple[str, np.ndarray]]:
    """What each layer of a model gives for `x`, in the order of the calls.

    Args:
        model: a model or layer.
        x: a batch of inputs.

    Returns:
        Pairs of a layer's name (with those of the models around it) and its output, batch axis first.
    """
    if not isinstance(model, Layer):
        raise ArgumentTypeError(f"model must be a model or a layer. Received: {model!r} of type {type(model).__name__}")
    found: list[tuple[str, np.ndarray]] = []
    names: list[str] = []
    with call_context(training=False) as context:

        def watch(layer: Any, call: Any, args: Any, kwargs: Any) -> Any:
            whole = not (layer is model or _is_model(layer)) or not layer._layers_in_order()
            if whole:
                context.watch = None
            if layer is not model:
                names.append(layer.name)
            path = "/".join(names) or layer.name
            try:
                outputs = call(*args, **kwargs)
            finally:
                context.watch = watch
                if layer is not model:
                    names.pop()
            if whole:
                leaves = [leaf for leaf in symbolic.flatten(outputs) if hasattr(leaf, "shape")]
                for i, leaf in enumerate(leaves):
                    found.append((path if len(leaves) == 1 else f"{path}[{i}]", np.asarray(leaf)))
            return outputs

        context.watch = watch
        model(x)
    return found


def _is_model(layer: Any) -> bool:
    return isinstance(layer, Trainer)


def activations(model: Any, x: Any, sample: int = 0, most: int = 24) -> Any:
    """What the layers of a model give for one sample.

    Feature maps are shown as boards, a small image for each channel; sequences as (steps, features); vectors as bars.

    Args:
        model: a model or layer.
        x: a batch of inputs.
        sample: which of the batch.
        most: how many layers are shown; further ones are left out, and the picture says so.

    Returns:
        A matplotlib figure, a panel for each call of a layer.

    Raises:
        ShapeError: a batch that the model does not take.
        ArgumentError: no such sample.
    """
    outputs = layer_outputs(model, x)
    size = min((len(value) for _, value in outputs if value.ndim), default=0)
    if not -size <= sample < size:
        raise ArgumentError(f"sample must be one of the batch's {size}. Received: sample={sample}")
    panels = [(f"{name}\n{value.shape[1:]}", value[sample]) for name, value in outputs[:most] if value.ndim]
    if not panels:
        raise ShapeError(f"'{model.name}' gives nothing that could be shown for this batch.")
    figure = _panels(panels, _activation)
    _note_left_out(figure, len(outputs) - len(panels), "layers")
    return figure


def _activation(axis: Any, value: np.ndarray) -> None:
    value = value.astype("float32")
    if value.ndim == 3:
        if value.shape[-1] in (1, 3) and value.min() >= 0:  # an image
            axis.imshow(value.squeeze() / max(value.max(), 1e-9), cmap="gray")
            axis.set_axis_off()
            return
        _heat(axis, board(np.moveaxis(value, -1, 0)))
    elif value.ndim == 2:
        _heat(axis, value)
        axis.set(xlabel="feature", ylabel="step")
    elif value.ndim < 2:
        _bars(axis, np.atleast_1d(value))
    else:
        _heat(axis, value.reshape(-1, value.shape[-1]))


def board(tiles: np.ndarray) -> np.ndarray:
    """Small images (count, height, width) on one board (rows·(height+1), columns·(width+1)), NaN between them."""
    tiles = tiles[:_MOST_TILES]
    count, height, width = tiles.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    result = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan, "float32")
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        result[row * (height + 1) :, column * (width + 1) :][:height, :width] = tile
    return result


def _panels(panels: list[tuple[str, np.ndarray]], draw: Any) -> Any:
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = new_figure(rows, columns, (3.3 * columns, 2.9 * rows))
    for axis, (title, value) in zip(axes.flat, panels, strict=False):
        axis.set_title(title, fontsize=8, parse_math=False)
        axis.tick_params(labelsize=7)
        draw(axis, value)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    return figure


def _note_left_out(figure: Any, count: int, what: str) -> None:
    if count > 0:
        figure.supxlabel(f"and {count} more {what}", fontsize=9)


def _signed(axis: Any, image: np.ndarray) -> None:
    limit = max(float(np.nanpercentile(np.abs(image), 99.7)), 1e-9)  # a few outliers must not pale the rest
    shown = axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect=_aspect(image), interpolation="nearest")
    axis.figure.colorbar(shown, ax=axis, shrink=0.8).ax.tick_params(labelsize=7)


def _heat(axis: Any, image: np.ndarray) -> None:
    shown = axis.imshow(image, cmap="viridis", aspect=_aspect(image), interpolation="nearest")
    axis.figure.colorbar(shown, ax=axis, shrink=0.8).ax.tick_params(labelsize=7)


def _aspect(image: np.ndarray) -> str:
    height, width = image.shape
    return "equal" if max(height, width) < 4 * min(height, width) else "auto"


def _bars(axis: Any, values: np.ndarray) -> None:
    if len(values) > 64:
        axis.plot(values, color=TRAIN, linewidth=0.9)
    else:
        axis.bar(np.arange(len(values)), values, color=TRAIN)
    axis.axhline(0, color="#ADB5BD", linewidth=0.8)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.spines[["top", "right"]].set_visible(False)
