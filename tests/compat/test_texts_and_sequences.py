"""`preprocessing.text` and `preprocessing.sequence` of the face, beside those of ``tf.keras``."""

from __future__ import annotations

import json
import pickle
import random
from typing import Any

import keras.src.legacy.preprocessing.sequence as their_sequence
import keras.src.legacy.preprocessing.text as their_text
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier.compat import face

text, sequence = face("keras.preprocessing.text"), face("keras.preprocessing.sequence")

WORDS = st.sampled_from(["the", "The", "dog,", "cat", "CAT!", "a-b", "mouse.", "  ", "\t", "xyz", "ünd"])
TEXTS = st.lists(st.lists(WORDS, max_size=7).map(" ".join), min_size=1, max_size=6)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "num_words": st.integers(2, 6), "lower": st.booleans(), "char_level": st.booleans(), "oov_token": st.just("<OOV>"),
        "filters": st.just(",.!"), "split": st.just(" "),
    },
)  # fmt: skip


@given(TEXTS, TEXTS, OPTIONS, st.sampled_from(["binary", "count", "tfidf", "freq"]))
@settings(max_examples=150, deadline=None)
def test_tokenizers_are_keras_s(learned: list[str], others: list[str], options: dict[str, Any], mode: str):
    ours, theirs = text.Tokenizer(**options), their_text.Tokenizer(**options)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(learned)
    for name in ("word_counts", "word_docs", "word_index", "index_word", "index_docs", "document_count"):
        assert dict(getattr(ours, name) if name != "document_count" else {0: ours.document_count}) == dict(
            getattr(theirs, name) if name != "document_count" else {0: theirs.document_count}
        )
    numbers = ours.texts_to_sequences(others)
    assert numbers == theirs.texts_to_sequences(others)
    assert ours.sequences_to_texts(numbers) == theirs.sequences_to_texts(numbers)
    if ours.word_index and all(numbers):
        wanted = theirs.texts_to_matrix(others, mode)
        np.testing.assert_allclose(ours.texts_to_matrix(others, mode), wanted, rtol=1e-12)
    written = text.tokenizer_from_json(ours.to_json())
    assert written.texts_to_sequences(others) == numbers
    assert json.loads(written.to_json()) == json.loads(ours.to_json())
    assert text.tokenizer_from_json(theirs.to_json()).texts_to_sequences(others) == numbers
    assert pickle.loads(pickle.dumps(ours)).texts_to_sequences(others) == numbers


@given(TEXTS, st.booleans(), st.sampled_from(["!,.", '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n']))
@settings(max_examples=60, deadline=None)
def test_words_and_their_hashes_are_keras_s(texts: list[str], lower: bool, filters: str):
    for one in texts:
        assert text.text_to_word_sequence(one, filters, lower) == their_text.text_to_word_sequence(one, filters, lower)
        assert text.hashing_trick(one, 20, "md5", filters, lower) == their_text.hashing_trick(
            one, 20, "md5", filters, lower
        )
        assert text.one_hot(one, 20) == their_text.one_hot(one, 20)
        assert text.hashing_trick(one, 9, len, analyzer=str.split) == [len(w) % 8 + 1 for w in one.split()]


def test_tokenizers_of_words_and_sequences_and_refusals():
    tokenizer = text.Tokenizer()
    with pytest.raises(ValueError, match="call fit_on_texts first"):
        tokenizer.texts_to_matrix(["a"])
    tokenizer.fit_on_texts([["One", "word"], ["one"]])
    assert tokenizer.word_index == {"one": 1, "word": 2}
    with pytest.raises(ValueError, match="mode must be one of"):
        tokenizer.texts_to_matrix(["a"], "some")
    fresh = text.Tokenizer(num_words=5)
    with pytest.raises(ValueError, match="needs fit_on_texts"):
        fresh.sequences_to_matrix([[1]], "tfidf")
    fresh.fit_on_sequences([[1, 1, 2], [1]])
    assert dict(fresh.index_docs) == {1: 2, 2: 1}
    with pytest.raises(ValueError, match="no argument 'words'"):
        text.Tokenizer(words=3)
    assert list(tokenizer.sequences_to_texts_generator([[1, 2]])) == ["one word"]


@given(
    st.integers(6, 40), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.booleans(),
    st.integers(0, 3), st.one_of(st.none(), st.integers(0, 4)),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_windows_of_series_are_keras_s(
    steps: int, length: int, rate: int, stride: int, batch: int, reverse: bool, start: int, cut: int | None
):
    data = np.random.default_rng(steps).normal(size=(steps, 2))
    options = {
        "length": length, "sampling_rate": rate, "stride": stride, "start_index": start, "reverse": reverse,
        "end_index": None if cut is None else steps - 1 - cut, "batch_size": batch,
    }  # fmt: skip
    try:
        theirs = their_sequence.TimeseriesGenerator(data, data[:, 0], **options)
    except ValueError:
        with pytest.raises(ValueError, match="There is no window"):
            sequence.TimeseriesGenerator(data, data[:, 0], **options)
        return
    ours = sequence.TimeseriesGenerator(data, data[:, 0], **options)
    assert len(ours) == len(theirs)
    for i in range(len(ours)):
        for a, b in zip(ours[i], theirs[i], strict=True):
            np.testing.assert_array_equal(a, b)
    config = json.loads(ours.to_json())["config"]
    assert (config["length"], config["data"]) == (length, data.tolist())


def test_series_are_trained_on():
    data = np.sin(np.arange(200) / 5)[:, None].astype("float32")
    windows = sequence.TimeseriesGenerator(data, data, length=8, batch_size=16, shuffle=True)
    assert all(x.shape == (16, 8, 1) for x, _ in (windows[i] for i in range(len(windows))))
    model = ranvier.Sequential([ranvier.Input((8, 1)), ranvier.layers.Flatten(), ranvier.layers.Dense(1)])
    model.compile(ranvier.optimizers.Adam(0.05), "mse")
    assert model.fit(windows, epochs=8, verbose=0).history["loss"][-1] < 0.02
    with pytest.raises(ValueError, match="equally long"):
        sequence.TimeseriesGenerator(data, data[1:], length=2)


@given(st.integers(1, 300), st.sampled_from([1e-5, 1e-3, 0.1]))
@settings(max_examples=30, deadline=None)
def test_sampling_tables_are_keras_s(size: int, factor: float):
    ours = sequence.make_sampling_table(size, factor)
    np.testing.assert_allclose(ours, their_sequence.make_sampling_table(size, factor), rtol=1e-12)


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 4), st.booleans(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_skipgrams_are_keras_s(words: list[int], window: int, categorical: bool, seed: int):
    def made(module: Any) -> Any:
        random.seed(seed)
        return module.skipgrams(
            words, 10, window_size=window, categorical=categorical, negative_samples=0.5, seed=seed, shuffle=False
        )

    ours, theirs = made(sequence), made(their_sequence)
    yes = [0, 1] if categorical else 1
    near = [[pair for pair, label in zip(*both, strict=True) if label == yes] for both in (ours, theirs)]
    assert near[0] == near[1]
    assert ours[1] == theirs[1]
    assert all(1 <= b <= 9 for (_, b), label in zip(*ours, strict=True) if label != yes)
    mixed = sequence.skipgrams(words, 10, window_size=window, negative_samples=0, seed=seed)[0]
    assert sorted(mixed) == sorted(near[0])
    kept = sequence.skipgrams(words, 10, sampling_table=np.zeros(10), negative_samples=0)[0]
    assert kept == []
