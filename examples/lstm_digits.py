"""Handwritten digits read row by row: an LSTM sees each image as a sequence of 28 rows of 28 pixels."""

import argparse
import time

import ranvier
from ranvier import layers
from ranvier.datasets import mnist

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--samples", type=int, default=20_000, help="training images to use")
args = parser.parse_args()
ranvier.utils.set_random_seed(0)

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, y_train = x_train[: args.samples].astype("float32") / 255, y_train[: args.samples]
x_test = x_test.astype("float32") / 255

model = ranvier.Sequential(
    [
        ranvier.Input((28, 28)),  # (time, features): the rows from top to bottom, the pixels of each
        layers.LSTM(64),  # its last output has seen every row
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(ranvier.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

started = time.perf_counter()
model.fit(x_train, y_train, batch_size=64, epochs=args.epochs, verbose=2)
print(f"{args.epochs} epochs in {time.perf_counter() - started:.1f} s")
print(f"test accuracy {model.evaluate(x_test, y_test, batch_size=256, verbose=0)[1]:.4f}")
