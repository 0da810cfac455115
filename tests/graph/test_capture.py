"""A captured graph, evaluated operation by operation, is the layer: over the catalogue and over whole models."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from ranvier import layers
from ranvier.graph import capture
from ranvier.layers.context import call_context

from ..catalogue import CASES, Case
from ..properties.agreement import UNOPTIMIZED, differences

FIXED_BATCH = ("AlphaDropout(rate=0.3,noise_shape=(2,1),seed=5)",)  # whose arguments say how many samples there are


def _longer(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array, array, array[:1]])


def _spec(array: np.ndarray) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


BOTH = [(c, False) for c in CASES] + [(c, True) for c in CASES if c.random or c.trains_differently]


@pytest.mark.parametrize(("case", "training"), BOTH, ids=[f"{c}{'-training' if t else ''}" for c, t in BOTH])
def test_evaluating_a_graph_gives_the_layers_numbers_and_state(case: Case, training: bool):
    layer, x = case.make(layers), case.inputs()
    layer(x)
    if str(case) in FIXED_BATCH:
        graph = capture(layer, jax.tree.map(_spec, x), training=training)
    else:
        graph, x = capture(layer, x, training=training), jax.tree.map(_longer, x)
    before = [np.array(v) for v in layer.variables]
    found, updates = jax.jit(graph.run_updates, compiler_options=UNOPTIMIZED)(x)
    assert all(np.array_equal(a, b) for a, b in zip(before, map(np.array, layer.variables), strict=True))
    with call_context(training):
        wanted = layer(x)
    assert not differences(found, wanted), differences(found, wanted)
    moved = [v for v, old in zip(layer.variables, before, strict=True) if not np.array_equal(old, v)]
    assert {v.path for v in moved} <= updates.keys()
    assert not differences([updates[v.path] for v in moved], [v.value for v in moved])
