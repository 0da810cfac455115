"""Arrays that stay in files: the same batches as from memory, however they are stored and read."""

import h5py
import numpy as np
import pytest

from ranvier.core.errors import DataWarning
from ranvier.data import ArrayData, make_data, split
from ranvier.data.blocks import FileData, blocks
from ranvier.data.hdf5_memory import mapped_hdf5
from ranvier.data.lazy import Rows

KINDS = ["npy", "fortran", "swapped", "contiguous", "writable", "chunked", "compressed", "virtual"]


@pytest.fixture
def stored(tmp_path):
    """``(kind, rows) → array-like`` in a file."""
    opened = []

    def store(kind, rows):
        path = tmp_path / f"{len(opened)}.h5"
        if kind in ("npy", "fortran", "swapped"):
            rows = np.asfortranarray(rows) if kind == "fortran" else rows
            np.save(path.with_suffix(".npy"), rows.astype(rows.dtype.newbyteorder()) if kind == "swapped" else rows)
            return np.load(path.with_suffix(".npy"), mmap_mode="r")
        options = {"chunked": {"chunks": (3, *rows.shape[1:])}, "compressed": {"compression": "gzip"}}.get(kind, {})
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=rows, **options)
            if kind == "virtual":
                layout = h5py.VirtualLayout(rows.shape, rows.dtype)
                layout[:] = h5py.VirtualSource(file["x"])
                file.create_virtual_dataset("v", layout)
        opened.append(h5py.File(path, "r+" if kind == "writable" else "r"))
        return opened[-1]["v" if kind == "virtual" else "x"]

    yield store
    for file in opened:
        file.close()


def filled(block):
    return [a[: block.rows] for a in block.arrays]


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_from_files_are_those_from_memory(stored, kind, shuffle):
    rows = np.arange(2200.0).reshape(1100, 2)
    y = np.arange(1100)
    files = make_data(stored(kind, rows), y, batch_size=8, shuffle=shuffle)
    memory = make_data(rows, y, batch_size=8, shuffle=shuffle)
    assert isinstance(files, FileData)
    assert (files.size, files.steps) == (memory.size, memory.steps) == (1100, 138)
    assert files.peek()[0].dtype == np.float32
    order = files.order(np.random.default_rng(3))
    found = list(blocks(files, order))
    assert [(b.first, b.steps, b.rows) for b in found] == [(0, 64, 512), (64, 64, 512), (128, 9, 72), (137, 1, 4)]
    assert [len(b.arrays[0]) for b in found] == [512, 512, 512, 4]
    for ours, theirs in zip(found, blocks(memory, order), strict=True):
        for a, b in zip(filled(ours), filled(theirs), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
    places = np.concatenate([filled(b)[1] for b in found])
    np.testing.assert_array_equal(places, y if order is None else order)


@pytest.mark.parametrize(
    ("rows", "first", "padded", "shapes"),
    [
        (20, 0, False, [(0, 2, 16, 16), (2, 1, 4, 4)]),
        (20, 0, True, [(0, 3, 20, 32)]),
        (20, 2, False, [(2, 1, 4, 4)]),
        (3, 0, False, [(0, 1, 3, 3)]),
        (3, 0, True, [(0, 1, 3, 8)]),
        (16, 1, True, [(1, 1, 8, 16)]),
    ],
)
def test_the_room_of_blocks(rows, first, padded, shapes):
    found = list(blocks(make_data(np.ones((rows, 2)), batch_size=8), None, first, padded))
    assert [(b.first, b.steps, b.rows, len(b.arrays[0])) for b in found] == shapes
    if padded:
        assert not found[-1].arrays[0][found[-1].rows : found[-1].steps * 8].any()


def test_blocks_lie_where_the_device_uses_them_in_place():
    (block,) = blocks(make_data(np.ones((64, 3)), np.ones(64)), None)
    assert all(a.ctypes.data % 64 == 0 for a in block.arrays)


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int32, np.float16, np.complex64])
@pytest.mark.parametrize("kind", ["npy", "contiguous"])
def test_dtypes_are_kept_as_from_memory(stored, kind, dtype):
    rows = (np.arange(12).reshape(6, 2) % 2).astype(dtype)
    (ours,) = blocks(make_data(stored(kind, rows), batch_size=3))
    (theirs,) = blocks(make_data(rows, batch_size=3))
    np.testing.assert_array_equal(ours.arrays[0], theirs.arrays[0], strict=True)


@pytest.mark.parametrize("kind", KINDS[3:])
def test_only_what_lies_in_one_piece_in_a_file_for_reading_is_addressed_directly(stored, kind):
    rows = np.arange(12.0).reshape(6, 2)
    memory = mapped_hdf5(stored(kind, rows))
    assert (memory is not None) == (kind == "contiguous")
    if memory is not None:
        np.testing.assert_array_equal(memory, rows, strict=True)
        assert not memory.flags.writeable
    assert mapped_hdf5(rows) is None


def test_a_type_that_numpy_stores_otherwise_is_read_by_hdf5(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        wide = h5py.h5t.STD_I32LE.copy()
        wide.set_precision(24)
        space = h5py.h5s.create_simple((4,))
        data = h5py.h5d.create(file.id, b"x", wide, space)
        data.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype=np.int32))
    with h5py.File(tmp_path / "x.h5", "r") as file:
        assert mapped_hdf5(file["x"]) is None
        assert Rows(file["x"]).read(np.array([3, 0, 2])).tolist() == [3, 0, 2]


class Counting:
    """An array-like that notes the selections it is asked for."""

    def __init__(self, rows):
        self.rows, self.asked = rows, []
        self.shape, self.dtype = rows.shape, rows.dtype

    def __getitem__(self, index):
        self.asked.append(index)
        return self.rows[index]


def test_runs_of_rows_are_read_at_once_and_in_the_order_of_the_file():
    source = Counting(np.arange(40))
    rows = Rows(source, 8)
    index = np.r_[16:24, 0:8, 24:28]
    assert rows.read(index).tolist() == (index + 8).tolist()
    assert source.asked == [slice(8, 16), slice(24, 36)]


@pytest.mark.parametrize("free", [0, 1 << 30])
def test_rows_in_random_order_are_kept_where_there_is_room(monkeypatch, free):
    monkeypatch.setattr("ranvier.core.machine.free_memory", lambda: free)
    source = Counting(np.arange(100))
    rows = Rows(source, 10, 90)
    index = np.random.default_rng(0).permutation(80)
    for part in (index[:40], index[40:]):
        assert rows.read(part).tolist() == (part + 10).tolist()
    assert len(source.asked) == (1 if free else 2)


def test_a_number_that_is_not_finite_is_told_by_its_row_in_the_file_and_once(stored):
    rows = np.ones((40, 2), np.float32)
    rows[17, 1] = np.nan
    data = make_data(stored("npy", rows), batch_size=4, shuffle=True)
    order = data.order(np.random.default_rng(0))
    with pytest.warns(DataWarning, match="x holds NaN in row 17") as told:
        list(blocks(data, order))
    assert len(told) == 1
    list(blocks(data, order))  # warnings are errors here


def test_integers_that_do_not_fit_are_refused_when_they_are_read(stored):
    from ranvier.core.errors import DataError

    with pytest.raises(DataError, match="do not fit"):
        list(blocks(make_data(stored("npy", np.array([1, 2**40])), batch_size=1)))


def test_arrays_in_files_can_be_split_unread(stored):
    x = stored("npy", np.arange(10))
    train, validation = split((x, np.arange(10), None), 0.2)
    assert not isinstance(train[0], np.ndarray)
    assert filled(next(blocks(make_data(*validation, batch_size=2))))[0].tolist() == [8, 9]
    assert filled(next(blocks(make_data(*train, batch_size=8))))[0].tolist() == list(range(8))
    assert type(make_data(x + 1)) is ArrayData  # arithmetic on a memmap is in memory
