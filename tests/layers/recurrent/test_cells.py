"""Cells by themselves, and dropout: fresh masks for each batch, the same for all time steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.masks import get_mask
from ranvier.core.random import set_random_seed

from .common import assert_same, pair, sequences

ONES = np.ones((400, 5, 1), "float32")


@pytest.mark.parametrize("kind", ["SimpleRNNCell", "LSTMCell", "GRUCell"])
def test_cells_step_like_those_of_keras(kind):
    ours, theirs = pair(lambda m: getattr(m, kind)(2, name="it"), (None, 3))
    x, states = sequences(4, 3), [sequences(4, 2, seed=i) for i in range(2 if kind == "LSTMCell" else 1)]
    assert_same(ours(x, states), theirs(x, states))
    assert (ours.state_size, ours.output_size) == (theirs.state_size, theirs.output_size)
    assert_same(ours.get_initial_state(4), theirs.get_initial_state(4))
    if len(states) == 1:
        output, state = ours(x, states[0])
        np.testing.assert_array_equal(output, state)
    expected, given = theirs.get_config(), ours.get_config()
    assert given.keys() == expected.keys()
    assert type(ours).from_config(given).get_config() == given


def test_stacked_cells():
    ours, theirs = pair(
        lambda m: m.StackedRNNCells([m.LSTMCell(3, name="a"), m.GRUCell(2, name="b")], name="it"), (None, 3)
    )
    states = ours.get_initial_state(4)
    assert_same(states, theirs.get_initial_state(4))
    assert_same(ours(sequences(4, 3), states), theirs(sequences(4, 3), states))
    assert (ours.state_size, ours.output_size) == (theirs.state_size, theirs.output_size)
    config = ours.get_config()
    assert type(ours).from_config(config).get_config() == config


@pytest.mark.parametrize(("kind", "count"), [("SimpleRNNCell", None), ("LSTMCell", 4), ("GRUCell", 3)])
def test_masks_of_cells_stay_until_reset(kind, count):
    cell = getattr(layers, kind)(50, dropout=0.5, recurrent_dropout=0.25, seed=3)
    x = np.ones((20, 30), "float32")
    first, again = (np.asarray(cell.get_dropout_mask(x)) for _ in range(2))
    assert first.shape == (x.shape if count is None else (count, *x.shape))
    np.testing.assert_array_equal(first, again)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert abs(first.mean() - 1) < 0.15
    cell.reset_dropout_mask()
    assert np.any(first != np.asarray(cell.get_dropout_mask(x)))
    states = np.asarray(cell.get_recurrent_dropout_mask(np.ones((20, 50), "float32")))
    np.testing.assert_allclose(np.unique(states), [0, 4 / 3], rtol=1e-6)
    cell.reset_recurrent_dropout_mask()
    assert np.any(states != np.asarray(cell.get_recurrent_dropout_mask(np.ones((20, 50), "float32"))))
    assert getattr(layers, kind)(3).get_dropout_mask(x) is None


def unit(kind, **options):
    """A layer of one unit with weights that make every pattern of dropped gates another number."""
    layer = getattr(layers, kind)(1, seed=1, **options)
    layer.build((None, 5, 1))
    layer.set_weights([np.linspace(-0.9, 0.8, v.size).reshape(v.shape) for v in layer.weights])
    return layer


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_dropped_inputs_are_the_same_at_all_steps_and_fresh_in_each_batch(kind):
    layer = unit(kind, dropout=0.5)
    first, second = (np.asarray(layer(ONES, training=True)).ravel() for _ in range(2))
    # All steps kept, or all dropped: masks that changed with time would give up to 2⁵ numbers.
    assert len(np.unique(np.round(first, 5))) == 2
    assert np.any(first != second)
    assert len(np.unique(np.asarray(layer(ONES)))) == 1


@pytest.mark.parametrize(("kind", "patterns"), [("SimpleRNN", 2), ("LSTM", 16), ("GRU", 6)])
def test_dropped_states_have_a_mask_for_each_gate(kind, patterns):
    layer = unit(kind, recurrent_dropout=0.5, **({"reset_after": False} if kind == "GRU" else {}))
    states = [np.ones((400, 1), "float32")] * (2 if kind == "LSTM" else 1)
    found = np.asarray(layer(ONES[:, :1], training=True, initial_state=states))
    assert len(np.unique(np.round(found, 5))) == patterns


@pytest.mark.parametrize("kind", ["LSTM", "ConvLSTM1D", "subclass"])
def test_dropout_in_compiled_training(kind):
    class Cell(layers.LSTMCell):
        def call(self, inputs, states, training=False):
            return super().call(inputs, states, training=training)

    rates = {"dropout": 0.5, "recurrent_dropout": 0.5}
    histories = []
    for _ in range(2):
        set_random_seed(0)
        chain = [layers.Reshape((4, 3, 1)), layers.ConvLSTM1D(2, 2, **rates)] if kind == "ConvLSTM1D" else (
            [layers.RNN(Cell(2, **rates))] if kind == "subclass" else [layers.LSTM(2, **rates)])  # fmt: skip
        model = ranvier.Sequential([layers.Input((4, 3)), *chain, layers.Flatten(), layers.Dense(1)])
        model.compile(ranvier.optimizers.SGD(0.0), "mse")
        x = sequences(8, 4, 3)
        histories.append(model.fit(x, x[:, 0, :1], epochs=3, batch_size=8, verbose=0).history["loss"])
    assert histories[0] == histories[1]  # seeded
    assert len(set(histories[0])) == 3  # and fresh in every batch, since the weights do not change


def test_a_subclass_of_a_cell_drops_the_same_at_all_steps():
    class Cell(layers.SimpleRNNCell):
        def call(self, sequence, states, training=False):
            return super().call(sequence, states, training=training)

    layer = layers.RNN(Cell(1, dropout=0.5, kernel_initializer="ones", seed=2))
    found = np.asarray(layer(ONES, training=True))
    assert len(np.unique(np.round(found, 5))) == 2
    assert np.any(found != np.asarray(layer(ONES, training=True)))


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_layers_show_their_cells_arguments(kind):
    ours, theirs = (getattr(m, kind)(3, dropout=0.1, name="it") for m in (layers, keras.layers))
    for name in ("units", "use_bias", "dropout", "recurrent_dropout", "kernel_regularizer"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.cell.name == theirs.cell.name
    assert getattr(layers, kind)(3, trainable=False).cell.trainable is False


def test_time_distributed_takes_recurrent_layers():
    x = sequences(2, 3, 4, 5)
    ours, theirs = pair(
        lambda m: m.TimeDistributed(m.Bidirectional(m.LSTM(2, name="a"), name="b"), name="it"), (None, 3, 4, 5)
    )
    assert_same(ours(x), theirs(x))
    assert ours(layers.Input((None, None, 5))).shape == (None, None, 4)


def test_masks_of_words_in_sentences_become_masks_of_sentences():
    tokens = np.array([[[1, 2, 0], [3, 0, 0], [0, 0, 0]], [[1, 1, 1], [0, 0, 0], [0, 0, 0]]])
    words, sentences = layers.LSTM(2), layers.GRU(2)
    embedded = layers.Embedding(4, 3, mask_zero=True)(tokens)
    encoded = layers.TimeDistributed(words)(embedded)
    np.testing.assert_array_equal(get_mask(encoded), [[1, 1, 0], [1, 0, 0]])
    alone = words(np.asarray(embedded)[0, :1], mask=tokens[0, :1] != 0)
    np.testing.assert_allclose(encoded[0, 0], alone[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sentences(encoded)[1], sentences(encoded[1:, :1])[0], rtol=1e-5, atol=1e-6)
    steps = layers.TimeDistributed(layers.Dense(2))(embedded)
    np.testing.assert_array_equal(get_mask(steps), tokens != 0)
    masked = layers.TimeDistributed(words)(sequences(2, 3, 4, 3), mask=np.array([[1, 1, 0], [1, 0, 0]], bool))
    assert not np.any(masked[1, 1:])
    assert np.all(masked[0, :2])
