"""safetensors, shards, and archives for `get_file`."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from .case import Hostile, weights
from .zips import Entry, written

__all__ = ["hostile", "tensors"]

NAMES = {"first/kernel": (4, 3), "first/bias": (3,), "last/kernel": (3, 1), "last/bias": (1,)}


def tensors(
    header: dict[str, Any] | bytes | None = None, content: bytes | None = None, length: int | None = None
) -> bytes:
    """A safetensors file for the good model, with another header, content or length of the header."""
    if header is None:
        header = _header()
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = np.arange(19, dtype="f4").tobytes() if content is None else content
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def _header(**changes: Any) -> dict[str, Any]:
    header, position = {}, 0
    for name, shape in NAMES.items():
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [position, position + size]}
        position += size
    header["first/kernel"].update(changes)
    return header


def _tensors() -> Iterator[tuple[str, bytes]]:
    for name, changes in (
        ("a shape of terabytes", {"shape": [1 << 40, 3]}),
        ("a shape beyond numbers", {"shape": [1 << 63, 1 << 63]}),
        ("a negative size", {"shape": [-4, -3]}),
        ("a fractional size", {"shape": [4.0, 3]}),
        ("a shape of truth values", {"shape": [True, 12]}),
        ("a thousand axes", {"shape": [1] * 1000 + [4, 3]}),
        ("a shape that is none", {"shape": "43"}),
        ("an end behind the end", {"data_offsets": [0, 1 << 40]}),
        ("an end before the beginning", {"data_offsets": [48, 0]}),
        ("a negative beginning", {"data_offsets": [-48, 0]}),
        ("overlapping tensors", {"data_offsets": [12, 60]}),
        ("a gap", {"shape": [4, 2], "data_offsets": [0, 32]}),
        ("one place only", {"data_offsets": [0]}),
        ("an unknown dtype", {"dtype": "PICKLE"}),
        ("a dtype that is a list", {"dtype": ["F32"]}),
        ("a narrower dtype", {"dtype": "F16"}),
        ("another shape", {"shape": [3, 4]}),
    ):
        yield name, tensors(_header(**changes))
    good = _header()
    yield "a header that is a list", tensors(b"[]")
    yield "a header that is no JSON", tensors(b"{")
    yield "a header with NaN", tensors(json.dumps(good).replace("[4, 3]", "[NaN, 3]").encode())
    yield "a header in a header", tensors(json.dumps({**good, "x": {}}).encode())
    yield "a tensor twice", tensors(json.dumps(good).replace("last/bias", "first/bias").encode())
    yield "a header of terabytes", tensors(length=1 << 42)
    yield "a header longer than the file", tensors(length=10_000)
    yield "a header cut short", tensors(length=20)
    yield "a deep header", tensors(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)
    yield "a header of millions of items", tensors(b'{"a": [' + b"[]," * 3_000_000 + b"[]]}")
    yield "half a character", tensors(json.dumps({**good, "__metadata__": {"a": "\ud800"}}).encode())
    yield "more bytes", tensors(content=np.zeros(20, "f4").tobytes())
    yield "fewer bytes", tensors(content=np.zeros(18, "f4").tobytes())
    yield "nothing", b""
    yield "eight bytes", bytes(8)
    exact = {**good}
    place = 0
    for name, shape in NAMES.items():
        size = 8 * int(np.prod(shape))
        exact[name] = {"dtype": "F64", "shape": list(shape), "data_offsets": [place, place + size]}
        place += size
    yield "float64 in float32", tensors(exact, np.random.default_rng(0).normal(size=19).tobytes())
    yield "complex in float", tensors({k: {**v, "dtype": "C64"} for k, v in exact.items()}, np.ones(19, "c8").tobytes())
    fewer = {k: v for k, v in good.items() if k != "last/bias"}
    yield "a weight less", tensors(fewer, np.arange(18, dtype="f4").tobytes())


def _shards() -> Iterator[tuple[str, dict[str, bytes]]]:
    def index(weight_map: Any, **files: bytes) -> dict[str, bytes]:
        return {"main": json.dumps({"metadata": {}, "weight_map": weight_map}).encode(), **files}

    for name in (
        "../other.weights.h5", "/etc/passwd", "/etc/x.weights.h5", "secret.txt", "http://127.0.0.1:9/x.weights.h5",
        "none.weights.h5", "a\\b.weights.h5", "", "\0.weights.h5",
    ):  # fmt: skip
        yield f"an index to {name!r}", index({"/layers/dense/vars": [name]})
    for wrong in (3, [], {"a": 3}, {"a": [3]}, {"a": [["x"]]}, {"a": None}, None, {}):
        yield f"an index of {wrong!r}", index(wrong)
    yield "an index that is no JSON", {"main": b"{"}
    yield "an index with a key twice", {"main": b'{"weight_map": {}, "weight_map": {"a": ["x.weights.h5"]}}'}
    yield "a shard that is none", index({"/": ["x.weights.h5"]}, **{"x.weights.h5": b"hello"})
    yield "a shard that is cut short", index({"/": ["x.weights.h5"]}, **{"x.weights.h5": weights()[:3000]})

    def elsewhere(file: Any) -> None:
        import h5py

        del file["layers"]
        file["layers"] = h5py.ExternalLink("other.h5", "/")

    yield "a shard that leads elsewhere", index({"/": ["x.weights.h5"]}, **{"x.weights.h5": weights(elsewhere)})


def _tar(*members: tuple[str, bytes, dict[str, Any]], mode: str = "w") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        for name, data, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in changes.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return content.getvalue()


def _archives() -> Iterator[tuple[str, bytes, str]]:
    good: tuple[str, bytes, dict[str, Any]] = ("ok.txt", b"ok", {})
    names = ("../escaped", "ok/../../escaped", "/tmp/escaped", "C:/escaped", "a\\..\\escaped", "..", "./../escaped",
             "ok.txt/x", "./ok.txt", "OK.TXT/../ok.txt")  # fmt: skip
    for name in names:
        yield f"tar {name}", _tar(good, (name, b"x", {})), ".tar"
        yield f"zip {name}", written([Entry(b"ok.txt", b"ok"), Entry(name.encode(), b"x")]), ".zip"
    for kind, what in (
        (tarfile.SYMTYPE, "symbolic link"), (tarfile.LNKTYPE, "hard link"), (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "disk"), (tarfile.FIFOTYPE, "pipe"), (b"S", "sparse file"), (b"Z", "unknown kind"),
    ):  # fmt: skip
        for target in ("/etc/passwd", "../secret.txt"):
            yield f"tar with a {what} to {target}", _tar(good, ("odd", b"", {"type": kind, "linkname": target})), ".tar"
    through = ("way", b"", {"type": tarfile.SYMTYPE, "linkname": ".."})
    yield "tar through a link", _tar(through, ("way/escaped", b"x", {})), ".tar"
    yield "tar with a file twice", _tar(good, good), ".tar"
    yield "tar cut short", _tar(good, ("b", bytes(10_000), {}))[:3000], ".tar"
    yield "tar of a huge size", _tar(good, ("b", b"", {"pax_headers": {"size": str(1 << 50)}})), ".tar"
    yield "tar with a NUL", _tar(good, ("b", b"", {"pax_headers": {"path": "a\0b"}})), ".tar"
    yield "tar that is none", b"hello" * 1000, ".tar"
    for mode, what in ((0o120777, "link"), (0o020666, "device"), (0o010666, "pipe")):
        entry = Entry(b"odd", b"/etc/passwd", attributes=mode << 16)
        yield f"zip with a {what}", written([Entry(b"ok.txt", b"ok"), entry]), ".zip"
    yield "zip with a NUL", written([Entry(b"a\0b", b"x")]), ".zip"
    yield "zip encrypted", written([Entry(b"a", b"x", flags=1)]), ".zip"
    yield "zip of an unknown method", written([Entry(b"a", b"x", method=99)]), ".zip"
    yield "zip with a file twice", written([Entry(b"a", b"x"), Entry(b"a", b"y")]), ".zip"
    yield "zip that contradicts itself", written([Entry(b"a", b"x", local={"name": b"b"})]), ".zip"
    yield "zip with a wrong checksum", written([Entry(b"a", b"x", local={"crc": 1}, central={"crc": 1})]), ".zip"
    yield "zip with overlapping members", written([Entry(b"a", b"x"), Entry(b"b", b"y", central={"offset": 0})]), ".zip"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a", bytes(1000))
    yield "zip cut short", content.getvalue()[:500], ".zip"


def hostile() -> Iterator[Hostile]:
    """All of them."""
    for name, data in _tensors():
        yield Hostile("safetensors", name, data, ".safetensors")
    for name, files in _shards():
        yield Hostile("shards", name, files, ".weights.json")
    for name, data, ending in _archives():
        yield Hostile("archives", name, data, ending)
