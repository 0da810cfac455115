"""A small training run in a process of its own, to be killed.

It does what a person's script would do, and at its end writes all final bits to a file: weights, optimizer, metrics,
History, the callbacks' attributes and the CSV file. ``python child.py`` reads lines ``VARIANT FOLDER OUT``, and for each
starts such a process; imports are shared, so that starting costs little.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

import numpy as np

import ranvier
from ranvier import callbacks, layers
from ranvier.training import resume as resuming

SAMPLES, BATCH, EPOCHS = 100, 8, 10


class Noting(callbacks.Callback):
    """A person's own callback: plain attributes, a NumPy generator, and a pause at each batch for kills to fall into."""

    def __init__(self, pause: float):
        self.pause = pause
        self.seen: list[float] = []
        self.totals = {"batches": 0}
        self.generator = np.random.default_rng(7)

    def on_train_begin(self, logs=None):
        print("training", flush=True)

    def on_train_batch_end(self, batch, logs=None):
        self.totals["batches"] += 1
        self.seen.append(float(self.generator.random() + np.random.random()) + logs["loss"])
        time.sleep(self.pause)


class Hooked(callbacks.Callback):
    """A person's own callback whose state is no plain attribute."""

    def __init__(self):
        self.values = iter(range(1000))
        self.given = 0

    def on_epoch_end(self, epoch, logs=None):
        self.given = next(self.values) + 1
        logs["given"] = float(self.given)

    def get_state(self):
        return {"given": self.given}

    def set_state(self, state):
        self.given = state["given"]
        self.values = iter(range(self.given, 1000))


class Batches(ranvier.utils.PyDataset):
    """A dataset that changes from epoch to epoch."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y, self.order = x, y, np.arange(len(x))
        self.generator = np.random.default_rng(5)

    def __len__(self):
        return -(-SAMPLES // BATCH)

    def __getitem__(self, index):
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.order = self.generator.permutation(len(self.x))


def endless(x, y):
    """A plain generator with randomness of its own."""
    generator = np.random.default_rng(3)
    while True:
        rows = generator.integers(0, len(x), BATCH)
        yield x[rows], y[rows]


def make(dropout: bool):
    """A small compiled model."""
    middle = [layers.Dropout(0.3), layers.BatchNormalization()] if dropout else []
    model = ranvier.Sequential([ranvier.Input((6,)), layers.Dense(16, "relu"), *middle, layers.Dense(3, "softmax")])
    model.compile(ranvier.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(variant: str, folder: str, out: str) -> None:
    """Train; see the module."""
    # `fit(resume=)` backs up once a second at the most; runs as short as these need more for a kill to find some.
    resuming.LEAST_SECONDS, resuming.SHARE = 0.0, 3
    kind, _, validated = variant.partition("+")
    pause = float(os.environ.get("PAUSE", "0.003"))
    ranvier.utils.set_random_seed(11)
    generator = np.random.default_rng(1)
    x = generator.normal(size=(SAMPLES, 6)).astype("float32")
    y = (x[:, 0] * 2 + x[:, 1] + generator.normal(size=SAMPLES) * 0.5 > 0).astype("int32") + (x[:, 2] > 0.5)
    model = make(dropout=kind != "plain")
    watched = "val_loss" if validated else "loss"
    noting, csv = Noting(pause), str(Path(folder).with_suffix(".csv"))
    hooks = [
        noting,
        Hooked(),
        callbacks.ReduceLROnPlateau(watched, factor=0.5, patience=1, min_delta=0.02),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.97),
        callbacks.EarlyStopping(watched, patience=4, min_delta=0.05, restore_best_weights=True),
        callbacks.CSVLogger(csv, append=kind == "steps"),
    ]
    options: dict = {"epochs": EPOCHS, "verbose": 0, "callbacks": hooks}
    if validated:
        options["validation_data"] = (x[:30] + 0.1, y[:30])
    data: dict = {"x": x, "y": y, "batch_size": BATCH, "shuffle": kind != "plain"}
    if kind == "plain":
        data["sample_weight"] = np.linspace(0.5, 1.5, SAMPLES).astype("float32")
    elif kind == "steps":  # a number that does not divide the 13 steps of an epoch
        hooks.insert(0, callbacks.BackupAndRestore(folder, save_freq=5, delete_checkpoint=False))
        data["class_weight"] = {0: 1.0, 1: 2.0, 2: 0.5}
    elif kind == "dataset":
        data = {"x": Batches(x, y), "shuffle": True}
    elif kind == "generator":
        data = {"x": endless(x, y), "steps_per_epoch": 9}
    if kind in ("steps", "dataset"):
        hooks.append(
            callbacks.ModelCheckpoint(folder + ".best.weights.h5", watched, save_best_only=True, save_weights_only=True)
        )
    if kind != "steps":
        options["resume"] = folder
    history = model.fit(**data, **options)
    found = {f"history/{name}": np.array(values) for name, values in history.history.items()}
    found["epochs"] = np.array(history.epoch)
    for i, variable in enumerate([*model.variables, *model.optimizer.variables, *model.metrics_variables]):
        found[f"variable/{i}"] = variable.numpy()
    found["noted"] = np.array(noting.seen if kind in ("plain", "shuffle", "steps") else noting.totals["batches"])
    found["after"] = np.array(
        [np.random.random() if kind in ("plain", "shuffle", "steps") else 0, noting.generator.random()]
    )
    found["stopping"] = np.array([hooks[-1].best if kind in ("steps", "dataset") else 0.0])
    found["csv"] = np.frombuffer(Path(csv).read_bytes(), np.uint8)
    np.savez(out + ".part.npz", **found)
    os.replace(out + ".part.npz", out)


def serve() -> None:
    """Start a process for each line, and tell its number, when it trains, and how it ended."""
    for line in sys.stdin:
        process = os.fork()
        if not process:
            try:
                main(*line.split())
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(process, flush=True)
        print("ended", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
