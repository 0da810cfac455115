"""B10: what was learnt on the digits 0 to 4 serves for the digits 5 to 9: freeze the base, new head, then fine-tune."""

import argparse

import numpy as np

import ranvier
from ranvier import layers
from ranvier.datasets import mnist

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=3, help="of each of the three stages")
parser.add_argument("--samples", type=int, default=60_000)
args = parser.parse_args()
ranvier.utils.set_random_seed(0)


def count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


def report(stage, model):
    trainable, fixed = count(model.trainable_weights), count(model.non_trainable_weights)
    print(f"{stage}: {trainable:,} trainable parameters, {fixed:,} non-trainable")


(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, y_train = x_train[: args.samples, ..., None] / np.float32(255), y_train[: args.samples]
x_test = x_test[..., None] / np.float32(255)


def digits(first, x, y):
    """The images of five digits, and their classes counted from 0."""
    chosen = (y >= first) & (y < first + 5)
    return x[chosen], y[chosen] - first


# Stage 1: a small base, and a head for the digits 0 to 4.
base = ranvier.Sequential(
    [
        ranvier.Input((28, 28, 1)),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.BatchNormalization(momentum=0.9),
        layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
    ],
    name="base",
)
model = ranvier.Sequential([base, layers.Dense(5, activation="softmax", name="digits_0_to_4")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
report("1. digits 0 to 4", model)
model.fit(*digits(0, x_train, y_train), batch_size=64, epochs=args.epochs, verbose=2)
print(f"test accuracy on 0 to 4: {model.evaluate(*digits(0, x_test, y_test), verbose=0)[1]:.4f}")

# Stage 2: the base is frozen, and a new head learns the digits 5 to 9. A frozen BatchNormalization runs in inference
# mode: it uses its moving statistics and does not change them.
base.trainable = False
before = base.get_weights()
model = ranvier.Sequential([base, layers.Dense(5, activation="softmax", name="digits_5_to_9")])
model.compile(ranvier.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
report("2. base frozen, new head", model)
model.fit(*digits(5, x_train, y_train), batch_size=64, epochs=args.epochs, verbose=2)
head_only = model.evaluate(*digits(5, x_test, y_test), verbose=0)[1]
unchanged = all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
print(f"test accuracy on 5 to 9: {head_only:.4f}; the base is unchanged: {unchanged}")

# Stage 3: everything learns, slowly. What is trainable is settled by compile().
base.trainable = True
model.compile(ranvier.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
report("3. fine-tuning", model)
model.fit(*digits(5, x_train, y_train), batch_size=64, epochs=args.epochs, verbose=2)
tuned = model.evaluate(*digits(5, x_test, y_test), verbose=0)[1]
print(f"test accuracy on 5 to 9, fine-tuned: {tuned:.4f}")
