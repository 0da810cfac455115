"""Writing a file that takes another's place: large pieces, places behind and before, and nothing at all."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ranvier.files import atomic
from ranvier.files.atomic import replacing


def test_large_writes_reach_the_disk_a_piece_at_a_time(tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(atomic, "_AHEAD", 1000)
    if hasattr(os, "posix_fadvise"):
        monkeypatch.setattr(os, "posix_fadvise", lambda _, start, length, advice: begun.append((start, length)))
    numbers = np.arange(2500, dtype="uint16")
    with replacing(tmp_path / "a") as file:
        assert file.write(b"head") == 4
        assert file.write(numbers.reshape(50, 50)) == 5000
        assert file.write(np.zeros(0)) == 0
        file.seek(0)
        file.write(b"HEAD")
    assert (tmp_path / "a").read_bytes() == b"HEAD" + numbers.tobytes()
    if hasattr(os, "posix_fadvise"):
        assert begun == [(0, 1004), (1004, 1000), (2004, 1000), (3004, 1000), (4004, 1000)]


def test_a_file_system_that_takes_no_advice_is_written_all_the_same(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(atomic, "_AHEAD", 10)
    monkeypatch.setattr(os, "posix_fadvise", fail, raising=False)
    with replacing(tmp_path / "a") as file:
        file.write(bytes(100))
    assert (tmp_path / "a").read_bytes() == bytes(100)


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_text("old")

    def write():
        with replacing(tmp_path / "a") as file:
            file.write(b"new")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        write()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"
