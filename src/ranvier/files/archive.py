"""Reading zip archives and JSON without trusting them.

An archive is taken apart by its directory, and the directory is held against what stands before each member: both must
say the same, and members must fill the file one after the other, without gaps and without sharing a byte. What a member
unpacks to is counted as it comes, up to a limit that its reader sets, and compared with its checksum.

Reference: PKWARE, "APPNOTE.TXT, .ZIP File Format Specification 6.3.10".
"""

from __future__ import annotations

import contextlib
import json
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.errors import SerializationError
from .limits import DEPTH, MEMBERS, json_bytes, json_items, refusal, unpacked
from .sources import Source, opened_source

__all__ = ["Archive", "Member", "count_items", "json_text", "open_archive", "place_of_directory", "read_json"]

_DIRECTORY = 4 << 20  # bytes
_LARGE = 0xFFFFFFFF  # a size that a further field gives
_DESCRIBED, _KNOWN_FLAGS = 8, 0b1000_0000_1110  # sizes after the data; levels of deflate, UTF-8 names
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Member:
    """What an archive's directory says of a member, checked against the member itself."""

    name: str
    begin: int
    stored: int
    size: int
    checksum: int
    deflated: bool


class Archive:
    """A zip archive whose members do not contradict each other.

    Attributes:
        members: the members by name, without folders.
    """

    def __init__(self, source: Source):
        self._source = source
        self.members = {member.name: member for member in _directory(source) if not member.name.endswith("/")}

    @property
    def present(self) -> int:
        """Bytes of the whole file."""
        return self._source.length

    def refusal(self, name: str | None, why: str) -> SerializationError:
        """The error that names the file and the member."""
        return Source(self._source._file, self._source.path, name).refusal(why)

    def chunks(self, name: str, most: int) -> Iterator[bytes]:
        """A member's bytes as they come, `most` of them; the checksum is compared at their end.

        Raises:
            SerializationError: more bytes than that, or damaged ones.
        """
        member = self.members[name]
        stored = self._source.part(name, member.begin, member.stored)
        checksum = size = 0
        for chunk in _inflated(stored) if member.deflated else stored.chunks():
            size += len(chunk)
            if size > most:
                raise stored.refusal(f"it unpacks to more than {most:,} bytes")
            if size > member.size:
                raise stored.refusal(f"it unpacks to more than the {member.size:,} bytes that the archive says")
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        if size != member.size or checksum != member.checksum:
            raise stored.refusal("it is damaged: its checksum differs")

    def read(self, name: str, most: int) -> bytes:
        """All bytes of a member, if they are at most `most`."""
        return b"".join(self.chunks(name, most))

    @contextlib.contextmanager
    def source(self, name: str) -> Iterator[Source]:
        """A member's bytes at any place: where they lie in the archive, or unpacked to a file without a name."""
        member = self.members[name]
        if not member.deflated:
            for _ in self.chunks(name, self.present):
                pass  # compares the checksum
            yield self._source.part(name, member.begin, member.stored)
            return
        with tempfile.TemporaryFile() as file:
            for chunk in self.chunks(name, unpacked(self.present)):
                file.write(chunk)
            yield Source(file, self._source.path, name, present=self.present)

    def json(self, name: str) -> Any:
        """A member that is JSON; see `read_json`."""
        return read_json(self.read(name, json_bytes(self.present)), self._source.part(name, 0, 0))


@contextlib.contextmanager
def open_archive(source: Any, shown: Any = None) -> Iterator[Archive]:
    """A zip archive at a path or in a binary file object.

    Raises:
        SerializationError: no such archive, a damaged one, or one with members that are no plain files of their own.
    """
    with opened_source(source, shown) as opened:
        yield Archive(opened)


# --- the directory ----------------------------------------------------------------------------------------------------


def _directory(source: Source) -> list[Member]:
    try:
        begin, size, count = place_of_directory(source)
        if size > _DIRECTORY or count > MEMBERS:
            raise source.refusal(f"it has {count:,} members; at most {MEMBERS:,} are read")
        entries = _entries(source, source.read(begin, size), count)
    except struct.error:
        raise source.refusal("its directory is damaged") from None
    position, gaps = 0, (0,)
    names: set[str] = set()
    for offset, described, member in sorted(entries, key=lambda entry: entry[0]):
        if offset - position not in gaps:
            raise source.refusal(f"its member {member.name[:200]!r} overlaps another, or lies after bytes of no member")
        # After a member whose sizes were not known before it, they follow it.
        position, gaps = member.begin + member.stored, (12, 16, 20, 24) if described else (0,)
        folded = member.name.casefold().rstrip("/")
        if folded in names:
            raise source.refusal(f"its member {member.name[:200]!r} is there twice")
        names.add(folded)
    if begin - position not in gaps:
        raise source.refusal("its last member overlaps the directory, or lies before bytes of no member")
    return [member for _, _, member in entries]


def place_of_directory(source: Source) -> tuple[int, int, int]:
    """Where the directory begins, its bytes and its entries."""
    tail = source.read(max(0, source.length - 65_557), min(source.length, 65_557))
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and (len(tail) - at < 22 or len(tail) - at - 22 != int.from_bytes(tail[at + 20 : at + 22], "little")):
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise source.refusal("it is not a zip archive, or it is cut short")
    end = source.length - len(tail) + at
    disk, first, here, count, size, begin, _ = struct.unpack_from("<4H2LH", tail, at + 4)
    if 0xFFFF in (here, count) or _LARGE in (size, begin):
        mark, _, place, _ = struct.unpack("<4sLQL", source.read(end - 20, 20)) if end >= 20 else (b"", 0, 0, 0)
        if mark != b"PK\6\7":
            raise source.refusal("its directory is damaged")
        fields = struct.unpack("<4sQ2H2L4Q", source.read(place, 56))
        disk, first, here, count, size, begin = fields[4:]
        if fields[0] != b"PK\6\6" or place + 12 + fields[1] != end - 20:
            raise source.refusal("its directory is damaged")
        end = place
    if disk or first or here != count:
        raise source.refusal("it is a part of a divided archive")
    if begin + size != end:
        raise source.refusal("its directory is not where it says, or other bytes stand before the archive")
    return begin, size, count


def _entries(source: Source, directory: bytes, count: int) -> list[tuple[int, bool, Member]]:
    """Offset, whether sizes follow the data, and the member, for each entry of the directory."""
    found: list[tuple[int, bool, Member]] = []
    at = 0
    while at < len(directory):
        (mark, _, need, flags, method, _, _, checksum, stored, size, name_size, extra_size, comment_size, disk, _,
         attributes, offset) = struct.unpack_from("<4s6H3L5H2L", directory, at)  # fmt: skip
        raw = directory[at + 46 : at + 46 + name_size]
        extra = directory[at + 46 + name_size : at + 46 + name_size + extra_size]
        at += 46 + name_size + extra_size + comment_size
        if mark != b"PK\1\2" or len(raw) != name_size or len(extra) != extra_size or disk not in (0, 0xFFFF):
            raise source.refusal("its directory is damaged")
        name = _name(source, raw, flags)
        size, stored, offset = _large(extra, size, stored, offset)
        member = Source(source._file, source.path, name)
        if flags & 1:
            raise member.refusal("it is encrypted")
        if flags & ~_KNOWN_FLAGS or (need & 0xFF) > 63:
            raise member.refusal("it is stored in an unknown way")
        if method not in (0, 8):
            raise member.refusal(f"it is compressed by method {method}; only deflate is read")
        if method == 0 and stored != size:
            raise member.refusal(f"it is not compressed, and yet {size:,} bytes are stored in {stored:,}")
        kind = stat.S_IFMT(attributes >> 16)
        if kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG) or (name.endswith("/") and size):
            raise member.refusal("it is a link" if kind == stat.S_IFLNK else "it is no plain file")
        begin = _begin(source, member, offset, raw, (flags, method, checksum, stored, size))
        found.append((offset, bool(flags & _DESCRIBED), Member(name, begin, stored, size, checksum, method == 8)))
    if len(found) != count:
        raise source.refusal(f"its directory has {len(found):,} members, and says {count:,}")
    return found


def _begin(source: Source, member: Source, offset: int, name: bytes, said: tuple[int, int, int, int, int]) -> int:
    """Where a member's bytes begin, after its own description, which must be the directory's."""
    mark, _, flags, method, _, _, checksum, stored, size, name_size, extra_size = struct.unpack(
        "<4s5H3L2H", source.read(offset, 30)
    )
    own_name = source.read(offset + 30, name_size)
    size, stored, _ = _large(source.read(offset + 30 + name_size, extra_size), size, stored, 0)
    own = (flags, method, checksum, stored, size)
    follow = flags & _DESCRIBED and (checksum, stored, size) == (0, 0, 0)
    if mark != b"PK\3\4" or own_name != name or (own != said and not (follow and own[:2] == said[:2])):
        raise member.refusal("what stands before it contradicts the archive's directory")
    source.part(member.member or "", offset, 30 + name_size + extra_size + said[3])
    return offset + 30 + name_size + extra_size


def _large(extra: bytes, size: int, stored: int, offset: int) -> tuple[int, int, int]:
    """Sizes and offset, from the further field where they are too large for the entry itself."""
    values = [size, stored, offset]
    at = 0
    while len(extra) - at >= 4:
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            for i, value in enumerate(values):
                if value == _LARGE:
                    (values[i],), field = struct.unpack_from("<Q", field), field[8:]
        at += 4 + length
    return values[0], values[1], values[2]


def _name(source: Source, raw: bytes, flags: int) -> str:
    """A member's name, which must lead to a place inside whatever folder it is unpacked to."""
    try:
        name = raw.decode("utf-8" if flags & 0x800 else "ascii")
    except UnicodeDecodeError:
        raise source.refusal(f"a member has the name {raw[:100]!r}, which is no text") from None
    steps = name.removesuffix("/").split("/")
    if any(step in ("", ".", "..") or set(step) & set("\\:\0") for step in steps) or len(raw) > 1000:
        raise source.refusal(f"its member {name[:200]!r} has a path that may lead elsewhere")
    return name


def _inflated(stored: Source) -> Iterator[bytes]:
    """What deflate packed, in pieces of bounded size."""
    inflater = zlib.decompressobj(-15)
    try:
        for data in stored.chunks():
            while data and not inflater.eof:
                yield inflater.decompress(data, _CHUNK)
                data = inflater.unconsumed_tail
        while not inflater.eof and (rest := inflater.decompress(inflater.unconsumed_tail, _CHUNK)):
            yield rest
    except zlib.error:
        raise stored.refusal("it is damaged: it cannot be unpacked") from None
    if not inflater.eof or inflater.unused_data:
        raise stored.refusal("it is damaged: its compressed bytes do not end where they should")


# --- JSON -------------------------------------------------------------------------------------------------------------


def read_json(text: bytes, source: Source) -> Any:
    """Plain data from JSON in UTF-8: within bounds, every key once, every number a finite one of at most 64 bits.

    Args:
        text: the bytes.
        source: where they come from, for messages and bounds.

    Raises:
        SerializationError: it is no such text.
    """
    if len(text) > json_bytes(source.present):
        raise source.refusal(f"it has {len(text):,} bytes, too many for JSON")
    if count_items(text) > json_items(source.present):
        raise source.refusal(f"it has {count_items(text):,} items, too many for JSON")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for i, key in enumerate(keys) if key in keys[:i])
            raise source.refusal(f"it has the key {twice[:100]!r} twice")
        return found

    def constant(word: str) -> Any:
        raise source.refusal(f"it holds {word}, which is not JSON")

    def integer(digits: str) -> int:
        if len(digits) > 20 or abs(int(digits)) >= 1 << 64:
            raise source.refusal(f"it holds an integer of {len(digits):,} digits")
        return int(digits)

    def number(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            raise source.refusal(f"it holds the number {digits[:50]}, which is too large")
        return value

    try:
        decoded = text.decode("utf-8")
        value = json.loads(
            decoded, object_pairs_hook=unique, parse_constant=constant, parse_int=integer, parse_float=number
        )
    except SerializationError:
        raise
    except RecursionError:
        raise source.refusal(f"it is more than {DEPTH} levels deep") from None
    except ValueError as error:
        raise source.refusal(f"it is not valid JSON: {str(error)[:100]}") from None
    _check_depth(value, source)
    if "\\ud" in decoded.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise source.refusal("it holds half of a character") from None
    return value


def json_text(value: Any, path: Any) -> str:
    """JSON that `read_json` reads.

    Raises:
        SerializationError: a number that is NaN or infinite, or a key that is no text.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise refusal(path, None, f"the configuration cannot be written as JSON: {error}") from None


def count_items(text: bytes) -> int:
    """At most how many lists, dicts and items in them a JSON text holds."""
    return sum(text.count(mark) for mark in (b"[", b"{", b",", b":"))


def _check_depth(value: Any, source: Source) -> None:
    level = [value]
    for _ in range(DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise source.refusal(f"it is more than {DEPTH} levels deep")
