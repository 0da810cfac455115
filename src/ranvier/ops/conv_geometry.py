"""The sizes of convolutions and pooling: windows, strides, padding, dilation; one description for all algorithms."""

from __future__ import annotations

import itertools
import math
from numbers import Integral
from typing import Any, NamedTuple

from ..core.errors import ArgumentError, ShapeError

__all__ = ["Window", "per_axis", "window_of"]


class Window(NamedTuple):
    """A window that slides over the spatial axes; hashable, so that it can be a static argument."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]  # before and after each axis

    def out_sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The sizes of the output for inputs of these sizes."""
        return tuple(
            (n + sum(p) - (k - 1) * d - 1) // s + 1
            for n, k, s, d, p in zip(sizes, self.size, self.strides, self.dilation, self.padding, strict=True)
        )

    @property
    def taps(self) -> int:
        """The number of places in the window."""
        return math.prod(self.size)

    def tap_slices(self, out: tuple[int, ...]) -> list[tuple[slice, ...]]:
        """For each place of the window, the part of the padded input that it meets, for outputs of sizes `out`."""
        return [
            tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, n, s in zip(tap, self.dilation, out, self.strides, strict=True)
            )
            for tap in itertools.product(*map(range, self.size))
        ]

    def with_axis(self) -> Window:
        """The same window over one more axis, the first, where it has one place and stays."""
        return Window((1, *self.size), (1, *self.strides), (1, *self.dilation), ((0, 0), *self.padding))


def per_axis(name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """`value` for each of `rank` axes, whole numbers of at least `least`.

    Raises:
        ArgumentError: anything else.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank or any(not isinstance(v, Integral) or v < least for v in values):
        raise ArgumentError(
            f"{name} must be an integer of at least {least}, or {rank} of them. Received: {name}={value!r}"
        )
    return tuple(int(v) for v in values)


def window_of(
    sizes: tuple[int, ...], size: tuple[int, ...], strides: Any, padding: str, dilation: Any = 1, what: str = "window"
) -> Window:
    """The window for inputs of these spatial sizes.

    Args:
        sizes: the spatial sizes of the input.
        size: the window's sizes.
        strides: how far it moves, for each axis or for all.
        padding: ``"valid"``: none; ``"same"``: so that stride 1 keeps the sizes, the odd element after.
        dilation: the distance of neighbouring taps.
        what: what messages call it.

    Raises:
        ShapeError: the window is larger than the input.
    """
    rank = len(sizes)
    strides, dilation = per_axis("strides", strides, rank), per_axis("dilation_rate", dilation, rank)
    reach = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    mode = str(padding).lower()
    if mode == "valid":
        pads = ((0, 0),) * rank
        if any(n < r for n, r in zip(sizes, reach, strict=True)):
            raise ShapeError(
                f"A {what} that reaches over {reach} does not fit into an input of spatial size {sizes} with "
                "padding='valid'. Use a smaller one, fewer strides before it, or padding='same'."
            )
    elif mode == "same":
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(sizes, strides, reach, strict=True)]
        pads = tuple((t // 2, t - t // 2) for t in totals)
    else:
        raise ArgumentError(f"padding must be 'valid' or 'same'. Received: padding={padding!r}")
    return Window(tuple(size), strides, dilation, pads)
