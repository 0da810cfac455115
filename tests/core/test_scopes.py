"""Scopes that programs open themselves."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, ShapeError


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_stateless_scopes_hold_values_and_leave_the_variables_alone(package):
    v, u = package.Variable(2.0), package.Variable(3.0)
    with package.StatelessScope([(v, np.float32(5.0))]) as scope:
        assert float(v) == 5
        assert float(u) == 3
        v.assign(v * 2)
        scope.add_update((u, np.float32(9.0)))
        assert float(u) == 9
    assert (float(scope.get_current_value(v)), float(scope.get_current_value(u))) == (10, 9)
    assert (float(v), float(u)) == (2, 3)
    assert package.StatelessScope().get_current_value(v) is None


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_stateless_scopes_gather_the_losses_that_layers_add(package):
    layer = package.layers.ActivityRegularization(l2=1.0)
    with package.StatelessScope(collect_losses=True) as scope:
        layer(np.ones((2, 3), "float32"))
    assert [float(loss) for loss in scope.losses] == [3.0]


def test_stateless_scopes_can_be_differentiated_through():
    layer = layers.Dense(1)
    layer.build((None, 2))

    def loss(kernel):
        with ranvier.StatelessScope([(layer.kernel, kernel)]):
            return layer(np.ones((1, 2), "float32"))[0, 0]

    np.testing.assert_array_equal(jax.jit(jax.grad(loss))(layer.kernel.value), np.ones((2, 1)))


def test_stateless_scopes_refuse_what_does_not_fit():
    with pytest.raises(ArgumentError, match="variables"):
        ranvier.StatelessScope([(1, 2)])
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        ranvier.StatelessScope([(ranvier.Variable(1.0), np.ones(3))])


def test_symbolic_scopes_forget():
    v = ranvier.Variable(1.0)
    with ranvier.SymbolicScope():
        v.assign(4.0)
    assert float(v) == 1


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_names_nest(package):
    with package.name_scope("a"), package.name_scope("b", caller=package):
        assert package.Variable(1.0, name="v").path == "a/b/v"
    for name in ("a/b", None):
        with pytest.raises(ValueError, match="name"):
            package.name_scope(name)
    with pytest.raises(TypeError, match="foo"):
        package.name_scope("a", foo=1)


def test_devices():
    cpu = jax.devices("cpu")[0]
    for name in ("cpu", "cpu:0", "CPU:0", cpu):
        with ranvier.device(name):
            assert ranvier.Variable(1.0).value.devices() == {cpu}
    for name in ("abacus", "cpu:99", "cpu:x"):
        with pytest.raises(ArgumentError, match="no device"):
            ranvier.device(name)
    with pytest.raises(ArgumentError, match="device_name"):
        ranvier.device(None)


def test_variables_take_a_layout():
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    v = ranvier.Variable(np.ones(4, "float32"), layout=sharding)
    assert v.value.sharding == sharding
    v.assign(v * 2)
    assert v.numpy().tolist() == [2, 2, 2, 2]
