"""The workloads in Keras's API: the very same code for ranvier and for Keras, which are passed as `keras`."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.work import networks
from benchmarks.work.common import (
    TOY_X,
    TOY_Y,
    Job,
    answer,
    batch_latencies,
    digits_answer,
    images,
    latencies,
    one_hot,
    peak_memory,
    pixels,
    read_job,
    since,
    startup_answer,
    timed_fits,
    warm_answer,
)
from benchmarks.work.synthetic import photographs, pictures, sequences, tokens


def toy(keras: Any, job: Job) -> None:
    """500 epochs from a cold process, then again."""
    model = networks.toy_model(keras)
    model.fit(TOY_X, TOY_Y, epochs=job.epochs, verbose=0)
    cold = since(job)
    times = timed_fits(job, lambda epochs: model.fit(TOY_X, TOY_Y, epochs=epochs, verbose=0))
    figures = {"toy_cold": [cold], "score": float(model.predict(TOY_X[-1:] + 6.0, verbose=0)[0, 0])}
    if times:
        figures["toy_warm"] = [t * job.epochs for t in times]
    answer(figures)


def startup(keras: Any, job: Job) -> None:
    """The first step of the digits network in this process, then the same again."""
    x, y = np.zeros((job.images, 28, 28), "float32"), one_hot(np.arange(job.images) % 10)
    model = networks.digits_model(keras)
    startup_answer(job, lambda: model.fit(x, y, batch_size=job.images, verbose=0))


def digits(keras: Any, job: Job) -> None:
    """The first epoch from a cold process, then warm epochs."""
    x, y = images(job)
    labels = one_hot(y)
    model = networks.digits_model(keras)
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
    warm_answer(job, times, float(history.history["accuracy"][-1]))


def b2(keras: Any, job: Job) -> None:
    """Warm epochs of the enhanced MLP."""
    x, y = images(job)
    _warm_epochs(job, networks.b2_model(keras), x, one_hot(y), 32)


def cnn(keras: Any, job: Job) -> None:
    """Warm epochs of the small CNN."""
    x, y = images(job)
    _warm_epochs(job, networks.cnn_model(keras), x[..., None], one_hot(y), 128)


def cifar(keras: Any, job: Job) -> None:
    """Warm epochs of the CIFAR-like CNN."""
    x, y = pictures(job.images, 32)
    _warm_epochs(job, networks.cifar_model(keras), x, one_hot(y), 32)


def mobile(keras: Any, job: Job) -> None:
    """Warm epochs of the depthwise-separable CNN."""
    x, y = pictures(job.images, 64)
    _warm_epochs(job, networks.mobile_model(keras), x, one_hot(y), 32)


def lstm(keras: Any, job: Job) -> None:
    """Warm epochs of the LSTM over rows of images."""
    x, y = images(job)
    _warm_epochs(job, networks.lstm_model(keras), x, one_hot(y), 64)


def transformer(keras: Any, job: Job) -> None:
    """Warm epochs of the Transformer block."""
    x, y = sequences(job.images)
    _warm_epochs(job, networks.transformer_model(keras), x, one_hot(y), 32)


def embedding(keras: Any, job: Job) -> None:
    """Warm epochs of the averaged embedding."""
    x, y = tokens(job.images)
    _warm_epochs(job, networks.embedding_model(keras), x, one_hot(y, 2), 32)


def population(keras: Any, job: Job) -> None:
    """Sixteen digits networks with learning rates of their own; where nothing trains them together, 16 times one fit."""
    x, y = images(job)
    labels = one_hot(y)
    rates = np.geomspace(1e-4, 1e-2, 16).tolist()

    def candidate(rate: float) -> Any:
        model = networks.digits_model(keras)
        model.optimizer.learning_rate = rate
        return model

    def fit(model: Any, epochs: int) -> Any:
        return model.fit(x, labels, batch_size=32, epochs=epochs, verbose=0)

    if not hasattr(keras, "tuning"):
        model = candidate(rates[len(rates) // 2])
        histories = [fit(model, 1)]
        times = timed_fits(job, lambda epochs: histories.append(fit(model, epochs)))
        score = float(histories[-1].history["accuracy"][-1])
        answer({"population": [len(rates) * t for t in times], "score": score})
        return
    together = keras.tuning.Population(candidate, {"rate": rates}, seeds=job.seed)
    alone = [candidate(rate) for rate in rates]
    fit(together, 1)
    for model in alone:
        fit(model, 1)
    ours: list[float] = []
    factors: list[float] = []
    for _ in range(job.fits):
        begin = time.perf_counter()
        fit(together, job.epochs)
        middle = time.perf_counter()
        for model in alone:
            fit(model, job.epochs)
        ours.append((middle - begin) / job.epochs)
        factors.append((time.perf_counter() - middle) / (middle - begin))
    score = max(float(h["accuracy"][-1]) for h in together.result.histories)
    answer({"population": ours, "population_alone": [float(np.median(factors))], "score": score})


def streaming(keras: Any, job: Job) -> None:
    """The digits network on bytes: from a file through `numpy.memmap`, through HDF5, and from memory, in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        x, y = pixels(job)
        labels = one_hot(y)
        with _files(Path(folder), x) as sources:
            fits: dict[str, Callable[[int], Any]] = {}
            peak = 0
            for name, source in sources.items():
                fits[name] = _stream_fit(networks.digits_model(keras, pixels=True), source, labels)
                fits[name](1)
                peak = peak or peak_memory()  # after the first, which is the memmap
            times: dict[str, list[float]] = {name: [] for name in fits}
            for _ in range(job.fits):
                for name, fit in fits.items():
                    begin = time.perf_counter()
                    score = fit(job.epochs)
                    times[name].append((time.perf_counter() - begin) / job.epochs)
    middle = {name: float(np.median(found)) for name, found in times.items()}
    answer(
        {
            "streaming_memory": [middle["memory"]],
            "streaming_memmap": [middle["memory"] / middle["memmap"]],
            "streaming_hdf5": [middle["memory"] / middle["hdf5"]],
            "streaming_memory_peak": [peak],
            "score": score,
        }
    )


def folder(keras: Any, job: Job) -> None:
    """A CNN on JPEG files, in the first pass over them and in later ones, and on the same pixels from memory, in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        x, y = photographs(Path(name), job.images, 64)

        def dataset() -> Any:
            return keras.utils.image_dataset_from_directory(name, image_size=(64, 64), seed=job.seed, verbose=False)

        streamed, held = networks.folder_model(keras), networks.folder_model(keras)
        streamed.fit(dataset(), verbose=0)
        held.fit(x, y, batch_size=32, verbose=0)
        times: dict[str, list[float]] = {"folder_first": [], "folder": [], "memory": []}
        for _ in range(job.fits):
            files = dataset()
            for figure, fit, epochs in (
                ("folder_first", lambda epochs, files=files: streamed.fit(files, epochs=epochs, verbose=0), 1),
                ("folder", lambda epochs, files=files: streamed.fit(files, epochs=epochs, verbose=0), job.epochs),
                ("memory", lambda epochs: held.fit(x, y, batch_size=32, epochs=epochs, verbose=0), job.epochs),
            ):
                begin = time.perf_counter()
                history = fit(epochs)
                times[figure].append((time.perf_counter() - begin) / epochs)
    memory = times.pop("memory")
    share = float(np.median(np.array(memory) / np.array(times["folder"])))
    answer({**times, "folder_memory": [share], "score": float(history.history["accuracy"][-1])})


@contextmanager
def _files(folder: Path, x: np.ndarray) -> Iterator[dict[str, Any]]:
    import h5py

    np.save(folder / "x.npy", x)
    with h5py.File(folder / "x.h5", "w") as file:
        file["x"] = x
    with h5py.File(folder / "x.h5", "r") as file:
        yield {"memmap": np.load(folder / "x.npy", mmap_mode="r"), "hdf5": file["x"], "memory": x}


def _stream_fit(model: Any, x: Any, labels: Any) -> Callable[[int], float]:
    def fit(epochs: int) -> float:
        return float(model.fit(x, labels, batch_size=32, epochs=epochs, verbose=0).history["accuracy"][-1])

    return fit


def predict(keras: Any, job: Job) -> None:
    """One sample at a time through `predict`, as people call it."""
    x, _ = images(job, test=True)
    model = networks.digits_model(keras)
    answer(latencies(job, lambda sample: model.predict(sample, verbose=0), x))


def latency(keras: Any, job: Job) -> None:
    """Batches of 32 and of 1,024 through `predict`."""
    x, _ = images(job, test=True)
    model = networks.digits_model(keras)
    answer(batch_latencies(job, lambda batch: model.predict(batch, batch_size=1024, verbose=0), x))


def accuracy(keras: Any, job: Job) -> None:
    """The demo: ten epochs with validation, then the test images."""
    keras.utils.set_random_seed(job.seed)
    x, y = images(job)
    model = networks.digits_model(keras)
    model.fit(x, one_hot(y), batch_size=32, epochs=job.epochs, validation_split=0.1, verbose=0)
    x, y = images(job, test=True)
    _, share = model.evaluate(x, one_hot(y), verbose=0)
    answer({"accuracy": [float(share)]})


WORKLOADS = {
    f.__name__: f
    for f in (
        startup,
        toy,
        digits,
        b2,
        cnn,
        cifar,
        mobile,
        lstm,
        transformer,
        embedding,
        population,
        streaming,
        folder,
        predict,
        latency,
        accuracy,
    )
}


def main() -> None:
    """Run the job in the first argument."""
    job = read_job()
    keras = importlib.import_module(job.module)
    WORKLOADS[job.workload](keras, job)


if __name__ == "__main__":
    main()
