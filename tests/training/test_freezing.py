"""What trains: a weight does if it, its layer and every layer around that do, however and whenever that was said."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, RanvierWarning

# How a layer or a block is frozen: not at all, by its argument, before its weights exist, or after.
WAYS = st.sampled_from(["", "", "argument", "before", "after"])
SINGLE = st.tuples(st.sampled_from(["dense", "norm", "scale"]), WAYS)
BLOCKS = st.recursive(
    SINGLE,
    lambda inner: st.tuples(
        st.sampled_from(["chain", "graph", "subclass"]), WAYS, st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@ranvier.saving.register_keras_serializable("freezing")
class Scale(layers.Layer):
    """Makes a weight and holds a layer in a dict."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inside = {"parts": [layers.Dense(3)]}

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones")
        self.inside["parts"][0].build(shape)

    def call(self, x):
        return self.inside["parts"][0](x) * self.factor


@ranvier.saving.register_keras_serializable("freezing")
class Block(ranvier.Model):
    """A subclass whose parts are an argument."""

    def __init__(self, parts=(), **kwargs):
        super().__init__(**kwargs)
        self.parts = [ranvier.layers.deserialize(p) if isinstance(p, dict) else p for p in parts]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def get_config(self):
        return {**super().get_config(), "parts": [ranvier.layers.serialize(p) for p in self.parts]}


def made(what, later):
    """A block as described; `later` gets what is to be frozen after all is built."""
    kind, way, *inner = what
    given = {"trainable": False} if way == "argument" else {}
    if kind in ("dense", "norm", "scale"):
        block = {"dense": lambda **kw: layers.Dense(3, **kw), "norm": layers.BatchNormalization, "scale": Scale}[kind](
            **given
        )
    else:
        parts = [made(one, later) for one in inner[0]]
        if kind == "chain":
            block = ranvier.Sequential(parts, **given)
        elif kind == "subclass":
            block = Block(parts, **given)
        else:
            inputs = x = ranvier.Input((3,))
            for part in parts:
                x = part(x)
            block = ranvier.Model(inputs, x, **given)
    if way == "before":
        block.trainable = False
    elif way == "after":
        later.append(block)
    return block


def expected(layer, around=True):
    """The weights that train, by the words of the rule."""
    around = around and layer.trainable
    found = [v for v in layer._own_variables() if around and v.trainable]
    for inner in layer._layers_in_order():
        found += expected(inner, around)
    return found


def moved(model, eager=True):
    """The indices of the weights that one step of an optimizer changes, but for moving statistics."""
    statistics = {id(v) for layer in model._flatten_layers() for v in layer._own_variables() if not v.born_trainable}
    before = [np.array(w) for w in model.weights]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 3)).astype("float32")

    def loss(y_true, y_pred):  # no weight is without an effect
        return ranvier.ops.mean((y_true - y_pred) ** 2) + sum(ranvier.ops.mean(v.value**2) for v in model.weights)

    model.compile(ranvier.optimizers.SGD(0.1), loss, run_eagerly=eager)
    model.fit(x, y, verbose=0)
    pairs = zip(before, model.weights, strict=True)
    return {i for i, (a, b) in enumerate(pairs) if id(b) not in statistics and not np.array_equal(a, b)}


def jittered(model):
    """With weights that differ from 0 and from one another."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(BLOCKS, min_size=1, max_size=3))
def test_what_is_frozen_stays_and_the_rest_moves(parts, tmp_path_factory):
    later = []
    model = ranvier.Sequential([ranvier.Input((3,)), *(made(part, later) for part in parts)])
    for block in later:
        block.trainable = False
    jittered(model)
    free = {id(v) for v in expected(model)}
    wanted = {i for i, v in enumerate(model.weights) if id(v) in free}
    assert {id(v) for v in model.trainable_variables} == {id(v) for v in model.trainable_weights} == free
    assert len(model.trainable_weights) + len(model.non_trainable_weights) == len(model.weights)
    path = tmp_path_factory.mktemp("m") / "m.keras"
    model.save(path)
    again, clone = ranvier.models.load_model(path), jittered(ranvier.models.clone_model(model))
    for other in (model, again, clone):
        assert {i for i, v in enumerate(other.weights) if any(v is w for w in other.trainable_weights)} == wanted
        assert moved(other, eager=other is not model) == wanted


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_the_recipe_of_fine_tuning(package):
    base = package.Sequential([package.Input((3,)), *(package.layers.Dense(3) for _ in range(4))])
    base.trainable = False
    model = package.Sequential([package.Input((3,)), base, package.layers.Dense(1)])
    assert len(model.trainable_weights) == 2
    base.trainable = True
    for layer in base.layers[:-2]:
        layer.trainable = False
    assert len(model.trainable_weights) == 6
    assert [v.trainable for v in base.weights] == [False] * 4 + [True] * 4


def test_what_is_set_trainable_within_what_is_not_does_not_train_and_is_named():
    base = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(3), layers.Dense(3, name="last")])
    model = ranvier.Sequential([ranvier.Input((3,)), base, layers.Dense(1)])
    base.trainable = False
    base.layers[-1].trainable = True
    model.compile("sgd", "mse")
    with pytest.warns(RanvierWarning, match=r"\['last'\] are set trainable, but do not train"):
        model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    assert len(model.trainable_weights) == 2


def changes(call, *models):
    before = [np.array(w) for model in models for w in model.weights]
    call()
    return [not np.array_equal(a, w) for a, w in zip(before, (w for m in models for w in m.weights), strict=True)]


@pytest.mark.parametrize("eager", [False, True])
def test_two_that_play_against_each_other(eager):
    """Frozen and freed in turn, each call trains what is free then; the programs of both situations are kept."""
    maker = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(3)])
    judge = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1, "sigmoid")])
    judge.compile(ranvier.optimizers.Adam(0.1), "binary_crossentropy", run_eagerly=eager)
    judge.trainable = False
    pair = ranvier.Sequential([maker, judge])
    pair.compile(ranvier.optimizers.Adam(0.1), "binary_crossentropy", run_eagerly=eager)
    rng = np.random.default_rng(0)
    known = None
    for _ in range(3):
        x, noise = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
        judge.trainable = True
        assert changes(lambda x=x: judge.train_on_batch(x, np.ones((8, 1))), maker, judge) == [False] * 2 + [True] * 4
        judge.trainable = False
        assert (
            changes(lambda z=noise: pair.train_on_batch(z, np.ones((8, 1))), maker, judge) == [True] * 2 + [False] * 4
        )
        assert known is None or known == (judge._programs, pair._programs)
        known = judge._programs, pair._programs
    with pytest.warns(RanvierWarning, match="Nothing of model .* trains"):
        assert not any(changes(lambda: judge.train_on_batch(np.ones((8, 3)), np.ones((8, 1))), judge))


def test_a_part_is_frozen_after_the_first_steps():
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(3), layers.Dense(1)])
    model.compile(ranvier.optimizers.Adam(0.1), "mse")
    x, y = np.ones((4, 3)), np.zeros((4, 1))
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    assert changes(lambda: model.fit(x, y, verbose=0), model) == [False, False, True, True]
    model.add(layers.Dense(1))
    with pytest.raises(ArgumentError, match=r"Call compile\(\) again"):
        model.fit(x, y, verbose=0)


def test_statistics_of_a_layer_without_weights_stop_when_it_is_frozen():
    """Nothing else tells the program of the one from that of the other."""
    norm = layers.BatchNormalization(center=False, scale=False)
    model = ranvier.Sequential([ranvier.Input((3,)), norm, layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(0).normal(size=(32, 3)) + 5, np.ones((32, 1))
    model.fit(x, y, verbose=0)
    norm.trainable = False
    before = np.array(norm.moving_mean)
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean, before)


@pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier), (ranvier, ranvier)])
def test_older_files_of_nested_models_with_frozen_layers(writer, reader, tmp_path):
    inner = writer.Sequential(
        [writer.Input((3,)), writer.layers.Dense(3, trainable=False), writer.layers.Dense(3), writer.layers.Dense(3)]
    )
    inner.layers[1].trainable = False
    model = writer.Sequential([writer.Input((3,)), inner, writer.layers.Dense(3, trainable=False)])
    for i, variable in enumerate(model.weights):
        variable.assign(np.full(variable.shape, i))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "m.h5")
        again = reader.models.load_model(tmp_path / "m.h5")
    for one, two in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(two))
    assert len(again.trainable_weights) == 2


@pytest.mark.parametrize("way", ["", "argument", "before", "after"])
@pytest.mark.parametrize("eager", [False, True])
def test_statistics_within_what_is_frozen_stand_still(way, eager):
    """A normalisation that does not train infers, whoever around it was frozen, and however."""
    later = []
    block = made(("chain", way, [("graph", "", [("norm", "")])]), later)
    model = ranvier.Sequential([ranvier.Input((3,)), block, layers.Dense(1)])
    for one in later:
        one.trainable = False
    model.compile("sgd", "mse", run_eagerly=eager)
    model.fit(np.random.default_rng(0).normal(size=(16, 3)) + 5, np.ones((16, 1)), verbose=0)
    moving = next(v for v in model.weights if "moving_mean" in v.path)
    assert bool(np.any(np.asarray(moving))) == (way == "")


OPTIMIZERS = [
    lambda k: k.Adam(0.1, gradient_accumulation_steps=2),
    lambda k: k.SGD(0.1, momentum=0.9, use_ema=True, ema_overwrite_frequency=2, global_clipnorm=1.0),
    lambda k: k.LossScaleOptimizer(k.Adam(0.1, gradient_accumulation_steps=2)),
    lambda k: k.MultiOptimizer(k.OptimizerMap(k.Adam(0.1))),
    lambda k: k.Muon(0.1),
    lambda k: optax.adam(0.1),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_every_kind_of_optimizer_goes_on_with_a_part(make):
    model = jittered(ranvier.Sequential([ranvier.Input((3,)), layers.Dense(3), layers.Dense(1)]))
    model.compile(make(ranvier.optimizers), "mse")
    x, y = np.ones((8, 3)), np.zeros((8, 1))
    model.fit(x, y, batch_size=2, verbose=0)
    model.layers[0].trainable = False
    assert changes(lambda: model.fit(x, y, batch_size=2, verbose=0), model) == [False, False, True, True]
    model.layers[0].trainable = True
    assert changes(lambda: model.fit(x, y, batch_size=2, verbose=0), model) == [True] * 4
