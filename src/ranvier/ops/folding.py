"""Elements moved between axes: space and depth, patches, and patterns of named axes."""

from __future__ import annotations

import math
import re
from typing import Any

import jax
import jax.numpy as jnp

from ..core.errors import ArgumentError, ShapeError
from ..core.settings import standardize_data_format
from .symbolic import op
from .tensors import as_array

__all__ = ["depth_to_space", "fold", "rearrange", "space_to_depth", "unfold"]


def _images(x: Any, data_format: str) -> tuple[Any, bool]:
    x = as_array(x)
    if x.ndim != 4:
        raise ShapeError(f"x must be a batch of images with four axes. Received: shape {x.shape}")
    first = standardize_data_format(data_format) == "channels_first"
    return (jnp.moveaxis(x, 1, -1) if first else x), first


@op
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of `block_size` × `block_size` places laid into the channels.

    Args:
        x: (batch, height, width, channels), or with the channels first.
        block_size: the side of a block; height and width are multiples of it.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        (batch, height / block, width / block, channels · block²), or with the channels first.
    """
    x, first = _images(x, data_format)
    n, h, w, c = x.shape
    if h % block_size or w % block_size:
        raise ShapeError(f"height {h} and width {w} must be multiples of block_size={block_size}.")
    # Channels last: the places of a block vary slowest within the new channels; channels first: the old channels do.
    order = (0, 1, 3, 5, 2, 4) if first else (0, 1, 3, 2, 4, 5)
    blocks = x.reshape(n, h // block_size, block_size, w // block_size, block_size, c).transpose(order)
    y = blocks.reshape(n, h // block_size, w // block_size, block_size**2 * c)
    return jnp.moveaxis(y, -1, 1) if first else y


@op
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """The inverse of `space_to_depth`: channels laid out as blocks of `block_size` × `block_size` places.

    Args:
        x: (batch, height, width, channels), or with the channels first; channels are a multiple of block².
        block_size: the side of a block.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        (batch, height · block, width · block, channels / block²), or with the channels first.
    """
    x, first = _images(x, data_format)
    n, h, w, c = x.shape
    if c % block_size**2:
        raise ShapeError(f"the {c} channels must be a multiple of block_size² = {block_size**2}.")
    depth = c // block_size**2
    if first:
        blocks = x.reshape(n, h, w, depth, block_size, block_size).transpose(0, 1, 4, 2, 5, 3)
    else:
        blocks = x.reshape(n, h, w, block_size, block_size, depth).transpose(0, 1, 3, 2, 4, 5)
    y = blocks.reshape(n, h * block_size, w * block_size, depth)
    return jnp.moveaxis(y, -1, 1) if first else y


def _pair(value: Any) -> tuple[int, int]:
    rows, columns = (value, value) if isinstance(value, int) else value
    return int(rows), int(columns)


@op
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """All patches of images with the channels first, as columns.

    Args:
        x: (batch, channels, height, width).
        kernel_size: height and width of a patch, or one number for both; likewise the others.
        dilation: the distance between a patch's points.
        padding: how many zeros surround the image.
        stride: the distance between patches.

    Returns:
        (batch, channels · patch height · patch width, patches).
    """
    x = as_array(x)
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = map(_pair, (kernel_size, dilation, padding, stride))
    x = jnp.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    n, c, h, w = x.shape
    rows, columns = (h - dh * (kh - 1) - 1) // sh + 1, (w - dw * (kw - 1) - 1) // sw + 1
    if rows < 1 or columns < 1:
        raise ShapeError(f"patches of {kh} × {kw} points, {dh} and {dw} apart, do not fit into {h} × {w}.")
    points = [
        x[:, :, i * dh : i * dh + sh * (rows - 1) + 1 : sh, j * dw : j * dw + sw * (columns - 1) + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return jnp.stack(points, axis=2).reshape(n, c * kh * kw, rows * columns)


@op
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Patches added back to where `unfold` took them from: its transpose as a linear map.

    Args:
        x: (batch, channels · patch height · patch width, patches).
        output_size: height and width of the images.
        kernel_size: see `unfold`, and likewise the others.
        dilation: see `unfold`.
        padding: see `unfold`.
        stride: see `unfold`.

    Returns:
        (batch, channels, height, width).
    """
    x = as_array(x)
    channels = x.shape[1] // math.prod(_pair(kernel_size))
    image = jax.ShapeDtypeStruct((x.shape[0], channels, *_pair(output_size)), x.dtype)
    take = lambda v: unfold(v, kernel_size, dilation, padding, stride)  # noqa: E731
    expected = jax.eval_shape(take, image).shape
    if expected != x.shape:
        raise ShapeError(f"images of {_pair(output_size)} have patches of shape {expected}. Received: {x.shape}")
    return jax.linear_transpose(take, image)(x)[0]


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes reordered, joined and split as a pattern of names says (Rogozhnikov, 2022, *Einops*).

    Args:
        tensor: a tensor.
        pattern: names of the axes before and after ``->``; names in parentheses share one axis.
        **axes_lengths: sizes of named axes; one in each pair of parentheses may be left out.

    >>> rearrange([[1, 2, 3, 4]], "a (b c) -> b (a c)", b=2).tolist()
    [[1, 2], [3, 4]]
    """
    x = as_array(tensor)
    if pattern.count("->") != 1:
        raise ArgumentError(f"pattern must have one '->'. Received: pattern={pattern!r}")
    before, after = (_groups(side, pattern) for side in pattern.split("->"))
    if len(before) != x.ndim:
        raise ShapeError(f"pattern {pattern!r} names {len(before)} axes, but the tensor has shape {x.shape}.")
    sizes: dict[str, int] = dict(axes_lengths)
    for group, size in zip(before, x.shape, strict=True):
        open_names = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(open_names) > 1:
            raise ArgumentError(f"give the sizes of all but one of {group} in pattern {pattern!r}.")
        if open_names:
            sizes[open_names[0]], known = size // known, size // known * known
        if known != size:
            raise ShapeError(f"the axis of size {size} does not split into {group} with sizes {sizes}.")
    names_before, names_after = ([name for group in side for name in group] for side in (before, after))
    if sorted(names_before) != sorted(names_after) or len(set(names_before)) != len(names_before):
        raise ArgumentError(f"each name must stand once on each side of pattern {pattern!r}.")
    split = x.reshape([sizes[name] for name in names_before])
    ordered = split.transpose([names_before.index(name) for name in names_after])
    return ordered.reshape([math.prod(sizes[name] for name in group) for group in after])


def _groups(side: str, pattern: str) -> list[list[str]]:
    tokens = re.findall(r"\([^()]*\)|\w+", side)
    if "".join(tokens).replace(" ", "") != side.replace(" ", ""):
        raise ArgumentError(f"pattern may hold names, spaces and parentheses. Received: pattern={pattern!r}")
    return [token.strip("()").split() for token in tokens]
