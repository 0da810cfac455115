"""`Watch`: a cheap look finds every way in which a model's variables can become other ones."""

import numpy as np
import pytest

from ranvier import layers, models
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
