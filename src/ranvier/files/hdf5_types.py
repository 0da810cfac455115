"""The parts of HDF5's messages that describe data: dtypes, shapes, filters, attributes.

Reference: The HDF Group, "HDF5 File Format Specification Version 3.0", sections IV.A.2.b (dataspace), d (datatype),
l (filter pipeline) and m (attribute).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Cursor", "MalformedError", "Text", "attribute", "dataspace", "datatype", "filters"]

# Size in bytes of each float with its exponent's place and size, its mantissa's size and its bias.
_FLOATS = {2: (10, 5, 10, 15), 4: (23, 8, 23, 127), 8: (52, 11, 52, 1023)}
_CLASSES = ["integers", "floats", "times", "texts", "bits", "opaque bytes", "records", "references to objects",
            "names of numbers", "sequences of any length", "arrays"]  # fmt: skip
_MOST_AXES = 32


class MalformedError(Exception):
    """Why a message cannot be read; the reader adds the object's name."""


class Text(NamedTuple):
    """The dtype of texts of any length, which lie in a heap of the file."""

    itemsize: int = 16
    kind: str = "O"


class Cursor:
    """Reads little-endian numbers from bytes, one after the other, and never beyond their end."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        """The next bytes."""
        if length < 0 or self.at + length > len(self.data):
            raise MalformedError("a description in it is cut short")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, size: int) -> int:
        """The next unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def numbers(self, layout: str) -> tuple[Any, ...]:
        """The next fields as `struct` spells them."""
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def align(self) -> None:
        """Go on at a multiple of eight bytes."""
        self.take(-self.at % 8)


def dataspace(data: bytes) -> tuple[int, ...]:
    """The shape."""
    cursor = Cursor(data)
    version, rank, flags = cursor.numbers("BBB")
    if version == 1:
        cursor.take(5)
    elif version == 2:
        if cursor.number(1) > 1:
            raise MalformedError("it is empty and has no shape")
    else:
        raise MalformedError(f"its shape is written in an unknown version, {version}")
    if rank > _MOST_AXES or (version == 1 and flags & 2):
        raise MalformedError(f"it has {rank} axes; at most {_MOST_AXES} are read")
    shape = cursor.numbers(f"{rank}Q")
    if math.prod(max(size, 1) for size in shape) >= 1 << 56:
        raise MalformedError(f"its shape {str(shape)[:100]} is impossible")
    return shape


def datatype(data: bytes) -> Any:
    """A NumPy dtype, or `Text`."""
    return _datatype(Cursor(data))


def _datatype(cursor: Cursor, inside: bool = False) -> Any:
    head, bits0, bits1, _, size = cursor.numbers("BBBBI")
    kind, version = head & 15, head >> 4
    if not 1 <= version <= 4:
        raise MalformedError(f"its dtype is written in an unknown version, {version}")
    order = ">" if bits0 & 1 else "<"
    if kind == 0:
        offset, precision = cursor.numbers("HH")
        if size in (1, 2, 4, 8) and offset == 0 and precision == 8 * size:
            return np.dtype(f"{order}{'i' if bits0 & 8 else 'u'}{size}")
    elif kind == 1:
        offset, precision, exponent_at, exponent, mantissa_at, mantissa, bias = cursor.numbers("HHBBBBI")
        usual = (exponent_at, exponent, mantissa, bias) == _FLOATS.get(size)
        if usual and (offset, precision, mantissa_at) == (0, 8 * size, 0) and not bits0 & 64 and bits1 == 8 * size - 1:
            return np.dtype(f"{order}f{size}")
    elif kind == 3 and not inside and 0 < size < 1 << 16:
        return np.dtype(f"S{size}")
    elif kind == 5 and not inside and size == 2:
        return np.dtype("V2")  # numbers that HDF5 does not know, such as bfloat16
    elif kind == 6 and not inside:
        return _complex(cursor, version, bits0 | bits1 << 8, size)
    elif kind == 8 and not inside:
        return _boolean(cursor, version, bits0 | bits1 << 8)
    elif kind == 9 and not inside and bits0 & 15 == 1 and size == 16:
        return Text()
    name = _CLASSES[kind] if kind < len(_CLASSES) else "unknown things"
    raise MalformedError(f"it holds {name} of {size:,} bytes, which are no numbers that can be read")


def _boolean(cursor: Cursor, version: int, count: int) -> np.dtype:
    base = _datatype(cursor, inside=True)
    names = [_name(cursor, version) for _ in range(count)] if count == 2 else []
    if base != np.int8 or names != [b"FALSE", b"TRUE"] or cursor.take(2) != b"\0\1":
        raise MalformedError("it holds names of numbers, other than FALSE and TRUE")
    return np.dtype(bool)


def _complex(cursor: Cursor, version: int, count: int, size: int) -> np.dtype:
    if count != 2 or size not in (8, 16):
        raise MalformedError("it holds records, which are no numbers")
    for place, wanted in ((0, b"r"), (size // 2, b"i")):
        name = _name(cursor, version)
        at = cursor.number(4 if version < 3 else 1)
        if version == 1:
            cursor.take(28)
        base = _datatype(cursor, inside=True)
        if (name, at) != (wanted, place) or base != np.dtype(f"<f{size // 2}"):
            raise MalformedError("it holds records, which are no numbers")
    return np.dtype(f"<c{size}")


def _name(cursor: Cursor, version: int) -> bytes:
    end = cursor.data.find(b"\0", cursor.at)
    name = cursor.take(end - cursor.at)
    cursor.take(1)
    if version < 3:
        cursor.take(-(len(name) + 1) % 8)
    return name


def filters(data: bytes) -> list[int]:
    """The numbers of the filters that stored chunks went through, in that order."""
    cursor = Cursor(data)
    version, count = cursor.numbers("BB")
    if version == 1:
        cursor.take(6)
    elif version != 2:
        raise MalformedError("its compression is unknown")
    found = []
    for _ in range(count):
        number = cursor.number(2)
        length = cursor.number(2) if version == 1 or number >= 256 else 0
        _, values = cursor.numbers("HH")
        cursor.take(length + (-length % 8 if version == 1 else 0))
        cursor.take(4 * (values + (values % 2 if version == 1 else 0)))
        if number not in (1, 2):
            raise MalformedError(f"it is compressed by filter {number}; only gzip and shuffle are read")
        found.append(number)
    if len(found) > len(set(found)):
        raise MalformedError("it is compressed more than once")
    return found


def attribute(data: bytes, text: Callable[[int, int, int], bytes]) -> tuple[str, Any]:
    """Name and value of an attribute.

    Args:
        data: the message.
        text: reads a text of any length from the file's heap: (length, address, index) → bytes.
    """
    cursor = Cursor(data)
    version, flags, name_size, type_size, space_size = cursor.numbers("BBHHH")
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise MalformedError("it has an attribute of an unknown kind")
    if version == 3:
        cursor.take(1)
    fields = []
    for size in (name_size, type_size, space_size):
        fields.append(cursor.take(size))
        if version == 1:
            cursor.align()
    name = fields[0].split(b"\0")[0].decode("utf-8")
    dtype, shape = datatype(fields[1]), dataspace(fields[2])
    count = 1
    for size in shape:
        count *= size
    raw = cursor.take(count * dtype.itemsize)
    if isinstance(dtype, Text):
        items = [text(*struct.unpack_from("<IQI", raw, 16 * i)).decode("utf-8") for i in range(count)]
        array: Any = np.empty(count, object)
        array[:] = items
        array = array.reshape(shape)
    else:
        array = np.frombuffer(raw, dtype).reshape(shape)
    return name, array[()] if shape == () else array
