"""Zip archives that lie, overlap, explode or lead elsewhere, written byte by byte."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .case import Hostile, config, keras_file, weights

__all__ = ["Entry", "hostile", "written"]


@dataclass
class Entry:
    """A member, and what its two descriptions say where that is not the truth."""

    name: bytes
    data: bytes = b""
    method: int = 0
    flags: int = 0
    attributes: int = 0
    extra: bytes = b""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    packed: bytes | None = None
    behind: bytes = b""


def written(entries: list[Entry], *, before: bytes = b"", comment: bytes = b"", **end: int) -> bytes:
    """The archive; `end` overrides the fields of its last record."""
    out, directory = before, b""
    for entry in entries:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = entry.packed
        if packed is None:
            packed = packer.compress(entry.data) + packer.flush() if entry.method == 8 else entry.data
        truth = {
            "need": 20, "flags": entry.flags, "method": entry.method, "crc": zlib.crc32(entry.data),
            "stored": len(packed), "size": len(entry.data), "name": entry.name, "extra": entry.extra,
            "offset": len(out), "disk": 0, "count": 1,
        }  # fmt: skip
        a, c = truth | entry.local, truth | entry.central
        out += struct.pack("<4s5H3L2H", b"PK\3\4", a["need"], a["flags"], a["method"], 0, 33, a["crc"], a["stored"],
                           a["size"], len(a["name"]), len(a["extra"])) + a["name"] + a["extra"] + packed + entry.behind  # fmt: skip
        directory += c["count"] * (
            struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, c["need"], c["flags"], c["method"], 0, 33, c["crc"], c["stored"],
                        c["size"], len(c["name"]), len(c["extra"]), 0, c["disk"], 0, entry.attributes, c["offset"])
            + c["name"] + c["extra"]
        )  # fmt: skip
    number = sum(entry.central.get("count", 1) for entry in entries)
    last = {"disk": 0, "first": 0, "here": number, "all": number, "size": len(directory), "begin": len(out)} | end
    return out + directory + struct.pack("<4s4H2LH", b"PK\5\6", last["disk"], last["first"], last["here"], last["all"],
                                         last["size"], last["begin"], len(comment)) + comment  # fmt: skip


def _members(described: bytes | None = None, **first: Any) -> list[Entry]:
    text = json.dumps(config()).encode() if described is None else described
    return [
        Entry(b"metadata.json", b"{}"),
        Entry(b"config.json", text, **first),
        Entry(b"model.weights.h5", weights()),
    ]


def _lies() -> Iterator[tuple[str, bytes]]:
    """Descriptions that contradict the truth or each other."""
    for where in ("local", "central"):
        for key, value in (
            ("size", 10), ("size", 1 << 31), ("stored", 10), ("stored", 1 << 31), ("crc", 1), ("method", 8), ("flags", 1),
            ("flags", 8), ("name", b"other.json"),
        ):  # fmt: skip
            yield f"{where} {key} {value!r}", written(_members(**{where: {key: value}}))
    both = {"size": 10, "stored": 10}
    yield "both sizes too small", written(_members(local=both, central=both))
    both = {"size": 1 << 31, "stored": 1 << 31}
    yield "both sizes too large", written(_members(local=both, central=both))
    large = struct.pack("<2H2Q", 1, 16, 1 << 50, 1 << 50)
    both = {"size": 0xFFFFFFFF, "stored": 0xFFFFFFFF, "extra": large}
    yield "zip64 sizes of a petabyte", written(_members(local=both, central=both))
    yield "zip64 sizes cut short", written(_members(local=both, central={**both, "extra": large[:10]}))
    yield (
        "zip64 in the directory only",
        written(_members(central={"size": 0xFFFFFFFF, "extra": struct.pack("<2HQ", 1, 8, 10)})),
    )
    deflated = {"method": 8}
    for key, value in (("size", 100), ("size", 1 << 31)):
        wrong = {key: value}
        yield f"deflated with {key} {value}", written(_members(**deflated, local=wrong, central=wrong))
    yield "deflate with rubbish", written(_members(method=8, packed=b"\xff" * 50))
    yield (
        "deflate cut short",
        written(_members(method=8, packed=zlib.compress(json.dumps(config()).encode(), 9)[2:-30])),
    )
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    yield (
        "deflate with more behind",
        written(_members(method=8, packed=packer.compress(json.dumps(config()).encode()) + packer.flush() + b"more")),
    )
    for number in (1, 9, 12, 14, 93, 99):
        yield f"compression method {number}", written(_members(method=number))
    for flag in (1, 1 << 5, 1 << 6, 1 << 13):
        yield f"flag {flag}", written(_members(flags=flag))
    for kind, mode in (
        ("link", 0o120777),
        ("device", 0o020666),
        ("pipe", 0o010666),
        ("socket", 0o140777),
        ("folder", 0o040755),
    ):
        yield f"a {kind}", written(_members(attributes=mode << 16))
    for key, value in (
        ("here", 2), ("all", 2), ("all", 4), ("disk", 1), ("first", 3), ("size", 10), ("size", 1 << 31), ("begin", 0),
        ("begin", 1 << 31), ("all", 0xFFFF), ("begin", 0xFFFFFFFF),
    ):  # fmt: skip
        changed = {key: value, "here": value} if key == "all" else {key: value}
        yield f"end says {key} {value}", written(_members(), **changed)
    yield "bytes before it", written(_members(), before=b"#!/bin/sh\ntouch canary\n")
    yield "bytes behind it", written(_members()) + b"more"
    yield "bytes between members", written(_members(behind=b"hidden" * 10))
    yield "only an end", written([])
    yield "an end in the comment", written(_members(), comment=b"PK\5\6" + bytes(18))
    yield (
        "a directory of a million members",
        written([*_members(), Entry(b"x", central={"count": 70_000, "size": 0, "crc": 0})], all=4, here=4),
    )


def _overlaps() -> Iterator[tuple[str, bytes]]:
    """Members that share bytes, or are there twice."""
    one, two, three = _members()
    yield "one member twice", written([one, two, three, Entry(b"config.json", b"{}")])
    yield "one member in other letters", written([one, two, three, Entry(b"CONFIG.JSON", b"{}")])
    yield "one description twice", written([one, Entry(two.name, two.data, central={"count": 2}), three])
    text = json.dumps(config()).encode()
    inner = 30 + len(b"assets/a")
    shared = Entry(b"assets/b", central={"offset": 0})
    yield "two members at one place", written([one, two, three, shared])
    # A quine-like bomb: each member's bytes hold the next member's description and all that follows.
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(10_000_000)) + kernel.flush()
    entries = [one, two, three]
    for number in range(50):
        entries.append(
            Entry(f"assets/{number:02}".encode(), bytes(10_000_000), method=8, packed=packed if number == 49 else b"",
                  local={"stored": 0}, central={"stored": len(packed) + (49 - number) * (inner + 1)})
        )  # fmt: skip
    yield "fifty members over one kernel", written(entries)
    yield "members in another's data", written([one, Entry(b"config.json", text + written([Entry(b"x")])), three])


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Few bytes that become many."""
    zeros = bytes(100_000_000)
    yield "a configuration of spaces", written(_members(b" " * 100_000_000, method=8))
    yield "weights of zeros", written([*_members()[:2], Entry(b"model.weights.h5", zeros, method=8)])
    yield (
        "weights with zeros behind",
        written([*_members()[:2], Entry(b"model.weights.h5", weights() + zeros, method=8)]),
    )
    yield "metadata of zeros", written([Entry(b"metadata.json", zeros, method=8), *_members()[1:]])
    yield "assets of zeros", written([*_members(), Entry(b"assets/layers/first/vocabulary.txt", zeros, method=8)])
    yield "a bomb in a bomb", written([*_members(), Entry(b"assets/x.zip", written([Entry(b"y", zeros, method=8)]))])


def _names() -> Iterator[tuple[str, bytes]]:
    """Members that do not belong into a model's file, or whose names lead out of it."""
    for name in (
        b"../evil", b"assets/../../evil", b"/etc/evil", b"C:/evil", b"assets\\..\\evil", b"assets/a\0b", b"assets//x",
        b"assets/./x", b"./config.json", b"..", b"assets/CON:x", b"\xff\xfe", b"evil.py", b"__init__.py", b"model.pkl",
        b"weights.h5", b"config.json/", b"assets/" + b"x/" * 400 + b"y", b"assets/" + b"x" * 5000, b"assets/nobody.txt", b"",
    ):  # fmt: skip
        yield f"a member called {name[:40]!r}", written([*_members(), Entry(name, b"evil")])
    members = _members()
    for left_out in range(3):
        yield f"without {members[left_out].name.decode()}", written(members[:left_out] + members[left_out + 1 :])
    yield "metadata that is a list", written([Entry(b"metadata.json", b"[]"), *members[1:]])
    yield "metadata that is no JSON", written([Entry(b"metadata.json", b"{"), *members[1:]])
    yield "eleven thousand members", written(members + [Entry(b"assets/%d" % i) for i in range(11_000)])


def hostile() -> Iterator[Hostile]:
    """All of them."""
    for kind, cases in (("zip lies", _lies), ("zip overlaps", _overlaps), ("zip bombs", _bombs), ("zip names", _names)):
        for name, data in cases():
            yield Hostile(kind, name, data)
    good = keras_file()
    for part in range(1, 12):
        yield Hostile("cut short", f"{part} twelfths of a model", good[: len(good) * part // 12])
    for name, data in (
        ("nothing", b""),
        ("a text", b"hello"),
        ("a pickle", b"\x80\x04cos\nsystem\n."),
        ("HDF5", weights()),
    ):
        yield Hostile("cut short", f"a model that is {name}", data)
