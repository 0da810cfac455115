"""The workloads as people write them by hand in PyTorch: data already tensors, indexed by a permutation.

That is faster than a `DataLoader`, whose collation alone costs more than a step of these networks.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks.work import pytorch_networks as networks
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
    warm_answer,
)
from benchmarks.work.synthetic import pictures, sequences, tokens

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Two peers run this: images in PyTorch's own format, and channels-last.
FORMAT = torch.channels_last if os.environ.get("BENCHMARK_CHANNELS_LAST") else torch.contiguous_format


def placed(model: nn.Module) -> nn.Module:
    """The model on the device, in the memory format of this process."""
    return model.to(DEVICE, memory_format=FORMAT)  # pyright: ignore[reportCallIssue]


def epochs_of(model: nn.Module, x: torch.Tensor, y: torch.Tensor, batch_size: int) -> Callable[[int], float]:
    """A function that trains for some epochs and returns the last epoch's accuracy."""
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)

    def fit(epochs: int) -> float:
        model.train()
        accuracy = 0.0
        for _ in range(epochs):
            right = torch.zeros((), device=DEVICE)
            total = torch.zeros((), device=DEVICE)
            for index in torch.randperm(len(x), device=DEVICE).split(batch_size):
                batch, labels = x[index], y[index]
                optimizer.zero_grad()
                logits = model(batch)
                loss = criterion(logits, labels)
                loss.backward()
                optimizer.step()
                total += loss.detach() * len(index)
                right += (logits.detach().argmax(1) == labels).sum()
            accuracy = float(right) / len(x)
        return accuracy

    return fit


def tensors(x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples and labels on the device; pictures (n, h, w, c) as (n, c, h, w) in this process's memory format."""
    data = torch.from_numpy(x).to(DEVICE)
    if data.ndim == 4:
        data = data.permute(0, 3, 1, 2).contiguous(memory_format=FORMAT)
    return data, torch.from_numpy(y).to(DEVICE)


def toy(job: Job) -> None:
    """500 epochs from a cold process, then again."""
    x = torch.tensor(TOY_X, dtype=torch.float32, device=DEVICE)[:, None]
    y = torch.tensor(TOY_Y, dtype=torch.float32, device=DEVICE)[:, None]
    model = nn.Linear(1, 1).to(DEVICE)
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def fit(epochs: int) -> None:
        for _ in range(epochs):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()

    fit(job.epochs)
    cold = since(job)
    times = timed_fits(job, fit)
    with torch.inference_mode():
        score = float(model(torch.tensor([[10.0]], device=DEVICE)))
    answer({"toy_cold": [cold], "toy_warm": [t * job.epochs for t in times], "score": score})


def startup(job: Job) -> None:
    """The first step of the digits network in this process, then the same again."""
    x, y = np.zeros((job.images, 28, 28), "float32"), np.arange(job.images) % 10
    fit = epochs_of(placed(networks.digits_model()), *tensors(x, y), job.images)
    startup_answer(job, lambda: fit(1))


def digits(job: Job) -> None:
    """The first epoch from a cold process, then warm epochs."""
    fit = epochs_of(placed(networks.digits_model()), *tensors(*images(job)), 32)
    scores = [fit(1)]
    first = since(job)
    times = timed_fits(job, lambda epochs: scores.append(fit(epochs)))
    digits_answer(job, first, times, scores[-1])


def _warm_epochs(job: Job, model: nn.Module, x: np.ndarray, y: np.ndarray, batch_size: int) -> None:
    fit = epochs_of(placed(model), *tensors(x, y), batch_size)
    scores = [fit(1)]
    times = timed_fits(job, lambda epochs: scores.append(fit(epochs)))
    warm_answer(job, times, scores[-1])


def b2(job: Job) -> None:
    """Warm epochs of the enhanced MLP."""
    _warm_epochs(job, networks.b2_model(), *images(job), 32)


def cnn(job: Job) -> None:
    """Warm epochs of the small CNN."""
    x, y = images(job)
    _warm_epochs(job, networks.cnn_model(), x[..., None], y, 128)


def cifar(job: Job) -> None:
    """Warm epochs of the CIFAR-like CNN."""
    _warm_epochs(job, networks.cifar_model(), *pictures(job.images, 32), 32)


def mobile(job: Job) -> None:
    """Warm epochs of the depthwise-separable CNN."""
    _warm_epochs(job, networks.mobile_model(), *pictures(job.images, 64), 32)


def lstm(job: Job) -> None:
    """Warm epochs of the LSTM over rows of images."""
    _warm_epochs(job, networks.Lstm(), *images(job), 64)


def transformer(job: Job) -> None:
    """Warm epochs of the Transformer block."""
    _warm_epochs(job, networks.Transformer(), *sequences(job.images), 32)


def embedding(job: Job) -> None:
    """Warm epochs of the averaged embedding."""
    _warm_epochs(job, networks.Embedding(), *tokens(job.images), 32)


def _predictor() -> Callable[[np.ndarray], np.ndarray]:
    """From NumPy to NumPy through the digits network."""
    model = networks.digits_model().eval().to(DEVICE)

    def call(samples: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(samples).to(DEVICE)).softmax(1).cpu().numpy()

    return call


def predict(job: Job) -> None:
    """One sample from NumPy to NumPy."""
    answer(latencies(job, _predictor(), images(job, test=True)[0]))


def latency(job: Job) -> None:
    """Batches of 32 and of 1,024 from NumPy to NumPy."""
    answer(batch_latencies(job, _predictor(), images(job, test=True)[0]))


WORKLOADS = {
    f.__name__: f
    for f in (startup, toy, digits, b2, cnn, cifar, mobile, lstm, transformer, embedding, predict, latency)
}


def main() -> None:
    """Run the job in the first argument."""
    job = read_job()
    torch.manual_seed(job.seed)
    WORKLOADS[job.workload](job)


if __name__ == "__main__":
    main()
