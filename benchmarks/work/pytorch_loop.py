"""The workloads as people write them by hand in PyTorch: data already tensors, indexed by a permutation.

That is faster than a `DataLoader`, whose collation alone costs more than a step of these networks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks.work.common import (
    TOY_X,
    TOY_Y,
    Job,
    answer,
    digits_answer,
    images,
    latencies,
    read_job,
    since,
    timed_fits,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def digits_model() -> nn.Module:
    """784-128-10, logits out."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).to(DEVICE)


def b2_model() -> nn.Module:
    """784-256-128-10 with batch normalisation (Keras's momentum and epsilon) and dropout."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.BatchNorm1d(256, eps=1e-3, momentum=0.01),
        nn.Dropout(0.5),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.BatchNorm1d(128, eps=1e-3, momentum=0.01),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    ).to(DEVICE)


def cnn_model() -> nn.Module:
    """Two convolutions with pooling, dropout, ten outputs; in channels-last layout, the faster one."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(1600, 10),
    ).to(DEVICE, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


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


def tensors(job: Job, channels: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels on the device; with a channels axis (n, 1, 28, 28) for convolutions."""
    x, y = images(job)
    data = torch.from_numpy(x).to(DEVICE)
    if channels:
        data = data[:, None].contiguous(memory_format=torch.channels_last)
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


def digits(job: Job) -> None:
    """The first epoch from a cold process, then warm epochs."""
    fit = epochs_of(digits_model(), *tensors(job), 32)
    score = fit(1)
    first = since(job)
    times = timed_fits(job, fit)
    digits_answer(job, first, times, score)


def _warm_epochs(job: Job, fit: Callable[[int], float]) -> None:
    score = fit(1)
    answer({job.workload: timed_fits(job, fit), "score": score})


def b2(job: Job) -> None:
    """Warm epochs of the enhanced MLP."""
    _warm_epochs(job, epochs_of(b2_model(), *tensors(job), 32))


def cnn(job: Job) -> None:
    """Warm epochs of the small CNN."""
    _warm_epochs(job, epochs_of(cnn_model(), *tensors(job, channels=True), 128))


def predict(job: Job) -> None:
    """One sample from NumPy to NumPy."""
    x, _ = images(job, test=True)
    model = digits_model().eval()

    def call(sample: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(sample).to(DEVICE)).softmax(1).cpu().numpy()

    answer(latencies(job, call, x))


WORKLOADS = {f.__name__: f for f in (toy, digits, b2, cnn, predict)}


def main() -> None:
    """Run the job in the first argument."""
    job = read_job()
    torch.manual_seed(job.seed)
    WORKLOADS[job.workload](job)


if __name__ == "__main__":
    main()
