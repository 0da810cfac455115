"""Make the documentation's pictures: ``python docs/make_pictures.py``. They go to docs/images, small enough to commit."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import ranvier
from ranvier import Input, Model, Sequential, layers, losses, plot
from ranvier.callbacks import LayerStatistics
from ranvier.datasets import mnist
from ranvier.utils import plot_model, set_random_seed, to_categorical

BLUE, RED, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#ADB5BD"


def axes(width: float = 4.6, height: float = 3.2, columns: int = 1) -> tuple[Figure, Any]:
    """A figure with its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    found = figure.subplots(1, columns, squeeze=False)[0]
    for axis in found:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.2)
    return figure, found if columns > 1 else found[0]


def neuron() -> Figure:
    """A1: where a sigmoid neuron with weights 0 and 1 and bias 4 puts the input (2, 3)."""
    layer = layers.Dense(1, activation="sigmoid")
    layer.build((None, 2))
    layer.set_weights([np.array([[0.0], [1.0]]), np.array([4.0])])
    sums = np.linspace(-9, 9, 200)
    output = float(layer(np.array([[2.0, 3.0]]))[0, 0])
    figure, axis = axes()
    axis.plot(sums, ranvier.ops.sigmoid(sums), color=BLUE)
    axis.plot([7], [output], "o", color=RED)
    axis.annotate(
        f"w·x + b = 0·2 + 1·3 + 4 = 7\nsigmoid(7) = {output:.6f}", (7, output), (-8.5, 0.72), color=RED, fontsize=9
    )
    axis.set(xlabel="weighted sum w·x + b", ylabel="output", title="One sigmoid neuron")
    return figure


def mean_squared_error() -> Figure:
    """A2: y = [1, 0, 0, 1] against ŷ = [0, 0, 0, 0]."""
    y, guess = np.array([1.0, 0.0, 0.0, 1.0]), np.zeros(4)
    loss = float(losses.MeanSquaredError()(y, guess))
    figure, axis = axes()
    axis.bar(np.arange(4), (y - guess) ** 2, color="#F4C7A8", edgecolor=RED, label="squared error")
    axis.plot(np.arange(4), y, "o", color=BLUE, label="true")
    axis.plot(np.arange(4), guess, "x", color=RED, label="predicted")
    axis.axhline(loss, color=GREEN, linestyle="--", label=f"mean: {loss}")
    axis.set(xticks=range(4), xlabel="sample", title="Mean squared error")
    axis.legend(frameon=False, fontsize=8, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 0.9))
    return figure


def two_two_one() -> Model:
    """A3's network: two inputs, two hidden sigmoid neurons, one output."""
    return Sequential(
        [Input((2,)), layers.Dense(2, "sigmoid", name="hidden"), layers.Dense(1, "sigmoid", name="output")]
    )


def chain_rule() -> Figure:
    """A3: the loss over the weight w1, with the slope that the chain rule gives at w1 = 1."""
    model = two_two_one()
    start = [np.ones((2, 2)), np.zeros(2), np.ones((2, 1)), np.zeros(1)]
    x = np.array([[-2.0, -1.0]])

    def loss_at(w1: float) -> float:
        values = [value.copy() for value in start]
        values[0][0, 0] = w1
        model.set_weights(values)
        return float((1 - np.asarray(model(x))[0, 0]) ** 2)

    model.set_weights(start)
    kernel = model.get_layer("hidden").kernel
    loss, (gradient,) = ranvier.gradients(lambda: (1 - model(x)[0, 0]) ** 2, [kernel])
    slope = float(gradient[0, 0])
    where = np.linspace(-1.5, 3.5, 80)
    figure, axis = axes()
    axis.plot(where, [loss_at(w) for w in where], color=BLUE, label="L = (1 − ŷ)²")
    axis.plot(where, float(loss) + slope * (where - 1), color=RED, linestyle="--", label=f"∂L/∂w₁ = {slope:.5f}")
    axis.plot([1], [float(loss)], "o", color=RED)
    axis.set(xlabel="w₁, all other weights 1, biases 0", title="The chain rule's slope")
    axis.legend(frameon=False, fontsize=9)
    return figure


def height_and_weight() -> Figure:
    """A4: the 2-2-1 network trained sample by sample: its loss, and what it says everywhere."""
    set_random_seed(2)
    normal = ranvier.initializers.RandomNormal(stddev=1.0)
    dense = lambda units: layers.Dense(units, "sigmoid", kernel_initializer=normal, bias_initializer=normal)  # noqa: E731
    model = Sequential([Input((2,)), dense(2), dense(1)])
    x = np.array([[-2.0, -1.0], [25.0, 6.0], [17.0, 4.0], [-15.0, -6.0]])
    y = np.array([[1.0], [0.0], [0.0], [1.0]])
    model.compile(ranvier.optimizers.SGD(0.1), "mse")
    record = model.fit(x, y, batch_size=1, epochs=1000, shuffle=False, verbose=0)
    figure, (left, right) = axes(8.4, 3.4, 2)
    left.plot(record.history["loss"], color=BLUE)
    left.set(xlabel="epoch", ylabel="loss", yscale="log", title=f"loss, at the end {record.history['loss'][-1]:.4f}")
    across, up = np.meshgrid(np.linspace(-25, 30, 120), np.linspace(-10, 10, 120))
    grid = model.predict(np.stack([across.ravel(), up.ravel()], axis=1), verbose=0, batch_size=4096).reshape(
        across.shape
    )
    shown = right.contourf(across, up, grid, levels=np.linspace(0, 1, 21), cmap="RdBu_r", alpha=0.75)
    figure.colorbar(shown, ax=right, label="output")
    right.contour(across, up, grid, levels=[0.5], colors="black", linewidths=1)
    right.scatter(*x.T, c=y[:, 0], cmap="RdBu_r", edgecolors="black", vmin=0, vmax=1, s=50, zorder=3)
    right.scatter([-7, 20], [-3, 2], marker="*", c="white", edgecolors="black", s=120, zorder=3)
    right.set(xlabel="weight − 135", ylabel="height − 66", title="what it says; stars are new people")
    return figure


def first_network() -> Figure:
    """A5: one unit learns y = 2x − 1."""
    set_random_seed(0)
    x, y = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]), np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0])
    model = Sequential([layers.Dense(1, input_shape=[1])])
    model.compile("sgd", "mean_squared_error")
    ends = np.array([-2.0, 10.5])
    figure, (left, right) = axes(8.4, 3.2, 2)
    loss: list[float] = []
    for epochs, shade in ((0, 0.25), (5, 0.4), (45, 0.6), (450, 1.0)):
        if epochs:
            loss += model.fit(x, y, epochs=epochs, verbose=0).history["loss"]
        left.plot(
            ends, model.predict(ends, verbose=0)[:, 0], color=BLUE, alpha=shade, label=f"after {len(loss)} epochs"
        )
    ten = float(model.predict(np.array([10.0]), verbose=0)[0, 0])
    left.plot(x, y, "o", color="black")
    left.plot([10], [ten], "o", color=RED)
    left.annotate(f"x = 10: {ten:.3f}", (10, ten), (4.2, 19.5), color=RED, fontsize=9)
    left.set(xlabel="x", ylabel="y", title="y = 2x − 1, learnt from six points")
    left.legend(frameon=False, fontsize=8, loc="lower right")
    right.plot(loss, color=BLUE)
    right.set(xlabel="epoch", ylabel="mean squared error", yscale="log", title=f"loss, at the end {loss[-1]:.1e}")
    return figure


def two_layers() -> Figure:
    """A6: two layers on the same data, and what each of their numbers is."""
    set_random_seed(1)
    x, y = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]), np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0])
    model = Sequential([layers.Dense(2, input_shape=[1], name="hidden"), layers.Dense(1, name="output")])
    model.compile("sgd", "mean_squared_error")
    model.fit(x, y, epochs=500, verbose=0)
    (w1, b1, w2, b2), ten = model.get_weights(), 10.0
    hidden = ten * w1[0] + b1
    figure, axis = axes(6.4, 3.2)
    axis.set_axis_off()
    axis.set(xlim=(-0.3, 3.3), ylim=(-0.2, 2.2), title="Two layers at x = 10")
    places = {"x": (0, 1), "h1": (1.5, 1.75), "h2": (1.5, 0.25), "y": (3, 1)}
    texts = {"x": "10", "h1": f"{hidden[0]:.3f}", "h2": f"{hidden[1]:.3f}", "y": f"{(hidden @ w2 + b2)[0]:.4f}"}
    for a, b, weight in (("x", "h1", w1[0, 0]), ("x", "h2", w1[0, 1]), ("h1", "y", w2[0, 0]), ("h2", "y", w2[1, 0])):
        (xa, ya), (xb, yb) = places[a], places[b]
        axis.plot(
            [xa, xb], [ya, yb], color=RED if weight > 0 else BLUE, linewidth=0.8 + 2 * abs(weight), alpha=0.6, zorder=1
        )
        axis.text((xa + xb) / 2, (ya + yb) / 2 + 0.1, f"× {weight:.3f}", ha="center", fontsize=9)
    for name, (a, b) in places.items():
        axis.scatter([a], [b], s=1900, color="white", edgecolors="#495057", zorder=2)
        axis.text(a, b, texts[name], ha="center", va="center", fontsize=9, zorder=3)
    for name, bias in (("h1", b1[0]), ("h2", b1[1]), ("y", b2[0])):
        axis.text(places[name][0], places[name][1] - 0.36, f"{bias:+.3f}", ha="center", fontsize=8, color="#495057")
    return figure


def digits(epochs: int, samples: int) -> dict[str, Figure]:
    """A7: the digits network: its curves, its mistakes, its weights, and what its layers say."""
    set_random_seed(0)
    (x, y), (x_test, y_test) = mnist.load_data()
    x, y, x_test = x[:samples] / 255.0, y[:samples], x_test / 255.0
    model = digits_network()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    record = LayerStatistics(x[:256], to_categorical(y[:256], 10))
    run = model.fit(
        x, to_categorical(y, 10), batch_size=32, epochs=epochs, validation_split=0.1, verbose=0, callbacks=[record]
    )
    scores = model.predict(x_test, verbose=0)
    wrong = np.flatnonzero(scores.argmax(-1) != y_test)[:5]
    some = np.concatenate([np.arange(10), wrong])
    return {
        "digits-history": plot.history(run),
        "digits-confusion": plot.confusion_matrix(y_test, scores),
        "predictions": plot.predictions(x_test[:10], scores[:10], y_test[:10]),  # the README's
        "digits-predictions": plot.predictions(x_test[some], scores[some], y_test[some]),
        "digits-weights": plot.weights(model.layers[1], image_shape=(28, 28)),
        "digits-activations": plot.activations(model, x_test[:1]),
        "digits-statistics": plot.layer_statistics(record),
    }


def digits_network() -> Model:
    """A7's network."""
    network = [
        layers.Flatten(input_shape=(28, 28), name="pixels"),
        layers.Dense(128, "relu", name="hidden"),
        layers.Dense(10, "softmax", name="digit"),
    ]
    return Sequential(network, name="digits")


def residual_block() -> Model:
    """A block of two convolutions with a way around them."""
    inputs = Input((32, 32, 16))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(16, 3, padding="same")(x)
    x = layers.Add()([x, inputs])
    return Model(inputs, layers.ReLU()(x), name="residual")


class Block(layers.Layer):
    """A Transformer's block, as people write it."""

    def __init__(self, width: int, heads: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.first, self.second = layers.LayerNormalization(), layers.LayerNormalization()
        self.feed_forward = Sequential([layers.Dense(4 * width, "gelu"), layers.Dense(width)], name="feed_forward")

    def call(self, x: Any) -> Any:
        x = self.first(x + self.attention(x, x))
        return self.second(x + self.feed_forward(x))


class Classifier(Model):
    """A subclassed model: Python code, not a graph."""

    def __init__(self) -> None:
        super().__init__()
        self.words = layers.Embedding(1000, 32)
        self.block = Block(32, 4, name="block")
        self.pool, self.head = layers.GlobalAveragePooling1D(), layers.Dense(2, "softmax")

    def call(self, x: Any) -> Any:
        return self.head(self.pool(self.block(self.words(x))))


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=60000)
    arguments = parser.parse_args()
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "neuron": neuron(), "mean-squared-error": mean_squared_error(), "chain-rule": chain_rule(),
        "height-and-weight": height_and_weight(), "first-network": first_network(), "two-layers": two_layers(),
        "activation-functions": plot.activation_functions(),
        **digits(arguments.epochs, arguments.samples),
    }  # fmt: skip
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=72)
        print(folder / f"{name}.png")
    plot_model(digits_network(), folder / "model-digits.svg", show_shapes=True, show_layer_activations=True)
    plot_model(residual_block(), folder / "model-residual.svg", show_shapes=True, rankdir="LR")
    plot_model(
        Classifier(), folder / "model-subclassed.svg", expand_nested=True, show_layer_names=True, input_shape=(None, 64)
    )
    plot_model(ranvier.applications.ResNet50(weights=None), folder / "model-resnet50.png", dpi=40)


if __name__ == "__main__":
    main()
