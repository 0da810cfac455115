"""A layer that several models inside a model hold is one layer again after any way through a configuration."""

from __future__ import annotations

import copy
import pickle

import keras
import numpy as np
import pytest

import ranvier
from ranvier.models import clone_model, load_model, model_from_json


def branches(k, shared, call=lambda layer, x: layer(x), outside=True):
    """Two models inside a third that both call `shared`, which the third calls, too, if it is `outside`."""

    def branch(name):
        x = k.Input((4,), name=f"{name}_in")
        return k.Model(x, k.layers.Dense(3, name=f"{name}_out")(call(shared, x)), name=name)

    x = k.Input((4,))
    y = k.layers.Add()([branch("a")(x), branch("b")(x)])
    return k.Model(x, k.layers.Concatenate()([y, call(shared, x)]) if outside else y)


def of_a_layer(k):
    return branches(k, k.layers.Dense(4, name="shared"), outside=False)


def of_a_layer_outside(k):
    return branches(k, k.layers.Dense(4, name="shared"))


def of_a_layer_called_twice(k):
    return branches(k, k.layers.Dense(4, name="shared"), lambda layer, x: layer(layer(x)))


def of_a_chain(k):
    return branches(k, k.Sequential([k.Input((4,)), k.layers.Dense(4), k.layers.BatchNormalization()], name="shared"))


def of_a_graph(k):
    x = k.Input((4,))
    return branches(k, k.Model(x, k.layers.Dense(4, name="inside")(x), name="shared"))


def of_a_wrapped_layer(k):
    def call(layer, x):
        return k.layers.Flatten()(k.layers.TimeDistributed(layer)(k.layers.Reshape((1, 4))(x)))

    return branches(k, k.layers.Dense(4, name="shared"), call, outside=False)


def of_chains(k):
    shared = k.layers.Dense(4, name="shared")
    x = k.Input((4,))
    ways = [
        k.Sequential([k.Input((4,)), shared, k.layers.Dense(2)], name="a"),
        k.Sequential([k.Input((4,)), k.layers.Dense(4), shared, k.layers.Dense(2)], name="b"),
    ]
    return k.Model(x, k.layers.Add()([way(x) for way in ways]))


def of_an_encoder(k):
    x, z, y = k.Input((4,)), k.Input((3,)), k.Input((4,))
    encoder = k.Model(x, k.layers.Dense(3)(x), name="encoder")
    decoder = k.Model(z, k.layers.Dense(4)(z), name="decoder")
    whole = k.Model(x, decoder(encoder(x)), name="whole")
    return k.Model(y, k.layers.Concatenate()([whole(y), encoder(y)]))


MODELS = [
    of_a_layer, of_a_layer_outside, of_a_layer_called_twice, of_a_chain, of_a_graph, of_a_wrapped_layer, of_chains,
    of_an_encoder,
]  # fmt: skip


def from_file(model, path):
    model.save(path)
    return load_model(path)


WAYS = {
    "clone": lambda model, folder: clone_model(model),
    "clone from tensors": lambda model, folder: clone_model(model, input_tensors=ranvier.Input((4,))),
    "clone with what is inside": lambda model, folder: clone_model(model, recursive=True),
    "config": lambda model, folder: type(model).from_config(model.get_config()),
    "json": lambda model, folder: model_from_json(model.to_json()),
    "keras file": lambda model, folder: from_file(model, folder / "model.keras"),
    "h5 file": lambda model, folder: from_file(model, folder / "model.h5"),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", MODELS)
def test_one_layer_stays_one_layer(make, way, tmp_path, rng):
    model, x = make(ranvier), rng.normal(size=(6, 4)).astype("float32")
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    again = WAYS[way](model, tmp_path)
    assert len(again.weights) == len(model.weights)
    again.set_weights(model.get_weights())
    target = rng.normal(size=model(x).shape)
    for one in (model, again):
        one.compile(ranvier.optimizers.SGD(0.01), "mse")
        one.fit(x, target, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier)], ids=["here", "there"])
def test_keras_reads_ours_and_we_read_what_keras_writes(make, writer, reader, tmp_path, rng):
    """Keras counts the calls of a shared layer over all graphs when it reads and forgets a mark when it writes."""
    model, x = make(writer), rng.normal(size=(6, 4)).astype("float32")
    model.set_weights([rng.normal(size=np.shape(w)) for w in model.get_weights()])
    model.save(tmp_path / "model.keras")
    again = reader.models.load_model(tmp_path / "model.keras")
    assert len(again.weights) == len(model.weights)
    np.testing.assert_allclose(np.asarray(again(x)), np.asarray(model(x)), rtol=1e-5, atol=1e-6)


def called_several_times(k, at_ends):
    """A model inside that is called three times; the calls of which `at_ends` tells the numbers are outputs."""
    x = k.Input((4,))
    inner = k.Model(x, k.layers.Dense(4)(x), name="inner")
    starts = [k.Input((4,), name=name) for name in "abc"]
    ends = [inner(start) for start in starts]
    return k.Model(starts, [e if n in at_ends else k.layers.Dense(2)(e) for n, e in enumerate(ends)])


@pytest.mark.parametrize("at_ends", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("way", [(ranvier, ranvier), (ranvier, keras), (keras, ranvier)], ids=["ours", "out", "in"])
@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")
def test_each_output_is_of_its_own_call(at_ends, way, ending, tmp_path, rng):
    writer, reader = way
    model = called_several_times(writer, at_ends)
    data = [rng.normal(size=(2, 4)).astype("float32") for _ in "abc"]
    model.save(path := tmp_path / f"model{ending}")
    for found, wanted in zip(reader.models.load_model(path)(data), model(data), strict=True):
        np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-5, atol=1e-6)


def test_configurations_mark_only_what_stands_there_twice():
    layers = ranvier.layers
    alone = ranvier.Sequential([ranvier.Input((4,)), layers.Dense(3), layers.Dense(3)])
    assert "shared_object_id" not in alone.to_json()
    assert of_a_layer(ranvier).to_json().count('"class_name": "Dense"') == 4
    assert "shared_object_id" in of_a_layer(ranvier).to_json()
