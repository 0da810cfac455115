"""Reading HDF5 files of weights without trusting them: groups, arrays and attributes, and nothing else.

The format can lead out of the file (links, external and virtual storage), in circles, and to sizes that no byte stands
for, and damaged files make the C library crash or hang. This reader knows the part of the format in which weights are
written, and keeps one law: every byte of the file counts once. So neither a circle, nor two names for one object, nor
an array larger than what is stored passes, and everything is known before memory is taken for an array.

Reference: The HDF Group, "HDF5 File Format Specification Version 3.0".
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.errors import SerializationError
from ..core.memory import aligned_empty
from .hdf5_chunks import Chunks
from .hdf5_types import Cursor, MalformedError, Text, attribute, dataspace, datatype, filters
from .limits import ATTRIBUTES, DEPTH, OBJECTS
from .sources import Source, opened_source

__all__ = ["Dataset", "Group", "open_hdf5"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NOWHERE = (1 << 64) - 1  # the address of what does not exist
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _EXTERNAL, _LAYOUT = 0x1, 0x2, 0x3, 0x6, 0x7, 0x8
_FILTERS, _ATTRIBUTE, _CONTINUATION, _SYMBOL_TABLE, _ATTRIBUTE_INFO = 0xB, 0xC, 0x10, 0x11, 0x15
_USED = {_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _EXTERNAL, _LAYOUT, _FILTERS, _ATTRIBUTE, _SYMBOL_TABLE,
         _ATTRIBUTE_INFO}  # fmt: skip


class Group:
    """A group: names with what they stand for, reachable also by paths such as ``group["a/b"]``.

    Attributes:
        declared: of the root: bytes of all arrays in the file.
        present: of the root: bytes of the whole file on disk.
        source: of the root: the file.
    """

    declared = present = 0
    source: Any = None

    def __init__(self, name: str, attrs: dict[str, Any], content: dict[str, Any]):
        self.name = name
        self.attrs = attrs
        self._content = content

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __contains__(self, path: str) -> bool:
        return self.get(path) is not None

    def __getitem__(self, path: str) -> Any:
        item = self.get(path)
        if item is None:
            raise KeyError(path)
        return item

    def get(self, path: str, default: Any = None) -> Any:
        """What lies at a path, or `default`."""
        item: Any = self
        for part in path.split("/"):
            if part:
                item = item._content.get(part) if isinstance(item, Group) else None
        return default if item is None else item

    def take(self, other: Group) -> None:
        """Add what another group holds; where both hold a group, its members; where both hold an array, the other's."""
        self.attrs.update(other.attrs)
        for key, item in other.items():
            own = self._content.get(key)
            if isinstance(own, Group) and isinstance(item, Group):
                own.take(item)
            else:
                self._content[key] = item

    def keys(self) -> Any:
        """The names in it."""
        return self._content.keys()

    def items(self) -> Any:
        """Names with what they stand for."""
        return self._content.items()


class Dataset:
    """An array in the file, read by ``dataset[()]``; its shape and dtype are known to fit what is stored."""

    def __init__(
        self, name: str, attrs: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype, read: Any, stored: Any = None
    ):
        self.name = name
        self._stored = stored
        self.attrs = attrs
        self.shape = shape
        self.dtype = dtype
        self._read = read

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def checksum(self) -> Any:
        """What the file says that its checksum is, if it does."""
        return self.attrs.get("crc32")

    @property
    def nbytes(self) -> int:
        """The bytes of its elements."""
        return self.size * self.dtype.itemsize

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        array = self._read()
        return array[key]

    def pieces(self) -> Iterator[Any]:
        """Its bytes, a piece at a time where they are stored one after the other."""
        if self._stored is None:
            yield np.ascontiguousarray(self._read()).reshape(-1).view(np.uint8)
        else:
            yield from self._stored.chunks()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self._read(), dtype)


@contextlib.contextmanager
def open_hdf5(source: Any, shown: Any = None) -> Iterator[Group]:
    """The root group of an HDF5 file, all of whose structure has been checked.

    Args:
        source: a path, a binary file object or a `Source`.
        shown: what to call it in messages.

    Raises:
        SerializationError: not such a file, a damaged one, or one that holds more than groups and arrays of its own.
    """
    with opened_source(source, shown) as opened:
        reader = _Reader(opened)
        root = reader.root()
        reader.check_ranges()
        root.declared, root.present, root.source = reader.declared, opened.present, opened
        yield root


class _Reader:
    def __init__(self, source: Source):
        self.source = source
        self.seen: set[int] = set()  # addresses of structures
        self.left = source.length  # bytes that nothing has claimed yet
        self.ranges: list[tuple[int, int, str]] = []  # bytes of arrays, with their names
        self.declared = 0  # bytes of all arrays
        self.objects = 0
        self.heaps: dict[int, dict[int, bytes]] = {}  # global heaps, which attributes share

    def fail(self, name: str, why: str) -> SerializationError:
        place = f"{name[:100]!r} in it: " if name else ""
        return self.source.refusal(place + why)

    def claim(self, address: int, length: int, name: str) -> bytes:
        """Structural bytes, which may be used once."""
        if address in self.seen:
            raise self.fail(name, "a part of the file is linked to twice, or in a circle")
        self.seen.add(address)
        self.spend(length, name)
        return self.source.read(address, length)

    def spend(self, length: int, name: str) -> None:
        self.left -= length
        if length < 0 or self.left < 0:
            raise self.fail(name, "it claims more bytes than the file has; bytes of the file are claimed twice")

    def reserve(self, at: int, length: int, name: str) -> None:
        """The bytes of an array, which are read later."""
        self.spend(length, name)
        self.ranges.append((at, length, name))

    def check_ranges(self) -> None:
        """Refuse arrays that share bytes."""
        end = 0
        for at, length, name in sorted(self.ranges):
            if length and at < end:
                raise self.fail(name, "its bytes are another array's, too")
            end = max(end, at + length)

    def count(self, name: str) -> None:
        self.objects += 1
        if self.objects > OBJECTS:
            raise self.fail(name, f"there are more than {OBJECTS:,} groups, arrays and attributes")

    # --- objects ----------------------------------------------------------------------------------------------------

    def root(self) -> Group:
        """The file's root, with everything below it."""
        head = self.source.read(0, min(96, self.source.length))
        if not head.startswith(_SIGNATURE):
            raise self.fail("", "it is not an HDF5 file")
        try:
            cursor = Cursor(head)
            cursor.take(8)
            version = cursor.number(1)
            if version in (0, 1):
                cursor.take(4)
                sizes = cursor.numbers("BB")
                cursor.take(9 if version == 0 else 13)
                base, _, end, _, _, root = cursor.numbers("6Q")
            elif version in (2, 3):
                sizes = cursor.numbers("BB")
                cursor.take(1)
                base, _, end, root = cursor.numbers("4Q")
            else:
                raise MalformedError(f"it is written in an unknown version, {version}")
        except MalformedError as error:
            raise self.fail("", str(error)) from None
        if sizes != (8, 8) or base != 0:
            raise self.fail("", "it is written with an unusual size of addresses")
        if end > self.source.length:
            raise self.fail("", f"it is cut short: {self.source.length:,} bytes of {end:,} are there")
        item = self.item("", root, 0)
        if not isinstance(item, Group):
            raise self.fail("", "it begins with an array, not with a group")
        return item

    def item(self, name: str, address: int, depth: int) -> Any:
        """The group or array whose header is at `address`."""
        self.count(name)
        if depth > DEPTH:
            raise self.fail(name, f"groups lie in each other more than {DEPTH} levels deep")
        messages: dict[int, list[bytes]] = {}
        for kind, flags, data in self.messages(name, address):
            if kind in _USED:
                if flags & 2:
                    raise self.fail(name, "a description lies elsewhere in the file, which is not followed")
                messages.setdefault(kind, []).append(data)
        try:
            return self._item(name, messages, depth)
        except MalformedError as error:
            raise self.fail(name, str(error)) from None
        except UnicodeDecodeError:
            raise self.fail(name, "it has a name or an attribute that is no text") from None

    def _item(self, name: str, messages: dict[int, list[bytes]], depth: int) -> Any:
        if any(_dense(data) for data in messages.get(_ATTRIBUTE_INFO, ())):
            raise MalformedError("its attributes are stored in a way that is not read")
        attrs: dict[str, Any] = {}
        if len(messages.get(_ATTRIBUTE, ())) > ATTRIBUTES:
            raise MalformedError(f"it has more than {ATTRIBUTES:,} attributes")
        for data in messages.get(_ATTRIBUTE, ()):
            self.count(name)
            key, value = attribute(data, lambda *place: self.text(name, *place))
            if key in attrs:
                raise MalformedError(f"it has the attribute {key[:100]!r} twice")
            attrs[key] = value
        if _EXTERNAL in messages:
            raise MalformedError("its numbers are stored in another file")
        if _LAYOUT in messages or _DATASPACE in messages:
            return self.dataset(name, attrs, messages)
        content: dict[str, Any] = {}
        for key, address in self.links(name, messages):
            if key in content:
                raise MalformedError(f"{key[:100]!r} is there twice")
            if not key or "/" in key or "\0" in key or key in (".", ".."):
                raise MalformedError(f"it holds something under an impossible name, {key[:100]!r}")
            content[key] = self.item(f"{name}/{key}", address, depth + 1)
        return Group(name or "/", attrs, dict(sorted(content.items())))

    def messages(self, name: str, address: int) -> Iterator[tuple[int, int, bytes]]:
        """Kind, flags and content of every message of an object's header."""
        start = self.source.read(address, 4)
        if start == b"OHDR":
            flags = self.source.read(address + 4, 2)[1]
            before = 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
            width = 1 << (flags & 3)
            size = int.from_bytes(self.source.read(address + before, width), "little")
            ordered = bool(flags & 4)
            blocks = [self.claim(address, before + width + size + 4, name)[before + width : -4]]
        elif start[0] == 1:
            head = self.claim(address, 16, name)
            ordered = None
            blocks = [self.claim(address + 16, int.from_bytes(head[8:12], "little"), name)]
        else:
            raise self.fail(name, "its description is damaged")
        while blocks:
            cursor = Cursor(blocks.pop())
            head_size = 8 if ordered is None else 6 if ordered else 4
            while len(cursor.data) - cursor.at >= head_size:
                if ordered is None:
                    kind, size, flags, _ = cursor.numbers("HHB3s")
                else:
                    kind, size, flags = cursor.numbers("BHB")
                    cursor.take(2 if ordered else 0)
                try:
                    data = cursor.take(size)
                    if kind != _CONTINUATION:
                        yield kind, flags, data
                        continue
                    at, length = Cursor(data).numbers("QQ")
                except MalformedError as error:
                    raise self.fail(name, str(error)) from None
                block = self.claim(at, length, name)
                if ordered is not None:
                    if not block.startswith(b"OCHK"):
                        raise self.fail(name, "its description is damaged")
                    block = block[4:-4]
                blocks.append(block)

    # --- groups -----------------------------------------------------------------------------------------------------

    def links(self, name: str, messages: dict[int, list[bytes]]) -> Iterator[tuple[str, int]]:
        """Names in a group with the addresses of what they stand for."""
        for data in messages.get(_LINK_INFO, ()):
            cursor = Cursor(data)
            _, flags = cursor.numbers("BB")
            cursor.take(8 if flags & 1 else 0)
            if cursor.number(8) != _NOWHERE:
                raise MalformedError(
                    "its members are stored in a way that is not read; write it with h5py's default settings"
                )
        for data in messages.get(_LINK, ()):
            cursor = Cursor(data)
            _, flags = cursor.numbers("BB")
            kind = cursor.number(1) if flags & 8 else 0
            cursor.take((8 if flags & 4 else 0) + (1 if flags & 16 else 0))
            key = cursor.take(cursor.number(1 << (flags & 3))).decode("utf-8")
            if kind != 0:
                raise MalformedError(f"{key[:100]!r} is a link to elsewhere; links are not followed")
            yield key, cursor.number(8)
        for data in messages.get(_SYMBOL_TABLE, ()):
            tree, heap = Cursor(data).numbers("QQ")
            names = self.local_heap(name, heap)
            for _, leaf in self.tree(name, tree, kind=0, key_size=8):
                yield from self.leaf(name, leaf, names)

    def local_heap(self, name: str, address: int) -> bytes:
        signature, size, _, at = Cursor(self.claim(address, 32, name)).numbers("8sQQQ")
        if signature[:4] != b"HEAP":
            raise MalformedError("its list of names is damaged")
        return self.claim(at, size, name)

    def leaf(self, name: str, address: int, names: bytes) -> Iterator[tuple[str, int]]:
        signature, version, _, count = Cursor(self.claim(address, 8, name)).numbers("4sBBH")
        if signature != b"SNOD" or version != 1:
            raise MalformedError("its list of members is damaged")
        cursor = Cursor(self.claim(address + 8, 40 * count, name))
        for _ in range(count):
            at, header, kind = cursor.numbers("QQI")
            cursor.take(20)
            end = names.find(b"\0", at)
            if end < 0:
                raise MalformedError("a name in it is damaged")
            key = names[at:end].decode("utf-8")
            if kind == 2 or header == _NOWHERE:
                raise MalformedError(f"{key[:100]!r} is a link to elsewhere; links are not followed")
            yield key, header

    def tree(self, name: str, root: int, kind: int, key_size: int) -> Iterator[tuple[bytes, int]]:
        """Keys and addresses in the leaves of a B-tree of version 1."""
        waiting = [(root, -1)]
        while waiting:
            address, wanted = waiting.pop()
            signature, found, level, count, _, _ = Cursor(self.claim(address, 24, name)).numbers("4sBBHQQ")
            if signature != b"TREE" or found != kind or wanted not in (-1, level):
                raise MalformedError("its index is damaged")
            cursor = Cursor(self.claim(address + 24, count * (key_size + 8), name))
            for _ in range(count):
                key = cursor.take(key_size)
                child = cursor.number(8)
                if level:
                    waiting.append((child, level - 1))
                else:
                    yield key, child

    def text(self, name: str, length: int, address: int, index: int) -> bytes:
        """A text of any length from a global heap."""
        if length == 0:
            return b""
        if address not in self.heaps:
            start = Cursor(self.source.read(address, 16))
            signature, _, size = start.numbers("4s4sQ")
            if signature != b"GCOL" or size < 16:
                raise MalformedError("its texts are damaged")
            cursor = Cursor(self.claim(address, size, name))
            cursor.take(16)
            found: dict[int, bytes] = {}
            while len(cursor.data) - cursor.at >= 16:
                number, _, taken = cursor.numbers("HHxxxxQ")
                if number == 0:
                    break
                found[number] = cursor.take(taken)
                cursor.align()
            self.heaps[address] = found
        text = self.heaps[address].pop(index, None)  # each is used once
        if text is None or len(text) < length:
            raise MalformedError("a text in it is damaged")
        return text[:length]

    # --- arrays -----------------------------------------------------------------------------------------------------

    def dataset(self, name: str, attrs: dict[str, Any], messages: dict[int, list[bytes]]) -> Dataset:
        """An array, whose bytes are known to be there."""
        for kind in (_DATASPACE, _DATATYPE, _LAYOUT):
            if len(messages.get(kind, ())) != 1:
                raise MalformedError("its description is damaged")
        shape, dtype = dataspace(messages[_DATASPACE][0]), datatype(messages[_DATATYPE][0])
        if isinstance(dtype, Text):
            raise MalformedError("it holds texts of any length, which are no numbers")
        nbytes = math.prod(shape) * dtype.itemsize
        layout = Cursor(messages[_LAYOUT][0])
        version, kind = layout.numbers("BB")
        if version not in (3, 4) or (version == 4 and kind not in (0, 1)):
            where = "in other arrays" if kind == 3 else "in a way that is not read"
            raise MalformedError(f"its numbers are stored {where}; write it with h5py's default settings")
        steps = filters(messages[_FILTERS][0]) if _FILTERS in messages else []
        stored = None
        if kind == 0:
            raw = layout.take(layout.number(2))
            if len(raw) < nbytes:
                raise MalformedError(f"its shape {shape} needs {nbytes:,} bytes, and {len(raw):,} are stored")
            read: Any = np.frombuffer(raw[:nbytes], dtype).reshape(shape).copy
        elif kind == 1:
            at, size = layout.numbers("QQ")
            if nbytes and (at == _NOWHERE or size < nbytes or at + nbytes > self.source.length):
                held = 0 if at == _NOWHERE else min(size, max(0, self.source.length - at))
                raise MalformedError(f"its shape {str(shape)[:100]} needs {nbytes:,} bytes, and {held:,} are stored")
            self.reserve(at, nbytes, name)
            stored = self.source.part(name, at if nbytes else 0, nbytes)
            read = functools.partial(_contiguous, stored, shape, dtype)
        elif kind == 2:
            rank, at = layout.numbers("BQ")
            chunk: tuple[int, ...] = layout.numbers(f"{rank}I")
            if rank != len(shape) + 1 or chunk[-1] != dtype.itemsize or 0 in chunk:
                raise MalformedError("its description is damaged")
            read = Chunks(self, name, at, shape, chunk[:-1], dtype, steps).read
        else:
            raise MalformedError("its numbers are stored in an unknown way")
        self.declared += nbytes
        return Dataset(name, attrs, shape, dtype, read, stored)


def _contiguous(stored: Source, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    array = aligned_empty(shape, dtype, huge_pages=False)
    stored.read_into(0, array)
    return array


def _dense(info: bytes) -> bool:
    """Whether an object's attributes lie in a heap of their own."""
    return info[2 + (2 if info[1] & 1 else 0) :][:8] != b"\xff" * 8
