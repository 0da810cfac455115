"""The data sets that are downloaded, on small files of the same forms: Keras's arrays, bit for bit."""

import gzip
import hashlib
import io
import itertools
import json
import pickle
import struct
import sys
import tarfile

import keras
import numpy as np
import pytest

from ranvier import config, datasets
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError, DownloadError
from ranvier.datasets import cifar10, cifar100, fashion_mnist, sources


def _lists(rng, count):
    out = np.empty(count, object)
    out[:] = [rng.integers(1, 30, n % 9 + 1).tolist() for n in range(count)]
    return out


@pytest.fixture
def files(tmp_path, rng):
    np.savez(tmp_path / "imdb.npz", x_train=_lists(rng, 20), y_train=np.arange(20) % 2,
             x_test=_lists(rng, 12), y_test=np.arange(12) % 2)  # fmt: skip
    np.savez(tmp_path / "reuters.npz", x=_lists(rng, 30), y=np.arange(30))
    np.savez(tmp_path / "housing.npz", x=rng.normal(size=(700, 8)), y=np.arange(700.0))
    (tmp_path / "words.json").write_text(json.dumps({"the": 1, "naïve": 2}))
    return tmp_path


def _keras(monkeypatch, function, file, *args, **kwargs):
    """Keras's result for a file of ours."""
    monkeypatch.setattr(sys.modules[function.__module__], "get_file", lambda *a, **k: str(file))
    return function(*args, **kwargs)


def _same(ours, theirs):
    for (a, b), (c, d) in zip(ours, theirs, strict=True):
        for x, y in ((a, c), (b, d)):
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            assert x.tolist() == y.tolist()


TEXT_ARGUMENTS = [
    dict(zip(("num_words", "skip_top", "maxlen", "oov_char", "start_char"), choice, strict=True))
    for choice in itertools.product((None, 20), (0, 4), (None, 6), (2, None), (1, None))
]


@pytest.mark.parametrize("arguments", [*TEXT_ARGUMENTS, {"index_from": 0, "seed": 3}], ids=str)
def test_imdb(files, monkeypatch, arguments):
    ours = datasets.imdb.load_data(files / "imdb.npz", **arguments)
    _same(ours, _keras(monkeypatch, keras.datasets.imdb.load_data, files / "imdb.npz", **arguments))


@pytest.mark.parametrize("arguments", [*TEXT_ARGUMENTS, {"test_split": 0.5, "seed": 1}, {"test_split": 0}], ids=str)
def test_reuters(files, monkeypatch, arguments):
    ours = datasets.reuters.load_data(files / "reuters.npz", **arguments)
    _same(ours, _keras(monkeypatch, keras.datasets.reuters.load_data, files / "reuters.npz", **arguments))


def test_word_indices_and_topics(files):
    for which in (datasets.imdb, datasets.reuters):
        assert which.get_word_index(files / "words.json") == {"the": 1, "naïve": 2}
    assert datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()
    (files / "words.json").write_text('{"a": "b"}')
    with pytest.raises(DataError, match="words to integers"):
        datasets.imdb.get_word_index(files / "words.json")


def test_texts_refuse(files):
    with pytest.raises(ArgumentError, match="maxlen=1"):
        datasets.imdb.load_data(files / "imdb.npz", maxlen=1)
    with pytest.raises(ArgumentError, match="test_split=2"):
        datasets.reuters.load_data(files / "reuters.npz", test_split=2)
    with pytest.raises(ArgumentTypeError, match="foo"):
        datasets.imdb.load_data(files / "imdb.npz", foo=1)
    assert max(map(max, datasets.imdb.load_data(files / "imdb.npz", nb_words=9)[0][0])) < 9


@pytest.mark.parametrize("arguments", [{}, {"test_split": 0.33, "seed": 7}, {"test_split": 0}], ids=str)
def test_housing(files, monkeypatch, arguments):
    path = files / "housing.npz"
    for name in ("boston_housing", "california_housing"):
        ours, theirs = getattr(datasets, name).load_data, getattr(keras.datasets, name).load_data
        _same(ours(path=path, **arguments), _keras(monkeypatch, theirs, path, **arguments))
    small = datasets.california_housing.load_data("small", path, **arguments)
    _same(small, _keras(monkeypatch, keras.datasets.california_housing.load_data, path, "small", **arguments))
    with pytest.raises(ArgumentError, match="version='tiny'"):
        datasets.california_housing.load_data("tiny", path)
    with pytest.raises(ArgumentError, match="test_split=1"):
        datasets.boston_housing.load_data(path, 1)


def _idx(array):
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


def test_fashion_mnist(tmp_path, monkeypatch, rng):
    made = {}
    for part, count in (("train", 5), ("t10k", 3)):
        images, labels = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8), np.arange(count, dtype=np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(_idx(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(_idx(labels))
        made[part] = (images, labels)
    monkeypatch.setattr(fashion_mnist, "find", lambda name: tmp_path / name)
    ours = fashion_mnist.load_data()
    _same(ours, (made["train"], made["t10k"]))
    theirs = keras.datasets.fashion_mnist.load_data
    monkeypatch.setattr(sys.modules[theirs.__module__], "get_file", lambda name, **k: str(tmp_path / name))
    _same(ours, theirs())
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(_idx(np.arange(4, dtype=np.uint8)))
    with pytest.raises(DataError, match="do not belong together"):
        fashion_mnist.load_data()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"plain", "no gzip file"),
        (gzip.compress(b"\0\0\x0d\1\0\0\0\1xxxx"), "no IDX array"),
        (gzip.compress(b"\0\0\x08\3\0\0"), "cut short"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\4xx"), "should hold 4 bytes"),
        (gzip.compress(b"\0\0\x08\1\xff\xff\xff\xffxx"), "should hold 4,294,967,295 bytes"),
        (_idx(np.zeros(9, np.uint8))[:-9], "no gzip file, or a damaged one"),
    ],
    ids=["no gzip", "no idx", "no header", "few bytes", "many bytes", "damaged"],  # the bytes hold the time
)
def test_idx_files_that_are_none(tmp_path, content, message):
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        fashion_mnist.read_idx(tmp_path / "x.gz")


def _cifar_archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, value in members.items():
            content = pickle.dumps(value, 2)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def _cifar(rng, count, *keys):
    pixels = rng.integers(0, 256, (count, 3072)).astype(np.uint8)
    return {b"data": pixels, **{key.encode(): rng.integers(0, 10, count).tolist() for key in keys}}


def test_cifar10(tmp_path, monkeypatch, rng):
    batches = {f"cifar-10-batches-py/data_batch_{i}": _cifar(rng, 4, "labels") for i in range(1, 6)}
    test = _cifar(rng, 3, "labels")
    path = _cifar_archive(tmp_path / "c.tar.gz", {**batches, "cifar-10-batches-py/test_batch": test})
    monkeypatch.setattr(cifar10, "find", lambda name: path)
    (x, y), (x_test, y_test) = cifar10.load_data()
    assert [(a.shape, a.dtype) for a in (x, y, x_test, y_test)] == [
        ((20, 32, 32, 3), np.uint8), ((20, 1), np.uint8), ((3, 32, 32, 3), np.uint8), ((3, 1), np.uint8)
    ]  # fmt: skip
    second = batches["cifar-10-batches-py/data_batch_2"]
    assert x[5, 2, 7, 1] == second[b"data"][1, 1024 + 2 * 32 + 7]
    assert y[4:8, 0].tolist() == second[b"labels"]
    config.set_image_data_format("channels_first")
    assert np.array_equal(cifar10.load_data()[0][0], x.transpose(0, 3, 1, 2))
    del batches["cifar-10-batches-py/data_batch_3"]
    _cifar_archive(path, batches)
    with pytest.raises(DataError, match=r"Missing: .*data_batch_3, .*test_batch"):
        cifar10.load_data()


def test_cifar100(tmp_path, monkeypatch, rng):
    train, test = _cifar(rng, 5, "fine_labels", "coarse_labels"), _cifar(rng, 2, "fine_labels", "coarse_labels")
    path = _cifar_archive(tmp_path / "c.tar.gz", {"cifar-100-python/train": train, "cifar-100-python/test": test})
    monkeypatch.setattr(cifar100, "find", lambda name: path)
    for mode in ("fine", "coarse"):
        folder = tmp_path / "cifar-100-python"
        folder.mkdir(exist_ok=True)
        for name, value in (("train", train), ("test", test)):
            (folder / name).write_bytes(pickle.dumps(value))
        theirs = keras.datasets.cifar100.load_data
        monkeypatch.setattr(sys.modules[theirs.__module__], "get_file", lambda *a, **k: str(tmp_path))
        _same(cifar100.load_data(mode), theirs(mode))
    with pytest.raises(ArgumentError, match="label_mode='x'"):
        cifar100.load_data("x")
    train[b"data"] = train[b"data"][:, :-1]
    _cifar_archive(path, {"cifar-100-python/train": train, "cifar-100-python/test": test})
    with pytest.raises(DataError, match="cifar-100-python/train must hold uint8 pixels"):
        cifar100.load_data()


def test_files_come_from_the_source_once_and_must_be_the_right_ones(files, tmp_path, monkeypatch):
    monkeypatch.setenv("RANVIER_HOME", str(tmp_path / "home"))
    content = (files / "housing.npz").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    source = sources.SOURCES["boston_housing.npz"]._replace(origin=(files / "housing.npz").as_uri(), file_hash=digest)
    monkeypatch.setitem(sources.SOURCES, "boston_housing.npz", source)
    first = datasets.boston_housing.load_data()
    monkeypatch.setitem(sources.SOURCES, "boston_housing.npz", source._replace(origin="file:///none"))
    _same(datasets.boston_housing.load_data(), first)
    monkeypatch.setitem(sources.SOURCES, "boston_housing.npz", source._replace(file_hash="0" * 64))
    with pytest.raises(DownloadError, match="instead of 0000"):
        datasets.boston_housing.load_data("another_name.npz")
    with pytest.raises(ArgumentTypeError, match="path=3"):
        datasets.boston_housing.load_data(3)


def test_every_source_is_https_and_has_a_hash():
    for name, source in sources.SOURCES.items():
        assert source.origin.startswith("https://"), name
        assert len(source.file_hash) == (32 if name.endswith(".json") else 64), name
