"""Which dropout rate and learning rate read the digits best? Many candidates, trained in one compiled program.

A `Population` takes a function that makes a model of its hyperparameters. It compiles once for all of them, trains them
together in the way that is fastest on this machine, and stops the worse half after every few epochs, so that most of the
time goes to the good ones. Each candidate comes to what it would have come to alone.
"""

import argparse
import time

import ranvier
from ranvier import layers, optimizers
from ranvier.datasets import mnist
from ranvier.tuning import Population, grid


def network(dropout: float, learning_rate: float) -> ranvier.Model:
    """The network of `digits.py` with dropout."""
    model = ranvier.Sequential([
        layers.Input((784,)),
        layers.Dense(128, activation="relu"),
        layers.Dropout(dropout),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--halve-every", type=int, default=2)
    args = parser.parse_args()

    (x, y), (x_test, y_test) = mnist.load_data()
    x, y = x[: args.samples].reshape(-1, 784) / 255.0, y[: args.samples]
    x_test = x_test.reshape(-1, 784) / 255.0

    candidates = grid(dropout=[0.1, 0.2, 0.3, 0.4], learning_rate=[1e-5, 1e-4, 1e-3, 1e-2])
    begin = time.perf_counter()
    population = Population(network, candidates, seeds=0)
    result = population.fit(
        x, y, epochs=args.epochs, validation_split=0.2, monitor="val_accuracy", halve_every=args.halve_every, verbose=0
    )
    print(result)
    print(f"{len(candidates)} candidates in {time.perf_counter() - begin:.1f} s, compilation included")
    print(f"best: {result.best_params}")
    loss, accuracy = result.best.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy {accuracy:.4f}, loss {loss:.4f}")


if __name__ == "__main__":
    main()
