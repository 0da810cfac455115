import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

# Sequential
model = keras.Sequential(
    [
        layers.Dense(2, activation="relu", name="layer1"),
        layers.Dense(3, activation="relu", name="layer2"),
        layers.Dense(4, name="layer3"),
    ]
)
x = tf.ones((1, 3))
y = model(x)
print(y)
print(y.shape, y.shape[1], y.shape.as_list(), y.dtype == tf.float32)
print("Number of weights after calling the model:", len(model.weights))

# functional
inputs = keras.Input(shape=(3,))
h = layers.Dense(2, activation="relu")(inputs)
h = tf.nn.relu(h) if False else layers.Dense(3, activation="relu")(h)
functional = keras.Model(inputs=inputs, outputs=layers.Dense(4)(h))
print(functional(x))


# subclass
class MyModel(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense1 = tf.keras.layers.Dense(2, activation=tf.nn.relu)
        self.dense2 = tf.keras.layers.Dense(3, activation=tf.nn.relu)
        self.dense3 = tf.keras.layers.Dense(4)

    def call(self, inputs):
        return self.dense3(self.dense2(self.dense1(inputs)))


subclassed = MyModel()
y = subclassed(tf.ones((1, 3)))
print(y)
print(y.numpy().tolist() == y.numpy().tolist(), repr(y).startswith("<tf.Tensor: shape=(1, 4), dtype=float32, numpy="))
assert str(y).startswith("tf.Tensor([[") and str(y).endswith("]], shape=(1, 4), dtype=float32)")
print("done")
