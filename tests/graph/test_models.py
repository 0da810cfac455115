"""Whole models, and what people write themselves, as graphs: numbers, names, layer paths and source lines."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ranvier
from ranvier import layers, ops
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.graph import capture

from ..properties.agreement import differences

RNG = np.random.default_rng(0)


def _floats(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def _unet(size: int | None) -> Any:
    inputs = ranvier.Input((size, size, 3))
    down = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    deep = layers.Conv2D(8, 3, padding="same")(layers.MaxPooling2D()(down))
    up = layers.UpSampling2D()(deep) if size is None else layers.Conv2DTranspose(4, 2, strides=2)(deep)
    return ranvier.Model(inputs, layers.Conv2D(1, 1)(layers.Concatenate()([up, down])))


class _Block(layers.Layer):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.before = layers.LayerNormalization()
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.between = layers.LayerNormalization()
        self.feed = ranvier.Sequential([layers.Dense(4 * width, activation="gelu"), layers.Dense(width)])

    def call(self, x: Any) -> Any:
        y = self.before(x)
        x = x + self.attention(y, y, use_causal_mask=True)
        return x + self.feed(self.between(x))


class _GPT(ranvier.Model):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = layers.Embedding(50, 16), layers.Embedding(32, 16)
        self.blocks = [_Block(16, 2) for _ in range(2)]
        self.head = layers.Dense(50)

    def call(self, tokens: Any) -> Any:
        x = self.tokens(tokens) + self.places(ops.arange(ops.shape(tokens)[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def _seq2seq() -> Any:
    source, target = ranvier.Input((None,)), ranvier.Input((None,))
    read = layers.Embedding(20, 8, mask_zero=True)(source)
    _, *state = layers.LSTM(8, return_state=True)(read)
    written = layers.LSTM(8, return_sequences=True)(
        layers.Embedding(20, 8, mask_zero=True)(target), initial_state=state
    )
    found = layers.Attention()([written, layers.Dense(8)(read)])
    return ranvier.Model([source, target], layers.Dense(20, activation="softmax")(found))


class _Cell(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.state_size = self.output_size = 4

    def build(self, shape: Any) -> None:
        self.kernel, self.recurrent = self.add_weight((shape[-1], 4)), self.add_weight((4, 4))

    def call(self, x: Any, states: Any) -> Any:
        state = ops.tanh(x @ self.kernel + states[0] @ self.recurrent)
        return state, [state]


class _Plain(layers.Layer):
    def call(self, x: Any) -> Any:
        return jnp.where(x > 0, x, jnp.sin(x)).sum(-1)


def _shared() -> Any:
    inner = ranvier.Sequential([ranvier.Input((4,)), layers.Dense(4, activation="tanh", name="one")], name="inner")
    inputs = ranvier.Input((4,))
    return ranvier.Model(inputs, layers.Add()([inner(inputs), inner(inner(inputs)), inputs * 2 - 1]))


def _named() -> Any:
    a, b = ranvier.Input((3,), name="a"), ranvier.Input((3,), name="b")
    return ranvier.Model({"b": b, "a": a}, {"sum": a + b, "difference": [a - b]})


def _stack(*inner: Any) -> Any:
    return ranvier.Sequential(list(inner))


MODELS: dict[str, Any] = {
    "unet": (lambda: _unet(16), [_floats(2, 16, 16, 3)]),
    "unet of open sizes": (lambda: _unet(None), [_floats(2, 16, 24, 3)]),
    "seq2seq": (_seq2seq, [[RNG.integers(0, 20, (2, 5)), RNG.integers(0, 20, (2, 6))]]),
    "own cell": (
        lambda: _stack(ranvier.Input((6, 3)), layers.RNN(_Cell()), layers.Lambda(lambda x: ops.softmax(x) * 2)),
        [_floats(2, 6, 3)],
    ),
    "plain JAX": (lambda: _stack(ranvier.Input((5,)), _Plain()), [_floats(2, 5)]),
    "shared": (_shared, [_floats(3, 4)]),
    "named": (_named, [{"a": _floats(3, 3), "b": _floats(3, 3)}]),
    "distributed": (
        lambda: _stack(ranvier.Input((5, 4, 3)), layers.TimeDistributed(layers.Dense(2, activation="relu"))),
        [_floats(2, 5, 4, 3)],
    ),
    "both ways": (
        lambda: _stack(
            ranvier.Input((None,)), layers.Embedding(9, 4, mask_zero=True),
            layers.Bidirectional(layers.GRU(3, return_sequences=True)), layers.GlobalAveragePooling1D(),
        ),
        [RNG.integers(0, 9, (3, 7))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_models_graph_gives_its_numbers(name: str):
    make, inputs = MODELS[name]
    model = make()
    graph = capture(model)
    found, wanted = graph.run(*inputs), model(*inputs)
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    assert not differences(found, wanted), differences(found, wanted)


def test_a_subclass_is_captured_for_examples_and_for_open_sizes():
    model = _GPT()
    tokens = RNG.integers(0, 50, (3, 7))
    wanted = model(tokens)
    for graph in (capture(model, tokens), capture(model, ranvier.KerasTensor((None, None), "int32"))):
        assert not differences(graph.run(tokens), wanted)
    assert not differences(graph.run(tokens[:2, :4]), model(tokens[:2, :4]))


def test_a_model_that_is_not_built_is_built_by_its_capture():
    model, tokens = _GPT(), RNG.integers(0, 50, (3, 7))
    graph = capture(model, ranvier.KerasTensor((None, 7), "int32"))
    assert model.built
    assert not differences(graph.run(tokens), model(tokens))


FUNCTIONS: dict[str, Any] = {
    "operations": lambda x: ops.relu(ops.matmul(x, ops.transpose(x))),
    "while": lambda x: ops.while_loop(lambda n, v: n < 3, lambda n, v: (n + 1, ops.tanh(v)), (0, x))[1],
    "fori": lambda x: ops.fori_loop(0, 3, lambda i, v: v * 2 + i, x),
    "cond": lambda x: ops.cond(ops.sum(x) > 0, lambda: ops.exp(x), lambda: ops.sin(x)),
    "map": lambda x: ops.map(lambda row: ops.sum(row * row), x),
    "gradient": lambda x: jax.grad(lambda z: ops.sum(ops.gelu(z)))(x),
    "batched": lambda x: jax.vmap(lambda z: ops.softmax(z))(x),
    "compiled": lambda x: jax.jit(lambda z: ops.softmax(z) + 1)(x),
    "several": lambda x: {"parts": ops.split(x, 3, axis=1), "top": ops.top_k(x, 2)},
    "constants": lambda x: ops.add(x, np.arange(3, dtype="float32")),
    "places": lambda x: x[..., ::-1] + x[:, 1:2],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_captured(name: str):
    function, x = FUNCTIONS[name], _floats(4, 3)
    graph = capture(function, jax.ShapeDtypeStruct((4, 3), "float32"))
    assert not differences(graph.run(x), function(x))


def test_operations_have_their_names_and_settings():
    graph = capture(lambda x: ops.softmax(ops.reshape(x, (-1, 2)), axis=0), ranvier.Input((4,)))
    assert [node.op for node in graph.nodes] == ["reshape", "softmax"]
    assert graph.nodes[1].attributes == {"axis": 0}
    assert all(node.named for node in graph.nodes)
    assert [str(size) for size in graph.outputs[0].shape] == ["2*batch", "2"]
    assert graph.producers[graph.outputs[0]] is graph.nodes[1]
    assert graph.readers[graph.nodes[0].outputs[0]] == [graph.nodes[1]]


def test_layers_calls_have_paths_inputs_and_outputs():
    graph = capture(_shared())
    called = [call for call in graph.calls if call.layer.name == "one"]
    assert len(called) == 3
    assert {call.path.split("/", 1)[1] for call in called} == {"inner/one"}
    assert called[1].outputs[0] is called[2].inputs[0], "what one gives is what the next takes"
    assert {node.path for node in graph.nodes if node.op == "tanh"} == {call.path for call in called}


def _line() -> int:
    import inspect

    return inspect.currentframe().f_back.f_lineno  # type: ignore[union-attr]


def test_operations_know_the_line_that_called_them():
    lines = []

    class Two(layers.Layer):
        def call(self, x: Any) -> Any:
            lines.append(_line() + 1)
            return ops.tanh(x)

    graph = capture(ranvier.Sequential([ranvier.Input((3,)), Two()]))
    assert [node.source for node in graph.nodes] == [f"{__file__}:{lines[0]}"]
    graph = capture(ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2)]))
    assert {node.source for node in graph.nodes} == {None}, "ranvier's own lines are nobody's concern"


def test_weights_are_known_by_their_variables():
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2), layers.BatchNormalization()])
    graph = capture(model, training=True)
    assert {id(v) for v in graph.variables} <= {id(v) for v in model.variables}
    assert [v.path.split("/")[-1] for v, _ in graph.updates] == ["moving_mean", "moving_variance"]
    x = _floats(6, 3)
    before = graph.run(x)
    model.layers[0].kernel.assign(model.layers[0].kernel * 2)
    assert differences(graph.run(x), before), "weights are read when the graph runs"


def test_variables_of_functions_are_found():
    weight = ranvier.Variable(_floats(3, 2))
    graph = capture(lambda x: ops.matmul(x, weight), ranvier.Input((3,)))
    assert graph.variables == [weight]


def test_a_graph_is_the_same_wherever_it_is_captured(monkeypatch: pytest.MonkeyPatch):
    model = _unet(16)
    usual = str(capture(model))
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert str(capture(model)) == usual


def test_refusals():
    graph = capture(lambda x, y: x + y, ranvier.Input((None, 3)), ranvier.Input((None, 3)))
    with pytest.raises(ArgumentError, match="2 inputs"):
        graph.run(_floats(1, 2, 3))
    with pytest.raises(ShapeError, match="is 2 in one input and 4 in another"):
        graph.run(_floats(1, 2, 3), _floats(1, 4, 3))
    with pytest.raises(ArgumentError, match="inputs are not known"):
        capture(_GPT())


def test_open_sizes_reach_operations_that_kernels_could_compute():
    model = ranvier.Sequential(
        [
            ranvier.Input((8, 8, 3)), layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(),
            layers.BatchNormalization(), layers.Conv2D(16, 1), layers.MaxPooling2D(3), layers.Flatten(), layers.Dense(16),
        ]
    )  # fmt: skip
    x = _floats(40, 8, 8, 3)
    for training in (False, True):
        graph = capture(model, training=training)
        assert not differences(graph.run(x), model(x, training=training))
