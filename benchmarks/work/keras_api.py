"""The workloads in Keras's API: the very same code for ranvier and for Keras, which are passed as `keras`."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.work.common import (
    TOY_X,
    TOY_Y,
    Job,
    answer,
    digits_answer,
    images,
    latencies,
    one_hot,
    read_job,
    since,
    timed_fits,
)


def toy_model(keras: Any) -> Any:
    """y = wx + b."""
    model = keras.Sequential([keras.layers.Dense(1, input_shape=[1])])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    return model


def digits_model(keras: Any) -> Any:
    """784-128-10."""
    layers = keras.layers
    model = keras.Sequential()
    model.add(layers.Input(shape=(28, 28)))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def b2_model(keras: Any) -> Any:
    """784-256-128-10 with batch normalisation and dropout."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input(shape=(28, 28)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(128, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def cnn_model(keras: Any) -> Any:
    """Two convolutions with pooling, dropout, ten outputs: 34,826 parameters."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def toy(keras: Any, job: Job) -> None:
    """500 epochs from a cold process, then again."""
    model = toy_model(keras)
    model.fit(TOY_X, TOY_Y, epochs=job.epochs, verbose=0)
    cold = since(job)
    times = timed_fits(job, lambda epochs: model.fit(TOY_X, TOY_Y, epochs=epochs, verbose=0))
    figures = {"toy_cold": [cold], "score": float(model.predict(TOY_X[-1:] + 6.0, verbose=0)[0, 0])}
    if times:
        figures["toy_warm"] = [t * job.epochs for t in times]
    answer(figures)


def digits(keras: Any, job: Job) -> None:
    """The first epoch from a cold process, then warm epochs."""
    x, y = images(job)
    labels = one_hot(y)
    model = digits_model(keras)
    history = model.fit(x, labels, batch_size=32, epochs=1, verbose=0)
    first = since(job)

    def fit(epochs: int) -> None:
        nonlocal history
        history = model.fit(x, labels, batch_size=32, epochs=epochs, verbose=0)

    times = timed_fits(job, fit)
    digits_answer(job, first, times, float(history.history["accuracy"][-1]))


def _warm_epochs(job: Job, model: Any, x: Any, labels: Any, batch_size: int) -> None:
    history = model.fit(x, labels, batch_size=batch_size, epochs=1, verbose=0)

    def fit(epochs: int) -> None:
        nonlocal history
        history = model.fit(x, labels, batch_size=batch_size, epochs=epochs, verbose=0)

    times = timed_fits(job, fit)
    answer({job.workload: times, "score": float(history.history["accuracy"][-1])})


def b2(keras: Any, job: Job) -> None:
    """Warm epochs of the enhanced MLP."""
    x, y = images(job)
    _warm_epochs(job, b2_model(keras), x, one_hot(y), 32)


def cnn(keras: Any, job: Job) -> None:
    """Warm epochs of the small CNN."""
    x, y = images(job)
    _warm_epochs(job, cnn_model(keras), x[..., None], one_hot(y), 128)


def predict(keras: Any, job: Job) -> None:
    """One sample at a time through `predict`, as people call it."""
    x, _ = images(job, test=True)
    model = digits_model(keras)
    answer(latencies(job, lambda sample: model.predict(sample, verbose=0), x))


def accuracy(keras: Any, job: Job) -> None:
    """The demo: ten epochs with validation, then the test images."""
    keras.utils.set_random_seed(job.seed)
    x, y = images(job)
    model = digits_model(keras)
    model.fit(x, one_hot(y), batch_size=32, epochs=job.epochs, validation_split=0.1, verbose=0)
    x, y = images(job, test=True)
    _, share = model.evaluate(x, one_hot(y), verbose=0)
    answer({"accuracy": [float(share)]})


WORKLOADS = {f.__name__: f for f in (toy, digits, b2, cnn, predict, accuracy)}


def main() -> None:
    """Run the job in the first argument."""
    job = read_job()
    keras = importlib.import_module(job.module)
    WORKLOADS[job.workload](keras, job)


if __name__ == "__main__":
    main()
