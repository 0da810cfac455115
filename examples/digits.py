"""The digits network on all of MNIST: what `make demo` runs."""

import argparse
import time
from pathlib import Path

import ranvier
from ranvier import layers, plot
from ranvier.datasets import mnist
from ranvier.utils import to_categorical


def main() -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=60_000, help="training images to use")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("out"), help="folder for pictures and the model")
    args = parser.parse_args()
    ranvier.utils.set_random_seed(args.seed)

    # Images are bytes from 0 to 255; networks like numbers around 0 to 1. Labels become one-hot vectors.
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    x_train, x_test = x_train[: args.samples].astype("float32") / 255, x_test.astype("float32") / 255
    y_train = to_categorical(y_train[: args.samples], 10)

    model = ranvier.Sequential(name="digits")
    model.add(layers.Flatten(input_shape=(28, 28)))
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.summary()

    started = time.perf_counter()
    history = model.fit(x_train, y_train, batch_size=32, epochs=args.epochs, validation_split=0.1)
    print(f"\n{args.epochs} epochs in {time.perf_counter() - started:.1f} s")

    loss, accuracy = model.evaluate(x_test, to_categorical(y_test, 10), verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}\n")

    scores = model.predict(x_test, verbose=0)
    for i in range(10):
        guess = scores[i].argmax()
        mark = "" if guess == y_test[i] else "  ← wrong"
        print(f"image {i}: a {y_test[i]}, taken for a {guess} ({scores[i, guess]:.1%}){mark}")

    args.output.mkdir(parents=True, exist_ok=True)
    plot.history(history).savefig(args.output / "curves.png", dpi=120)
    plot.confusion_matrix(y_test, scores).savefig(args.output / "confusion.png", dpi=120)
    plot.predictions(x_test[:10], scores[:10], y_test[:10]).savefig(args.output / "predictions.png", dpi=120)
    model.save(args.output / "digits.keras")
    print(f"\nSaved in {args.output}/: curves.png, confusion.png, predictions.png, digits.keras")
    return accuracy


if __name__ == "__main__":
    main()
