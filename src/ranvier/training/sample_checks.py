"""Inputs that are one sample where a batch belongs, or that stand in the place of the targets, are told so."""

from __future__ import annotations

from typing import Any

from ..core.errors import ShapeError

__all__ = ["check_samples"]


def check_samples(model: Any, x: Any, y: Any = None) -> None:
    """Refuse an array that would fit if it were in a batch of one, or if `x` and `y` changed places.

    Args:
        model: any model; one with a single symbolic input is looked at.
        x, y: what was given as inputs and targets.

    Raises:
        ShapeError: one of the two mistakes. Other shapes that do not fit, the model itself refuses.
    """
    if getattr(model, "graph", None) is None or len(model.inputs) != 1 or not hasattr(x, "shape"):
        return
    wanted, given = tuple(model.inputs[0].shape), tuple(x.shape)
    if _fits(given, wanted):
        return
    takes = f"the model takes batches of samples, of shape {wanted}"
    if _fits((1, *given), wanted):
        raise ShapeError(f"x has shape {given}, which is that of one sample; {takes}. Give x[None], a batch of one.")
    if hasattr(y, "shape") and _fits(tuple(y.shape), wanted):
        raise ShapeError(
            f"x has shape {given} and y has shape {tuple(y.shape)}, but {takes}: x and y seem to have changed places."
        )


def _fits(given: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Whether the model takes a batch of this shape; a last axis of size 1 may be there or not."""
    if len(given) == len(wanted) - 1 and wanted[-1] == 1:
        given = (*given, 1)
    elif len(given) == len(wanted) + 1 and given[-1] == 1:
        given = given[:-1]
    return len(given) == len(wanted) and all(w in (None, g) for g, w in zip(given[1:], wanted[1:], strict=True))
