"""Integers as their places in a vocabulary."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ...core.errors import ArgumentError, DataError
from .hashes import hash_integers, hash_strings
from .hashing import _key, _spelled
from .host import host_array
from .lookup import IndexLookup

__all__ = ["IntegerLookup"]


class IntegerLookup(IndexLookup):
    """Integers as their places in a vocabulary, or the integers at places; inside compiled programs, too.

    Args:
        max_tokens: the most places that `adapt` fills, None: any number.
        num_oov_indices: how many places integers out of vocabulary share; 0: they are an error (inside a compiled
            program, where nothing can be raised: −1).
        mask_token: the integer for padding, at place 0; None: there is none.
        oov_token: the integer that stands for those out of vocabulary when places are inverted.
        vocabulary: the integers, or the path of a text file with one a line; None: `adapt` finds them.
        vocabulary_dtype: only ``"int64"``.
        idf_weights: the integers' weights for ``"tf_idf"``.
        invert: look up integers for places.
        output_mode: ``"int"``: places; ``"one_hot"``, ``"multi_hot"``, ``"count"``: vectors, as `CategoryEncoding`
            makes them; ``"tf_idf"``: counts times weights.
        sparse: only False.
        pad_to_max_tokens: whether vectors have `max_tokens` numbers, however small the vocabulary.
        oov_method: how several places are shared: ``"floormod"``: by the remainder; ``"farmhash"``: by the hash.
        salt: one or two integers for the hash.
        name: the layer's name.

    >>> IntegerLookup(vocabulary=[12, 36])([[12, 7], [36, 12]]).tolist()
    [[1, 0], [2, 1]]
    """

    _traceable = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if vocabulary_dtype != "int64":
            raise ArgumentError(f"IntegerLookup: vocabulary_dtype must be 'int64'. Received: {vocabulary_dtype!r}")
        if salt is not None and oov_method != "farmhash":
            raise ArgumentError(
                f"IntegerLookup: salt is for oov_method='farmhash'. Received: oov_method={oov_method!r}"
            )
        self.vocabulary_dtype = vocabulary_dtype
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
            vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode, sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens, oov_method=oov_method, salt=salt, name=name, **kwargs,
        )  # fmt: skip
        self._salt = _key(salt)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The symbolic result for symbolic inputs."""
        if self._tokens is not None:
            return super().compute_output_spec(inputs)
        self._traceable = False  # no vocabulary yet: nothing can be traced, but shapes can be found
        self._takes_numbers = True
        try:
            return super().compute_output_spec(inputs)
        finally:
            del self._traceable, self._takes_numbers

    def _as_tokens(self, values: Any) -> list[int]:
        array = host_array(values, "vocabulary")
        try:
            whole = array.astype("int64")
        except (ValueError, TypeError):
            raise DataError(f"IntegerLookup takes integers. Received: an array of dtype {array.dtype}") from None
        return whole.ravel().tolist()

    def _tabulate(self) -> None:
        start = len(self._special())
        table = {token: start + i for i, token in enumerate(self._tokens or [])}
        if self.mask_token is not None:
            table.setdefault(int(self.mask_token), 0 if self.output_mode == "int" else -1)
        keys = sorted(table)
        self._keys = np.array(keys, "int64")
        self._values = np.array([table[k] for k in keys], "int64")

    def _places(self, inputs: Any) -> Any:
        if self._tokens is None:  # a trial for shapes
            return np.zeros(np.shape(inputs), "int64")
        traced = isinstance(inputs, Tracer)
        xp: Any = jnp if traced else np
        values = inputs if xp.issubdtype(inputs.dtype, np.integer) else inputs.astype("int32" if traced else "int64")
        keys, found = self._keys, self._values
        if traced:
            limits = np.iinfo(values.dtype)  # other tokens cannot come in
            fit = (keys >= limits.min) & (keys <= limits.max)
            keys, found = jnp.asarray(keys[fit].astype(values.dtype)), jnp.asarray(found[fit].astype("int32"))
        if len(keys) == 0:
            return self._unknown(values, xp)
        at = xp.clip(xp.searchsorted(keys, values), 0, len(keys) - 1)
        known = keys[at] == values
        if self.num_oov_indices == 0 and not traced and not known.all():
            odd = sorted(set(values[~known].tolist()))
            raise DataError(
                f"Layer '{self.name}' has num_oov_indices=0, and these integers are not in its vocabulary: {odd[:5]}"
            )
        return xp.where(known, found[at], self._unknown(values, xp))

    def _unknown(self, values: Any, xp: Any) -> Any:
        """The places of integers out of vocabulary."""
        first = len(self._special()) - self.num_oov_indices
        if self.num_oov_indices <= 1:
            return xp.full(values.shape, first if self.num_oov_indices else -1)
        if self.oov_method == "floormod":
            return first + xp.mod(values, self.num_oov_indices)
        if xp is jnp:
            return first + hash_integers(values, self.num_oov_indices, self._salt).astype("int32")
        return first + hash_strings(_spelled(values), self.num_oov_indices, self._salt)

    def _found(self, inputs: Any) -> Any:
        tokens = np.array([*self.get_vocabulary(), self.oov_token], "int64")
        last = len(tokens) - 1
        if isinstance(inputs, Tracer):
            limits = np.iinfo("int64" if jax.config.read("jax_enable_x64") else "int32")
            table = jnp.asarray(np.clip(tokens, limits.min, limits.max).astype(limits.dtype))
            places = inputs.astype("int32")
            return table[jnp.where((places >= 0) & (places < last), places, last)]
        places = np.asarray(inputs).astype("int64")
        return jnp.asarray(tokens[np.where((places >= 0) & (places < last), places, last)])
