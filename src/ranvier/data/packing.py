"""Batches as tuples: (x,), (x, y) or (x, y, sample_weight)."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.errors import DataError

__all__ = ["Bare", "as_given", "pack_x_y_sample_weight", "trimmed", "unpack_x_y_sample_weight"]


class Bare(NamedTuple):
    """A batch of inputs alone that is `x` itself, not ``(x,)``, to a model's own steps."""

    x: Any


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The shortest batch that holds these: `x` itself, unless it is a tuple or list that would be misread.

    >>> pack_x_y_sample_weight(1.0)
    1.0
    >>> pack_x_y_sample_weight(1.0, 2.0)
    (1.0, 2.0)
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """``(x, y, sample_weight)`` of a batch, None where it has none.

    Args:
        data: a tuple or list of one to three parts; anything else is `x`.

    Raises:
        DataError: more than three parts, or none.

    >>> unpack_x_y_sample_weight((1.0, 2.0))
    (1.0, 2.0, None)
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise DataError(
            f"A batch is (x,), (x, y) or (x, y, sample_weight). Received: a {type(data).__name__} of {len(data)}"
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def trimmed(x: Any, y: Any, sample_weight: Any) -> tuple[Any, ...]:
    """The tuple (x, y, sample_weight) without the Nones at its end; `Bare` of inputs that cannot be taken for a tuple."""
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, (tuple, list)) else Bare(x)


def as_given(batch: Any) -> Any:
    """A batch in the form in which a model's own steps expect it.

    >>> as_given(Bare(1.0)), as_given((1.0,))
    (1.0, (1.0,))
    """
    return batch.x if isinstance(batch, Bare) else batch
