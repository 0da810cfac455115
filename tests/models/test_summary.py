"""`summary()` to the character of Keras's table."""

import keras
import numpy as np
import pytest

import ranvier


def _chain(k):
    return k.Sequential([k.Input((1,)), k.layers.Dense(3, name="a"), k.layers.Dense(2, name="b")], name="chain")


def _unbuilt(k):
    return k.Sequential([k.layers.Dense(3, name="a"), k.layers.Dropout(0.5, name="d")], name="unbuilt")


def _trained(k):
    model = k.Sequential([k.layers.Dense(3, name="a"), k.layers.Dense(2, name="b")], name="trained")
    model.compile("adam", "mse")
    model.fit(np.zeros((3, 1)), np.zeros((3, 2)), verbose=0)
    return model


def _graph(k):
    inputs = k.Input((8, 8, 3), name="in")
    x = k.layers.Conv2D(4, 3, padding="same", name="c1")(inputs)
    y = k.layers.BatchNormalization(name="bn_with_a_really_long_name_that_will_wrap_around")(x)
    x = k.layers.Flatten(name="f")(k.layers.Add(name="add")([x, y]))
    inner = k.Sequential([k.Input((256,)), k.layers.Dense(300, name="d1"), k.layers.Dense(4, name="d2")], name="inner")
    x = inner(x)
    model = k.Model(inputs, [k.layers.Dense(2, name="o")(x), x], name="graph")
    model.get_layer("c1").trainable = False
    return model


def _functional_chain(k):
    inputs = k.Input((1,), name="in")
    return k.Model(inputs, k.layers.Dense(2, name="b")(k.layers.Dense(3, name="a")(inputs)), name="line")


def _subclass(k):
    class Own(k.Model):
        def __init__(self):
            super().__init__(name="own")
            self.a, self.b = k.layers.Dense(3, name="a"), k.layers.Dense(2, name="b")
            self.unused = k.layers.Dropout(0.5, name="unused")

        def call(self, inputs):
            return self.b(self.a(inputs))

    return Own()


def _built_subclass(k):
    model = _subclass(k)
    model(np.zeros((1, 3), "float32"))
    return model


MODELS = [_chain, _unbuilt, _trained, _graph, _functional_chain, _subclass, _built_subclass]
ARGUMENTS = [
    {},
    {"show_trainable": True},
    {"expand_nested": True, "show_trainable": True},
    {"line_length": 80},
    {"line_length": 120, "positions": [0.4, 0.6, 0.8, 1.0]},
    {"layer_range": ["a", "b"]},
]


def _text(model, arguments: dict) -> str:
    pieces = []
    model.summary(print_fn=lambda text, **kwargs: pieces.append(text), **arguments)
    return "".join(pieces)


@pytest.mark.parametrize("columns", ["80", "100", "200"])
@pytest.mark.parametrize("make", MODELS)
def test_summary_is_that_of_keras(make, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    ours, theirs = make(ranvier), make(keras)
    for arguments in ARGUMENTS:
        if "positions" in arguments and make is not _graph:
            continue
        if "layer_range" in arguments and make is _graph:
            arguments = {"layer_range": ["c1", "add"]}
        if "layer_range" in arguments and make is _unbuilt:
            continue
        assert _text(ours, arguments) == _text(theirs, arguments), arguments


@pytest.mark.parametrize(
    ("make", "count", "size"),
    [
        (
            lambda: ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(3), ranvier.layers.Dense(2)]),
            20,
            "80.00 B",
        ),
        (lambda: _three(ranvier), 26, "104.00 B"),
    ],
)
def test_counts(make, count: int, size: str):
    model = make()
    assert model.count_params() == count
    assert f"Total params: {count} ({size})" in _text(model, {})


def _three(k):
    inputs = k.Input((1,))
    x = k.layers.Dense(3)(inputs)
    return k.Model(inputs, k.layers.Dense(2)(k.layers.Dense(3)(x)))


def test_printed_without_print_fn(capsys):
    _chain(ranvier).summary()
    assert "Total params: 14 (56.00 B)" in capsys.readouterr().out


def test_bad_arguments_are_named():
    model = _chain(ranvier)
    with pytest.raises(ValueError, match="layer_range"):
        model.summary(layer_range=["nothing", "b"])
    with pytest.raises(ValueError, match="positions"):
        model.summary(positions=[0.5, 1.0])
