"""What is measured: workloads (one process each), the figures each yields, and their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FIGURES", "LEARNT", "NEED_MNIST", "SEEDS", "WORKLOADS", "Figure", "Size", "sizes"]

WORKLOADS = (
    "import",
    "startup",
    "toy",
    "digits",
    "b2",
    "cnn",
    "cifar",
    "mobile",
    "lstm",
    "transformer",
    "embedding",
    "population",
    "streaming",
    "folder",
    "predict",
    "latency",
    "accuracy",
)
NEED_MNIST = frozenset({"digits", "b2", "cnn", "lstm", "population", "streaming", "predict", "latency", "accuracy"})
SEEDS = 5


@dataclass(frozen=True)
class Figure:
    """One measured quantity, a row of the report.

    Args:
        key: its name in the JSON and in the workers' answers.
        title: its name for people; fields in braces are sizes of the workload.
        unit: ``"s"``, ``"bytes"``, ``"share"`` or ``"ratio"``.
        workload: the workload whose processes yield it.
    """

    key: str
    title: str
    unit: str
    workload: str

    def heading(self, size: Mapping[str, int]) -> str:
        """The title with the sizes that were run."""
        return self.title.format(**size)


_EPOCHS = {
    "b2": "MLP with BatchNorm and Dropout, an epoch of {images:,}",
    "cnn": "small CNN, an epoch of {images:,}",
    "cifar": "CIFAR-like CNN with BatchNorm, an epoch of {images:,}",
    "mobile": "MobileNet-like depthwise CNN, an epoch of {images:,}",
    "lstm": "LSTM(64) over 28 rows, an epoch of {images:,}",
    "transformer": "Transformer block, 64 tokens of width 64, an epoch of {images:,}",
    "embedding": "embedding of 200 tokens and average, an epoch of {images:,}",
}

FIGURES: tuple[Figure, ...] = (
    Figure("import", "import", "s", "import"),
    Figure("first_model", "import and build a first model", "s", "import"),
    Figure("startup", "process start to first training step of the MLP", "s", "startup"),
    Figure("compile", "first step of the MLP beyond what a later one takes", "s", "startup"),
    Figure("toy_cold", "y = 2x − 1, {epochs} epochs, from process start", "s", "toy"),
    Figure("toy_warm", "y = 2x − 1, {epochs} epochs, second fit", "s", "toy"),
    Figure("first_epoch", "process start to end of first MNIST epoch", "s", "digits"),
    Figure("digits", "digits MLP 784-128-10, an epoch of {images:,}", "s", "digits"),
    *(Figure(key, title, "s", key) for key, title in _EPOCHS.items()),
    Figure("population", "16 candidates of the digits MLP, an epoch of {images:,} of each", "s", "population"),
    Figure(
        "population_alone",
        "16 fits of the digits MLP one after another, over a Population's time",
        "ratio",
        "population",
    ),
    Figure("streaming_memory", "digits MLP, an epoch of {images:,} uint8 images in memory", "s", "streaming"),
    Figure("streaming_memmap", "speed from numpy.memmap over speed in memory", "ratio", "streaming"),
    Figure("streaming_hdf5", "speed from HDF5 over speed in memory", "ratio", "streaming"),
    Figure("folder", "CNN on {images:,} JPEG files of 64×64 in a folder, a later epoch", "s", "folder"),
    Figure("folder_first", "CNN on the same files, the first epoch over them", "s", "folder"),
    Figure("folder_memory", "speed of later epochs over speed on the same pixels in memory", "ratio", "folder"),
    Figure("predict", "predict one sample, median", "s", "predict"),
    Figure("predict_p99", "predict one sample, 99th percentile", "s", "predict"),
    Figure("predict_32", "predict 32 samples, median", "s", "latency"),
    Figure("predict_1024", "predict 1,024 samples, median", "s", "latency"),
    Figure("accuracy", "test accuracy of the demo, {epochs} epochs", "share", "accuracy"),
    Figure("memory", "digits MLP, peak memory", "bytes", "digits"),
    *(Figure(f"{key}_memory", f"{title.split(',')[0]}, peak memory", "bytes", key) for key, title in _EPOCHS.items()),
    Figure("streaming_memory_peak", "digits MLP from numpy.memmap, peak memory", "bytes", "streaming"),
)


@dataclass(frozen=True)
class Size:
    """How much of a workload one process does.

    Args:
        rounds: processes per peer, interleaved: A B C A B C …
        warmups: further processes of ranvier before the first round, not counted: they fill its compilation cache.
        images: training samples in an epoch.
        epochs: epochs in one timed `fit`, whose time is divided by them.
        fits: timed fits after the warm-up fit of one epoch, fewer when they take long.
        calls: predictions, at most.
    """

    rounds: int
    warmups: int = 0
    images: int = 0
    epochs: int = 0
    fits: int = 0
    calls: int = 0


_FULL = {
    "import": Size(rounds=7),
    "startup": Size(rounds=5, warmups=1, images=32, fits=1),
    "toy": Size(rounds=5, images=6, epochs=500, fits=5),
    "digits": Size(rounds=5, warmups=1, images=60_000, epochs=2, fits=1),
    "b2": Size(rounds=3, images=20_000, epochs=2, fits=1),
    "cnn": Size(rounds=5, images=3_840, epochs=2, fits=1),
    "cifar": Size(rounds=5, images=640, epochs=2, fits=1),
    "mobile": Size(rounds=3, images=320, epochs=3, fits=1),
    "lstm": Size(rounds=5, images=2_048, epochs=3, fits=1),
    "transformer": Size(rounds=5, images=640, epochs=2, fits=1),
    "embedding": Size(rounds=3, images=2_048, epochs=2, fits=1),
    "population": Size(rounds=3, images=6_400, epochs=2, fits=3),
    "streaming": Size(rounds=3, images=60_000, epochs=3, fits=3),
    "folder": Size(rounds=3, images=1_920, epochs=2, fits=3),
    "predict": Size(rounds=5, calls=3_000),
    "latency": Size(rounds=3, calls=1_000),
    "accuracy": Size(rounds=SEEDS, images=60_000, epochs=10),
}
_QUICK = {
    "import": Size(rounds=1),
    "startup": Size(rounds=1, warmups=1, images=32, fits=1),
    "toy": Size(rounds=1, images=6, epochs=100, fits=1),
    "digits": Size(rounds=1, images=12_000, epochs=1, fits=1),
    "b2": Size(rounds=1, images=6_000, epochs=1, fits=1),
    "cnn": Size(rounds=1, images=1_280, epochs=1, fits=1),
    "cifar": Size(rounds=1, images=256, epochs=1, fits=1),
    "mobile": Size(rounds=1, images=256, epochs=2, fits=1),
    "lstm": Size(rounds=1, images=2_048, epochs=2, fits=1),
    "transformer": Size(rounds=1, images=256, epochs=1, fits=1),
    "embedding": Size(rounds=1, images=1_024, epochs=1, fits=1),
    "population": Size(rounds=1, images=1_600, epochs=1, fits=1),
    "streaming": Size(rounds=1, images=20_000, epochs=1, fits=1),
    "folder": Size(rounds=1, images=640, epochs=1, fits=1),
    "predict": Size(rounds=1, calls=300),
    "latency": Size(rounds=1, calls=100),
    "accuracy": Size(rounds=1, images=60_000, epochs=10),
}


def sizes(quick: bool, rounds: int | None = None) -> dict[str, Size]:
    """The size of every workload; `rounds` overrides the number of rounds, but for the seeds of the accuracy."""
    table = dict(_QUICK if quick else _FULL)
    if rounds is not None:
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1. Received: {rounds}")
        table = {k: s if k == "accuracy" else Size(**{**vars(s), "rounds": rounds}) for k, s in table.items()}
    return table


# What a run must have learnt to count, lowest and highest: the prediction at 10, then shares of right answers.
LEARNT = {
    "toy": (17.0, 21.0),
    "digits": (0.8, 1.0),
    "b2": (0.7, 1.0),
    "cnn": (0.2, 1.0),
    "cifar": (0.2, 1.0),
    "mobile": (0.15, 1.0),
    "lstm": (0.2, 1.0),
    "transformer": (0.2, 1.0),
    "embedding": (0.55, 1.0),
    "population": (0.8, 1.0),
    "streaming": (0.8, 1.0),
    "folder": (0.2, 1.0),
}
