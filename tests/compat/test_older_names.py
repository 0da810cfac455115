"""Layers, optimizers and helpers of older Kerases that the face has; and that it has all that ``tf.keras`` has."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.compat import face
from ranvier.compat.keras.absent import REFUSED

keras = face("keras")
X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def _quietly(run: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run()


def _names_of_tf_keras() -> list[tuple[str, str]]:
    pytest.importorskip("tensorflow")
    theirs = importlib.import_module("keras._tf_keras.keras")
    found = []
    for module in [theirs.__name__, *(m.name for m in pkgutil.walk_packages(theirs.__path__, theirs.__name__ + "."))]:
        path = module.removeprefix(theirs.__name__).lstrip(".")
        names = vars(importlib.import_module(module))
        found += [(path, n) for n, v in names.items() if not n.startswith("_") and not inspect.ismodule(v)]
    return found


def test_all_of_tf_keras_is_there_or_refused_with_a_reason():
    names = _quietly(_names_of_tf_keras)
    assert len(names) > 1500
    absent = {(path, name): said for path, name in names if (said := _absent(path, name))}
    silent = [key for key, said in absent.items() if not any(reason in said for reason in REFUSED.values())]
    assert silent == []
    assert len(absent) < 36, absent


def _absent(path: str, name: str) -> str:
    try:
        getattr(face(f"keras.{path}".rstrip(".")), name)
    except (AttributeError, ModuleNotFoundError) as error:
        return str(error)
    return ""


def test_short_names_and_old_places():
    assert keras.losses.mse is keras.metrics.MSE is ranvier.losses.mean_squared_error
    assert keras.losses.Reduction.SUM == "sum"
    assert keras.optimizers.adam is keras.optimizers.legacy.Adam is ranvier.optimizers.Adam
    assert face("keras.optimizers.adam_v2").Adam is ranvier.optimizers.Adam
    assert keras.constraints.maxnorm(2).max_value == 2
    assert keras.initializers.normal is ranvier.initializers.RandomNormal
    assert keras.regularizers.l1l2(l1=0.1).l1 == pytest.approx(0.1)
    assert face("keras.utils.np_utils").to_categorical is ranvier.utils.to_categorical
    assert face("keras.utils.vis_utils").plot_model is keras.utils.plot is ranvier.utils.plot_model
    assert face("keras.engine").Layer is face("keras.engine.topology").Layer is ranvier.Layer
    assert face("keras.engine.training").Model is ranvier.Model
    assert face("keras.layers.experimental.preprocessing").Rescaling is ranvier.layers.Rescaling
    assert keras.layers.experimental.preprocessing.RandomFlip is ranvier.layers.RandomFlip


def test_helpers(capsys: pytest.CaptureFixture[str]):
    model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(3)])
    assert keras.utils.count_params([*model.weights, model.weights[0]]) == 15
    keras.utils.print_summary(model)
    assert "15" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")
def test_layers_that_have_been_given_up():
    sequences = X.reshape(5, 2, 2)
    for old, new in (("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU")):
        layer = getattr(keras.layers, old)(3, return_sequences=True, kernel_initializer="ones")
        assert type(layer) is getattr(ranvier.layers, new)
        assert layer(sequences).shape == (5, 2, 3)
    assert keras.layers.SyncBatchNormalization(axis=1).synchronized
    assert keras.layers.BatchNormalizationV1 is ranvier.layers.BatchNormalization
    relu = keras.layers.ThresholdedReLU(theta=0.5)
    np.testing.assert_array_equal(np.asarray(relu(X)), np.where(X > 0.5, X, 0))
    assert type(relu).from_config(relu.get_config()).theta == 0.5
    with pytest.raises(ValueError, match="theta must be"):
        keras.layers.ThresholdedReLU(-1)
    layer = keras.layers.InputLayer(input_shape=(3,))
    assert layer.batch_shape == (None, 3)
    assert keras.layers.InputLayer(batch_input_shape=(2, 3)).batch_shape == (2, 3)


@pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")
def test_merging_by_mode():
    a, b = X, 2 * X
    for mode, wanted in [
        ("sum", a + b), ("mul", a * b), ("ave", (a + b) / 2), ("max", np.maximum(a, b)), ("concat", np.hstack([a, b])),
        ("dot", (a * b).sum(-1, keepdims=True)), ("cos", np.ones((5, 1))), (lambda both: both[0] - both[1], a - b),
    ]:  # fmt: skip
        np.testing.assert_allclose(np.asarray(keras.layers.merge([a, b], mode=mode)), wanted, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="mode must be one of"):
        keras.layers.merge([a, b], mode="xor")


# --- scikit-learn ------------------------------------------------------------------------------------------------------


def _classifier(
    units: int = 8, optimizer: str = "adam", outputs: int = 3, loss: str = "sparse_categorical_crossentropy"
) -> Any:
    model = ranvier.Sequential(
        [
            ranvier.Input((4,)),
            ranvier.layers.Dense(units, "relu"),
            ranvier.layers.Dense(outputs, "softmax" if outputs > 1 else "sigmoid"),
        ]
    )
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


@pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")
def test_classifiers_of_functions():
    from sklearn.base import clone
    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV, cross_val_score

    wrappers = face("keras.wrappers.scikit_learn")
    x, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    options: dict[str, Any] = {"epochs": 30, "batch_size": 16, "verbose": 0}
    classifier = wrappers.KerasClassifier(build_fn=_classifier, units=16, **options)
    history = classifier.fit(x, names)
    assert len(history.history["loss"]) == 30
    assert classifier.score(x, names) > 0.8
    assert set(classifier.predict(x)) <= {"a", "b", "c"}
    np.testing.assert_allclose(classifier.predict_proba(x).sum(1), 1, rtol=1e-5)
    rows = wrappers.KerasClassifier(_classifier, loss="categorical_crossentropy", **options)
    rows.fit(x, y)
    assert rows.score(x, np.eye(3)[y]) == rows.score(x, y) > 0.6
    two = wrappers.KerasClassifier(_classifier, outputs=1, loss="binary_crossentropy", **options)
    two.fit(x, y > 0, epochs=150)
    assert two.score(x, y > 0) > 0.9
    assert two.predict_proba(x).shape == (150, 2)
    assert clone(classifier).get_params() == classifier.get_params()
    search = GridSearchCV(wrappers.KerasClassifier(_classifier, verbose=0), {"units": [4, 16], "epochs": [1, 20]}, cv=2)
    assert search.fit(x, y).best_params_["epochs"] == 20
    assert len(cross_val_score(classifier, x, y, cv=2)) == 2
    with pytest.raises(ValueError, match=r"have arguments \['unitz'\]"):
        wrappers.KerasClassifier(_classifier, unitz=3)


@pytest.mark.filterwarnings("ignore::ranvier.core.errors.RanvierWarning")
def test_regressors_of_functions():
    def build() -> Any:
        model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(1)])
        model.compile(ranvier.optimizers.Adam(0.1), "mse")
        return model

    regressor = face("keras.wrappers.scikit_learn").KerasRegressor(build_fn=build, epochs=150, batch_size=5, verbose=0)
    y = X @ np.arange(4, dtype="float32")
    regressor.fit(X, y)
    assert regressor.predict(X).shape == (5,)
    assert -0.1 < regressor.score(X, y) <= 0
    regressor.set_params(epochs=1, build_fn=build)
    assert regressor.get_params()["epochs"] == 1
