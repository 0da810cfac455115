"""A checkpoint's file gives back the same bits or is refused, whatever happens to it; generations fall back."""

import os
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.core.errors import RanvierWarning, SerializationError
from ranvier.files import atomic
from ranvier.files.checkpoint import read_checkpoint, write_checkpoint
from ranvier.files.generations import Generations
from ranvier.files.plain import NotPlainError, pack, unpack


def same(a, b):
    """Whether two values have the same types, forms and bits."""
    if isinstance(a, (np.ndarray, np.generic)):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return type(b) is float and np.float64(a).tobytes() == np.float64(b).tobytes()
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
leaves |= st.sampled_from(
    [np.float32(1.5), np.bool_(True), np.arange(3), np.zeros((0, 2), np.int8), np.array(2.5, jnp.bfloat16)]
)
keys = st.text(max_size=3) | st.integers() | st.sampled_from(["$array", "$dict"])
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3) | st.tuples(inner, inner),
)


@given(trees)
@settings(max_examples=200, deadline=None)
def test_plain_data_comes_back(value):
    arrays = []
    assert same(unpack(pack(value, arrays), arrays), value)


def test_a_file_gives_back_what_was_written(tmp_path, rng):
    state = {
        "float": [0.1, float("nan"), float("inf"), -0.0, 5e-324],
        "arrays": [
            rng.normal(size=(3, 4)),
            np.float32(0.1),
            np.array("text"),
            np.arange(6, dtype=">i4").reshape(2, 3).T,
        ],
        "other floats": [jnp.ones((2, 2), "bfloat16") / 3, jnp.ones((3,), "float8_e4m3fn")],
        "jax": jnp.arange(3),
        "sets": ({1, 2}, frozenset("a"), ()),
        "large": 2**200,
    }
    write_checkpoint(tmp_path / "a.npz", state)
    found = read_checkpoint(tmp_path / "a.npz")
    assert same(found["float"], state["float"])
    assert same(found["arrays"][:3], state["arrays"][:3])
    assert np.array_equal(found["arrays"][3], state["arrays"][3])
    for a, b in zip([*found["other floats"], found["jax"]], [*state["other floats"], state["jax"]], strict=True):
        assert same(a, np.asarray(b))
    assert found["sets"] == state["sets"]
    assert found["large"] == 2**200
    assert found["arrays"][0].flags.writeable


def test_generators_go_on_where_they_stood(tmp_path):
    for kind in ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"):
        generator = np.random.Generator(getattr(np.random, kind)(3))
        generator.random(5, np.float32)
        write_checkpoint(tmp_path / "g.npz", generator)
        assert np.array_equal(read_checkpoint(tmp_path / "g.npz").random(9), generator.random(9))


@pytest.mark.parametrize(
    "value", [object(), lambda: 0, np.array([None]), {"a": [print]}, np.zeros(2, "i4,i4")], ids=range(5)
)
def test_nothing_else_is_written(value, tmp_path):
    with pytest.raises(NotPlainError):
        write_checkpoint(tmp_path / "a.npz", value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "state.npz"
    state = {
        "epoch": 3,
        "values": [np.arange(7, dtype=np.float32), np.ones((2, 3), jnp.bfloat16)],
        "logs": {"loss": 0.25},
    }
    write_checkpoint(path, state)
    return path, state, path.read_bytes()


def check(path, state, raw):
    """The bytes are refused, or mean what was written."""
    path.write_bytes(raw)
    try:
        found = read_checkpoint(path)
    except SerializationError as error:
        return path.name in str(error) and len(str(error)) < 1000
    assert same(found, state)
    return False


def test_every_flipped_bit_is_noticed_or_harmless(written):
    path, state, raw = written
    refused = 0
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        refused += check(path, state, bytes(changed))
    assert refused > len(raw) / 2


def test_every_torn_file_is_noticed(written):
    path, state, raw = written
    assert all(check(path, state, raw[:size]) for size in range(len(raw)))
    assert all(check(path, state, raw[:size] + b"\0" * (len(raw) - size)) for size in range(0, len(raw) - 30, 7))


def test_files_of_others_are_refused(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(SerializationError, match=r"other\.npz"):
        read_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("state.json", '{"format": "ranvier checkpoint 9", "state": null, "dtypes": []}')
    with pytest.raises(SerializationError, match="format is 'ranvier checkpoint 9'"):
        read_checkpoint(path)
    for state in (
        '{"$code": 1}',
        '{"$generator": {"bit_generator": "default_rng"}}',
        '{"$array": 5}',
        '{"$float": "1"}',
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("state.json", f'{{"format": "ranvier checkpoint 1", "state": {state}, "dtypes": []}}')
        with pytest.raises(SerializationError, match="other"):
            read_checkpoint(path)


def test_compressed_and_lying_files_are_refused_before_they_cost_memory(tmp_path):
    path = tmp_path / "bomb.npz"
    document = '{"format": "ranvier checkpoint 1", "state": null, "dtypes": ["float64"]}'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("state.json", document)
        archive.writestr("0.npy", b"\0" * 1000)
    with pytest.raises(SerializationError, match="not as they were written"):
        read_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("state.json", document)
        with archive.open("0.npy", "w") as member:
            np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (2**50,)})
    with pytest.raises(SerializationError, match="array 0"):
        read_checkpoint(path)


# --- generations ------------------------------------------------------------------------------------------------------


def test_the_newest_and_the_one_before_are_kept(tmp_path):
    kept = Generations(tmp_path / "deep" / "run")
    for epoch in range(4):
        kept.add(epoch)
        assert Generations(kept.folder).newest() == epoch
    assert [path.name for path in kept.paths()] == ["generation-00000004.npz", "generation-00000003.npz"]


@pytest.mark.parametrize(
    "harm", [lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: raw.replace(b"40", b"41")]
)
def test_a_damaged_newest_generation_falls_back_and_says_so(tmp_path, harm):
    kept = Generations(tmp_path)
    for epoch in (30, 40):
        kept.add({"epoch": epoch})
    newest = kept.paths()[0]
    newest.write_bytes(harm(newest.read_bytes()))
    again = Generations(tmp_path)
    with pytest.warns(
        RanvierWarning, match=r"generation-00000002\.npz is damaged.* from the one before, generation-00000001\.npz"
    ):
        assert again.newest() == {"epoch": 30}
    again.add({"epoch": 50})  # keeps the whole one, not the damaged one
    assert [path.name for path in again.paths()] == ["generation-00000003.npz", "generation-00000001.npz"]


def test_when_all_are_damaged_nothing_is_removed(tmp_path):
    kept = Generations(tmp_path)
    kept.add(1)
    kept.paths()[0].write_bytes(b"")
    with pytest.raises(SerializationError, match=r"No checkpoint in .* can be read\. generation-00000001\.npz"):
        Generations(tmp_path).newest()
    assert len(kept.paths()) == 1


def test_a_full_disk_leaves_the_last_generation(tmp_path, monkeypatch):
    kept = Generations(tmp_path)
    kept.add({"epoch": 1})

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        kept.add({"epoch": 2})
    monkeypatch.undo()
    assert kept.newest() == {"epoch": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_kill_left_is_removed_and_other_files_are_not(tmp_path):
    kept = Generations(tmp_path)
    (tmp_path / ".generation-00000001.npz.abc123.tmp").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    kept.add(1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generation-00000001.npz", "notes.txt"]
    kept.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    (tmp_path / "notes.txt").unlink()
    kept.add(1)
    kept.clear()
    assert not tmp_path.exists()


def test_the_order_of_writing(tmp_path, monkeypatch):
    """Content on the disk before the name, the name on the disk before the older generation goes."""
    kept, calls = Generations(tmp_path), []
    for name in ("fsync", "replace", "unlink"):
        original = getattr(atomic.os, name)
        monkeypatch.setattr(atomic.os, name, lambda *a, n=name, f=original, **k: (calls.append(n), f(*a, **k))[1])
    kept.add(1)
    assert calls == ["fsync", "replace", "fsync"]
