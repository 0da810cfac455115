"""The laws of masks, over the catalogue: it makes no difference how a mask comes to a layer.

Carried by a tensor that is passed by position or by keyword, or given as an argument of its own; in eager code or in a
functional model: same numbers, same mask on the results, and what was passed in keeps what it had.
"""

from __future__ import annotations

import warnings
from typing import Any

import jax
import numpy as np
import pytest

import ranvier
from ranvier import layers, ops
from ranvier.core.masks import get_mask, set_mask
from ranvier.layers.signatures import call_parameters
from tests.cases.case import Case
from tests.catalogue import CASES

PAIR = [(2, 5, 3), (2, 4, 3)]
SEQUENCE = (2, 4, 3)
WITH_LAYERS = [
    Case("Bidirectional", {"layer": layers.LSTM(3, return_sequences=True, name="a")}, SEQUENCE),
    Case("Bidirectional", {"layer": layers.GRU(3, return_state=True, name="b"), "merge_mode": None}, SEQUENCE),
    Case("TimeDistributed", {"layer": layers.Dense(2)}, SEQUENCE),
    Case("TimeDistributed", {"layer": layers.LSTM(2)}, (2, 4, 3, 2)),
    Case("RNN", {"cell": layers.GRUCell(3), "return_sequences": True, "return_state": True}, SEQUENCE),
    Case("Lambda", {"function": ops.negative}, SEQUENCE),
]
# Arguments of their own for each tensor: query, value.
SPREAD = [
    Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 2}, PAIR),
    Case("MultiHeadAttention", {"num_heads": 1, "key_dim": 3, "use_bias": False}, [*PAIR, (2, 4, 2)]),
    Case("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}, PAIR),
    Case("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 1, "num_key_value_heads": 1}, [*PAIR, (2, 4, 3)]),
]
HEEDED = [
    case
    for case in [*CASES, *WITH_LAYERS, *SPREAD]
    if min(len(shape) for shape in case.shapes) > 2
    and (case in SPREAD or getattr(case.make(layers), "supports_masking", False))
]


class Masked(layers.Layer):
    """Gives its first input the second as a mask."""

    def call(self, inputs):
        return inputs[0] + 0

    def compute_mask(self, inputs, previous_mask=None):
        return inputs[1]


def read(outputs: Any) -> tuple[list[Any], list[Any]]:
    """The numbers of the results and their masks."""
    leaves = jax.tree.leaves(outputs)
    return [np.asarray(y) for y in leaves], [None if get_mask(y) is None else np.asarray(get_mask(y)) for y in leaves]


def same(found: Any, wanted: Any, how: str) -> None:
    """The same numbers and the same masks."""
    for a, b in zip(found[0], wanted[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=how)
    for a, b in zip(found[1], wanted[1], strict=True):
        assert (a is None) == (b is None), f"{how}: mask {a}, not {b}"
        if a is not None:
            np.testing.assert_array_equal(a, b, err_msg=how)


class Ways:
    """The ways to call one layer with masks."""

    def __init__(self, case: Case, seed: int, pattern: tuple[bool, ...]):
        rng = np.random.default_rng(seed)
        self.layer = case.make(layers)
        if hasattr(self.layer, "adapt") and case.arguments.get("mean") is None:
            self.layer.adapt(case.inputs())
        self.spread = case in SPREAD
        self.several = isinstance(case.shape, list)
        given = case.inputs(seed)
        self.arrays = given if self.several else [given]
        self.masks = [
            rng.random(a.shape[: -1 if "Attention" in case.layer else 2]) > 0.4 if on else None
            for a, on in zip(self.arrays, pattern, strict=False)
        ]
        for mask in self.masks:
            if mask is not None:
                mask[..., 0] = True  # a sequence of nothing is another matter
        self.names = call_parameters(type(self.layer)).names

    def carrying(self) -> list[Any]:
        """The inputs with their masks on them."""
        arrays = [jax.numpy.array(a) for a in self.arrays]
        for a, mask in zip(arrays, self.masks, strict=True):
            set_mask(a, None if mask is None else jax.numpy.array(mask))
        return arrays

    def by_position(self, arrays: list[Any]) -> Any:
        return self.layer(*arrays) if self.spread else self.layer(arrays if self.several else arrays[0])

    def by_keyword(self, arrays: list[Any]) -> Any:
        named = (
            zip(self.names, arrays, strict=False)
            if self.spread
            else [(self.names[0], arrays if self.several else arrays[0])]
        )
        return self.layer(**dict(named))

    def given(self) -> Any:
        """With masks as arguments; None where the layer takes none."""
        arrays = [jax.numpy.array(a) for a in self.arrays]
        if self.spread:
            options = {f"{n}_mask": m for n, m in zip(self.names, self.masks, strict=False) if m is not None}
            return self.layer(*arrays, **options)
        if "mask" not in self.names:
            return None
        return self.layer(arrays if self.several else arrays[0], mask=self.masks if self.several else self.masks[0])

    def functional(self) -> Any:
        """In a functional model, whose other inputs are the masks."""
        tensors = [ranvier.Input(batch_shape=a.shape, dtype=a.dtype.name) for a in self.arrays]
        masks = [None if m is None else ranvier.Input(batch_shape=m.shape, dtype="bool") for m in self.masks]
        masked = [t if m is None else Masked()([t, m]) for t, m in zip(tensors, masks, strict=True)]
        outputs = self.by_position(masked)
        shown = [(get_mask(y), y.shape) for y in jax.tree.leaves(outputs)]
        model = ranvier.Model([tensors, [m for m in masks if m is not None]], outputs)
        results = model([self.arrays, [m for m in self.masks if m is not None]])
        for (mask, shape), y in zip(shown, jax.tree.leaves(results), strict=True):
            assert shape == y.shape
            assert (mask is None) == (get_mask(y) is None), f"promised the mask {mask}"
            assert mask is None or (mask.shape, mask.dtype) == (get_mask(y).shape, get_mask(y).dtype)
        return results


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", HEEDED, ids=str)
def test_however_a_mask_comes_to_a_layer_it_does_the_same(case: Case, seed: int):
    count = len(case.shapes)
    for pattern in {(True,) * count, (True, *(False,) * (count - 1)), (*(False,) * (count - 1), True)}:
        ways = Ways(case, seed, pattern)
        carrying = ways.carrying()
        wanted = read(ways.by_position(carrying))
        for a, mask in zip(carrying, ways.masks, strict=True):
            assert (get_mask(a) is None) == (mask is None), "what was passed in was changed"
        same(read(ways.by_keyword(ways.carrying())), wanted, "by keyword")
        if (given := ways.given()) is not None:
            same(read(given), wanted, "given")
        same(read(ways.functional()), wanted, "functional")


UNHEEDED = [
    case for case in CASES if case not in HEEDED and min(len(s) for s in case.shapes) > 2 and not case.integers_below
]


@pytest.mark.parametrize("case", UNHEEDED, ids=str)
def test_where_a_layer_knows_no_masks_they_end_with_a_warning(case: Case):
    ways = Ways(case, 0, (True,) * len(case.shapes))
    if ways.layer.supports_masking:
        pytest.skip("heeds masks")
    with pytest.warns(ranvier.core.errors.RanvierWarning, match="the mask ends here"):
        found = read(ways.by_position(ways.carrying()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unmasked = ways.by_position([jax.numpy.array(a) for a in ways.arrays])
    assert all(mask is None for mask in found[1])
    if not case.random:
        same(found, read(unmasked), "with and without a mask")
