"""Augmentation: a small network on few digits, with and without images that are turned, moved and noisy by chance.

The layers that change images are part of the model. They work in training only, anew for each image at each step, and
let images pass at inference: the network never sees the same image twice, and learns what is the same about a digit.
"""

import argparse

import ranvier
from ranvier import layers
from ranvier.datasets import mnist


def network(augmentation: list) -> ranvier.Model:
    """A small convolutional network, after layers that change images in training."""
    model = ranvier.Sequential([
        layers.Input((28, 28, 1)),
        *augmentation,
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=500, help="training images, few on purpose")
    parser.add_argument("--tested", type=int, default=10_000, help="test images")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    x_train, y_train = x_train[: args.samples, ..., None] / 255.0, y_train[: args.samples]
    x_test, y_test = x_test[: args.tested, ..., None] / 255.0, y_test[: args.tested]

    results = {}
    for name in ("without", "with"):
        ranvier.utils.set_random_seed(args.seed)
        augmentation = [
            layers.RandomRotation(0.04, fill_mode="constant"),  # in full turns: up to 14 degrees either way
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),  # up to 10% of the height and of the width
            layers.GaussianNoise(0.1),
        ]
        model = network(augmentation if name == "with" else [])
        model.fit(x_train, y_train, batch_size=50, epochs=args.epochs, verbose=0)
        _, results[name] = model.evaluate(x_test, y_test, verbose=0)
        _, seen = model.evaluate(x_train, y_train, verbose=0)
        print(f"{name:>7} augmentation: training accuracy {seen:.3f}, test accuracy {results[name]:.3f}")
    print(f"augmentation adds {results['with'] - results['without']:+.3f}")
    return results


if __name__ == "__main__":
    main()
