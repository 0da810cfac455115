"""Whole training runs against Keras: the same weights, data and order give the same history and weights."""

import keras
import numpy as np
import pytest

import ranvier

BOTH = (ranvier, keras)


def _data(seed: int = 0, n: int = 50, features: int = 4) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, features)).astype("float32"), rng


def _same_weights(ours, theirs) -> None:
    ours.set_weights([np.asarray(w) for w in theirs.get_weights()])


def _compare(make, fit: dict, tolerance: float = 2e-4):
    """Build with both packages, copy the weights, fit, compare history and weights."""
    ours, theirs = make(ranvier), make(keras)
    _same_weights(ours, theirs)
    arguments = {"epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0} | fit
    a, b = ours.fit(**arguments).history, theirs.fit(**arguments).history
    assert set(a) == set(b)
    for name in b:
        np.testing.assert_allclose(a[name], b[name], rtol=tolerance, atol=1e-5, err_msg=name)
    for u, v in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(u, v, rtol=tolerance, atol=2e-5)
    return ours, theirs


def _regression(k, **compile_arguments):
    model = k.Sequential([k.Input((4,)), k.layers.Dense(8, activation="tanh"), k.layers.Dense(1)])
    model.compile(**({"optimizer": k.optimizers.SGD(0.05), "loss": "mse"} | compile_arguments))
    return model


def test_regression_with_validation_and_weights():
    x, rng = _data()
    y = x[:, :1] * 2 - 1
    weights = rng.uniform(0.1, 2, 50).astype("float32")
    ours, theirs = _compare(
        lambda k: _regression(k, metrics=["mae"], weighted_metrics=["mse"]),
        {"x": x, "y": y, "sample_weight": weights, "validation_split": 0.2},
    )
    for arguments in ({}, {"sample_weight": weights}, {"batch_size": 7}):
        np.testing.assert_allclose(
            ours.evaluate(x, y, verbose=0, **arguments), theirs.evaluate(x, y, verbose=0, **arguments), rtol=1e-4
        )
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.train_on_batch(x, y), theirs.train_on_batch(x, y), rtol=1e-4)
    np.testing.assert_allclose(ours.test_on_batch(x, y), theirs.test_on_batch(x, y), rtol=1e-4)
    np.testing.assert_allclose(ours.predict_on_batch(x), theirs.predict_on_batch(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda k: k.optimizers.Adam(0.01, clipnorm=0.5),
        lambda k: k.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=0.3),
        lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipvalue=0.1),
        lambda k: k.optimizers.RMSprop(0.01, centered=True, momentum=0.5),
        lambda k: k.optimizers.Adagrad(0.1),
        lambda k: k.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
        lambda k: k.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5),
        lambda k: k.optimizers.Adam(0.01, gradient_accumulation_steps=2),
        lambda k: k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.1, 3, 0.7)),
        lambda k: k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.05, 8, warmup_target=0.1, warmup_steps=3)),
    ],
)
def test_optimizers(optimizer):
    x, _ = _data()
    _compare(lambda k: _regression(k, optimizer=optimizer(k)), {"x": x, "y": np.sin(x[:, :1])})


def test_binary_with_batch_normalization_and_class_weights():
    def make(k):
        model = k.Sequential(
            [
                k.Input((4,)),
                k.layers.Dense(6, use_bias=False),  # a bias has gradient 0 here: Adam would amplify its rounding
                k.layers.BatchNormalization(momentum=0.9),
                k.layers.LeakyReLU(),
                k.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(k.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy", "mse"])
        return model

    x, _ = _data()
    y = (x.sum(axis=1) > 0).astype("int32")
    _compare(make, {"x": x, "y": y, "class_weight": {0: 1.0, 1: 3.0}, "validation_data": (x[:20], y[:20])}, 3e-3)


def _classifier(k, loss):
    model = k.Sequential([k.Input((4,)), k.layers.Dense(6, activation="relu"), k.layers.Dense(3)])
    model.compile(k.optimizers.Adam(0.02), loss, metrics=["accuracy"])
    return model


def test_categorical_with_label_smoothing():
    x, rng = _data()
    y = np.eye(3, dtype="float32")[rng.integers(0, 3, 50)]
    _compare(
        lambda k: _classifier(k, k.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)),
        {"x": x, "y": y},
    )


def test_sparse_categorical():
    x, rng = _data()
    y = rng.integers(0, 3, 50)
    _compare(lambda k: _classifier(k, k.losses.SparseCategoricalCrossentropy(from_logits=True)), {"x": x, "y": y})


def test_convolutional():
    def make(k):
        model = k.Sequential(
            [
                k.Input((9, 8, 2)),
                k.layers.Conv2D(4, 3, activation="relu", padding="same"),
                k.layers.BatchNormalization(),
                k.layers.MaxPooling2D(),
                k.layers.Conv2D(3, 2, strides=2),
                k.layers.Flatten(),
                k.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(k.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    rng = np.random.default_rng(0)
    _compare(
        make,
        {"x": rng.normal(size=(24, 9, 8, 2)).astype("float32"), "y": rng.integers(0, 3, 24), "batch_size": 8},
        2e-3,
    )


def test_embedding_with_mask():
    def make(k):
        model = k.Sequential(
            [
                k.Input((5,), dtype="int32"),
                k.layers.Embedding(7, 4, mask_zero=True),
                k.layers.GlobalAveragePooling1D(),
                k.layers.Dense(1),
            ]
        )
        model.compile(k.optimizers.SGD(0.1), "mse")
        return model

    rng = np.random.default_rng(0)
    x = rng.integers(0, 7, (40, 5))
    x[:, 0] = 1
    _compare(make, {"x": x, "y": rng.normal(size=(40, 1)).astype("float32")})


def test_several_inputs_and_outputs():
    def make(k):
        a, b = k.Input((4,), name="a"), k.Input((2,), name="b")
        h = k.layers.Dense(5, activation="relu", name="shared")(a)
        joined = k.layers.Concatenate(name="joined")([h, b])
        p = k.layers.Dense(3, activation="softmax", name="kind")(joined)
        q = k.layers.Dense(1, name="size")(joined)
        model = k.Model({"a": a, "b": b}, {"kind": p, "size": q})
        model.compile(
            k.optimizers.Adam(0.01),
            loss={"kind": "sparse_categorical_crossentropy", "size": "mae"},
            loss_weights={"kind": 1.0, "size": 0.3},
            metrics={"kind": ["accuracy"], "size": ["mse"]},
        )
        return model

    x, rng = _data()
    y = {"kind": rng.integers(0, 3, 50), "size": rng.normal(size=(50, 1)).astype("float32")}
    _compare(make, {"x": {"a": x, "b": x[:, :2]}, "y": y, "validation_split": 0.2})


def test_regularisers_constraints_and_activity():
    def make(k):
        model = k.Sequential(
            [
                k.Input((4,)),
                k.layers.Dense(
                    6, kernel_regularizer=k.regularizers.L2(0.05), activity_regularizer=k.regularizers.L1(0.01)
                ),
                k.layers.Dense(1, kernel_constraint=k.constraints.MaxNorm(0.5), bias_regularizer="l1"),
            ]
        )
        model.compile(k.optimizers.SGD(0.05), "mse")
        return model

    x, _ = _data()
    _compare(make, {"x": x, "y": x[:, :1]})


def test_subclass_with_added_loss():
    def make(k):
        class Noisy(k.Model):
            def __init__(self):
                super().__init__()
                self.first, self.second = k.layers.Dense(5, activation="tanh"), k.layers.Dense(1)

            def call(self, inputs):
                h = self.first(inputs)
                self.add_loss(0.1 * k.ops.mean(k.ops.square(h)))
                return self.second(h)

        model = Noisy()
        model.compile(k.optimizers.SGD(0.05), "mse", metrics=["mae"])
        model(np.zeros((1, 4), "float32"))
        return model

    x, _ = _data()
    _compare(make, {"x": x, "y": x[:, :1]})


def test_stateless_train_step_as_written_for_keras_on_jax():
    import jax

    def make(k):
        class Own(k.Model):
            def __init__(self):
                super().__init__()
                self.layer = k.layers.Dense(1)

            def call(self, inputs, training=False):
                return self.layer(inputs)

            def loss_and_updates(self, trainable, others, x, y):
                y_pred, others = self.stateless_call(trainable, others, x, training=True)
                return self.compute_loss(x, y, y_pred), (y_pred, others)

            def train_step(self, state, data):
                trainable, others, optimizer, metrics = state
                x, y = data
                (loss, (_, others)), grads = jax.value_and_grad(self.loss_and_updates, has_aux=True)(
                    trainable, others, x, y
                )
                trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
                return {"loss": loss}, (trainable, others, optimizer, metrics)

        model = Own()
        model.compile(k.optimizers.Adam(0.05), "mse")
        model(np.zeros((1, 4), "float32"))
        return model

    x, _ = _data(n=48)
    ours, theirs = make(ranvier), make(keras)
    _same_weights(ours, theirs)
    arguments = {"x": x, "y": x[:, :1], "epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0}
    history = ours.fit(**arguments).history
    theirs.fit(**arguments)  # its history shows the untouched loss tracker, 0; ours what the step returned
    for u, v in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-4, atol=1e-5)
    assert list(history) == ["loss"]
    assert history["loss"][0] > history["loss"][-1] > 0
