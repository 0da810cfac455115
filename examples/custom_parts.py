"""A10: a layer, a loss, a metric, a callback and a training step of one's own, compiled like the built-in ones."""

import numpy as np

import ranvier as keras
from ranvier import layers, ops

keras.utils.set_random_seed(0)


class Linear(layers.Layer):
    """y = xW + b, with W and b as they come."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b


class Quantile(keras.losses.Loss):
    """The pinball loss: its minimum is a quantile."""

    def __init__(self, quantile=0.5, **kwargs):
        super().__init__(**kwargs)
        self.quantile = quantile

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.quantile * error, (self.quantile - 1) * error), axis=-1)


class WithinOne(keras.metrics.Metric):
    """The share of predictions that are off by less than 1."""

    def __init__(self, name="within_one", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = ops.cast(ops.abs(y_true - y_pred) < 1, "float32")
        self.hits.assign_add(ops.sum(hits))
        self.count.assign_add(ops.size(hits))

    def result(self):
        return self.hits / self.count


class Announce(keras.callbacks.Callback):
    """Says how things stand, now and then."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: " + ", ".join(f"{name} {value:.4f}" for name, value in logs.items()))


class OwnStep(keras.Model):
    """A model whose training step is written out."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.result = Linear(16), Linear(1)

    def call(self, inputs):
        return self.result(ops.tanh(self.hidden(inputs)))

    def train_step(self, data):
        x, y = data
        loss, gradients = keras.gradients(
            lambda: self.compute_loss(x=x, y=y, y_pred=self(x, training=True)), self.trainable_variables
        )
        self.optimizer.apply(gradients, self.trainable_variables)
        self.compute_metrics(x, y, self(x))
        return {"loss": loss, "within_one": self.metrics[-1].result()}


x = np.random.default_rng(0).uniform(-2, 2, (512, 1)).astype("float32")
y = x**2 + np.random.default_rng(1).normal(0, 0.1, (512, 1)).astype("float32")
model = OwnStep()
model.compile(keras.optimizers.Adam(0.01), Quantile(0.5), metrics=[WithinOne()])
model.fit(x, y, epochs=50, verbose=0, callbacks=[Announce()])
print("x = 1.5:", round(float(model.predict(np.array([[1.5]]), verbose=0)[0, 0]), 2))
