"""Products of arrays with more than two axes, as CPUs multiply them fastest."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["rows_product"]


def rows_product(x: Any, kernel: Any, shared: int = 1) -> Any:
    """Σ over the last `shared` axes of x, which are the first of the kernel.

    As one product of two matrices: of products with more axes XLA makes gradients that transpose their operands first.

    Args:
        x: (..., *axes).
        kernel: (*axes, ...).
        shared: how many axes.
    """
    rows, columns = math.prod(x.shape[:-shared]), math.prod(kernel.shape[:shared])
    product = x.reshape(rows, columns) @ kernel.reshape(columns, math.prod(kernel.shape[shared:]))
    return product.reshape(*x.shape[:-shared], *kernel.shape[shared:])
