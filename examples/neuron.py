"""A1: one neuron, by hand and as a layer."""

import numpy as np

from ranvier import activations, layers

weights, bias, x = np.array([0.0, 1.0]), 4.0, np.array([2.0, 3.0])

total = weights @ x + bias
print(f"by hand: sigmoid({total}) = {1 / (1 + np.exp(-total))}")
print(f"float32: {float(activations.sigmoid(total)):.8f}")

for dtype in ("float32", "float64"):
    neuron = layers.Dense(1, activation="sigmoid", dtype=dtype)
    neuron.build((None, 2))
    neuron.set_weights([weights[:, None], np.array([bias])])
    print(f"a Dense layer in {dtype}: {float(neuron(x[None, :])[0, 0])!r}")
