"""safetensors files: by the published format, both ways with its own package."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy

import ranvier
from ranvier import layers, saving
from ranvier.core.errors import SerializationError
from ranvier.files.safetensors import read_tensors, write_tensors

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
]


def model_of(name="net", **options):
    return ranvier.Sequential(
        [ranvier.Input((3,)), layers.Dense(4, **options), layers.BatchNormalization(**options), layers.Dense(2)],
        name=name,
    )


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))


def test_arrays_go_both_ways_with_the_package(tmp_path, rng):
    arrays = {f"of/{d}": (rng.normal(size=(3, 2)) * 9).astype(d) for d in DTYPES}
    arrays |= {"scalar": np.array(3, "float32"), "empty": np.zeros((0, 4), "float32"), "ünï": np.ones(5, "int8")}
    ours, theirs = str(tmp_path / "o.safetensors"), str(tmp_path / "t.safetensors")
    write_tensors(ours, arrays, {"about": "a test"})
    safetensors.numpy.save_file(arrays, theirs, {"about": "a test"})
    found = safetensors.numpy.load_file(ours)
    with read_tensors(theirs) as tensors:
        assert set(tensors) == set(found) == set(arrays)
        for name, array in arrays.items():
            for other in (found[name], tensors[name][()]):
                assert other.dtype == array.dtype
                np.testing.assert_array_equal(other, array)


def test_weights_are_called_by_their_paths(tmp_path):
    model = model_of()
    model.save_weights(tmp_path / "w.safetensors")
    found = safetensors.numpy.load_file(tmp_path / "w.safetensors")
    assert sorted(found) == sorted(v.path for v in model.weights)
    np.testing.assert_array_equal(found["net/dense/kernel"], model.layers[0].kernel)
    found = {k: v + np.float32(1) for k, v in found.items()}
    safetensors.numpy.save_file(found, tmp_path / "t.safetensors")
    report = model.load_weights(tmp_path / "t.safetensors")
    assert report.complete
    assert not report.unused
    np.testing.assert_array_equal(found["net/dense/kernel"], model.layers[0].kernel)


def test_a_model_made_again_has_other_names_and_still_fits(tmp_path):
    model = model_of("one")
    model.save_weights(tmp_path / "w.safetensors")
    again = model_of("two")
    assert again.weights[0].path == "two/dense_2/kernel"
    assert again.load_weights(tmp_path / "w.safetensors").complete
    assert same(model, again)
    model.save(tmp_path / "m.keras")
    loaded = ranvier.models.load_model(tmp_path / "m.keras")
    assert loaded.load_weights(tmp_path / "w.safetensors").complete
    other = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(4), layers.Dense(2)])
    with pytest.raises(SerializationError, match="has 2 weights of its own, the file has 0"):
        other.load_weights(tmp_path / "w.safetensors")


def test_narrow_weights(tmp_path):
    narrow = model_of(dtype="bfloat16")
    narrow.save_weights(tmp_path / "n.safetensors")
    again = model_of(dtype="bfloat16")
    again.load_weights(tmp_path / "n.safetensors")
    assert same(narrow, again)
    assert again.weights[0].dtype == "bfloat16"
    wide = model_of()
    wide.load_weights(tmp_path / "n.safetensors")  # loses nothing
    np.testing.assert_array_equal(wide.get_weights()[0], narrow.get_weights()[0].astype("float32"))


def test_what_layers_keep_themselves(tmp_path):
    def table_of(texts):
        table = layers.StringLookup(output_mode="tf_idf")
        table.adapt(texts)
        return ranvier.Sequential([ranvier.Input((1,), dtype="string"), table, layers.Dense(2)])

    model = table_of(["b", "a", "c", "c"])
    model.save_weights(tmp_path / "t.safetensors")
    before = model(np.array([["a"], ["q"]]))
    fresh = table_of(["a", "a", "a", "b", "c"])
    assert fresh.load_weights(tmp_path / "t.safetensors").complete
    weights = [m.layers[0].get_vocabulary() and [float(n) for n in stored(m.layers[0])] for m in (model, fresh)]
    assert weights[0] == weights[1]
    model.load_weights(tmp_path / "t.safetensors")
    np.testing.assert_array_equal(model(np.array([["a"], ["q"]])), before)


def stored(layer):
    store = {}
    layer.save_own_variables(store)
    return store["idf_weights"]


def _file(header, numbers=b"\0" * 8):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut short"),
        (b"\xff" * 20, "cut short"),
        (_file(b"[" * 100_000), "levels deep"),
        (_file([1]), "does not describe"),
        (_file({"a": ENTRY | {"data_offsets": [0, 4]}}), "does not have the bytes"),
        (_file({"a": ENTRY | {"shape": [1 << 40]}}), "does not have the bytes"),
        (_file({"a": ENTRY | {"shape": [-2]}}), "does not describe"),
        (_file({"a": ENTRY | {"dtype": "PICKLE"}}), "'PICKLE', which is unknown"),
        (_file({"a": ENTRY, "b": ENTRY}), "does not have the bytes"),
        (_file({"a": ENTRY}, b"\0" * 7), "header describes 8"),
        (_file({"a": ENTRY}, b"\0" * 9), "header describes 8"),
        (_file(b'{"a":%b,"a":%b}' % ((json.dumps(ENTRY).encode(),) * 2)), "twice"),
        (_file({"a": ENTRY | {"shape": ["2"]}}), "does not describe"),
        (_file({"a": ENTRY | {"shape": [True, 2]}}), "does not describe"),
    ],
)
def test_what_is_no_such_file_is_refused(content, words, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(SerializationError, match=words) as error:
        model_of().load_weights(path)
    assert len(str(error.value)) < 1000
    with pytest.raises(SerializationError, match="complex128"):
        write_tensors(str(tmp_path / "y.safetensors"), {"a": np.zeros(2, complex)})


def test_kinds_of_numbers_are_kept(tmp_path):
    path = str(tmp_path / "x.safetensors")
    layer = layers.Dense(2, name="d")
    layer.build((None, 3))
    write_tensors(path, {"d/kernel": np.zeros((3, 2), "complex64"), "d/bias": np.zeros(2, "float32")})
    with pytest.raises(SerializationError, match="numbers would be lost"):
        saving.load_weights(layer, path)
    write_tensors(path, {"d/kernel": np.ones((3, 2), "int8"), "d/bias": np.zeros(2, "float64")})
    saving.load_weights(layer, path)
    np.testing.assert_array_equal(layer.kernel, np.ones((3, 2)))
