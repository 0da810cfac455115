"""Operations of the user's in graphs, functions, files."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

import ranvier
from ranvier import Function, Operation, layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, NotBuiltError, ShapeError


def shift(package):
    class Shift(package.Operation):
        def __init__(self, by, name=None):
            super().__init__(name=name)
            self.by = by

        def call(self, x):
            return x + self.by

        def compute_output_spec(self, x):
            return package.KerasTensor(x.shape, x.dtype)

    return Shift


@pytest.mark.parametrize("package", [ranvier, keras], ids=["ranvier", "keras"])
def test_operations_compute_record_and_describe_themselves(package):
    keras.backend.clear_session()
    kind = shift(package)
    operation = kind(2)
    np.testing.assert_array_equal(operation(np.ones(3)), np.full(3, 3))
    assert operation.name == "shift"
    assert operation.get_config() == {"name": "shift", "by": 2}
    assert kind.from_config(operation.get_config()).by == 2
    x = package.Input((3,))
    y = operation(x)
    assert (y.shape, operation.input is x, operation.output is y) == ((None, 3), True, True)
    assert isinstance(package.layers.Dense(1), package.Operation)
    with pytest.raises(ValueError, match="name"):
        package.Operation(name=3)
    with pytest.raises(ValueError, match="name"):
        package.Operation(name="a/b")


def test_models_with_operations_of_the_users_are_saved_and_cloned(tmp_path):
    kind = shift(ranvier)
    x = ranvier.Input((3,))
    model = ranvier.Model(x, kind(5)(layers.Dense(2)(x)))
    model.save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras", custom_objects={"Shift": kind})
    data = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(again(data), model(data))
    assert ranvier.models.clone_model(model).count_params() == 8


def test_operations_without_call_and_uncalled_ones():
    with pytest.raises(ArgumentTypeError, match="must define `call`"):
        Operation()(1.0)
    with pytest.raises(NotBuiltError, match="has not been called"):
        shift(ranvier)(1).output  # noqa: B018


def test_functions_run_the_graph_between_tensors():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    function = Function({"a": a, "b": b}, [a + b, layers.Dense(2)(a)], name="both")
    ones = np.ones((1, 3), "float32")
    outputs = function({"b": 2 * ones, "a": ones})
    np.testing.assert_array_equal(outputs[0], 3 * ones)
    assert outputs[1].shape == (1, 2)
    assert function.name == "both"
    assert len(function.inputs) == 2
    assert len(function.outputs) == 2
    assert "both" not in [operation.name for operation in function.operations]
    assert function.compute_output_shape({"a": (5, 3), "b": (5, 3)}) == [(5, 3), (5, 2)]
    spec = function.compute_output_spec({"a": a, "b": b})
    assert [t.shape for t in spec] == [(None, 3), (None, 2)]
    again = Function.from_config(function.get_config())
    np.testing.assert_array_equal(again({"a": ones, "b": ones})[0], 2 * ones)


def test_functions_refuse_what_does_not_fit():
    x = layers.Input((3,))
    with pytest.raises(ArgumentError, match="depend on the input"):
        Function(x, layers.Input((3,)) * 2)
    function = Function(x, x * 2)
    with pytest.raises(ShapeError, match=r"\(2, 4\)"):
        function(np.ones((2, 4)))
    with pytest.raises(ShapeError, match="1 input"):
        function([np.ones((2, 3))] * 2)
    assert function(np.ones((2, 3), "int32")).dtype == "int32"


def test_remat_keeps_results_and_gradients():
    f = lambda x: jax.numpy.sin(x) ** 2  # noqa: E731
    assert float(jax.grad(ranvier.remat(f))(0.5)) == float(jax.grad(f)(0.5))
    call = Operation().rematerialized_call(f, 0.5)
    assert "remat" in str(jax.make_jaxpr(call)(0.5)) or "checkpoint" in str(jax.make_jaxpr(call)(0.5))
