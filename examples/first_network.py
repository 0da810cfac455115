"""A5: one Dense unit learns y = 2x − 1 from six points."""

import numpy as np

from ranvier import Sequential, layers

x = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
y = np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0])

model = Sequential([layers.Dense(1, input_shape=[1])])
model.compile(optimizer="sgd", loss="mean_squared_error")
history = model.fit(x, y, epochs=500, verbose=0)

(kernel,), (bias,) = model.get_weights()
print(
    f"loss {history.history['loss'][-1]:.2e}, weights {float(kernel[0]):.4f} and {bias:.4f}, {model.count_params()} parameters"
)
print(f"x = 10: {model.predict(np.array([10.0]), verbose=0)[0, 0]:.4f}")
