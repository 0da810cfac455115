"""The safetensors format: a length, a JSON header with names, dtypes, shapes and places, then the numbers themselves.

The format is that of https://github.com/huggingface/safetensors: little-endian, without gaps, nothing that can run.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import SerializationError
from ..core.memory import aligned_empty
from .atomic import replacing
from .checksums import checksum_meanwhile
from .sources import Source, opened_source
from .strict_json import read_json

__all__ = ["Tensor", "read_tensors", "write_tensors"]

_CHECKSUMS = "ranvier.crc32"  # the note with the CRC-32 of every tensor
_LARGEST_HEADER = 100_000_000  # bytes, as the format says
_DTYPES: dict[str, Any] = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16, "U32": np.uint32,
    "I32": np.int32, "U64": np.uint64, "I64": np.int64, "F16": np.float16, "BF16": jnp.bfloat16, "F32": np.float32,
    "F64": np.float64, "F8_E4M3": jnp.float8_e4m3fn, "F8_E5M2": jnp.float8_e5m2, "C64": np.complex64,
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}


class Tensor:
    """An array in an open file, read when it is asked for by ``tensor[()]``."""

    def __init__(self, source: Source, dtype: np.dtype, shape: tuple[int, ...], checksum: int | None = None):
        self._source = source
        self.name = source.member or ""
        self.dtype = dtype
        self.shape = shape
        self.checksum = checksum

    def __getitem__(self, key: Any) -> np.ndarray:
        array = aligned_empty(self.shape, self.dtype, huge_pages=False)
        self._source.read_into(0, array)
        return array[key]

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, a piece at a time."""
        return self._source.chunks()


def write_tensors(path: str, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays under their names; the file that was there stays whole until the new one is.

    Args:
        path: the file.
        arrays: arrays, or functions without arguments that give them, by name.
        metadata: texts about the file.

    Raises:
        SerializationError: a dtype that the format does not know.
    """
    notes = {**(metadata or {}), _CHECKSUMS: ""}
    header: dict[str, Any] = {"__metadata__": notes}
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
    found = [0] * len(arrays)
    with replacing(path) as file:
        _write_header(file, header, found)
        for i, array in enumerate(arrays.values()):
            values = np.ascontiguousarray(array).reshape(array.shape)
            numbers: Any = values.reshape(-1).view(np.uint8)  # JAX runs on little-endian machines only
            with checksum_meanwhile(values) as number:
                file.write(numbers)
                found[i] = number()
        file.seek(0)
        _write_header(file, header, found)  # as long as before


def _write_header(file: Any, header: dict[str, Any], checksums: list[int]) -> None:
    header["__metadata__"][_CHECKSUMS] = " ".join(f"{number:08x}" for number in checksums)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)


@contextlib.contextmanager
def read_tensors(path: str) -> Iterator[dict[str, Tensor]]:
    """The arrays of a file by name, in the order of their places. Nothing but the header is read yet.

    Raises:
        SerializationError: not such a file, one that is cut short, or a header that does not describe its bytes exactly.
    """
    shown = os.path.basename(path)
    with opened_source(path, shown) as source:
        length = int.from_bytes(source.read(0, min(8, source.length)), "little")
        if source.length < 8 or length > min(source.length - 8, _LARGEST_HEADER):
            raise SerializationError(f"{shown!r} is not a safetensors file, or it is cut short.")
        start = 8 + length
        yield {
            name: Tensor(source.part(name, start + begin, end - begin), dtype, shape, said)
            for name, (dtype, shape, begin, end, said) in _places(source.part("header", 8, length), shown).items()
        }


def _places(header: Source, shown: str) -> dict[str, tuple[np.dtype, tuple[int, ...], int, int, int | None]]:
    """Dtype, shape, begin, end and checksum of every tensor, sorted by begin.

    They must fill the bytes behind the header without gap or overlap.
    """
    size = header.present - header.start - header.length
    try:
        described = read_json(header.read(0, header.length), header)
        if not isinstance(described, dict):
            raise TypeError
        said = _said(described.pop("__metadata__", None), described)
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
        found[name] = (dtype, shape, begin, end, said.get(name))
    if position != size:
        raise SerializationError(f"{shown!r} has {size:,} bytes of numbers; its header describes {position:,}.")
    return found


def _said(notes: Any, described: dict[str, Any]) -> dict[str, int]:
    """The checksums that the header gives, in its own order of tensors; files of others have none."""
    text = notes.get(_CHECKSUMS) if isinstance(notes, dict) else None
    if text is None:
        return {}
    numbers = [int(word, 16) for word in text.split()]
    if len(numbers) != len(described):
        raise ValueError
    return dict(zip(described, numbers, strict=True))
