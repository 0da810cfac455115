"""The safetensors format: a length, a JSON header with names, dtypes, shapes and places, then the numbers themselves.

The format is that of https://github.com/huggingface/safetensors: little-endian, without gaps, nothing that can run.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import mmap
import os
from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import SerializationError
from .archive import read_json
from .atomic import replacing
from .sources import Source

__all__ = ["Tensor", "read_tensors", "write_tensors"]

_LARGEST_HEADER = 100_000_000  # bytes, as the format says
_DTYPES: dict[str, Any] = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16, "U32": np.uint32,
    "I32": np.int32, "U64": np.uint64, "I64": np.int64, "F16": np.float16, "BF16": jnp.bfloat16, "F32": np.float32,
    "F64": np.float64, "F8_E4M3": jnp.float8_e4m3fn, "F8_E5M2": jnp.float8_e5m2, "C64": np.complex64,
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}


class Tensor:
    """An array in an open file, read when it is asked for by ``tensor[()]``."""

    def __init__(self, buffer: memoryview, dtype: np.dtype, shape: tuple[int, ...]):
        self._buffer = buffer
        self.dtype = dtype
        self.shape = shape

    def __getitem__(self, key: Any) -> np.ndarray:
        return np.frombuffer(self._buffer, self.dtype).reshape(self.shape)[key].copy()


def write_tensors(path: str, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays under their names; the file that was there stays whole until the new one is.

    Args:
        path: the file.
        arrays: arrays, or functions without arguments that give them, by name.
        metadata: texts about the file.

    Raises:
        SerializationError: a dtype that the format does not know.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name, array in arrays.items():
        dtype = np.dtype(array.dtype)
        if dtype not in _NAMES:
            raise SerializationError(f"safetensors files hold no {dtype}, which {name!r} is of.")
        size = math.prod(array.shape) * dtype.itemsize
        header[name] = {
            "dtype": _NAMES[dtype],
            "shape": list(array.shape),
            "data_offsets": [position, position + size],
        }
        position += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in arrays.values():
            values = np.ascontiguousarray(array)
            numbers: Any = values.reshape(-1).view(np.uint8)  # JAX runs on little-endian machines only
            file.write(numbers)


@contextlib.contextmanager
def read_tensors(path: str) -> Iterator[dict[str, Tensor]]:
    """The arrays of a file by name, in the order of their places. Nothing but the header is read yet.

    Raises:
        SerializationError: not such a file, one that is cut short, or a header that does not describe its bytes exactly.
    """
    shown = os.path.basename(path)
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, _LARGEST_HEADER):
            raise SerializationError(f"{shown!r} is not a safetensors file, or it is cut short.")
        places = _places(file.read(length), size - 8 - length, shown)
        with contextlib.ExitStack() as stack:
            content = memoryview(b"")
            if size > 8 + length:
                mapped = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                content = stack.enter_context(memoryview(mapped))
            found: dict[str, Tensor] = {}
            for name, (dtype, shape, begin, end) in places.items():
                part = stack.enter_context(content[8 + length + begin : 8 + length + end])
                found[name] = Tensor(part, dtype, shape)
            yield found


def _places(header: bytes, size: int, shown: str) -> dict[str, tuple[np.dtype, tuple[int, ...], int, int]]:
    """Dtype, shape, begin and end of every tensor, sorted by begin; they must fill the bytes without gap or overlap."""
    try:
        described = read_json(header, Source(io.BytesIO(), shown, "header", present=size + len(header)))
        if not isinstance(described, dict):
            raise TypeError
        described.pop("__metadata__", None)
        entries = []
        for name, entry in described.items():
            begin, end = entry["data_offsets"]
            shape = tuple(entry["shape"])
            if entry["dtype"] not in _DTYPES:
                raise SerializationError(
                    f"{shown!r}: {name[:100]!r} has the dtype {str(entry['dtype'])[:20]!r}, which is unknown."
                )
            if len(shape) > 32 or not all(
                isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in (*shape, begin, end)
            ):
                raise TypeError
            entries.append((begin, end, name, np.dtype(_DTYPES[entry["dtype"]]), shape))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, SerializationError):
            raise
        raise SerializationError(f"The header of {shown!r} does not describe tensors.") from None
    position = 0
    found = {}
    for begin, end, name, dtype, shape in sorted(entries):
        if begin != position or end - begin != math.prod(shape) * dtype.itemsize:
            raise SerializationError(
                f"{shown!r}: {name[:100]!r} does not have the bytes that its shape {shape[:8]} needs."
            )
        position = end
        found[name] = (dtype, shape, begin, end)
    if position != size:
        raise SerializationError(f"{shown!r} has {size:,} bytes of numbers; its header describes {position:,}.")
    return found
