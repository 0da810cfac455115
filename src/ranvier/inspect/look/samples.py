"""What a model takes, and where samples of it come from: given ones, MNIST's digits, a drawing, typed numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ArgumentError, ShapeError
from ...datasets import mnist
from ...ops.symbolic import flatten, rebuild

__all__ = ["NotThereError", "Samples", "label_of"]

_DIGIT = {(28, 28): (28, 28), (28, 28, 1): (28, 28, 1), (784,): (784,), (1, 28, 28): (1, 28, 28)}
_MOST_TYPED = 16


class NotThereError(LookupError):
    """The page asked for a layer, a neuron or a sample that does not exist."""


class Samples:
    """The samples of a page.

    Args:
        model: a built model.
        shapes: the shapes of its inputs without the batch axis, None where a size is free.
        dtypes: their dtypes.
        x: samples, (samples, …), nested as the model takes them; None: MNIST's test digits for models that take
            digits, else random numbers.
        y: their targets, (samples, …), or None.

    Raises:
        ArgumentError: no samples in `x`, or not as many in `y`.
        ShapeError: samples that do not fit the model.
    """

    def __init__(
        self, model: Any, shapes: list[tuple[int | None, ...]], dtypes: list[str], x: Any = None, y: Any = None
    ):
        self.shapes, self.dtypes = shapes, dtypes
        one = len(shapes) == 1 and dtypes[0].startswith(("float", "bfloat"))
        shape = shapes[0] if shapes else ()
        self.digit = one and shape in _DIGIT
        size = int(np.prod([s or 0 for s in shape]))
        self.typed = size if one and len(shape) == 1 and 0 < size <= _MOST_TYPED else 0
        first = getattr(model, "layers", [None])[:1]
        # Networks that begin by scaling take bytes; others numbers from 0 to 1.
        self.ink = 255.0 if self.digit and first and type(first[0]).__name__ in ("Rescaling", "Normalization") else 1.0
        self.source, self._x, self._y = "given", None, None
        if x is not None:
            self._take(x, y)
        elif self.digit:
            self.source = "mnist"
        else:
            self.source = "random"
            self._x = _random(model, shapes, dtypes)

    def _take(self, x: Any, y: Any) -> None:
        self._x = rebuild(x, np.asarray)
        arrays = flatten(self._x)
        if isinstance(x, list) and all(a.ndim == 0 for a in arrays):
            self._x = np.asarray(x)
            arrays = [self._x]
        if not arrays or arrays[0].ndim == 0 or not len(arrays[0]) or any(len(a) != len(arrays[0]) for a in arrays):
            raise ArgumentError(
                f"x must hold samples, as many in each input. Received: shapes {[a.shape for a in arrays]}"
            )
        if len(arrays) == len(self.shapes):
            for array, shape in zip(arrays, self.shapes, strict=True):
                fits = array.ndim == len(shape) + 1 and all(
                    a == s for a, s in zip(array.shape[1:], shape, strict=True) if s
                )
                if not fits and not (len(self.shapes) == 1 and shape[-1:] == (1,) and array.shape[1:] == shape[:-1]):
                    raise ShapeError(
                        f"x must hold samples of shape {shape}, so be of shape {('samples', *shape)}. Received: {array.shape}"
                    )
        if y is not None:
            self._y = rebuild(y, np.asarray)
            counts = {len(a) if a.ndim else 0 for a in flatten(self._y)}
            if counts != {len(arrays[0])}:
                raise ArgumentError(
                    f"y must hold a target for each of the {len(arrays[0])} samples. Received: {counts}"
                )
        if self.digit:
            self.ink = 255.0 if float(np.max(arrays[0][:64])) > 2 else 1.0

    def _load(self) -> None:
        if self._x is None:
            images, labels = mnist.load_data()[1]
            self._x, self._y = images, labels

    @property
    def count(self) -> int:
        """How many there are."""
        self._load()
        return len(flatten(self._x)[0])

    @property
    def labelled(self) -> bool:
        """Whether their targets are known."""
        return self.source == "mnist" or self._y is not None

    def sample(self, index: int) -> tuple[Any, Any]:
        """One sample with a batch axis of 1, as the model takes it, and its target (None if unknown)."""
        self._load()
        if not 0 <= index < self.count:
            raise NotThereError(f"There is no sample {index}: they are numbered from 0 to {self.count - 1}.")
        if self.source == "mnist":
            return self.drawing(self._x[index].reshape(-1)), self._y[index : index + 1]  # type: ignore[index]
        x = rebuild(self._x, lambda a: a[index : index + 1])
        if len(self.shapes) == 1 and isinstance(x, np.ndarray) and x.ndim == len(self.shapes[0]):
            x = x[..., None]
        return _floats(x), None if self._y is None else rebuild(self._y, lambda a: a[index : index + 1])

    def drawing(self, pixels: Any) -> np.ndarray:
        """A drawing of 784 bytes (255 is ink) as the model takes it."""
        values = _numbers(pixels, 784, "A drawing")
        if not self.digit:
            raise ArgumentError("This model does not take 28×28 images, so nothing can be drawn for it.")
        return (np.clip(values, 0, 255) / 255 * self.ink).astype("float32").reshape(1, *self.shapes[0])  # type: ignore[arg-type]

    def typed_numbers(self, values: Any) -> np.ndarray:
        """Typed numbers as the model takes them."""
        if not self.typed:
            raise ArgumentError("This model takes no short list of numbers, so none can be typed in.")
        return _numbers(values, self.typed, "The input").astype("float32")[None]

    def thumbnails(self, start: int, count: int) -> list[dict[str, Any]]:
        """Some samples as the page's strip shows them: their label, and of digits the 784 bytes."""
        found = []
        for index in range(max(start, 0), min(start + count, self.count)):
            x, y = self.sample(index)
            entry: dict[str, Any] = {"index": index, "label": label_of(y)}
            if self.digit:
                entry["pixels"] = np.clip(np.asarray(x).reshape(-1) / self.ink * 255, 0, 255).astype(int).tolist()
            elif self.typed:
                entry["numbers"] = [float(v) for v in np.asarray(x).reshape(-1)]
            found.append(entry)
        return found


def label_of(y: Any) -> str | None:
    """A target in a few characters: the class of a one-hot vector, the number, or nothing for larger ones."""
    leaves = flatten(y)
    if len(leaves) != 1:
        return None
    values = np.asarray(leaves[0]).reshape(-1)
    if len(values) == 1:
        return f"{values[0]:.4g}" if values.dtype.kind in "fiu" else str(values[0])
    if values.dtype.kind in "fiub" and values.sum() == 1 and values.max() == 1:
        return str(int(values.argmax()))
    return None


def _numbers(values: Any, count: int, what: str) -> np.ndarray:
    try:
        array = np.asarray(values, np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise ArgumentError(f"{what} must be {count} numbers.") from None
    if len(array) != count or not np.isfinite(array).all():
        raise ArgumentError(f"{what} must be {count} finite numbers. Received: {len(array)} values.")
    return array


def _floats(x: Any) -> Any:
    return rebuild(x, lambda a: a.astype("float32") if a.dtype == np.float64 else a)


def _random(model: Any, shapes: list[tuple[int | None, ...]], dtypes: list[str], count: int = 8) -> Any:
    """Numbers to look at where there are no samples: of a bell curve, or word numbers for embeddings."""
    generator = np.random.default_rng(0)
    words = [layer.input_dim for layer in model._flatten_layers() if type(layer).__name__ == "Embedding"]
    arrays = []
    for shape, dtype in zip(shapes, dtypes, strict=True):
        sizes = (count, *(size or 16 for size in shape))
        if not dtype.startswith(("float", "bfloat")) or (words and len(shape) == 1):
            arrays.append(generator.integers(0, min(words, default=2), sizes).astype("int32"))
        else:
            arrays.append(generator.normal(size=sizes).astype("float32"))
    return arrays[0] if len(arrays) == 1 else arrays
