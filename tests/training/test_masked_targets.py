"""Padded steps count in no loss and no metric: compiled as eager, in every method, weighted or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as keras
from ranvier import layers

STEPS, CLASSES = 5, 3


def tagger(eager: bool, kind: str) -> keras.Model:
    """A model that gives each token a class, with or without a step of its own."""
    tokens = keras.Input((STEPS,), dtype="int32")
    hidden = layers.LSTM(3, return_sequences=True, seed=1)(layers.Embedding(6, 4, mask_zero=True)(tokens))
    scores = layers.Dense(CLASSES, "softmax")(hidden)
    model = {"usual": keras.Model, "own test": _Own, "own training": _ByHand}[kind](tokens, scores)
    model.compile(
        keras.optimizers.SGD(0.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="ce")],
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="weighted")],
        run_eagerly=eager,
    )
    return model


class _Own(keras.Model):
    def test_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        predicted = self(x, training=False)
        self._loss_tracker.update_state(self.compute_loss(x, y, predicted, weight, training=False))
        return self.compute_metrics(x, y, predicted, weight)


class _ByHand(keras.Model):
    def train_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)

        def forward():
            predicted = self(x, training=True)
            return self.compute_loss(x, y, predicted, weight), predicted

        (loss, predicted), slopes = keras.gradients(forward, self.trainable_variables, has_aux=True)
        self.optimizer.apply(slopes, self.trainable_variables)
        self._loss_tracker.update_state(loss)
        return self.compute_metrics(x, y, predicted, weight)


TAGGERS = {(e, kind): tagger(e, kind) for e in (False, True) for kind in ("usual", "own test", "own training")}


def wanted(model, x, y, weight):
    """The mathematics, on the steps that are there alone."""
    scores = np.asarray(model(x))
    there = x > 0
    right = (scores.argmax(-1) == y)[there]
    cost = -np.log(np.take_along_axis(scores, y[..., None], -1)[..., 0])[there]
    each = np.ones(x.shape)[there] if weight is None else np.broadcast_to(weight[:, None], x.shape)[there]
    return {
        "loss": (cost * each).mean(),
        "accuracy": right.mean(),
        "ce": cost.mean(),
        "weighted": (right * each).sum() / each.sum(),
    }


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
@pytest.mark.parametrize(("eager", "own"), list(TAGGERS))
@settings(max_examples=3, deadline=None)
@given(lengths=st.lists(st.integers(1, STEPS), min_size=4, max_size=4), weighted=st.booleans(), seed=st.integers(0, 99))
def test_padded_steps_do_not_count(method, eager, own, lengths, weighted, seed):
    model, rng = TAGGERS[eager, own], np.random.default_rng(seed)
    there = np.arange(STEPS) < np.array(lengths)[:, None]
    x = (rng.integers(1, 6, (4, STEPS)) * there).astype("int32")
    y = rng.integers(0, CLASSES, (4, STEPS))
    weight = rng.uniform(0.5, 2.0, 4).astype("float32") if weighted else None
    model.reset_metrics()
    if method == "fit":
        found = {k: v[0] for k, v in model.fit(x, y, sample_weight=weight, batch_size=4, verbose=0).history.items()}
    elif method == "evaluate":
        found = model.evaluate(x, y, sample_weight=weight, batch_size=4, verbose=0, return_dict=True)
    else:
        found = getattr(model, method)(x, y, sample_weight=weight, return_dict=True)
    for name, value in wanted(model, x, y, weight).items():
        if name in found:
            np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6, err_msg=name)
    assert {"accuracy", "ce", "weighted"} <= set(found)
