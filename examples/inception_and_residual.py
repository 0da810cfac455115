"""Branches and shortcuts: an Inception block and a residual block with the functional API, on handwritten digits.

An Inception block (Szegedy et al., 2015) looks at its input in several ways at once and joins what they see. A residual
block (He et al., 2016) adds its input to what its convolutions find, so that they learn only what is to be changed.
"""

import argparse

import ranvier
from ranvier import layers
from ranvier.datasets import mnist


def inception_block(x, filters: int):
    """1×1, 3×3 and 5×5 convolutions and pooling, side by side: four branches joined along the channels."""
    one = layers.Conv2D(filters, 1, padding="same", activation="relu")(x)
    three = layers.Conv2D(filters // 2, 1, activation="relu")(x)  # fewer channels first: cheaper
    three = layers.Conv2D(filters, 3, padding="same", activation="relu")(three)
    five = layers.Conv2D(filters // 2, 1, activation="relu")(x)
    five = layers.Conv2D(filters, 5, padding="same", activation="relu")(five)
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    pooled = layers.Conv2D(filters, 1, activation="relu")(pooled)
    return layers.Concatenate(name="branches")([one, three, five, pooled])


def residual_block(x, filters: int):
    """relu(x + f(x)), f two normalised convolutions; the shortcut gets a 1×1 convolution where channels differ."""
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization(momentum=0.9)(y)
    y = layers.Activation("relu")(y)
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization(momentum=0.9)(y)
    if x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, name="shortcut")(x)
    return layers.Activation("relu")(layers.Add(name="sum")([x, y]))


def main() -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=60_000, help="training images")
    parser.add_argument("--tested", type=int, default=10_000, help="test images")
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    ranvier.utils.set_random_seed(0)

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    x_train, x_test = x_train[: args.samples, ..., None] / 255.0, x_test[: args.tested, ..., None] / 255.0
    y_train, y_test = y_train[: args.samples], y_test[: args.tested]

    inputs = layers.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
    x = inception_block(x, 8)
    x = layers.MaxPooling2D(2)(x)
    x = residual_block(x, 24)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    model = ranvier.Model(inputs, outputs, name="inception_and_residual")
    model.summary()

    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=args.epochs, verbose=2)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.3f}, test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
