"""Checkpoints: which files there are, what is in them, what is said."""

from __future__ import annotations

import os

import keras
import numpy as np
import pytest

import ranvier
from ranvier import callbacks, layers
from ranvier.core.errors import ArgumentError, RanvierWarning

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = X[:, :1]


def fitted(package, options, **fit):
    model = package.Sequential([package.Input((3,)), package.layers.Dense(1)])
    model.set_weights([np.zeros((3, 1), "float32"), np.zeros(1, "float32")])
    model.compile("sgd", "mse")
    callback = package.callbacks.ModelCheckpoint(**options)
    model.fit(X, Y, epochs=3, batch_size=10, shuffle=False, verbose=0, callbacks=[callback], **fit)
    return model, callback


def files(folder):
    return sorted(os.path.relpath(os.path.join(r, f), folder) for r, _, names in os.walk(folder) for f in names)


@pytest.mark.parametrize(
    ("path", "options", "fit"),
    [
        ("m.keras", {}, {}),
        ("m-{epoch:02d}-{val_loss:.3f}.keras", {}, {"validation_data": (X, Y)}),
        ("{epoch}-{batch}.keras", {"save_freq": 3}, {}),
        ("{epoch}-{batch}.keras", {"save_freq": 5}, {}),
        ("{epoch}.keras", {"save_best_only": True, "monitor": "loss"}, {}),
        ("{epoch}.keras", {"save_best_only": True, "monitor": "loss", "mode": "max"}, {}),
        ("{epoch}.keras", {"save_best_only": True, "monitor": "loss", "initial_value_threshold": 0.0}, {}),
        ("a/b/{epoch}.keras", {}, {}),
        ("m.weights.h5", {"save_weights_only": True}, {}),
    ],
)
def test_files_and_messages_are_those_of_keras(path, options, fit, tmp_path, capsys):
    found = {}
    for package in (ranvier, keras):
        folder = tmp_path / package.__name__
        folder.mkdir()
        _, callback = fitted(package, {"filepath": str(folder / path), "verbose": 1, **options}, **fit)
        said = capsys.readouterr().out.replace(str(folder), "")
        lines = [line for line in said.splitlines() if line.startswith("Epoch")]
        found[package] = files(folder), lines, callback.best
    assert found[ranvier][:2] == found[keras][:2]
    assert np.isclose(found[ranvier][2] or 0, found[keras][2] or 0, rtol=1e-4)


def test_the_file_holds_the_state_of_its_epoch_and_optimizer(tmp_path):
    model, _ = fitted(ranvier, {"filepath": tmp_path / "{epoch}.keras"})
    last = ranvier.models.load_model(tmp_path / "3.keras")
    first = ranvier.models.load_model(tmp_path / "1.keras")
    for one, two in zip(last.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert [int(m.optimizer.iterations) for m in (first, last)] == [4, 12]
    # Training on from the first epoch's file leads to the last one's.
    first.fit(X, Y, epochs=2, batch_size=10, shuffle=False, verbose=0)
    np.testing.assert_allclose(first.get_weights()[0], last.get_weights()[0], rtol=1e-6)


def test_only_whole_epochs_leave_the_batches_of_a_program_together():
    assert callbacks.ModelCheckpoint("m.keras").batch_hooks_optional
    assert not callbacks.ModelCheckpoint("m.keras", save_freq=2).batch_hooks_optional


def test_without_the_metric_the_model_is_saved_with_a_warning(tmp_path):
    with pytest.warns(RanvierWarning, match="val_loss"):
        fitted(ranvier, {"filepath": tmp_path / "{epoch}.keras", "save_best_only": True})
    assert files(tmp_path) == ["1.keras", "2.keras", "3.keras"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"filepath": "m.foo"}, "'.keras'"),
        ({"filepath": "m.h5", "save_weights_only": True}, "'.weights.h5'"),
        ({"filepath": "m.keras", "save_freq": "often"}, "save_freq"),
        ({"filepath": "m.keras", "save_freq": 0}, "save_freq"),
        ({"filepath": "m.keras", "mode": "best"}, "mode"),
    ],
)
def test_arguments_are_checked(options, words):
    with pytest.raises(ArgumentError, match=words):
        callbacks.ModelCheckpoint(**options)


def test_paths_that_cannot_be_filled_in_or_written(tmp_path):
    with pytest.raises(KeyError, match=r"accuracy.*There are: loss"):
        fitted(ranvier, {"filepath": tmp_path / "{accuracy}.keras"})
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(ArgumentError, match="folder"):
        fitted(ranvier, {"filepath": tmp_path / "m.keras"})


def test_a_layer_of_another_kind_is_saved_too(tmp_path):
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2), layers.BatchNormalization(), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "m.keras")])
    again = ranvier.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
