"""One order for nested structures: a model's inputs, outputs, layers and weights stand where Keras has them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import jax
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier
from ranvier.ops import symbolic

KEYS = st.text("abcXY_1", min_size=1, max_size=3)
LEAF = st.just("leaf")
KINDS = ("dict", "dict", "ordered", "list", "tuple")


@st.composite
def structures(draw: Any, deep: int = 2, top: tuple[str, ...] = KINDS) -> Any:
    """A nested structure with "leaf" at its leaves."""
    kind = draw(st.sampled_from(top))
    inside = LEAF if deep == 1 else st.one_of(LEAF, structures(deep - 1))
    if kind in ("dict", "ordered"):
        keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
        return (OrderedDict if kind == "ordered" else dict)((key, draw(inside)) for key in keys)
    values = draw(st.lists(inside, min_size=1, max_size=3))
    return values if kind == "list" else tuple(values)


@given(structures(3))
def test_all_walks_take_the_leaves_in_one_order(structure: Any):
    numbers = iter(range(100))
    numbered = symbolic.rebuild(structure, lambda _: next(numbers))
    leaves = symbolic.flatten(numbered)
    assert leaves == list(range(len(leaves)))
    assert leaves == jax.tree.leaves(numbered) == ranvier.tree.flatten(numbered) == keras.tree.flatten(numbered)
    assert str(numbered) == str(ranvier.tree.pack_sequence_as(structure, leaves)), "keys stay where they were"


def _made(api: Any, taken: Any, given_back: Any) -> Any:
    """A model from inputs of widths 2, 3 … to heads of widths 1, 2 …, in structures; layers are made in another order."""
    rebuild, places = symbolic.rebuild, iter(range(100))

    def begin(_: Any) -> Any:
        n = next(places)
        return api.Input((2 + n,), name=f"in{n}")

    inputs = rebuild(taken, begin)
    flat = api.tree.flatten(inputs)
    hidden = [api.layers.Dense(3, name=f"hidden{i}")(flat[i]) for i in reversed(range(len(flat)))]
    joined = hidden[0] if len(hidden) == 1 else api.layers.Add(name="sum")(hidden)
    widths = iter(range(1, 100))

    def head(_: Any) -> Any:
        n = next(widths)
        return api.layers.Dense(n, name=f"head{n}")(joined)

    return api.Model(inputs, rebuild(given_back, head))


@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(structures(2), structures(2))
def test_layers_weights_and_results_stand_where_keras_has_them(taken: Any, given_back: Any):
    ours, theirs = _made(ranvier, taken, given_back), _made(keras, taken, given_back)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    assert [t.shape for t in ours.inputs] == [t.shape for t in theirs.inputs]
    assert [t.shape for t in ours.outputs] == [t.shape for t in theirs.outputs]
    ours.set_weights(theirs.get_weights())
    rng = np.random.default_rng(0)
    x = symbolic.rebuild(ours.input, lambda t: rng.normal(size=(3, t.shape[1])).astype("float32"))
    for mine, other in ((ours(x), theirs(x)), (ours.predict(x, verbose=0), theirs.predict(x, verbose=0))):
        for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("keys", [("urgent", "desk"), ("desk", "urgent")])
def test_losses_of_a_dict_of_outputs_meet_the_values_of_their_keys(keys: tuple[str, str]):
    inputs = ranvier.Input((1,))
    widths = {"urgent": 1, "desk": 4}
    heads = {k: ranvier.layers.Dense(widths[k], kernel_initializer="zeros", name=f"of_{k}")(inputs) for k in keys}
    model = ranvier.Model(inputs, heads)
    assert model.output_names == ["desk", "urgent"]
    model.get_layer("of_urgent").bias.assign([5.0])
    y = {"urgent": np.full((8, 1), 5.0), "desk": np.zeros((8, 4))}
    for targets in (y, dict(reversed(y.items()))):
        model.compile("sgd", {"urgent": "mse", "desk": "mae"}, metrics={"urgent": ["mae"], "desk": ["mse"]})
        found = model.evaluate(np.ones((8, 1)), targets, verbose=0, return_dict=True)
        assert set(found) == {"loss", "desk_loss", "urgent_loss", "urgent_mae", "desk_mse"}
        assert list(found.values()) == [0.0] * 5
    # Lists go in the order of the keys, as `output_names` and `predict` have it.
    model.compile("sgd", ["mae", "mse"])
    assert model.evaluate(np.ones((8, 1)), [y["desk"], y["urgent"] + 2], verbose=0, return_dict=True) == {
        "loss": 4.0, "desk_loss": 0.0, "urgent_loss": 4.0,
    }  # fmt: skip
