"""A6: two linear layers on the same data, and the prediction computed by hand from their weights."""

import numpy as np

from ranvier import Sequential, layers

x = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
y = np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0])

model = Sequential([layers.Dense(2, input_shape=[1]), layers.Dense(1)])
model.compile(optimizer="sgd", loss="mean_squared_error")
history = model.fit(x, y, epochs=500, verbose=0)

w1, b1, w2, b2 = model.get_weights()
by_hand = (np.array([[10.0]], "float32") @ w1 + b1) @ w2 + b2
print(f"loss {history.history['loss'][-1]:.2e}")
print(f"predict: {model.predict(np.array([10.0]), verbose=0)[0, 0]:.4f}, by hand: {by_hand[0, 0]:.4f}")
