"""`keras.ops.linalg`: decompositions, solutions and norms of (stacks of) matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy as jsp
from jax.core import Tracer

from ..core.errors import ArgumentError, ShapeError
from .symbolic import op
from .tensors import as_array, as_float

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "logdet", "lstsq", "lu_factor", "matrix_rank",
    "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
]  # fmt: skip


def _matrices(x: Any, square: bool = True) -> Any:
    x = as_float(x)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        raise ShapeError(f"x must hold {'square ' if square else ''}matrices, (…, rows, columns). Received: {x.shape}")
    return x


@op
def cholesky(x: Any, upper: bool = False) -> Any:
    """The triangular L with x = L Lᵀ, or its transpose, for symmetric positive definite x, (…, n, n).

    Raises:
        ArgumentError: a matrix that is not positive definite, where that can be seen; in compiled programs it gives NaN.
    """
    factor = jnp.linalg.cholesky(_matrices(x))
    if not isinstance(factor, Tracer) and bool(jnp.isnan(factor).any()):
        raise ArgumentError("cholesky takes symmetric, positive definite matrices. Received: one that is not")
    return jnp.swapaxes(factor, -1, -2).conj() if upper else factor


@op
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor is x, (…, n, n)."""
    x = _matrices(x)
    lower = jnp.swapaxes(x, -1, -2) if upper else x
    identity = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    root = jsp.linalg.solve_triangular(lower, identity, lower=True)
    return jnp.swapaxes(root, -1, -2) @ root


@op
def det(x: Any) -> Any:
    """The determinant of each matrix, (…, n, n) → (…)."""
    return jnp.linalg.det(_matrices(x))


@op
def slogdet(x: Any) -> Any:
    """The sign and the logarithm of the size of the determinant, (…, n, n) → two times (…)."""
    return tuple(jnp.linalg.slogdet(_matrices(x)))


@op
def logdet(x: Any) -> Any:
    """The logarithm of the determinant of positive definite matrices, (…, n, n) → (…)."""
    return slogdet(x)[1]


@op
def eig(x: Any) -> Any:
    """Eigenvalues (…, n) and eigenvectors (…, n, n) in columns; JAX has it on the CPU only."""
    return tuple(jnp.linalg.eig(_matrices(x)))


@op
def eigh(x: Any) -> Any:
    """Eigenvalues (…, n), rising, and eigenvectors (…, n, n) in columns, of symmetric matrices."""
    return tuple(jnp.linalg.eigh(_matrices(x)))


@op
def inv(x: Any) -> Any:
    """The inverse of each matrix, (…, n, n)."""
    return jnp.linalg.inv(_matrices(x))


@op
def pinv(x: Any, rcond: Any = None) -> Any:
    """The Moore-Penrose inverse, (…, m, n) → (…, n, m); singular values below `rcond` times the largest count as 0."""
    return jnp.linalg.pinv(_matrices(x, square=False), rtol=rcond)


@op
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """How many singular values exceed `tol`, (…, m, n) → (…)."""
    x = _matrices(x, square=False)
    if tol is None:
        return jnp.linalg.matrix_rank(x).astype("int32")
    return jnp.sum(jnp.linalg.svd(x, compute_uv=False) > tol, axis=-1, dtype="int32")


@op
def lu_factor(x: Any) -> Any:
    """L and U in one matrix (…, m, n), and the row exchanges (…, min(m, n))."""
    return tuple(jsp.linalg.lu_factor(_matrices(x, square=False)))


@op
def qr(x: Any, mode: str = "reduced") -> Any:
    """Orthonormal Q and upper triangular R with x = Q R.

    Args:
        x: (…, m, n).
        mode: ``"reduced"``: Q is (…, m, min(m, n)); ``"complete"``: (…, m, m).
    """
    if mode not in ("reduced", "complete"):
        raise ArgumentError(f"mode must be 'reduced' or 'complete'. Received: mode={mode!r}")
    return tuple(jnp.linalg.qr(_matrices(x, square=False), mode))


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values, falling, with the vectors to both sides: x = U · diag(s) · Vᴴ.

    Args:
        x: (…, m, n).
        full_matrices: whether U is (…, m, m) and Vᴴ (…, n, n), or only as much as there are values.
        compute_uv: whether to give U and Vᴴ at all.
    """
    found = jnp.linalg.svd(_matrices(x, square=False), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(found) if compute_uv else found


@op
def solve(a: Any, b: Any) -> Any:
    """x with a · x = b; a is (…, n, n), b (…, n) or (…, n, k)."""
    a, b = _matrices(a), as_float(b)
    if b.ndim == a.ndim - 1:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


@op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """x with a · x = b for a triangular matrix; a is (…, n, n), b (…, n) or (…, n, k)."""
    a, b = _matrices(a), as_float(b)
    if b.ndim == a.ndim - 1:
        return jsp.linalg.solve_triangular(a, b[..., None], lower=lower)[..., 0]
    return jsp.linalg.solve_triangular(a, b, lower=lower)


@op
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The x that makes ‖a · x − b‖ least; a is (m, n), b (m,) or (m, k)."""
    return jnp.linalg.lstsq(_matrices(a, square=False), as_float(b), rcond)[0]


@op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm over `axis`: of vectors over one axis, of matrices over two, of all elements for None.

    Args:
        x: a tensor.
        ord: 1, 2, inf and so on, ``"fro"`` or ``"nuc"`` for matrices; None: the root of the sum of squares.
        axis: an axis or a pair of axes.
        keepdims: whether the axes stay, with size 1.
    """
    return jnp.linalg.norm(as_float(x), ord=ord, axis=axis, keepdims=keepdims)


@op
def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """`fun(*primals)` and its derivative in the direction of `tangents`, computed forwards.

    >>> value, slope = jvp(lambda x: x**2, (3.0,), (1.0,))
    >>> float(value), float(slope)
    (9.0, 6.0)
    """
    primals, tangents = (tuple(jax.tree.map(as_array, v)) for v in (primals, tangents))
    return jax.jvp(fun, primals, tangents, has_aux=has_aux)
