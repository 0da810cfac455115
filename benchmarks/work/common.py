"""What all workers share: the job, the data, the clock, the answer. Imports NumPy and the standard library only."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "TOY_X",
    "TOY_Y",
    "Job",
    "answer",
    "digits_answer",
    "images",
    "latencies",
    "one_hot",
    "peak_memory",
    "read_job",
    "since",
    "timed_fits",
]

# y = 2x − 1, the first network of every tutorial.
TOY_X = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
TOY_Y = np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0])


@dataclass(frozen=True)
class Job:
    """What a worker has to do: see `benchmarks.plan.Size` for the sizes.

    Args:
        workload: the name of the workload.
        module: the module to import.
        started: `time.monotonic` in the runner just before this process was started; the clock is the machine's.
        data: path of ``mnist.npz``.
        images: training images in an epoch.
        epochs: epochs in a timed fit.
        fits: timed fits; 0 stops after the cold start.
        calls: predictions of one sample, at most.
        seed: for initial weights and order.
    """

    workload: str
    module: str
    started: float
    data: str
    images: int
    epochs: int
    fits: int
    calls: int
    seed: int


def read_job() -> Job:
    """The job in the first argument. Warnings (of deprecated arguments, of convergence) are not the matter here."""
    warnings.simplefilter("ignore")
    return Job(**json.loads(sys.argv[1]))


def since(job: Job) -> float:
    """Seconds since the runner started this process."""
    return time.monotonic() - job.started


def answer(figures: dict[str, Any]) -> None:
    """Give the runner the figures."""
    print("RESULT " + json.dumps(figures))


def images(job: Job, test: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Images as (n, 28, 28) float32 in [0, 1] and labels as (n,) int64, the first `job.images` of them."""
    part = "test" if test else "train"
    with np.load(job.data) as file:
        x, y = file[f"x_{part}"], file[f"y_{part}"]
    if not test:
        x, y = x[: job.images], y[: job.images]
    return x.astype("float32") / 255, y.astype("int64")


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Labels as (n, 10) float32."""
    return np.eye(10, dtype="float32")[labels]


def timed_fits(job: Job, fit: Callable[[int], Any]) -> list[float]:
    """Seconds per epoch of each timed fit, after everything is warm; one is enough for those who take long."""
    times: list[float] = []
    while len(times) < job.fits and sum(times) * job.epochs < 10:
        begin = time.perf_counter()
        fit(job.epochs)
        times.append((time.perf_counter() - begin) / job.epochs)
    return times


def latencies(job: Job, predict: Callable[[np.ndarray], Any], x: np.ndarray) -> dict[str, list[float]]:
    """Median and 99th percentile in seconds of predictions of one sample (1, …), each of another sample."""
    samples = [x[i : i + 1] for i in range(100)]
    for sample in samples[:20]:
        predict(sample)
    times: list[float] = []
    stop = time.perf_counter() + 6  # slow peers give fewer calls, enough for a median
    while len(times) < job.calls and (len(times) < 100 or time.perf_counter() < stop):
        sample = samples[len(times) % 100]
        begin = time.perf_counter()
        predict(sample)
        times.append(time.perf_counter() - begin)
    return {"predict": [float(np.median(times))], "predict_p99": [float(np.quantile(times, 0.99))]}


def peak_memory() -> int:
    """The largest resident set of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def digits_answer(job: Job, first: float, times: list[float], score: float) -> None:
    """The answer of the digits workload: a cold process only tells its first epoch."""
    figures: dict[str, Any] = {"first_epoch": [first], "score": score}
    if job.fits:
        figures |= {"digits": times, "memory": [peak_memory()]}
    answer(figures)
