"""Models for the page's tests, and the page without a network."""

import numpy as np
import pytest

import ranvier
from ranvier import layers

pytest.importorskip("starlette", reason="the page's server is not installed")

TOKEN = "secret-key"
HOST = "127.0.0.1:8123"


@pytest.fixture
def digits():
    """An untrained network for digits."""
    model = ranvier.Sequential(
        [
            layers.Flatten(input_shape=(28, 28), name="flat"),
            layers.Dense(12, activation="relu", name="hidden"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def images():
    """An untrained network with convolutions."""
    model = ranvier.Sequential(
        [
            ranvier.Input((28, 28, 1)),
            layers.Conv2D(3, 3, strides=2, padding="same", activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="images",
    )
    model.compile("sgd", "categorical_crossentropy")
    return model


@pytest.fixture
def two_two_one():
    """The network of the chain rule by hand: all weights 1, all biases 0."""
    model = ranvier.Sequential(
        [
            ranvier.Input((2,)),
            layers.Dense(2, "sigmoid", kernel_initializer="ones", name="hidden"),
            layers.Dense(1, "sigmoid", kernel_initializer="ones", name="out"),
        ],
        name="two_two_one",
    )
    model.compile("sgd", "mean_squared_error")
    return model


@pytest.fixture
def x_and_y():
    """One sample for `two_two_one`, with its target."""
    return np.array([[-2.0, -1.0]], "float32"), np.array([[1.0]], "float32")


@pytest.fixture
def client_of():
    """``client_of(session)``: a client of a page that shows it."""
    from starlette.testclient import TestClient

    from ranvier.inspect.look.app import make_app

    def make(session=None, start=None, **options):
        app = make_app(session, TOKEN, {HOST}, start)
        return TestClient(app, base_url=f"http://{HOST}", **options)

    return make
