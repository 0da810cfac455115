"""`kill -9` at random moments of training: every run that is started again ends with the bits of one never killed."""

import random
from collections import Counter

import pytest

from .harness import ALL, CORE, Case


@pytest.mark.parametrize("variant", ["steps+validation"])
def test_a_handful_of_kills(variant, tmp_path):
    assert sum(Case(variant, tmp_path).run(4, random.Random(1)).values()) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("variant", ALL)
def test_two_hundred_kills(variant, tmp_path):
    """34 kills for each of the six variants of the promise, 204 in all, and as many for the others."""
    case, chance, counts = Case(variant, tmp_path), random.Random(variant), Counter()
    while sum(counts.values()) < 34:
        counts += case.run(min(8, 34 - sum(counts.values())), chance)
    assert len(CORE) * 34 >= 200
    assert counts["in training"] > 0
