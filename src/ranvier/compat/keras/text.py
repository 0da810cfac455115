"""`preprocessing.text`: texts as words, words as numbers. `layers.TextVectorization` is today's way."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...core.errors import ArgumentError

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

_PUNCTUATION = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "tfidf", "freq")


def text_to_word_sequence(
    input_text: str, filters: str = _PUNCTUATION, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        input_text: the text.
        filters: characters that separate words, like `split`.
        lower: whether letters become small ones.
        split: what separates words.

    >>> text_to_word_sequence("The dog, the cat!")
    ['the', 'dog', 'the', 'cat']
    """
    text = input_text.lower() if lower else input_text
    words = text.translate({ord(c): split for c in filters}).split(split)
    return [word for word in words if word]


def one_hot(
    input_text: str, n: int, filters: str = _PUNCTUATION, lower: bool = True, split: str = " ", analyzer: Any = None
) -> list[int]:
    """Each word of a text as a number from 1 to n − 1, by Python's `hash`; several words may share one.

    Python's `hash` of text differs from process to process; `hashing_trick` with ``"md5"`` does not.
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str, n: int, hash_function: Any = None, filters: str = _PUNCTUATION, lower: bool = True, split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:  # fmt: skip
    """Each word of a text as a number from 1 to n − 1; several words may share one.

    Args:
        text: the text.
        n: numbers go up to n − 1.
        hash_function: None: Python's `hash`; ``"md5"``; or a function from words to integers.
        filters, lower, split: as in `text_to_word_sequence`.
        analyzer: a function that gives the words of a text, instead.

    >>> hashing_trick("the dog the cat", 50, "md5")[::2] == hashing_trick("the the", 50, "md5")
    True
    """
    if hash_function is None:
        hash_function = hash
    elif hash_function == "md5":
        hash_function = lambda word: int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)  # noqa: E731
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [hash_function(word) % (n - 1) + 1 for word in words]


class Tokenizer:
    """Numbers for words, the most frequent first; 0 is nobody's.

    Args:
        num_words: only numbers below it are given; None: all.
        filters, lower, split: as in `text_to_word_sequence`.
        char_level: characters instead of words.
        oov_token: stands for words that are unknown or beyond `num_words`, with number 1; None: they are left out.
        analyzer: a function that gives the words of a text, instead.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["the dog", "the cat and the mouse"])
    >>> tokenizer.texts_to_sequences(["the mouse and the horse"])
    [[2, 6, 5, 2, 1]]
    """

    def __init__(
        self, num_words: int | None = None, filters: str = _PUNCTUATION, lower: bool = True, split: str = " ",
        char_level: bool = False, oov_token: str | None = None, analyzer: Callable[[str], list[str]] | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        self.document_count: int = kwargs.pop("document_count", 0)
        if "nb_words" in kwargs:  # its name in Keras 1
            num_words = kwargs.pop("nb_words")
        if kwargs:
            raise ArgumentError(f"Tokenizer has no argument {', '.join(map(repr, kwargs))}.")
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.word_counts: dict[str, int] = {}
        self.word_docs: dict[str, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.index_docs: dict[int, int] = defaultdict(int)

    # --- learning -------------------------------------------------------------------------------------------------

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Learn the words of texts (or of lists of words); called again, it adds to what is known."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ranked = sorted(self.word_counts, key=lambda word: -self.word_counts[word])
        listed = ranked if self.oov_token is None else [self.oov_token, *ranked]
        self.word_index = {}
        for number, word in enumerate(listed, 1):
            self.word_index[word] = number
        self.index_word = {number: word for word, number in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Learn in how many of these sequences of numbers each number is."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] += 1

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, (list, tuple)):
            if not self.lower:
                return list(text)
            return list(text.lower()) if isinstance(text, str) else [word.lower() for word in text]
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # --- texts and numbers ----------------------------------------------------------------------------------------

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of the words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """`texts_to_sequences`, one by one."""
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._words(text))
            known = (unknown if n is None or (self.num_words and n >= self.num_words) else n for n in numbers)
            yield [n for n in known if n is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each sequence of numbers, with spaces between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """`sequences_to_texts`, one by one."""
        for sequence in sequences:
            words = (
                self.index_word.get(int(n)) if not self.num_words or n < self.num_words else None for n in sequence
            )
            known = (self.oov_token if word is None else word for word in words)
            yield " ".join(word for word in known if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """A row for each text with a column for each number; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """A row for each sequence with a column for each number.

        Args:
            sequences: lists of numbers.
            mode: ``"binary"``: whether it is there; ``"count"``: how often; ``"freq"``: in which share of the places;
                ``"tfidf"``: (1 + log count) · log(1 + texts / (1 + texts that have it)).

        Raises:
            ArgumentError: an unknown mode; nothing learned that the mode needs.
        """
        if mode not in _MODES:
            raise ArgumentError(f"mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}")
        columns = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not columns:
            raise ArgumentError("Give num_words, or call fit_on_texts first: the number of columns is not known.")
        if mode == "tfidf" and not self.document_count:
            raise ArgumentError("mode='tfidf' needs fit_on_texts or fit_on_sequences first.")
        rows = np.zeros((len(sequences), columns))
        for row, sequence in zip(rows, sequences, strict=True):
            for number, count in Counter(n for n in sequence if n < columns).items():
                if mode == "count":
                    row[number] = count
                elif mode == "freq":
                    row[number] = count / len(sequence)
                elif mode == "binary":
                    row[number] = 1
                else:
                    rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
                    row[number] = (1 + np.log(count)) * rarity
        return rows

    # --- files ----------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Arguments, and what was learned as JSON."""
        learned = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        plain = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        return {name: getattr(self, name) for name in plain} | {n: json.dumps(getattr(self, n)) for n in learned}

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as JSON, for `tokenizer_from_json`."""
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that `Tokenizer.to_json` wrote.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["the dog"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'the': 1, 'dog': 2}
    """
    config = dict(json.loads(json_string)["config"])
    learned = {
        n: json.loads(config.pop(n)) for n in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    }
    made = Tokenizer(**config)
    made.word_counts, made.word_index = learned["word_counts"], learned["word_index"]
    made.word_docs.update(learned["word_docs"])
    made.index_docs.update({int(n): count for n, count in learned["index_docs"].items()})
    made.index_word = {int(n): word for n, word in learned["index_word"].items()}
    return made
