"""SwapEMAWeights, in real training: what is tested, saved and kept is the average; what is trained are the weights."""

import keras
import numpy as np
import pytest

import ranvier
from ranvier.core.errors import ArgumentError

X = np.random.default_rng(0).random((32, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def make(module, **arguments):
    model = module.Sequential(
        [module.Input((3,)), module.layers.Dense(1, kernel_initializer="zeros", use_bias=False, name="d")]
    )
    model.compile(module.optimizers.SGD(0.1, **arguments), "mse")
    return model


def seen_weights(module, model, notes):
    """A callback that notes the first weight wherever it is called."""

    def note(where):
        return lambda *args, **kwargs: notes.append((where, float(np.asarray(model.get_weights()[0])[0, 0])))

    hooks = ["on_epoch_begin", "on_epoch_end", "on_test_begin", "on_test_end", "on_train_end"]
    return module.callbacks.LambdaCallback(**{hook: note(hook) for hook in hooks})


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_as_keras(swap_on_epoch):
    found = []
    for module in (ranvier, keras):
        model, notes = make(module, use_ema=True, ema_momentum=0.9), []
        swap = module.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
        callbacks = [swap, seen_weights(module, model, notes)]
        history = model.fit(
            X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0, validation_data=(X, Y), callbacks=callbacks
        )
        found.append((notes, history.history["val_loss"], model.evaluate(X, Y, verbose=0, callbacks=[swap])))
    (ours, our_losses, our_end), (theirs, their_losses, their_end) = found
    assert [where for where, _ in ours] == [where for where, _ in theirs]
    np.testing.assert_allclose([w for _, w in ours], [w for _, w in theirs], rtol=1e-5)
    np.testing.assert_allclose([*our_losses, our_end], [*their_losses, their_end], rtol=1e-5)


def test_training_goes_on_as_without_it():
    ends = []
    for callbacks in ([], [ranvier.callbacks.SwapEMAWeights(swap_on_epoch=True)]):
        model = make(ranvier, use_ema=True, ema_momentum=0.9)
        model.fit(X, Y, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y), callbacks=callbacks)
        ends.append(model.get_weights()[0])
    assert np.array_equal(*ends)


def test_an_optimizer_without_average_is_refused():
    with pytest.raises(ArgumentError, match="use_ema=True"):
        make(ranvier).evaluate(X, Y, verbose=0, callbacks=[ranvier.callbacks.SwapEMAWeights()])
