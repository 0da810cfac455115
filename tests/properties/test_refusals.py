"""What bad input gets: errors that name the layer, what came and what is possible; and numbers that stay finite."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, DataError, RanvierError, ShapeError

TEXT = np.array([["a", "b"]])
NUMERIC: list[tuple[str, dict[str, Any]]] = [
    ("Activation", {"activation": "relu"}),
    ("BatchNormalization", {}),
    ("CategoryEncoding", {"num_tokens": 3}),
    ("Dense", {"units": 2}),
    ("Discretization", {"bin_boundaries": [0.0]}),
    ("Embedding", {"input_dim": 3, "output_dim": 2}),
    ("IntegerLookup", {"vocabulary": [1, 2]}),
    ("Normalization", {}),
    ("ReLU", {}),
    ("Rescaling", {"scale": 2.0}),
    ("Resizing", {"height": 2, "width": 2}),
]


@pytest.mark.parametrize(("name", "arguments"), NUMERIC)
def test_text_in_numeric_layers_is_named(name: str, arguments: dict[str, Any]):
    with pytest.raises(DataError, match=r"'it'.*<U1.*\(1, 2\).*StringLookup"):
        getattr(layers, name)(**arguments, name="it")(TEXT)


def test_text_among_several_inputs_and_in_symbols_is_named():
    with pytest.raises(DataError, match=r"'it'.*<U1"):
        layers.Add(name="it")([np.ones((1, 2)), TEXT])
    with pytest.raises(DataError, match=r"'it'.*string"):
        layers.Dense(2, name="it")(layers.Input((2,), dtype="string"))


def test_errors_of_text_layers_stay_their_own():
    found = layers.StringLookup(vocabulary=["a", "b"])(TEXT)
    np.testing.assert_array_equal(found, [[1, 2]])
    with pytest.raises(RanvierError, match="must hold strings"):
        layers.TextVectorization(vocabulary=["a"])(np.ones((1, 2)))


@pytest.mark.parametrize("bad", [5, -2])
@pytest.mark.parametrize(
    "use",
    [
        lambda m, x, y: m.fit(x, y, verbose=0),
        lambda m, x, y: m.evaluate(x, y, verbose=0),
        lambda m, x, y: m.predict(x, verbose=0),
        lambda m, x, y: m.train_on_batch(x, y),
        lambda m, x, y: m.test_on_batch(x, y),
        lambda m, x, y: m.predict_on_batch(x),
        lambda m, x, y: m(x),
    ],
    ids=["fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch", "call"],
)
def test_integers_without_a_vector_are_found_wherever_data_comes_in(use: Any, bad: int):
    words = layers.Embedding(5, 3, name="words")
    model = ranvier.Sequential([layers.Input((2,), dtype="int32"), words, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "int32")
    x[3, 1] = bad
    with pytest.raises(DataError, match=rf"'words'.*from 0 to 4.*\[3, 1\] = {bad}"):
        use(model, x, np.ones((4, 1)))


LAYOUTS: list[tuple[str, dict[str, Any]]] = [
    ("Conv1D", {"filters": 1, "kernel_size": 1}), ("Conv2D", {"filters": 1, "kernel_size": 1}),
    ("Conv3DTranspose", {"filters": 1, "kernel_size": 1}), ("ConvLSTM2D", {"filters": 1, "kernel_size": 1}),
    ("DepthwiseConv2D", {"kernel_size": 1}), ("SeparableConv1D", {"filters": 1, "kernel_size": 1}),
    ("MaxPooling2D", {}), ("AveragePooling1D", {"pool_size": 1}), ("GlobalMaxPooling3D", {}),
    ("AdaptiveAveragePooling2D", {"output_size": 1}), ("ZeroPadding2D", {}), ("Cropping3D", {}), ("UpSampling2D", {}),
    ("Flatten", {}), ("SpatialDropout3D", {"rate": 0.5}), ("Resizing", {"height": 1, "width": 1}), ("RandomFlip", {}),
    ("CutMix", {}), ("STFTSpectrogram", {}),
]  # fmt: skip


@pytest.mark.parametrize("layout", ["NHWC", "channel_last", 1])
@pytest.mark.parametrize(("name", "arguments"), LAYOUTS)
def test_unknown_layouts_are_refused(name: str, arguments: dict[str, Any], layout: Any):
    with pytest.raises(ArgumentError, match="data_format must be 'channels_last' or 'channels_first'"):
        getattr(layers, name)(**arguments, data_format=layout)


TOO_LARGE: list[tuple[str, dict[str, Any], tuple[int, ...], str]] = [
    ("Conv2D", {"filters": 1, "kernel_size": 5}, (1, 4, 4, 2), r"\(5, 5\).*\(4, 4\)"),
    ("DepthwiseConv2D", {"kernel_size": 5}, (1, 4, 4, 2), r"\(5, 5\).*\(4, 4\)"),
    ("SeparableConv1D", {"filters": 1, "kernel_size": 3, "dilation_rate": 2}, (1, 4, 2), r"\(5,\).*\(4,\)"),
    ("AveragePooling3D", {"pool_size": 5}, (1, 4, 4, 4, 2), r"\(5, 5, 5\).*\(4, 4, 4\)"),
    ("Cropping2D", {"cropping": 2}, (1, 4, 4, 2), r"\(2, 2\).*4"),
    ("Reshape", {"target_shape": (5,)}, (1, 4), r"\(4,\).*\(5,\)"),
    ("STFTSpectrogram", {"frame_length": 64}, (1, 20, 1), r"64.*\(1, 20, 1\)"),
]


@pytest.mark.parametrize(("name", "arguments", "shape", "words"), TOO_LARGE)
def test_impossible_sizes_are_named_with_the_layer_and_the_shapes(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...], words: str
):
    with pytest.raises(ShapeError, match=f"'it'.*{words}"):
        getattr(layers, name)(**arguments, name="it")(np.ones(shape, "float32"))


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_silence_has_a_finite_slope(exponent: float):
    layer = layers.MelSpectrogram(16, sequence_stride=8, num_mel_bins=3, sampling_rate=100, min_freq=1.0,
                                  mag_exp=exponent)  # fmt: skip
    slope = jax.jit(jax.grad(lambda x: layer(x).sum()))(jnp.zeros(24).at[20].set(1.0))
    assert np.isfinite(slope).all()
