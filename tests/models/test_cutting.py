"""Models cut out of others at intermediate tensors consist of what lies behind the cut, and of nothing else."""

from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier
from ranvier.core.errors import ArgumentError


def _tensors(api: Any, steps: list[tuple[str, int, int]]) -> list[Any]:
    """Tensors of width 4, each made of one or two before it; the first is an input."""
    found = [api.Input((4,), name="begin")]
    shared = api.layers.Dense(4, name="shared")
    for i, (kind, a, b) in enumerate(steps):
        a, b = a % len(found), b % len(found)
        if kind == "dense":
            found.append(api.layers.Dense(4, name=f"dense{i}", activation="tanh")(found[a]))
        elif kind == "shared":
            found.append(shared(found[a]))
        elif kind == "add":
            found.append(api.layers.Add(name=f"add{i}")([found[a], found[b]]))
        else:
            found.append(found[a] * 2.0 - found[b])
    return found


STEPS = st.lists(
    st.tuples(st.sampled_from(["dense", "shared", "add", "ops"]), st.integers(0, 9), st.integers(0, 9)),
    min_size=2, max_size=7,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.lists(st.integers(0, 9), min_size=1, max_size=2))
def test_a_model_cut_out_of_another_holds_what_lies_behind_the_cut(steps: Any, cuts: list[int]):
    ours, theirs = _tensors(ranvier, steps), _tensors(keras, steps)
    places = sorted({cut % (len(ours) - 1) for cut in cuts})
    try:
        model = ranvier.Model([ours[p] for p in places], [ours[-1]])
    except ArgumentError:
        with pytest.raises((ValueError, KeyError)):
            keras.Model([theirs[p] for p in places], [theirs[-1]])
        return
    try:
        other = keras.Model([theirs[p] for p in places], [theirs[-1]])
    except ValueError:  # Keras takes a layer that is called on both sides of a cut for one that is not reached
        assert sum(kind == "shared" for kind, *_ in steps) > 1
    else:
        named = [layer.name for layer in model.layers if not isinstance(layer, ranvier.layers.InputLayer)]
        assert named == [op.name for op in other.layers if not isinstance(op, keras.layers.InputLayer)]
        assert [w.path for w in model.weights] == [w.path for w in other.weights]
        assert model.count_params() == other.count_params()

    whole = ranvier.Model(ours[0], [ours[p] for p in places] + [ours[-1]])
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    *between, wanted = whole(x)
    np.testing.assert_allclose(np.reshape(model(between), (3, 4)), wanted, rtol=1e-5, atol=1e-6)
    if places != [0]:
        again = type(model).from_config(model.get_config())
        again.set_weights(model.get_weights())
        for copied in (again, copy.deepcopy(model)):
            assert [layer.name for layer in copied.layers] == [layer.name for layer in model.layers]
            np.testing.assert_allclose(np.reshape(copied(between), (3, 4)), wanted, rtol=1e-5, atol=1e-6)


def test_what_lies_before_the_cut_is_neither_trained_nor_saved(tmp_path, capsys):
    inputs = ranvier.Input((4,))
    encoder = ranvier.layers.Dense(6, name="enc")
    code = encoder(inputs)
    decoder = ranvier.layers.Dense(3, name="dec")
    head = ranvier.Model(code, decoder(code))
    assert [layer.name for layer in head.layers][1:] == ["dec"]
    assert isinstance(head.layers[0], ranvier.layers.InputLayer)
    before, moved = np.array(encoder.kernel), np.array(decoder.kernel)
    head.compile(ranvier.optimizers.AdamW(0.1, weight_decay=0.5), "mse")
    head.fit(np.ones((4, 6)), np.ones((4, 3)), epochs=3, verbose=0)
    np.testing.assert_array_equal(before, encoder.kernel)
    assert not np.allclose(moved, decoder.kernel)
    head.summary()
    assert "enc" not in capsys.readouterr().out
    head.save(tmp_path / "head.keras")
    x = np.ones((2, 6), "float32")
    loaded = ranvier.saving.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(loaded(x), head(x))
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "head.keras")(x), head(x), rtol=1e-6)
    assert decoder.output.shape == (None, 3), "the first call, as in Keras"


def test_one_result_of_a_call_may_be_cut_and_another_not():
    class Two(ranvier.layers.Layer):
        def call(self, x):
            return x, x * 2

    inputs = ranvier.Input((1,))
    a, b = Two()(inputs)
    with pytest.raises(ArgumentError, match="depend on the input"):
        ranvier.Model(a, a + b)
    model = ranvier.Model([a, inputs], a + b)
    assert np.asarray(model([np.full((1, 1), 5.0), np.ones((1, 1))])).item() == 7.0
