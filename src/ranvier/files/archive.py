"""Reading zip archives without trusting them: the one reader of models, checkpoints, data sets and downloads.

An archive is taken apart by its directory, and the directory is held against what stands before each member: both must
say the same, and members must fill the file one after the other, without gaps and without sharing a byte. What a member
unpacks to is counted as it comes, up to a limit that its reader sets, and compared with its checksum. What an archive
may be beyond that, its reader says by `Rules`.

Reference: PKWARE, "APPNOTE.TXT, .ZIP File Format Specification 6.3.10".
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import SerializationError
from .limits import MEMBERS, json_bytes, unpacked
from .sources import Source, opened_source
from .strict_json import read_json

__all__ = ["Archive", "Member", "Rules", "open_archive"]

_STORED, _DEFLATE, _BZIP2, _LZMA = 0, 8, 12, 14  # methods of compression
_METHODS = {_STORED: "none", _DEFLATE: "deflate", _BZIP2: "bzip2", _LZMA: "LZMA"}
_DICTIONARY = 128 << 20  # bytes that unpacking LZMA may take
_LARGE = 0xFFFFFFFF  # a size that a further field gives
_DESCRIBED, _KNOWN_FLAGS = 8, 0b1000_0000_1110  # sizes after the data; levels of deflate, UTF-8 names
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Rules:
    """What an archive may be.

    Attributes:
        members: how many members it may have.
        directory: the bytes that the list of them may take.
        methods: how members may be compressed: 0 (not at all), 8 (deflate), 12 (bzip2), 14 (LZMA).
        foreign: whether any program may have made it: names may be in the code page of old PCs and may lead anywhere,
            which the reader then checks; else they lead inside, are spelled in one way, and differ in more than case.
    """

    members: int = MEMBERS
    directory: int = 4 << 20
    methods: tuple[int, ...] = (_STORED, _DEFLATE)
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """What an archive's directory says of a member, checked against the member itself."""

    name: str
    begin: int
    stored: int
    size: int
    checksum: int
    method: int


class Archive:
    """A zip archive whose members do not contradict each other.

    Attributes:
        members: the members by name, without folders.
        folders: the names of folders that have entries of their own.
    """

    def __init__(self, source: Source, rules: Rules):
        self._source = source
        found = _directory(source, rules)
        self.members = {member.name: member for member in found if not member.name.endswith("/")}
        self.folders = [member.name for member in found if member.name.endswith("/")]

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
        for chunk in _expanded(stored, member) if member.method else stored.chunks():
            size += len(chunk)
            if size > most:
                raise stored.refusal(f"it unpacks to more than {most:,} bytes")
            if size > member.size:
                raise stored.refusal(f"it unpacks to more than the {member.size:,} bytes that the archive says")
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        if size != member.size or checksum != member.checksum:
            raise stored.refusal("it is damaged: its checksum differs")

    def read(self, name: str, most: int) -> bytearray:
        """All bytes of a member, if they are at most `most`; nothing is allocated for bytes that are only claimed."""
        member = self.members[name]
        content = bytearray()
        if member.method or member.size > most:
            for chunk in self.chunks(name, most):
                content += chunk
            return content
        content = bytearray(member.size)  # as many as are stored, which are there
        stored = self._source.part(name, member.begin, member.stored)
        stored.read_into(0, np.frombuffer(content, np.uint8))
        if zlib.crc32(content) != member.checksum:
            raise stored.refusal("it is damaged: its checksum differs")
        return content

    @contextlib.contextmanager
    def source(self, name: str) -> Iterator[Source]:
        """A member's bytes at any place: where they lie in the archive, or unpacked to a file without a name."""
        member = self.members[name]
        if not member.method:
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
def open_archive(source: Any, shown: Any = None, rules: Rules | None = None) -> Iterator[Archive]:
    """A zip archive at a path or in a binary file object.

    Args:
        source: where it is.
        shown: what to call it in messages; None: by its path.
        rules: what it may be; None: what a model's file may be.

    Raises:
        SerializationError: no such archive, a damaged one, or one with members that are no plain files of their own or
            break the rules.
    """
    with opened_source(source, shown) as opened:
        yield Archive(opened, Rules() if rules is None else rules)


# --- the directory ----------------------------------------------------------------------------------------------------


def _directory(source: Source, rules: Rules) -> list[Member]:
    try:
        begin, size, count = _place_of_directory(source)
        if count > rules.members:
            raise source.refusal(f"it has more than {rules.members:,} members: {count:,}")
        if size > rules.directory:
            raise source.refusal(f"its list of members takes {size:,} bytes; at most {rules.directory:,} are read")
        entries = _entries(source, source.read(begin, size), count, rules)
    except struct.error:
        raise source.refusal("its directory is damaged") from None
    position, gaps = 0, (0,)
    names: set[str] = set()
    for offset, described, member in sorted(entries, key=lambda entry: entry[0]):
        if offset - position not in gaps:
            raise source.refusal(f"its member {member.name[:200]!r} overlaps another, or lies after bytes of no member")
        # After a member whose sizes were not known before it, they follow it.
        position, gaps = member.begin + member.stored, (12, 16, 20, 24) if described else (0,)
        name = member.name if rules.foreign else member.name.casefold().rstrip("/")
        if name in names:
            raise source.refusal(f"its member {member.name[:200]!r} is there twice")
        names.add(name)
    if begin - position not in gaps:
        raise source.refusal("its last member overlaps the directory, or lies before bytes of no member")
    return [member for _, _, member in entries]


def _place_of_directory(source: Source) -> tuple[int, int, int]:
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


def _entries(source: Source, directory: bytes, count: int, rules: Rules) -> list[tuple[int, bool, Member]]:
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
        name = _name(source, raw, flags, rules.foreign)
        size, stored, offset = _large(extra, size, stored, offset)
        member = Source(source._file, source.path, name)
        if flags & 1:
            raise member.refusal("it is encrypted")
        if flags & ~_KNOWN_FLAGS or (need & 0xFF) > 63:
            raise member.refusal("it is stored in an unknown way")
        if method not in rules.methods:
            known = ", ".join(_METHODS[known] for known in rules.methods)
            raise member.refusal(f"it is compressed by method {method}; what is read: {known}")
        if method == _STORED and stored != size:
            raise member.refusal(f"it is not compressed, and yet {size:,} bytes are stored in {stored:,}")
        kind = stat.S_IFMT(attributes >> 16)
        if kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG) or (name.endswith("/") and size):
            raise member.refusal("it is a link" if kind == stat.S_IFLNK else "it is a device or another special file")
        begin, described = _begin(source, member, offset, raw, (flags, method, checksum, stored, size), rules.foreign)
        found.append((offset, described, Member(name, begin, stored, size, checksum, method)))
    if len(found) != count:
        raise source.refusal(f"its directory has {len(found):,} members, and says {count:,}")
    return found


def _begin(
    source: Source, member: Source, offset: int, name: bytes, said: tuple[int, int, int, int, int], foreign: bool
) -> tuple[int, bool]:
    """Where a member's bytes begin, after its own description, which must be the directory's; and whether sizes follow."""
    mark, _, flags, method, _, _, checksum, stored, size, name_size, extra_size = struct.unpack(
        "<4s5H3L2H", source.read(offset, 30)
    )
    own_name = source.read(offset + 30, name_size)
    size, stored, _ = _large(source.read(offset + 30 + name_size, extra_size), size, stored, 0)
    same = method == said[1] and (foreign or flags == said[0])
    described = bool((flags | said[0]) & _DESCRIBED)
    for own, listed in zip((checksum, stored, size), said[2:], strict=True):
        # What was not known yet when the description was written follows the data.
        same = same and (own == listed or (described and own in (0, _LARGE)))
    if mark != b"PK\3\4" or own_name != name or not same:
        raise member.refusal("what stands before it contradicts the archive's directory")
    source.part(member.member or "", offset, 30 + name_size + extra_size + said[3])
    return offset + 30 + name_size + extra_size, described


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


def _name(source: Source, raw: bytes, flags: int, foreign: bool) -> str:
    """A member's name, which must lead to a place inside whatever folder it is unpacked to, unless the reader checks that."""
    try:
        name = raw.decode("utf-8" if flags & 0x800 else "cp437" if foreign else "ascii")
    except UnicodeDecodeError:
        raise source.refusal(f"a member has the name {raw[:100]!r}, which is no text") from None
    if foreign:
        return name
    steps = name.removesuffix("/").split("/")
    if any(step in ("", ".", "..") or set(step) & set("\\:\0") for step in steps) or len(raw) > 1000:
        raise source.refusal(f"its member {name[:200]!r} has a path that may lead elsewhere")
    return name


# --- what members unpack to -------------------------------------------------------------------------------------------


def _expanded(stored: Source, member: Member) -> Iterator[bytes]:
    """What was compressed, in pieces of bounded size."""
    start = 0
    try:
        if member.method == _DEFLATE:
            unpacker: Any = _Inflater()
        elif member.method == _BZIP2:
            unpacker = bz2.BZ2Decompressor()
        else:
            unpacker, start = _lzma(stored), 9
        for data in stored.part(member.name, start, stored.length - start).chunks():
            if unpacker.eof:
                raise EOFError
            yield unpacker.decompress(data, _CHUNK)
            while not (unpacker.needs_input or unpacker.eof):
                yield unpacker.decompress(b"", _CHUNK)
    except SerializationError:
        raise
    except (zlib.error, lzma.LZMAError, OSError, ValueError):
        raise stored.refusal("it is damaged: it cannot be unpacked") from None
    except EOFError:
        raise stored.refusal("it is damaged: its compressed bytes do not end where they should") from None
    # LZMA may leave its end unmarked; that all bytes came is known from their number and checksum.
    if unpacker.unused_data or not (unpacker.eof or member.method == _LZMA):
        raise stored.refusal("it is damaged: its compressed bytes do not end where they should")


class _Inflater:
    """Deflate with the methods of the standard library's other unpackers."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-15)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        return not (self._full or self._inflater.unconsumed_tail or self._inflater.eof)

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        found = self._inflater.decompress(self._inflater.unconsumed_tail + data, most)
        self._full = len(found) == most  # so there may be more of it inside
        return found


def _lzma(stored: Source) -> lzma.LZMADecompressor:
    """An unpacker by the nine bytes that stand before the compressed ones: two of version and length, five of properties."""
    _, length, first, dictionary = struct.unpack("<2sHBL", stored.read(0, 9))
    if length != 5 or first >= 9 * 5 * 5:
        raise ValueError
    if dictionary > _DICTIONARY:
        raise stored.refusal(f"unpacking it takes {dictionary:,} bytes of memory")
    properties = {"lc": first % 9, "lp": first // 9 % 5, "pb": first // 45, "dict_size": dictionary}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **properties}])
