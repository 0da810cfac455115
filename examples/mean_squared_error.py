"""A2: the mean squared error, as an object, as a function and by name."""

import numpy as np

from ranvier import losses

y_true, y_pred = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.0, 0.0, 0.0, 0.0])

print("object:  ", float(losses.MeanSquaredError()(y_true, y_pred)))
print("function:", float(losses.mean_squared_error(y_true, y_pred)))
print("by name: ", float(losses.get("mse")(y_true, y_pred)))
