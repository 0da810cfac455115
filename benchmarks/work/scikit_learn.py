"""The workloads that scikit-learn's multi-layer perceptrons can do. No weight decay, as in the other peers."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.work.common import (
    TOY_X,
    TOY_Y,
    Job,
    answer,
    batch_latencies,
    digits_answer,
    images,
    latencies,
    read_job,
    since,
    startup_answer,
    timed_fits,
)


def digits_model(epochs: int) -> MLPClassifier:
    """784-128-10 for exactly this many epochs a fit; each fit goes on where the last one stopped."""
    return MLPClassifier(
        hidden_layer_sizes=(128,),
        batch_size=32,  # pyright: ignore[reportArgumentType]
        alpha=0.0,
        epsilon=1e-7,
        max_iter=epochs,
        n_iter_no_change=10_000,
        warm_start=True,
    )


def toy(job: Job) -> None:
    """500 epochs from a cold process, then again. Its loss is half the mean squared error: twice the rate."""
    model = MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        alpha=0.0,
        batch_size=6,  # pyright: ignore[reportArgumentType]
        learning_rate_init=0.02,
        momentum=0.0,
        nesterovs_momentum=False,
        max_iter=job.epochs,
        n_iter_no_change=10_000,
        warm_start=True,
    )

    def fit(_: int) -> None:
        model.fit(TOY_X[:, None], TOY_Y)

    fit(job.epochs)
    cold = since(job)
    times = timed_fits(job, fit)
    score = float(model.predict(np.array([[10.0]]))[0])
    answer({"toy_cold": [cold], "toy_warm": [t * job.epochs for t in times], "score": score})


def digits(job: Job) -> None:
    """The first epoch from a cold process, then warm epochs."""
    x, y = images(job)
    x = x.reshape(len(x), -1)
    model = digits_model(1)
    model.fit(x, y)
    first = since(job)

    def fit(epochs: int) -> None:
        model.set_params(max_iter=epochs)
        model.fit(x, y)

    times = timed_fits(job, fit)
    digits_answer(job, first, times, float(model.score(x[:10_000], y[:10_000])))


def startup(job: Job) -> None:
    """The first step of the digits network in this process, then the same again."""
    x, y = np.zeros((job.images, 784)), np.arange(job.images) % 10
    model = digits_model(1)
    startup_answer(job, lambda: model.partial_fit(x, y, classes=np.arange(10)))


def _fitted(job: Job) -> tuple[MLPClassifier, np.ndarray]:
    """A network whose weights come from a short fit, and images to predict."""
    x, y = images(job, test=True)
    x = x.reshape(len(x), -1)
    return digits_model(1).fit(x[:1000], y[:1000]), x


def predict(job: Job) -> None:
    """One sample's probabilities."""
    model, x = _fitted(job)
    answer(latencies(job, model.predict_proba, x))


def latency(job: Job) -> None:
    """Probabilities of batches of 32 and of 1,024."""
    model, x = _fitted(job)
    answer(batch_latencies(job, model.predict_proba, x))


WORKLOADS = {f.__name__: f for f in (startup, toy, digits, predict, latency)}


def main() -> None:
    """Run the job in the first argument."""
    job = read_job()
    np.random.seed(job.seed)
    WORKLOADS[job.workload](job)


if __name__ == "__main__":
    main()
