"""Mistakes in people's own layers are said at once: each a ValueError with the way out."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier import layers, ops
from ranvier.core.errors import ArgumentError, DataError, ShapeError

X = np.ones((2, 3), "float32")


class Leaky(layers.Layer):
    def call(self, x):
        self.w = self.add_weight(shape=(), initializer="zeros")
        return x + self.w


class Plain(layers.Layer):
    def call(self, x, factor=None):
        return x


class Foreign(layers.Layer):
    def build(self, foo_shape, bar):
        pass

    def call(self, x):
        return x


class Misspelt(layers.Layer):
    def build(self, a_shape, other_shape):
        pass

    def call(self, a, b):
        return a


class Needing(layers.Layer):
    def build(self, a_shape, b_shape):
        pass

    def call(self, a, b=None):
        return a


class NameFirst(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight("kernel", shape=(2,))

    def call(self, x):
        return x


def called(layer, *args):
    """The layer on arrays, and on symbolic tensors in their places."""
    yield lambda: layer(*args)
    symbols = [ranvier.Input(a.shape[1:]) if isinstance(a, np.ndarray) else a for a in args]
    yield lambda: type(layer)()(*symbols)


@pytest.mark.parametrize(
    ("make", "args", "says"),
    [
        (Leaky, (X,), "in `call`"),
        (Foreign, (X,), "foo_shape, bar"),
        (Misspelt, (X, X), "other_shape"),
        (Needing, (X,), "b_shape=None"),
        (NameFirst, (X,), "name='kernel'"),
        (Plain, (X, 3), "keyword"),
        (Plain, (X, "a"), "keyword"),
        (Plain, (X, True), "keyword"),
        (layers.AdditiveAttention, (X[None],), "query, value"),
        (layers.Attention, (X[None],), "query, value"),
    ],
)
def test_mistakes_are_said(make, args, says):
    for call in called(make(), *args):
        with pytest.raises(ValueError, match=says):
            call()


def test_only_numbers_are_losses():
    inputs = ranvier.Input((3,))
    model = ranvier.Model(inputs, layers.Dense(1)(inputs))
    for loss in (ops.sum(inputs), lambda: 1.0, None, "l2", [1.0, "l2"]):
        with pytest.raises(ArgumentError, match="add_loss takes numbers"):
            model.add_loss(loss)


def test_setting_trainable_to_what_is_no_flag():
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="trainable"):
        layer.trainable = "no"
    with pytest.raises(ValueError, match="overwrite_with_gradient"):
        ranvier.Variable([1.0]).overwrite_with_gradient = "yes"


def test_a_method_that_is_missing_is_not_implemented():
    for call in (lambda: layers.Layer()(X), lambda: ranvier.losses.Loss()(X, X), lambda: ranvier.metrics.Metric()(X)):
        with pytest.raises(NotImplementedError, match="must define"):
            call()
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize("layer", [layers.Normalization(), layers.Discretization(num_bins=3)], ids=["norm", "bins"])
@pytest.mark.parametrize("data", [[], np.ones((0, 3)), np.array([[1.0], [np.nan]])], ids=["none", "no rows", "nan"])
def test_what_nothing_can_be_adapted_to(layer, data):
    with pytest.raises(DataError):
        layer.adapt(data)


def test_integers_are_looked_up_and_fractions_are_not():
    layer = layers.Embedding(4, 2)
    assert layer(np.array([[1.0, 3.0]])).shape == (1, 2, 2)
    with pytest.raises(DataError, match="fractions"):
        layer(np.array([[1.0, 2.5]]))


def test_bins_have_shapes_before_they_have_boundaries():
    for mode, shape in (("int", (None, 3)), ("one_hot", (None, 3, 4)), ("multi_hot", (None, 4)), ("count", (None, 4))):
        layer = layers.Discretization(num_bins=4, output_mode=mode)
        assert layer.compute_output_shape((None, 3)) == shape
        assert layer(ranvier.Input((3,))).shape == shape
        with pytest.raises(ValueError, match="adapt"):
            layer(X)
        layer.adapt(np.arange(90.0).reshape(30, 3))
        assert layer(X).shape == tuple(2 if n is None else n for n in shape)


def test_softmax_of_masks():
    softmax = layers.Softmax()
    found = softmax(np.array([[1.0, 2.0], [1.0, 1.0]]), mask=np.array([[True, False], [False, False]]))
    np.testing.assert_array_equal(found, [[1, 0], [0, 0]])
    for mask in (np.ones((2, 3)), np.ones((1, 1, 3)), np.ones((4,))):
        with pytest.raises(ShapeError, match="mask"):
            softmax(np.ones((1, 3)), mask=mask)


def test_the_weights_of_a_function_are_attributes():
    def call_fn(params, state, inputs):
        return inputs @ params[0], state | {"n": state["n"] + 1}

    layer = layers.JaxLayer(
        call_fn, params=[np.eye(3, dtype="float32")], state={"n": 0.0, "kind": "word", "none": None}
    )
    layer(X)
    assert layer.params[0].shape == (3, 3)
    assert (float(layer.state["n"]), layer.state["kind"], layer.state["none"]) == (1.0, "word", None)


def test_layers_without_weights_are_built():
    assert layers.Softmax().built
    assert layers.UnitNormalization().built
    assert not layers.Pipeline([layers.Rescaling(1.0)]).supports_masking
    assert layers.InputLayer((3,)).call() is None
