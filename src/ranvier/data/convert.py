"""What users hold, as NumPy or jax arrays: arrays, tensors of other frameworks, tables, lists of numbers, nested.

Floats become `floatx()`, as in Keras; integers, uint8 and bool stay, so that images travel in one byte a pixel.
A list of numbers is data; a list of arrays is several inputs.
"""

from __future__ import annotations

import numbers
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import settings
from ..core.errors import DataError
from ..core.variables import Variable
from .lazy import Rows, is_lazy
from .tables import frame_values, series_values

__all__ = ["describe", "is_from", "read"]


def is_from(value: Any, package: str, *names: str) -> bool:
    """Whether `value`'s class, or a base of it, is one of `names` of `package`; nothing is imported to find out."""
    return any(c.__module__.partition(".")[0] == package and c.__name__ in names for c in type(value).__mro__)


def describe(value: Any) -> str:
    """A few words on a value for a message."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{kind} of dtype {value.dtype} and shape {tuple(value.shape)}"
    text = repr(value)
    return f"{kind} {text if len(text) <= 60 else text[:57] + '...'}"


def read(value: Any, name: str) -> Any:
    """`value` with every leaf as an array whose first axis counts samples.

    Args:
        value: an array-like, or lists, tuples and dicts of them; None stays.
        name: what messages call it.

    Returns:
        The same structure of NumPy arrays, jax arrays, and `Rows` for what should stay in its file.

    Raises:
        DataError: something that is no array of numbers.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        kind = OrderedDict if isinstance(value, OrderedDict) else dict
        return kind((key, read(item, f"{name}[{key!r}]")) for key, item in value.items())
    if isinstance(value, range):
        return _from_numbers(value, name)
    if isinstance(value, (list, tuple)):
        if not _holds_arrays(value):
            return _from_numbers(value, name)
        items = [read(item, f"{name}[{i}]") for i, item in enumerate(value)]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return _leaf(value, name)


def _holds_arrays(value: Any) -> bool:
    """Whether a list or tuple holds arrays (several inputs), not numbers (one)."""
    if not value:
        return False
    if any(isinstance(item, Mapping) or getattr(item, "ndim", 0) or _is_tensor(item) for item in value):
        return True
    # A long list of rows of numbers is not searched to its last row.
    return any(isinstance(item, (list, tuple)) and _holds_arrays(item) for item in value[:8])


def _is_tensor(item: Any) -> bool:
    return not isinstance(item, np.generic) and bool(getattr(item, "shape", ()))


def _from_numbers(value: Any, name: str) -> np.ndarray:
    if not len(value):
        raise DataError(f"{name} is empty. It should hold at least one sample.")
    try:
        array = np.asarray(value)
    except ValueError:
        raise DataError(
            f"{name} is a list whose rows have different lengths. Rows of one array must be equally long; "
            "pad them with utils.pad_sequences."
        ) from None
    return _from_numpy(array, name)


def _leaf(value: Any, name: str) -> Any:
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, jax.Array):
        return _from_jax(value, name)
    if isinstance(value, np.ndarray) and not is_lazy(value):
        return _from_numpy(value, name)
    return _foreign(value, name)


def _foreign(value: Any, name: str) -> Any:
    """A leaf of another library."""
    if is_from(value, "pandas", "DataFrame"):
        return _from_numpy(frame_values(value, name), name)
    if is_from(value, "pandas", "Series", "Index", "ExtensionArray"):
        return _from_numpy(series_values(value, name), name)
    if hasattr(value, "tocoo") or is_from(value, "tensorflow", "SparseTensor") or is_from(value, "jax", "JAXSparse"):
        raise DataError(
            f"{name} is sparse; ranvier computes with dense arrays. Use {name}.toarray(), or feed dense batches."
        )
    if is_from(value, "tensorflow", "RaggedTensor"):
        raise DataError(f"{name} is ragged. Use {name}.to_tensor() to pad its rows to one length.")
    if is_from(value, "torch", "Tensor"):
        value = value.detach().cpu()
        return _from_numpy((value.float() if "bfloat16" in str(value.dtype) else value).numpy(), name)
    if is_from(value, "tensorflow", "Tensor", "Variable"):
        return _from_numpy(np.asarray(value.numpy()), name)
    if isinstance(value, (str, bytes, numbers.Number, np.generic)):
        raise DataError(f"{name} must be an array with one row a sample. Received: {describe(value)}")
    if isinstance(value, Rows):
        return value
    if is_lazy(value):
        if not _is_number_type(value.dtype) or len(value.shape) == 0:
            raise DataError(f"{name} must hold numbers, one row a sample. Received: {describe(value)}")
        return Rows(value)
    if hasattr(value, "__array__"):
        return _from_numpy(np.asarray(value), name)
    raise DataError(
        f"{name} must be an array, a table, a list of numbers, or a list or dict of arrays. Received: {describe(value)}"
    )


def _is_number_type(dtype: Any) -> bool:
    return jnp.issubdtype(dtype, np.number) or np.dtype(dtype).kind == "b"


def _from_jax(array: jax.Array, name: str) -> Any:
    if array.ndim == 0:
        raise DataError(f"{name} must be an array with one row a sample. Received: {describe(array)}")
    if jnp.issubdtype(array.dtype, np.floating) and array.dtype != jnp.dtype(settings.floatx()):
        return _from_numpy(np.asarray(array), name)
    return array


def _from_numpy(array: np.ndarray, name: str) -> np.ndarray:
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise DataError(f"{name} is a masked array with masked entries. Fill them first: {name}.filled(value).")
        array = array.data
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    if not _is_number_type(array.dtype):
        text = array.dtype.kind in "US"
        advice = (
            "Turn text into numbers first, with layers.StringLookup or layers.TextVectorization: x = layer(x)"
            if text
            else "Convert it to numbers first"
        )
        raise DataError(f"{name} must hold numbers. Received: {describe(array)}. {advice}.")
    if array.ndim == 0:
        raise DataError(f"{name} must be an array with one row a sample. Received: {describe(array)}")
    if jnp.issubdtype(array.dtype, np.floating):
        floatx = jnp.dtype(settings.floatx())
        if array.dtype != floatx:
            with np.errstate(over="ignore", under="ignore"):  # what does not fit becomes infinite, and is warned about
                array = array.astype(floatx)
    elif array.dtype.itemsize == 8 and array.dtype.kind in "iu" and not jax.config.read("jax_enable_x64"):
        array = _narrow(array, name)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _narrow(array: np.ndarray, name: str) -> np.ndarray:
    """64-bit integers in the 32 bits that the device computes in, refused where they do not fit."""
    target = np.dtype(f"{array.dtype.kind}4")
    limits = np.iinfo(target)
    if array.size and not (limits.min <= array.min() and array.max() <= limits.max):
        raise DataError(
            f"{name} holds integers from {array.min()} to {array.max()}, which do not fit the {target} that ranvier "
            "computes "
            "with. Convert them to floats, or switch on 64 bits: config.set_floatx('float64')."
        )
    return array.astype(target)


def _from_objects(array: np.ndarray, name: str) -> np.ndarray:
    try:
        values = np.array(array.tolist())
    except ValueError:
        raise DataError(
            f"{name} is an object array whose rows have different lengths. Pad them with utils.pad_sequences."
        ) from None
    if values.dtype.kind == "O":
        odd = next(v for v in values.flat if not isinstance(v, numbers.Number))
        raise DataError(f"{name} must hold numbers. Received: an object array that holds {odd!r}.")
    return values
