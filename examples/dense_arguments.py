"""A9: what a Dense layer can be told."""

import numpy as np

from ranvier import constraints, initializers, layers, regularizers

layer = layers.Dense(
    units=4,
    activation="relu",
    use_bias=True,
    kernel_initializer=initializers.HeNormal(seed=1),
    bias_initializer="ones",
    kernel_regularizer=regularizers.L2(0.01),
    activity_regularizer="l1",
    kernel_constraint=constraints.MaxNorm(1.0),
    name="hidden",
)
outputs = layer(np.ones((2, 3)))
print(outputs.shape, [v.path for v in layer.weights])
print("penalties:", [round(float(loss), 4) for loss in layer.losses])
print("configuration:", layer.get_config()["kernel_initializer"])
