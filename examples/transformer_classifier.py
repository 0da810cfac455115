"""A Transformer block that reads handwritten digits row by row: 28 rows are the tokens, 28 pixels each."""

import argparse

import ranvier
from ranvier import layers, ops
from ranvier.datasets import mnist

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--samples", type=int, default=60_000)
args = parser.parse_args()
ranvier.utils.set_random_seed(0)


class Positions(layers.Layer):
    """Adds a learned vector for each place to a sequence."""

    def build(self, input_shape):
        self.table = self.add_weight((input_shape[1], input_shape[2]), "random_normal", name="table")

    def call(self, x):
        return x + self.table


class TransformerBlock(layers.Layer):
    """Attention, then two dense layers, each with a way around it and a normalisation."""

    def __init__(self, heads, width, hidden, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(num_heads=heads, key_dim=width // heads)
        self.feed_forward = ranvier.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(width)])
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.dropouts = [layers.Dropout(rate) for _ in range(2)]

    def call(self, x, training=False):
        x = self.norms[0](x + self.dropouts[0](self.attention(x, x), training=training))
        return self.norms[1](x + self.dropouts[1](self.feed_forward(x), training=training))


(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, y_train = x_train[: args.samples].astype("float32") / 255, y_train[: args.samples]

inputs = ranvier.Input((28, 28))
tokens = Positions()(layers.Dense(64)(inputs))
block = TransformerBlock(heads=4, width=64, hidden=128)
outputs = layers.Dense(10, activation="softmax")(ops.mean(block(tokens), axis=1))
model = ranvier.Model(inputs, outputs)
model.compile(ranvier.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=args.epochs, validation_split=0.1, verbose=2)
print(f"{model.count_params():,} parameters")
print(f"test accuracy {model.evaluate(x_test.astype('float32') / 255, y_test, verbose=0)[1]:.4f}")
