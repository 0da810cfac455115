"""In 16 bits, layers that compute in 32 give what 32 bits give: no squares and no sums that overflow on the way."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier import layers
from tests.catalogue import CASES

KINDS = ("Normalization", "Softmax", "Average")
WIDE = [
    case
    for case in CASES
    if any(kind in case.layer for kind in KINDS) and case.layer != "Normalization" and not isinstance(case.shape, list)
]


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "mixed_bfloat16"])
@pytest.mark.parametrize("scale", [2.0e4, 8.0e4, 1.0e6])
@pytest.mark.parametrize("case", WIDE, ids=str)
def test_large_inputs_are_normalized_as_in_32_bits(case, scale, policy):
    if policy == "float16" and case.trains_differently:
        pytest.skip("moving statistics of float16 hold no squares of such numbers")
    narrow, wide = (case.make(layers, dtype=p) for p in (policy, "float32"))
    # What does not fit into 16 bits comes in from outside, as float32; what does is in 16 bits already.
    fits = scale < 6e4 or "bfloat16" in policy
    if not fits and "Normalization" not in case.layer:
        pytest.skip("numbers themselves do not fit")
    x = np.clip(case.inputs(3), -1.5, 1.5) * np.float32(scale)
    options = {"training": True} if case.trains_differently else {}
    wanted = np.asarray(wide(x, **options))
    if np.abs(wanted).max() > 6e4 and "bfloat16" not in policy:
        pytest.skip("the result itself does not fit")
    found = np.asarray(narrow(x, **options)).astype("float32")
    assert np.isfinite(found).all()
    size = max(1.0, np.abs(wanted).max())
    assert np.abs(found - wanted).max() <= (0.04 if "bfloat16" in policy else 0.004) * size
