"""Writes the files beside it with Keras 2, which lives on as the package ``tf_keras``: ``python make.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def main() -> None:
    """Train small models, save them, and keep inputs and predictions in ``numbers.npz``."""
    import tf_keras as k

    kind, rng, numbers = k.layers, np.random.default_rng(0), {}
    k.utils.set_random_seed(3)

    chain = k.Sequential(
        [
            kind.Conv2D(3, 3, activation="relu", input_shape=(8, 8, 2)),
            kind.BatchNormalization(),
            kind.DepthwiseConv2D(2, padding="same"),
            kind.SeparableConv2D(2, 2),
            kind.MaxPooling2D(),
            kind.Dropout(0.2),
            kind.Flatten(),
            kind.Dense(3, activation="softmax", kernel_regularizer="l2"),
        ],
        name="chain",
    )
    metrics = ["accuracy", k.metrics.SparseCategoricalCrossentropy(name="ce")]
    chain.compile(k.optimizers.Adam(0.01), k.losses.SparseCategoricalCrossentropy(), metrics)
    x = rng.random((6, 8, 8, 2)).astype("float32")
    chain.fit(x, np.arange(6) % 3, epochs=2, verbose=0)
    chain.save(FOLDER / "sequential.h5")
    numbers |= {"sequential_x0": x, "sequential_y": chain.predict(x, verbose=0)}

    one, two = k.Input((5,), name="numbers"), k.Input((4,), dtype="int32", name="words")
    h = kind.Bidirectional(kind.LSTM(2, return_sequences=True))(kind.Embedding(7, 3)(two))
    h = kind.GRU(3)(kind.MultiHeadAttention(2, 2)(h, h))
    shared, d = kind.Dense(3, activation="tanh", name="shared"), kind.Dense(3)(one)
    s = shared(shared(d))
    inner = k.Sequential([kind.Dense(2, input_shape=(6,)), kind.LayerNormalization()], name="inner")
    graph = k.Model([one, two], [inner(kind.Concatenate()([h, s])), kind.Add(name="sum")([d, s])], name="graph")
    graph.compile("rmsprop", ["mse", "mae"], metrics=[["mae"], []])
    xs = [rng.random((6, 5)).astype("float32"), rng.integers(0, 7, (6, 4)).astype("int32")]
    graph.fit(xs, [np.ones((6, 2)), np.ones((6, 3))], verbose=0)
    graph.save(FOLDER / "functional.h5")
    numbers |= {f"functional_x{i}": a for i, a in enumerate(xs)}
    numbers |= {f"functional_y{i}": a for i, a in enumerate(graph.predict(xs, verbose=0))}

    words = k.Sequential([kind.Embedding(9, 4, input_length=5), kind.SimpleRNN(3), kind.Dense(1)], name="words")
    words.build((None, 5))
    words.compile(k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.1, 3, 0.9), momentum=0.9), "mse")
    x = rng.integers(0, 9, (6, 5))
    words.fit(x, np.ones((6, 1)), epochs=2, verbose=0)
    words.save(FOLDER / "embedding.h5")
    words.save_weights(FOLDER / "embedding_weights.h5")
    numbers |= {"embedding_x0": x, "embedding_y": words.predict(x, verbose=0)}

    # What is refused: code, and operators as TensorFlow's functions.
    k.Sequential([kind.Dense(2, input_shape=(3,)), kind.Lambda(lambda x: x * 2)]).save(FOLDER / "lambda.h5")
    start = k.Input((3,))
    k.Model(start, kind.Dense(2)(start * 2.0 + 1.0)).save(FOLDER / "operators.h5")
    np.savez_compressed(FOLDER / "numbers.npz", **numbers)


if __name__ == "__main__":
    main()
