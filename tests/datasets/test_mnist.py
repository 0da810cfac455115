"""MNIST: the package's copy, files of one's own, the cache, and what is refused."""

import numpy as np
import pytest

from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError
from ranvier.datasets import mnist


def small_archive(path, **changes):
    arrays = {
        "x_train": np.zeros((3, 28, 28), np.uint8),
        "y_train": np.arange(3, dtype=np.uint8),
        "x_test": np.ones((2, 28, 28), np.uint8),
        "y_test": np.arange(2, dtype=np.uint8),
    }
    arrays.update(changes)
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_the_packages_copy_is_the_whole_database():
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert (x_train.shape, x_test.shape, x_train.dtype) == ((60000, 28, 28), (10000, 28, 28), np.uint8)
    # Class counts as published with the database.
    assert np.bincount(y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (x_train.min(), x_train.max()) == (0, 255)


def test_the_attribution_travels_with_the_data():
    assert "CC BY-SA 3.0" in (mnist._BUNDLED.parent / "ATTRIBUTION.md").read_text()


def test_a_file_of_ones_own_and_one_in_the_cache(tmp_path, monkeypatch):
    (x, y), (u, _) = mnist.load_data(path=small_archive(tmp_path / "mine.npz"))
    assert (x.shape, y.tolist(), u.shape) == ((3, 28, 28), [0, 1, 2], (2, 28, 28))
    monkeypatch.setenv("RANVIER_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    small_archive(tmp_path / "datasets" / "cached.npz")
    assert mnist.load_data("cached.npz")[0][0].shape == (3, 28, 28)


def test_what_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"neither at .*nothere\.npz nor at"):
        mnist.load_data("nothere.npz")
    with pytest.raises(ArgumentTypeError, match="path=3"):
        mnist.load_data(3)
    with pytest.raises(DataError, match="Missing: y_test"):
        mnist.load_data(small_archive(tmp_path / "a.npz", y_test=None))
    with pytest.raises(DataError, match="Python objects"):
        mnist.load_data(small_archive(tmp_path / "b.npz", y_test=np.array([{}], object)))
    (tmp_path / "c.npz").write_text("no archive")
    with pytest.raises(DataError, match=r"no \.npz archive"):
        mnist.load_data(tmp_path / "c.npz")
    whole = small_archive(tmp_path / "d.npz").read_bytes()
    (tmp_path / "d.npz").write_bytes(whole[:200] + b"\xff" * 50 + whole[250:])
    with pytest.raises(DataError, match="damaged"):
        mnist.load_data(tmp_path / "d.npz")
