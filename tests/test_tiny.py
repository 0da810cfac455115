"""What every user sees first, in seconds: the tutorial's facts, and that nothing compiles twice."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import ranvier
from ranvier import layers

X = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
Y = 2 * X - 1


def _line(units: list[int]) -> ranvier.Sequential:
    model = ranvier.Sequential([ranvier.Input((1,)), *(layers.Dense(n) for n in units)])
    model.compile("sgd", "mean_squared_error")
    return model


def test_import_loads_nothing_heavy():
    code = "import sys, ranvier; print([m for m in ('jax', 'h5py', 'pandas', 'matplotlib', 'rich', 'keras') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_first_network_learns_the_line(seed: int):
    ranvier.utils.set_random_seed(seed)
    model = _line([1])
    history = model.fit(X, Y, epochs=500, verbose=0).history["loss"]
    assert len(history) == 500
    assert history[-1] < 1e-4
    assert 18.975 < model.predict(np.array([10.0]), verbose=0)[0, 0] < 18.988
    assert model.count_params() == 2


@pytest.mark.parametrize("seed", range(3))
def test_two_layers_learn_it_exactly_and_by_hand(seed: int):
    ranvier.utils.set_random_seed(seed)
    model = _line([2, 1])
    assert model.fit(X, Y, epochs=500, verbose=0).history["loss"][-1] < 1e-10
    w1, b1, w2, b2 = model.get_weights()
    by_hand = (np.array([[10.0]], "float32") @ w1 + b1) @ w2 + b2
    predicted = model.predict(np.array([10.0]), verbose=0)
    np.testing.assert_allclose(predicted, by_hand, rtol=1e-6)
    assert round(float(predicted[0, 0]), 3) == 19.0


def test_the_same_seed_gives_the_same_bits():
    def run(**arguments) -> list[np.ndarray]:
        ranvier.utils.set_random_seed(5)
        model = ranvier.Sequential([ranvier.Input((4,)), layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("adam", "mse")
        x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
        model.fit(x, x[:, :1], epochs=3, batch_size=8, **arguments)
        return model.get_weights()

    class EveryBatch(ranvier.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    whole, again = run(verbose=0), run(verbose=0)
    by_epoch, by_batch = run(verbose=2), run(verbose=0, callbacks=[EveryBatch()])
    for a, b, c, d in zip(whole, again, by_epoch, by_batch, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=2e-6, atol=2e-7)  # other programs, so other rounding
        np.testing.assert_allclose(a, d, rtol=2e-6, atol=2e-7)


def test_a_second_fit_compiles_nothing():
    model = _line([3, 1])
    x = np.linspace(0, 1, 70)[:, None]
    model.fit(x, x, batch_size=16, epochs=2, verbose=2, validation_split=0.2)
    model.evaluate(x, x, verbose=0)
    model.predict(x, verbose=0)
    with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
        compiled: list[str] = []
        import jax._src.compiler as compiler

        original = compiler.compile_or_get_cached
        patch.setattr(compiler, "compile_or_get_cached", lambda *a, **k: (compiled.append("one"), original(*a, **k))[1])
        model.fit(x, x, batch_size=16, epochs=2, verbose=2, validation_split=0.2)
        model.evaluate(x, x, verbose=0)
        model.predict(x, verbose=0)
        assert compiled == []
        jax.jit(lambda v: v * 3.5 + 1)(2.0)  # the counter counts
        assert compiled


def test_interrupted_training_leaves_a_usable_model():
    class Interrupt(ranvier.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    model = _line([1])
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=10, verbose=0, callbacks=[Interrupt()])
    assert not np.allclose(before[0], model.get_weights()[0])
    assert np.isfinite(model.predict(X, verbose=0)).all()
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 1.5}, "epochs"),
        ({"validation_split": 1.0}, "validation_split"),
        ({"steps_per_epoch": 0}, "steps_per_epoch"),
        ({"verbose": 7}, "verbose"),
        ({"shuffle": "sideways"}, "shuffle"),
        ({"class_weight": {"a": 1.0}}, "class_weight"),
        ({"sample_weight": np.ones(3)}, "sample"),
        ({"y": Y[:3]}, "6.*3|3.*6"),
        ({"x": X[:0], "y": Y[:0]}, "empty|no sample|0 sample"),
    ],
)
def test_what_fit_refuses_names_the_argument(arguments: dict, words: str):
    with pytest.raises((ValueError, TypeError), match=words):
        _line([1]).fit(**({"x": X, "y": Y, "verbose": 0} | arguments))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 3], r"y\[2\] = 3 is too large"),
        ([0, -1, 1], r"y\[1\] = -1 is negative"),
        ([0, 0.5, 1], "not a whole number"),
    ],
)
def test_labels_that_no_class_has(labels: list, words: str):
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=words):
        model.fit(np.zeros((3, 2)), np.array(labels), verbose=0)


def test_nan_in_data_and_in_the_loss_is_told():
    x = X.copy()
    x[3] = np.nan
    with (
        pytest.warns(ranvier.core.errors.DataWarning, match="x.*3"),
        pytest.warns(ranvier.core.errors.RanvierWarning, match="loss became NaN or infinite at step 0"),
    ):
        _line([1]).fit(x, Y, verbose=0)


def test_compile_refuses_unknown_names_with_the_nearest():
    model = ranvier.Sequential([layers.Dense(1)])
    with pytest.raises(ValueError, match="mean_squared_error"):
        model.compile("sgd", "mean_squared_eror")
    with pytest.raises(ValueError, match="adam"):
        model.compile("adm", "mse")
    with pytest.raises(ValueError, match="compile"):
        model.fit(X, Y)
    model.compile("sgd")
    with pytest.raises(ValueError, match="nothing to minimise"):
        model.fit(X[:, None], Y, verbose=0)
