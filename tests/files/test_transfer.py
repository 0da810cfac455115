"""Partial loading with its report, parts of models, and new heads on loaded bases."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers, saving
from ranvier.core.errors import ArgumentError, RanvierWarning, SerializationError, ShapeError

ENDINGS = pytest.mark.parametrize("ending", [".weights.h5", ".safetensors", ".keras"])


def base(package, name="base"):
    kind = package.layers
    return package.Sequential(
        [package.Input((3,)), kind.Dense(4, activation="tanh", name="a"), kind.BatchNormalization(name="norm")],
        name=name,
    )


def network(package, classes, name="net", head="head"):
    kind = package.layers
    return package.Sequential([package.Input((3,)), base(package), kind.Dense(classes, name=head)], name=name)


def saved(model, path):
    rng = np.random.default_rng(5)
    model.set_weights([rng.uniform(0.1, 1, size=np.shape(w)).astype("float32") for w in model.get_weights()])
    model.save(path) if str(path).endswith(".keras") else model.save_weights(path)
    return path


@ENDINGS
def test_a_report_says_what_was_taken_and_what_was_not(ending, tmp_path):
    source, target = network(ranvier, 2), network(ranvier, 5, "other")
    path = saved(source, tmp_path / f"w{ending}")
    before = target.get_weights()
    with pytest.raises((ShapeError, SerializationError), match="head"):
        target.load_weights(path)
    for one, two in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)  # nothing was taken, since not everything fits
    with pytest.warns(RanvierWarning, match="2 weights do not fit"):
        report = target.load_weights(path, skip_mismatch=True)
    assert len(report.taken) == 6
    assert [p.rsplit("/", 2)[-2:] for p in report.skipped] == [["head", "kernel"], ["head", "bias"]]
    assert not report.complete
    assert "6 of 8 weights taken from" in str(report)
    assert "skipped  other/head/kernel: Weight 'other/head/kernel' has shape (4, 5), the file has (4, 2)." in str(
        report
    )
    for one, two in zip(source.get_weights()[:6], target.get_weights()[:6], strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(before[6:], target.get_weights()[6:], strict=True):
        np.testing.assert_array_equal(one, two)


@ENDINGS
def test_names_decide_where_they_are_asked_to(ending, tmp_path):
    path = saved(network(ranvier, 2), tmp_path / f"w{ending}")
    kind = ranvier.layers
    target = ranvier.Sequential(
        [
            ranvier.Input((3,)),
            kind.Dense(3, name="new"),
            kind.Dense(3, name="newer"),
            base(ranvier),
            kind.Dense(2, name="top"),
        ]
    )
    report = target.load_weights(path, by_name=True)
    assert [p.split("/")[-2] for p in report.taken] == ["a", "a", *["norm"] * 4]
    assert [p.split("/")[-2] for p in report.missing] == ["new", "new", "newer", "newer", "top", "top"]
    assert len(report.unused) == 2
    assert not report.skipped
    np.testing.assert_array_equal(target.layers[2].layers[0].kernel, ranvier_weights(path)[0])


def ranvier_weights(path):
    model = network(ranvier, 2)
    model.load_weights(path)
    return model.get_weights()


@ENDINGS
def test_a_part_of_a_model_goes_into_a_file_and_comes_back(ending, tmp_path):
    whole = network(ranvier, 2)
    saved(whole, tmp_path / "all.weights.h5")
    path = tmp_path / f"part{ending}"
    if ending == ".keras":
        whole.get_layer("base").save(path)
        assert np.array_equal(ranvier.models.load_model(path).get_weights()[0], whole.get_weights()[0])
    else:
        saving.save_weights(whole, path, part="base")
    alone, other = base(ranvier, "mine"), network(ranvier, 7)
    assert alone.load_weights(path).complete
    report = saving.load_weights(other, path, part="base")
    assert report.complete
    assert report.target == "base"
    for model in (alone, other):
        for one, two in zip(whole.get_weights()[:6], model.get_weights()[:6], strict=True):
            np.testing.assert_array_equal(one, two)
    if ending != ".keras":
        saving.save_weights(whole, path, part="base/a")
        assert len(saving.load_weights(other, path, part="base/a").taken) == 2
    with pytest.raises(ArgumentError, match="'base' has no layer 'z'"):
        saving.load_weights(other, path, part="base/z")


@pytest.mark.parametrize("library", [keras, ranvier])
def test_a_new_head_on_a_loaded_base(library, tmp_path):
    model = network(library, 2)
    path = tmp_path / "m.keras"
    saved(model, path)
    loaded = ranvier.models.load_model(path)
    loaded.get_layer("base").trainable = False
    inputs = ranvier.Input((3,))
    features = loaded.get_layer("base")(inputs, training=False)
    new = ranvier.Model(inputs, layers.Dense(3, activation="softmax")(features))
    new.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(20, 3)).astype("float32"), np.arange(20) % 3
    before = new.get_weights()
    new.fit(x, y, epochs=2, verbose=0)
    for one, two, learnt in zip(before, new.get_weights(), [False] * 6 + [True] * 2, strict=True):
        assert np.array_equal(one, two) != learnt
    # Or the layers before the old head, of a functional model.
    inside = loaded.get_layer("base")
    again = ranvier.Model(inside.inputs, layers.Dense(5)(inside.layers[-2].output))
    assert again.predict(x, verbose=0).shape == (20, 5)
    loaded.pop()
    loaded.add(layers.Dense(6))
    assert loaded.predict(x, verbose=0).shape == (20, 6)
    for one, two in zip(model.get_weights()[:2], again.get_weights()[:2], strict=True):
        np.testing.assert_array_equal(one, two)


def test_layers_to_leave_alone(tmp_path):
    model, other = network(ranvier, 2), network(ranvier, 2)
    path = saved(model, tmp_path / "w.weights.h5")
    before = other.get_weights()
    report = other.load_weights(path, objects_to_skip=[other.get_layer("base")])
    assert len(report.taken) == 2
    np.testing.assert_array_equal(other.get_weights()[0], before[0])
    np.testing.assert_array_equal(other.get_weights()[6], model.get_weights()[6])


def test_long_reports_are_cut():
    report = saving.LoadReport("net", "w.weights.h5", missing=[f"w{i}" for i in range(40)])
    assert len(str(report).splitlines()) == 12
    assert "… and 30 more" in str(report)
