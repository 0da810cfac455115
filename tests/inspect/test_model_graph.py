"""Models as nodes, edges and groups: functional ones read, subclassed ones traced."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ranvier import Input, Model, Sequential, layers, ops
from ranvier.core.errors import ArgumentError, ArgumentTypeError, NotBuiltError
from ranvier.inspect.model_graph import model_graph


def arrows(graph):
    return {(edge.source, edge.target) for edge in graph.edges}


class Residual(layers.Layer):
    """A person's own layer made of layers."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(units, "relu", name="inner")
        self.norm = layers.LayerNormalization(name="norm")

    def call(self, x):
        return self.norm(x + self.inner(x))


class Branches(Model):
    """Functions, jitted code, loops and a model inside, between layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.left, self.right = layers.Dense(4, name="left"), layers.Dense(4, name="right")
        self.block = Residual(4, name="block")
        self.tail = Sequential([layers.Dense(3, name="wide"), layers.Dropout(0.5, name="drop")], name="tail")
        self.unused = layers.Dense(9, name="unused")

    def call(self, x, training=None):
        joined = jax.jit(jnp.maximum)(self.left(x), ops.relu(self.right(x)))
        looped = jax.lax.fori_loop(0, 3, lambda i, c: c * 2, joined)
        return self.tail(self.block(looped), training=training)


BRANCHES = {
    ("input", "left"), ("input", "right"), ("left", "maximum"), ("right", "maximum"),
    ("maximum", "block/inner"), ("maximum", "block/add"), ("block/inner", "block/add"), ("block/add", "block/norm"),
    ("block/norm", "tail/wide"), ("tail/wide", "tail/drop"),
}  # fmt: skip


def test_subclassed_models_are_traced_with_remembered_shapes():
    model = Branches(name="branches")
    with pytest.raises(NotBuiltError, match=r"'branches' has not been called yet.*input_shape"):
        model_graph(model)
    model(np.ones((8, 4), "float32"))
    graph = model_graph(model)
    assert arrows(graph) == BRANCHES
    assert [(g.id, g.parent, g.kind) for g in graph.groups] == [
        ("block", None, "Residual"),
        ("tail", None, "Sequential"),
    ]
    assert (graph.inputs, graph.outputs) == (["input"], ["tail/drop"])
    node = graph.node("block/inner")
    assert (node.kind, node.category, node.activation, node.parameters) == ("Dense", "dense", "relu", 20)
    assert node.layer is model.block.inner
    assert node.inputs == [[((None, 4), "float32")]]
    assert graph.node("maximum").layer is None
    assert graph.node("maximum").category == "merge"
    assert not model.left._inbound_nodes  # looking leaves nothing behind
    closed = model_graph(model, expand_nested=False)
    assert ("block", "tail") in arrows(closed)
    assert closed.groups == []
    assert closed.node("tail").category == "model"


def test_given_shapes_build_the_model():
    model = Branches()
    assert arrows(model_graph(model, input_shape=(None, 4))) == BRANCHES
    assert model.built


def test_functional_models_are_read():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = layers.Dense(5, name="shared")
    inner = Sequential([layers.Input((10,)), layers.Dense(4, name="first"), Residual(4, name="block")], name="inner")
    joined = layers.concatenate([shared(a), shared(b)], name="join")
    model = Model({"a": a, "b": b}, [inner(joined), ops.relu(joined)], name="whole")
    graph = model_graph(model)
    assert {("a", "shared"), ("b", "shared"), ("shared", "join"), ("join", "inner/first")} < arrows(graph)
    assert ("inner/first", "inner/block/add") in arrows(graph)
    assert graph.outputs[0] == "inner/block/norm"
    assert graph.node(graph.outputs[1]).kind == "relu"
    assert [g.id for g in graph.groups] == ["inner", "inner/block"]
    node = graph.node("shared")
    assert (len(node.inputs), node.parameters, node.trainable) == (2, 20, True)
    assert sorted((e.call, e.position) for e in graph.edges if e.target == "join") == [(0, 0), (0, 1)]
    assert graph.node("a").trainable is None
    outer = Model(x := Input((3,)), model({"b": x, "a": layers.Dense(3, name="before")(x)}))
    found = model_graph(outer)
    assert ("before", "whole/shared") in arrows(found)
    assert next(e.source for e in found.edges if e.target == "whole/shared") == "before"


def test_it_is_plain_data():
    model = Branches()
    model.build((None, 4))
    data = json.loads(json.dumps(model_graph(model).to_dict()))
    assert data["nodes"][1]["outputs"] == [[{"shape": [None, 4], "dtype": "float32"}]]
    assert data["edges"][0] == {
        "source": "input", "target": "left", "tensor": {"shape": [None, 4], "dtype": "float32"}, "call": 0, "position": 0
    }  # fmt: skip
    assert "layer" not in data["nodes"][1]


def test_whole_numbers_and_several_inputs():
    class Words(Model):
        def __init__(self):
            super().__init__()
            self.table, self.out = layers.Embedding(10, 4, mask_zero=True, name="table"), layers.LSTM(3, name="out")

        def call(self, inputs):
            return self.out(self.table(inputs["words"])) + inputs["shift"]

    model = Words()
    model({"words": np.ones((2, 5), "int32"), "shift": np.ones((2, 3), "float32")})
    graph = model_graph(model)
    assert graph.inputs == ["shift", "words"], "dicts are walked by their keys"
    assert arrows(graph) == {("words", "table"), ("table", "out"), ("out", "add"), ("shift", "add")}


def test_refusals():
    with pytest.raises(ArgumentTypeError, match="must be a model or a layer"):
        model_graph("model")
    with pytest.raises(NotBuiltError, match="has not been called yet"):
        model_graph(Sequential([layers.Dense(1)]))
    model = Branches(name="branches")
    model.build((None, 4))
    with pytest.raises(ArgumentError, match=r"'branches' cannot be traced.*\(None, 7\).*Pass input_shape="):
        model_graph(model, input_shape=(None, 7))
    with pytest.raises(ArgumentError, match="No node is called 'x'"):
        model_graph(model).node("x")
