"""Strings as their places in a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import DataError
from .hashes import hash_strings
from .hashing import _key
from .host import text_array
from .lookup import IndexLookup

__all__ = ["StringLookup"]


class StringLookup(IndexLookup):
    """Strings as their places in a vocabulary, or the strings at places; on the host, before training.

    Args:
        max_tokens: the most places that `adapt` fills, None: any number.
        num_oov_indices: how many places strings out of vocabulary share (by their hash); 0: they are an error.
        mask_token: the string for padding, at place 0; None: there is none.
        oov_token: the string that stands for those out of vocabulary.
        vocabulary: the strings, or the path of a text file with one a line; None: `adapt` finds them.
        idf_weights: the strings' weights for ``"tf_idf"``.
        invert: look up strings for places.
        output_mode: ``"int"``: places; ``"one_hot"``, ``"multi_hot"``, ``"count"``: vectors, as `CategoryEncoding`
            makes them; ``"tf_idf"``: counts times weights.
        pad_to_max_tokens: whether vectors have `max_tokens` numbers, however small the vocabulary.
        sparse: only False.
        encoding: of strings that come as bytes.
        name: the layer's name.
        salt: one or two integers for the hash.

    >>> StringLookup(vocabulary=["a", "b"])([["a", "?"], ["b", "a"]]).tolist()
    [[1, 0], [2, 1]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        self.encoding = encoding
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
            vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, name=name, salt=salt, **kwargs,
        )  # fmt: skip
        self._salt = _key(salt)
        self._takes_numbers = invert

    def _as_tokens(self, values: Any) -> list[str]:
        return text_array(values, self.encoding).ravel().tolist()

    def _tabulate(self) -> None:
        start = len(self._special())
        self._table = {token: start + i for i, token in enumerate(self._tokens or [])}
        if self.mask_token is not None:
            self._table.setdefault(self.mask_token, 0 if self.output_mode == "int" else -1)

    def _places(self, inputs: Any) -> Any:
        texts = text_array(inputs, self.encoding)
        return self._places_of(texts.ravel().tolist()).reshape(texts.shape)

    def _places_of(self, texts: list[str]) -> np.ndarray:
        if self._tokens is None:  # a trial for shapes
            return np.zeros(len(texts), "int64")
        find = self._table.get
        places = np.fromiter((find(t, -2) for t in texts), "int64", len(texts))
        unknown = np.flatnonzero(places == -2)
        if len(unknown):
            first = len(self._special()) - self.num_oov_indices
            if self.num_oov_indices == 0 and self._trial is None:
                odd = sorted({texts[i] for i in unknown[:20]})
                raise DataError(
                    f"Layer '{self.name}' has num_oov_indices=0, and these strings are not in its vocabulary: {odd[:5]}"
                )
            if self.num_oov_indices <= 1:
                places[unknown] = first
            else:
                odd = np.array([texts[i] for i in unknown], object)
                places[unknown] = first + hash_strings(odd, self.num_oov_indices, self._salt)
        return places

    def _found(self, inputs: Any) -> np.ndarray:
        places = np.asarray(inputs)
        if places.dtype.kind not in "iu":
            raise DataError(f"Layer '{self.name}' inverts integers. Received: an array of dtype {places.dtype}")
        table = np.array([*self.get_vocabulary(), self.oov_token], object)
        inside = (places >= 0) & (places < len(table) - 1)
        return table[np.where(inside, places, len(table) - 1)].astype(str)
