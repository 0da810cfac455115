"""Batches as tuples: (x,), (x, y) or (x, y, sample_weight)."""

from __future__ import annotations

from typing import Any

from ..core.errors import DataError

__all__ = ["pack_x_y_sample_weight", "trimmed", "unpack_x_y_sample_weight"]


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
    """The tuple (x, y, sample_weight) without the Nones at its end."""
    if sample_weight is not None:
        return x, y, sample_weight
    return (x,) if y is None else (x, y)
