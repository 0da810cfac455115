"""Pickles are data: arrays and plain values come out, everything that would run is refused."""

import io
import os
import pickle
import struct

import numpy as np
import pytest

from ranvier.core.errors import DataError
from ranvier.datasets.archive import read_arrays
from ranvier.datasets.pickles import read_pickle

LISTS = np.empty(3, object)
LISTS[:] = [[1, 2, 3], [], [7]]

VALUES = [
    {"data": np.arange(6, dtype=np.uint8).reshape(2, 3), "labels": [1, 2], "name": "x", "none": (None, 1.5, True)},
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array([[1, -2]], ">i4"),
    np.array(["ab", "c"]),
    np.array([b"ab", b"c"]),
    np.array([True, False]),
    np.zeros((0, 3)),
    LISTS,
    np.float32(2.5),
    b"",
    b"\x00\xff",
    [np.int64(3), {"deep": [(np.arange(3),)]}],
]


def _equal(a, b):
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        assert type(a) is type(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert a.tolist() == b.tolist()
        return
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            _equal(x, y)
    else:
        assert a == b


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_values_come_back(value, protocol):
    _equal(read_pickle(pickle.dumps(value, protocol), "it"), value)


def test_what_python_2_wrote():
    """A dict of CIFAR's form as Python 2 and old NumPy pickled it: text is bytes."""
    content = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05"
        b"(K\x01K\x01K\x04\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x04\x01\x02\xfe\xfftbU\x06labelsq\x08]q\x09(K\x03K\x04eu."
    )
    found = read_pickle(content, "it")
    assert list(found) == [b"data", b"labels"]
    assert found[b"data"].tolist() == [[1, 2, 254, 255]]
    assert found[b"labels"] == [3, 4]


class _Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (_Runs(os.system, ("touch /tmp/ranvier-was-here",)), "posix.system|nt.system"),
        (_Runs(eval, ("1+1",)), "builtins.eval"),
        (_Runs(getattr, (1, "real")), "builtins.getattr"),
        (_Runs(np.load, ("x",)), "numpy.*load"),
        (io.BytesIO(b"x"), "_io.BytesIO"),
        ([{"deep": (1, _Runs(print, ("x",)))}], "builtins.print"),
        (np.array([_Runs(print, ("x",))], object), "builtins.print"),
        ({1, 2}, "holds a set|builtins.set"),
        (np.zeros(2, [("a", "i4")]), "dtype"),
        (1 + 2j, "builtins.complex"),
    ],
)
def test_everything_else_is_refused(value, named):
    with pytest.raises(DataError, match=named):
        read_pickle(pickle.dumps(value), "it")
    assert not os.path.exists("/tmp/ranvier-was-here")


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
ARRAY = RECONSTRUCT + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR"
DTYPE = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02",
        b"garbage",
        ARRAY + b".",  # never filled
        ARRAY + b"(I1\n(I1000000000000\nt" + DTYPE + b"I00\nS'x'\ntb.",  # a shape without its bytes
        ARRAY + b"(I1\n(I-1\nt" + DTYPE + b"I00\nS''\ntb.",
        ARRAY + b"(I1\n(I1\nt" + b"S'f8'\n" + b"I00\nS'12345678'\ntb.",
        RECONSTRUCT + b"(dS'x'\nI1\nstb.",  # setting attributes on what may be called
        RECONSTRUCT + b".",
        DTYPE + b".",
        b"(lp0\ng0\na.",  # a list that holds itself
        b"c_codecs\nencode\n(S'x'\nS'zlib'\ntR.",
        b"c__builtin__\nbytes\n(I1000000000000\ntR.",
        b"Pelsewhere\n.",
    ],
)
def test_damage_and_tricks_are_refused(content):
    with pytest.raises(DataError, match=r"^it is (damaged|refused)"):
        read_pickle(content, "it")


def test_references_that_multiply_are_followed_once():
    value = [np.arange(2)]
    for _ in range(60):  # 2**60 references to one array
        value = [value, value]
    found = read_pickle(pickle.dumps(value), "it")
    assert found[0] is found[1]


def test_arrays_of_lists_from_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=LISTS, y=np.arange(3.0), z=np.asfortranarray(np.ones((2, 3), np.int8)))
    x, y, z = read_arrays(path, ("x", "y", "z"), lists=True)
    assert x.tolist() == LISTS.tolist()
    assert (y.tolist(), z.shape, z.dtype) == ([0, 1, 2], (2, 3), np.int8)
    with pytest.raises(DataError, match="Python objects"):
        read_arrays(path, ("x",))
    np.savez(path, x=np.array([_Runs(print, ("ran",))], object))
    with pytest.raises(DataError, match=r"array x in .* builtins.print"):
        read_arrays(path, ("x",), lists=True)


def _npy(shape, descr="'<f8'", content=b""):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"x.npy": _npy("(10**12,)")}, "damaged"),
        ({"x.npy": _npy("(1000000000000,)")}, "cut short"),
        ({"x.npy": _npy("(1,)", content=bytes(16))}, "has more bytes than its shape"),
        ({"x.npy": b"\x93NUMPY\x09\x00"}, "unknown format"),
        ({"x.npy": b"nonsense"}, "damaged"),
        ({"x.npy": _npy("(1,)", "'|O'", pickle.dumps([1]))}, "not the one that its header describes"),
        ({"y.npy": _npy("(0,)")}, "Missing: x"),
    ],
)
def test_damaged_npz(tmp_path, members, message):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=message):
        read_arrays(tmp_path / "a.npz", ("x",), lists=True)


def test_an_array_there_twice(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", _npy("(0,)"))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", _npy("(0,)"))
    with pytest.raises(DataError, match=r"'x\.npy' is there twice"):
        read_arrays(tmp_path / "a.npz", ("x",))
