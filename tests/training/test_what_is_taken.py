"""A call takes from a generator what it was asked to take, keeps what `predict` assigns, and stops when it is told to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import layers, metrics, ops
from ranvier.core.errors import DataError, DataWarning

WIDTH = 2


def network():
    model = ranvier.Sequential([layers.Input((WIDTH,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def batches(drawn, pairs=True):
    """An endless generator that notes what was drawn."""
    for number in itertools.count():
        drawn.append(number)
        x = np.full((3, WIDTH), number % 7, "float32")
        yield (x, np.zeros((3, 1), "float32")) if pairs else (x,)


class Stop(ranvier.callbacks.Callback):
    """Ends whatever runs after so many calls of a hook, and notes the hooks' steps."""

    def __init__(self, after=None):
        self.after, self.begun, self.ended, self.outputs = after, [], [], []

    def _begin(self, batch, logs=None):
        self.begun.append(batch)

    def _end(self, batch, logs=None):
        self.ended.append(batch)
        self.outputs.append((logs or {}).get("outputs"))
        if len(self.ended) == self.after:
            self.model.stop_training = self.model.stop_evaluating = self.model.stop_predicting = True

    on_train_batch_begin = on_test_batch_begin = on_predict_batch_begin = _begin
    on_train_batch_end = on_test_batch_end = on_predict_batch_end = _end


RUNS = {
    "fit": lambda m, data, steps, **o: m.fit(data, steps_per_epoch=steps, epochs=2, verbose=0, **o),
    "evaluate": lambda m, data, steps, **o: m.evaluate(data, steps=steps, verbose=0, **o),
    "predict": lambda m, data, steps, **o: m.predict(data, steps=steps, verbose=0, **o),
    "validation": lambda m, data, steps, **o: m.fit(
        np.ones((4, WIDTH)), np.ones((4, 1)), validation_data=data, validation_steps=steps, verbose=0, **o
    ),
}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    run=st.sampled_from(sorted(RUNS)),
    steps=st.integers(1, 7),
    heard=st.booleans(),
    together=st.integers(1, 3),
)
def test_a_generator_gives_what_was_asked_for(run, steps, heard, together):
    drawn: list[int] = []
    model, data = network(), batches(drawn)
    model.steps_per_execution = together
    for calls in (1, 2):
        RUNS[run](model, data, steps, callbacks=[Stop()] if heard else None)
        assert len(drawn) == calls * steps * (2 if run == "fit" else 1)
    assert next(data)[0][0, 0] == (len(drawn) - 1) % 7  # and the generator is still open


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize(("run", "on"), [("fit", "batches"), ("evaluate", "batches"), ("predict", "batches")])
def test_what_is_stopped_takes_no_more(run, on, together):
    drawn: list[int] = []
    model, stop = network(), Stop(after=2)
    model.steps_per_execution = together
    RUNS[run](model, batches(drawn), 50, callbacks=[stop])
    assert len(drawn) == 2 * together
    assert stop.ended == [together - 1, 2 * together - 1]


def test_iterables_of_other_kinds_give_what_was_asked_for():
    class Squares(ranvier.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return np.full((3, WIDTH), index, "float32"), np.zeros((3, 1), "float32")

    model = network()
    for data in (Squares(), Squares(workers=2), iter(list(Squares()) * 4)):
        seen = []
        listener = ranvier.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs, seen=seen: seen.append(batch)
        )
        model.fit(data, steps_per_epoch=2, epochs=2, verbose=0, callbacks=[listener])
        assert seen == [0, 1, 0, 1]
        assert model.predict(data, steps=2, verbose=0).shape == (6, 1)


def test_a_dataset_is_iterated_over_once():
    class Rows(ranvier.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return np.full((2, 1), index), np.zeros((2, 1))

    class Endless(Rows):
        num_batches = None

    assert [batch[0][0, 0] for batch in Rows()] == [0, 1, 2]
    assert [batch[0][0, 0] for batch in itertools.islice(Endless(), 5)] == [0, 1, 2, 3, 4]


def test_what_runs_out_says_so():
    with pytest.warns(DataWarning, match="ran out"):
        network().evaluate(itertools.islice(batches([]), 3), steps=5, verbose=0)


# --- hooks of several steps ---------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.integers(1, 40),
    together=st.integers(1, 5),
    run=st.sampled_from(["fit", "evaluate", "predict"]),
    stream=st.booleans(),
)
def test_hooks_come_once_for_each_execution(rows, together, run, stream):
    batch, model, seen = 3, network(), Stop()
    model.steps_per_execution = together
    x = np.random.default_rng(rows).random((rows, WIDTH)).astype("float32")
    y = np.ones((rows, 1), "float32")
    cuts = range(0, rows, batch)
    data = ((x[i : i + batch], y[i : i + batch]) for i in cuts) if stream else x
    options = {"callbacks": [seen], "verbose": 0, **({} if stream else {"batch_size": batch})}
    if run == "predict":
        outputs = model.predict(data, **options)
        np.testing.assert_allclose(np.concatenate(seen.outputs), outputs, rtol=1e-6)
        np.testing.assert_allclose(outputs, np.asarray(model(x)), rtol=1e-4, atol=1e-6)
    elif stream:
        getattr(model, run)(data, steps_per_epoch=len(cuts), **options) if run == "fit" else model.evaluate(
            data, **options
        )
    else:
        getattr(model, run)(x, y, **options)
    steps = len(cuts)
    assert seen.begun == list(range(0, steps, together))
    assert seen.ended == [min(i + together, steps) - 1 for i in range(0, steps, together)]


@pytest.mark.parametrize("run", ["fit", "evaluate", "predict"])
def test_flags_end_a_run_on_arrays(run):
    model, x, y = network(), np.ones((40, WIDTH)), np.ones((40, 1))
    for _ in range(2):  # the flag of the last run does not stop the next
        stop = Stop(after=3)
        if run == "predict":
            assert model.predict(x, batch_size=4, callbacks=[stop], verbose=0).shape == (12, 1)
        else:
            getattr(model, run)(x, y, batch_size=4, callbacks=[stop], verbose=0)
        assert stop.ended == [0, 1, 2]


# --- what `predict` assigns ---------------------------------------------------------------------------------------------


class Noise(layers.Layer):
    """Dropout in `predict`, too."""

    def __init__(self):
        super().__init__()
        self.gen = ranvier.random.SeedGenerator(3)

    def call(self, x):
        return ranvier.random.dropout(x, 0.5, seed=self.gen)


class Counter(layers.Layer):
    """Counts its calls, and gives the count."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign_add(1.0)
        return 0 * x + self.count


def of(layer, shape=(5,)):
    inputs = layers.Input(shape)
    return ranvier.Model(inputs, layer(inputs))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.integers(1, 13), batch=st.integers(1, 5), eager=st.booleans(), stream=st.booleans())
def test_a_counter_counts_in_predict(rows, batch, eager, stream):
    model = of(Counter())
    model.compile("sgd", "mse", run_eagerly=eager)
    x = np.ones((rows, 5), "float32")
    cut = [x[i : i + batch] for i in range(0, rows, batch)]
    data = ((part,) for part in cut) if stream else x
    outputs = model.predict(data, verbose=0, **({} if stream else {"batch_size": batch}))
    assert float(model.layers[1].count) == len(cut)
    np.testing.assert_array_equal(outputs[:, 0], np.repeat(np.arange(1, len(cut) + 1), [len(part) for part in cut]))
    model.predict_on_batch(x)
    assert float(model.layers[1].count) == len(cut) + 1


def test_noise_is_new_in_each_predict_and_each_batch():
    model, x = of(Noise(), (30,)), np.ones((8, 30), "float32")
    first, second = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert not np.array_equal(first, second)
    parts = model.predict(x, batch_size=4, verbose=0)
    assert not np.array_equal(parts[:4], parts[4:])
    same = of(layers.Dense(3), (5,))
    np.testing.assert_array_equal(same.predict(x[:, :5], verbose=0), same.predict(x[:, :5], verbose=0))


def test_an_own_predict_step_keeps_what_it_counts():
    class Own(ranvier.Sequential):
        def __init__(self, *args):
            super().__init__(*args)
            self.seen = metrics.Sum(name="seen")

        def predict_step(self, data):
            self.seen.update_state(ops.ones(ops.shape(data)[0]))
            return self(data)

    model = Own([layers.Input((WIDTH,)), layers.Dense(1)])
    model.predict(np.ones((7, WIDTH)), batch_size=2, verbose=0)
    assert float(model.seen.result()) == 7.0


@pytest.mark.parametrize("padded", [True, False])
def test_models_that_assign_nothing_compile_no_more_than_before(padded, compiled):
    model = ranvier.Sequential([layers.Input((WIDTH,)), layers.Dense(1) if padded else layers.Lambda(lambda x: x + 1)])
    model.predict(np.ones((4, WIDTH)), verbose=0)
    del compiled[:]
    model.predict(np.ones((4, WIDTH)), verbose=0)
    model.predict(np.ones((8, WIDTH)), batch_size=4, verbose=0)
    assert len([name for name in compiled if "run" in name or "step" in name]) == 1


@pytest.mark.parametrize("at", [0, 1, 17, 29])
@pytest.mark.parametrize("how", ["fit", "evaluate", "validation"])
def test_a_wrong_label_is_refused_wherever_a_stream_has_it(at: int, how: str):
    def stream():
        for i in range(30):
            y = np.full(8, i % 4)
            y[3] = 4 if i == at else 0
            yield np.ones((8, 3), "float32"), y

    model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y, after = (
        (np.ones((8, 3)), np.zeros(8), {"validation_data": stream()}) if how == "validation" else (stream(), None, {})
    )
    call = model.evaluate if how == "evaluate" else model.fit
    with pytest.raises(DataError, match=r"\] = 4 is too large"):
        call(x, y, verbose=0, **after)
