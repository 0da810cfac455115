"""The one reader of zip archives: what its rules allow and refuse, beside the corpus of tests/hostile."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest

from ranvier.core.errors import SerializationError
from ranvier.files.archive import Rules, open_archive

from ..hostile.zips import Entry, written

FOREIGN = Rules(foreign=True)


def contents(data: bytes, rules: Rules | None = None) -> dict[str, bytes]:
    with open_archive(io.BytesIO(data), "a.zip", rules) as archive:
        return {name: bytes(archive.read(name, 10_000_000)) for name in archive.members}


def refused(data: bytes, rules: Rules | None, why: str) -> None:
    with pytest.raises(SerializationError, match=why):
        contents(data, rules)


def test_the_number_of_members_and_the_room_for_their_list_are_limited():
    data = written([Entry(b"a", b"1"), Entry(b"b", b"2")])
    assert contents(data, Rules(members=2)) == {"a": b"1", "b": b"2"}
    refused(data, Rules(members=1), "more than 1 members: 2")
    refused(data, Rules(directory=90), "list of members takes 94 bytes; at most 90 are read")


def test_names_and_flags_of_foreign_archives():
    for entries, why in (
        ([Entry(b"A", b"1"), Entry(b"a", b"2")], "'a' is there twice"),
        ([Entry("é".encode("cp437"), b"1")], "is no text"),
        ([Entry(b"../a", b"1")], "may lead elsewhere"),
        ([Entry(b"a", b"1", local={"flags": 1 << 11})], "contradicts the archive's directory"),
    ):
        refused(written(entries), None, why)
        assert len(contents(written(entries), FOREIGN)) == len(entries)
    refused(written([Entry(b"a", b"1"), Entry(b"a", b"2")]), FOREIGN, "'a' is there twice")


def test_methods():
    for method, name in ((zipfile.ZIP_BZIP2, 12), (zipfile.ZIP_LZMA, 14)):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("a", b"hello" * 1000)
        refused(
            file.getvalue(), None, f"'a' is refused: it is compressed by method {name}; what is read: none, deflate"
        )
        assert contents(file.getvalue(), Rules(methods=(0, name))) == {"a": b"hello" * 1000}
    start = file.getvalue().index(b"a") + 1  # of LZMA's header: version, length, properties, size of the dictionary
    huge = bytearray(file.getvalue())
    huge[start + 5 : start + 9] = (1 << 31).to_bytes(4, "little")
    refused(bytes(huge), Rules(methods=(14,)), "unpacking it takes 2,147,483,648 bytes of memory")


@pytest.mark.parametrize("known", [{"crc": 0, "stored": 0}, {"crc": 0}, {"crc": 0, "stored": 0, "size": 0}])
def test_what_a_description_does_not_know_yet_follows_the_data(known):
    """Programs that write to a pipe leave out some of checksum and sizes, each in its own way."""
    data = b"hello" * 100
    behind = b"PK\7\10" + zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little") * 2
    entry = Entry(b"a", data, flags=8, local=known, behind=behind)
    assert contents(written([entry, Entry(b"b", b"2")])) == {"a": data, "b": b"2"}
    entry.local = {"crc": 0, "size": 7}
    refused(written([entry]), None, "contradicts the archive's directory")


def test_nothing_is_read_beyond_the_limit():
    for method in (0, 8):
        data = written([Entry(b"a", bytes(1000), method=method)])
        with (
            open_archive(io.BytesIO(data), "a.zip") as archive,
            pytest.raises(SerializationError, match="'a' is refused: it unpacks to more than 999 bytes"),
        ):
            archive.read("a", 999)


def test_folders_are_told_apart():
    with open_archive(io.BytesIO(written([Entry(b"inner/"), Entry(b"inner/a", b"1")]))) as archive:
        assert (list(archive.members), archive.folders) == (["inner/a"], ["inner/"])
