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
    "batch_latencies",
    "digits_answer",
    "images",
    "latencies",
    "one_hot",
    "peak_memory",
    "pixels",
    "read_job",
    "since",
    "startup_answer",
    "timed_fits",
    "warm_answer",
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


def pixels(job: Job, test: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Images as (n, 28, 28) uint8 and labels as (n,) int64, the first `job.images` of them for training."""
    part = "test" if test else "train"
    with np.load(job.data) as file:
        x, y = file[f"x_{part}"], file[f"y_{part}"].astype("int64")
    return (x, y) if test else (x[: job.images], y[: job.images])


def images(job: Job, test: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The same with images as float32 in [0, 1]."""
    x, y = pixels(job, test)
    return x.astype("float32") / 255, y


def one_hot(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """Labels as (n, classes) float32."""
    return np.eye(classes, dtype="float32")[labels]


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
    times = _call_times(job.calls, predict, [x[i : i + 1] for i in range(100)], 5)
    return {"predict": [float(np.median(times))], "predict_p99": [float(np.quantile(times, 0.99))]}


def batch_latencies(job: Job, predict: Callable[[np.ndarray], Any], x: np.ndarray) -> dict[str, list[float]]:
    """Median seconds of predictions of 32 and of 1,024 samples."""
    found = {}
    for size in (32, 1024):
        times = _call_times(job.calls, predict, [x[i * size : (i + 1) * size] for i in range(len(x) // size)], 2)
        found[f"predict_{size}"] = [float(np.median(times))]
    return found


def _call_times(calls: int, predict: Callable[[Any], Any], batches: list[np.ndarray], seconds: float) -> list[float]:
    """Seconds of each call after some to get warm; slow peers give fewer, enough for a median."""
    for batch in batches[:20]:
        predict(batch)
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while len(times) < calls and (len(times) < 20 or time.perf_counter() < stop):
        batch = batches[len(times) % len(batches)]
        begin = time.perf_counter()
        predict(batch)
        times.append(time.perf_counter() - begin)
    return times


def peak_memory() -> int:
    """The largest resident set of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def digits_answer(job: Job, first: float, times: list[float], score: float) -> None:
    """The answer of the digits workload: a cold process only tells its first epoch."""
    figures: dict[str, Any] = {"first_epoch": [first], "score": score}
    if job.fits:
        figures |= {"digits": times, "memory": [peak_memory()]}
    answer(figures)


def startup_answer(job: Job, step: Callable[[], Any]) -> None:
    """The answer of the start-up workload: `step` trains once; compilation is what the first call takes beyond others."""
    begin = time.perf_counter()
    step()
    end, since_start = time.perf_counter(), since(job)
    later = []
    for _ in range(3):
        again = time.perf_counter()
        step()
        later.append(time.perf_counter() - again)
    answer({"startup": [since_start], "compile": [max(end - begin - min(later), 0.0)]})


def warm_answer(job: Job, times: list[float], score: float) -> None:
    """The answer of a workload of warm epochs."""
    answer({job.workload: times, f"{job.workload}_memory": [peak_memory()], "score": score})
