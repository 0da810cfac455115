"""However `fit` goes through the data (in one program, in chunks, step by step, from streams, eagerly), it is the same `fit`."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import layers

WIDTH = 3

PARTS = {
    "dense": lambda: layers.Dense(4, "tanh"),
    "dropout": lambda: layers.Dropout(0.3),
    "norm": lambda: layers.BatchNormalization(),
    "noise": lambda: layers.GaussianNoise(0.1),
    "penalty": lambda: layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l1"),
    "recurrent": lambda: layers.Bidirectional(layers.SimpleRNN(2)),
}


class Batches(ranvier.utils.PyDataset):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, index):
        return self.parts[index]


class EveryBatch(ranvier.callbacks.Callback):
    """Asks for every batch, and looks at the model there."""

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((batch, logs["loss"], self.model.get_weights()[0].sum()))


class EveryEpoch(ranvier.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        assert np.isfinite(self.model.get_weights()[0]).all()


def ways(x, y, weight, batch, epochs, shuffle):
    """Each way: what `compile` is given besides, and what `fit` is given."""
    arrays = {"x": x, "y": y, "sample_weight": weight, "batch_size": batch, "shuffle": shuffle}
    yield "epochs in one program", {}, arrays
    yield "chunks", {}, arrays | {"callbacks": [EveryEpoch()]}
    yield "validation between", {}, arrays | {"validation_data": (x, y)}
    yield "step by step", {}, arrays | {"callbacks": [EveryBatch()]}
    yield "a few steps at once", {"steps_per_execution": 2}, arrays | {"callbacks": [EveryBatch()]}
    yield "eagerly", {"run_eagerly": True}, arrays
    if shuffle:
        return
    whole = (x, y) if weight is None else (x, y, weight)
    parts = [tuple(a[i : i + batch] for a in whole) for i in range(0, len(x), batch)]
    repeated = (part for _ in range(epochs) for part in parts)
    yield "a generator", {}, {"x": repeated, "steps_per_epoch": len(parts)}
    yield "a dataset", {}, {"x": Batches(parts), "shuffle": False}
    stepwise = {"x": Batches(parts), "shuffle": False, "callbacks": [EveryBatch()]}
    yield "a dataset step by step", {"steps_per_execution": 3}, stepwise


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=2),
    rows=st.integers(1, 14),
    batch=st.integers(1, 6),
    epochs=st.integers(1, 3),
    weighted=st.booleans(),
    shuffle=st.booleans(),
    optimizer=st.sampled_from(["sgd", "adam", "rmsprop"]),
)
def test_all_ways_train_alike(names, rows, batch, epochs, weighted, shuffle, optimizer):
    recurrent = names[0] == "recurrent"
    names = [name for i, name in enumerate(names) if i == 0 or name != "recurrent"]
    rng = np.random.default_rng(rows)
    x = rng.random((rows, 2, WIDTH) if recurrent else (rows, WIDTH)).astype("float32")
    y = rng.random((rows, 1)).astype("float32")
    weight = rng.random(rows).astype("float32") if weighted else None
    expected = None
    for way, compiled, arguments in ways(x, y, weight, batch, epochs, shuffle):
        ranvier.utils.set_random_seed(7)
        model = ranvier.Sequential([layers.Input(x.shape[1:]), *(PARTS[name]() for name in names), layers.Dense(1)])
        model.compile(optimizer, "mse", metrics=["mae"], weighted_metrics=["mse"], **compiled)
        history = model.fit(**arguments, epochs=epochs, verbose=0).history
        history = {name: values for name, values in history.items() if not name.startswith("val_")}
        found = history, model.get_weights(), [v.numpy() for v in model.optimizer.variables]
        if expected is None:
            expected = found
            continue
        assert list(found[0]) == list(expected[0]), way
        for name, values in expected[0].items():
            np.testing.assert_allclose(found[0][name], values, rtol=2e-4, atol=1e-5, err_msg=f"{way}: {name}")
        for a, b in zip([*found[1], *found[2]], [*expected[1], *expected[2]], strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4, err_msg=way)
