"""Twins of layers: the same weights and settings, with one part exchanged. The layer itself is never touched."""

from __future__ import annotations

from typing import Any, TypeVar

from ... import activations
from ...layers.conv import Conv1D, Conv2D, Conv3D
from ...layers.conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from ...layers.dense import Dense
from ...layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from ...layers.einsum_dense import EinsumDense
from ...layers.separable import SeparableConv1D, SeparableConv2D

__all__ = ["is_weighted_sum", "kernel_name", "twin_of", "without_activation"]

T = TypeVar("T")

# The `call` methods that end in ``activation(weighted sum + bias)``, and the weight whose elements are summed over.
# A subclass with another `call` is another computation, and is not looked up here.
_KERNELS: dict[Any, str] = {
    cls.call: name  # type: ignore[attr-defined]
    for name, classes in {
        "_kernel": (Dense, EinsumDense),
        "kernel": (
            Conv1D, Conv2D, Conv3D, DepthwiseConv1D, DepthwiseConv2D, Conv1DTranspose, Conv2DTranspose,
            Conv3DTranspose,
        ),
        "pointwise_kernel": (SeparableConv1D, SeparableConv2D),
    }.items()
    for cls in classes
}  # fmt: skip


def kernel_name(layer: Any) -> str | None:
    """The attribute that holds the weights of the layer's sums; None for layers that are no weighted sums."""
    return _KERNELS.get(getattr(type(layer), "call", None))


def is_weighted_sum(layer: Any) -> bool:
    """Whether the layer is an activation of weighted sums of its inputs."""
    return kernel_name(layer) is not None


def twin_of(layer: T, **changes: Any) -> T:
    """An object like `layer`, sharing its weights, with other attributes where `changes` says so."""
    twin = object.__new__(type(layer))
    vars(twin).update(vars(layer) | changes)
    return twin


def without_activation(layer: T) -> T:
    """A twin of a layer that stops at the sums."""
    return twin_of(layer, activation=activations.linear)
