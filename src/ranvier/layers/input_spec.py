"""`InputSpec`: what a layer demands of its inputs, and the check with an error that says what came."""

from __future__ import annotations

from typing import Any

from ..core.configurable import Configurable
from ..core.dtypes import standardize_dtype
from ..core.errors import ArgumentError, ShapeError
from ..ops import symbolic

__all__ = ["InputSpec", "check_inputs"]


class InputSpec(Configurable):
    """The rank, shape and dtype that a layer demands of an input.

    Args:
        dtype: the expected dtype.
        shape: the expected shape, None where any size will do.
        ndim: the expected number of axes.
        max_ndim: the largest number of axes.
        min_ndim: the smallest number of axes.
        axes: sizes by axis.
        allow_last_axis_squeeze: also take inputs that differ by a last axis of size 1.
        name: the input's key where inputs come as a dict.
        optional: whether the input may be None.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: tuple[int | None, ...] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = standardize_dtype(dtype) if dtype is not None else None
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        bound = self.ndim if self.ndim is not None else max_ndim
        if bound is not None and any(not -bound <= axis < bound for axis in self.axes):
            raise ArgumentError(f"axes must lie within {bound} axes. Received: axes={self.axes}")


def check_inputs(spec: Any, inputs: Any, layer: str) -> None:
    """Refuse inputs that do not meet the layer's `input_spec` (one `InputSpec` or a nested structure of them)."""
    if spec is None:
        return
    specs = symbolic.flatten(spec)
    if isinstance(inputs, dict) and all(s.name for s in specs):
        tensors = [inputs.get(s.name) for s in specs]
    else:
        tensors = symbolic.flatten(inputs)
    if len(tensors) != len(specs):
        raise ShapeError(f"Layer '{layer}' takes {len(specs)} input(s). Received: {len(tensors)}")
    for expected, tensor in zip(specs, tensors, strict=True):
        if tensor is None or not hasattr(tensor, "shape"):
            continue
        _check(expected, tuple(tensor.shape), f"Layer '{layer}'")


def _check(spec: InputSpec, shape: tuple[int | None, ...], layer: str) -> None:
    rank = len(shape)
    if (
        spec.ndim is not None
        and rank != spec.ndim
        and not (spec.allow_last_axis_squeeze and abs(rank - spec.ndim) == 1)
    ):
        raise ShapeError(f"{layer} takes inputs with {spec.ndim} axes. Received: shape {shape} with {rank}")
    if spec.max_ndim is not None and rank > spec.max_ndim:
        raise ShapeError(f"{layer} takes inputs with at most {spec.max_ndim} axes. Received: shape {shape} with {rank}")
    if spec.min_ndim is not None and rank < spec.min_ndim:
        raise ShapeError(
            f"{layer} takes inputs with at least {spec.min_ndim} axes. Received: shape {shape} with {rank}"
        )
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in (size, None):
            raise ShapeError(f"{layer} takes inputs with size {size} on axis {axis}. Received: shape {shape}")
    if spec.shape is not None and rank == len(spec.shape):
        for wanted, size in zip(spec.shape, shape, strict=True):
            if wanted is not None and size is not None and wanted != size:
                raise ShapeError(f"{layer} takes inputs of shape {spec.shape}. Received: shape {shape}")
