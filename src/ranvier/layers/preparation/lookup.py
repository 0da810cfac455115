"""`IndexLookup`: what looking up strings and integers in a vocabulary have in common."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.errors import ArgumentError, ArgumentTypeError, NotBuiltError, SerializationError
from ..checks import positive
from .encoding import check_mode, encode
from .hashing import refuse_sparse
from .host import TextLayer, host_array
from .streams import batches

__all__ = ["IndexLookup"]


class IndexLookup(TextLayer):
    """Tokens as their places in a vocabulary; `StringLookup` and `IntegerLookup` say what a token is.

    The places are those of ``get_vocabulary()``: the mask token (if there is one, in mode ``"int"``), the places of
    tokens that are out of vocabulary, then the vocabulary.

    Args:
        max_tokens: the most places that `adapt` fills, None: any number.
        num_oov_indices: how many places tokens out of vocabulary share.
        mask_token, oov_token: the tokens for padding, and for what is out of vocabulary.
        vocabulary: the tokens, or the path of a text file with one a line; None: `adapt` finds them.
        idf_weights: the tokens' weights for ``"tf_idf"``.
        invert: look up tokens for places.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"``, ``"count"`` or ``"tf_idf"``.
        sparse: only False.
        pad_to_max_tokens: whether vectors have `max_tokens` numbers, however small the vocabulary.
        oov_method: how several places are shared among integers: ``"floormod"`` or ``"farmhash"``.
        salt: the key of the hash that shares them.
    """

    def __init__(
        self,
        *,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = None,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        **kwargs: Any,
    ):
        kind = type(self).__name__
        kwargs.pop("vocabulary_size", None)  # what Keras's files say beside the vocabulary
        dtype = kwargs.get("dtype")
        if isinstance(dtype, str) and not dtype.startswith(("float", "bfloat", "mixed")):
            kwargs["dtype"] = None  # vectors are of floats, whatever else was asked for
        super().__init__(**kwargs)
        if max_tokens is not None and (not isinstance(max_tokens, (int, np.integer)) or max_tokens <= 1):
            raise ArgumentError(f"{kind}: max_tokens must be more than 1. Received: max_tokens={max_tokens!r}")
        if pad_to_max_tokens and max_tokens is None:
            raise ArgumentError(f"{kind}: pad_to_max_tokens needs max_tokens. Received: max_tokens=None")
        check_mode(kind, output_mode, ("int", "one_hot", "multi_hot", "count", "tf_idf"))
        if invert and output_mode != "int":
            raise ArgumentError(f"{kind}: output_mode must be 'int' where invert is true. Received: {output_mode!r}")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ArgumentError(f"{kind}: idf_weights are for output_mode='tf_idf'. Received: {output_mode!r}")
        if oov_method not in ("floormod", "farmhash"):
            raise ArgumentError(f"{kind}: oov_method must be 'floormod' or 'farmhash'. Received: {oov_method!r}")
        self.max_tokens = max_tokens
        self.num_oov_indices = positive(kind, "num_oov_indices", num_oov_indices, 0)
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.output_mode = invert, output_mode
        self.sparse = refuse_sparse(kind, sparse)
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method, self.salt = oov_method, salt
        self.autocast = False
        self._static: list[Any] | None = None  # the vocabulary that the constructor was given, not a file's
        self._fixed = vocabulary is not None
        self._tokens: list[Any] | None = None
        self.idf_weights = None if idf_weights is None else host_array(idf_weights).tolist()
        self._idf: np.ndarray | None = None
        self.reset_state()
        if vocabulary is not None:
            if output_mode == "tf_idf" and idf_weights is None and not isinstance(vocabulary, (str, os.PathLike)):
                raise ArgumentError(f"{kind}: with a vocabulary, output_mode='tf_idf' needs idf_weights.")
            self.set_vocabulary(vocabulary, idf_weights)
            if not isinstance(vocabulary, (str, os.PathLike)):
                self._static = self._as_tokens(vocabulary)

    # --- what a token is --------------------------------------------------------------------------------------------

    def _as_tokens(self, values: Any) -> list[Any]:
        """Tokens as plain Python values."""
        raise ArgumentTypeError("IndexLookup is abstract: use StringLookup or IntegerLookup.")

    def _tabulate(self) -> None:
        """Prepare what looking up needs."""

    def _places(self, inputs: Any) -> Any:
        """The places of tokens, −1 for those that have none."""
        raise ArgumentTypeError("IndexLookup is abstract: use StringLookup or IntegerLookup.")

    def _found(self, inputs: Any) -> Any:
        """The tokens at places."""
        raise ArgumentTypeError("IndexLookup is abstract: use StringLookup or IntegerLookup.")

    # --- vocabulary -------------------------------------------------------------------------------------------------

    def _special(self) -> list[Any]:
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return mask + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their places."""
        special = self._special() if include_special_tokens else []
        return special + list(self._tokens or [])

    def vocabulary_size(self) -> int:
        """How many places there are, those of the mask token and of unknown tokens included."""
        return len(self._special()) + len(self._tokens or [])

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replace the vocabulary.

        Args:
            vocabulary: the tokens, with or without the mask and out-of-vocabulary tokens before them, or the path of
                a text file with one a line.
            idf_weights: for ``"tf_idf"``: as many weights.
        """
        kind = type(self).__name__
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ArgumentError(
                f"{kind}: idf_weights are for output_mode='tf_idf'. Received: output_mode={self.output_mode!r}"
            )
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = _lines(vocabulary)
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ArgumentError(f"{kind}: output_mode='tf_idf' needs idf_weights beside the vocabulary.")
        tokens = self._as_tokens(vocabulary)
        special = self._special()
        weights = None if idf_weights is None else host_array(idf_weights).astype("float32")
        if weights is not None and weights.shape != (len(tokens),):
            raise ArgumentError(
                f"{kind}: there must be as many idf_weights as tokens in the vocabulary. Received: weights of shape "
                f"{weights.shape} for {len(tokens)} tokens"
            )
        if special and tokens[: len(special)] == special:
            tokens = tokens[len(special) :]
            weights = None if weights is None else weights[len(special) :]
        if not tokens:
            raise ArgumentError(f"{kind}: the vocabulary is empty. Received: vocabulary={vocabulary!r}")
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ArgumentError(f"{kind}: the vocabulary holds tokens more than once: {repeated[:10]}")
        if self.max_tokens is not None and len(special) + len(tokens) > self.max_tokens:
            raise ArgumentError(
                f"{kind}: the vocabulary has {len(special) + len(tokens)} tokens with the special ones; max_tokens is "
                f"{self.max_tokens}."
            )
        self._take(tokens, weights)

    def _take(self, tokens: list[Any], weights: Any) -> None:
        self._tokens = tokens
        if weights is not None:
            # Unknown tokens weigh as much as the mean token.
            unknown = np.full(self.num_oov_indices, weights.mean() if len(weights) else 0.0, "float32")
            self._idf = np.concatenate([unknown, np.asarray(weights, "float32")])
        self._tabulate()

    # --- adapting ---------------------------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Make the vocabulary of the tokens in the data, the most frequent first.

        Args:
            data: an array, a list, or an iterable of batches: a generator, tf.data, `PyDataset`.
            steps: how many batches to read; None: all.
        """
        self._refuse_fixed()
        self.reset_state()
        for batch in batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def _refuse_fixed(self) -> None:
        if self._fixed:
            raise ArgumentError(
                f"Layer '{self.name}' was given its vocabulary, so there is nothing to adapt. Leave `vocabulary` out."
            )

    def update_state(self, data: Any) -> None:
        """Count a batch's tokens; each row is a document."""
        array = host_array(data, "data")
        rows = array.reshape(-1, 1) if array.ndim < 2 else array.reshape(len(array), -1)
        self._count([self._as_tokens(row) for row in rows] if self._weighs() else [self._as_tokens(rows.ravel())])

    def _weighs(self) -> bool:
        return self.output_mode == "tf_idf"

    def _count(self, rows: Iterable[list[Any]]) -> None:
        for row in rows:
            self._counts.update(row)
            if self._weighs():
                self._documents.update(set(row))
                self._document_count += 1

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted: by falling count, equal counts by falling token."""
        if self._fixed or not self._counts:
            return
        left_out = {self.mask_token, self.oov_token}
        ranked = sorted(((n, token) for token, n in self._counts.items() if token not in left_out), reverse=True)
        room = None if self.max_tokens is None else self.max_tokens - len(self._special())
        tokens = [token for _, token in ranked[:room]]
        weights = None
        if self._weighs():
            weights = np.array(
                [np.log1p(self._document_count / (1 + self._documents[token])) for token in tokens], "float32"
            )
        self._take(tokens, weights)

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._counts: Counter[Any] = Counter()
        self._documents: Counter[Any] = Counter()
        self._document_count = 0

    # --- looking up -------------------------------------------------------------------------------------------------

    def _depth(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        return self._trial if self._tokens is None and self._trial is not None else self.vocabulary_size()

    def call(self, inputs: Any) -> Any:
        """The places of tokens in the mode of the output, or the tokens at places."""
        if self._tokens is None and self._trial is None:
            raise NotBuiltError(f"Layer '{self.name}' has no vocabulary yet: call adapt(data), or give `vocabulary`.")
        return self._found(inputs) if self.invert else self._encoded(self._places(inputs))

    def _encoded(self, places: Any) -> Any:
        if self.output_mode == "int":
            return jnp.asarray(places.astype("int32"))
        depth = self._depth()
        places = places.astype("int32")
        if self.output_mode != "tf_idf":
            return encode(places, self.output_mode, depth, self.compute_dtype)
        weights = np.zeros(depth, "float32")
        if self._idf is not None:
            weights[: len(self._idf)] = self._idf
        counts = encode(places, "count", depth, self.compute_dtype)
        return counts * jnp.asarray(weights, self.compute_dtype)

    # --- configuration and files ------------------------------------------------------------------------------------

    def _travels_in_config(self) -> bool:
        """Whether the vocabulary stands in the config: where it was given, or where a text file would not hold it."""
        if self._static is not None or self._tokens is None:
            return self._static is not None
        return any(isinstance(t, str) and ("\n" in t or "\r" in t) for t in self._tokens) or self._tokens[-1] == ""

    def _config_value(self, name: str, declared_by: type) -> Any:
        if name == "vocabulary":
            given = self._static if self._static is not None else self._tokens
            return list(given) if given is not None and self._travels_in_config() else None
        if name == "idf_weights" and self._static is None and self._idf is not None and self._travels_in_config():
            return self._idf[self.num_oov_indices :].tolist()
        return super()._config_value(name, declared_by)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and the vocabulary's size."""
        return super().get_config() | {"vocabulary_size": None if self._tokens is None else self.vocabulary_size()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `get_config` described. A config cannot name a file: its content would be whatever is there.

        Raises:
            SerializationError: `vocabulary` is a path.
        """
        if isinstance(config.get("vocabulary"), (str, os.PathLike)):
            raise SerializationError(
                f"The config of a {cls.__name__} names a vocabulary file. Configs hold the tokens themselves, or the "
                "vocabulary travels among the assets of the .keras file; read the file in your program instead."
            )
        return super().from_config(config)

    def get_build_config(self) -> dict[str, Any]:
        """Nothing: the layer has no weights."""
        return {}

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder, unless the config holds it."""
        if self._tokens is not None and not self._travels_in_config():
            with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8", newline="") as file:
                file.write("\n".join(str(token) for token in self.get_vocabulary()))

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote into a folder; `load_own_variables` has read its weights."""
        path = os.path.join(dir_path, "vocabulary.txt")
        if self._tokens is not None or not os.path.exists(path):
            return
        tokens, special = self._as_tokens(_lines(path)), self._special()
        tokens = tokens[len(special) :] if tokens[: len(special)] == special else tokens
        if not self._weighs():
            self.set_vocabulary(tokens)
        elif self._idf is not None and len(self._idf) >= self.num_oov_indices + len(tokens):
            self.set_vocabulary(tokens, self._idf[self.num_oov_indices :][: len(tokens)])
        else:
            raise SerializationError(
                f"The file lacks the idf_weights of layer '{self.name}', which has output_mode='tf_idf'."
            )

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of ``"tf_idf"`` into a mapping."""
        if self._idf is not None:
            store["idf_weights"] = self._idf

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of ``"tf_idf"`` from a mapping."""
        if self._weighs() and "idf_weights" in store:
            weights = np.asarray(store["idf_weights"], "float32")
            if weights.ndim != 1 or (self._tokens is not None and len(weights) < self.vocabulary_size()):
                raise SerializationError(
                    f"Layer '{self.name}' needs {self.vocabulary_size()} idf_weights. Received: shape {weights.shape}"
                )
            self._idf = weights if self._tokens is None else weights[: self.vocabulary_size()]


def _lines(path: Any) -> list[str]:
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise ArgumentError(f"There is no vocabulary file {path!r}.")
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" and len(lines) > 1 else lines)]
