"""Clones of models: what is copied, what is called, what is opened; held to Keras."""

from __future__ import annotations

import keras
import pytest

import ranvier
from ranvier.core.errors import ArgumentError
from ranvier.models import clone_model


def nested(package):
    kinds = package.layers
    x = package.Input((3,))
    inner = package.Model(x, kinds.Dense(2, name="d")(x), name="inner")
    y = package.Input((3,), name="start")
    return package.Model(y, kinds.Dropout(0.5, name="drop")(inner(y)), name="outer")


def chained(package):
    kinds = package.layers
    inner = package.Sequential([kinds.Dense(2, name="d")], name="inner")
    return package.Sequential([package.Input((3,)), inner, kinds.Dense(1, name="e")])


@pytest.mark.parametrize("make", [nested, chained])
@pytest.mark.parametrize("recursive", [False, True])
def test_the_same_layers_are_copied_and_called_as_by_keras(make, recursive):
    logs = []
    for package in (ranvier, keras):
        log = []
        options = {
            "clone_function": lambda layer, log=log: (
                log.append(layer.name) or type(layer).from_config(layer.get_config())
            )
        }
        if make is nested:
            options["call_function"] = lambda layer, *a, log=log, **k: (
                log.append(("call", layer.name)) or layer(*a, **k)
            )
        model = make(package)
        copy = package.models.clone_model(model, recursive=recursive, **options)
        assert type(copy) is type(model)
        assert copy.name == model.name
        assert copy.count_params() == model.count_params()
        logs.append(log)
    assert logs[0] == logs[1]


def test_clones_begin_with_given_tensors_and_share_no_weights():
    model = nested(ranvier)
    copy = clone_model(model, input_tensors=ranvier.Input((3,), name="other"))
    assert copy.input_names == ["other"]
    assert not {id(v) for v in copy.weights} & {id(v) for v in model.weights}


class Subclassed(ranvier.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = ranvier.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


def test_subclassed_models_are_cloned_from_their_configuration():
    assert clone_model(Subclassed(5)).units == 5
    for options in ({"clone_function": lambda layer: layer}, {"input_tensors": ranvier.Input((3,))}):
        with pytest.raises(ArgumentError, match="no graph"):
            clone_model(Subclassed(), **options)
    with pytest.raises(ArgumentError, match="call_function"):
        clone_model(Subclassed(), call_function=lambda layer, x: layer(x))


def test_refusals():
    with pytest.raises(ArgumentError, match="call_function"):
        clone_model(chained(ranvier), call_function=lambda layer, x: layer(x))
    with pytest.raises(ArgumentError, match="foo"):
        clone_model(nested(ranvier), foo=1)
    with pytest.raises(ArgumentError, match="takes a model"):
        clone_model(3)  # type: ignore[arg-type]
