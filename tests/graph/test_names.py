"""What layers compute is there under its name: one node for what a reader would draw as one box."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import ranvier
from ranvier import layers, ops
from ranvier.graph import capture

from ..catalogue import CASES, Case
from .test_capture import FIXED_BATCH, _spec

LAYERS = list(dict.fromkeys(case.layer for case in CASES))

# Layers that still leave elementary operations in their graphs. Whoever names what one of them computes takes it off.
UNNAMED = {
    "AugMix", "AutoContrast", "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization", "CutMix",
    "Equalization", "RandAugment",
    "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization",
    "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
    "STFTSpectrogram", "Solarization",
}  # fmt: skip


def _graphs(case: Case) -> Any:
    layer, x = case.make(layers), case.inputs()
    layer(x)
    example = jax.tree.map(_spec, x) if str(case) in FIXED_BATCH else x
    for training in (False, True) if case.random or case.trains_differently else (False,):
        yield capture(layer, example, training=training)


@pytest.mark.parametrize("name", LAYERS)
def test_operations_of_layers_have_names(name: str):
    unnamed = {
        node.op
        for case in CASES
        if case.layer == name
        for graph in _graphs(case)
        for node in graph.walk()
        if not node.named
    }
    assert bool(unnamed) == (name in UNNAMED), sorted(unnamed)


BOXES: dict[str, tuple[Any, tuple[int, ...], list[str]]] = {
    "dense": (lambda: layers.Dense(4, activation="relu"), (3,), ["dense", "relu"]),
    "convolution": (lambda: layers.Conv2D(4, 3, activation="relu"), (8, 8, 3), ["conv", "relu"]),
    "causal": (lambda: layers.Conv1D(4, 3, padding="causal"), (8, 3), ["conv"]),
    "separable": (lambda: layers.SeparableConv2D(4, 3), (8, 8, 3), ["separable_conv"]),
    "transposed": (lambda: layers.Conv2DTranspose(4, 3), (8, 8, 3), ["conv_transpose"]),
    "pooling": (lambda: layers.MaxPooling2D(), (8, 8, 3), ["max_pool"]),
    "global": (lambda: layers.GlobalAveragePooling2D(), (8, 8, 3), ["global_average_pool"]),
    "batch": (lambda: layers.BatchNormalization(), (8, 3), ["batch_normalization"]),
    "layer": (lambda: layers.LayerNormalization(), (8, 3), ["layer_normalization"]),
    "group": (lambda: layers.GroupNormalization(3), (8, 3), ["group_normalization"]),
    "flat": (lambda: layers.Flatten(), (8, 3), ["flatten"]),
    "permuted": (lambda: layers.Permute((2, 1)), (8, 3), ["transpose"]),
    "padded": (lambda: layers.ZeroPadding2D(), (8, 8, 3), ["zero_pad"]),
    "cropped": (lambda: layers.Cropping2D(1), (8, 8, 3), ["crop"]),
    "larger": (lambda: layers.UpSampling2D(interpolation="bilinear"), (8, 8, 3), ["upsample"]),
    "softmax": (lambda: layers.Softmax(), (8,), ["softmax"]),
    "lstm": (lambda: layers.LSTM(4), (6, 3), ["zeros", "zeros", "time_major", "dense", "lstm"]),
    "gru": (lambda: layers.GRU(4), (6, 3), ["zeros", "time_major", "row", "dense", "row", "gru"]),
    "looked up": (lambda: layers.Embedding(10, 4), (8,), ["embedding"]),
}


@pytest.mark.parametrize("name", BOXES)
def test_one_box_is_one_node(name: str):
    make, shape, wanted = BOXES[name]
    graph = capture(ranvier.Sequential([ranvier.Input(shape), make()]))
    assert [node.op for node in graph.nodes] == wanted


def test_a_bias_belongs_to_its_convolution():
    graph = capture(ranvier.Sequential([ranvier.Input((8, 8, 3)), layers.Conv2D(4, 3, strides=2, padding="same")]))
    (node,) = graph.nodes
    assert [value.name.rsplit("/", 1)[-1] for value in node.inputs[1:]] == ["kernel", "bias"]
    assert node.attributes["strides"] == (2, 2)
    assert node.attributes["padding"] == "same"


def test_dropout_is_one_operation_of_inputs_and_seed():
    model = ranvier.Sequential([ranvier.Input((4,)), layers.Dropout(0.5, seed=1)])
    assert not capture(model).nodes
    graph = capture(model, training=True)
    assert [node.op for node in graph.nodes] == ["add", "dropout"], "the seed moves on"
    assert graph.nodes[-1].attributes["rate"] == 0.5
    assert len(graph.nodes[-1].inputs) == 2


OPERATORS: dict[str, tuple[Any, list[str]]] = {
    "residual": (lambda x: x + ops.tanh(x), ["tanh", "add"]),
    "scaled": (lambda x: x * 2 - 1, ["multiply", "subtract"]),
    "row": (lambda x: x + np.arange(3, dtype="float32"), ["add"]),
    "product": (lambda x: x @ np.ones((3, 2), "float32"), ["matmul"]),
    "compared": (lambda x: (x > 0).astype("float32"), ["greater", "cast"]),
    "quotient": (lambda x: -x / 3, ["negative", "divide"]),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_the_operations_that_they_mean(name: str):
    function, wanted = OPERATORS[name]
    graph = capture(function, ranvier.Input((3,)))
    assert [node.op for node in graph.nodes] == wanted
    assert all(node.named for node in graph.nodes)
    x = np.linspace(-2, 2, 12, dtype="float32").reshape(4, 3)
    np.testing.assert_allclose(graph.run(x), function(jax.numpy.asarray(x)), rtol=1e-6)


def test_names_are_the_same_where_kernels_compute(monkeypatch: pytest.MonkeyPatch):
    from ranvier.layers import batch_normalization, dense

    model = ranvier.Sequential(
        [
            ranvier.Input((8, 8, 3)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
        ]
    )
    usual = str(capture(model, training=True))

    def unasked(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a graph does not depend on kernels")

    monkeypatch.setattr(batch_normalization, "batch_kernels_apply", unasked)
    monkeypatch.setattr(dense, "affine_rows", unasked)
    assert str(capture(model, training=True)) == usual
