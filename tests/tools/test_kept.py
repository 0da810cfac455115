"""What was made of files is kept where there is room, and made again where a file has changed."""

import os

import numpy as np
import pytest

from ranvier.tools.kept import Kept


@pytest.fixture
def files(tmp_path):
    """Four files of 16 bytes each, the same byte in all of one."""
    paths = [str(tmp_path / str(i)) for i in range(4)]
    for i, path in enumerate(paths):
        np.full(16, i, np.uint8).tofile(path)
    return paths


@pytest.fixture
def reader(monkeypatch):
    """A kept reader for machines with so much free memory, and the paths that it read."""

    def make(free):
        monkeypatch.setattr("ranvier.core.machine.free_memory", lambda: free)
        read = []

        def load(path):
            read.append(path)
            return np.fromfile(path, np.uint8)

        return Kept(load), read

    return make


def test_each_file_is_read_once(files, reader):
    load, read = reader(1 << 20)
    for _ in range(3):
        assert [load(path)[0] for path in files] == [0, 1, 2, 3]
    assert read == files
    assert load.has(files)


def test_what_is_not_there_yet_is_told(files, reader):
    load, _ = reader(1 << 20)
    for path in files[1:]:
        load(path)
    assert load.has(files[1:])
    assert load.has([])
    assert not load.has(files)


@pytest.mark.parametrize(("free", "fit"), [(0, 0), (4 * 31, 1), (4 * 32, 2), (4 * 63, 3)])
def test_as_many_are_kept_as_fit_into_a_quarter(files, reader, free, fit):
    load, read = reader(free)
    for _ in range(2):
        assert [load(path)[0] for path in files] == [0, 1, 2, 3]
    assert read == files + files[fit:]


def test_a_file_that_changed_is_read_again(files, reader):
    load, read = reader(4 * 64)
    for path in files:
        load(path)
    np.full(24, 9, np.uint8).tofile(files[1])  # another size; there is no room for it any more
    assert load(files[1]).tolist() == [9] * 24
    assert read == [*files, files[1]]
    stamp = os.stat(files[0])
    np.full(16, 8, np.uint8).tofile(files[0])  # the same size
    os.utime(files[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert [load(files[0])[0], load(files[0])[0]] == [8, 8]
    assert read == [*files, files[1], files[0]]


def test_a_file_that_is_gone_is_the_readers_error(files, reader):
    load, read = reader(1 << 20)
    load(files[0])
    os.unlink(files[0])
    with pytest.raises(FileNotFoundError):
        load(files[0])
    assert read == [files[0]] * 2
