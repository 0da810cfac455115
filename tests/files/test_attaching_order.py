"""Layers and variables of a model come in the order in which they were attached, as in Keras, also those in lists."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier

NAMES = st.sampled_from(["blocks", "kind", "stages", "ups", "zoo"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "append", "extend", "insert", "dict", "nested", "layer", "new list", "variable", "old"]
        ),
        NAMES,
    ),
    min_size=3,
    max_size=12,
)


def attach(k, owner, steps):
    """Attach layers (and variables) of equal shapes to `owner` by these steps, in a program's way."""
    old = [dense(k, f"old{i}") for i in range(3)]
    owner.stages, owner.ups = [], []  # two lists that grow in turn
    for i, (step, name) in enumerate(steps):
        if step == "layer":
            setattr(owner, f"{name}_{i}", dense(k, f"n{i}"))
        elif step == "variable":
            setattr(owner, f"{name}_{i}", k.Variable(np.full(2, i, "float32"), name=f"v{i}"))
        elif step == "new list":
            setattr(owner, f"{name}_{i}", [dense(k, f"n{i}"), (dense(k, f"m{i}"),)])
        elif step == "dict":
            owner.table = {} if not hasattr(owner, "table") else owner.table
            owner.table[f"k{i}"] = dense(k, f"n{i}")
        elif step == "nested":
            owner.paths = {"down": [], "up": []} if not hasattr(owner, "paths") else owner.paths
            owner.paths["down"].append(dense(k, f"n{i}"))
            owner.paths["up"].append(dense(k, f"m{i}"))
        elif step == "old":
            setattr(owner, f"before{i}", dense(k, f"before{i}"))
            owner.stages += [old.pop() for _ in old[:2]]
            setattr(owner, f"after{i}", dense(k, f"after{i}"))
        else:
            held = owner.ups if name == "ups" else owner.stages
            new = [dense(k, f"n{i}"), dense(k, f"m{i}")]
            held.append(new[0]) if step == "append" else held.extend(new) if step == "extend" else held.insert(
                0, new[0]
            )


def dense(k, name):
    layer = k.layers.Dense(2, name=name, use_bias=False)
    layer.build((None, 2))
    return layer


def made(k, steps):
    class Net(k.Model):
        def __init__(self):
            super().__init__()
            attach(k, self, steps)

        def build(self, input_shape):
            self.built = True

        def call(self, x):
            return x * 1.0

    class Part(k.layers.Layer):
        def __init__(self):
            super().__init__()
            attach(k, self, steps)

        def build(self, input_shape):
            self.built = True

        def call(self, x):
            return x * 1.0

    model = Net()
    model.part = Part()
    model.build((1, 2))
    model.part.build((1, 2))
    for count, weight in enumerate(model.weights):
        weight.assign(np.full(weight.shape, count))
    return model


def names_in(owner):
    """The names of the layers directly inside, but for counted ones."""
    return [layer.name.split("_")[0] for layer in owner._flatten_layers(include_self=False, recursive=False)]


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_layers_and_weights_come_in_the_order_of_keras(steps):
    ours, theirs = made(ranvier, steps), made(keras, steps)
    for one, two in ((ours, theirs), (ours.part, theirs.part)):
        assert names_in(one) == names_in(two)
        assert [w.name for w in one.weights] == [w.name for w in two.weights]
    for again in (copy.deepcopy(ours.part), copy.copy(ours.part)):
        assert names_in(again) == names_in(theirs.part)


@pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier)], ids=["here", "there"])
@settings(max_examples=8, deadline=None)
@given(steps=STEPS)
def test_files_of_equal_shapes_land_on_the_right_layers(writer, reader, steps, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "w.weights.h5"
    model, again = made(writer, steps), made(reader, steps)
    for weight in again.weights:
        weight.assign(np.full(weight.shape, -1.0))
    model.save_weights(path)
    again.load_weights(path)
    for one, two in ((model, again), (model.part, again.part)):
        inside = {layer.name: layer for layer in one._flatten_layers(False, False)}
        for layer in two._flatten_layers(False, False):
            if layer is not again.part:
                np.testing.assert_array_equal(layer.get_weights(), inside[layer.name].get_weights())
