"""The chain rule on paper: over random networks, factors multiply and paths add up to the gradient."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError
from ranvier.inspect.explanations.paths import LOSS, backwards


@pytest.mark.filterwarnings("ignore:softmax over an axis of size 1")
@settings(max_examples=8, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 3), min_size=2, max_size=3),
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "softmax", "linear", "softplus"]),
    seed=st.integers(0, 100),
)
def test_factors_multiply_and_paths_add_up_in_random_networks(sizes, activation, seed):
    ranvier.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = ranvier.Sequential([ranvier.Input((2,))])
    for i, size in enumerate(sizes):
        model.add(layers.Dense(size, activation=activation, bias_initializer="normal", name=f"layer{i}"))
    explanation = model.explain(rng.normal(size=2), rng.normal(size=(1, sizes[-1])), loss="mse")
    row, column = int(rng.integers(2)), int(rng.integers(sizes[0]))
    chain = explanation.chain("layer0", (row, column), top=10_000)
    for path in chain.paths:
        assert math.isclose(path.product, math.prod(f.value for f in path.factors), rel_tol=1e-9)
        ends = [(f.of, f.by) for f in path.factors]
        assert ends[0][0].what == "loss"
        assert ends[-1][1].what == "weight"
        assert all(by == of for (_, by), (of, _) in itertools.pairwise(ends))  # each goes on where the last ended
    assert len(chain.paths) == chain.paths_total
    added = math.fsum(path.product for path in chain.paths)
    assert math.isclose(added, chain.gradient, rel_tol=2e-4, abs_tol=1e-7)
    assert math.isclose(chain.total, chain.gradient, rel_tol=2e-4, abs_tol=1e-7)


@given(
    seed=st.integers(0, 1000), widths=st.lists(st.integers(1, 4), min_size=1, max_size=4), keep=st.integers(1, 5),
)  # fmt: skip
def test_the_strongest_ways_are_found_without_listing_all(seed, widths, keep):
    rng = np.random.default_rng(seed)
    nodes = list(range(len(widths)))
    edges = {}
    for after in [*nodes, LOSS]:
        before = nodes if after == LOSS else nodes[:after]
        rows = 1 if after == LOSS else widths[after]
        edges[after] = {b: rng.normal(size=(rows, widths[b])) * rng.integers(0, 2, (rows, widths[b])) for b in before}
    found = backwards(dict(zip(nodes, widths, strict=True)), edges, keep)

    def every(node, i):
        ways = [edges[LOSS][node][0, i]]
        for after in nodes[node + 1 :]:
            for j in range(widths[after]):
                ways += [edges[after][node][j, i] * rest for rest in every(after, j)]
        return [way for way in ways if way]

    for i in range(widths[0]):
        ways = sorted(every(0, i), key=lambda way: -abs(way))
        kept = [p for p in found[0].products[i] if p]
        np.testing.assert_allclose(np.abs(kept), np.abs(ways[:keep])[: len(kept)], rtol=1e-9)
        assert len(kept) == min(keep, len(ways))
        assert found[0].count[i] == len(ways)
        np.testing.assert_allclose(found[0].total[i], math.fsum(ways), rtol=1e-9, atol=1e-12)


def test_large_networks_are_summed_up_place_by_place():
    model = ranvier.Sequential(
        [
            ranvier.Input((70, 70, 1)),
            layers.Conv2D(1, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    rng = np.random.default_rng(0)
    explanation = model.explain(rng.normal(size=(70, 70, 1)), 0.0, loss="mse", neurons=())
    chain = explanation.chain("conv", (2, 1, 0, 0), top=5)
    assert chain.paths_total == 68 * 68
    assert len(chain.paths) == 5
    assert "by backpropagation" in chain.paths[0].factors[0].formula
    assert math.isclose(chain.total, chain.gradient, rel_tol=1e-3)
    assert math.isclose(math.fsum(p.product for p in chain.paths) + chain.rest, chain.total, rel_tol=1e-9)
    assert "more paths, together" in str(chain)


def test_a_neuron_that_is_off_shows_the_factor_that_is_zero():
    model = ranvier.Sequential(
        [
            ranvier.Input((1,)),
            layers.Dense(
                1, "relu", kernel_initializer="ones", bias_initializer=ranvier.initializers.Constant(-9.0), name="off"
            ),
            layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    chain = model.explain([2.0], 1.0, loss="mse").chain("off", (0, 0))
    assert chain.gradient == chain.total == 0.0
    assert [f.value for f in chain.paths[0].factors][1:] == [0.0, 2.0]


@pytest.mark.parametrize("top", [0, -1, 1.5, True])
def test_how_much_to_show_is_a_positive_integer(top):
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(1, name="out")])
    explanation = model.explain([1.0, 2.0], 3.0, loss="mse")
    for show in (
        lambda: explanation.chain("out", (0, 0), top=top),
        lambda: explanation.neuron("out", 0, top=top),
        lambda: model.explain([1.0, 2.0], top=top),
    ):
        with pytest.raises(ArgumentError, match="top must be an integer of at least 1"):
            show()
