"""Arrays on the device: the same numbers, in memory of their own."""

import jax
import numpy as np
import pytest

from ranvier.training.placement import placed


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "bool", "float16"])
@pytest.mark.parametrize("rows", [3, 1 << 14])
def test_placed_arrays_keep_their_numbers_when_the_original_changes(rng, dtype, rows):
    array = (rng.random((rows, 9, 33)) * 200).astype(dtype)
    expected = array.copy()
    found = placed(array)
    array[:] = 0
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)


def test_strided_and_transposed_arrays_keep_their_order(rng):
    array = rng.random((2000, 40, 60)).astype("float32")
    np.testing.assert_array_equal(placed(array[::2, :, ::-1]), array[::2, :, ::-1])
    np.testing.assert_array_equal(placed(array.transpose(2, 0, 1)), array.transpose(2, 0, 1))


def test_64_bit_arrays_become_what_jax_makes_of_them(rng):
    array = rng.random((1 << 12, 300))
    assert placed(array).dtype == jax.numpy.asarray(array[:1]).dtype
    np.testing.assert_allclose(placed(array), array, rtol=1e-6)


def test_jax_arrays_stay_where_they_are():
    array = jax.device_put(np.ones((2048, 1024), np.float32))
    assert placed(array) is array


def test_small_arrays_share_no_memory_wherever_they_begin():
    memory = np.zeros(4096, np.float32)
    for start in range(32):
        part = memory[start : start + 100]
        found = placed(part)
        part[:] = 1
        np.testing.assert_array_equal(found, np.zeros(100))
        part[:] = 0


def test_placing_compiles_nothing():
    compiled = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jax._src.compiler.backend_compile_and_load", lambda *a, **k: compiled.append(a))
        for rows in (3, 5, 7):
            placed(np.ones((rows, 11, 13), np.float64))
    assert compiled == []
