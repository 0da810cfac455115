"""Short cuts are optimisations of a law: with and without filled rows, the same numbers for every layer and size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import layers
from ranvier.training import program

from ..catalogue import CASES
from ..layers.test_laws import symbolic_inputs

BATCH = 4


def without_short_cuts(monkeypatch, compute):
    """`compute()` with every batch run in its own size."""
    with monkeypatch.context() as patched:
        patched.setattr(program, "is_rowwise", lambda model: False)
        patched.setattr(program, "is_fillable", lambda model: False)
        return compute()


def agree(found, expected):
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for name, value in expected.items():
            agree(found[name], value)
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            agree(a, b)
    else:
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def rows_of(case, rows):
    """So many different rows for a layer of the catalogue."""
    inputs = [case.inputs(seed) for seed in range(rows)]
    cut = [i if isinstance(case.shape, list) else [i] for i in inputs]
    arrays = [np.concatenate([one[k][:1] for one in cut]) for k in range(len(case.shapes))]
    return arrays if isinstance(case.shape, list) else arrays[0]


def targets_for(outputs, rows):
    """Targets that fit every output, none of them alike."""
    numbers = itertools.count()

    def leaf(like):
        size = rows * int(np.prod(like.shape[1:]))
        return np.sin(np.arange(size) + next(numbers), dtype="float32").reshape(rows, *like.shape[1:])

    return [leaf(t) for t in outputs] if isinstance(outputs, (list, tuple)) else leaf(outputs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer(case, monkeypatch):
    if any(None in t.shape[1:] for t in ranvier.tree.flatten(symbolic_inputs(case))):
        pytest.skip("sizes that a trace does not know")
    rows = 3  # filled up to 4; the property below mixes whole and filled batches
    x, inputs = rows_of(case, rows), symbolic_inputs(case)
    outputs = case.make(layers)(inputs)
    if isinstance(outputs, dict) or any(None in t.shape[1:] for t in ranvier.tree.flatten(outputs)):
        pytest.skip("no targets for such outputs")
    model = ranvier.Model(inputs, outputs)

    found = model.predict(
        x, batch_size=rows, verbose=0
    )  # some layers' shapes are others than a trace says, as in Keras

    def numbers():
        model.compile("sgd", "mse", metrics=[["mae"]] * len(outputs) if isinstance(outputs, (list, tuple)) else ["mae"])
        y = targets_for(found, rows)
        given = (x, y) if not isinstance(x, list) else (tuple(x), y)
        return [model.evaluate(*given, batch_size=BATCH, verbose=0), model.predict(x, batch_size=BATCH, verbose=0)]

    agree(numbers(), without_short_cuts(monkeypatch, numbers))


RANKS = {
    0: lambda i: layers.Reshape(())(layers.Dense(1)(i)),
    1: lambda i: layers.Dense(1)(i),
    2: lambda i: layers.Dense(3)(i),
    3: lambda i: layers.Reshape((3, 1))(layers.Dense(3)(i)),
    4: lambda i: layers.Reshape((2, 1, 3))(layers.Dense(6)(i)),
}
LOSSES = ["mse", "mae", "binary_crossentropy", "huber", "log_cosh", "cosine_similarity", "hinge", "poisson"]
METRICS = ["mae", "mse", "BinaryAccuracy", "CosineSimilarity", "RootMeanSquaredError", "R2Score", "Precision"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rank=st.sampled_from(sorted(RANKS)),
    scalar=st.booleans(),
    rows=st.integers(1, 11),
    batch=st.integers(1, 6),
    loss=st.sampled_from(LOSSES),
    metrics=st.lists(st.sampled_from(METRICS), max_size=2, unique=True),
    weighted=st.sampled_from([None, "rows", "steps"]),
    nested=st.sampled_from(["one", "list", "dict"]),
    column=st.booleans(),
)
@example(0, False, 3, 32, "mse", [], None, "one", False)
@example(0, True, 5, 4, "mae", ["mse"], "rows", "one", False)
def test_ranks_sizes_weights_and_structures(
    monkeypatch, rank, scalar, rows, batch, loss, metrics, weighted, nested, column
):
    rng = np.random.default_rng(rows)
    inputs = layers.Input(() if scalar else (2,))
    wide = layers.Reshape((1,))(inputs) if scalar else inputs
    out = layers.Activation("sigmoid")(RANKS[rank](wide))
    if rank not in (1, 2):
        metrics = [m for m in metrics if m != "R2Score"]
    outputs = {"one": out, "list": [out, RANKS[2](wide)], "dict": {"a": out, "b": RANKS[2](wide)}}[nested]
    model = ranvier.Model(inputs, outputs)
    x = rng.random((rows,) if scalar else (rows, 2)).astype("float32")
    y = rng.random((rows, *out.shape[1:])).astype("float32")
    if column and out.shape[1:] == (1,):
        y = y[:, 0]
    weight = {None: None, "rows": rng.random(rows), "steps": rng.random((rows, *out.shape[1:2]))}[weighted]
    if (weighted == "steps" and (rank < 3 or nested != "one")) or (rank == 0 and metrics):
        weight = None  # these do not fit the values

    def numbers():
        if nested == "one":
            model.compile("sgd", loss, metrics=list(metrics), weighted_metrics=list(metrics))
            given = y
        else:
            name = {"list": 0, "dict": "a"}[nested]
            model.compile("sgd", {"a": loss} if nested == "dict" else [loss, None])
            given = {"a": y} if name == "a" else [y, np.zeros((rows, 3), "float32")]
        options = {"batch_size": batch, "verbose": 0}
        found = [
            model.predict(x, **options),
            model.evaluate(x, given, sample_weight=weight, return_dict=True, **options),
        ]
        if nested == "one":
            found.append(model.test_on_batch(x, given, weight, return_dict=True))
            valid = (x, given) if weight is None else (x, given, weight)
            start = model.get_weights()
            found.append(model.fit(x, given, validation_data=valid, shuffle=False, **options).history)
            model.set_weights(start)
        return found

    agree(numbers(), without_short_cuts(monkeypatch, numbers))
