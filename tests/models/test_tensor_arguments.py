"""Models whose constructor takes symbolic tensors other than (inputs, outputs) are the same after copies and files."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import ranvier
from ranvier import Input, Model, layers
from ranvier.models import clone_model, load_model


class Head(Model):
    def __init__(self, features, **kwargs):
        super().__init__(features, layers.Dense(3)(features), **kwargs)


class Sum(Model):
    def __init__(self, first, second, units=3, **kwargs):
        super().__init__([first, second], layers.Dense(units)(first + second), **kwargs)


class Longer(Model):
    def __init__(self, start, end, units=2, **kwargs):
        super().__init__(start, layers.Dense(units)(end), **kwargs)
        self.units = units


class Backwards(Model):
    def __init__(self, ends, starts, **kwargs):
        super().__init__(inputs=starts, outputs=ends, **kwargs)


class Nested(Model):
    def __init__(self, parts, *, side=None, **kwargs):
        x = layers.Concatenate()([*parts.values(), side])
        super().__init__({**parts, "side": side}, layers.Dense(2)(x), **kwargs)


def made(kind):
    x, y = Input((4,)), Input((4,))
    middle = layers.BatchNormalization()(layers.Dense(5)(x))
    return {
        Head: lambda: Head(x),
        "cut": lambda: Head(middle, name="cut"),
        Sum: lambda: Sum(x, y, units=2),
        Longer: lambda: Longer(x, middle, units=4),
        Backwards: lambda: Backwards(middle, x),
        "by name": lambda: Backwards(starts=x, ends=middle),
        Nested: lambda: Nested({"p": x, "q": y}, side=Input((1,))),
    }[kind]()


KINDS = [Head, "cut", Sum, Longer, Backwards, "by name", Nested]
CLASSES = {kind.__name__: kind for kind in (Head, Sum, Longer, Backwards, Nested)}


def through(model, ending, folder):
    model.save(folder / f"model{ending}")
    return load_model(folder / f"model{ending}", custom_objects=CLASSES)


@pytest.mark.parametrize("way", ["clone", "deepcopy", ".keras", ".h5"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: getattr(kind, "__name__", kind))
@pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")
def test_the_same_model_comes_back(kind, way, tmp_path, rng):
    model = made(kind)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    copies = {"clone": lambda: clone_model(model), "deepcopy": lambda: copy.deepcopy(model)}
    again = copies[way]() if way in copies else through(model, way, tmp_path)
    if way == "clone":
        again.set_weights(model.get_weights())
    assert type(again) is type(model)
    assert again.name == model.name
    assert vars(again).get("units") == vars(model).get("units")
    values = {t.name: rng.normal(size=(2, *t.shape[1:])) for t in model.inputs}
    data = ranvier.tree.map_structure(lambda t: values[t.name], model.input)
    np.testing.assert_array_equal(np.asarray(again(data)), np.asarray(model(data)))
