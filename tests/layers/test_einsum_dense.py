"""`EinsumDense` beyond the laws: shapes, the spread of its weights, refusals."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ranvier import layers
from ranvier.core.errors import ArgumentError, ShapeError

SPREADS = [
    ("abc,cde->abde", (None, 20, 30), (None, 5, 40)),
    ("abcd,cde->abe", (None, 50), (None, 5, 20, 30)),
    ("abc,bcd->abd", (50, 70), (None, 50, 30)),
    ("...x,xy->...y", 70, (None, 5, 40)),
    ("ab...,bc->ac...", (70, None), (None, 40, 6)),
    ("abc,bcd->ad", 90, (None, 50, 30)),
    ("ab,b->ab", 400, (None, 400)),
]


@pytest.mark.parametrize(("equation", "output_shape", "shape"), SPREADS)
@pytest.mark.parametrize("initializer", ["glorot_uniform", "lecun_uniform"])
def test_weights_are_drawn_as_wide_as_those_of_keras(equation, output_shape, shape, initializer):
    widths = []
    for module in (layers, keras.layers):
        layer = module.EinsumDense(equation, output_shape, kernel_initializer=initializer)
        layer.build(shape)
        widths.append(np.abs(np.asarray(layer.kernel)).max())
    np.testing.assert_allclose(*widths, rtol=0.03)
    assert layers.deserialize(layers.serialize(layers.EinsumDense(equation, output_shape))).equation == equation


@pytest.mark.parametrize("bias_axes", ["d", "e", "de", None])
def test_biases_have_the_axes_asked_for(bias_axes):
    shapes = []
    for module in (layers, keras.layers):
        layer = module.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes=bias_axes)
        layer.build((None, 5, 3))
        shapes.append([tuple(v.shape) for v in layer.weights])
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape", "words"),
    [
        ("ab bc->ac", 4, None, (2, 3), "equation"),
        ("...ab...,bc->ac", 4, None, (2, 3), "equation"),
        ("ab,bc->cd", 4, None, (2, 3), "'d'"),
        ("ab,cd->ad", 4, None, (2, 3), "'c'"),
        ("ab,bc->ac", 4, "z", (2, 3), "bias_axes"),
        ("ab,bc->ac", 4, None, (2, 3, 4), "2 axes"),
        ("ab,bc->ac", (4, 5), None, (2, 3), "output_shape"),
        ("abc,cd->abd", (7, 4), None, (2, 5, 3), "'b'"),
        ("abc,cde->abde", (None, None, 4), None, (2, 5, 3), "kernel"),
        ("abc,bd->adc", (4, 3), None, (2, None, 3), "kernel"),
    ],
)
def test_refusals(equation, output_shape, bias_axes, shape, words):
    layer = layers.EinsumDense(equation, output_shape, bias_axes=bias_axes)
    with pytest.raises((ArgumentError, ShapeError), match=words):
        layer.build(shape)
