"""Models with nested inputs and outputs: calls, predict, evaluate and the model read back agree, keys pair with keys."""

from __future__ import annotations

import warnings
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as keras
from ranvier import layers, ops
from ranvier.core.errors import RanvierWarning, ShapeError
from ranvier.ops import symbolic

Pair = namedtuple("Pair", "u v")
KEYS = ("z", "a", "m")


def _nested(depth: int) -> Any:
    """Descriptions of structures: None stands for a tensor."""
    if depth == 0:
        return st.none()
    inner = _nested(depth - 1)
    keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True)
    return st.one_of(
        st.none(),
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=2).map(tuple),
        st.builds(Pair, inner, inner),
        keys.flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, inner))),
    )


def _made(structure: Any, leaf: Any) -> Any:
    if structure is None:
        return leaf()
    if isinstance(structure, dict):
        return {k: _made(v, leaf) for k, v in structure.items()}
    if isinstance(structure, Pair):
        return Pair(*(_made(v, leaf) for v in structure))
    return type(structure)(_made(v, leaf) for v in structure)


def _other_order(value: Any) -> Any:
    """The same structure, its dicts written the other way round."""
    if isinstance(value, dict):
        return {k: _other_order(v) for k, v in reversed(value.items())}
    if isinstance(value, Pair):
        return Pair(*map(_other_order, value))
    return type(value)(map(_other_order, value)) if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    """Numbers in the places of arrays; a dict's order does not count."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return np.asarray(value).ravel().tolist()


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(_nested(3), _nested(3))
def test_nested_inputs_and_outputs_keep_their_places(ins: Any, outs: Any):
    inputs = _made(ins, lambda: keras.Input((2,)))
    flat = symbolic.flatten(inputs)
    total = flat[0] if len(flat) == 1 else layers.Concatenate()(flat)
    counter = iter(range(1, 100))
    # Each output tells its own number and, by digits, which input came where.
    outputs = _made(outs, lambda: ops.sum(total * (10.0 ** np.arange(2 * len(flat)) % 97), axis=-1) * next(counter))
    model = keras.Model(inputs, outputs)
    numbers = iter(np.arange(1.0, 100.0, dtype="float32"))
    x = _made(ins, lambda: np.full((3, 2), next(numbers)))
    weight = 10.0 ** np.arange(2 * len(flat)) % 97
    value = float(np.sum(np.repeat([float(a[0, 0]) for a in symbolic.flatten(x)], 2) * weight))
    counter = iter(range(1, 100))
    expected = _made(outs, lambda: np.full(3, value * next(counter)))
    if type(expected) in (list, tuple) and len(expected) == 1:
        expected = expected[0]  # a list of one output is the output
    for given_x in (x, _other_order(x)):
        for result in (model(given_x), model.predict(given_x, verbose=0), model.predict_on_batch(given_x)):
            assert type(result) is type(expected) or not isinstance(expected, (dict, list, tuple))
            np.testing.assert_allclose(
                np.asarray(symbolic.flatten(_plain(result))), np.asarray(symbolic.flatten(_plain(expected))), rtol=1e-5
            )
    model.compile("sgd", "mse")
    assert np.isfinite(model.evaluate(x, expected, verbose=0, return_dict=True)["loss"])


def _difference(inputs: Any) -> Any:
    a, b = keras.Input((3,), name="score"), keras.Input((3,), name="base")
    return keras.Model(inputs(a, b), layers.Subtract()([a, b]))


ONES, FIVES = np.ones((4, 3), "float32"), np.full((4, 3), 5.0, "float32")


def test_a_list_for_a_dict_is_refused_in_calls_and_warned_of_in_predict():
    model = _difference(lambda a, b: {"score": a, "base": b})
    for x in ([ONES, FIVES], (ONES, FIVES)):
        with pytest.raises(ShapeError, match=r"Expected: .*'score'.*Received"):
            model(x)
        with pytest.warns(RanvierWarning, match="do not have the structure"):
            model.predict(x, verbose=0)


@pytest.mark.parametrize("kind", [lambda a, b: {"score": a, "base": b}, lambda a, b: [a, b]])
def test_superfluous_keys_are_named(kind: Any):
    model = _difference(kind)
    x = {"score": ONES, "more": FIVES, "base": FIVES}
    for call in (model, lambda x: model.predict(x, verbose=0)):
        with pytest.warns(RanvierWarning, match=r"\['more'\]"):
            np.testing.assert_array_equal(np.asarray(call(x)), -4.0)


class Scaled(layers.Layer):
    """`a`, or `a` times `b`."""

    def call(self, a: Any, b: Any = None) -> Any:
        return a if b is None else a * b


@pytest.mark.parametrize("form", ["list", "dict"])
def test_optional_inputs_may_be_none_everywhere(form: str):
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b", optional=True)
    model = keras.Model([a, b] if form == "list" else {"a": a, "b": b}, layers.Dense(1)(Scaled()(a, b)))
    model.compile("sgd", "mse")

    def inputs(first: Any, second: Any) -> Any:
        return [first, second] if form == "list" else {"b": second, "a": first}

    x, y = inputs(ONES, None), np.ones((4, 1))
    np.testing.assert_allclose(model.predict(x, verbose=0), np.asarray(model(inputs(ONES, ONES))), rtol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(x), np.asarray(model(x)), rtol=1e-6)
    model.fit(x, y, verbose=0)
    model.fit(((x, y) for _ in range(2)), verbose=0)
    model.train_on_batch(x, y)
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    for wrong in (lambda: model(inputs(None, ONES)), lambda: model.predict(inputs(None, ONES), verbose=0)):
        with pytest.raises(ValueError, match="'a' is not optional"):
            wrong()


@pytest.mark.parametrize("stack", ["sequence", "images"])
def test_a_sequential_without_input_takes_what_its_layers_take(stack: str):
    if stack == "sequence":
        model, shapes = keras.Sequential([layers.LSTM(3), layers.Dense(1)]), [(2, n, 4) for n in (5, 7, 5, 3)]
    else:
        model = keras.Sequential([layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(1)])
        shapes = [(2, 8, 8, 1), (2, 6, 9, 1), (3, 8, 8, 1)]
    model.compile("sgd", "mse")
    model.fit(((np.ones(s), np.ones((s[0], 1))) for s in shapes), verbose=0)
    for s in shapes:
        np.testing.assert_allclose(model.predict(np.ones(s), verbose=0), np.asarray(model(np.ones(s))), rtol=1e-5)
        assert np.isfinite(model.evaluate(np.ones(s), np.ones((s[0], 1)), verbose=0))
    with pytest.raises((ValueError, TypeError)):
        model(np.ones((*shapes[0][:-1], 9)))


def test_a_sequential_may_begin_with_a_layer_of_several_tensors():
    class Pick(layers.Layer):
        def call(self, features: Any) -> Any:
            return features["a"] * 2 + features["b"]

    for first, x in (
        (layers.Concatenate(), [np.ones((3, 4)), np.ones((3, 1))]),
        (Pick(), {"b": np.ones((3, 4)), "a": np.ones((3, 4))}),
    ):
        model = keras.Sequential([first, layers.Dense(2)])
        assert model(x).shape == (3, 2)
        model.compile("sgd", "mse")
        model.fit(x, np.ones((3, 2)), verbose=0)
        np.testing.assert_allclose(model.predict(x, verbose=0), np.asarray(model(x)), rtol=1e-5)


def test_sequential_says_what_is_wrong():
    with pytest.raises(ValueError, match="has no layers"):
        keras.Sequential()(np.ones((2, 2)))
    model = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
    with pytest.raises(ShapeError, match=r"\(None, 2\).*\(3, 4\)"):
        model.build((3, 4))
    model.build((None, 2))
    with pytest.raises(ValueError, match="takes layers"):
        model.add("dense")


def test_one_layer_may_stand_in_a_sequential_twice():
    twice = layers.Dense(2, activation="tanh")
    model = keras.Sequential([keras.Input((2,)), twice, twice])
    again = keras.Sequential.from_config(model.get_config())
    assert len(model.weights) == len(again.weights) == 2
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(np.asarray(again(np.ones((1, 2)))), np.asarray(twice(twice(np.ones((1, 2))))), rtol=1e-6)


def test_functions_of_free_tensors_hold_to_their_structure():
    a = keras.KerasTensor((2, 5))
    function = keras.Function({"a": a}, {"b": a * 3})
    np.testing.assert_array_equal(np.asarray(function({"a": np.ones((2, 5))})["b"]), 3.0)
    assert function({"a": keras.KerasTensor((2, 5))})["b"].shape == (2, 5)
    for wrong in ([np.ones((2, 5))], {"a": np.ones((3, 5))}, {"a": np.ones((2, 5, 1))}, {"c": np.ones((2, 5))}):
        with pytest.raises(ValueError):
            function(wrong)


def test_unknown_sizes_beside_known_ones():
    a, b = keras.Input((None, 8)), keras.Input((16, 8))
    assert (a + b).shape == (None, 16, 8)
    assert layers.Add()([a, b]).shape == (None, None, 8)
    assert layers.Concatenate(axis=-1)([a, b]).shape == (None, None, 16)
    assert layers.Add()([keras.Input((8,)), keras.Input((8,), batch_size=4)]).shape == (4, 8)
    with pytest.raises(ValueError) as refused:
        ops.add(a, keras.Input((16, 7)))
    assert not [n for n in ("1638", "1668", "3348", "3362") if n in str(refused.value)]
    assert "None" in str(refused.value)


def test_symbolic_tensors_say_the_way_out():
    x = keras.KerasTensor((None, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for use, hint in (
            (bool, "ops.where"), (len, r"\.shape"), (list, "ops.unstack"), (np.asarray, "Model"), (float, "Model"),
            (lambda x: f"{x:.2f}", "Model"), (lambda x: x.numpy(), "Model"), (keras.ops.convert_to_numpy, "Model"),
            (lambda x: __import__("jax").numpy.sin(x), "ranvier.ops"),
        ):  # fmt: skip
            with pytest.raises((ValueError, TypeError, AttributeError), match=hint):
                use(x)
    for name in ("shape", "dtype", "ndim", "ragged_rank"):
        with pytest.raises(AttributeError, match=name):
            setattr(x, name, None)


@keras.saving.register_keras_serializable("structures")
def double(row: Any) -> Any:
    return row * 2


def test_functions_of_functions_are_saved_with_the_model(tmp_path: Any):
    x, direction = keras.Input((3,)), keras.Input((3,))
    outputs = [ops.vectorized_map(double, x), *ops.jvp(double, (x,), (direction,))]
    model = keras.Model([x, direction], outputs)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for result, value in zip(again([np.ones((2, 3)), np.full((2, 3), 5.0)]), (2.0, 2.0, 10.0), strict=True):
        np.testing.assert_array_equal(np.asarray(result), value)
