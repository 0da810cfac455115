"""`dot_product_attention` against Keras, and its own gradient against the derived one."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import ops
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.ops import attention

RNG = np.random.default_rng(0)


def numbers(*shape):
    return jnp.asarray(RNG.normal(size=shape).astype("float32"))


Q, K, V = numbers(2, 5, 4, 3), numbers(2, 6, 4, 3), numbers(2, 6, 4, 3)
BIAS = numbers(1, 4, 5, 6)
MASK = jnp.asarray(RNG.uniform(size=(2, 4, 5, 6)) < 0.5)

OPTIONS = [
    {},
    {"scale": 0.3},
    {"is_causal": True},
    {"bias": BIAS},
    {"mask": MASK},
    {"mask": MASK[:, :1], "is_causal": True},
    {"mask": MASK[:1, :1, :, :], "bias": BIAS},
    {"mask": jnp.zeros((1, 1, 5, 6), bool)},
    {"mask": MASK[0, 0]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
@pytest.mark.parametrize("heads", [4, 2, 1])
def test_numbers_and_gradients_are_those_of_keras(options, heads):
    def results(function):
        def projected(q, k, v):
            y = function(q, k, v, **options)
            return jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)), y

        return jax.value_and_grad(projected, argnums=(0, 1, 2), has_aux=True)(Q, K[:, :, :heads], V[:, :, :heads])

    found, expected = jax.jit(lambda: (results(ops.dot_product_attention), results(keras.ops.dot_product_attention)))()
    for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mask", [None, MASK, jnp.zeros((1, 1, 5, 6), bool)])
def test_its_gradients_are_the_derived_ones_twice_over(mask):
    def derived(q, k, v):
        weights = attention.attention_weights(attention.attention_scores(q, k), mask)
        return attention.weighted_values(weights, v)

    def penalty(function):
        inner = jax.grad(lambda q, k, v: jnp.sum(jnp.sin(function(q, k, v))), argnums=(0, 1, 2))
        return jax.grad(lambda *x: sum(jnp.sum(g**2) for g in inner(*x)), argnums=(0, 1, 2))(Q, K, V)

    ours = penalty(lambda q, k, v: ops.dot_product_attention(q, k, v, mask=mask))
    for mine, other in zip(ours, penalty(derived), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_sums_in_single(dtype):
    q, k = (jnp.full((1, 2, 1, 4), x, dtype) for x in (30.0, 30.0))  # scores of 1800: exp would be infinite
    v = jnp.full((1, 2, 1, 4), 3.0, dtype)
    y = ops.dot_product_attention(q, k, v)
    assert y.dtype == dtype
    np.testing.assert_allclose(y.astype("float32"), 3.0)
    long = jnp.ones((1, 4096, 1, 1), dtype)
    np.testing.assert_allclose(ops.dot_product_attention(long[:, :1], long, long).astype("float32"), 1.0, rtol=1e-2)


def test_soft_cap_bounds_the_scores():
    y = ops.dot_product_attention(Q, K, V, attn_logits_soft_cap=2.0)
    scores = 2.0 * np.tanh(np.einsum("btnh,bsnh->bnts", Q, K) * 3**-0.5 / 2.0)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(y, np.einsum("bnts,bsnh->btnh", weights, V), rtol=1e-4, atol=1e-5)


def test_three_axes_of_a_mask_are_batch_and_times():
    full = ops.dot_product_attention(Q, K, V, mask=MASK[:, :1])
    np.testing.assert_allclose(ops.dot_product_attention(Q, K, V, mask=MASK[:, 0]), full, rtol=1e-6)
    np.testing.assert_allclose(keras.ops.dot_product_attention(Q, K, V, mask=MASK[:, 0]), full, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ops.dot_product_attention(Q[0], K, V), ShapeError, "batch, time, heads"),
        (lambda: ops.dot_product_attention(Q[..., :2], K, V), ShapeError, "features"),
        (lambda: ops.dot_product_attention(Q, K, V[:, :3]), ShapeError, "key and value"),
        (lambda: ops.dot_product_attention(Q, K[:, :, :3], V[:, :, :3]), ShapeError, "heads"),
        (lambda: ops.dot_product_attention(Q, K, V, flash_attention=True, attn_logits_soft_cap=1.0), ArgumentError,
         "soft_cap"),
    ],
)  # fmt: skip
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="this machine has the kernel")
def test_the_fused_kernel_is_refused_where_there_is_none():
    with pytest.raises(ArgumentError, match="NVIDIA"):
        ops.dot_product_attention(Q, K, V, flash_attention=True)
