"""Nothing is lost: processes killed while they overwrite files, and disks that are full."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import ranvier
from ranvier import saving
from ranvier.files import atomic

from . import overwriting

posix = pytest.mark.skipif(os.name != "posix", reason="kills and limits of POSIX")


def generation(values) -> int:
    """The number that all values are."""
    numbers = {float(n) for array in values for n in np.unique(np.asarray(array))}
    assert len(numbers) == 1, sorted(numbers)[:5]
    return int(numbers.pop())


def generations(folder: Path, model) -> list[int]:
    """Which generation each of the files holds, every one of them whole."""
    found = []
    for name in overwriting.FILES:
        if name.endswith(".keras"):
            loaded = ranvier.models.load_model(folder / name)
            found.append(generation([*loaded.get_weights(), *(v.numpy() for v in loaded.optimizer.variables)]))
        else:
            assert model.load_weights(folder / name).complete
            found.append(generation(model.get_weights()))
    return found


@posix
@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_kills_while_overwriting(kills, tmp_path):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parents[2]
    model = overwriting.build()
    overwriting.save(model, str(tmp_path), 1)
    rng, latest, left = random.Random(kills), 1, 0
    with subprocess.Popen(
        [sys.executable, "-m", "tests.files.overwriting"], cwd=root, env=environment, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        for _ in range(kills):
            server.stdin.write(f"{tmp_path}\t{latest + 1}\t{rng.uniform(0, 0.3)}\n")
            server.stdin.flush()
            assert server.stdout.readline() == "killed\n"
            left += len(list(tmp_path.iterdir())) - len(overwriting.FILES)
            found = generations(tmp_path, model)
            assert min(found) > latest  # the first saves of each process were finished
            assert max(found) - min(found) <= 1
            latest = max(found)
        server.stdin.close()
    assert kills < 50 or left  # some were killed in the middle of a save
    overwriting.save(model, str(tmp_path), latest + 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(overwriting.FILES)
    assert set(generations(tmp_path, model)) == {latest + 1}


@contextlib.contextmanager
def largest_file(size: int):
    """Within it, a file that grows beyond `size` bytes cannot be written, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@posix
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("name", overwriting.FILES)
def test_a_disk_that_is_full(name, part, tmp_path):
    model = overwriting.build()
    overwriting.save(model, str(tmp_path), 1)
    path = tmp_path / name
    before = path.read_bytes()
    for variable in model.weights:
        variable.assign(variable.value * 0 + 2)
    save = model.save if name.endswith(".keras") else model.save_weights
    with pytest.raises(OSError) as error, largest_file(int(len(before) * part)):
        save(path)
    assert error.value.errno in (errno.EFBIG, None)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(overwriting.FILES)
    save(path)
    assert generation(model.get_weights()) == 2
    model.load_weights(path)
    assert generation(model.get_weights()) == 2


class FullDisk:
    """A file that takes some bytes and then has no room."""

    def __init__(self, file, room: int):
        self._file, self._room = file, room

    def write(self, data) -> int:
        self._room -= memoryview(data).nbytes
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name: str):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self._file.close()


@pytest.mark.parametrize("name", overwriting.FILES)
@pytest.mark.parametrize("room", [0, 3_000, 300_000])
def test_an_error_of_the_disk(name, room, tmp_path, monkeypatch):
    model = overwriting.build()
    overwriting.save(model, str(tmp_path), 1)
    before = (tmp_path / name).read_bytes()
    written, temporary = atomic._Written, tempfile.TemporaryFile
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_Written", lambda raw: FullDisk(written(raw), room))
        patched.setattr(tempfile, "TemporaryFile", lambda *a, **k: FullDisk(temporary(*a, **k), room))
        with pytest.raises(OSError):
            (model.save if name.endswith(".keras") else model.save_weights)(tmp_path / name)
    assert (tmp_path / name).read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


@posix
def test_the_cause_is_reported_whatever_fails_after_it(tmp_path):
    path = tmp_path / "f.bin"
    path.write_bytes(b"before")

    def save() -> None:
        with atomic.replacing(path) as file:
            with largest_file(0), contextlib.suppress(OSError):
                file.write(bytes(1 << 20))
            raise SystemError("returned a result with an exception set")  # as from HDF5, which goes on after an error

    with pytest.raises(OSError) as error:
        save()
    assert error.value.errno == errno.EFBIG
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_shards_are_replaced_all_at_once(tmp_path, monkeypatch):
    model = overwriting.build()
    path, size = tmp_path / "w.weights.json", 700_000 / 1024**3
    for number in (1, 2, 3):
        for variable in model.weights:
            variable.assign(variable.value * 0 + number)
        if number == 3:  # killed before the index is there: new shards lie beside the old
            with monkeypatch.context() as patched:
                patched.setattr("ranvier.files.shards.json.dumps", lambda *a, **k: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    model.save_weights(path, max_shard_size=size)
            model.load_weights(path)
            assert generation(model.get_weights()) == 2
            continue
        model.save_weights(path, max_shard_size=size)
        model.load_weights(path)
        assert generation(model.get_weights()) == number
        assert len(list(tmp_path.iterdir())) == 1 + len(list(tmp_path.glob("*.weights.h5")))
    model.save_weights(path, max_shard_size=size)
    shards = {f for files in json.loads(path.read_text())["weight_map"].values() for f in files}
    assert {p.name for p in tmp_path.iterdir()} == shards | {path.name}


def test_what_is_being_written_is_not_taken_for_left_behind(tmp_path):
    path = tmp_path / "f.bin"
    stale = tmp_path / ".f.bin.abcdefgh.tmp"
    stale.write_bytes(b"half")
    other = tmp_path / ".f.bin.longer_than_that.tmp"
    other.write_bytes(b"somebody's")
    with atomic.replacing(path) as outer:
        outer.write(b"outer")
        assert not stale.exists()
        with atomic.replacing(path) as inner:
            inner.write(b"inner")
        assert path.read_bytes() == b"inner"
    assert path.read_bytes() == b"outer"
    assert sorted(p.name for p in tmp_path.iterdir()) == [other.name, path.name]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.bin"
    link.symlink_to(tmp_path / "real" / "f.bin")
    (tmp_path / "real" / "f.bin").write_bytes(b"old")
    with atomic.replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "f.bin").read_bytes() == b"new"


class Terminal:
    """A standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("ending", ["m.keras", "m.h5", "w.weights.h5", "w.safetensors"])
def test_files_that_may_not_be_replaced(ending, tmp_path, monkeypatch):
    model, path = overwriting.build(), tmp_path / ending
    save = saving.save_weights if ending.startswith("w") else saving.save_model
    save(model, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="exists, and overwrite is False"):
        save(model, path, overwrite=False)
    answers = iter(["what?", "n", "Y"])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    model.layers[0].kernel.assign(model.layers[0].kernel.value * 0)
    save(model, path, overwrite=False)
    assert path.read_bytes() == before
    save(model, path, overwrite=False)
    assert path.read_bytes() != before
    with pytest.raises(StopIteration):
        next(answers)
