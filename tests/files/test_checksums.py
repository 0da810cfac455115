"""Numbers that changed on the disk are noticed; files without checksums, and readers that know none, go on as ever."""

from __future__ import annotations

import h5py
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import safetensors.numpy

import ranvier
from ranvier import layers
from ranvier.core.errors import SerializationError
from ranvier.files.checksums import checksum, checksum_of

ENDINGS = (".weights.h5", ".safetensors", ".h5", ".weights.json")


def model_of(k=ranvier, dtype="float32"):
    model = k.Sequential(
        [k.Input((4,)), k.layers.Dense(3, dtype=dtype, name="first"), k.layers.Dense(2, dtype=dtype, name="last")]
    )
    model.compile("adam", "mse")
    return model


def trained(k=ranvier, dtype="float32"):
    model = model_of(k, dtype)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model.fit(x, x[:, :2], epochs=1, verbose=0)
    return model


def write(model, path):
    if path.name.endswith(".weights.json"):
        model.save_weights(path, max_shard_size=1)
    elif path.name.endswith((".weights.h5", ".safetensors")):
        model.save_weights(path)
    else:
        model.save(path)


def read(path):
    if path.name.endswith(".h5") and not path.name.endswith(".weights.h5"):
        return ranvier.models.load_model(path)
    model = model_of()
    model.optimizer.build(model.trainable_variables)
    model.load_weights(path)
    return model


def values(model):
    return [np.asarray(v) for v in [*model.weights, *model.optimizer.variables]]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_flipped_bit_in_any_array_is_refused(tmp_path, ending):
    path = tmp_path / f"m{ending}"
    model = trained()
    write(model, path)
    file = tmp_path / "m_00000.weights.h5" if ending == ".weights.json" else path
    good = file.read_bytes()
    held = values(model) if ending != ".safetensors" else [np.asarray(v) for v in model.weights]
    found = 0
    for array in held:
        at = good.find(array.tobytes())
        if array.nbytes < 8 or at < 0 or good.count(array.tobytes()) != 1:
            continue  # too few bytes to be found
        found += 1
        bad = bytearray(good)
        bad[at + 5] ^= 4
        file.write_bytes(bad)
        with pytest.raises(SerializationError, match="damaged"):
            read(path)
    assert found >= 4
    file.write_bytes(good)
    for one, two in zip(held, values(read(path)), strict=False):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("ending", [".weights.h5", ".safetensors"])
def test_a_damaged_file_leaves_the_model_as_it_was(tmp_path, ending):
    path = tmp_path / f"m{ending}"
    model = trained()
    model.save_weights(path)
    last = np.asarray(model.weights[-1])
    bad = bytearray(path.read_bytes())
    bad[bad.find(last.tobytes())] ^= 1
    path.write_bytes(bad)
    other = trained()
    other.layers[0].kernel.assign_add(np.ones((4, 3)))
    before = values(other)
    with pytest.raises(SerializationError, match="crc32"):
        other.load_weights(path)
    for one, two in zip(before, values(other), strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_an_array_is_counts_too():
    array = np.arange(6, dtype="float32")
    assert checksum_of(array) == checksum("float32", (6,), [array[:2].tobytes(), array[2:].tobytes()])
    different = [array.view("int32"), array.reshape(2, 3), array[::-1], array.astype("float64"), -array]
    assert len({checksum_of(a) for a in [array, *different]}) == 6
    assert checksum_of(np.array(array.reshape(2, 3), order="F")) == checksum_of(array.reshape(2, 3))
    assert checksum_of(np.zeros((0, 3))) != checksum_of(np.zeros((3, 0)))
    halves = np.asarray(jnp.ones((2,), "bfloat16"))
    assert checksum_of(halves) != checksum_of(halves.view("int16"))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "mixed_bfloat16"])
def test_keras_and_the_package_read_what_we_write(tmp_path, dtype):
    model = trained(dtype=dtype)
    for ending in (".weights.h5", ".keras", ".weights.json"):
        write(model, tmp_path / f"m{ending}")
        other = keras.models.load_model(tmp_path / "m.keras") if ending == ".keras" else model_of(keras, dtype)
        if ending != ".keras":
            other.optimizer.build(other.trainable_variables)
            other.load_weights(tmp_path / f"m{ending}")
        for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
    model.save_weights(tmp_path / "m.safetensors")
    found = safetensors.numpy.load_file(tmp_path / "m.safetensors") if dtype != "bfloat16" else {}
    for variable in model.weights if found else ():
        np.testing.assert_array_equal(found[variable.path], np.asarray(variable))
    again = model_of(dtype=dtype)
    again.load_weights(tmp_path / "m.safetensors")
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_files_without_checksums_load(tmp_path):
    theirs = trained(keras)
    theirs.save_weights(tmp_path / "k.weights.h5")
    theirs.save(tmp_path / "k.h5")
    with h5py.File(tmp_path / "k.weights.h5") as file:
        assert "crc32" not in file["layers/dense/vars/0"].attrs
    model = model_of()
    model.load_weights(tmp_path / "k.weights.h5")
    legacy = ranvier.models.load_model(tmp_path / "k.h5")
    arrays = {v.path: np.asarray(v) for v in model.weights}
    safetensors.numpy.save_file(arrays, tmp_path / "k.safetensors", {"crc32": "mine", "format": "np"})
    again = model_of()
    again.load_weights(tmp_path / "k.safetensors")
    for one, two, three, four in zip(
        theirs.get_weights(), model.get_weights(), legacy.get_weights(), again.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
        np.testing.assert_array_equal(one, four)


def test_a_configuration_in_h5_has_one(tmp_path):
    path = tmp_path / "m.h5"
    trained().save(path)
    good = path.read_bytes()
    for word, other in (
        (b"glorot_uniform", b""),
        (b'"units": 3', b'"units": 2'),
        (b'"epsilon": 1e-07', b'"epsilon": 1e-05'),
    ):
        if word in good and other:
            path.write_bytes(good.replace(word, other))
            with pytest.raises(SerializationError, match=r"_config in 'm.h5' is damaged"):
                ranvier.models.load_model(path)


def test_changed_on_purpose(tmp_path):
    path = tmp_path / "m.weights.h5"
    trained().save_weights(path)
    with h5py.File(path, "r+") as file:
        array = file["layers/dense/vars/0"]
        array[...] = 7
        del array.attrs["crc32"]
    model = model_of()
    model.load_weights(path)
    assert np.all(np.asarray(model.layers[0].kernel) == 7)


def test_arrays_that_files_give_are_a_models_own(tmp_path):
    """They are not copied on the way; training and assigning must not reach what somebody else holds."""
    model = trained()
    model.save(tmp_path / "m.keras")
    one, two = (ranvier.models.load_model(tmp_path / "m.keras") for _ in range(2))
    x = np.ones((8, 4), "float32")
    held = one.layers[0].kernel.value
    before = np.array(held)
    histories = [m.fit(x, x[:, :2], epochs=3, verbose=0).history["loss"] for m in (model, two)]
    assert histories[0] == histories[1]
    one.layers[0].kernel.assign(np.zeros((4, 3)))
    np.testing.assert_array_equal(np.asarray(held), before)
    wide = layers.Dense(3, dtype="float16")
    wide.build((None, 4))
    wide.kernel.adopt(np.ones((4, 3), "float32"))
    assert wide.kernel.dtype == "float16"
    with pytest.raises(ranvier.core.errors.ShapeError, match="must be that of variable"):
        wide.kernel.adopt(np.ones((3, 3), "float32"))
