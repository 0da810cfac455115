"""A small fake model, and a drive that takes any callback, ours or Keras's, through a made-up training."""

import contextlib
import io
import warnings
from types import SimpleNamespace

import numpy as np
import pytest


class FakeModel:
    """What callbacks see of a model: an optimizer, weights that change each epoch, and a flag to stop."""

    def __init__(self, metrics=()):
        self.optimizer = SimpleNamespace(learning_rate=0.1, iterations=0)
        self.metrics = list(metrics)
        self.stop_training = False
        self.history = None
        self.value = np.zeros(2)

    def get_weights(self):
        return [self.value.copy()]

    def set_weights(self, weights):
        self.value = np.array(weights[0])


_WATCHED = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")


def _drive(callback, epochs, model=None, runs=1):
    """Train for as many epochs as there are logs; everything that can be seen from outside, epoch by epoch."""
    model = model or FakeModel()
    callback.set_params({"verbose": 1, "epochs": len(epochs), "steps": 5})
    callback.set_model(model)
    seen, out = [], io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        for _ in range(runs):
            model.stop_training = False
            callback.on_train_begin()
            for epoch, logs in enumerate(epochs):
                logs = dict(logs)
                callback.on_epoch_begin(epoch)
                model.value[:] = epoch
                callback.on_epoch_end(epoch, logs)
                state = {name: getattr(callback, name) for name in _WATCHED if hasattr(callback, name)}
                seen.append((epoch, logs, state, model.stop_training, model.optimizer.learning_rate))
                if model.stop_training:
                    break
            callback.on_train_end()
            seen.append(model.value.tolist())
    return SimpleNamespace(seen=seen, printed=out.getvalue(), warned=[str(w.message) for w in caught], model=model)


@pytest.fixture(scope="session")
def drive():
    """The function ``(callback, logs of epochs, model=, runs=)``."""
    return _drive


@pytest.fixture
def fake_model():
    """A fresh fake model."""
    return FakeModel()


@pytest.fixture(scope="session")
def fake_model_class():
    """The class of fake models."""
    return FakeModel
