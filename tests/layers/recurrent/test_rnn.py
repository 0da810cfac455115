"""What `RNN` and the layers on it do beyond the laws: masks, states, custom cells, errors. Keras is the oracle."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers, ops
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.masks import get_mask

from .common import assert_same, pair, sequences

X = sequences(3, 4, 3)
MASKS = {
    "trailing": [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]],
    "leading and holes": [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1]],
}
KINDS = ["SimpleRNN", "LSTM", "GRU"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"zero_output_for_mask": True}], ids=str)
def test_masks(kind, mask, options):
    mask = np.array(MASKS[mask], bool)
    for return_sequences in (False, True):
        options = {**options, "return_sequences": return_sequences, "return_state": True}
        ours, theirs = pair(lambda m, options=options: getattr(m, kind)(3, name="it", **options))
        assert_same(ours(X, mask=mask), theirs(X, mask=mask))


@pytest.mark.parametrize("kind", KINDS)
def test_unrolled_and_looped_are_the_same(kind):
    mask = np.array(MASKS["leading and holes"], bool)
    looped, unrolled = (getattr(layers, kind)(3, unroll=u, return_sequences=True) for u in (False, True))
    a = looped(X, mask=mask)
    unrolled.build(X.shape)
    unrolled.set_weights(looped.get_weights())
    assert_same(a, unrolled(X, mask=mask))
    with pytest.raises(ShapeError, match="unroll"):
        getattr(layers, kind)(3, unroll=True)(layers.Input((None, 3)))


def test_masks_travel_from_embedding_to_loss():
    """Padding neither changes the numbers nor counts in the loss, through the whole model."""
    tokens = np.array([[1, 2, 3, 0, 0], [4, 3, 0, 0, 0]], "int32")
    targets = np.array([[1, 0, 1, 0, 0], [0, 1, 1, 1, 1]], "int32")

    def make(k):
        inputs = k.Input((None,), dtype="int32")
        x = k.layers.Embedding(5, 4, mask_zero=True)(inputs)
        x, h, _ = k.layers.LSTM(3, return_sequences=True, return_state=True)(x)
        x = k.layers.GRU(3, return_sequences=True)(x, initial_state=h)
        x = k.layers.Bidirectional(k.layers.SimpleRNN(3, return_sequences=True))(x)
        outputs = k.layers.TimeDistributed(k.layers.Dense(2, activation="softmax"))(x)
        model = k.Model(inputs, outputs)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    ours, theirs = make(ranvier), make(keras)
    ours.set_weights(theirs.get_weights())
    assert_same(ours.predict(tokens, verbose=0), theirs.predict(tokens, verbose=0))
    a, b = (m.evaluate(tokens, targets, verbose=0) for m in (ours, theirs))
    np.testing.assert_allclose(a, b, rtol=1e-5)
    losses = [m.fit(tokens, targets, epochs=3, verbose=0, shuffle=False).history["loss"] for m in (ours, theirs)]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    other = targets.copy()
    other[tokens == 0] = 1 - other[tokens == 0]
    np.testing.assert_allclose(ours.evaluate(tokens, other, verbose=0), ours.evaluate(tokens, targets, verbose=0))


def test_states_carry_no_masks():
    embedded = layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 2, 0], [3, 0, 0]]))
    outputs, *states = layers.LSTM(3, return_sequences=True, return_state=True)(embedded)
    np.testing.assert_array_equal(get_mask(outputs), [[1, 1, 0], [1, 0, 0]])
    assert [get_mask(s) for s in states] == [None, None]
    assert get_mask(layers.LSTM(3)(embedded)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_initial_state_as_argument_and_symbolic(kind):
    count = 2 if kind == "LSTM" else 1
    states = [sequences(3, 2, seed=i + 5) for i in range(count)]
    ours, theirs = pair(lambda m: getattr(m, kind)(2, name="it", return_state=True))
    expected = theirs(X, initial_state=states)
    assert isinstance(ours(X), tuple)
    assert_same(ours(X, initial_state=states), expected)
    if count == 1:
        assert_same(ours(X, initial_state=states[0]), expected)
    inputs = [layers.Input((None, 3)), *(layers.Input((2,)) for _ in states)]
    model = ranvier.Model(inputs, ours(inputs[0], initial_state=inputs[1:]))
    assert_same(model([X, *states]), expected)
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert_same(again([X, *states]), expected)


def test_stateful_layers_go_on_where_the_last_batch_ended():
    whole, half = X, (X[:, :2], X[:, 2:])
    plain, kept = layers.LSTM(3, return_sequences=True), layers.LSTM(3, return_sequences=True, stateful=True)
    expected = np.asarray(plain(whole))
    kept.build(half[0].shape)
    kept.set_weights(plain.get_weights())
    assert len(kept.weights) == 3
    assert [v.path for v in kept.states] == [f"{kept.name}/rnn_state"] * 2
    for _ in range(2):
        np.testing.assert_allclose(np.concatenate([kept(h) for h in half], axis=1), expected, rtol=1e-5, atol=1e-6)
        kept.reset_state()
    kept(half[0])
    kept.reset_states()
    assert not np.any(kept.states[0].numpy())
    with pytest.raises(ShapeError, match="batch"):
        kept(X[:2])
    with pytest.raises(ShapeError, match="batch_shape"):
        layers.LSTM(3, stateful=True)(layers.Input((4, 3)))


@pytest.mark.parametrize("kind", [*KINDS, "ConvLSTM1D", "stack", "two ways"])
def test_stateful_layers_inside_compiled_training(kind):
    """One program over two batches leaves the states that two separate calls leave."""
    x = sequences(4, 3, 6, seed=3)

    def make():
        if kind == "stack":
            layer = layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)], stateful=True)
        elif kind == "two ways":
            layer = layers.Bidirectional(layers.GRU(2, stateful=True))
        elif kind == "ConvLSTM1D":
            layer = layers.ConvLSTM1D(2, 2, stateful=True)
        else:
            layer = getattr(layers, kind)(2, stateful=True)
        chain = [layers.Reshape((3, 3, 2))] if kind == "ConvLSTM1D" else []
        model = ranvier.Sequential([layers.Input(batch_shape=(2, 3, 6)), *chain, layer])
        model.compile(ranvier.optimizers.SGD(0.0), "mse")
        return model, layer

    model, layer = make()
    y = np.zeros((4, *model.output_shape[1:]), "float32")
    model.fit(x, y, batch_size=2, epochs=1, shuffle=False, verbose=0)
    trained = [np.asarray(v) for v in keras.tree.flatten(layer.states)]
    layer.reset_state()
    second = [model(x[:2]), model(x[2:])][1]
    assert_same([np.asarray(v) for v in keras.tree.flatten(layer.states)], trained)
    layer.reset_state()
    predicted = model.predict(x, batch_size=2, verbose=0)
    assert_same(predicted[2:], np.asarray(second))
    assert_same([np.asarray(v) for v in keras.tree.flatten(layer.states)], trained)


def test_mixed_precision_keeps_states_in_float32():
    layer = layers.LSTM(3, stateful=True, return_state=True, dtype="mixed_bfloat16")
    outputs = layer(X)
    assert {str(a.dtype) for a in outputs} == {"bfloat16"}
    assert {v.dtype for v in [*layer.states, *layer.weights]} == {"float32"}


def custom_cell(module):
    class Plus(module.layers.Layer):
        """A cell with two states of different sizes, a weight and no get_initial_state."""

        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.state_size = [units, 1]
            self.output_size = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones", name="w")

        def call(self, inputs, states, training=None):
            h, count = states
            h = module.ops.tanh(module.ops.matmul(inputs, self.w) + 0.5 * h)
            return h * count, [h, count + (2.0 if training else 1.0)]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Plus


@pytest.mark.parametrize("training", [False, True])
def test_custom_cells(training):
    mask = np.array(MASKS["trailing"], bool)
    results = []
    for module in (ranvier, keras):
        layer = module.layers.RNN(custom_cell(module)(2), return_sequences=True, return_state=True, go_backwards=True)
        results.append(layer(X, mask=mask, training=training))
    assert_same(*results)


def test_custom_cells_in_stacks_two_ways_and_files(tmp_path):
    results, cell = [], None
    for module in (ranvier, keras):
        cell = custom_cell(module)
        if module is keras:
            keras.saving.get_custom_objects()["Plus"] = cell
        stack = module.layers.RNN([cell(2), cell(3)], return_state=True)
        results.append([stack(X), module.layers.Bidirectional(module.layers.RNN(cell(2)))(X)])
    assert_same(*results)
    cell = custom_cell(ranvier)
    model = ranvier.Sequential([layers.Input((None, 3)), layers.Bidirectional(layers.RNN(cell(2)))])
    model.save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras", custom_objects={"Plus": cell})
    assert_same(again(X), model(X))
    stack = layers.RNN([cell(2), cell(3)])
    config = stack.get_config()
    assert layers.RNN.from_config(config, {"Plus": cell}).get_config() == config


def test_a_cell_may_hold_layers_with_state_and_losses():
    """Dropout and moving averages inside a cell go round the loop; losses are summed over time."""

    class Cell(layers.Layer):
        state_size = 3

        def __init__(self):
            super().__init__()
            self.dense, self.drop = layers.Dense(3), layers.Dropout(0.5, seed=1)
            self.norm = layers.BatchNormalization(momentum=0.5)

        def call(self, inputs, states, training=False):
            h = self.drop(self.dense(inputs), training=training) + states[0]
            self.add_loss(ops.sum(inputs))
            return self.norm(h, training=training), [h]

    layer = layers.RNN(Cell())
    model = ranvier.Sequential([layers.Input((4, 3)), layer])
    model.compile("sgd", "mse")
    seed, average = layer.cell.drop.seed_generator.state, layer.cell.norm.moving_mean
    before = [np.asarray(v) for v in (seed, average)]
    model.fit(X, np.zeros((3, 3), "float32"), epochs=1, verbose=0)
    assert int(np.asarray(seed)[1]) == int(before[0][1]) + 4  # four steps, four masks
    assert np.any(average.numpy() != before[1])
    layer(X)
    np.testing.assert_allclose(layer.losses[0], X.sum(), rtol=1e-4)


def test_a_subclass_of_a_cell_with_another_call_is_heeded():
    class Doubled(layers.LSTMCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(2 * inputs, states, training=training)
            return -output, states

    ours, plain = layers.RNN(Doubled(2), return_sequences=True), layers.LSTM(2, return_sequences=True)
    a = ours(X)
    plain.build(X.shape)
    plain.set_weights(ours.get_weights())
    assert_same(a, -plain(2 * X))


def test_compiled_symbolic_and_unknown_sizes():
    layer = layers.LSTM(3, return_sequences=True, return_state=True)
    outputs = layer(layers.Input((None, 5)))
    assert [t.shape for t in outputs] == [(None, None, 3), (None, 3), (None, 3)]
    assert layers.GRU(4)(layers.Input((7, 5), batch_size=2)).shape == (2, 4)
    assert layer.compute_output_shape((None, 6, 5))[0] == (None, 6, 3)
    model = ranvier.Sequential([layers.Input((None, 3)), layers.GRU(2)])
    for time in (1, 5):
        x = sequences(2, time, 3)
        assert_same(model.predict(x, verbose=0), model.layers[0](x))


def test_gradients_flow_to_inputs_states_and_weights():
    ours, theirs = pair(lambda m: m.GRU(2, name="it", return_sequences=True))
    h = sequences(3, 2, seed=9)
    weights = [v.value for v in ours.trainable_variables]

    def loss(layer, others):
        return lambda w, x, s: jnp.sum(layer.stateless_call(w, others, x, initial_state=s)[0] ** 2)

    found = jax.grad(loss(ours, []), (0, 1, 2))(weights, X, h)
    others = [v.value for v in theirs.non_trainable_variables]
    assert_same(found, jax.grad(loss(theirs, others), (0, 1, 2))(weights, X, h))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RNN(3), "call"),
        (lambda: layers.RNN(layers.Dense(3)), "state_size"),
        (lambda: layers.StackedRNNCells([layers.Dense(3)]), "state_size"),
        (lambda: layers.LSTM(0), "units"),
        (lambda: layers.GRU(3, dropout=1.5), "dropout"),
        (lambda: layers.LSTM(3)(X[0]), "3 axes"),
        (lambda: layers.LSTM(3)(X[:, :0]), "at least one step"),
        (lambda: layers.LSTM(3)(X, initial_state=[X[:, 0]]), "2 tensor"),
        (lambda: layers.GRU(3)(X, initial_state=[X[:, 0, :2]]), r"\(3, 3\)"),
        (lambda: layers.LSTM(3)(layers.Input((4, None))), "features"),
        (lambda: layers.Bidirectional(layers.Dense(3)), "recurrent layer"),
        (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="max"), "merge_mode"),
        (lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.GRU(3)), "opposite"),
        (lambda: layers.Bidirectional(layers.GRU(3))(X, initial_state=[X[:, 0]]), "as many"),
    ],
)
def test_errors_name_what_is_wrong(make, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        make()
