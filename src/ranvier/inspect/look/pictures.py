"""Arrays as the page gets them: small enough to send while a hand is drawing, with the way back to each number."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

__all__ = ["number", "numbers", "picture", "statistics", "weight_picture"]

_MOST = 1 << 17  # numbers in one picture


def picture(array: Any, *, panels: int = 64, side: int = 64, length: int = 4096, fold: int | None = None) -> Any:
    """One sample's values as panels of rows and columns.

    Args:
        array: values without the batch axis, (…, channels).
        panels: the most channels to show.
        side: the most rows and columns of a panel; larger ones are thinned out: every so many values are shown.
        length: the most values of a vector.
        fold: of a vector that was an image: the image's width.

    Returns:
        A dict: `data`, the values as base64 of little-endian float32, (panels, rows, columns); their sizes; `steps`
        between the rows and columns shown; `shape`, of the whole; `form`, how a place becomes an index: "vector",
        "matrix" or "maps"; `peak`, the largest absolute value.
    """
    values = np.nan_to_num(np.asarray(array, np.float32), posinf=3e38, neginf=-3e38)
    shape, steps = values.shape, [1, 1]
    if values.ndim <= 1:
        form, shown = "vector", values.reshape(-1)[:length]
        columns = fold if fold and len(shown) % fold == 0 else len(shown)
        shown = shown.reshape(1, -1, columns) if len(shown) else shown.reshape(1, 0, 0)
    elif values.ndim == 2:
        form, steps = "matrix", [math.ceil(size / (2 * side)) for size in shape]
        shown = values[:: steps[0], :: steps[1]][None]
    else:
        form = "maps"
        while values.ndim > 3:  # of a volume, the first slice
            values = values[0]
        steps = [math.ceil(size / side) for size in values.shape[:2]]
        shown = values[:: steps[0], :: steps[1], :panels].transpose(2, 0, 1)
    return _packed(shown) | {"form": form, "shape": list(shape), "steps": steps, "count": int(np.prod(shape))}


def weight_picture(array: Any, kind: str, image: tuple[int, int] | None) -> Any:
    """A weight as pictures.

    Args:
        array: the weight.
        kind: the layer's class.
        image: of a Dense layer on a flattened image: its height and width.

    Returns:
        As `picture`; `form` says what a panel is: "neurons" (a panel for each neuron), "kernels" (a row of panels for
        each filter, `across` of them), "matrix", "vector". Few weights lie beyond `peak`, so that one giant does not
        pale all others.
    """
    values = np.asarray(array, np.float32)
    if kind == "Dense" and values.ndim == 2 and image is not None:
        units = min(values.shape[1], max(_MOST // values.shape[0], 1))
        shown = values[:, :units].T.reshape(units, *image)
        extra = {"form": "neurons", "total": values.shape[1]}
        return _packed(shown) | extra | {"shape": list(values.shape), "peak": _usual_peak(values)}
    if kind.endswith("Conv2D") and values.ndim == 4:
        channels, filters = min(values.shape[2], 32), min(values.shape[3], 64)
        shown = values[:, :, :channels, :filters].transpose(3, 2, 0, 1).reshape(-1, *values.shape[:2])
        extra = {
            "form": "kernels",
            "across": channels if channels > 1 else None,
            "total": values.shape[2] * values.shape[3],
        }
        return _packed(shown) | extra | {"shape": list(values.shape), "peak": _usual_peak(values)}
    if values.ndim > 2:
        values = values.reshape(-1, values.shape[-1])
    return picture(values, side=96, length=1024) | {"shape": list(np.shape(array)), "peak": _usual_peak(values)}


def _usual_peak(values: np.ndarray) -> float:
    return float(np.quantile(np.abs(values), 0.998)) if values.size and np.isfinite(values).all() else 0.0


def _packed(shown: np.ndarray) -> dict[str, Any]:
    data = np.ascontiguousarray(shown[: max(_MOST // max(shown[0].size, 1), 1)] if len(shown) else shown, "<f4")
    return {
        "panels": data.shape[0],
        "rows": data.shape[1],
        "columns": data.shape[2],
        "data": base64.b64encode(data.tobytes()).decode("ascii"),
        "peak": float(np.abs(data).max()) if data.size else 0.0,
    }


def statistics(array: Any) -> dict[str, Any]:
    """The least, greatest and mean value, the standard deviation and a histogram of 24 bins."""
    values = np.asarray(array, np.float32).reshape(-1)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"count": int(values.size), "finite": 0}
    bins, _ = np.histogram(finite, 24)
    return {
        "count": int(values.size), "finite": int(finite.size), "least": float(finite.min()), "greatest": float(finite.max()),
        "mean": float(finite.mean(dtype=np.float64)), "deviation": float(finite.std(dtype=np.float64)), "bins": bins.tolist(),
    }  # fmt: skip


def number(value: Any) -> float | None:
    """A number for JSON; None for what is not finite."""
    value = float(value)
    return value if math.isfinite(value) else None


def numbers(array: Any) -> list[float | None]:
    """All numbers of an array, in a flat list for JSON."""
    return [number(value) for value in np.asarray(array, np.float64).reshape(-1)]
