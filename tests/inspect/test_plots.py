"""Pictures of runs, weights, activations and functions: the numbers in them are the right ones, without a display."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from ranvier import Input, Model, Sequential, layers, plot
from ranvier.callbacks import History, LayerStatistics
from ranvier.core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, NotBuiltError, ShapeError
from ranvier.inspect.plot_functions import function_and_derivative
from ranvier.inspect.plot_layers import board, layer_outputs


def line(axis, label):
    return next(item for item in axis.get_lines() if str(item.get_label()).startswith(label))


def test_history():
    values = {
        "loss": [3.0, 2.0, 1.0],
        "val_loss": [3.0, 1.5, 2.5],
        "accuracy": [0.1, 0.9, 0.5],
        "learning_rate": [1, 0.1, 0.1],
    }
    record = History()
    record.history = values
    figure = plot.history(record)
    loss, accuracy, rate = figure.axes[:3]
    assert [a.get_title() for a in (loss, accuracy, rate)] == ["loss", "accuracy", "learning rate"]
    assert line(loss, "training").get_ydata().tolist() == [3, 2, 1]
    assert line(loss, "validation").get_ydata().tolist() == [3, 1.5, 2.5]
    assert line(loss, "best: 1.5, epoch 2").get_xdata().tolist() == [2]
    assert line(accuracy, "best: 0.9, epoch 2").get_xdata().tolist() == [2]
    assert rate.get_yscale() == "log"
    assert len(plot.history({"loss": [math.nan]}).axes[0].get_lines()) == 1
    for wrong in ({}, {"loss": []}, 3):
        with pytest.raises(ArgumentError):
            plot.history(wrong)


def test_confusion_matrix_and_predictions():
    figure = plot.confusion_matrix([0, 1, 1, 2], np.eye(3)[[0, 1, 2, 2]], ["a", "b", "c"])
    axis = figure.axes[0]
    assert axis.get_title() == "accuracy 75.00%"
    np.testing.assert_allclose(axis.images[0].get_array(), [[1, 0, 0], [0, 0.5, 0.5], [0, 0, 1]])
    assert {(t.get_position(), t.get_text()) for t in axis.texts} == {
        ((i, j), "1") for i, j in ((0, 0), (1, 1), (2, 1), (2, 2))
    }
    with pytest.raises(ShapeError):
        plot.confusion_matrix([0, 1], [0])
    shown = plot.predictions(np.zeros((3, 4, 4, 1)), np.eye(3), [0, 1, 1])
    assert [a.get_title() for a in shown.axes] == ["0  100%", "1  100%", "2  100%"]
    assert len({a.title.get_color() for a in shown.axes}) == 2


FORMULAS = {
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), lambda x: np.where(x > 0, 1, 0.2)),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.where(x > 0, 1, np.exp(x))),
    "swish": (lambda x: x / (1 + np.exp(-x)), lambda x: (1 + np.exp(-x) + x * np.exp(-x)) / (1 + np.exp(-x)) ** 2),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "linear": (lambda x: x, lambda x: 1 + 0 * x),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_functions_and_derivatives(name):
    x = np.array([-4.0, -1.5, -0.3, 0.4, 2.0])
    for found, formula in zip(function_and_derivative(name, x), FORMULAS[name], strict=True):
        np.testing.assert_allclose(found, formula(x), rtol=2e-5, atol=1e-6)


def test_activation_functions():
    figure = plot.activation_functions()
    titles = [a.get_title() for a in figure.axes if a.get_title()]
    assert {"sigmoid", "tanh", "relu", "leaky_relu", "elu", "swish"} < set(titles)
    one = plot.activation_functions("relu", x=[-1.0, 1.0]).axes[0]
    assert one.get_lines()[-2].get_ydata().tolist() == [0, 1]
    assert one.get_lines()[-1].get_ydata().tolist() == [0, 1]
    plot.activation_functions([lambda x: x**2])
    for wrong in ("softmax", "glu", [], "nothing"):
        with pytest.raises(ArgumentError):
            plot.activation_functions(wrong)


@pytest.fixture
def small():
    return Sequential(
        [
            Input((6, 6, 2)),
            layers.Conv2D(5, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(3, name="out"),
        ],
        name="small",
    )


def test_weights(small):
    figure = plot.weights(small)
    titles = [a.get_title() for a in figure.axes if a.get_title()]
    assert titles == [f"{w.path}\n{tuple(w.shape)}" for w in small.weights]
    kernel = np.asarray(small.get_layer("conv").kernel)
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert shown.shape == (7, 11)  # 5 filters on 2 × 3 places, with lines between them
    np.testing.assert_allclose(shown[:3, 4:7], kernel[..., 1].mean(2))
    dense = plot.weights(small.get_layer("out"), image_shape=(4, 4, 5))
    assert np.asarray(dense.axes[0].images[0].get_array()).shape == (9, 9)
    assert "and 2 more weights" in plot.weights(small, most=2).get_supxlabel()
    with pytest.raises(NotBuiltError, match="call it on data"):
        plot.weights(layers.Dense(2))
    with pytest.raises(ArgumentTypeError):
        plot.weights("small")


def test_board():
    tiles = np.arange(3 * 2 * 2).reshape(3, 2, 2)
    found = board(tiles)
    assert found.shape == (5, 5)
    assert found[3:, :2].tolist() == [[8, 9], [10, 11]]
    assert np.isnan(found[2]).all()


def test_activations(small):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype("float32")
    outputs = dict(layer_outputs(small, x))
    np.testing.assert_allclose(outputs["out"], small.predict(x, verbose=0), rtol=1e-5)
    assert outputs["conv"].shape == (2, 4, 4, 5)
    figure = plot.activations(small, x, sample=1)
    titled = [a for a in figure.axes if a.get_title()]
    assert [a.get_title() for a in titled] == ["conv\n(4, 4, 5)", "flat\n(80,)", "out\n(3,)"]
    np.testing.assert_allclose([bar.get_height() for bar in titled[2].patches], outputs["out"][1], rtol=1e-5)
    nested = Model(i := Input((6, 6, 2)), small(i))
    assert [name for name, _ in layer_outputs(nested, x)][-3:] == ["small/conv", "small/flat", "small/out"]
    assert small(x).shape == (2, 3)  # nobody watches any more
    with pytest.raises(ArgumentError, match="sample"):
        plot.activations(small, x, sample=2)
    with pytest.raises(ShapeError):
        plot.activations(small, x[:, :5])


def test_layer_statistics():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(16, 3)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    model = Sequential(
        [
            layers.Dense(5, "relu", input_shape=(3,), name="hidden"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(1, name="out"),
        ]
    )
    model.compile("sgd", "mse", metrics=["mae"])
    record = LayerStatistics(x, y)
    model.fit(x, y, epochs=3, batch_size=8, verbose=0, callbacks=[record])
    assert record.epochs == [0, 1, 2]
    assert set(record.statistics) == {"hidden", "drop", "out"}
    w1, b1, w2, b2 = model.get_weights()
    h = np.maximum(x @ w1 + b1, 0)
    error = h @ w2 + b2 - y
    hidden, out = record.statistics["hidden"], record.statistics["out"]
    np.testing.assert_allclose(
        [hidden["mean"][-1], hidden["std"][-1], hidden["zeros"][-1]], [h.mean(), h.std(), (h == 0).mean()], rtol=1e-4
    )
    by_w2, by_b2 = 2 * h.T @ error / 16, 2 * error.mean()
    np.testing.assert_allclose(out["gradient_norm"][-1], np.sqrt((by_w2**2).sum() + by_b2**2), rtol=1e-4)
    np.testing.assert_allclose(hidden["weight_norm"][-1], np.sqrt((w1**2).sum() + (b1**2).sum()), rtol=1e-4)
    assert "gradient_norm" not in record.statistics["drop"]
    figure = plot.layer_statistics(record)
    assert len(figure.axes) == 5
    gradients = figure.axes[4]
    assert gradients.get_title() == "gradients: norm"
    assert gradients.get_lines()[0].get_ydata().tolist() == hidden["gradient_norm"]
    without = LayerStatistics(x)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[without])
    assert "gradient_norm" not in without.statistics["out"]
    assert len(plot.layer_statistics(without).axes) == 4
    with pytest.raises(ArgumentError, match="Nothing was recorded"):
        plot.layer_statistics(LayerStatistics(x))
    with pytest.raises(ArgumentError, match="samples"):
        LayerStatistics([])


def test_statistics_leave_training_as_it_is():
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")

    def trained(callbacks):
        import ranvier

        ranvier.utils.set_random_seed(3)
        model = Sequential(
            [layers.Dense(4, input_shape=(2,)), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(1)]
        )
        model.compile("adam", "mse")
        model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks)
        return model.get_weights()

    for one, other in zip(trained([]), trained([LayerStatistics(x, y)]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ranvier\[plot\]'"):
        plot.history({"loss": [1.0]})
