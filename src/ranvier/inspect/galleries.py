"""Galleries of images, with what was found in them, as matplotlib figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, MissingDependencyError
from .annotations import channels_last, draw_bounding_boxes, draw_segmentation_masks

__all__ = ["plot_bounding_box_gallery", "plot_image_gallery", "plot_segmentation_mask_gallery"]


def _pixels(images: Any, value_range: Any, data_format: str | None) -> np.ndarray:
    """Images as bytes with channels last, `value_range` becoming 0 to 255."""
    low, high = value_range
    if not low < high:
        raise ArgumentError(f"value_range must be (least, greatest). Received: value_range={value_range!r}")
    x = channels_last(images, data_format).astype("float64")
    return np.clip(np.round((x - low) / (high - low) * 255), 0, 255).astype("uint8")


def plot_image_gallery(
    images: Any, y_true: Any = None, y_pred: Any = None, label_map: Mapping[Any, str] | None = None,
    rows: int | None = None, cols: int | None = None, value_range: Any = (0, 255), scale: float = 2,
    path: Any = None, show: bool | None = None, transparent: bool = True, dpi: int = 60, legend_handles: Any = None,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images side by side, with their true and predicted classes above them.

    Args:
        images: (batch, height, width, channels).
        y_true, y_pred: a class for each image.
        label_map: names of the classes.
        rows, cols: how many; None: as many as the images need, about a square.
        value_range: the least and the greatest value of a pixel.
        scale: the width of an image, in inches.
        path: a file to save the gallery to.
        show: whether to open a window; None: if there is no `path`.
        transparent: whether the saved background is.
        dpi: pixels an inch in the file.
        legend_handles: matplotlib handles for a legend.
        data_format: where the channels of `images` are.

    Returns:
        The matplotlib figure.

    Raises:
        ArgumentError: both `path` and ``show=True``.
        MissingDependencyError: matplotlib is not installed.
    """
    if path is not None and show:
        raise ArgumentError("plot_image_gallery either saves (path) or shows (show=True), not both.")
    pictures = _pixels(images, value_range, data_format)
    count = len(pictures)
    if cols is None:
        cols = math.ceil(math.sqrt(count)) if rows is None else math.ceil(count / rows)
    rows = math.ceil(count / cols) if rows is None else rows
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingDependencyError("matplotlib", "Plotting a gallery", "plot") from None
    figure, axes = plt.subplots(rows, cols, figsize=(cols * scale, rows * scale), squeeze=False, layout="tight")
    name = lambda label: str((label_map or {}).get(_plain(label), _plain(label)))  # noqa: E731
    for index, axis in enumerate(axes.flat):
        axis.axis("off")
        if index >= count:
            continue
        axis.imshow(pictures[index].squeeze(-1) if pictures.shape[-1] == 1 else pictures[index], cmap="gray")
        lines = [
            f"{word}: {name(labels[index])}"
            for word, labels in (("true", y_true), ("predicted", y_pred))
            if labels is not None
        ]
        if lines:
            axis.set_title("\n".join(lines), fontsize=8)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    if path is not None:
        figure.savefig(path, transparent=transparent, dpi=dpi)
        plt.close(figure)
    elif show is None or show:
        plt.show()
    else:
        plt.close(figure)
    return figure


def _plain(label: Any) -> Any:
    return np.asarray(label).item() if np.ndim(label) == 0 else label


def plot_bounding_box_gallery(
    images: Any, bounding_box_format: str, y_true: Any = None, y_pred: Any = None, value_range: Any = (0, 255),
    true_color: Any = (0, 188, 212), pred_color: Any = (255, 235, 59), line_thickness: int = 2, font_scale: float = 1.0,
    text_thickness: int | None = None, class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None, prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False, legend_handles: Any = None, rows: int | None = None, cols: int | None = None,
    data_format: str | None = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Images side by side, with true and predicted boxes.

    Args:
        images: (batch, height, width, channels).
        bounding_box_format: how boxes are written, such as ``"xyxy"``.
        y_true, y_pred: dicts with ``"boxes"`` and ``"labels"``.
        value_range: the least and the greatest value of a pixel.
        true_color, pred_color: red, green and blue of the two, from 0 to 255.
        line_thickness, font_scale, text_thickness: as in `draw_bounding_boxes`.
        class_mapping: names of the classes.
        ground_truth_mapping, prediction_mapping: names for one of the two alone.
        legend: whether a legend says which color is which.
        legend_handles: matplotlib handles to use in it.
        rows, cols, data_format: as in `plot_image_gallery`, which also takes `kwargs`.

    Returns:
        The matplotlib figure.
    """
    pictures = _pixels(images, value_range, data_format)
    for boxes, color, names in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if boxes is not None:
            pictures = draw_bounding_boxes(
                pictures, boxes, bounding_box_format, names, color, line_thickness, text_thickness or 1, font_scale,
                "channels_last",
            )  # fmt: skip
    if legend and legend_handles is None:
        try:
            from matplotlib.patches import Patch
        except ImportError:
            raise MissingDependencyError("matplotlib", "Plotting a gallery", "plot") from None
        legend_handles = [
            Patch(color=(color[0] / 255, color[1] / 255, color[2] / 255), label=label)
            for color, label in ((true_color, "true"), (pred_color, "predicted"))
        ]
    return plot_image_gallery(
        pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images: Any, num_classes: int, value_range: Any = (0, 255), y_true: Any = None, y_pred: Any = None,
    color_mapping: Mapping[int, Any] | None = None, blend: bool = True, alpha: float = 0.8, ignore_index: int = -1,
    data_format: str | None = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Images in rows, each beside its true and its predicted mask.

    Args:
        images: (batch, height, width, 3).
        num_classes: how many classes there are.
        value_range: the least and the greatest value of a pixel.
        y_true, y_pred: masks of whole numbers.
        color_mapping, blend, alpha, ignore_index: as in `draw_segmentation_masks`.
        data_format: where the channels of `images` are.
        kwargs: for `plot_image_gallery`.

    Returns:
        The matplotlib figure.
    """
    pictures = _pixels(images, value_range, data_format)
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            columns.append(
                draw_segmentation_masks(
                    pictures, masks, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
                )
            )
    side_by_side = np.stack(columns, axis=1).reshape(-1, *pictures.shape[1:])
    kwargs.setdefault("rows", len(pictures))
    kwargs.setdefault("cols", len(columns))
    return plot_image_gallery(side_by_side, data_format="channels_last", **kwargs)
