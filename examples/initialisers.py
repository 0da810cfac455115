"""B7: the same network from different starts: zeros, small random, Xavier (Glorot), He, and much too large.

Six hidden layers of ReLU neurons read the digits. What differs is only where the weights begin. The table shows what
the start does to the signal (how much of it reaches the last hidden layer, how much gradient reaches the first layer),
and what comes of it: accuracy over several seeds, how far the seeds lie apart, and the time of an epoch.

Zeros fail for a reason that can be counted: neurons of a layer that begin alike get the same gradient and stay alike,
so that a layer of 64 neurons is one neuron, 64 times; with ReLU and zeros even its gradient is zero, and only the
output's bias learns. A start from any one number has the same fault: the gradients of the ten outputs cancel each other
on their way through equal weights. The count of different neurons in the table says it.
"""

import argparse
import time

import numpy as np

import ranvier
from ranvier import initializers, layers, ops
from ranvier.datasets import mnist

STARTS = {
    "zeros": lambda seed: "zeros",
    "all the same": lambda seed: initializers.Constant(0.02),
    "small random": lambda seed: initializers.RandomNormal(stddev=0.01, seed=seed),
    "Xavier uniform": lambda seed: initializers.GlorotUniform(seed=seed),
    "He normal": lambda seed: initializers.HeNormal(seed=seed),
    "large random": lambda seed: initializers.RandomNormal(stddev=1.0, seed=seed),
}
DEPTH, WIDTH = 6, 64


def network(start: str, seed: int) -> ranvier.Model:
    """Six hidden layers whose weights begin as `start` says."""
    kernels = [STARTS[start](100 * seed + index) for index in range(DEPTH + 1)]
    model = ranvier.Sequential([
        layers.Input((784,)),
        *[
            layers.Dense(WIDTH, activation="relu", kernel_initializer=kernel, name=f"hidden_{index + 1}")
            for index, kernel in enumerate(kernels[:-1])
        ],
        layers.Dense(10, kernel_initializer=kernels[-1], name="logits"),
    ])  # fmt: skip
    loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=ranvier.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])
    return model


def signal(model: ranvier.Model, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Spread of the last hidden layer's values, and the norm of the gradient in the first layer's kernel."""
    hidden = ranvier.Model(model.inputs, model.layers[-2].output)
    kernel = model.layers[0].kernel
    loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
    _, (gradient,) = ranvier.gradients(lambda: loss(y, model(x)), [kernel])
    return float(np.std(hidden.predict(x, verbose=0))), float(ops.norm(gradient))


def main() -> dict[str, dict[str, float]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4, help="at least 2: the first is not timed")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--tested", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", default=None, help="where to save the picture, for instance initialisers.png")
    args = parser.parse_args()

    (x, y), (x_test, y_test) = mnist.load_data()
    x, y = x[: args.samples].reshape(-1, 784) / 255.0, y[: args.samples]
    x_test, y_test = x_test[: args.tested].reshape(-1, 784) / 255.0, y_test[: args.tested]

    results: dict[str, dict[str, float]] = {}
    curves: dict[str, list[list[float]]] = {}
    print(f"{'start':<15} {'signal':>9} {'gradient':>9} {'accuracy':>9} {'spread':>7} {'different':>9} {'s/epoch':>8}")
    for start in STARTS:
        accuracies, signals, gradients, times, curves[start] = [], [], [], [], []
        different = 0
        for seed in range(args.seeds):
            ranvier.utils.set_random_seed(seed)
            model = network(start, seed)
            spread, slope = signal(model, x[:256], y[:256])
            signals.append(spread)
            gradients.append(slope)
            losses = model.fit(x, y, batch_size=64, verbose=0).history["loss"]  # compiles, and is not timed
            begin = time.perf_counter()
            history = model.fit(x, y, batch_size=64, initial_epoch=1, epochs=args.epochs, verbose=0)
            times.append((time.perf_counter() - begin) / (args.epochs - 1))
            curves[start].append(losses + history.history["loss"])
            accuracies.append(model.evaluate(x_test, y_test, verbose=0)[1])
            different = len(np.unique(np.round(model.get_layer("hidden_2").get_weights()[0], 6), axis=1).T)
        results[start] = {
            "signal": float(np.mean(signals)),
            "gradient": float(np.mean(gradients)),
            "accuracy": float(np.mean(accuracies)),
            "spread": float(np.ptp(accuracies)),
            "different": different,
            "seconds": float(np.median(times)),
        }
        row = results[start]
        print(
            f"{start:<15} {row['signal']:>9.2g} {row['gradient']:>9.2g} {row['accuracy']:>9.3f} {row['spread']:>7.3f} "
            f"{different:>3} of {WIDTH} {row['seconds']:>8.2f}"
        )
    if args.output:
        picture(curves, results, args.output)
    return results


def picture(curves: dict[str, list[list[float]]], results: dict[str, dict[str, float]], path: str) -> None:
    """The losses of all seeds, and the accuracies with the range of the seeds, in one picture."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for index, (start, runs) in enumerate(curves.items()):
        for number, losses in enumerate(runs):
            label = start if number == 0 else None
            left.plot(range(1, len(losses) + 1), losses, "o-", color=f"C{index}", alpha=0.7, label=label)
    left.set(xlabel="epoch", ylabel="training loss", yscale="log", title="Training loss, each seed a line")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.legend(frameon=False)
    names = list(results)
    right.barh(names, [results[n]["accuracy"] for n in names], color=[f"C{i}" for i in range(len(names))], alpha=0.8)
    for place, name in enumerate(names):
        right.text(results[name]["accuracy"] + 0.01, place, f"{results[name]['accuracy']:.3f}", va="center")
    right.invert_yaxis()
    right.set(xlim=(0, 1.15), xlabel="test accuracy, mean of the seeds", title="What comes of it")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"picture saved to {path}")


if __name__ == "__main__":
    main()
