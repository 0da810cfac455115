"""A4: a 2-2-1 network learns two groups from four people, one person at a time."""

import argparse

import numpy as np

import ranvier
from ranvier import layers, optimizers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seed", type=int, default=3)
ranvier.utils.set_random_seed(parser.parse_args().seed)

# Weight and height, less 135 and 66; 1 for one group, 0 for the other.
people = np.array([[-2, -1], [25, 6], [17, 4], [-15, -6]], "float32")
group = np.array([1, 0, 0, 1], "float32")

model = ranvier.Sequential(
    [
        ranvier.Input((2,)),
        layers.Dense(2, "sigmoid", kernel_initializer=ranvier.initializers.RandomNormal(stddev=1.0)),
        layers.Dense(1, "sigmoid", kernel_initializer=ranvier.initializers.RandomNormal(stddev=1.0)),
    ]
)
model.compile(optimizers.SGD(0.1), "mean_squared_error")
history = model.fit(people, group, batch_size=1, epochs=1000, shuffle=False, verbose=0)
print(f"loss after 1000 epochs: {history.history['loss'][-1]:.4f}")
emily, frank = model.predict(np.array([[-7.0, -3.0], [20.0, 2.0]]), verbose=0)[:, 0]
print(f"(-7, -3): {emily:.3f}   (20, 2): {frank:.3f}")
