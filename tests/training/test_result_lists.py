"""The lists that evaluate, train_on_batch and test_on_batch return have their numbers in Keras's order."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier

NAMES = ("z", "a", "m")
X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
METRICS = st.lists(st.sampled_from(["mse", "mae", "cosine_similarity", "root"]), max_size=3, unique=True)


def _made(api: Any, form: str, width: int) -> Any:
    inputs = api.Input((4,))
    heads = {name: api.layers.Dense(1, name=name)(inputs) for name in NAMES[:width]}
    model = api.Model(inputs, heads if form == "dict" else list(heads.values()) if width > 1 else heads["z"])
    weights = np.random.default_rng(3)
    model.set_weights([weights.normal(size=w.shape) for w in model.get_weights()])
    return model


def _metrics(api: Any, names: list[str]) -> list[Any]:
    return [api.metrics.RootMeanSquaredError(name="root") if name == "root" else name for name in names]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_results_in_lists_stand_where_keras_has_them(data: Any):
    form = data.draw(st.sampled_from(["dict", "list"]), label="outputs")
    width = data.draw(st.integers(1, 3), label="heads")
    named = form == "dict" or data.draw(st.booleans(), label="losses by name")
    losses = dict.fromkeys(data.draw(st.permutations(NAMES[:width]), label="losses"), "mse") if named else "mse"
    order = data.draw(st.permutations(NAMES[:width]), label="metrics of")
    chosen = {name: data.draw(METRICS, label=name) for name in order}
    if width == 1 and form == "list":
        losses = "mse"
    found = []
    for api in (keras, ranvier):
        model = _made(api, form, width)
        metrics: Any = {name: _metrics(api, names) for name, names in chosen.items()}
        if width == 1 and form == "list":
            metrics = _metrics(api, chosen["z"])
        model.compile("sgd", loss=losses, metrics=metrics)
        targets = [X[:, :1] * 10**i for i in range(width)]
        y: Any = dict(zip(NAMES, targets, strict=False)) if form == "dict" else targets if width > 1 else targets[0]
        calls = model.evaluate(X, y, verbose=0), model.test_on_batch(X, y), model.train_on_batch(X, y)
        found.append([np.atleast_1d(np.asarray(numbers, "float64")) for numbers in calls])
        if api is ranvier:
            by_name = model.evaluate(X, y, verbose=0, return_dict=True)
            results = model.evaluate(X, y, verbose=0)
            assert dict(zip(model.metrics_names, np.atleast_1d(results), strict=True)) == pytest.approx(by_name)
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5)
