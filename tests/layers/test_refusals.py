"""What layers refuse, with messages that name the layer, the argument and what came."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from ranvier import layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, RanvierError, SerializationError, ShapeError

from ..catalogue import CASES

CONSTRUCTORS = [
    ("Dense", {"units": 2, "trainable": "yes"}, ["trainable", "yes"]),
    ("Dropout", {"rate": 0.5, "noise_shape": (1.5, 2)}, ["noise_shape", "1.5"]),
    ("AlphaDropout", {"rate": 0.5, "noise_shape": "ab"}, ["noise_shape", "ab"]),
    ("Wrapper", {"layer": "no"}, ["Layer", "no"]),
    ("Dense", {"units": 0}, ["units", "0"]),
    ("Dense", {"units": -3}, ["units", "-3"]),
    ("Dense", {"units": 2.5}, ["units", "2.5"]),
    ("Dense", {"units": True}, ["units", "True"]),
    ("Dense", {"units": 2, "lora_rank": 0}, ["lora_rank", "0"]),
    ("Dense", {"units": 2, "activation": "rleu"}, ["rleu", "relu"]),
    ("Dense", {"units": 2, "kernel_initializer": "glorot_unifrom"}, ["glorot_unifrom", "glorot_uniform"]),
    ("Dense", {"units": 2, "unit": 3}, ["unit"]),
    ("Embedding", {"input_dim": 0, "output_dim": 2}, ["input_dim"]),
    ("Embedding", {"input_dim": 3, "output_dim": 1.5}, ["output_dim", "1.5"]),
    ("Dropout", {"rate": 1.5}, ["rate", "1.5"]),
    ("Dropout", {"rate": -0.1}, ["rate", "-0.1"]),
    ("Dropout", {"rate": "half"}, ["rate", "half"]),
    ("Dropout", {"rate": float("nan")}, ["rate", "nan"]),
    ("Dropout", {"rate": 0.5, "seed": -1}, ["seed", "-1"]),
    ("GaussianDropout", {"rate": 1.0}, ["rate", "1.0"]),
    ("GaussianNoise", {"stddev": -1.0}, ["stddev", "-1.0"]),
    ("SpatialDropout2D", {"rate": 0.5, "data_format": "channel_last"}, ["data_format", "channel_last"]),
    ("ActivityRegularization", {"l1": -1.0}, ["l1", "-1.0"]),
    ("ReLU", {"negative_slope": -1.0}, ["negative_slope", "-1.0"]),
    ("LeakyReLU", {"negative_slope": None}, ["negative_slope", "None"]),
    ("Conv2D", {"filters": 0, "kernel_size": 3}, ["filters", "0"]),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "groups": 2}, ["filters", "groups"]),
    ("Conv2D", {"filters": 2, "kernel_size": (3, 3, 3)}, ["kernel_size", "(3, 3, 3)"]),
    ("Conv2D", {"filters": 2, "kernel_size": 0}, ["kernel_size", "0"]),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 0}, ["strides", "0"]),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "smae"}, ["padding", "smae"]),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "causal"}, ["padding", "causal"]),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 2, "dilation_rate": 2}, ["strides", "dilation_rate"]),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 2}, ["output_padding", "2"]),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 0}, ["depth_multiplier", "0"]),
    ("MaxPooling2D", {"pool_size": 0}, ["pool_size", "0"]),
    ("MaxPooling2D", {"pool_size": 2, "padding": "full"}, ["padding", "full"]),
    ("ZeroPadding2D", {"padding": (1, 2, 3)}, ["padding", "(1, 2, 3)"]),
    ("ZeroPadding2D", {"padding": -1}, ["padding", "-1"]),
    ("Cropping2D", {"cropping": 1.5}, ["cropping", "1.5"]),
    ("UpSampling2D", {"interpolation": "cubic"}, ["interpolation", "cubic"]),
    ("Reshape", {"target_shape": (-1, -1)}, ["target_shape", "-1"]),
    ("Reshape", {"target_shape": (2.5,)}, ["target_shape", "2.5"]),
    ("Permute", {"dims": (1, 3)}, ["dims", "(1, 3)"]),
    ("RepeatVector", {"n": 0}, ["n", "0"]),
    ("BatchNormalization", {"axis": [1, 2]}, ["axis", "[1, 2]"]),
    ("BatchNormalization", {"momentum": 1.5}, ["momentum", "1.5"]),
    ("BatchNormalization", {"epsilon": -1.0}, ["epsilon", "-1.0"]),
    ("BatchNormalization", {"renorm": True, "renorm_clipping": {"max": 1}}, ["renorm_clipping", "max"]),
    ("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmin": 2, "rmax": 1}}, ["rmin", "rmax"]),
    ("LayerNormalization", {"axis": "last"}, ["axis", "last"]),
    ("LayerNormalization", {"epsilon": -1.0}, ["epsilon", "-1.0"]),
    ("GroupNormalization", {"groups": 0}, ["groups", "0"]),
    ("Softmax", {"axis": "last"}, ["axis", "last"]),
    ("Concatenate", {"axis": "last"}, ["axis", "last"]),
    ("Dot", {"axes": (1, 2, 3)}, ["axes", "(1, 2, 3)"]),
    ("Lambda", {"function": "x + 1"}, ["function", "x + 1"]),
    ("TimeDistributed", {"layer": "dense"}, ["layer", "dense"]),
]

CALLS = [
    ("Dense", {"units": 2}, (3,), ["2 axes", "(3,)"]),
    ("Conv2D", {"filters": 2, "kernel_size": 3}, (2, 5, 5), ["4 axes", "(2, 5, 5)"]),
    ("Conv2D", {"filters": 2, "kernel_size": 7}, (2, 5, 5, 1), ["it", "7"]),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "groups": 2}, (2, 5, 5, 3), ["groups", "3 channels"]),
    ("MaxPooling2D", {"pool_size": 2}, (2, 5, 5), ["4 axes", "(2, 5, 5)"]),
    ("MaxPooling2D", {"pool_size": 6}, (2, 5, 5, 1), ["it", "6"]),
    ("Cropping1D", {"cropping": 3}, (2, 5, 1), ["(3, 3)", "5"]),
    ("Reshape", {"target_shape": (4,)}, (2, 3), ["target_shape", "(3,)"]),
    ("Permute", {"dims": (2, 1)}, (2, 3), ["3 axes", "(2, 3)"]),
    ("BatchNormalization", {"axis": 4}, (2, 3), ["axis=4", "(2, 3)"]),
    ("LayerNormalization", {"axis": 4}, (2, 3), ["axis=4", "(2, 3)"]),
    ("UnitNormalization", {"axis": 4}, (2, 3), ["axis=4", "(2, 3)"]),
    ("GroupNormalization", {"groups": 2}, (2, 3), ["groups=2", "3"]),
    ("Softmax", {"axis": 4}, (2, 3), ["axis=4", "(2, 3)"]),
    ("PReLU", {"shared_axes": [4]}, (2, 3), ["shared_axes", "(2, 3)"]),
    ("Dropout", {"rate": 0.5, "noise_shape": (2, 1, 1)}, (2, 3), ["noise_shape", "(2, 3)"]),
    ("Dropout", {"rate": 0.5, "noise_shape": (2, 2)}, (2, 3), ["noise_shape", "(2, 3)"]),
    ("TimeDistributed", {"layer": layers.Identity()}, (2, 3), ["3 axes", "(2, 3)"]),
    ("Add", {}, (2, 3), ["list", "(2, 3)"]),
    ("Add", {}, [(2, 3), (2, 4)], ["(2, 3)", "(2, 4)"]),
    ("Add", {}, [(2, 3), (3, 3)], ["batch", "(3, 3)"]),
    ("Subtract", {}, [(2, 3), (2, 3), (2, 3)], ["2", "3"]),
    ("Concatenate", {"axis": 1}, [(2, 3, 4), (2, 3, 5)], ["(2, 3, 4)", "(2, 3, 5)"]),
    ("Concatenate", {}, [(2, 3), (2, 3, 4)], ["ranks", "(2, 3, 4)"]),
    ("Concatenate", {"axis": 3}, [(2, 3), (2, 3)], ["axis=3", "(2, 3)"]),
    ("Dot", {"axes": 1}, [(2, 3), (2, 4)], ["(2, 3)", "(2, 4)"]),
    ("Dot", {"axes": 3}, [(2, 3), (2, 3)], ["axes", "(2, 3)"]),
]


@pytest.mark.parametrize(("layer", "arguments", "words"), CONSTRUCTORS, ids=lambda v: str(v).replace(" ", ""))
def test_constructors_refuse(layer, arguments, words):
    with pytest.raises((ArgumentError, ArgumentTypeError)) as refusal:
        getattr(layers, layer)(**arguments)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(("layer", "arguments", "shape", "words"), CALLS, ids=lambda v: str(v).replace(" ", ""))
def test_calls_refuse_symbolic_and_real_inputs_alike(layer, arguments, shape, words):
    shapes = shape if isinstance(shape, list) else [shape]
    options = {"training": True} if layer == "Dropout" else {}
    real = [np.ones(s, "float32") for s in shapes]
    symbolic = [layers.Input(batch_shape=s) for s in shapes]
    for inputs in (real, symbolic):
        it = getattr(layers, layer)(**arguments, name="it")
        with pytest.raises(ShapeError) as refusal:
            it(inputs if isinstance(shape, list) else inputs[0], **options)
        assert "it" in str(refusal.value)
        for word in words:
            assert word in str(refusal.value)


def test_unknown_sizes_that_weights_need_are_refused():
    with pytest.raises(ShapeError, match="must be known"):
        layers.Dense(2)(layers.Input((None,)))
    with pytest.raises(ShapeError, match="channels"):
        layers.Conv2D(2, 3)(layers.Input((8, 8, None)))


def test_lambda_never_travels_through_a_file():
    written = layers.serialize(layers.Lambda(lambda x: x + 1, name="code"))
    assert written["config"]["function"]["config"] == "<lambda>"
    with pytest.raises(SerializationError, match=r"Lambda layer 'code'.*custom_objects=\{'code'"):
        layers.deserialize(written)
    config = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    for function in (code, "os.system", {"module": "os", "class_name": "function", "config": "system"}):
        with pytest.raises(RanvierError):
            layers.deserialize(config | {"config": {"name": "lambda", "function": function}})


def _wider(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array, array[..., :1]], -1)


def _one_axis_less(array: np.ndarray) -> np.ndarray:
    return array[:, 0]


@pytest.mark.parametrize("other", [_wider, _one_axis_less])
@pytest.mark.parametrize("case", [c for c in CASES if not c.integers_below and len(c.shapes[0]) > 1], ids=str)
def test_a_built_layer_takes_other_shapes_or_says_what_it_was_built_for(case, other):
    layer, first = case.make(layers, name="it"), case.inputs()
    layer(first)
    before = [weight.shape for weight in layer.weights]
    with contextlib.suppress(ShapeError):
        layer([other(a) for a in first] if isinstance(first, list) else other(first))
    assert [weight.shape for weight in layer.weights] == before
