"""A convolutional network for small colour photographs, on CIFAR-10 or on images in its format made on the spot.

CIFAR-10 (A. Krizhevsky, 2009) has 60,000 images of 32×32 pixels in 10 classes. Where it cannot be had, or with
`--synthetic`, the script makes images with classes of their own: each class has two colours and a pattern of stripes,
with random phase, brightness and much noise.
"""

import argparse

import numpy as np

import ranvier
from ranvier import layers
from ranvier.datasets import cifar10


def synthetic(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 32, 32, 3) of bytes and labels (count, 1): stripes of a class's direction, width and colours."""
    rng = np.random.default_rng(seed)
    styles = np.random.default_rng(2009)  # the classes are the same for every seed
    colours = styles.uniform(60, 200, (10, 2, 3))
    angles, frequencies = np.arange(10) * np.pi / 10, 0.25 + 0.5 * styles.permutation(10) / 9
    labels = rng.integers(0, 10, count)
    rows, columns = np.mgrid[:32, :32]
    along = np.cos(angles)[:, None, None] * rows + np.sin(angles)[:, None, None] * columns
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    wave = 0.5 + 0.5 * np.sin(along[labels] * frequencies[labels, None, None] + phase)
    first, second = colours[labels, 0, None, None], colours[labels, 1, None, None]
    images = first * wave[..., None] + second * (1 - wave[..., None])
    images = images * rng.uniform(0.5, 1.2, (count, 1, 1, 1)) + rng.normal(0, 50, images.shape)
    return images.clip(0, 255).astype("uint8"), labels[:, None].astype("uint8")


def load(args: argparse.Namespace) -> tuple:
    """Training and test images: CIFAR-10 where it is here or can be fetched, otherwise synthetic ones."""
    if not args.synthetic:
        try:
            (x_train, y_train), (x_test, y_test) = cifar10.load_data()
            return (x_train[: args.samples], y_train[: args.samples]), (x_test[: args.tested], y_test[: args.tested])
        except OSError as error:
            print(f"CIFAR-10 is not here: {error}")
    print("synthetic images in CIFAR-10's format")
    return synthetic(args.samples, 1), synthetic(args.tested, 2)


def block(filters: int) -> list:
    """Two convolutions, each normalised and rectified, then half the height and width, and dropout."""
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.LeakyReLU(negative_slope=0.1),
        layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.LeakyReLU(negative_slope=0.1),
        layers.Dropout(0.2),
    ]


def main() -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--synthetic", action="store_true", help="synthetic images even where there are real ones")
    parser.add_argument("--samples", type=int, default=50_000, help="training images")
    parser.add_argument("--tested", type=int, default=2_000, help="test images")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--filters", type=int, default=32, help="filters of the first block")
    args = parser.parse_args()
    ranvier.utils.set_random_seed(0)

    (x_train, y_train), (x_test, y_test) = load(args)
    model = ranvier.Sequential([
        layers.Input((32, 32, 3)),
        layers.Rescaling(1 / 127.5, offset=-1.0),  # bytes to numbers from -1 to 1
        *block(args.filters),
        *block(2 * args.filters),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    model.fit(x_train, y_train, batch_size=64, epochs=args.epochs, verbose=2)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.3f}, test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
