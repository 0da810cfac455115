"""Statistics and verdicts, on samples whose answers are known."""

import numpy as np
import pytest
from benchmarks.summary import fastest, flat, medians, paired_ratios, quantile, ratios, spread
from benchmarks.targets import TARGETS, judge
from hypothesis import given, settings
from hypothesis import strategies as st

numbers = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20)


@settings(max_examples=30, deadline=None)
@given(numbers, st.floats(0, 1))
def test_quantile_is_numpys(values, q):
    np.testing.assert_allclose(quantile(values, q), np.quantile(values, q), rtol=1e-9)


def test_quantile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_medians_ratios_and_the_fastest():
    samples = {"a": [[1.0, 2.0], [3.0]], "b": [[8.0]], "c": [[]]}
    middle = medians(samples)
    assert flat(samples["a"]) == [1.0, 2.0, 3.0]
    assert middle == {"a": 2.0, "b": 8.0}
    assert ratios(middle) == {"a": 1.0, "b": 4.0}
    assert fastest(middle, ["b", "c"]) == "b"
    assert fastest(middle, ["c"]) is None
    assert spread(samples["a"]) == {"median": 2.0, "q1": 1.5, "q3": 2.5, "min": 1.0, "max": 3.0, "samples": 3}


def test_ratios_round_by_round_leave_incomplete_rounds_out():
    assert paired_ratios([[1.0], [4.0], []], [[2.0], [2.0], [1.0], [9.0]]) == [0.5, 2.0]


def verdicts(samples, stage="foundation"):
    return {(v.target.figure, v.target.subject): v for v in judge(samples) if v.target.stage == stage}


def test_a_target_is_judged_against_the_fastest_of_its_rivals():
    found = verdicts({"digits": {"ranvier": [[0.4], [0.5]], "torch": [[2.0], [2.0]], "keras-jax": [[1.5], [1.5]]}})
    digits = found["digits", "ranvier"]
    assert (digits.rival, digits.word) == ("keras-jax", "met")
    assert digits.value == pytest.approx(0.3)
    assert (digits.low, digits.high) == (pytest.approx(0.4 / 1.5), pytest.approx(0.5 / 1.5))
    assert {v.word for k, v in found.items() if k[0] != "digits"} == {"not measured"}


def test_our_other_peer_is_no_rival_and_is_judged_by_itself():
    samples = {"first_epoch": {"ranvier": [[1.0]], "ranvier-empty": [[4.0]], "keras-tf": [[5.0]], "torch": [[0.1]]}}
    found = verdicts(samples)
    assert (found["first_epoch", "ranvier"].rival, found["first_epoch", "ranvier"].word) == ("keras-tf", "met")
    assert found["first_epoch", "ranvier-empty"].word == "missed"
    assert found["first_epoch", "ranvier-empty"].value == pytest.approx(0.8)


@pytest.mark.parametrize(("worst", "word"), [(0.975, "met"), (0.9749, "missed")])
def test_a_floor_counts_the_worst_seed(worst, word):
    verdict = verdicts({"accuracy": {"ranvier": [[0.98], [worst]]}})["accuracy", "ranvier"]
    assert verdict.word == word
    assert (verdict.low, verdict.high) == (worst, 0.98)


def test_without_rival_or_subject_nothing_is_claimed():
    assert verdicts({"cnn": {"ranvier": [[1.0]]}})["cnn", "ranvier"].word == "not measured"
    assert verdicts({"cnn": {"torch": [[1.0]]}})["cnn", "ranvier"].word == "not measured"


def test_every_target_names_a_figure_once():
    assert len({(t.stage, t.figure, t.subject) for t in TARGETS}) == len(TARGETS)


@pytest.mark.parametrize(("middle", "word"), [(99e-6, "met"), (101e-6, "missed")])
def test_a_ceiling_counts_the_median(middle, word):
    verdict = verdicts({"predict": {"ranvier": [[80e-6], [middle], [500e-6]]}}, "speed")["predict", "ranvier"]
    assert (verdict.value, verdict.word) == (middle, word)


def test_targets_with_kernels_are_judged_only_where_there_are_kernels():
    samples = {"cnn": {"ranvier": [[1.0]], "torch": [[3.0]], "torch-last": [[2.0]]}}
    assert verdicts(samples)["cnn", "ranvier"].word == "met"
    found = verdicts(samples, "speed")
    assert found["cnn", "ranvier"].word == found["cnn", "ranvier-pure"].word == "not measured"
    found = verdicts({"cnn": {**samples["cnn"], "ranvier-pure": [[1.5]]}}, "speed")
    assert (found["cnn", "ranvier"].rival, found["cnn", "ranvier"].word) == ("torch-last", "missed")
    assert (found["cnn", "ranvier-pure"].value, found["cnn", "ranvier-pure"].word) == (0.75, "met")
