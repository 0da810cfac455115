"""What ops promise beyond agreement with Keras: gradients, laws, control flow, and refusals that name the argument."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier import ops
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.variables import Variable

from .catalogue import A, B, C, L, P, T

GRADIENTS = [
    ("softmax", (A,), {}),
    ("log_softmax", (A,), {"axis": 0}),
    ("normalize", (A,), {}),
    ("normalize", (A,), {"order": 1, "axis": 0}),
    ("batch_normalization", (A, A[0], P[0], -1), {"scale": P[1], "offset": B[0]}),
    ("layer_normalization", (A, P[0], B[0]), {}),
    ("rms_normalization", (A, P[0]), {}),
    ("logsumexp", (A,), {"axis": 1}),
    ("var", (A,), {"axis": 0}),
    ("std", (A,), {"axis": 1}),
    ("max", (A,), {"axis": 1}),
    ("cumprod", (A,), {"axis": 1}),
    ("categorical_crossentropy", (P,), {"target": P / P.sum(1, keepdims=True)}),
    ("categorical_crossentropy", (A,), {"target": P, "from_logits": True}),
    ("sparse_categorical_crossentropy", (P,), {"target": L}),
    ("sparse_categorical_crossentropy", (A,), {"target": L, "from_logits": True}),
    ("binary_crossentropy", (P,), {"target": T.astype("float32")}),
    ("binary_crossentropy", (A,), {"target": T.astype("float32"), "from_logits": True}),
    ("matmul", (A, B.T.copy()), {}),
    ("cdist", (A, B), {}),
]


@pytest.mark.parametrize(
    ("name", "args", "kwargs"), GRADIENTS, ids=[f"{n}{i}" for i, (n, _, _) in enumerate(GRADIENTS)]
)
def test_gradients_equal_those_of_keras(name, args, kwargs):
    def slope(module):
        def weighed(x):
            function = getattr(module, name)
            value = function(kwargs["target"], x, **{k: v for k, v in kwargs.items() if k != "target"}) if (
                "target" in kwargs
            ) else function(x, *args[1:], **kwargs)  # fmt: skip
            return jnp.sum(value * jnp.cos(jnp.arange(value.size, dtype="float32")).reshape(value.shape))

        return jax.grad(weighed)(jnp.asarray(args[0]))

    np.testing.assert_allclose(slope(ops), slope(keras.ops), rtol=1e-4, atol=2e-5)


def test_moments_and_their_gradients_stay_exact_far_from_zero(rng):
    x = (1000 + rng.normal(size=(64, 3))).astype("float32")
    mean, variance = ops.moments(x, [0])
    np.testing.assert_allclose(mean, x.astype("float64").mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, x.astype("float64").var(0), rtol=1e-4)
    slope = jax.grad(lambda v: ops.moments(v, [0])[1].sum())(jnp.asarray(x))
    np.testing.assert_allclose(slope, 2 / 64 * (x - x.astype("float64").mean(0)), atol=1e-5)


@given(st.integers(0, 2**31), st.sampled_from([0, 1, -1]))
@settings(max_examples=10, deadline=None)
def test_sparsemax_is_the_nearest_point_of_the_simplex(seed, axis):
    # Keras's own sparsemax does not sum to 1 everywhere, so the law decides here, not the oracle.
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4, 4)).astype("float32")
    y = np.asarray(ops.sparsemax(x, axis))
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-5)
    others = rng.dirichlet(np.ones(4), size=(50, 4)).astype("float32")
    others = others if axis in (1, -1) else others.swapaxes(1, 2)
    assert (((others - x) ** 2).sum(axis if axis < 0 else axis + 1) >= ((y - x) ** 2).sum(axis) - 1e-5).all()


@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.integers(1, 2))
@settings(max_examples=10, deadline=None)
def test_fold_is_the_transpose_of_unfold(size, dilation, padding, stride):
    rng = np.random.default_rng(size)
    x = rng.normal(size=(2, 3, 6, 7)).astype("float32")
    columns = ops.unfold(x, size, dilation, padding, stride)
    y = rng.normal(size=columns.shape).astype("float32")
    back = ops.fold(y, (6, 7), size, dilation, padding, stride)
    assert float((columns * y).sum()) == pytest.approx(float((x * back).sum()), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("window", ["hann", "hamming", None])  # for None Keras's own is off by a factor
def test_istft_undoes_stft(window, rng):
    wave = rng.normal(size=(2, 40)).astype("float32")
    spectrum = ops.stft(wave, 8, 2, 16, window=window)
    np.testing.assert_allclose(ops.istft(spectrum, 8, 2, 16, length=40, window=window), wave, atol=1e-5)


def test_bincount_of_few_and_of_none():
    np.testing.assert_array_equal(ops.bincount([1, 1, 3]), [0, 2, 0, 1])
    np.testing.assert_array_equal(ops.bincount([1, 1, 3], minlength=6), [0, 2, 0, 1, 0, 0])
    np.testing.assert_array_equal(ops.bincount(np.zeros(0, "int32"), minlength=2), [0, 0])


def test_scan_loops_and_branches():
    total, running = ops.scan(lambda carry, x: (carry + x, carry), jnp.zeros(()), jnp.arange(4.0))
    assert float(total) == 6
    np.testing.assert_array_equal(running, [0, 0, 1, 3])
    assert float(ops.fori_loop(0, 3, lambda i, v: v + i, 10.0)) == 13
    assert float(ops.while_loop(lambda v: v < 50, lambda v: v * 3, 1.0)) == 81
    assert float(ops.while_loop(lambda v: v < 50, lambda v: v * 3, 1.0, maximum_iterations=2)) == 9
    first, second = ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 2), (0, 1.0))
    assert (int(first), float(second)) == (3, 8)
    assert float(ops.cond(jnp.array(True), lambda: 1.0, lambda: 2.0)) == 1
    assert float(ops.switch(1, [lambda v: v, lambda v: v + 1], 5.0)) == 6
    np.testing.assert_array_equal(ops.associative_scan(jnp.add, jnp.arange(4)), [0, 1, 3, 6])
    np.testing.assert_array_equal(ops.map(lambda v: v.sum(), jnp.ones((3, 2))), [2, 2, 2])
    double = ops.vectorize(lambda v: v * 2)
    np.testing.assert_array_equal(double(jnp.arange(3)), [0, 2, 4])


def test_custom_gradient_replaces_the_gradient():
    @ops.custom_gradient
    def log1pexp(x):
        e = ops.exp(x)

        def grad(*args, upstream=None):
            (upstream,) = args or (upstream,)
            return ops.multiply(upstream, 1.0 - 1.0 / ops.add(1, e))

        return ops.log(1 + e), grad

    assert float(jax.grad(log1pexp)(100.0)) == 1.0


def test_stop_gradient_and_variables():
    assert float(jax.grad(lambda x: ops.stop_gradient(x) * x)(3.0)) == 3
    v = Variable([1.0, 2.0])
    assert ops.is_tensor(ops.convert_to_tensor(v))
    assert isinstance(ops.convert_to_numpy(v), np.ndarray)
    assert not ops.is_tensor([1.0])
    assert ops.shape(v) == (2,)
    assert ops.dtype(v) == "float32"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.categorical_crossentropy(A, A[:, :2]), ShapeError, "same shape"),
        (lambda: ops.sparse_categorical_crossentropy(L[:2], A), ShapeError, "class axis"),
        (lambda: ops.multi_hot(L), ArgumentError, "num_classes"),
        (lambda: ops.cholesky(A), ShapeError, "square"),
        (lambda: ops.solve(A, A), ShapeError, "square"),
        (lambda: ops.qr(A, mode="full"), ArgumentError, "complete"),
        (lambda: ops.scatter_update(A, [[0, 0]], [1.0], reduction="mean"), ArgumentError, "reduction"),
        (lambda: ops.correlate(A[0], B[0], mode="all"), ArgumentError, "valid"),
        (lambda: ops.histogram(A, bins=0), ArgumentError, "bins"),
        (lambda: ops.histogram(A, range=(1, 0)), ArgumentError, "range"),
        (lambda: ops.view_as_complex(A), ShapeError, "size 2"),
        (lambda: ops.space_to_depth(np.ones((1, 3, 3, 1)), 2), ShapeError, "multiples"),
        (lambda: ops.depth_to_space(np.ones((1, 3, 3, 3)), 2), ShapeError, "multiple"),
        (lambda: ops.unfold(np.ones((1, 1, 2, 2)), 3), ShapeError, "fit"),
        (lambda: ops.fold(np.ones((1, 4, 3)), (4, 4), 2), ShapeError, "patches"),
        (lambda: ops.rearrange(C, "a b -> b a"), ShapeError, "2 axes"),
        (lambda: ops.rearrange(A, "a b -> b"), ArgumentError, "each name"),
        (lambda: ops.rearrange(A, "(a b) c -> a b c"), ArgumentError, "sizes"),
        (lambda: ops.rearrange(A, "(a b) c -> a b c", a=2), ShapeError, "split"),
        (lambda: ops.fft(A), ArgumentError, "pair"),
        (lambda: ops.stft(A, 4, 2, 4, window="bell"), ArgumentError, "window"),
        (lambda: ops.stft(A, 4, 2, 3), ArgumentError, "sequence_length"),
        (lambda: ops.extract_sequences(A, 5, 1), ShapeError, "fits"),
        (lambda: ops.cast(A, "float33"), ArgumentError, "float33"),
        (lambda: ops.dot_product_attention(A, A, A), ShapeError, "query"),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_64_bit_mode_changes_no_dtype_of_32_bit_work():
    x, n = np.ones((3, 4), "float32"), np.ones((3, 4), "int32")
    results = {
        "float32": [
            lambda: ops.exp(n), lambda: ops.mean(n), lambda: ops.divide(n, n), lambda: ops.exp(1),
            lambda: ops.sqrt(2.0), lambda: ops.convert_to_tensor([1.0]), lambda: ops.linspace(0, 1, 3),
            lambda: ops.one_hot(n, 3),
            lambda: ops.sum(x), lambda: ops.softmax(x), lambda: ops.var(n), lambda: ops.sigmoid(2.0),
            lambda: ops.eye(2),
            lambda: ops.add(x, 1.5), lambda: ops.where(x > 0, x, 0.0), lambda: ops.arange(1.5), lambda: ops.norm(n),
        ],
        "int32": [
            lambda: ops.sum(n), lambda: ops.sum(n > 0), lambda: ops.argmax(x), lambda: ops.argsort(x),
            lambda: ops.prod(n),
            lambda: ops.cumsum(n), lambda: ops.count_nonzero(x), lambda: ops.convert_to_tensor([1]),
            lambda: ops.arange(3),
            lambda: ops.nonzero(x)[0], lambda: ops.trace(n), lambda: ops.bincount(n[0]), lambda: ops.add(n, 1),
            lambda: ops.convert_to_tensor(1), lambda: ops.top_k(x, 2)[1],
        ],
    }  # fmt: skip
    jax.config.update("jax_enable_x64", True)
    try:
        wrong = [(d, i, c().dtype) for d, calls in results.items() for i, c in enumerate(calls) if c().dtype != d]
    finally:
        jax.config.update("jax_enable_x64", False)
    assert not wrong
