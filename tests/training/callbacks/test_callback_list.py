"""CallbackList calls hooks as Keras's does, and tells the loops what they may skip."""

import keras
import numpy as np
import pytest

from ranvier import callbacks
from ranvier.core.errors import ArgumentError, ArgumentTypeError

HOOKS = [name for name in vars(callbacks.Callback) if name.startswith("on_")]
KINDS = ("train", "test", "predict")


class Spy(callbacks.Callback):
    """Notes how each method was called."""

    def __init__(self):  # deliberately without super().__init__(), as people write callbacks
        self.calls = []

    def __getattribute__(self, name):
        if name.startswith(("on_", "set_")):
            return lambda *args, **kwargs: self.calls.append((name, args, kwargs))
        return super().__getattribute__(name)


def test_hooks_are_called_as_keras_calls_them():
    ours, theirs = Spy(), Spy()
    lists = (
        callbacks.CallbackList([ours], model=(model := object()), verbose=0, epochs=2),
        keras.callbacks.CallbackList([theirs], model=model, verbose=0, epochs=2),
    )
    logs = {"b": np.float32(1.5), "a": np.array(2), "more": {"z": 1}}
    for hooks in lists:
        hooks.on_train_begin()
        hooks.on_epoch_begin(0)
        hooks.on_train_batch_begin(3)
        hooks.on_train_batch_end(3, dict(logs))
        hooks.on_batch_begin(4)
        hooks.on_batch_end(4, dict(logs))
        hooks.on_test_begin()
        hooks.on_test_batch_begin(1)
        hooks.on_test_batch_end(1, dict(logs))
        hooks.on_test_end(dict(logs))
        hooks.on_epoch_end(0, dict(logs))
        hooks.on_train_end(dict(logs))
        hooks.on_predict_begin()
        hooks.on_predict_batch_begin(0)
        hooks.on_predict_end()
    ours.calls = [call for call in ours.calls if call[0] not in ("set_model", "set_params")]
    theirs.calls = [call for call in theirs.calls if call[0] not in ("set_model", "set_params")]
    renamed = {"on_batch_begin": "on_train_batch_begin", "on_batch_end": "on_train_batch_end"}
    assert [(renamed.get(n, n), a, k) for n, a, k in ours.calls] == [
        (renamed.get(n, n), a, k) for n, a, k in theirs.calls
    ]
    assert list(ours.calls[3][2]["logs"]) == ["a", "b", "z"]
    assert all(type(v) is float for v in ours.calls[3][2]["logs"].values())


def test_defaults_are_added_once(fake_model):
    history = callbacks.History()
    hooks = callbacks.CallbackList([[history], (callbacks.TerminateOnNaN(),)], True, True, fake_model, steps=3)
    assert [type(c).__name__ for c in hooks.callbacks] == ["History", "TerminateOnNaN", "ProgbarLogger"]
    assert fake_model.history is history
    assert all(c.params == {"steps": 3} and c.model is fake_model for c in [hooks, *hooks.callbacks])


def test_outputs_of_predict_stay_as_they_are():
    spy = Spy()
    outputs = {"probability": np.ones((1, 1)), "logit": np.zeros((1, 1))}
    callbacks.CallbackList(spy).on_predict_batch_end(0, {"outputs": outputs})
    assert spy.calls == [("on_predict_batch_end", (0,), {"logs": {"outputs": outputs}})]


def test_what_one_callback_adds_to_the_logs_the_next_one_sees(fake_model):
    hooks = callbacks.CallbackList([callbacks.LearningRateScheduler(lambda e: 0.5)], add_history=True, model=fake_model)
    given = {"loss": 1.0}
    hooks.on_train_begin()
    hooks.on_epoch_begin(0)
    hooks.on_epoch_end(0, given)
    assert fake_model.history.history == {"loss": [1.0], "learning_rate": [0.5]}
    assert given == {"loss": 1.0}


@pytest.mark.parametrize("hook", HOOKS)
def test_wants_exactly_what_is_overridden(hook):
    overriding = type("Own", (callbacks.Callback,), {hook: lambda self, *args, **kwargs: None})()
    of_keras = type("Theirs", (keras.callbacks.Callback,), {hook: lambda self, *args, **kwargs: None})()
    functions = callbacks.LambdaCallback(**{hook: lambda *args, **kwargs: None})
    for callback in (overriding, of_keras, functions):
        hooks = callbacks.CallbackList([callbacks.History(), callback], add_progbar=False)
        kind = "train" if hook.startswith("on_batch") else hook.split("_")[1]
        for k in KINDS:
            wanted = "batch" in hook and k == kind
            assert getattr(hooks, f"wants_{k}_batches") == getattr(hooks, f"hears_{k}_batches") == wanted
        assert hooks.wants_epochs == (kind == "epoch")


def test_optional_hooks_are_heard_but_not_wanted():
    hooks = callbacks.CallbackList([callbacks.TerminateOnNaN()], add_history=True, add_progbar=True)
    assert not any(getattr(hooks, f"wants_{k}_batches") for k in KINDS)
    assert all(getattr(hooks, f"hears_{k}_batches") for k in KINDS)
    assert hooks.wants_epochs


def test_recorders_can_be_told_afterwards(tmp_path):
    hooks = callbacks.CallbackList([callbacks.CSVLogger(tmp_path / "log.csv")], add_history=True)
    assert not hooks.wants_epochs
    assert not callbacks.CallbackList().wants_epochs


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (callbacks.EarlyStopping, r"Did you mean EarlyStopping\(…\)"),
        ([print], "LambdaCallback"),
        ("early_stopping", "Callback objects"),
    ],
)
def test_what_is_no_callback(given, says):
    with pytest.raises(ArgumentTypeError, match=says):
        callbacks.CallbackList(given)


def test_lambda_callback(fake_model):
    seen = []
    callback = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])),
        on_batch_end=lambda batch, logs: seen.append(batch),
        on_train_end=lambda logs: seen.append("end"),
    )
    hooks = callbacks.CallbackList(callback, model=fake_model)
    hooks.on_train_begin()
    hooks.on_train_batch_end(7, {"loss": 1.0})
    hooks.on_epoch_end(0, {"loss": 2.0})
    hooks.on_train_end()
    assert seen == [7, (0, 2.0), "end"]
    with pytest.raises(ArgumentError, match="Did you mean 'on_epoch_end'"):
        callbacks.LambdaCallback(on_epochs_end=print)
    kept = callbacks.LambdaCallback(on_my_event=seen.append, on_epoch_end=None)
    kept.on_my_event("mine")
    assert seen[-1] == "mine"
    with pytest.raises(ArgumentTypeError, match="on_epoch_end must be a function"):
        callbacks.LambdaCallback(on_epoch_end="print")


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_terminate_on_nan_as_keras(fake_model_class, capsys, loss):
    printed = []
    for kind in (callbacks.TerminateOnNaN, keras.callbacks.TerminateOnNaN):
        callback, model = kind(), fake_model_class()
        callback.set_model(model)
        callback.on_train_batch_end(2, {"loss": 1.0})
        assert not model.stop_training
        callback.on_train_batch_end(3, {"loss": loss})
        callback.on_epoch_end(0, {"loss": loss})  # nothing is said twice
        assert model.stop_training
        printed.append(capsys.readouterr().out)
        with pytest.raises(RuntimeError, match="batch 3"):
            kind(raise_error=True).on_train_batch_end(3, {"loss": loss})
    assert printed[0] == printed[1]


def test_terminate_on_nan_at_the_end_of_an_epoch(fake_model, capsys):
    callback = callbacks.TerminateOnNaN()
    callback.set_model(fake_model)
    callback.on_epoch_end(0, {"loss": 1.0})
    assert not fake_model.stop_training
    callback.on_epoch_end(1, {"loss": float("nan")})
    assert fake_model.stop_training
    assert capsys.readouterr().out == "Epoch 2: Invalid loss, terminating training\n"
