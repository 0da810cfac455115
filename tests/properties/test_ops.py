"""Every public function of `ops` on random shapes and arguments: results, dtypes, gradients and refusals of Keras."""

from __future__ import annotations

import types
from typing import Any

import keras

from ranvier import ops

from .agreement import differences_of_calls
from .op_rows import ROWS, Kind
from .op_rows_of_networks import IMAGE_ROWS
from .op_rows_of_networks import ROWS as NETWORKS
from .op_rows_of_shapes import ROWS as SHAPES
from .strategies import described, tried, try_examples

# What has no result to compare, or a better one than Keras's, and where that is tested.
ELSEWHERE = {
    "custom_gradient": "a decorator: tests/ops/test_meaning.py",
    "vectorize": "a decorator: tests/ops/test_meaning.py",
    "exponential": "an activation that keras.ops lacks: test_small_parts.py",
    "linear": "an activation that keras.ops lacks: test_small_parts.py",
    "mish": "an activation that keras.ops lacks: test_small_parts.py",
    "dtype": "a name, not an array: tests/ops/test_parity.py",
    "is_tensor": "a fact, not an array: tests/ops/test_parity.py",
    "ndim": "a number, not an array: tests/ops/test_parity.py",
    "shape": "a tuple, not an array: tests/ops/test_parity.py",
    "size": "a number, not an array: tests/ops/test_parity.py",
    "sparsemax": "Keras's does not sum to 1 everywhere: its law is in tests/ops/test_meaning.py",
}
# What Keras refuses though it makes sense, and ranvier computes.
WIDER = {
    "array_split": "at places, as in NumPy",
    "bincount": "with several rows and a minlength below the largest number",
    "cholesky_inverse": "of batches",
    "depth_to_space": "of blocks of 1",
    "dot_product_attention": "with a soft cap, away from TPUs",
    "erf": "of booleans",
    "erfc": "of booleans",
    "histogram": "of tensors of any rank, as in NumPy",
    "max_pool": "with a size for each axis and no strides",
    "average_pool": "with a size for each axis and no strides",
    "repeat": "with counts for each in a tuple, as in NumPy",
    "sobel_edges": "of one image",
    "space_to_depth": "of blocks of 1",
}

TABLE = [*ROWS, *SHAPES, *NETWORKS, *IMAGE_ROWS]


HEAVY = (  # to compile
    "adaptive_max_pool", "affine_transform", "ctc_decode", "ctc_loss", "elastic_transform", "max-and-26-more",
    "perspective_transform", "qr", "scale_and_translate", "ssim", "svd",
)  # fmt: skip


@tried(1, TABLE, lambda kind: str(kind).startswith(HEAVY))
def test_functions_agree_with_those_of_keras(row: Kind, examples: int):
    kind = row
    modules = (ops.image, keras.ops.image) if kind in IMAGE_ROWS else (ops, keras.ops)
    pairs = {
        name: tuple(kind.through(m) if kind.through else getattr(m, name) for m in modules)
        for name in kind.names.split()
    }

    def check(call: Any) -> None:
        args, kwargs = call
        wrong = differences_of_calls(
            pairs, args, kwargs, gradient=kind.gradient, traced=kind.traced, tolerance=kind.tolerance
        )
        wrong = {n: text for n, text in wrong.items() if not (n in WIDER and text.startswith("accepted"))}
        assert not wrong, f"{wrong} on {described(args)} {described(kwargs)}"

    try_examples(kind.make, check, examples)


def test_every_public_function_has_a_row_or_a_reason():
    names = {name for kind in (*ROWS, *SHAPES, *NETWORKS) for name in kind.names.split()}
    public = {n for n in ops.__all__ if not isinstance(getattr(ops, n), types.ModuleType)}
    assert public - names == set(ELSEWHERE)
    assert {name for kind in IMAGE_ROWS for name in kind.names.split()} == set(ops.image.__all__)
