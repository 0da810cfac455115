"""`Bidirectional` against Keras: merges, states, masks, configurations, files."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers

from .common import assert_same, pair, sequences

X = sequences(3, 4, 3)
MASK = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 0, 0]], bool)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "ave", "mul", None])
def test_merges(merge_mode):
    several = merge_mode in ("concat", None)
    for return_sequences, return_state in [(False, True), (True, False)] if several else [(True, False)]:
        options = {"return_sequences": return_sequences, "return_state": return_state, "name": "inner"}
        ours, theirs = pair(lambda m, o=options: m.Bidirectional(m.LSTM(2, **o), merge_mode=merge_mode, name="it"))
        assert_same(ours(X, mask=MASK), theirs(X, mask=MASK))
        assert_same(*(keras.tree.flatten(layer.compute_mask(X, MASK)) for layer in (ours, theirs)))


def test_initial_state_and_a_backward_layer_of_another_kind():
    def make(m):
        backward = m.GRU(2, go_backwards=True, reset_after=False, name="back")
        return m.Bidirectional(m.SimpleRNN(2, name="there"), backward_layer=backward, name="it")

    ours, theirs = pair(make)
    assert_same(ours(X), theirs(X))
    states = [sequences(3, 2, seed=1), sequences(3, 2, seed=2)]
    assert_same(ours(X, initial_state=states), theirs(X, initial_state=states))


def test_config_weights_and_copies():
    ours, theirs = (m.Bidirectional(m.GRU(2, name="inner"), name="it") for m in (layers, keras.layers))
    a, b = ours.get_config(), theirs.get_config()
    assert set(a) == set(b)
    assert (a["layer"]["config"]["name"], a["backward_layer"]["config"]["name"]) == ("forward_inner", "backward_inner")
    assert a["layer"]["config"].keys() == b["layer"]["config"].keys()
    again = layers.Bidirectional.from_config(a)
    assert again.get_config() == a
    ours(X)
    weights = [np.ones(v.shape, "float32") for v in ours.weights]
    loaded = layers.Bidirectional(layers.GRU(2), weights=weights)
    loaded(X)
    assert_same(loaded.get_weights(), weights)


@pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier)])
def test_files_both_ways(writer, reader, tmp_path):
    k = writer.layers
    inputs = k.Input((4, 3))
    x = k.Bidirectional(k.LSTM(2, return_sequences=True, dropout=0.2))(inputs)
    x = k.RNN([k.LSTMCell(3), k.GRUCell(2)], return_sequences=True)(x)
    x, h = k.GRU(2, return_sequences=True, return_state=True)(x)
    x = k.SimpleRNN(2, return_sequences=True)(x, initial_state=h)
    x = k.ConvLSTM1D(2, 2)(k.Reshape((4, 2, 1))(k.TimeDistributed(k.Dense(2))(x)))
    model = writer.Model(inputs, x)
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    assert_same(again.predict(X, verbose=0), model.predict(X, verbose=0))
