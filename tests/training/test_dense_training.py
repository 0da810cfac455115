"""Dense networks trained by the compiled kernel in all ways there are: the same bits however the steps are cut into calls."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import warnings
from typing import Any

import jax
import keras
import numpy as np
import pytest

import ranvier as rv
from ranvier import callbacks, layers, metrics, optimizers
from ranvier.core.errors import DataError, RanvierWarning
from ranvier.training.state import TrainState

from .beside_general import (
    OPTIMIZERS,
    SPARSE,
    Counted,
    General,
    assert_close,
    both,
    data_of,
    model_of,
    needs_kernel,
    state_of,
)

pytestmark = [needs_kernel, pytest.mark.usefixtures("only_dense_kernel")]

# --- ways of training ---------------------------------------------------------------------------------------------------


def _small() -> Any:
    return [layers.Dense(9, "relu"), layers.Dropout(0.3), layers.Dense(3, "softmax")]


@pytest.mark.parametrize(
    "fit",
    [
        {"validation_split": 0.3}, {"shuffle": False}, {"shuffle": "batch"}, {"batch_size": 70}, {"batch_size": 100},
        {"batch_size": 35, "epochs": 5}, {"steps_per_epoch": 3, "epochs": 1}, {"verbose": 2}, {"initial_epoch": 1, "epochs": 3},
    ],
    ids=str,
)  # fmt: skip
def test_ways_to_fit(fit: Any, capsys: Any):
    both(lambda: model_of(_small, optimizer="adam", metrics=["accuracy"]), data_of(70), tolerance=2e-4, **fit)


def test_many_steps_and_epochs():
    """More than are counted side by side, a number that is no multiple of them, and an incomplete last batch."""
    both(lambda: model_of(_small, metrics=["accuracy"]), data_of(75 * 3 + 2), batch_size=3, epochs=3, tolerance=1e-4)


@pytest.mark.parametrize(
    "weights", [{"class_weight": {0: 1.0, 1: 5.0, 2: 0.0}}, {"sample_weight": np.arange(64.0)}], ids=str
)
def test_weights_are_left_to_the_general_program(weights: Any, counted: Counted):
    x, y = data_of()
    found = []
    for general in (False, True):
        model = model_of(_small, weighted_metrics=["accuracy"])
        if general:
            with General():
                model.fit(x, y, verbose=0, **weights)
        else:
            model.fit(x, y, verbose=0, **weights)
        found.append(state_of(model))
    assert not counted.made
    for part, values in found[0].items():
        for a, b in zip(values, found[1][part], strict=True):
            np.testing.assert_array_equal(a, b)


class Batches(callbacks.Callback):
    """Notes what callbacks are told, and the first weight they see."""

    def __init__(self):
        super().__init__()
        self.told = []

    def on_train_batch_end(self, batch, logs=None):
        self.told.append([batch, *logs.values(), float(self.model.trainable_variables[0].numpy().sum())])


def test_callbacks_at_every_batch(counted: Counted):
    x, y = data_of()
    heard, general = Batches(), Batches()
    model_of(_small, optimizer="adam").fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[heard])
    assert counted.made
    with General():
        model_of(_small, optimizer="adam").fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[general])
    assert len(heard.told) == 8
    np.testing.assert_allclose(heard.told, general.told, rtol=1e-4, atol=1e-4)


def test_generators(counted: Counted):
    x, y = data_of(96)

    def batches() -> Any:
        for i in range(0, 96, 20):
            yield x[i : i + 20], y[i : i + 20]

    found = []
    for general in (False, True):
        model = model_of(_small, optimizer="adam", metrics=["accuracy"])
        if general:
            with General():
                history = model.fit(batches(), verbose=0).history
        else:
            history = model.fit(batches(), verbose=0).history
            assert counted.made
        found.append((state_of(model), history))
    assert_close(found[0][0], found[1][0], 2e-4)
    for name, values in found[1][1].items():
        np.testing.assert_allclose(found[0][1][name], values, rtol=1e-4)


class Largest(metrics.Metric):
    """A metric that does not add up: the largest output so far, of batches in which anything is above the threshold."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.most = self.add_variable((), "zeros", name="most")
        self.batches = self.add_variable((), "ones", name="batches")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.most.assign(jax.numpy.maximum(self.most.value, y_pred.max()))
        self.batches.assign(self.batches.value * 2)

    def result(self):
        return self.most.value + self.batches.value

    def reset_state(self):
        self.most.assign(0.0)
        self.batches.assign(1.0)


class OwnMean(metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_pred[:, 0] * self.total.value)


@pytest.mark.parametrize(
    "counts",
    [
        [Largest], [lambda: OwnMean(name="m")], [lambda: "accuracy", Largest],
        [lambda: metrics.SparseTopKCategoricalAccuracy(2), lambda: "accuracy", lambda: "sparse_categorical_crossentropy"],
        [lambda: lambda y_true, y_pred: y_pred.max(-1)],
    ],
)  # fmt: skip
def test_metrics_of_labels(counts: Any):
    both(lambda: model_of(_small, metrics=[c() for c in counts]), data_of(), batch_size=9)


def test_all_metrics_are_counted_alike():
    """Batches are counted side by side only by metrics that add them up."""
    options: dict[str, Any] = {
        "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,), "PrecisionAtRecall": (0.5,),
        "RecallAtPrecision": (0.5,), "OneHotMeanIoU": (3,), "OneHotIoU": (3, [0, 1]), "BinaryIoU": ([0, 1],),
        "F1Score": ("macro",), "FBetaScore": ("macro",),
        "MeanRelativeError": (np.ones(3, "float32"),),
    }  # fmt: skip
    bases_and_others = ("Metric", "MeanMetricWrapper", "Mean", "Sum", "MeanIoU", "IoU")  # the last two take classes
    found = {
        n: k
        for n, k in vars(metrics).items()
        if isinstance(k, type) and issubclass(k, metrics.Metric) and n not in bases_and_others
    }
    kinds = {n: k for n, k in found.items() if not n.startswith("Sparse")}
    assert len(kinds) > 30
    x, y = data_of(120)
    target = np.eye(3, dtype="float32")[y]
    stack = lambda: [layers.Dense(5, "relu"), layers.Dense(3, "softmax")]  # noqa: E731

    def make() -> Any:
        counts = [k(*options.get(n, ()), name=n.lower()) for n, k in kinds.items()]
        return model_of(stack, loss="mse", metrics=counts)

    both(make, (x, target), batch_size=6, epochs=1, tolerance=1e-4)


@pytest.mark.filterwarnings("ignore::ranvier.core.errors.DataWarning")
@pytest.mark.parametrize(("at", "every"), [(0, False), (37, False), (69, False), (37, True), (69, True)])
def test_a_bad_loss_is_warned_of_with_its_step(at: int, every: bool):
    x, y = data_of(70)
    x[at, 2] = np.nan
    model = model_of(_small, metrics=["accuracy"])
    hooks = [Batches()] if every else []
    with pytest.warns(RanvierWarning, match=f"at step {at // 16} of epoch 1"):
        model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0, callbacks=hooks)
    with pytest.warns(RanvierWarning, match="at step 0 of epoch 1"):
        model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)


def test_no_warning_without_reason():
    x, y = data_of()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model_of(_small).fit(x, y, batch_size=16, epochs=2, verbose=0)


def test_a_mistaken_label_is_refused_as_ever():
    x, y = data_of()
    y[13] = 3
    with pytest.raises(DataError, match=r"y\[13\] = 3 is too large"):
        model_of(_small).fit(x, y, verbose=0)


# --- the same bits ------------------------------------------------------------------------------------------------------


def _wide() -> Any:
    return [layers.Dense(130, "relu"), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3, "softmax")]


@pytest.mark.parametrize("how", ["rows", "slices", "stacked"])
def test_the_bits_do_not_depend_on_the_lengths_of_calls(how: str):
    batch = 8
    x, y = data_of(40 * batch, (140,))
    model = model_of(_wide, (140,), optimizer="adam", metrics=["accuracy", "sparse_categorical_crossentropy"])
    programs = model._prepare((x[:4], y[:4], None), learn=True)
    assert programs._dense(True) is not None
    begin = jax.tree.map(np.array, TrainState.take(programs.roles))
    order: Any = np.random.default_rng(0).permutation(len(x)).astype("int32") if how == "rows" else None
    data: Any = (x.reshape(-1, batch, 140), y.reshape(-1, batch), None) if how == "stacked" else (x, y, None)
    run = programs.chunk(True, 0 if how == "stacked" else batch, how)
    results = []
    for cuts in ([0, 40], [0, 40], [0, 3, 40], [0, 5, 5, 37, 40], list(range(41))):
        state, logs = jax.tree.map(np.array, begin), {}
        for start, stop in itertools.pairwise(cuts):
            state, logs = run(state, data, order, start, stop)
        results.append([np.asarray(v) for v in (*jax.tree.leaves(tuple(state[:4])), *logs.values())])
    for found in results[1:]:
        for a, b in zip(found, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_training_by_batches_by_chunks_and_at_once_gives_the_same_bits():
    """With a callback at every batch, with somebody watching, and with nobody looking."""
    x, y = data_of(100)
    results = []
    for fit in ({}, {"callbacks": [Batches()]}, {"verbose": 1}, {"callbacks": [callbacks.Callback()]}):
        model = model_of(_small, optimizer="adam", metrics=["accuracy"])
        history = model.fit(x, y, **({"batch_size": 7, "epochs": 4, "verbose": 0} | fit)).history
        results.append((state_of(model), history))
    for state, history in results[1:]:
        assert history == results[0][1]
        for part, values in state.items():
            for a, b in zip(values, results[0][0][part], strict=True):
                np.testing.assert_array_equal(a, b)


_BITS = """
import sys; sys.path.insert(0, sys.argv[1])
import hashlib, numpy as np, ranvier as rv
from ranvier import layers
rv.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(1000, 300)).astype("float32"), rng.integers(0, 5, 1000)
model = rv.Sequential([rv.Input((300,)), layers.Dense(600, "relu"), layers.BatchNormalization(), layers.Dropout(0.3),
                       layers.Dense(200, "tanh"), layers.Dense(5, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=2, batch_size=300, verbose=0).history
assert model._programs._dense(True) is not None
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights()) + repr(history).encode()).hexdigest())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_the_bits_do_not_depend_on_the_number_of_threads():
    """Nor do they differ from run to run."""
    processors = sorted(os.sched_getaffinity(0))
    found = []
    for allowed in (processors[:1], processors, processors):
        code = f"import os; os.sched_setaffinity(0, {allowed!r})\n{_BITS}"
        run = subprocess.run(
            [sys.executable, "-c", code, "src"],
            capture_output=True, text=True, timeout=120, env={**os.environ, "RANVIER_KERNELS": "1"},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        found.append(run.stdout.strip())
    assert len(set(found)) == 1


# --- beside other things that models do ---------------------------------------------------------------------------------


def test_nothing_is_compiled_twice(compiled: list[str]):
    x, y = data_of(100)
    model = model_of(_small, optimizer="adam", metrics=["accuracy"])
    for hooks in ([], [callbacks.Callback()], [Batches()]):
        model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=hooks)
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    compiled.clear()
    for hooks in ([], [callbacks.Callback()], [Batches()]):
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=hooks)
    assert not compiled


def test_single_batches_mix_with_fit(counted: Counted):
    x, y = data_of(64)

    def run() -> Any:
        model = model_of(_small, optimizer="adam", metrics=["accuracy"])
        told = [list(model.train_on_batch(x[:9], y[:9])) for _ in range(3)]
        model.fit(x, y, batch_size=16, verbose=0)
        told.append(list(model.train_on_batch(x, y)))
        told.append(list(model.train_on_batch(x[:9], y[:9], sample_weight=np.arange(9.0))))
        told.append(list(model.train_on_batch(x[:9], y[:9], class_weight={0: 1.0, 1: 2.0, 2: 0.5})))
        told.append(list(model.evaluate(x, y, verbose=0)))
        model.fit(x, y, batch_size=16, verbose=0, validation_data=(x, y))
        return state_of(model), told

    ours = run()
    assert counted.made
    with General():
        theirs = run()
    assert_close(ours[0], theirs[0], 3e-4)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-3, atol=1e-5)


def test_changes_between_and_during_fits_are_seen(counted: Counted):
    x, y = data_of(64)

    class Halve(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.1 / 2**epoch

        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                self.model.layers[0].bias.assign(self.model.layers[0].bias.value * 0 + 0.5)

    def run() -> Any:
        model = model_of(_small, optimizer=OPTIMIZERS["momentum"])
        model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[Halve()])
        model.fit(
            x, y, batch_size=16, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda e, r: r / 3)]
        )
        model.optimizer.learning_rate = 0.3
        model.set_weights([w * 0.5 for w in model.get_weights()])
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        model.layers[0].trainable = False  # which has a program of its own
        kernel = model.layers[0].kernel.numpy()
        model.compile(optimizers.SGD(0.1), SPARSE)
        made = counted.made
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        assert counted.made == made
        np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)
        model.layers[0].trainable = True
        model.compile(optimizers.RMSprop(0.01), SPARSE)
        model.fit(x, y, batch_size=16, epochs=1, verbose=0)
        return state_of(model)

    ours = run()
    assert counted.made
    with General():
        theirs = run()
    assert_close(ours, theirs, 3e-4)


def test_early_stopping_restores_the_best_weights():
    x, y = data_of(64)
    seen = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs["val_loss"], self.model.get_weights()))

    model = model_of(
        lambda: [layers.Dense(40, "relu"), layers.Dense(3, "softmax")], optimizer=lambda: optimizers.Adam(0.05)
    )
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model.fit(x[:40], y[:40], validation_data=(x[40:], y[40:]), epochs=60, verbose=0, callbacks=[Look(), stop])
    best = min(range(len(seen)), key=lambda i: seen[i][0])
    assert len(seen) == best + 3
    for a, b in zip(model.get_weights(), seen[best][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_interrupted_training_leaves_the_model_usable():
    x, y = data_of(64)

    class Interrupt(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    model = model_of(_small, optimizer="adam")
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=8, verbose=0, callbacks=[Interrupt()])
    assert int(model.optimizer.iterations) == 3
    assert any((a != b).any() for a, b in zip(model.get_weights(), before, strict=True))
    assert np.isfinite(model.fit(x, y, batch_size=8, verbose=0).history["loss"]).all()


def test_outputs_in_a_list_and_a_dict():
    x, y = data_of()
    for wrap in (lambda t: [t], lambda t: {"a": t}):

        def make(wrap: Any = wrap) -> Any:
            rv.utils.set_random_seed(7)
            inputs = rv.Input((5,))
            model = rv.Model(inputs, wrap(layers.Dense(3, "softmax", name="a")(inputs)))
            model.compile("sgd", SPARSE, metrics=["accuracy"])
            return model

        targets = wrap(y) if isinstance(wrap(y), dict) else y
        ours = make()
        ours.fit(x, targets, verbose=0)
        with General():
            theirs = make()
            theirs.fit(x, targets, verbose=0)
        assert_close(state_of(ours), state_of(theirs))


def test_in_float64_processes():
    """Where JAX has 64 bits, indices and rates are still the kernel's."""
    x, y = data_of()
    jax.config.update("jax_enable_x64", True)  # the fixture of every test switches it off again
    both(lambda: model_of(_small, optimizer=OPTIMIZERS["cosine"], metrics=["accuracy"]), (x, y), tolerance=1e-4)
    heard = Batches()
    model_of(_small, optimizer="adam").fit(x, y, batch_size=16, verbose=0, callbacks=[heard])
    assert len(heard.told) == 4


@pytest.mark.parametrize("optimizer", ["nesterov", "adam", "rmsprop"])
def test_twenty_steps_beside_keras(optimizer: str):
    """The same weights, data and order give the same loss after every epoch and the same weights."""
    x, y = data_of(80, (12,))
    made = {
        "nesterov": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        "adam": lambda k: k.optimizers.Adam(0.01),
        "rmsprop": lambda k: k.optimizers.RMSprop(0.01),
    }[optimizer]

    def make(k: Any) -> Any:
        model = k.Sequential([
            k.Input((12,)), k.layers.Rescaling(0.5), k.layers.Dense(20, use_bias=False), k.layers.BatchNormalization(),
            k.layers.Activation("relu"), k.layers.Dense(10, activation="elu"), k.layers.Dense(3, activation="softmax"),
        ])  # fmt: skip
        model.compile(made(k), SPARSE, metrics=["accuracy"])
        return model

    ours, theirs = make(rv), make(keras)
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])
    arguments = {"epochs": 5, "batch_size": 20, "shuffle": False, "verbose": 0}
    found, expected = ours.fit(x, y, **arguments).history, theirs.fit(x, y, **arguments).history
    assert ours._programs._dense(True) is not None
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-4, err_msg=name)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-3, atol=2e-4)
