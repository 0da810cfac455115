"""A training run on the devices of this process (or of several), for the tests beside it; prints what came of it."""

from __future__ import annotations

import json
import os
import sys

import numpy as np

import ranvier
from ranvier import distribution, layers


def network() -> ranvier.Model:
    """Dense layers, batch statistics and dropout: what could notice that a batch is cut."""
    ranvier.utils.set_random_seed(3)
    inputs = ranvier.Input((12,))
    hidden = layers.Dense(16, activation="relu", name="wide")(inputs)
    hidden = layers.Dropout(0.3)(layers.BatchNormalization()(hidden))
    model = ranvier.Model(inputs, layers.Dense(4, name="narrow")(hidden))
    model.compile("adam", "mse", metrics=["mae"])
    return model


def run(way: str) -> dict:
    """Train, evaluate and predict in one of the ways ``"one"``, ``"data"``, ``"model"``, ``"stream"``."""
    kind = None
    if way in ("data", "stream"):
        kind = distribution.DataParallel()
    elif way == "model":
        count = distribution.get_device_count()
        mesh = distribution.DeviceMesh((2, count // 2), ("batch", "model"))
        layouts = distribution.LayoutMap(mesh)
        layouts["wide/kernel"] = (None, "model")
        layouts["wide/bias"] = ("model",)
        layouts["narrow/kernel"] = ("model", None)
        layouts["wide/output"] = ("batch", "model")
        kind = distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    distribution.set_distribution(kind)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 12)).astype("float32"), rng.normal(size=(70, 4)).astype("float32")
    model = network()
    if way == "stream":
        batches = [(x[i : i + 16], y[i : i + 16]) for i in range(0, 70, 16)]
        history = model.fit(iter(batches * 3), epochs=3, steps_per_epoch=5, verbose=0).history
    else:
        history = model.fit(x, y, batch_size=16, epochs=3, verbose=0).history
    scores, predictions = model.evaluate(x, y, verbose=0), model.predict(x, verbose=0).tolist()
    kernel, slot = model.get_layer("wide").kernel.value, model.optimizer._momentums[0].value
    return {
        "history": history,
        "scores": scores,
        "predictions": predictions,
        "piece": list(kernel.addressable_shards[0].data.shape),
        "slot": list(slot.addressable_shards[0].data.shape),
        "devices": len(kernel.sharding.device_set),
        "collective": "all-reduce" in _program_text(model, x, y),
    }


def _program_text(model: ranvier.Model, x: np.ndarray, y: np.ndarray) -> str:
    """The compiled training step."""
    from ranvier.training.state import TrainState

    programs = model._programs
    state = TrainState.take(programs.roles)
    return programs.single(True).lower(state, (x[:16], y[:16], None), 0).compile().as_text()


if __name__ == "__main__":
    if "RANVIER_TEST_PROCESS" in os.environ:
        distribution.initialize(os.environ["RANVIER_TEST_ADDRESS"], 2, int(os.environ["RANVIER_TEST_PROCESS"]))
    print("RESULT", json.dumps({way: run(way) for way in sys.argv[1:]}))
