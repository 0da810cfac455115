"""`Watch`: a cheap look finds every way in which a model's variables can become other ones."""

import copy
import gc
import weakref

import numpy as np
import pytest

from ranvier import layers, metrics, models, optimizers
from ranvier.core.ownership import Watch
from ranvier.core.variables import Variable


class Holder(layers.Layer):
    """Owns layers in every kind of container."""

    def __init__(self):
        super().__init__()
        self.spare = layers.Dense(1)
        self.parts = [layers.Dense(1), {"a": layers.Dense(1)}]
        self.fixed = ([layers.Dense(1)],)


def _replaced_in_dict(holder):
    holder.parts[1]["a"] = holder.spare


def _freed_and_made_again(holder):
    holder.parts.pop()
    holder.parts.append(layers.Dense(1))


@pytest.mark.parametrize(
    "change",
    [
        lambda h: setattr(h, "new", layers.Dense(1)),
        lambda h: delattr(h, "spare"),
        lambda h: h.parts.append(h.spare),
        lambda h: h.parts.reverse(),
        lambda h: h.fixed[0].clear(),
        _replaced_in_dict,
        _freed_and_made_again,
        lambda h: setattr(h, "trainable", False),
        lambda h: setattr(h.spare, "trainable", False),
        lambda h: setattr(h.parts[0], "inner", Variable(0.0)),
        lambda h: h.add_weight((2,)),
    ],
)
def test_every_change_is_noticed(change):
    holder = Holder()
    same = Watch(holder._flatten_layers())
    assert same()
    assert same()
    change(holder)
    assert not same()


def test_numbers_and_predictions_are_no_change():
    model = models.Sequential([layers.Input((3,)), layers.Dense(2)])
    x = np.ones((4, 3), "float32")
    model.predict(x, verbose=0)
    same = Watch(model._flatten_layers())
    model.predict(x, verbose=0)
    model.layers[0].kernel.assign(np.zeros((3, 2)))
    model.note = 3
    assert same()


def test_training_and_prediction_follow_what_was_frozen_exchanged_and_assigned():
    ones = {"kernel_initializer": "ones", "use_bias": False}
    model = models.Sequential([layers.Input((3,)), layers.Dense(2, **ones), layers.Dense(2, **ones)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    model.fit(x, y, verbose=0)
    frozen, free = model.get_weights()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].kernel, frozen)
    assert (np.asarray(model.layers[1].kernel) != free).all()
    model.layers[0].kernel.assign(np.full((3, 2), 2.0))
    model.layers[1].kernel.assign(np.ones((2, 2)))
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.full((4, 2), 12.0))
    model.add(layers.Dense(1, **ones))
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.full((4, 1), 24.0))


def _model():
    model = models.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dropout(0.5)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


CHANGES = [
    lambda other: Variable(0.0),
    lambda other: layers.Dense(3).build((None, 3)),
    lambda other: setattr(other, "note", layers.Dense(1)),
    lambda other: setattr(other.layers[0], "trainable", False),
    lambda other: setattr(other.layers[0].kernel, "trainable", False),
    lambda other: other.add(layers.Dense(1)),
    lambda other: other.compile("sgd", "mse"),
    lambda other: other.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0),
    lambda other: models.clone_model(other),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_model_is_none_of_another(change, monkeypatch):
    model, other = _model(), _model()
    x, y = np.ones((4, 3)), np.ones((4, 2))
    for _ in range(2):  # the first calls ask the layers what they need to know
        model.fit(x, y, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
    known, programs = model._known_roles, model._programs
    change(other)
    walks = []
    flatten = type(model)._flatten_layers
    monkeypatch.setattr(type(model), "_flatten_layers", lambda self, *a: walks.append(self) or flatten(self, *a))
    model.predict(x, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.fit(x, y, verbose=0)
    assert not walks
    assert model._known_roles is known
    assert model._programs is programs


OWN = [
    lambda m: setattr(m.layers[0], "trainable", False),
    lambda m: setattr(m.layers[0].kernel, "trainable", False),
    lambda m: setattr(m, "extra", layers.Dense(1)),
    lambda m: setattr(m, "opt", optimizers.SGD()),
    lambda m: setattr(m, "measure", [metrics.Mean()]),
    lambda m: m.optimizer.add_variable((), name="more"),
    lambda m: m.metrics[0].add_variable((), "zeros"),
    lambda m: m.compile("sgd", "mse"),
    lambda m: m.held.append(layers.Dense(1)),
    lambda m: m.held.clear(),
    lambda m: setattr(m, "held", None),
]


@pytest.mark.parametrize("change", OWN)
def test_a_change_of_the_model_itself_is_noticed(change):
    model = _model()
    model.held = [layers.Dense(1)]
    model.held[0].build((None, 3))
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert model._ready() is not None
    change(model)
    assert not model._known_roles[0]()


def test_copies_are_watched_by_nobody():
    model = _model()
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    copied = copy.deepcopy(model.layers[0])
    copied.trainable = False
    assert model._known_roles[0]()


def test_what_watches_does_not_keep_a_model_alive():
    layer = layers.Dense(2)
    for _ in range(3):
        model = models.Sequential([layers.Input((3,)), layer])
        model.compile("sgd", "mse")
        model.predict(np.ones((2, 3)), verbose=0)
        reference = weakref.ref(model._known_roles[0])
        del model
        gc.collect()
        assert reference() is None
    assert len(layer._watches) == 0


def test_sets_come_in_the_order_of_making_and_circles_end():
    made = [layers.Dense(1, name=name) for name in "zyxwvutsrqponm"]
    holder = layers.Layer()
    holder.bag = {*reversed(made)}
    assert [layer.name for layer in holder._layers_in_order()] == list("zyxwvutsrqponm")
    holder.bag = [made[0]]
    holder.bag.append(holder.bag)
    assert holder._layers_in_order() == [made[0]]
    assert Watch([holder])()


def test_weights_come_in_the_order_in_which_they_came_to_be():
    class Mixed(layers.Layer):
        def build(self, shape):
            self.first = self.add_weight((1,), name="first")
            self.second = Variable([0.0], name="second")
            self.third = self.add_weight((1,), name="third", trainable=False)
            self.add_weight((1,), name="fourth")
            self.fifth = [Variable([0.0], name="fifth")]

    layer = Mixed()
    layer.build((None, 1))
    assert [v.name for v in layer.weights] == ["first", "second", "fifth", "fourth", "third"]
