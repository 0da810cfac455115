"""Process-wide settings and what they change."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import backend, callbacks, config, layers
from ranvier.core.errors import ArgumentError, DataWarning, RanvierWarning


@pytest.fixture
def limits():
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


class Counting(callbacks.Callback):
    """How many batches each loop has had."""

    def __init__(self):
        super().__init__()
        self.counts = {"train": 0, "test": 0, "predict": 0}

    def on_train_batch_end(self, batch, logs=None):
        self.counts["train"] += 1

    def on_test_batch_end(self, batch, logs=None):
        self.counts["test"] += 1

    def on_predict_batch_end(self, batch, logs=None):
        self.counts["predict"] += 1


def small_model():
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def batches(count, endless=False):
    while True:
        for _ in range(count):
            yield np.ones((10, 3), "float32"), np.ones((10, 1), "float32")
        if not endless:
            return


def test_limits_cap_every_loop(limits):
    x, y = np.ones((100, 3), "float32"), np.ones((100, 1), "float32")
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)
    model, count = small_model(), Counting()
    history = model.fit(x, y, batch_size=10, epochs=5, validation_data=(x, y), callbacks=[count], verbose=0)
    assert len(history.history["loss"]) == 2
    assert count.counts == {"train": 6, "test": 6, "predict": 0}
    assert count.params == {"verbose": 0, "epochs": 2, "steps": 3}
    assert model.fit(x, y, epochs=5, initial_epoch=3, verbose=0).history == {}
    model.evaluate(x, y, batch_size=10, callbacks=[count], verbose=0)
    assert count.counts["test"] == 9
    assert model.predict(x, batch_size=10, callbacks=[count], verbose=0).shape == (30, 1)
    assert count.counts["predict"] == 3
    model.fit(batches(50), epochs=1, callbacks=[count], verbose=0)
    assert count.counts["train"] == 9


def test_limits_above_what_there_is_change_nothing(limits):
    config.set_max_steps_per_epoch(100)
    config.set_max_epochs(100)
    count = Counting()
    small_model().fit(np.ones((30, 3)), np.ones((30, 1)), batch_size=10, epochs=2, callbacks=[count], verbose=0)
    assert count.counts["train"] == 6


@pytest.mark.parametrize("value", [0, -1, 2.5, "a", True])
def test_limits_are_positive_integers(value):
    with pytest.raises(ArgumentError, match="max_epochs"):
        config.set_max_epochs(value)
    with pytest.raises(ArgumentError, match="max_steps_per_epoch"):
        config.set_max_steps_per_epoch(value)


def test_a_generator_that_runs_out_ends_training_with_a_warning():
    with pytest.warns(DataWarning, match="ran out of data"):
        history = small_model().fit(batches(3), epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(DataWarning, match="ran out of data"):
        history = small_model().fit(batches(4), epochs=3, steps_per_epoch=2, verbose=0)
    assert history.epoch == [0, 1]
    assert small_model().fit(batches(3, endless=True), epochs=3, steps_per_epoch=2, verbose=0).epoch == [0, 1, 2]


class Optional(callbacks.Callback):
    batch_hooks_optional = True

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_predict_batch_end(self, batch, logs=None):
        self.seen.append((batch, logs["outputs"].shape))


def test_optional_hooks_of_predict_are_called_without_a_bar():
    seen = Optional()
    small_model().predict(np.ones((40, 3)), batch_size=10, callbacks=[seen], verbose=0)
    assert seen.seen
    assert seen.seen[-1] == (3, (10, 1))


def test_settings_that_are_read_back():
    assert config.is_flash_attention_enabled() is None
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() is True
    half = np.ones((1, 4, 2, 8), "float16")  # where there is no kernel, attention is computed all the same
    assert ranvier.ops.dot_product_attention(half, half, half).shape == half.shape
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False
    ranvier.core.settings._flash_attention = None  # type: ignore[attr-defined]
    assert config.is_interactive_logging_enabled()
    config.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    config.enable_interactive_logging()
    assert not config.is_nnx_enabled()
    config.set_backend("jax")
    with pytest.raises(ArgumentError, match="jax"):
        config.set_backend("torch")
    with pytest.warns(RanvierWarning, match="custom_objects"):
        config.enable_unsafe_deserialization()
    assert ranvier.version() == ranvier.__version__


def test_integer_dtypes_are_those_of_keras():
    for dtype in ("int8", "uint8", "int64", "bool", "float32", "string", "bfloat16"):
        assert backend.is_int_dtype(dtype) == keras.backend.is_int_dtype(dtype)
