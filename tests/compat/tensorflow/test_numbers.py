"""Every function of numbers of ranvier's `tensorflow` gives what TensorFlow gives."""

import importlib.util
import pickle
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from ranvier.compat import tensorflow as tf

from .expressions import EXPRESSIONS, arrays

HERE = Path(__file__).parent
WIDE = {"float64": "float32", "int64": "int32", "complex128": "complex64", "uint64": "uint32"}


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    """The numbers that TensorFlow gives for each expression."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    path = tmp_path_factory.mktemp("oracle") / "numbers.pickle"
    subprocess.run([sys.executable, str(HERE / "oracle.py"), str(path)], check=True, capture_output=True, timeout=600)
    return pickle.loads(path.read_bytes())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_numbers_are_tensorflows(expression, oracle):
    expected = oracle[expression]
    assert not isinstance(expected, str), f"TensorFlow refuses the expression: {expected}"
    found = jax.tree.leaves(eval(expression, {"tf": tf, "np": np, **arrays()}))
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        mine = np.asarray(mine)
        assert mine.shape == theirs.shape
        assert mine.dtype.name == WIDE.get(theirs.dtype.name, theirs.dtype.name)
        if theirs.dtype.kind in "fc":
            # TensorFlow looks bicubic weights up in a table of 1024.
            rough = 1e-3 if "bicubic" in expression else 2e-5
            np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=rough)
        else:
            np.testing.assert_array_equal(mine, theirs)


def test_the_table_of_what_is_covered_counts_what_is_there():
    from ranvier.compat.tensorflow.coverage import coverage

    table = coverage()
    assert sum(len(names) for names in table.values()) > 500
    for module, names in table.items():
        home = tf if module == "" else getattr(tf, module)
        assert all(getattr(home, name) is not None or name == "newaxis" for name in names)


def test_every_function_of_numbers_is_compared():
    """What has no expression here is another module's function, or compared or counted by a test of its own."""
    from ranvier.compat.tensorflow.coverage import coverage

    compared = set(re.findall(r"tf\.([\w.]+)", "\n".join(EXPRESSIONS)))
    for module in ("math", "linalg", "nn", "image", "signal"):
        for name in coverage()[module]:
            assert f"{module}.{name}" in compared or name in OTHERS or name.startswith("random_"), f"tf.{module}.{name}"
    for name in coverage()[""]:
        value = getattr(tf, name)
        others = [getattr(tf, m) for m in ("math", "linalg", "debugging", "dtypes", "io", "strings")]
        same = any(name in other.__all__ and getattr(other, name) is value for other in others)
        assert same or name in compared or name in OTHERS, f"tf.{name}"


OTHERS = {
    "ResizeMethod", "decode_bmp", "decode_gif", "decode_image", "decode_jpeg", "encode_jpeg", "is_jpeg",
    "GradientTape", "Module", "Tensor", "TensorShape", "TensorSpec", "UnconnectedGradients", "Variable", "VariableAggregation",
    "VariableSynchronization", "__version__", "constant_initializer",
    "custom_gradient", "device", "ensure_shape", "executing_eagerly",
    "function", "get_logger", "group", "init_scope", "control_dependencies", "is_tensor", "name_scope", "newaxis", "no_op",
    "ones_initializer", "print", "random_normal_initializer", "random_uniform_initializer", "recompute_grad", "timestamp", "tuple",
    "version", "zeros_initializer", "broadcast_static_shape",
}  # fmt: skip
