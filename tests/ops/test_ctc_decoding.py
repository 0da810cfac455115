"""CTC decoding against Keras and against the sum over all alignments, written out."""

import itertools

import keras
import numpy as np
import pytest

from ranvier import ops
from ranvier.core.errors import ArgumentError, ShapeError

LOGITS = np.random.default_rng(0).normal(size=(3, 5, 3)).astype("float32")
LENGTHS = np.array([5, 4, 1])


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"merge_repeated": False},
        {"mask_index": 2},
        {"strategy": "beam_search", "beam_width": 60, "top_paths": 3},
        {"strategy": "beam_search", "beam_width": 60, "top_paths": 2, "mask_index": 1},
    ],
)
def test_sequences_and_scores_equal_those_of_keras(kwargs):
    lengths = LENGTHS if kwargs.get("top_paths", 1) < 3 else np.array([5, 4, 3])
    ours, theirs = (module.ctc_decode(LOGITS, lengths, **kwargs) for module in (ops, keras.ops))
    assert ours[0].dtype == theirs[0].dtype
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)


@pytest.mark.parametrize("row", range(2))
def test_beam_search_finds_the_likeliest_of_all_sequences(row):
    log_p = LOGITS[row, : LENGTHS[row]]
    log_p = log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))
    sums: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(3), repeat=len(log_p)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label != 0)
        score = sum(log_p[t, c] for t, c in enumerate(path))
        sums[labels] = np.logaddexp(sums.get(labels, -np.inf), score)
    best = sorted(sums.items(), key=lambda item: -item[1])[:4]
    found, scores = ops.ctc_decode(LOGITS, LENGTHS, "beam_search", beam_width=80, top_paths=4)
    assert [tuple(int(v) for v in labels[row] if v >= 0) for labels in found] == [labels for labels, _ in best]
    np.testing.assert_allclose(scores[row], [score for _, score in best], rtol=1e-5)


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "text"),
    [
        ((LOGITS[0], LENGTHS), {}, ShapeError, "batch, time, classes"),
        ((LOGITS, LENGTHS[:2]), {}, ShapeError, "sequence_lengths"),
        ((LOGITS, LENGTHS), {"strategy": "best"}, ArgumentError, "beam_search"),
        ((LOGITS, LENGTHS), {"strategy": "beam_search", "beam_width": 2, "top_paths": 3}, ArgumentError, "top_paths"),
        ((LOGITS, LENGTHS), {"mask_index": 3}, ArgumentError, "mask_index"),
    ],
)
def test_bad_arguments_are_named(args, kwargs, error, text):
    with pytest.raises(error, match=text):
        ops.ctc_decode(*args, **kwargs)
