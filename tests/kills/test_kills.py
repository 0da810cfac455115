"""`kill -9` at random moments of training: every run that is started again ends with the bits of one never killed."""

import random
from collections import Counter

import pytest

from .harness import ALL, CORE, Case, Starter


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    found = Starter(tmp_path_factory.mktemp("starter") / "errors.txt")
    yield found
    found.close()


@pytest.mark.parametrize("variant", ["steps+validation"])
def test_a_handful_of_kills(starter, variant, tmp_path):
    assert sum(Case(starter, variant, tmp_path, twice=False).run(5, random.Random(1)).values()) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("variant", ALL)
def test_two_hundred_kills(starter, variant, tmp_path):
    """34 kills for each of the six variants of the promise, 204 in all, and as many for the others."""
    case, chance, counts = Case(starter, variant, tmp_path), random.Random(variant), Counter()
    while sum(counts.values()) < 34:
        counts += case.run(min(8, 34 - sum(counts.values())), chance)
    assert len(CORE) * 34 >= 200
    assert counts["in training"] > 0
