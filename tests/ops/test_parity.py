"""Every function of ops against Keras: values, dtypes, signatures; with arrays, lists, Variables and symbols."""

import inspect
import types

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import ops
from ranvier.core.variables import Variable
from ranvier.ops.symbolic import KerasTensor

from .catalogue import BINARY, CALLS, POSITIVE, REDUCTIONS, UNARY

LATER: set[str] = set()


def _names(module):
    return [n for n in dir(module) if not n.startswith("_") and not isinstance(getattr(module, n), types.ModuleType)]


def _same(ours, theirs):
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        if hasattr(other, "dtype"):
            assert mine.dtype == other.dtype
        np.testing.assert_allclose(np.asarray(mine), np.asarray(other), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "args", "kwargs"), CALLS, ids=[f"{n}-{','.join(map(str, k)) or i}" for i, (n, _, k) in enumerate(CALLS)]
)
def test_values_and_dtypes_equal_those_of_keras(name, args, kwargs):
    _same(getattr(ops, name)(*args, **kwargs), getattr(keras.ops, name)(*args, **kwargs))


DTYPES = ["bool", "uint8", "int8", "int32", "float16", "bfloat16", "float32"]
NO_COMPARISON = {"shape", "size", "ndim", "nonzero"}


def _kinds(module, name, args):
    """Dtypes and shapes of the result, by tracing only; the error's kind where there is one."""
    try:
        return [(v.dtype.name, v.shape) for v in jax.tree.leaves(jax.eval_shape(getattr(module, name), *args))]
    except (TypeError, ValueError):
        return "refused"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("names", [UNARY, POSITIVE, REDUCTIONS], ids=["unary", "positive", "reductions"])
def test_result_dtypes_of_one_tensor(names, dtype):
    x = jnp.ones((3, 4), dtype)
    wrong = {}
    for name in set(names) - NO_COMPARISON:
        mine, other = (_kinds(module, name, (x,)) for module in (ops, keras.ops))
        if mine != other and other != "refused":
            wrong[name] = (mine, other)
    assert not wrong


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_dtypes_of_two_tensors(dtype):
    wrong = {}
    for name in [*BINARY, "matmul", "power", "logical_and", "dot"]:
        for second in DTYPES:
            args = (jnp.ones((3, 3), dtype), jnp.ones((3, 3), second))
            mine, other = (_kinds(module, name, args) for module in (ops, keras.ops))
            if mine != other and other != "refused":
                wrong[name, second] = (mine, other)
    assert not wrong


@pytest.mark.parametrize("name", _names(keras.ops))
def test_signatures_equal_those_of_keras(name):
    if name in LATER:
        pytest.skip("not part of ranvier yet")
    ours, theirs = (inspect.signature(getattr(module, name)) for module in (ops, keras.ops))
    assert [(p.name, p.default) for p in ours.parameters.values() if p.kind is not p.VAR_KEYWORD] == [
        (p.name, p.default) for p in theirs.parameters.values() if p.kind is not p.VAR_KEYWORD
    ]


@pytest.mark.parametrize("namespace", ["numpy", "nn", "linalg"])
def test_namespaces_hold_what_those_of_keras_hold(namespace):
    ours, theirs = (getattr(module, namespace) for module in (ops, keras.ops))
    missing = [n for n in _names(theirs) if n not in LATER and getattr(ours, n, None) is not getattr(ops, n)]
    assert not missing


def test_every_public_name_is_documented_and_callable():
    for name in ops.__all__:
        thing = getattr(ops, name)
        assert thing.__doc__, name
        assert callable(thing) or isinstance(thing, types.ModuleType), name


@pytest.mark.parametrize("name", ["add", "multiply", "matmul", "maximum", "divide", "equal", "outer", "power"])
def test_lists_variables_and_numbers_count_as_tensors(name):
    function, rows = getattr(ops, name), [[1.0, 2.0], [3.0, 4.0]]
    expected = np.asarray(function(np.array(rows, "float32"), np.array(rows, "float32")))
    for first in (rows, Variable(rows), tuple(map(tuple, rows))):
        for second in (rows, Variable(rows), jnp.array(rows)):
            result = function(first, second)
            assert result.dtype == expected.dtype
            np.testing.assert_array_equal(result, expected)


def test_python_numbers_keep_the_dtype_of_their_partner():
    half = jnp.ones((2,), "bfloat16")
    assert (ops.add(half, 1.5) + ops.maximum(0, half) + ops.where(half > 0, half, 0.0)).dtype == "bfloat16"
    assert ops.clip(half, 0.0, 1).dtype == "bfloat16"


SYMBOLIC = [c for c in CALLS if isinstance(c[1][0], np.ndarray) and c[1][0].shape == (3, 4) and len(c[1]) == 1]
FROM_VALUES = {
    "nonzero",
    "where",
    "unique",
    "histogram",
    "bincount",
    "convert_to_tensor",
    "shape",
    "size",
    "ndim",
    "array",
}


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [c for c in SYMBOLIC if c[0] not in FROM_VALUES],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_symbolic_calls_know_shapes_and_dtypes(name, args, kwargs):
    function = getattr(ops, name)
    symbol = KerasTensor(args[0].shape, args[0].dtype)
    expected = jax.tree.leaves(jax.eval_shape(lambda x: function(x, **kwargs), args[0]))
    found = jax.tree.leaves(function(symbol, **kwargs))
    assert [(t.shape, t.dtype) for t in found] == [(e.shape, e.dtype.name) for e in expected]
    assert all(isinstance(t, KerasTensor) for t in found)
