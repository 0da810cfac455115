"""Texts as integers or vectors."""

from __future__ import annotations

import os
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.errors import ArgumentError, NotBuiltError, ShapeError
from .encoding import check_mode
from .hashing import refuse_sparse
from .host import TextLayer, text_array
from .streams import batches
from .string_lookup import StringLookup
from .text import SPLITS, STANDARDIZERS, ngrams, split, standardize

__all__ = ["TextVectorization"]


class TextVectorization(TextLayer):
    """Texts cleaned, split into tokens, and the tokens looked up in a vocabulary; on the host, before training.

    Args:
        max_tokens: the most places that `adapt` fills, None: any number.
        standardize: ``"lower_and_strip_punctuation"``, ``"lower"``, ``"strip_punctuation"`` (of ASCII), None, or a
            callable from an array of strings to one.
        split: ``"whitespace"``, ``"character"``, None, or a callable from an array of strings to rows of strings.
        ngrams: a size, up to which runs of tokens are tokens too, or a tuple of the sizes wanted.
        output_mode: ``"int"``: a row of places, 0 behind the text's end; ``"multi_hot"``, ``"count"``, ``"tf_idf"``: a
            vector for each text.
        output_sequence_length: for ``"int"``: cut and fill rows to this length; None: to the longest.
        pad_to_max_tokens: whether vectors have `max_tokens` numbers, however small the vocabulary.
        vocabulary: the tokens, or the path of a text file with one a line; None: `adapt` finds them.
        idf_weights: the tokens' weights for ``"tf_idf"``.
        sparse, ragged: only False.
        encoding: of texts that come as bytes.
        name: the layer's name.

    >>> layer = TextVectorization(vocabulary=["the", "cat"])
    >>> layer(["The cat!", "a cat, the"]).tolist()
    [[2, 3, 0], [1, 3, 2]]
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        kind = "TextVectorization"
        for argument, value, table in (("standardize", standardize, STANDARDIZERS), ("split", split, SPLITS)):
            if value is not None and not callable(value) and value not in table:
                raise ArgumentError(
                    f"{kind}: {argument} must be one of {tuple(table)}, a callable or None. Received: "
                    f"{argument}={value!r}"
                )
        output_mode = {"binary": "multi_hot"}.get(output_mode, output_mode)
        check_mode(kind, output_mode, ("int", "one_hot", "multi_hot", "count", "tf_idf"))
        self._sizes = _sizes(ngrams)
        if output_sequence_length is not None:
            if output_mode != "int":
                raise ArgumentError(
                    f"{kind}: output_sequence_length is for output_mode='int'. Received: {output_mode!r}"
                )
            if isinstance(output_sequence_length, bool) or not isinstance(output_sequence_length, (int, np.integer)):
                raise ArgumentError(
                    f"{kind}: output_sequence_length must be an integer or None. Received: {output_sequence_length!r}"
                )
        if ragged:
            raise ArgumentError(f"{kind} gives dense arrays; ragged must be False. Received: ragged={ragged!r}")
        self.max_tokens = max_tokens
        self.standardize, self.split, self.ngrams = standardize, split, ngrams
        self.output_mode, self.output_sequence_length = output_mode, output_sequence_length
        self.pad_to_max_tokens = pad_to_max_tokens
        self.sparse, self.ragged = refuse_sparse(kind, sparse), False
        self.encoding = encoding
        self.autocast = False
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, pad_to_max_tokens=pad_to_max_tokens,
            mask_token="" if output_mode == "int" else None, output_mode=output_mode, encoding=encoding,
            dtype=self.dtype_policy if self.compute_dtype != "string" else None,
        )  # fmt: skip

    # --- vocabulary -------------------------------------------------------------------------------------------------

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their places."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many places there are, those of padding and of unknown tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replace the vocabulary; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Make the vocabulary of the tokens in the data, the most frequent first.

        Args:
            data: an array or list of texts, or an iterable of batches: a generator, tf.data, `PyDataset`.
            batch_size: for arrays, with `steps`: how many texts make a step; None: 32.
            steps: how many batches to read; None: all.
        """
        self._lookup_layer._refuse_fixed()
        self.reset_state()
        if steps is not None and (isinstance(data, (list, tuple)) or hasattr(data, "__array__")):
            data, steps = data[: steps * (batch_size or 32)], None
        for batch in batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        rows = self._tokens_of(text_array(data, self.encoding))
        self._lookup_layer._count(rows if isinstance(rows, list) else rows.reshape(len(rows), -1).tolist())

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    # --- the computation --------------------------------------------------------------------------------------------

    def _tokens_of(self, texts: np.ndarray) -> Any:
        """The rows of tokens; where nothing is split, an array of whole texts in the texts' own shape."""
        texts = standardize(np.atleast_1d(texts), self.standardize, self.encoding)
        if self.split is None:
            if texts.ndim > 1 and self._sizes is not None:
                return [ngrams(row, self._sizes) for row in texts.reshape(len(texts), -1).tolist()]
            return texts
        if texts.ndim > 1:
            if texts.shape[-1] != 1 or texts.ndim > 2:
                raise ShapeError(
                    f"Layer '{self.name}' splits texts of shape (batch,) or (batch, 1). Received: {texts.shape}"
                )
            texts = texts[:, 0]
        rows = split(texts.tolist(), self.split, self.encoding)
        return rows if self._sizes is None else [ngrams(row, self._sizes) for row in rows]

    def call(self, inputs: Any) -> Any:
        """Places or vectors of the texts' tokens."""
        lookup = self._lookup_layer
        lookup._trial = self._trial
        if lookup._tokens is None and self._trial is None:
            raise NotBuiltError(f"Layer '{self.name}' has no vocabulary yet: call adapt(data), or give `vocabulary`.")
        texts = text_array(inputs, self.encoding)
        rows = self._tokens_of(texts)
        if isinstance(rows, list):
            places = self._padded(rows)
            places = places[0] if texts.ndim == 0 else places
        else:
            places = lookup._places(rows.reshape(texts.shape))
            length = self.output_sequence_length
            if length is not None and places.ndim > 1:
                places = places[..., :length]
                places = np.pad(places, [(0, 0)] * (places.ndim - 1) + [(0, length - places.shape[-1])])
        if self.output_mode == "int":
            return jnp.asarray(places.astype("int32"))
        return lookup._encoded(places)

    def _padded(self, rows: list[list[str]]) -> np.ndarray:
        lengths = np.array([len(row) for row in rows], "int64")
        places = self._lookup_layer._places_of([token for row in rows for token in row])
        width = self.output_sequence_length
        longest = int(lengths.max(initial=0))
        # Behind the end: padding, or a place that vectors do not count.
        table = np.full((len(rows), longest), 0 if self.output_mode == "int" else -1, "int64")
        table[np.arange(longest) < lengths[:, None]] = places
        if width is None:
            return table
        return np.pad(table[:, :width], [(0, 0), (0, max(width - longest, 0))])

    # --- configuration and files ------------------------------------------------------------------------------------

    def _config_value(self, name: str, declared_by: type) -> Any:
        if name in ("vocabulary", "idf_weights"):
            return self._lookup_layer._config_value(name, type(self._lookup_layer))
        return super()._config_value(name, declared_by)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and the vocabulary's size."""
        size = self._lookup_layer.get_config()["vocabulary_size"]
        return super().get_config() | {"vocabulary_size": size}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `get_config` described; see `StringLookup.from_config` for what it refuses."""
        if isinstance(config.get("vocabulary"), (str, os.PathLike)):
            StringLookup.from_config({"vocabulary": config["vocabulary"]})
        return super().from_config(
            config | ({"ngrams": tuple(n)} if isinstance(n := config.get("ngrams"), list) else {})
        )

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote into a folder."""
        self._lookup_layer.load_assets(dir_path)

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of ``"tf_idf"`` into a mapping."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of ``"tf_idf"`` from a mapping."""
        self._lookup_layer.load_own_variables(store)


def _sizes(value: Any) -> tuple[int, ...] | None:
    several = isinstance(value, (list, tuple))
    values = value if several else [value]
    if value is None:
        return None
    if not values or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in values):
        raise ArgumentError(
            f"TextVectorization: ngrams must be None, an integer or a tuple of them. Received: ngrams={value!r}"
        )
    return tuple(values) if several else tuple(range(1, value + 1))
