"""HDF5 files that lead elsewhere, in circles, or to sizes that no byte stands for; and numbers that would be lost."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from .case import Hostile, keras_file, weights

__all__ = ["hostile"]

PLACE = "layers/dense/vars"


def _put(value: Any = None, **options: Any) -> Callable[[h5py.File], None]:
    """Another array in the place of the first layer's kernel."""

    def change(file: h5py.File) -> None:
        del file[PLACE]["0"]
        file[PLACE].create_dataset("0", data=value, **options)

    return change


def _link(link: Any, name: str = "0") -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file[PLACE]:
            del file[PLACE][name]
        file[PLACE][name] = link(file) if callable(link) and not isinstance(link, h5py.SoftLink) else link

    return change


def _links() -> Iterator[tuple[str, Callable[[h5py.File], None]]]:
    yield "a link to another file", _link(h5py.ExternalLink("other.h5", "/secret"))
    yield "a link to /etc/passwd", _link(h5py.ExternalLink("/etc/passwd", "/"))
    yield "a link to a device", _link(h5py.ExternalLink("/dev/zero", "/"))
    yield "a soft link", _link(h5py.SoftLink("/layers/dense_1/vars/0"))
    yield "a soft link to nothing", _link(h5py.SoftLink("/nothing"))
    yield "a soft link to itself", _link(h5py.SoftLink(f"/{PLACE}/0"))
    yield "an array under two names", _link(lambda file: file["layers/dense_1/vars/0"], "again")
    yield "a group in itself", _link(lambda file: file[PLACE], "circle")
    yield "the root in a group", _link(lambda file: file["/"], "circle")
    yield "a group's outer group", _link(lambda file: file["layers"], "2")

    def vars_elsewhere(file: h5py.File) -> None:
        del file["layers/dense"]
        file["layers/dense"] = h5py.ExternalLink("other.h5", "/")

    yield "a layer in another file", vars_elsewhere

    def moved(file: h5py.File) -> None:
        del file[PLACE]["0"]
        file[PLACE].create_dataset("0", (4, 3), "f4", external=[("secret.txt", 0, 48)])

    yield "numbers in another file", moved

    def relative(file: h5py.File) -> None:
        del file[PLACE]["0"]
        file[PLACE].create_dataset("0", (4, 3), "f4", external=[("/etc/passwd", 0, 24), ("../x", 0, 24)])

    yield "numbers in /etc/passwd", relative

    def virtual(name: str) -> Callable[[h5py.File], None]:
        def change(file: h5py.File) -> None:
            del file[PLACE]["0"]
            layout = h5py.VirtualLayout((4, 3), "f4")
            layout[:] = h5py.VirtualSource(name, "/secret", (4, 3))
            file[PLACE].create_virtual_dataset("0", layout)

        return change

    yield "a virtual array over another file", virtual("other.h5")
    yield "a virtual array over this file", virtual(".")


def _sizes() -> Iterator[tuple[str, Callable[[h5py.File], None]]]:
    def late(shape: tuple[int, ...], **options: Any) -> Callable[[h5py.File], None]:
        def change(file: h5py.File) -> None:
            del file[PLACE]["0"]
            file[PLACE].create_dataset("0", shape, "f4", **options)

        return change

    yield "an array that is not there", late((4, 3))
    yield "a terabyte that is not there", late((10**6, 250_000))
    yield "a terabyte of a filling value", late((10**6, 250_000), fillvalue=7.0)
    yield "a terabyte in chunks that are not there", late((10**6, 250_000), chunks=(1000, 1000))
    yield "a terabyte of filled chunks", late((10**6, 250_000), chunks=(1000, 1000), fillvalue=1.0)
    yield "an array that may grow", late((4, 3), maxshape=(None, 3))
    zeros = np.zeros(25_000_000, "f4")
    yield "gzip over zeros", _put(zeros, chunks=(5_000_000,), compression="gzip")
    yield "gzip over zeros, shuffled", _put(zeros, chunks=(5_000_000,), compression="gzip", shuffle=True)

    def hidden(file: h5py.File) -> None:
        file.create_dataset("elsewhere", data=zeros, chunks=(5_000_000,), compression="gzip")

    yield "gzip over zeros in a place that no layer asks for", hidden
    yield "a chunk much larger than its array", late((4, 3), chunks=(4000, 30_000), maxshape=(None, None))

    def deep(file: h5py.File) -> None:
        group = file
        for _ in range(300):
            group = group.create_group("g")

    yield "three hundred groups in each other", deep

    def attributes(file: h5py.File) -> None:
        for number in range(1100):
            file[PLACE].attrs[f"a{number}"] = np.zeros(100)

    yield "eleven hundred attributes", attributes


def _numbers() -> Iterator[tuple[str, Callable[[h5py.File], None]]]:
    rng = np.random.default_rng(0)
    fine = rng.normal(size=(4, 3))
    yield "float64 in float32", _put(fine)
    yield "float64 beyond float32", _put(np.full((4, 3), 1e300))
    yield "complex in float", _put((fine + 1j * fine).astype("c8"))
    yield "integers beyond float32", _put(np.full((4, 3), (1 << 53) + 1))
    yield "unsigned integers beyond float32", _put(np.full((4, 3), (1 << 64) - 1, "u8"))
    yield "texts", _put(np.full((4, 3), b"0.5"))
    yield "texts of any length", _put(np.full((4, 3), "0.5", object), dtype=h5py.string_dtype())
    yield "sequences", _put(shape=(4, 3), dtype=h5py.vlen_dtype("f4"))
    yield "references", _put(shape=(4, 3), dtype=h5py.ref_dtype)
    yield "references to regions", _put(shape=(4, 3), dtype=h5py.regionref_dtype)
    yield "records", _put(np.zeros((4, 3), [("a", "f4"), ("b", "i4")]))
    yield "arrays in an array", _put(shape=(4,), dtype=np.dtype(("f4", (3,))))
    yield "opaque bytes", _put(np.zeros((4, 3), "V4"))
    yield "names of numbers", _put(np.zeros((4, 3), h5py.enum_dtype({"A": 0, "B": 1}, "i1")))
    yield "another compression", _put(np.zeros((4, 3), "f4"), chunks=(4, 3), compression="lzf")
    yield "checksums by another filter", _put(np.zeros((4, 3), "f4"), chunks=(4, 3), fletcher32=True)
    yield "whole numbers packed", _put(np.zeros((4, 3), "i4"), chunks=(4, 3), scaleoffset=0)
    yield "another shape", _put(np.zeros((3, 4), "f4"))
    yield "no axes", _put(np.float32(1))
    yield "an empty array", _put(h5py.Empty("f4"))
    yield "an array of nothing", _put(np.zeros((0, 10**9), "f4"))

    def less(file: h5py.File) -> None:
        del file[PLACE]["1"]

    yield "a weight less", less

    def more(file: h5py.File) -> None:
        file[PLACE].create_dataset("2", data=np.zeros(3))

    yield "a weight more", more

    def renamed(file: h5py.File) -> None:
        file[PLACE].move("1", "bias")

    yield "a weight under another name", renamed

    def group(file: h5py.File) -> None:
        del file[PLACE]["0"]
        file[PLACE].create_group("0")

    yield "a group in the place of a weight", group

    def typed(file: h5py.File) -> None:
        del file[PLACE]["0"]
        file["type"] = np.dtype("f4")
        file[PLACE].create_dataset("0", (4, 3), dtype=file["type"])

    yield "a dtype that lies elsewhere", typed

    def none(file: h5py.File) -> None:
        del file["layers"]

    yield "no layers", none


def _patched() -> Iterator[tuple[str, bytes]]:
    """Bytes changed where h5py would not write them so."""
    good = weights()
    with h5py.File(io.BytesIO(good), "r") as file:
        here, there = (file[f"layers/{name}/vars/0"].id.get_offset() for name in ("dense", "dense_1"))

    def other(old: bytes, new: bytes, count: int = 1) -> bytes:
        assert old in good
        return good.replace(old, new, count)

    place = here.to_bytes(8, "little")
    yield "two arrays at one place", other(there.to_bytes(8, "little"), place)
    yield "an array behind the end", other(place, (len(good) + 8).to_bytes(8, "little"))
    yield "an array across the end", other(place, (len(good) - 8).to_bytes(8, "little"))
    yield "an array at the greatest address", other(place, b"\xfe" + b"\xff" * 7)
    shape = (4).to_bytes(8, "little") + (3).to_bytes(8, "little")
    yield "a shape of terabytes", other(shape, (1 << 40).to_bytes(8, "little") + (3).to_bytes(8, "little"))
    yield "a shape beyond numbers", other(shape, b"\xff" * 16)
    yield "an end behind the end", good[:40] + (len(good) * 2).to_bytes(8, "little") + good[48:]
    yield "another version", good[:8] + b"\x09" + good[9:]
    yield "addresses of four bytes", good[:13] + b"\4\4" + good[15:]
    yield "a place to begin with", b"\0" * 512 + good
    tree = good.find(b"TREE")
    yield "an index in a circle", good[: tree + 32] + tree.to_bytes(8, "little") + good[tree + 40 :]
    yield "an index of many levels", good[: tree + 5] + b"\xff" + good[tree + 6 :]
    yield "an index of many members", good[: tree + 6] + b"\xff\xff" + good[tree + 8 :]
    node = good.find(b"SNOD")
    yield "a list of many members", good[: node + 6] + b"\xff\xff" + good[node + 8 :]
    heap = good.find(b"HEAP")
    yield "a list of names of terabytes", good[: heap + 8] + (1 << 42).to_bytes(8, "little") + good[heap + 16 :]
    for part in range(1, 12):
        yield f"{part} twelfths", good[: len(good) * part // 12]
    yield "nothing", b""
    yield "the beginning of HDF5 only", good[:8]
    yield "a text", b"hello"
    latest = io.BytesIO()
    with h5py.File(latest, "w", libver="latest") as file:
        for number in range(100):
            file.create_group(f"layers/dense_{number}/vars")
    yield "groups in a heap", latest.getvalue()


def hostile() -> Iterator[Hostile]:
    """All of them, as a model's file and as one of weights alone."""
    for kind, cases in (("hdf5 links", _links), ("hdf5 sizes", _sizes), ("numbers", _numbers)):
        for name, change in cases():
            data = weights(change)
            yield Hostile(kind, f"{name}, in a model", keras_file(held=data))
            if "no layer asks for" not in name:
                yield Hostile(kind, f"{name}, alone", data, ".weights.h5")
    for name, data in _patched():
        yield Hostile("hdf5 bytes", f"{name}, in a model", keras_file(held=data))
        yield Hostile("hdf5 bytes", f"{name}, alone", data, ".weights.h5")
