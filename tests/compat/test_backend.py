"""`keras.backend` of the face: each function beside ``tf.keras``'s, and laws against NumPy."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ranvier
from ranvier.compat import face
from ranvier.compat.keras import backend_functions

K = face("keras.backend")
R = np.random.default_rng(0)
A = R.normal(size=(2, 3, 4)).astype("float32")
B = R.normal(size=(2, 4, 5)).astype("float32")
P = np.exp(A) / np.exp(A).sum(-1, keepdims=True)
ONE_HOT = np.eye(4, dtype="float32")[[[0, 1, 2], [3, 3, 0]]]
BINARY = (A > 0).astype("float32")
IMAGES = R.normal(size=(2, 6, 5, 3)).astype("float32")
VOLUMES = R.normal(size=(1, 4, 4, 4, 2)).astype("float32")
STEPS = R.normal(size=(2, 7, 3)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 1, 0, 0], [0, 1, 1, 1, 0, 1, 1]], bool)


def _kernel(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def _step(K: Any) -> Callable[..., Any]:
    return lambda x, s: (x + 2 * s[0], [s[0] + x])


# What is called, with the functions to call as `K`, and with `c` making a tensor of an array.
CALLS: dict[str, list[Callable[..., Any]]] = {
    "abs": [lambda K, c: K.abs(c(A))],
    "all": [lambda K, c: K.all(c(BINARY), axis=1), lambda K, c: K.all(c(BINARY), keepdims=True)],
    "any": [lambda K, c: K.any(c(BINARY), axis=-1)],
    "arange": [lambda K, c: K.arange(5), lambda K, c: K.arange(1, 7, 2, dtype="float32")],
    "argmax": [lambda K, c: K.argmax(c(A)), lambda K, c: K.argmax(c(A), axis=0)],
    "argmin": [lambda K, c: K.argmin(c(A), axis=1)],
    "batch_dot": [
        lambda K, c: K.batch_dot(c(A), c(B)),
        lambda K, c: K.batch_dot(c(A), c(B), axes=[2, 1]),
        lambda K, c: K.batch_dot(c(A), c(A), axes=2),
        lambda K, c: K.batch_dot(c(A[:, 0]), c(A[:, 1])),
        lambda K, c: K.batch_dot(c(A), c(A[:, 0]), axes=(2, 1)),
    ],
    "batch_flatten": [lambda K, c: K.batch_flatten(c(A))],
    "batch_get_value": [lambda K, c: K.batch_get_value([K.variable(A), K.variable(B)])[1]],
    "batch_normalization": [
        lambda K, c: K.batch_normalization(c(A), c(_kernel(4)), c(_kernel(4) ** 2), c(_kernel(4)), c(_kernel(4) + 1))
    ],
    "batch_set_value": [lambda K, c: _after(v := K.variable(A), lambda: K.batch_set_value([(v, 2 * A)]))],
    "bias_add": [
        lambda K, c: K.bias_add(c(IMAGES), c(_kernel(3))),
        lambda K, c: K.bias_add(c(IMAGES), c(_kernel(6, 5, 3))),
        lambda K, c: K.bias_add(c(STEPS), c(_kernel(7)), data_format="channels_first"),
    ],
    "binary_crossentropy": [
        lambda K, c: K.binary_crossentropy(c(BINARY), c(P)),
        lambda K, c: K.binary_crossentropy(c(BINARY), c(A), from_logits=True),
    ],
    "binary_focal_crossentropy": [
        lambda K, c: K.binary_focal_crossentropy(c(BINARY), c(P)),
        lambda K, c: K.binary_focal_crossentropy(c(BINARY), c(A), True, 0.3, 1.5, from_logits=True),
    ],
    "cast": [lambda K, c: K.cast(c(A), "int32")],
    "cast_to_floatx": [lambda K, c: K.cast_to_floatx(A.astype("float64"))],
    "categorical_crossentropy": [
        lambda K, c: K.categorical_crossentropy(c(ONE_HOT), c(P)),
        lambda K, c: K.categorical_crossentropy(c(ONE_HOT), c(A), from_logits=True),
    ],
    "categorical_focal_crossentropy": [lambda K, c: K.categorical_focal_crossentropy(c(ONE_HOT), c(P))],
    "clip": [
        lambda K, c: K.clip(c(A), -0.5, 0.5),
        lambda K, c: K.clip(c(A), None, 0.25),
        lambda K, c: K.clip(c(A), 1, 0),
    ],
    "concatenate": [lambda K, c: K.concatenate([c(A), c(A)]), lambda K, c: K.concatenate([c(A), c(A)], axis=1)],
    "constant": [lambda K, c: K.constant(2.5, shape=(2, 3)), lambda K, c: K.constant([[1, 2], [3, 4]])],
    "conv1d": [
        lambda K, c: K.conv1d(c(STEPS), c(_kernel(3, 3, 2)), padding="causal"),
        lambda K, c: K.conv1d(c(STEPS), c(_kernel(2, 3, 2)), strides=2, padding="same"),
    ],
    "conv2d": [lambda K, c: K.conv2d(c(IMAGES), c(_kernel(3, 2, 3, 4)), padding="same")],
    "conv2d_transpose": [
        lambda K, c: K.conv2d_transpose(c(IMAGES), c(_kernel(3, 3, 2, 3)), (2, 12, 10, 2), (2, 2), "same")
    ],
    "conv3d": [lambda K, c: K.conv3d(c(VOLUMES), c(_kernel(2, 2, 2, 2, 3)))],
    "cos": [lambda K, c: K.cos(c(A))],
    "count_params": [lambda K, c: K.count_params(K.zeros((2, 3)))],
    "ctc_batch_cost": [
        lambda K, c: K.ctc_batch_cost(
            c(np.array([[0, 1], [2, 0]], "float32")), c(P), c(np.array([[3], [3]])), c(np.array([[2], [1]]))
        )
    ],
    "ctc_decode": [lambda K, c: K.ctc_decode(c(P), np.array([3, 3]))[0][0]],
    "cumprod": [lambda K, c: K.cumprod(c(A), axis=1)],
    "cumsum": [lambda K, c: K.cumsum(c(A))],
    "depthwise_conv2d": [lambda K, c: K.depthwise_conv2d(c(IMAGES), c(_kernel(3, 3, 3, 2)))],
    "dot": [lambda K, c: K.dot(c(A), c(B[0])), lambda K, c: K.dot(c(A[0]), c(B))],
    "dtype": [lambda K, c: K.dtype(c(A))],
    "elu": [lambda K, c: K.elu(c(A), 0.7)],
    "equal": [lambda K, c: K.equal(c(BINARY), c(BINARY[::-1]))],
    "eval": [lambda K, c: K.eval(K.variable(A))],
    "exp": [lambda K, c: K.exp(c(A))],
    "expand_dims": [lambda K, c: K.expand_dims(c(A)), lambda K, c: K.expand_dims(c(A), 1)],
    "eye": [lambda K, c: K.eye(3)],
    "flatten": [lambda K, c: K.flatten(c(A))],
    "foldl": [
        lambda K, c: K.foldl(lambda a, x: 2 * a + x, c(A)),
        lambda K, c: K.foldl(lambda a, x: a - x, c(A), c(A[0])),
    ],
    "foldr": [lambda K, c: K.foldr(lambda a, x: 2 * a + x, c(A))],
    "gather": [lambda K, c: K.gather(c(A), c(np.array([1, 0, 1])))],
    "get_value": [lambda K, c: K.get_value(K.variable(A))],
    "greater": [lambda K, c: K.greater(c(A), c(A[::-1]))],
    "greater_equal": [lambda K, c: K.greater_equal(c(A), c(A[::-1]))],
    "hard_sigmoid": [lambda K, c: K.hard_sigmoid(c(3 * A))],
    "in_top_k": [lambda K, c: K.in_top_k(c(P[0]), c(np.array([0, 1, 2], "int32")), 2)],
    "int_shape": [lambda K, c: K.int_shape(c(A))],
    "is_sparse": [lambda K, c: K.is_sparse(c(A))],
    "l2_normalize": [lambda K, c: K.l2_normalize(c(A)), lambda K, c: K.l2_normalize(c(A), axis=-1)],
    "less": [lambda K, c: K.less(c(A), c(A[::-1]))],
    "less_equal": [lambda K, c: K.less_equal(c(A), c(A[::-1]))],
    "log": [lambda K, c: K.log(c(P))],
    "map_fn": [lambda K, c: K.map_fn(lambda x: x * 2, c(A))],
    "max": [lambda K, c: K.max(c(A)), lambda K, c: K.max(c(A), axis=-1, keepdims=True)],
    "maximum": [lambda K, c: K.maximum(c(A), c(A[::-1]))],
    "mean": [lambda K, c: K.mean(c(A), axis=[1, 2]), lambda K, c: K.mean(c(A > 0)), lambda K, c: K.mean(c(A), axis=-1)],
    "min": [lambda K, c: K.min(c(A), axis=0)],
    "minimum": [lambda K, c: K.minimum(c(A), c(A[::-1]))],
    "moving_average_update": [lambda K, c: _after(v := K.variable(A), lambda: K.moving_average_update(v, 2 * A, 0.9))],
    "ndim": [lambda K, c: K.ndim(c(A))],
    "not_equal": [lambda K, c: K.not_equal(c(BINARY), c(BINARY[::-1]))],
    "one_hot": [lambda K, c: K.one_hot(c(np.array([[0, 2], [1, 1]], "int32")), 3)],
    "ones": [lambda K, c: K.ones((2, 3))],
    "ones_like": [lambda K, c: K.ones_like(c(A))],
    "permute_dimensions": [lambda K, c: K.permute_dimensions(c(A), (2, 0, 1))],
    "pool2d": [
        lambda K, c: K.pool2d(c(IMAGES), (2, 2)),
        lambda K, c: K.pool2d(c(IMAGES), (2, 2), (2, 2), "same", pool_mode="avg"),
    ],
    "pool3d": [lambda K, c: K.pool3d(c(VOLUMES), (2, 2, 2))],
    "pow": [lambda K, c: K.pow(c(P), 3)],
    "prod": [lambda K, c: K.prod(c(A), axis=1)],
    "relu": [
        lambda K, c: K.relu(c(A)),
        lambda K, c: K.relu(c(A), alpha=0.1, max_value=0.5),
        lambda K, c: K.relu(c(A), threshold=0.3),
        lambda K, c: K.relu(c(A), 0.2, 0.9, 0.4),
    ],
    "repeat": [lambda K, c: K.repeat(c(A[0]), 3)],
    "repeat_elements": [lambda K, c: K.repeat_elements(c(A), 2, 1)],
    "reshape": [lambda K, c: K.reshape(c(A), (4, -1))],
    "resize_images": [lambda K, c: K.resize_images(c(IMAGES), 2, 3, "channels_last")],
    "resize_volumes": [lambda K, c: K.resize_volumes(c(VOLUMES), 1, 2, 3, "channels_last")],
    "reverse": [lambda K, c: K.reverse(c(A), 1), lambda K, c: K.reverse(c(A), [0, 2])],
    "rnn": [
        lambda K, c: K.rnn(_step(K), c(STEPS), [c(STEPS[:, 0])])[1],
        lambda K, c: K.rnn(_step(K), c(STEPS), [c(STEPS[:, 0])], mask=c(MASK))[1],
        lambda K, c: K.rnn(_step(K), c(STEPS), [c(STEPS[:, 0])], mask=c(MASK), zero_output_for_mask=True)[1],
        lambda K, c: K.rnn(_step(K), c(STEPS), [c(STEPS[:, 0])], go_backwards=True)[0],
        lambda K, c: K.rnn(_step(K), c(STEPS), [c(STEPS[:, 0])], mask=c(MASK))[2][0],
    ],
    "round": [lambda K, c: K.round(c(2 * A)), lambda K, c: K.round(c(np.array([0.5, 1.5, 2.5], "float32")))],
    "separable_conv2d": [lambda K, c: K.separable_conv2d(c(IMAGES), c(_kernel(3, 3, 3, 2)), c(_kernel(1, 1, 6, 4)))],
    "set_value": [lambda K, c: _after(v := K.variable(A), lambda: K.set_value(v, 3 * A))],
    "shape": [lambda K, c: np.array(K.shape(c(A)))],
    "sigmoid": [lambda K, c: K.sigmoid(c(A))],
    "sign": [lambda K, c: K.sign(c(A))],
    "sin": [lambda K, c: K.sin(c(A))],
    "softmax": [lambda K, c: K.softmax(c(A)), lambda K, c: K.softmax(c(A), axis=1)],
    "softplus": [lambda K, c: K.softplus(c(A))],
    "softsign": [lambda K, c: K.softsign(c(A))],
    "sparse_categorical_crossentropy": [
        lambda K, c: K.sparse_categorical_crossentropy(c(ONE_HOT.argmax(-1)), c(P)),
        lambda K, c: K.sparse_categorical_crossentropy(c(ONE_HOT.argmax(-1)), c(A), from_logits=True),
    ],
    "spatial_2d_padding": [lambda K, c: K.spatial_2d_padding(c(IMAGES), ((1, 2), (0, 1)))],
    "spatial_3d_padding": [lambda K, c: K.spatial_3d_padding(c(VOLUMES))],
    "sqrt": [lambda K, c: K.sqrt(c(A))],
    "square": [lambda K, c: K.square(c(A))],
    "squeeze": [lambda K, c: K.squeeze(c(A[:, :1]), 1)],
    "stack": [lambda K, c: K.stack([c(A), c(A)]), lambda K, c: K.stack([c(A), c(A)], axis=-1)],
    "std": [lambda K, c: K.std(c(A), axis=1)],
    "stop_gradient": [lambda K, c: K.stop_gradient(c(A))],
    "sum": [lambda K, c: K.sum(c(A)), lambda K, c: K.sum(c(A), axis=(0, 2), keepdims=True)],
    "switch": [
        lambda K, c: K.switch(c(A) > 0, c(A), c(-A)),
        lambda K, c: K.switch(c(np.array(True)), lambda: c(A), lambda: c(-A)),
    ],
    "tanh": [lambda K, c: K.tanh(c(A))],
    "temporal_padding": [lambda K, c: K.temporal_padding(c(STEPS), (2, 1))],
    "tile": [lambda K, c: K.tile(c(A), (1, 2, 1))],
    "to_dense": [lambda K, c: K.to_dense(c(A))],
    "transpose": [lambda K, c: K.transpose(c(A))],
    "update": [lambda K, c: _after(v := K.variable(A), lambda: K.update(v, c(-A)))],
    "update_add": [lambda K, c: _after(v := K.variable(A), lambda: K.update_add(v, c(A)))],
    "update_sub": [lambda K, c: _after(v := K.variable(A), lambda: K.update_sub(v, c(2 * A)))],
    "var": [lambda K, c: K.var(c(A), axis=-1)],
    "variable": [lambda K, c: K.get_value(K.variable(A))],
    "zeros": [lambda K, c: K.zeros((2, 3))],
    "zeros_like": [lambda K, c: K.zeros_like(c(A))],
}
# What has no counterpart to compare with, or random results: each has a test of its own below.
OWN_TESTS = {
    "Function", "dropout", "function", "identity", "image_dim_ordering", "in_test_phase", "in_train_phase", "is_placeholder",
    "is_tensor", "is_variable", "learning_phase", "logsumexp", "name_scope", "print_tensor", "random_bernoulli",
    "random_binomial", "random_normal", "random_normal_variable", "random_uniform", "random_uniform_variable", "reset_uids",
    "set_image_dim_ordering", "truncated_normal",
}  # fmt: skip


def _after(variable: Any, change: Callable[[], Any]) -> Any:
    change()
    return variable


def _array(x: Any) -> Any:
    if isinstance(x, (str, bool, tuple)):
        return x
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


def test_every_function_is_tested():
    assert set(backend_functions.__all__) == set(CALLS) | OWN_TESTS


@pytest.fixture(scope="module")
def theirs() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("tensorflow")
            return importlib.import_module("keras._tf_keras.keras.backend")


@pytest.mark.parametrize("name", CALLS)
def test_numbers_are_those_of_tf_keras(name: str, theirs: Any):
    import tensorflow as tf

    for call in CALLS[name]:
        ours, wanted = _array(call(K, ranvier.ops.convert_to_tensor)), _array(call(theirs, tf.convert_to_tensor))
        if isinstance(wanted, (str, bool, tuple)):
            assert ours == wanted
        else:
            assert ours.shape == wanted.shape
            np.testing.assert_allclose(ours.astype("float64"), wanted.astype("float64"), rtol=2e-5, atol=2e-6)


def test_each_function_of_tf_keras_is_there_or_refused_with_a_reason():
    theirs = [n for n in dir(importlib.import_module("keras._tf_keras.keras.backend")) if not n.startswith("_")]
    absent = [name for name in theirs if not hasattr(K, name)]
    assert absent == ["ctc_label_dense_to_sparse", "gradients"]
    for name in absent:
        with pytest.raises(AttributeError, match="Use "):
            getattr(K, name)


@given(
    hnp.arrays("float32", hnp.array_shapes(min_dims=1, max_dims=4, max_side=4), elements=st.floats(-8, 8, width=16)),
    st.sampled_from(["sum", "mean", "max", "min", "prod", "std", "var", "any", "all", "logsumexp"]),
    st.booleans(),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_reductions_are_numpys(x: np.ndarray, name: str, keepdims: bool, data: Any):
    axis = data.draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    wide = x.astype("float64")
    wanted = (
        np.log(np.sum(np.exp(wide), axis=axis, keepdims=keepdims))
        if name == "logsumexp"
        else getattr(np, name)(wide if name not in ("any", "all") else x != 0, axis=axis, keepdims=keepdims)
    )
    found = np.asarray(getattr(K, name)(x, axis=axis, keepdims=keepdims))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.astype("float64"), wanted, rtol=1e-4, atol=1e-4)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_batch_dot_is_a_product_for_each_sample(batch: int, n: int, k: int, m: int):
    x, y = np.random.default_rng(k).normal(size=(batch, n, k)), np.random.default_rng(m).normal(size=(batch, k, m))
    wanted = np.stack([a @ b for a, b in zip(x, y, strict=True)])
    np.testing.assert_allclose(np.asarray(K.batch_dot(x, y)), wanted, rtol=1e-4, atol=1e-5)
    turned = np.asarray(K.batch_dot(x, y.swapaxes(1, 2), axes=(2, 2)))
    np.testing.assert_allclose(turned, wanted, rtol=1e-4, atol=1e-5)


def test_batch_dot_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="equal sizes along axes"):
        K.batch_dot(A, A)
    with pytest.raises(ValueError, match="not the batch's"):
        K.batch_dot(A, A, axes=0)


@pytest.mark.parametrize("name", ["random_normal", "random_uniform", "truncated_normal"])
def test_random_numbers(name: str):
    x, again = (np.asarray(getattr(K, name)((4000,), seed=3)) for _ in range(2))
    np.testing.assert_array_equal(x, again)
    assert abs(x.mean() - (0.5 if "uniform" in name else 0)) < 0.06
    assert np.abs(x).max() < {"random_normal": 6, "random_uniform": 1, "truncated_normal": 2.001}[name]


def test_random_variables_bernoulli_and_dropout():
    assert abs(K.get_value(K.random_normal_variable((4000,), 3.0, 0.1)).mean() - 3) < 0.01
    uniform = K.get_value(K.random_uniform_variable((4000,), -1, 5))
    assert -1 <= uniform.min() < uniform.max() <= 5
    for name in ("random_bernoulli", "random_binomial"):
        drawn = np.asarray(getattr(K, name)((4000,), p=0.25))
        assert set(drawn) == {0.0, 1.0}
        assert abs(drawn.mean() - 0.25) < 0.04
    dropped = np.asarray(K.dropout(np.ones(4000, "float32"), 0.5, seed=1))
    assert set(dropped) == {0.0, 2.0}


def test_a_function_of_symbolic_tensors_gives_the_values_inside():
    model = ranvier.Sequential([ranvier.layers.Dense(3, input_shape=(2,)), ranvier.layers.Dropout(0.5)])
    x = np.ones((50, 2), "float32")
    inside = K.function([model.input], [model.layers[0].output, model.output])([x])
    np.testing.assert_allclose(inside[0], x @ model.get_weights()[0], rtol=1e-5)
    np.testing.assert_array_equal(inside[0], inside[1])
    phased = K.function([model.layers[0].input, K.learning_phase()], model.output)
    np.testing.assert_array_equal(phased([x, 0]), inside[0])
    assert (phased([x, 1]) == 0).any()
    with pytest.raises(ValueError, match="no updates"):
        K.function([model.input], [model.output], updates=[1])
    with pytest.raises(TypeError, match="symbolic tensors"):
        K.function([x], [model.output])
    with pytest.raises(TypeError, match="symbolic tensor has none"):
        K.get_value(model.output)
    with pytest.raises(TypeError, match="A size is not known"):
        K.count_params(model.output)


def test_the_phase_is_known_in_layers_and_their_training():
    class Phase(ranvier.layers.Layer):
        def call(self, x):
            return K.in_train_phase(x * 2, lambda: x) + K.in_test_phase(10.0, 0.0)

    layer, x = Phase(), np.ones((1, 1), "float32")
    assert float(layer(x)[0, 0]) == 11
    assert float(layer(x, training=True)[0, 0]) == 2
    assert K.learning_phase() == 0
    assert float(K.in_train_phase(1.0, 2.0, training=np.array(True))) == 1
    assert float(K.in_train_phase(lambda: 1.0, lambda: 2.0, training=0)) == 2


def test_a_switch_for_each_sample_reaches_over_the_other_axes():
    chosen = np.asarray(K.switch(A[:, 0, 0] > 0, A, 2 * A))
    np.testing.assert_array_equal(chosen, np.where(A[:, :1, :1] > 0, A, 2 * A))


def test_symbolic_tensors_go_through():
    x = ranvier.Input((3, 4))
    y = K.concatenate([K.square(x), K.l2_normalize(x, axis=-1), K.batch_dot(x, x, axes=2)])
    assert K.int_shape(y) == (None, 3, 11)
    assert K.is_placeholder(x)
    assert not K.is_placeholder(y)
    model = ranvier.Model(x, K.mean(K.batch_flatten(y), axis=-1))
    assert model.predict(A, verbose=0).shape == (2,)


def test_what_a_thing_is():
    assert K.is_tensor(K.constant(1))
    assert not K.is_tensor(A)
    assert K.is_variable(K.zeros(2))
    assert K.int_shape("no shape") is None
    np.testing.assert_array_equal(K.identity(A), A)
    assert isinstance(K.cast_to_floatx([1, 2]), np.ndarray)
    assert K.backend() == "jax"
    assert issubclass(K.Function, object)


def test_printing_in_compiled_code(capfd: pytest.CaptureFixture[str]):
    import jax

    jax.jit(lambda x: K.print_tensor(x, "here {}") + 1)(2.0)
    jax.effects_barrier()
    assert "here {} 2.0" in capfd.readouterr().out


def test_the_old_words_for_the_place_of_channels():
    assert K.image_dim_ordering() == "tf"
    K.set_image_dim_ordering("th")
    assert K.image_data_format() == "channels_first"
    with pytest.raises(ValueError, match="'tf' or 'th'"):
        K.set_image_dim_ordering("torch")


def test_names_are_counted_anew():
    ranvier.layers.Dense(1)
    K.reset_uids()
    assert ranvier.layers.Dense(1).name == "dense"
    with K.name_scope("outer"):
        assert "outer" in K.zeros(1, name="v").path
