"""Convolutions: every algorithm gives the numbers of XLA's own, and the functions those of Keras."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier import ops
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.ops import conv_algorithms as algorithms
from ranvier.ops.conv_geometry import Window, window_of
from ranvier.ops.lowering import choose_convolution, choose_transposed

SIZES = (7, 6, 5)
TOLERANCE = {"float64": 1e-12, "float32": 2e-5, "bfloat16": 3e-2, "float16": 4e-3}


def _random(*shape, seed=0, dtype="float32"):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape).astype("float32"), dtype)


def _numbers(function, x, w):
    """The outputs, and the gradients of a weighted sum of them by both arguments."""

    @jax.jit  # one compilation instead of one for each operation
    def run(x, w):
        y, pull = jax.vjp(function, x, w)
        return y, *pull(jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape).astype(y.dtype))

    return run(x, w)


def _assert_same(ours, theirs, dtype="float32"):
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype == dtype
        mine, other = np.asarray(mine, "float64"), np.asarray(other, "float64")
        scale = max(np.abs(other).max(initial=0), 1)
        np.testing.assert_allclose(mine / scale, other / scale, rtol=0, atol=TOLERANCE[dtype])


WAYS = {
    "patches": (1, lambda x, w, window: algorithms.by_patches(x, w, window)),
    "groups": (2, lambda x, w, window: algorithms.by_groups(x, w, window, 2)),
    "shifts": (4, lambda x, w, window: algorithms.by_shifts(x, w.reshape(*w.shape[:-2], 4, -1), window)),
}
WAYS["slices"] = (1, lambda x, w, window: algorithms.by_slices(x, w, window))
GEOMETRIES = [  # rank, size, strides, dilation, padding
    (1, 3, 1, 1, "same"),
    (1, 2, 3, 1, "valid"),
    (2, 3, 1, 1, "valid"),
    (2, 3, 2, 1, "same"),
    (2, 3, 1, 2, "same"),
    (2, 1, 2, 1, "same"),
    (3, 2, 1, 2, "valid"),
    (3, 2, 3, 1, "same"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("rank", "size", "strides", "dilation", "padding"), GEOMETRIES)
def test_algorithms_agree_with_xla(way, rank, size, strides, dilation, padding):
    groups, function = WAYS[way]
    x, w = _random(2, *SIZES[:rank], 4), _random(*(size,) * rank, 4 // groups, 8, seed=1)
    window = window_of(SIZES[:rank], w.shape[:-2], strides, padding, dilation)
    _assert_same(
        _numbers(lambda x, w: function(x, w, window), x, w),
        _numbers(lambda x, w: algorithms.by_lax(x, w, window, groups), x, w),
    )
    if size == 1 and groups == 1:
        _assert_same(
            _numbers(lambda x, w: algorithms.by_product(x, w, window), x, w),
            _numbers(lambda x, w: algorithms.by_lax(x, w, window), x, w),
        )


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 1), (0, 1)), ((0, -2), (1, -1))])
@pytest.mark.parametrize(("strides", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 1))])
def test_scatter_is_the_transpose(padding, strides, dilation):
    x, w = _random(2, 4, 5, 3), _random(3, 2, 4, 3, seed=1)
    window = Window((3, 2), strides, dilation, padding)
    _assert_same(
        _numbers(lambda x, w: algorithms.by_scatter(x, w, window), x, w),
        _numbers(lambda x, w: algorithms.transposed_by_lax(x, w, window), x, w),
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_other_dtypes(way, dtype):
    """Sums of half precision accumulate in float32: 9 · 4 · 100 terms of one sign stay accurate."""
    with jax.enable_x64(dtype == "float64"):
        groups, function = WAYS[way]
        x, w = jnp.abs(_random(3, 8, 8, 4, dtype=dtype)), jnp.abs(_random(3, 3, 4 // groups, 8, seed=1, dtype=dtype))
        window = window_of((8, 8), (3, 3), 1, "same")
        wide = "float64" if dtype == "float64" else "float32"
        expected = _numbers(lambda x, w: algorithms.by_lax(x, w, window, groups), x.astype(wide), w.astype(wide))
        _assert_same(_numbers(lambda x, w: function(x, w, window), x, w), [e.astype(dtype) for e in expected], dtype)


def test_long_sums_in_half_precision_do_not_stall():
    y = ops.conv(np.ones((1, 1, 1, 4096), "float16"), np.ones((1, 1, 4096, 1), "float16"))
    assert float(y[0, 0, 0, 0]) == 4096  # adding ones in float16 would end at 2048


@pytest.mark.parametrize("way", WAYS)
def test_vmap_forward_mode_and_second_order(way):
    groups, function = WAYS[way]
    window = window_of((5,), (3,), 1, "same")
    w, tangent = _random(3, 4 // groups, 8, seed=1), _random(3, 4 // groups, 8, seed=2)
    xs = _random(3, 2, 5, 4)
    np.testing.assert_allclose(
        jax.vmap(lambda x: function(x, w, window))(xs), jnp.stack([function(x, w, window) for x in xs]), atol=1e-5
    )

    def loss(run):
        return lambda w: jnp.sum(jnp.tanh(run(w)) ** 2)

    ours, theirs = (
        jax.jvp(jax.grad(loss(run)), (w,), (tangent,))[1]
        for run in (
            lambda w: function(xs[0], w, window),
            lambda w: algorithms.by_lax(xs[0], w, window, groups),
        )
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize(
    ("batch", "each", "budget", "rows"), [(8, 10, 100, 8), (7, 10, 30, 3), (5, 99, 1, 1), (0, 9, 9, 0)]
)
def test_batches_are_cut_to_the_budget(batch, each, budget, rows):
    assert algorithms.rows_of_tile(batch, each, budget) == rows
    x = np.arange(batch * 2.0, dtype="float32").reshape(batch, 2)
    np.testing.assert_array_equal(algorithms.in_tiles(lambda piece: piece * 2, jnp.asarray(x), rows), x * 2)


def test_tiled_convolutions_equal_whole_ones(monkeypatch):
    x, w = _random(7, 6, 6, 3), _random(3, 3, 3, 4, seed=1)
    whole = _numbers(ops.conv, x, w)
    monkeypatch.setattr(algorithms, "PATCH_BUDGET", 3 * 4 * 4 * 27 * 4)
    _assert_same(_numbers(ops.conv, x, w), whole)


def test_large_patches_are_rebuilt_and_large_gathers_avoided(monkeypatch):
    x, w = _random(2, 6, 6, 3), _random(3, 3, 3, 4, seed=1)
    window = window_of((6, 6), (3, 3), 1, "valid")

    def by_patches(x, w):
        return algorithms.by_patches(x, w, window)

    kept = str(jax.make_jaxpr(jax.grad(lambda w: jnp.sum(by_patches(x, w))))(w))
    whole = _numbers(by_patches, x, w)
    monkeypatch.setattr(algorithms, "KEPT_PATCHES", 2 * 4 * 4 * 27 * 4 - 1)
    rebuilt = str(jax.make_jaxpr(jax.grad(lambda w: jnp.sum(by_patches(x, w))))(w))
    _assert_same(_numbers(by_patches, x, w), whole)
    monkeypatch.undo()
    monkeypatch.setattr(algorithms, "MOST_INDICES", 4 * 4 * 3 - 1)
    sliced = str(jax.make_jaxpr(lambda x: by_patches(x, w))(x))
    _assert_same(_numbers(by_patches, x, w), whole)
    assert rebuilt.count("_gathered") > kept.count("_gathered") > sliced.count("_gathered") == 0


def test_choice_of_algorithm():
    assert choose_convolution("gpu", "float32", 9, 3, 1, 0) == "lax"
    assert choose_convolution("cpu", "int32", 9, 3, 1, 0) == "lax"
    assert choose_convolution("cpu", "float32", 9, 3, 1, 0) == "patches"
    assert choose_convolution("cpu", "float32", 1, 3, 1, 0) == "product"
    assert choose_convolution("cpu", "float32", 9, 8, 8, 2) == "shifts"
    assert choose_convolution("cpu", "float32", 9, 8, 2, 0) == "groups"
    assert choose_transposed("cpu", "float32") == "scatter"
    assert choose_transposed("tpu", "float32") == "lax"


KERNELS = {
    "conv": [(4, 6)],
    "conv-groups": [(2, 6)],
    "conv-many-groups": [(1, 12)],
    "depthwise_conv": [(4, 1)],
    "depthwise_conv-multiplier": [(4, 3)],
    "separable_conv": [(4, 2), (8, 5)],
}


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize(
    ("rank", "data_format", "strides", "dilation", "padding"),
    [
        (1, "channels_last", 1, 2, "same"),
        (1, "channels_first", 2, 1, "valid"),
        (2, "channels_last", 2, 1, "same"),
        (2, "channels_first", 1, 2, "valid"),
    ],
)
def test_parity(kind, rank, data_format, strides, dilation, padding):
    name = kind.split("-")[0]
    kernels = [_random(*((3, 2) if i == 0 else (1, 1))[:rank], *s, seed=i) for i, s in enumerate(KERNELS[kind])]
    shape = (2, *SIZES[:rank], 4) if data_format == "channels_last" else (2, 4, *SIZES[:rank])
    ours, theirs = (
        getattr(module.ops, name)(_random(*shape, seed=5), *kernels, strides, padding, data_format, dilation)
        for module in (__import__("ranvier"), keras)
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("output_padding", [None, 0, 1])
@pytest.mark.parametrize(
    ("size", "strides", "dilation"), [(3, 1, 1), (2, 2, 1), (3, 2, 1), (2, 3, 1), (2, 1, 2), (3, 2, 2)]
)
def test_transposed_parity(size, strides, dilation, output_padding, padding, data_format):
    shape = (2, 5, 4, 3) if data_format == "channels_last" else (2, 3, 5, 4)
    ours, theirs = (
        f(_random(*shape), _random(size, size, 4, 3, seed=1), strides, padding, output_padding, data_format, dilation)
        for f in (ops.conv_transpose, keras.ops.conv_transpose)
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("rank", [1, 3])
def test_transposed_parity_of_other_ranks(rank):
    x, w = _random(2, *SIZES[:rank], 3), _random(*(2,) * rank, 4, 3, seed=1)
    np.testing.assert_allclose(
        ops.conv_transpose(x, w, 2, "same"), keras.ops.conv_transpose(x, w, 2, "same"), atol=2e-5
    )


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_geometry_agrees_with_xla(data):
    draw = data.draw
    size, dilation, strides = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(3))
    sizes = tuple(draw(st.integers((k - 1) * d + 1, 8)) for k, d in zip(size, dilation, strict=True))
    padding = draw(st.sampled_from(["valid", "same"]))
    x, w = _random(draw(st.integers(0, 2)), *sizes, 2), _random(*size, 2, 3, seed=1)
    window = window_of(sizes, size, strides, padding, dilation)
    y = algorithms.by_patches(x, w, window)
    assert y.shape[1:-1] == window.out_sizes(sizes)
    np.testing.assert_allclose(y, algorithms.by_lax(x, w, window), atol=2e-5)


def test_large_symbolic_sizes_cost_nothing():
    y = jax.eval_shape(
        lambda x: ops.conv(x, jnp.ones((3, 3, 3, 8)), 1, "same"),
        jax.ShapeDtypeStruct((10007, 1009, 1013, 3), "float32"),
    )
    assert y.shape == (10007, 1009, 1013, 8)


def test_whole_numbers_stay_whole():
    x, w = np.arange(14).reshape(1, 7, 2), np.ones((3, 2, 1), "int32")
    assert ops.conv(x.astype("int32"), w).dtype == keras.ops.conv(x.astype("int32"), w).dtype == "int32"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((5, 2, 1))), ShapeError, r"\(5,\).*\(4,\)"),
        (lambda: ops.conv(np.ones((1, 4, 3)), np.ones((2, 2, 1))), ShapeError, "3 channels"),
        (lambda: ops.conv(np.ones((1, 4, 4)), np.ones((2, 2, 3))), ShapeError, "3 filters"),
        (lambda: ops.conv(np.ones((4, 4)), np.ones((2, 2, 3))), ShapeError, r"\(4, 4\)"),
        (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((2, 2))), ShapeError, r"\(2, 2\)"),
        (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((2, 0, 2))), ShapeError, r"\(2, 0, 2\)"),
        (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((2, 2, 3)), 0), ArgumentError, "strides=0"),
        (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((2, 2, 3)), 1, "reflect"), ArgumentError, "reflect"),
        (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((2, 2, 3)), "a"), ArgumentError, "strides='a'"),
        (lambda: ops.depthwise_conv(np.ones((1, 4, 2)), np.ones((2, 3, 3))), ShapeError, r"\(2, 3, 3\)"),
        (lambda: ops.conv_transpose(np.ones((1, 4, 2)), np.ones((2, 3, 3))), ShapeError, r"\(2, 3, 3\)"),
        (lambda: ops.conv_transpose(np.ones((1, 4, 3)), np.ones((2, 3, 3)), 1, "same", -1), ArgumentError, "output_"),
    ],
)  # fmt: skip
def test_misfits_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
