"""In real training: the same hooks with the same logs, in the same order, as Keras calls them."""

import keras
import numpy as np
import pytest

import ranvier

X = np.random.default_rng(0).random((20, 3)).astype("float32")
Y = X.sum(1, keepdims=True)
HOOKS = [name for name in vars(ranvier.callbacks.Callback) if name.startswith("on_")]

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own


def make(module):
    model = module.Sequential([module.Input((3,)), module.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(module.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


def record(module, calls, hooks=HOOKS):
    """A callback that notes each call: the hook, its number, and what the logs say."""

    def note(hook):
        def call(self, *args, logs=None):
            *number, logs = args if logs is None else (*args, logs)
            values = {k: np.round(np.asarray(v, np.float64), 4).tolist() for k, v in (logs or {}).items()}
            calls.append((hook, *number, values))

        return call

    return type("Record", (module.callbacks.Callback,), {hook: note(hook) for hook in hooks})()


def both(run):
    found = []
    for module in (ranvier, keras):
        calls = []
        run(make(module), record(module, calls))
        found.append(calls)
    return found


@pytest.mark.parametrize(
    "run",
    [
        lambda m, c: m.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0, callbacks=[c], validation_split=0.4),
        lambda m, c: m.fit(X, Y, epochs=4, initial_epoch=2, verbose=0, callbacks=[c]),
        lambda m, c: m.fit(X, Y, epochs=2, validation_data=(X, Y), validation_freq=2, verbose=0, callbacks=[c]),
        lambda m, c: m.evaluate(X, Y, batch_size=8, verbose=0, callbacks=[c]),
        lambda m, c: m.predict(X, batch_size=8, verbose=0, callbacks=[c]),
    ],
    ids=["fit", "initial_epoch", "validation_freq", "evaluate", "predict"],
)
def test_calls_as_keras(run):
    ours, theirs = both(run)
    assert [call[:-1] for call in ours] == [call[:-1] for call in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert list(mine[-1]) == list(other[-1]), mine[:-1]
        for name, value in mine[-1].items():
            np.testing.assert_allclose(value, other[-1][name], atol=2e-4, err_msg=str(mine[:-1]))


@pytest.mark.parametrize("verbose", [0, 2])
@pytest.mark.parametrize("validated", [False, True])
def test_early_stopping_stops_and_restores(verbose, validated):
    ends = []
    for module in (ranvier, keras):
        model = make(module)
        stop = module.callbacks.EarlyStopping("loss", min_delta=0.05, patience=1, restore_best_weights=True)
        data = {"validation_data": (X, Y)} if validated else {}
        history = model.fit(X, Y, epochs=50, shuffle=False, verbose=verbose, callbacks=[stop], **data)
        ends.append((len(history.epoch), stop.best_epoch, stop.stopped_epoch, model.get_weights()[0]))
    assert ends[0][:3] == ends[1][:3]
    assert 1 < ends[0][0] < 50
    np.testing.assert_allclose(ends[0][3], ends[1][3], rtol=1e-4)


def test_learning_rates_reach_the_compiled_program():
    ends = []
    for module in (ranvier, keras):
        model = make(module)
        callbacks = [
            module.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.7),
            module.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.3),
        ]
        history = model.fit(X, Y, epochs=6, shuffle=False, verbose=0, callbacks=callbacks).history
        ends.append([*history["learning_rate"], *history["loss"]])
    np.testing.assert_allclose(*ends, rtol=1e-4)


def test_stopping_in_the_middle_of_an_epoch():
    model, calls = make(ranvier), []

    class Stop(ranvier.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model.fit(
        X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[Stop(), record(ranvier, calls, ["on_train_batch_end"])]
    )
    assert [call[1] for call in calls] == [0, 1]
    assert int(model.optimizer.iterations) == 2


def test_callbacks_written_for_keras_itself_work():
    model, calls = make(ranvier), []
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=100.0)
    history = model.fit(X, Y, epochs=9, verbose=0, callbacks=[stop, record(keras, calls, ["on_epoch_end"])])
    assert history.epoch == [0, 1]
    assert [call[1] for call in calls] == [0, 1]
    assert calls[0][2]["loss"] == pytest.approx(history.history["loss"][0], abs=1e-4)


def test_nan_ends_training():
    model = make(ranvier)
    model.optimizer.learning_rate = 1e30
    x, y = np.tile(X, (100, 1)), np.tile(Y, (100, 1))
    with pytest.warns(ranvier.core.errors.RanvierWarning, match="NaN or infinite"):
        history = model.fit(x, y, epochs=9, batch_size=1, verbose=0, callbacks=[ranvier.callbacks.TerminateOnNaN()])
    assert history.epoch == [0]
    assert int(model.optimizer.iterations) < 2000


@pytest.mark.parametrize("verbose", [0, 2])
def test_optional_hooks_are_told_at_the_edges_of_chunks_and_see_the_model(verbose):
    model, seen = make(ranvier), []

    class Now(ranvier.callbacks.Callback):
        batch_hooks_optional = True

        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["loss"], float(self.model.get_weights()[0][0, 0])))
            self.model.stop_training = len(seen) == 2

    x, y = np.tile(X, (100, 1)), np.tile(Y, (100, 1))
    history = model.fit(x, y, batch_size=1, epochs=3, verbose=verbose, callbacks=[Now()])
    (first, _, _), (batch, loss, weight) = seen
    assert first == 0  # the first chunk is one step: what it takes is mostly compilation
    assert 1 < batch < 1999
    assert int(model.optimizer.iterations) == batch + 1
    assert history.history["loss"] == [pytest.approx(loss)]
    assert weight == model.get_weights()[0][0, 0]
