"""A8: small networks built in the three ways that there are."""

import ranvier
from ranvier import Input, Model, Sequential, layers

# A chain of layers: 3 · (1 + 1) … the shape of the data is given with the first layer.
sequential = Sequential(
    [
        layers.Dense(3, activation="relu", input_shape=(1,), name="hidden"),
        layers.Dense(2, name="result"),
        layers.Dense(2, name="scaled"),
    ],
    name="sequential",
)
sequential.summary()

# A graph: layers are called on symbolic tensors.
inputs = Input((1,), name="inputs")
hidden = layers.Dense(3, activation="relu", name="first")(inputs)
hidden = layers.Dense(3, activation="relu", name="second")(hidden)
functional = Model(inputs, layers.Dense(2, name="result")(hidden), name="functional")
functional.summary()


# A class: whatever Python can say.
class Subclassed(Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(3, activation="relu")
        self.second = layers.Dense(3, activation="relu")
        self.result = layers.Dense(2)

    def call(self, inputs):
        return self.result(self.second(self.first(inputs)))


subclassed = Subclassed(name="subclassed")
subclassed(ranvier.ops.ones((1, 3)))
subclassed.summary()
