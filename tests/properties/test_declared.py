"""What a layer declares of its results is what a model is built on, and equals what it computes where it can be run."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import ranvier
from ranvier import layers
from tests.cases.case import Case
from tests.catalogue import CASES

NUMBERS = [case for case in CASES if not case.random]


def declaring(layer: Any, how: str) -> Any:
    """A layer that does what `layer` does, runs only on numbers, and declares its results in one of two ways."""

    class Declaring(layers.Layer):
        supports_masking = True

        def call(self, inputs):
            if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(inputs)):
                raise RuntimeError("needs numbers")
            return layer(inputs)

    def compute_output_shape(self, input_shape):
        return layer.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs):
        return layer.compute_output_spec(inputs)

    method = compute_output_shape if how == "shape" else compute_output_spec
    return type("Declaring", (Declaring,), {method.__name__: method})()


def symbols(case: Case) -> Any:
    """Inputs of the case's shapes, the batch unknown."""
    return jax.tree.map(lambda a: ranvier.Input(a.shape[1:], dtype=a.dtype.name), case.inputs())


@pytest.mark.parametrize("how", ["shape", "spec"])
@pytest.mark.parametrize("case", NUMBERS[::3], ids=str)
def test_declared_results_are_those_of_the_layer(case: Case, how: str):
    layer = case.make(layers)
    if hasattr(layer, "adapt") and not {"mean", "bin_boundaries"} & set(case.arguments):
        layer.adapt(case.inputs())
    inputs = symbols(case)
    promised = jax.tree.leaves(layer(inputs))
    model = ranvier.Model(inputs, declaring(layer, how)(inputs))
    for a, b in zip(jax.tree.leaves(model.output), promised, strict=True):
        assert a.shape == b.shape
        assert how == "shape" or a.dtype == b.dtype
    computed = jax.tree.leaves(model(case.inputs()))
    for a, b in zip(computed, promised, strict=True):
        assert len(a.shape) == len(b.shape)
        assert all(n in (m, None) for m, n in zip(a.shape, b.shape, strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_symbolic_call_leaves_no_tracer_and_declares_what_is_computed(case: Case):
    layer = case.make(layers)
    if hasattr(layer, "adapt") and not {"mean", "bin_boundaries"} & set(case.arguments):
        layer.adapt(case.inputs())
    layer.activity_regularizer = ranvier.regularizers.L2(0.1)
    outputs = jax.tree.leaves(layer(symbols(case)))
    assert not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(list(map(_held, layer._flatten_layers()))))
    assert len(layer._losses) == 0
    for a, b in zip(jax.tree.leaves(layer(case.inputs())), outputs, strict=True):
        assert all(n in (m, None) for m, n in zip(a.shape, b.shape, strict=True))
        assert np.dtype(a.dtype) == np.dtype(b.dtype)
        assert (getattr(a, "_keras_mask", None) is None) == (b._keras_mask is None)


def _held(layer: Any) -> list[Any]:
    variables = [v.stored_value() for v in [*layer._own_variables(), *layer._unsaved_variables()]]
    return [
        *variables,
        *(v for v in vars(layer).values() if isinstance(v, jax.Array)),
        *(loss for _, loss in layer._losses),
    ]


def test_nested_structures_and_own_arguments():
    class Opaque(layers.Layer):
        def call(self, a, b):
            raise RuntimeError("needs numbers")

        def compute_output_shape(self, a_shape, b_shape):
            return {"a": [(a_shape[0], 9), (None,)], "b": (b_shape, ())}

    found = Opaque()(ranvier.Input((3,)), b=ranvier.Input((2, 2)))
    assert [t.shape for t in found["a"]] == [(None, 9), (None,)]
    assert [t.shape for t in found["b"]] == [(None, 2, 2), ()]


def test_a_declaration_may_ask_its_base_class_and_has_masks():
    class Halved(layers.Layer):
        def call(self, x):
            return x[:, ::2]

        def compute_output_shape(self, input_shape):
            return super().compute_output_shape(input_shape)

        def compute_mask(self, inputs, mask=None):
            return None if mask is None else mask[:, ::2]

    tokens = ranvier.Input((6,), dtype="int32")
    halved = Halved()(layers.Embedding(5, 3, mask_zero=True)(tokens))
    assert halved.shape == (None, 3, 3)
    assert halved._keras_mask.shape == (None, 3)
    found = ranvier.Model(tokens, halved)(np.array([[1, 0, 2, 3, 0, 0]]))
    np.testing.assert_array_equal(found._keras_mask, [[True, True, False]])


@pytest.mark.parametrize("around", ["functional", "subclass", "layer", "time"])
def test_what_is_declared_holds_inside_of_models_too(around):
    class Opaque(layers.Layer):
        def call(self, x):
            raise RuntimeError("needs numbers")

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 9)

    class Around(ranvier.Model if around == "subclass" else layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner, self.dense = Opaque(), layers.Dense(2)

        def call(self, x):
            return self.dense(self.inner(x))

    inputs = ranvier.Input((None, 3))
    if around == "functional":
        model = ranvier.Model(inputs, layers.Dense(2)(Opaque()(inputs)))
    else:
        model = layers.TimeDistributed(Opaque()) if around == "time" else Around()
    outer = ranvier.Input((None, 3))
    found = model(outer)
    assert found.shape == (None, None, 9 if around == "time" else 2)
    assert [tuple(w.shape) for w in ranvier.Model(outer, found).weights] == ([] if around == "time" else [(9, 2), (2,)])


def test_layers_inside_a_declaring_layer_are_built_with_it():
    class Around(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, x):
            return self.inner(x)

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2)

    model = ranvier.Sequential([ranvier.Input((3,)), Around()])
    assert len(model.trainable_variables) == 2
