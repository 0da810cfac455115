"""Errors show the user's lines."""

from __future__ import annotations

import traceback
import warnings

import numpy as np
import pytest

import ranvier
from ranvier import config, layers
from ranvier.core import tracebacks


@pytest.fixture
def filtering():
    before = config.is_traceback_filtering_enabled()
    yield
    (config.enable_traceback_filtering if before else config.disable_traceback_filtering)()


class Broken(layers.Layer):
    def call(self, inputs):
        return inputs + np.ones((7, 7), "float32")  # the line at fault


def frames_of(model) -> list[str]:
    with pytest.raises(Exception) as caught:
        model.fit(np.ones((4, 3)), np.ones((4, 3)), verbose=0)
    return [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]


def broken_model():
    model = ranvier.Sequential([Broken()])
    model.compile("sgd", "mse")
    return model


def test_frames_of_ranvier_and_jax_are_left_out_or_shown(filtering):
    config.enable_traceback_filtering()
    assert config.is_traceback_filtering_enabled()
    short = frames_of(broken_model())
    # What re-raises is the one frame of ours; the last is in this file, or in NumPy or JAX's operators below it.
    assert sum(name.startswith(tracebacks._OWN) for name in short) == 1
    assert sum(name == __file__ for name in short) >= 2, "the call of fit, and the line at fault"
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    assert len(frames_of(broken_model())) > 2 * len(short)


def test_the_error_itself_is_the_same(filtering):
    config.enable_traceback_filtering()
    layer = layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(ranvier.core.errors.ShapeError):  # type: ignore[attr-defined]
        layer(np.ones((2, 4)))


def test_warnings_point_at_the_users_line():
    model = ranvier.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(np.array([[np.nan]]), np.ones((1, 1)), verbose=0)
    assert {w.filename for w in caught} == {__file__}
