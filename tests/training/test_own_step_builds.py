"""A Sequential model with a `train_step` of its own and no input shape has its weights when `fit` begins."""

import numpy as np

import ranvier as keras


def test_weights_are_made_and_train(rng):
    class InPlace(keras.Sequential):
        def train_step(self, data):
            x, y = data
            loss, gradients = keras.gradients(lambda: self.compute_loss(y=y, y_pred=self(x)), self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    x, y = rng.normal(size=(32, 3)), rng.normal(size=(32, 1))
    model = InPlace([keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(x, y, epochs=2, verbose=0).history["loss"]
    assert len(model.trainable_variables) == 4
    assert history[1] < history[0]
    assert np.isfinite(history).all()
