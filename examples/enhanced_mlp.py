"""B2: a deeper digits network, steadied by batch normalisation and dropout."""

import argparse

import ranvier
from ranvier import callbacks, layers
from ranvier.datasets import mnist

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--samples", type=int, default=60_000)
args = parser.parse_args()
ranvier.utils.set_random_seed(0)

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, y_train = x_train[: args.samples].astype("float32") / 255, y_train[: args.samples]

model = ranvier.Sequential(
    [
        ranvier.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(256, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Dense(128, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(
    x_train,
    y_train,
    batch_size=128,
    epochs=args.epochs,
    validation_split=0.1,
    callbacks=[callbacks.EarlyStopping(patience=3, restore_best_weights=True)],
    verbose=2,
)
print(f"test accuracy {model.evaluate(x_test.astype('float32') / 255, y_test, verbose=0)[1]:.4f}")
