"""A3: the chain rule on a 2-2-1 network, factor by factor: by hand, by ranvier's gradient, and as ranvier explains it."""

import numpy as np

import ranvier
from ranvier import layers

x, y = np.array([-2.0, -1.0]), 1.0


def sigmoid(z: float) -> float:
    return 1 / (1 + np.exp(-z))


# All weights are 1, all biases 0.
h = sigmoid(x.sum())  # both hidden neurons see the same
prediction = sigmoid(2 * h)
dl_dy = -2 * (y - prediction)
dy_dh = prediction * (1 - prediction)  # times the weight 1
dh_dw = x[0] * h * (1 - h)
print(f"h1 = h2 = {h:.4f}, prediction = {prediction:.3f}")
print(f"dL/dy = {dl_dy:.4f}, dy/dh1 = {dy_dh:.4f}, dh1/dw1 = {dh_dw:.4f}")
print(f"dL/dw1 by hand: {dl_dy * dy_dh * dh_dw:.5f}")

model = ranvier.Sequential(
    [
        ranvier.Input((2,)),
        layers.Dense(2, activation="sigmoid", kernel_initializer="ones", name="hidden"),
        layers.Dense(1, activation="sigmoid", kernel_initializer="ones", name="out"),
    ]
)
_, gradients = ranvier.gradients(lambda: (y - model(x[None, :])[0, 0]) ** 2, model.trainable_variables)
print(f"dL/dw1 by ranvier: {float(gradients[0][0, 0]):.5f}")

# Paper gives 0.0214 for the product of rounded factors; exactly it is 0.02147.
print(model.explain(x, y, loss="mse").chain("hidden", weight=(0, 0)))
