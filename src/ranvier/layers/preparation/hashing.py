"""Strings and integers put into a number of bins by their hashes, one by one or crossed."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ...core.errors import ArgumentError, ShapeError
from ..checks import positive
from .encoding import check_mode, encode
from .hashes import combine, fingerprints, hash_integers, hash_strings
from .host import TextLayer, host_array, text_array
from .words import Words

__all__ = ["HashedCrossing", "Hashing", "refuse_sparse"]


def refuse_sparse(layer: str, sparse: bool) -> bool:
    """`sparse`, which must be False where Keras's JAX backend has no sparse tensors either."""
    if sparse:
        raise ArgumentError(f"{layer} gives dense arrays; sparse must be False. Received: sparse={sparse!r}")
    return False


class Hashing(TextLayer):
    """The bin of each string or integer: its hash modulo the number of bins.

    The hash is FarmHash's fingerprint of the string (of the decimal spelling of an integer), or SipHash-2-4 with a
    salt: the bins are those of Keras. Integers are hashed inside compiled programs, too.

    Args:
        num_bins: how many bins there are, the masked one included.
        mask_value: inputs that equal it go to bin 0, and no others do.
        salt: one or two integers, the key of SipHash; None: FarmHash.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"`` or ``"count"``; see `CategoryEncoding`.
        sparse: only False.

    >>> Hashing(3)(["A", "B", "C", "D", "E"]).tolist()
    [1, 0, 1, 1, 2]
    """

    _traceable = True

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        check_mode("Hashing", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else None
        super().__init__(**kwargs)
        self.num_bins = positive("Hashing", "num_bins", num_bins)
        if self.num_bins >= 2**31:
            raise ArgumentError(f"Hashing: num_bins must be below 2**31. Received: num_bins={num_bins}")
        self.mask_value = mask_value
        self.salt = _key(salt)
        self.output_mode = output_mode
        self.sparse = refuse_sparse("Hashing", sparse)
        self.autocast = False

    def call(self, inputs: Any) -> Any:
        """The bins, in the mode of the output."""
        bins = self.num_bins if self.mask_value is None else self.num_bins - 1
        if isinstance(inputs, Tracer):
            whole = inputs if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype("int32")
            ids = hash_integers(whole, max(bins, 1), self.salt).astype("int32")
            masked = whole == self.mask_value if isinstance(self.mask_value, (int, np.integer)) else False
            ids = ids if self.mask_value is None else jnp.where(masked, 0, ids + 1)
        else:
            texts, mask_value = _spelled(inputs), self.mask_value
            ids = hash_strings(texts, max(bins, 1), self.salt).astype("int32")
            if mask_value is not None:
                mask_text = mask_value.decode() if isinstance(mask_value, bytes) else str(mask_value)
                ids = np.where(texts == mask_text, 0, ids + 1)
        ids = ids if bins else ids * 0
        if self.output_mode == "int":
            return jnp.asarray(ids.astype("int32"))
        return encode(ids, self.output_mode, self.num_bins, self.compute_dtype)


class HashedCrossing(TextLayer):
    """The bin of each combination of features: the hash of their hashes modulo the number of bins.

    Args:
        num_bins: how many bins there are.
        output_mode: ``"int"`` or ``"one_hot"``.
        sparse: only False.
        name: the layer's name.
        dtype: a dtype or dtype policy; None: int64 for ``"int"``.

    >>> import numpy as np
    >>> HashedCrossing(5)((np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102]))).tolist()
    [1, 4, 1, 1, 3]
    """

    _traceable = True
    config_excluded = TextLayer.config_excluded | {"trainable"}

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        check_mode("HashedCrossing", output_mode, ("int", "one_hot"))
        dtype = "int64" if dtype is None and output_mode == "int" else dtype
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.num_bins = positive("HashedCrossing", "num_bins", num_bins)
        self.output_mode = output_mode
        self.sparse = refuse_sparse("HashedCrossing", sparse)
        self.autocast = False

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.dtype_policy.name if name == "dtype" else super()._config_value(name, declared_by)

    def _convert(self, value: Any, dtype: str | None) -> Any:
        return type(value)(host_array(v) for v in value) if isinstance(value, (list, tuple)) else host_array(value)

    def call(self, inputs: Any) -> Any:
        """The bins of the combinations.

        Args:
            inputs: two or more features, strings or integers, each of shape (), (batch,) or (batch, 1).
        """
        self._check(inputs)
        if any(isinstance(x, Tracer) for x in inputs):
            if any(x.dtype.kind in "OSU" for x in inputs):
                text_array(next(x for x in inputs if isinstance(x, Tracer)))
            ids = combine([_as_words(jnp.asarray(x)) for x in inputs]) % self.num_bins
        else:
            ids = np.atleast_1d(combine([_fingerprint(x) for x in inputs])) % np.uint64(self.num_bins)
        ids = ids.astype("int32").reshape(inputs[0].shape)
        return (
            jnp.asarray(ids) if self.output_mode == "int" else encode(ids, "one_hot", self.num_bins, self.compute_dtype)
        )

    def _check(self, inputs: Any) -> None:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ArgumentError(
                f"Layer '{self.name}' crosses two or more inputs, in a list or tuple. Received: {type(inputs).__name__}"
            )
        shapes = [tuple(x.shape) for x in inputs]
        if len(set(shapes)) > 1 or len(shapes[0]) > 2 or (len(shapes[0]) == 2 and shapes[0][1] != 1):
            raise ShapeError(
                f"Layer '{self.name}': all inputs must have one shape: (), (batch,) or (batch, 1). Received: {shapes}"
            )
        dtypes = [str(x.dtype) for x in inputs]
        if any(x.dtype.kind not in "iuOSU" for x in inputs):
            raise ArgumentError(f"Layer '{self.name}' crosses strings and integers. Received: dtypes {dtypes}")


def _key(salt: Any) -> list[int] | None:
    if salt is None:
        return None
    values = [salt, salt] if isinstance(salt, (int, np.integer)) else list(salt) if not isinstance(salt, str) else []
    if len(values) != 2 or not all(isinstance(v, (int, np.integer)) for v in values):
        raise ArgumentError(f"salt must be an integer or two of them. Received: salt={salt!r}")
    return [int(v) for v in values]


def _spelled(inputs: Any) -> np.ndarray:
    """Strings as they are, numbers (without what follows the point) in their decimal spelling, in an object array."""
    array = np.asarray(inputs)
    if array.dtype.kind not in "biuf":
        return text_array(array)
    texts = np.empty(array.size, object)
    texts[:] = [str(v) for v in array.astype("int64").ravel().tolist()]
    return texts.reshape(array.shape)


def _fingerprint(x: np.ndarray) -> np.ndarray:
    if x.dtype.kind in "iu":
        return np.atleast_1d(x).astype("int64").astype("uint64").ravel()
    return fingerprints([t.encode() for t in np.atleast_1d(text_array(x)).ravel().tolist()])


def _as_words(x: Any) -> Words:
    """Integers as 64-bit words, negative ones by their two's complement."""
    if x.dtype.itemsize == 8:
        return Words((x >> 32).astype("uint32"), x.astype("uint32"))
    sign = (x < 0).astype("uint32")
    return Words(sign * jnp.uint32(0xFFFFFFFF), x.astype("uint32"))
