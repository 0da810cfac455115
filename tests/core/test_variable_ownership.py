"""A variable's array is its own: nothing that happens to the array it came from can change or free it."""

import jax
import numpy as np
import pytest

from ranvier.core.variables import Variable


def assigned(value):
    variable = Variable(np.zeros_like(value))
    variable.assign(value)
    return variable


@pytest.mark.parametrize(
    "make", [Variable, assigned, lambda value: Variable(lambda shape, dtype: value, shape=value.shape)]
)
# JAX shares memory with NumPy arrays that happen to be aligned, so several sizes are tried.
@pytest.mark.parametrize("size", [64, 1000, 4096, 4097])
def test_numpy_memory_is_not_shared(make, size):
    arrays = [np.zeros(size, np.float32) for _ in range(8)]
    variables = [make(array) for array in arrays]
    for array in arrays:
        array[:] = 1
    assert all(float(variable.value[0]) == 0 for variable in variables)


@pytest.mark.parametrize("make", [Variable, assigned, lambda value: Variable(lambda shape, dtype: value, shape=(3,))])
def test_jax_arrays_are_not_shared(make):
    first = Variable(np.ones(3, np.float32))
    second = make(first.stored_value())
    jax.jit(lambda a, b: (a + 1, b + 1), donate_argnums=(0, 1))(first.stored_value(), second.stored_value())
    third = make(jax.device_put(np.ones(3, np.float32)))
    assert third.numpy().tolist() == [1, 1, 1]
