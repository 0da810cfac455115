"""`Attention` and `AdditiveAttention` beyond the laws: masks, scores, refusals. Keras is the oracle."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ranvier import layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError
from ranvier.core.masks import get_mask

RNG = np.random.default_rng(0)
QUERY, VALUE, KEY = (RNG.normal(size=s).astype("float32") for s in ((2, 5, 3), (2, 4, 6), (2, 4, 3)))
ROWS, COLUMNS = RNG.uniform(size=(2, 5)) < 0.6, RNG.uniform(size=(2, 4)) < 0.6
COLUMNS[0] = False

KINDS = [("Attention", {}), ("Attention", {"score_mode": "concat", "use_scale": True}), ("AdditiveAttention", {})]


@pytest.mark.parametrize(("kind", "arguments"), KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask": [None, COLUMNS]},
        {"mask": [ROWS, None]},
        {"mask": [ROWS, COLUMNS, None]},
        {"use_causal_mask": True},
        {"use_causal_mask": True, "mask": [ROWS, COLUMNS]},
    ],
)
def test_masks_and_scores(kind, arguments, options):
    ours, theirs = (getattr(m, kind)(**arguments) for m in (layers, keras.layers))
    for layer in (ours, theirs):
        layer.build([QUERY.shape, VALUE.shape, KEY.shape])
    weights = [np.full(v.shape, 0.7, "float32") for v in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    found, expected = (f([QUERY, VALUE, KEY], return_attention_scores=True, **options) for f in (ours, theirs))
    blind = ~COLUMNS[0].any() and "mask" in options and options["mask"][1] is not None
    for mine, other in zip(found, expected, strict=True):
        rows = slice(1, None) if blind and "use_causal_mask" in options else slice(None)  # where nothing may be seen
        np.testing.assert_allclose(mine[rows], other[rows], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[1].sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found[0], ours([QUERY, VALUE, KEY], **options))


@pytest.mark.parametrize("kind", ["Attention", "AdditiveAttention"])
def test_the_querys_mask_goes_on(kind):
    tokens = np.array([[1, 2, 0]], "int32")
    for first, second in ((True, True), (True, False), (False, True)):
        results = []
        for module in (layers, keras.layers):
            inputs = [module.Embedding(3, 2, mask_zero=m, embeddings_initializer="ones") for m in (first, second)]
            results.append(getattr(module, kind)()([e(tokens) for e in inputs]))
        np.testing.assert_allclose(*results, rtol=1e-5)
        assert (get_mask(results[0]) is not None) == first == (getattr(results[1], "_keras_mask", None) is not None)


def test_dropout_falls_on_the_weights():
    layer = layers.Attention(dropout=0.5, seed=1)
    _, weights = layer([QUERY, KEY], return_attention_scores=True, training=True)
    _, calm = layer([QUERY, KEY], return_attention_scores=True)
    kept = np.asarray(weights) != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(np.asarray(weights)[kept], 2 * np.asarray(calm)[kept], rtol=1e-5)


REFUSED = [
    (lambda: layers.Attention(score_mode="cosine"), ArgumentError, "score_mode.*cosine"),
    (lambda: layers.Attention(dropout=1.5), ArgumentError, "dropout"),
    (lambda: layers.Attention()(QUERY), ArgumentTypeError, r"\[query, value\]"),
    (lambda: layers.Attention()([QUERY]), ArgumentError, "1"),
    (lambda: layers.Attention()([QUERY, KEY], mask=COLUMNS), ArgumentError, "mask"),
    (lambda: layers.Attention()([QUERY, KEY], mask=[COLUMNS]), ArgumentError, "mask"),
]


@pytest.mark.parametrize(("make", "error", "words"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()
