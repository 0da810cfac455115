import tensorflow as tf
import numpy as np
from tensorflow import keras

print("TensorFlow version:", tf.__version__)
assert tf.__version__.startswith("2"), "This tutorial requires TensorFlow 2"

# The hello world of neural networks
model = tf.keras.Sequential([keras.layers.Dense(units=1, input_shape=[1])])
model.compile(optimizer='sgd', loss='mean_squared_error')

xs = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0], dtype=float)
ys = np.array([-3.0, -1.0, 1.0, 3.0, 5.0, 7.0], dtype=float)

model.fit(xs, ys, epochs=500, verbose=0)

print("Prediction for 10:", model.predict(np.array([10.0]), verbose=0))
print("Weights:", model.layers[0].get_weights())
