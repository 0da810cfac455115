"""ProgbarLogger prints what Keras's prints, times aside."""

import re

import keras
import pytest

from ranvier import callbacks

LOGS = {"acc": 0.5, "loss": 0.123456}


def train(hooks, epochs, batches, validate):
    hooks.on_train_begin()
    for epoch in range(epochs):
        hooks.on_epoch_begin(epoch)
        logs = {}
        for batch in batches:
            hooks.on_train_batch_begin(batch)
            logs = {name: value / (epoch + batch + 1) for name, value in LOGS.items()}
            hooks.on_train_batch_end(batch, logs)
        if validate:
            hooks.on_test_begin()
            hooks.on_test_batch_end(0, {"loss": 9.0})
            hooks.on_test_end({"loss": 9.0})
            logs = logs | {"val_loss": 9.0}
        hooks.on_epoch_end(epoch, logs)
    hooks.on_train_end()


def evaluate(hooks, batches):
    hooks.on_test_begin()
    for batch in batches:
        hooks.on_test_batch_end(batch, LOGS)
    hooks.on_test_end(LOGS)


def predict(hooks, batches):
    hooks.on_predict_begin()
    for batch in batches:
        hooks.on_predict_batch_end(batch, {"outputs": [1.0]})
    hooks.on_predict_end()


def final_lines(printed):
    """The headings and completed bars that stay on the screen, without colours and without times."""
    found = []
    for line in re.split("[\r\b\n]+", printed):
        line = re.sub(r"\x1b\[\d+m", "", line).strip()
        line = re.sub(r"\d+s (- )?\S+/step", "TIME", line)
        if re.match(r"(\d+)/\1 ", line) and found and not found[-1].startswith("Epoch"):
            found[-1] = line  # drawn over
        elif re.match(r"Epoch|(\d+)/\1 ", line):
            found.append(line)
    return found


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
@pytest.mark.parametrize("steps", [4, None])
@pytest.mark.parametrize(
    "run",
    [
        lambda hooks: train(hooks, 1, range(4), validate=False),
        lambda hooks: train(hooks, 2, range(4), validate=True),
        lambda hooks: evaluate(hooks, range(4)),
        lambda hooks: predict(hooks, range(4)),
    ],
)
def test_as_keras(capsys, fake_model, verbose, steps, run):
    printed = []
    for module in (callbacks, keras.callbacks):
        params = {"verbose": verbose, "steps": steps, "epochs": 2}
        run(module.CallbackList(add_progbar=True, model=fake_model, **params))
        printed.append(final_lines(capsys.readouterr().out))
    assert printed[0] == printed[1]
    assert bool(printed[0]) == (verbose != 0)


@pytest.mark.parametrize("batches", [[3], [1, 3]])
def test_being_told_now_and_then_is_enough(capsys, fake_model, batches):
    printed = []
    for told in (batches, range(4)):
        hooks = callbacks.CallbackList(add_progbar=True, model=fake_model, verbose=1, steps=4, epochs=1)
        train(hooks, 1, told, validate=False)
        printed.append(final_lines(capsys.readouterr().out))
    assert printed[0] == printed[1]
    assert printed[0][-1].endswith("4/4 ━━━━━━━━━━━━━━━━━━━━ TIME - acc: 0.1250 - loss: 0.0309")
