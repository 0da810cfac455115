"""``tf.linalg``: products, decompositions, equations, diagonals."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import linalg as scipy_linalg

from ...ops.symbolic import op
from .arrays import global_norm, norm
from .declaring import as_axis, unary
from .making import eye
from .math import l2_normalize
from .tensors import array_of

__all__ = [
    "adjoint", "band_part", "cholesky", "cholesky_solve", "cross", "det", "diag", "diag_part", "eig", "eigh",
    "eigvals", "eigvalsh", "einsum", "expm", "eye", "global_norm", "inv", "l2_normalize", "logdet", "lstsq", "matmul",
    "matrix_rank", "matrix_transpose", "matvec", "norm", "normalize", "pinv", "qr", "set_diag", "slogdet", "solve",
    "sqrtm", "svd", "tensor_diag", "tensor_diag_part", "tensordot", "trace", "triangular_solve",
]  # fmt: skip

adjoint = unary("adjoint", lambda x: jnp.conj(jnp.swapaxes(x, -1, -2)), "The transposed complex conjugate.")
cholesky = unary("cholesky", jnp.linalg.cholesky, "The lower triangle L with L Lᵀ = x.")
det = unary("det", jnp.linalg.det, "The determinant.")
eigvalsh = unary("eigvalsh", jnp.linalg.eigvalsh, "The eigenvalues of symmetric matrices.")
expm = unary("expm", scipy_linalg.expm, "The exponential of matrices.")
logdet = unary("logdet", lambda x: jnp.linalg.slogdet(x)[1], "The logarithm of the determinant of positive matrices.")
tensor_diag = unary(
    "tensor_diag", lambda x: jnp.diag(x.ravel()).reshape(*x.shape, *x.shape), "The tensor with `x` on its diagonal."
)
trace = unary("trace", lambda x: jnp.trace(x, axis1=-2, axis2=-1), "The sum of the diagonal.")


@op
def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    output_type: Any = None,
    grad_a: bool = False,
    grad_b: bool = False,
    name: str | None = None,
) -> Any:
    """The product of matrices in the last two axes; either can be transposed first."""
    a, b = array_of(a), array_of(b)
    a = jnp.swapaxes(a, -1, -2) if transpose_a or adjoint_a else a
    b = jnp.swapaxes(b, -1, -2) if transpose_b or adjoint_b else b
    return jnp.matmul(jnp.conj(a) if adjoint_a else a, jnp.conj(b) if adjoint_b else b)


@op
def matvec(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    adjoint_a: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Any:
    """Matrices times vectors."""
    a, b = array_of(a), array_of(b)
    a = jnp.swapaxes(a, -1, -2) if transpose_a or adjoint_a else a
    return jnp.einsum("...ij,...j->...i", jnp.conj(a) if adjoint_a else a, b)


@op
def einsum(equation: str, *inputs: Any, **kwargs: Any) -> Any:
    """The sum of products that `equation` describes."""
    return jnp.einsum(equation, *map(array_of, inputs))


@op
def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """The sum of products over the last axes of `a` and the first of `b`, or over the axes named."""
    if not isinstance(axes, int):
        axes = tuple(as_axis(x) for x in axes)
        axes = tuple((x,) if isinstance(x, int) else x for x in axes)
    return jnp.tensordot(array_of(a), array_of(b), axes)


@op
def matrix_transpose(a: Any, name: str = "matrix_transpose", conjugate: bool = False) -> Any:
    """With the last two axes exchanged."""
    found = jnp.swapaxes(array_of(a), -1, -2)
    return jnp.conj(found) if conjugate else found


@op
def cross(a: Any, b: Any, name: str | None = None) -> Any:
    """The cross product of vectors of three numbers."""
    return jnp.cross(array_of(a), array_of(b))


@op
def inv(input: Any, adjoint: bool = False, name: str | None = None) -> Any:
    """The inverse."""
    x = array_of(input)
    return jnp.linalg.inv(jnp.conj(jnp.swapaxes(x, -1, -2)) if adjoint else x)


@op
def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Any:
    """The pseudo-inverse."""
    return jnp.linalg.pinv(array_of(a), rcond)


@op
def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: str | None = None) -> Any:
    """The x with matrix x = rhs."""
    a = array_of(matrix)
    return jnp.linalg.solve(jnp.conj(jnp.swapaxes(a, -1, -2)) if adjoint else a, array_of(rhs))


@op
def triangular_solve(matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None) -> Any:
    """The x with matrix x = rhs, of which only one triangle is read."""
    a, b = array_of(matrix), array_of(rhs)
    return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint)


@op
def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Any:
    """The x with L Lᵀ x = rhs."""
    lower = array_of(chol)
    half = jax.lax.linalg.triangular_solve(lower, array_of(rhs), left_side=True, lower=True)
    return jax.lax.linalg.triangular_solve(lower, half, left_side=True, lower=True, transpose_a=True, conjugate_a=True)


@op
def lstsq(matrix: Any, rhs: Any, l2_regularizer: float = 0.0, fast: bool = True, name: str | None = None) -> Any:
    """The x with the smallest squares of matrix x - rhs, and of x times `l2_regularizer`."""
    a, b = array_of(matrix), array_of(rhs)
    if l2_regularizer:
        square = jnp.swapaxes(a, -1, -2) @ a + l2_regularizer * jnp.eye(a.shape[-1], dtype=a.dtype)
        return jnp.linalg.solve(square, jnp.swapaxes(a, -1, -2) @ b)
    return jnp.linalg.pinv(a) @ b


@op
def slogdet(input: Any, name: str | None = None) -> Any:
    """The sign of the determinant and the logarithm of its absolute value."""
    found = jnp.linalg.slogdet(array_of(input))
    return found[0], found[1]


@op
def matrix_rank(a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None) -> Any:
    """The number of singular values that are not almost 0."""
    return jnp.linalg.matrix_rank(array_of(a), tol).astype(jnp.int32)


@op
def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Any:
    """Orthogonal Q and upper triangle R with Q R = input."""
    found = jnp.linalg.qr(array_of(input), "complete" if full_matrices else "reduced")
    return found[0], found[1]


@op
def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """Singular values, left and right vectors: s, u, v with u diag(s) vᵀ = tensor."""
    if not compute_uv:
        return jnp.linalg.svd(array_of(tensor), full_matrices, compute_uv=False)
    u, s, vh = jnp.linalg.svd(array_of(tensor), full_matrices)
    return s, u, jnp.conj(jnp.swapaxes(vh, -1, -2))


@op
def eigh(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    found = jnp.linalg.eigh(array_of(tensor))
    return found[0], found[1]


@op
def eig(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues and eigenvectors, complex."""
    found = jnp.linalg.eig(array_of(tensor))
    return found[0], found[1]


@op
def eigvals(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues, complex."""
    return jnp.linalg.eigvals(array_of(tensor))


def _sqrtm(x: Any) -> Any:
    found = jnp.vectorize(scipy_linalg.sqrtm, signature="(n,n)->(n,n)")(x)
    return found if jnp.issubdtype(x.dtype, jnp.complexfloating) else found.real


sqrtm = unary("sqrtm", _sqrtm, "The square root of matrices; NaN where a real one has none.")


@op
def band_part(input: Any, num_lower: int, num_upper: int, name: str | None = None) -> Any:
    """So many diagonals below and above the main one (-1: all), 0 elsewhere."""
    x = array_of(input)
    rows, columns = jnp.arange(x.shape[-2])[:, None], jnp.arange(x.shape[-1])[None]
    kept = jnp.ones(x.shape[-2:], bool)
    if num_lower >= 0:
        kept &= rows - columns <= num_lower
    if num_upper >= 0:
        kept &= columns - rows <= num_upper
    return jnp.where(kept, x, jnp.zeros((), x.dtype))


@op
def diag(
    diagonal: Any, name: str = "diag", k: int = 0, num_rows: int = -1, num_cols: int = -1, padding_value: float = 0
) -> Any:
    """Matrices with the vectors of the last axis on diagonal `k`."""
    x = array_of(diagonal)
    size = x.shape[-1] + abs(k)
    place = jnp.arange(x.shape[-1])
    found = jnp.full((*x.shape[:-1], size, size), padding_value, x.dtype)
    return found.at[..., place + max(-k, 0), place + max(k, 0)].set(x)


@op
def diag_part(input: Any, name: str = "diag_part", k: int = 0, padding_value: float = 0) -> Any:
    """Diagonal `k` of matrices."""
    return jnp.diagonal(array_of(input), k, -2, -1)


@op
def set_diag(input: Any, diagonal: Any, name: str = "set_diag", k: int = 0) -> Any:
    """Matrices with another diagonal `k`."""
    x, d = array_of(input), array_of(diagonal)
    place = jnp.arange(d.shape[-1])
    return x.at[..., place + max(-k, 0), place + max(k, 0)].set(d)


@op
def tensor_diag_part(input: Any, name: str | None = None) -> Any:
    """What `tensor_diag` made a tensor of."""
    x = array_of(input)
    half = x.shape[: x.ndim // 2]
    size = 1
    for s in half:
        size *= s
    return jnp.diagonal(x.reshape(size, size)).reshape(half)


@op
def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None) -> Any:
    """`tensor` divided by its length, and the length."""
    x = array_of(tensor)
    length = norm(x, ord, axis, keepdims=True)
    return x / length, length


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("linalg", name, __all__))
