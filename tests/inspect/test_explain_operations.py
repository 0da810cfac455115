"""What code between layers, inside people's own layers and inside people's own cells computes, step by step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ranvier
from ranvier import layers, ops

X = np.array([1.0, -2.0, 3.0], "float32")


def functional():
    x = ranvier.Input((3,), name="x")
    h = layers.Dense(2, "tanh", name="h")(x)
    z = ops.exp(h) * 2.0 + h
    model = ranvier.Model(x, layers.Dense(1, name="o")(ops.concatenate([z, h[:, :1]], axis=-1)))
    model.compile(loss="mse")
    return model


class Mixed(ranvier.Model):
    """Layers with code between them, some of which only a loss needs."""

    def __init__(self):
        super().__init__(name="mixed")
        self.first, self.last = layers.Dense(2, name="first"), layers.Dense(1, name="last")

    def call(self, x):
        h = self.first(x)
        bent = ops.silu(h) * 3
        self.add_loss(ops.sum(ops.square(h)) * 0.5)
        return self.last(bent + h) / 2


class Cell(layers.Layer):
    """A gated cell of one's own."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units

    def build(self, shape):
        self.w = self.add_weight((shape[-1], self.units), "glorot_uniform", name="w")
        self.u = self.add_weight((self.units, self.units), "orthogonal", name="u")

    def call(self, inputs, states):
        h = states[0]
        gate = ops.sigmoid(inputs @ self.w + h @ self.u)
        new = gate * h + (1 - gate) * ops.tanh(inputs @ self.w)
        return new, [new]


class Unit(layers.Layer):
    """Rows of length 1."""

    def build(self, shape):
        self.w = self.add_weight((shape[-1], 2), "glorot_uniform", name="w")

    def call(self, x):
        z = ops.matmul(x, self.w)
        length = ops.sqrt(ops.sum(z * z, axis=-1, keepdims=True))
        return z / length


def weights(layer):
    return [np.asarray(w) for w in layer.get_weights()]


def test_functions_of_functional_models_are_shown_like_layers():
    model = functional()
    explanation = model.explain(X, 1.0)
    assert [layer.key for layer in explanation.layers] == [
        "h", "exp", "multiply", "add", "get_item", "concatenate", "o",
    ]  # fmt: skip
    h = explanation.layer("h").outputs[0].value
    shown = {key: explanation.layer(key) for key in ("exp", "multiply", "add", "get_item", "concatenate")}
    np.testing.assert_allclose(shown["exp"].outputs[0].value, np.exp(h), rtol=1e-6)
    np.testing.assert_allclose(shown["add"].outputs[0].value, np.exp(h) * 2 + h, rtol=1e-6)
    assert [layer.formula for layer in shown.values()] == [
        "y = exp(x)", "y = x · 2", "y = x0 + x1", "y = x[:, :1]", "y = concatenate(x0, x1, axis=-1)",
    ]  # fmt: skip
    for before, after in (("exp", "multiply"), ("multiply", "add"), ("concatenate", "o")):  # the numbers connect
        np.testing.assert_array_equal(
            explanation.layer(before).outputs[0].value, explanation.layer(after).inputs[0].value
        )
    by_output = explanation.layer("add").outputs[0].gradient
    np.testing.assert_allclose(explanation.layer("exp").outputs[0].gradient, 2 * by_output, rtol=1e-5)
    assert shown["add"].kind == "merge"
    assert "y = x · 2" in str(explanation)


def test_the_chain_rule_goes_through_functions():
    chain = functional().explain(X, 1.0).chain("h", (0, 0))
    symbols = [factor.symbol for path in chain.paths for factor in path.factors]
    assert "∂exp[0]/∂h[0]" in symbols
    assert "∂multiply[0]/∂exp[0]" in symbols
    assert chain.paths_total == 3
    assert np.isclose(sum(path.product for path in chain.paths), chain.gradient, rtol=1e-4)


def test_code_between_the_layers_of_a_subclass():
    model = Mixed()
    model.build((None, 3))
    model.compile(loss="mse")
    explanation = model.explain(X, 1.0)
    assert [layer.key for layer in explanation.layers] == [
        "first", "before last", "last", "before output", "before loss",
    ]  # fmt: skip
    (w, b), (v, c) = weights(model.first), weights(model.last)
    h = X @ w + b
    block = explanation.layer("before last")
    assert block.note == "first → last"
    assert [(s.symbol, s.meaning) for s in block.tensors] == [
        ("t₁", "silu(first)"), ("bent", "t₁ · 3"), ("t₅", "bent + first"),
    ]  # fmt: skip
    bent = h / (1 + np.exp(-h)) * 3
    np.testing.assert_allclose(block.tensor("bent").value, bent, rtol=1e-5)
    np.testing.assert_allclose(block.outputs[0].value, explanation.layer("last").inputs[0].value, rtol=1e-6)
    np.testing.assert_allclose(explanation.layer("before output").outputs[0].value, ((bent + h) @ v + c) / 2, rtol=1e-5)
    loss = explanation.layer("before loss")
    np.testing.assert_allclose(loss.outputs[0].value, np.sum(h**2) / 2, rtol=1e-5)
    assert loss.outputs[0].gradient == 1

    def total(shift_bent, shift_square):
        """The loss, with something added to two of the steps."""
        bent = jax.nn.silu(h) * 3 + shift_bent
        return jnp.sum(((bent + h) @ v + c) / 2 - 1) ** 2 + jnp.sum(h**2 + shift_square) / 2

    by_bent, by_square = jax.grad(total, (0, 1))(jnp.zeros(2), jnp.zeros(2))
    np.testing.assert_allclose(block.tensor("bent").gradient, by_bent, rtol=1e-4)
    np.testing.assert_allclose(loss.tensor("square").gradient, by_square, rtol=1e-5)
    np.testing.assert_allclose(explanation.layer("last").inputs[0].gradient, by_bent, rtol=1e-4)
    text = str(explanation)
    assert "before last · operations · 2 → 2" in text
    assert "(bent + first)" in text
    assert "∂L/∂bent" in explanation._repr_html_()
    assert '"before output"' in explanation.to_json()


def test_a_subclass_of_layers_alone_has_nothing_between_them():
    class Plain(ranvier.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(2, name="a"), layers.Dense(1, name="b")

        def call(self, x):
            return self.b(self.a(x))

    model = Plain()
    model.build((None, 3))
    assert [layer.key for layer in model.explain(X).layers] == ["a", "b"]


@pytest.mark.parametrize("more", [-1, 1])
def test_code_that_calls_other_layers_each_time_is_explained_without_its_steps(more):
    class Moody(ranvier.Model):
        times = 10

        def __init__(self):
            super().__init__()
            self.a = layers.Dense(3, name="a")

        def call(self, x):
            type(self).times += more
            for _ in range(type(self).times):
                x = self.a(x * 2)
            return x

    model = Moody()
    model.build((None, 3))
    keys = [layer.key for layer in model.explain(X).layers]
    assert len(keys) > 3
    assert keys[0] == "a"
    assert "before a" not in keys


def test_blocks_of_layers_inside():
    class Residual(layers.Layer):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.dense = layers.Dense(units, "relu", name="dense")

        def call(self, x):
            return x + self.dense(x)

    model = ranvier.Sequential([ranvier.Input((3,)), Residual(3, name="block"), Residual(3, name="other")])
    model.compile(loss="mse")
    explanation = model.explain(X, np.zeros(3))
    assert [layer.key for layer in explanation.layers] == [
        "block", "block/dense", "block/before output", "other", "other/dense", "other/before output",
    ]  # fmt: skip
    last = explanation.layer("other/before output")
    assert [(q.name, last.depth) for q in last.inputs] == [("x", 1), ("dense", 1)]
    np.testing.assert_allclose(last.outputs[0].value, explanation.outputs[0].value)
    np.testing.assert_allclose(last.outputs[0].gradient, explanation.outputs[0].gradient)
    np.testing.assert_allclose(last.inputs[0].value, explanation.layer("block").outputs[0].value)


def test_ones_own_layer_shows_what_its_code_computes():
    model = ranvier.Sequential([ranvier.Input((3,)), Unit(name="unit")])
    model.compile(loss="mse")
    unit = model.explain(X, np.array([1.0, 0.0])).layer("unit")
    (w,) = weights(model.get_layer("unit"))
    z = X @ w
    assert [(q.name, q.meaning) for q in unit.tensors] == [
        ("z", "x @ w"), ("multiply", "z · z"), ("sum", "sum(t₁)"), ("length", "sqrt(t₂)"), ("divide", "z / length"),
    ]  # fmt: skip
    np.testing.assert_allclose(unit.tensor("length").value, [np.linalg.norm(z)], rtol=1e-5)

    def loss(z, length):
        return jnp.mean((z / length - jnp.array([1.0, 0.0])) ** 2)

    np.testing.assert_allclose(unit.tensor("length").gradient, [jax.grad(loss, 1)(z, np.linalg.norm(z))], rtol=1e-4)
    np.testing.assert_allclose(unit.tensor("z").gradient, jax.grad(lambda z: loss(z, jnp.linalg.norm(z)))(z), rtol=1e-4)


def test_ones_own_cell_shows_its_gates_at_every_step(rng):
    model = ranvier.Sequential([ranvier.Input((4, 3)), layers.RNN(Cell(2), name="rnn")])
    model.compile(loss="mse")
    x = rng.normal(size=(4, 3)).astype("float32")
    rnn = model.explain(x, np.zeros(2)).layer("rnn")
    w, u = weights(model.get_layer("rnn"))
    h, gates, states = np.zeros(2), [], []
    for step in x:
        gate = 1 / (1 + np.exp(-(step @ w + h @ u)))
        h = gate * h + (1 - gate) * np.tanh(step @ w)
        gates.append(gate)
        states.append(h)
    np.testing.assert_allclose(rnn.tensor("gate").value, gates, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(rnn.tensor("new").value, states, rtol=1e-4, atol=1e-6)
    assert rnn.tensor("gate").axes == ("step", "unit")
    assert rnn.tensor("gate").meaning.startswith("sigmoid(t")
    np.testing.assert_allclose(rnn.tensor("new").gradient[-1], rnn.outputs[0].gradient, rtol=1e-5)

    def loss(shift):
        """The loss, with something added to every gate."""
        h = jnp.zeros(2)
        for step, more in zip(x, shift, strict=True):
            gate = jax.nn.sigmoid(step @ w + h @ u) + more
            h = gate * h + (1 - gate) * jnp.tanh(step @ w)
        return jnp.mean(h**2)

    np.testing.assert_allclose(rnn.tensor("gate").gradient, jax.grad(loss)(jnp.zeros((4, 2))), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_masks_and_stacks_of_ones_own_cells(rng, return_sequences):
    inputs = ranvier.Input((4, 3))
    cells = [Cell(3, name="below"), layers.GRUCell(2)]
    output = layers.RNN(cells, return_sequences=return_sequences, name="rnn")(layers.Masking(0.0)(inputs))
    model = ranvier.Model(inputs, output)
    x = rng.normal(size=(4, 3)).astype("float32")
    x[2:] = 0
    rnn = model.explain(x).layer("rnn")
    np.testing.assert_allclose(rnn.outputs[0].value, model(x[None])[0], rtol=1e-5, atol=1e-6)
    assert rnn.tensor("cell 0: gate").shape == (4, 3)
    assert rnn.tensor("cell 1: update gate").shape == (4, 2)


@pytest.mark.parametrize(("rank", "data_format"), [(1, "channels_last"), (2, "channels_last"), (2, "channels_first")])
def test_convolutional_memories_show_their_gates(rng, rank, data_format):
    layer = {1: layers.ConvLSTM1D, 2: layers.ConvLSTM2D}[rank](2, 2, data_format=data_format, name="film")
    sizes = (5,) * rank
    shape = (3, *sizes, 1) if data_format == "channels_last" else (3, 1, *sizes)
    model = ranvier.Sequential([ranvier.Input(shape), layer])
    model.compile(loss="mse")
    x = rng.normal(size=shape).astype("float32")
    film = model.explain(x, model(x[None]) * 0).layer("film")
    state = film.tensor("state")
    np.testing.assert_allclose(state.value[-1], film.outputs[0].value, rtol=1e-5)
    np.testing.assert_allclose(state.gradient[-1], film.outputs[0].gradient, rtol=1e-5)
    i, f, g, c = (film.tensor(n).value for n in ("input gate", "forget gate", "candidate", "cell state"))
    np.testing.assert_allclose(c[1], f[1] * c[0] + i[1] * g[1], rtol=1e-5)
    assert "⋆" in film.formula


def test_another_sample_compiles_nothing():
    model = Mixed()
    model.build((None, 3))
    first = model.explain(X, neurons=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "jit", None)
        second = model.explain(X * 2, neurons=())
    assert not np.array_equal(first.layer("before last").outputs[0].value, second.layer("before last").outputs[0].value)
