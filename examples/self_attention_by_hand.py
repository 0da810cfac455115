"""Self-attention of one head, written by hand with three Dense layers, on a task made for it: recall.

Each sequence holds nine pairs of a key (a random direction) and a number, and at its end a key alone, slightly blurred.
The answer is the number that belongs to that key, so the last place has to find the place whose key is like its own.
"""

import argparse

import numpy as np

import ranvier
from ranvier import layers, ops

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--samples", type=int, default=10_000)
args = parser.parse_args()
ranvier.utils.set_random_seed(0)


class SelfAttention(layers.Layer):
    """softmax(Q Kᵀ / √d) V with queries, keys and values from the same sequence."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.query = layers.Dense(units)
        self.key = layers.Dense(units)
        self.value = layers.Dense(units)

    def weights_of(self, x):
        scores = ops.matmul(self.query(x), ops.transpose(self.key(x), (0, 2, 1)))
        return ops.softmax(scores / self.units**0.5, axis=-1)

    def call(self, x):
        return ops.matmul(self.weights_of(x), self.value(x))


def recall(samples, pairs=9, size=8):
    rng = np.random.default_rng(0)
    keys = rng.normal(size=(samples, pairs, size))
    keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
    numbers = rng.uniform(-1, 1, (samples, pairs, 1))
    asked = rng.integers(0, pairs, samples)
    rows = np.arange(samples)
    last = np.concatenate([keys[rows, asked] + 0.05 * rng.normal(size=(samples, size)), np.zeros((samples, 1))], -1)
    x = np.concatenate([np.concatenate([keys, numbers], -1), last[:, None]], axis=1)
    return x.astype("float32"), numbers[rows, asked].astype("float32"), asked


x, y, asked = recall(args.samples + 1_000)
train, test = slice(None, args.samples), slice(args.samples, None)
attention = SelfAttention(16)
inputs = ranvier.Input((10, 9))
model = ranvier.Model(inputs, layers.Dense(1)(attention(inputs)[:, -1]))
model.compile(ranvier.optimizers.Adam(1e-2), "mse")
model.fit(x[train], y[train], batch_size=64, epochs=args.epochs, verbose=2)

print(f"mean squared error {model.evaluate(x[test], y[test], verbose=0):.4f}, without looking {np.var(y[test]):.4f}")
looked = np.asarray(attention.weights_of(x[test]))[:, -1]
print(f"attention on the right place {looked[np.arange(1_000), asked[test]].mean():.2f}, by chance 0.10")
