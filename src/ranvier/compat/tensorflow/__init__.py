"""A `tensorflow` for programs that say so: its most used functions, over JAX, `ranvier.ops`, `random` and `data`.

Nothing of TensorFlow is imported. `__version__` is that of the TensorFlow whose behaviour the functions have.
"""

from __future__ import annotations

from typing import Any

from . import (
    absent,
    arrays,
    bitwise,
    config,
    control,
    data,
    debugging,
    distribute,
    dtypes,
    environment,
    errors,
    functions,
    image,
    io,
    linalg,
    making,
    math,
    nest,
    nn,
    random,
    shapes,
    signal,
    strings,
    tensor_array,
    tensors,
    test,
    train,
    variables,
)
from . import tape as _tape

__version__ = environment.VERSION

_FROM = {
    making: making.__all__,
    arrays: [n for n in arrays.__all__ if n != "global_norm"],
    control: control.__all__,
    tensors: ["Tensor", "convert_to_tensor", "is_tensor"],
    shapes: ["TensorShape", "TensorSpec", "rank", "shape", "shape_n", "size"],
    variables: ["Module", "Variable", "VariableAggregation", "VariableSynchronization"],
    dtypes: dtypes.__all__,
    functions: ["executing_eagerly", "function"],
    _tape: ["GradientTape", "UnconnectedGradients", "custom_gradient", "stop_gradient"],
    linalg: ["einsum", "matmul", "tensordot"],
    strings: ["as_string"],
    debugging: ["Assert", "assert_equal", "assert_greater", "assert_less", "assert_rank"],
    tensor_array: ["TensorArray"],
    environment: ["device", "get_logger", "name_scope", "print", "timestamp", "version"],
    math: [
        "abs", "acos", "acosh", "add", "add_n", "argmax", "argmin", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh",
        "cumsum", "divide", "equal", "exp", "floor", "greater", "greater_equal", "less", "less_equal", "logical_and",
        "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative", "not_equal", "pow", "reduce_all",
        "reduce_any", "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "round",
        "scalar_mul", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "truediv",
        "truncatediv", "truncatemod",
    ],
}  # fmt: skip

_PUBLIC = (
    bitwise,
    config,
    data,
    debugging,
    distribute,
    dtypes,
    errors,
    image,
    io,
    linalg,
    math,
    nest,
    nn,
    random,
    signal,
    strings,
    test,
    train,
)
_MODULES = tuple(module.__name__.rpartition(".")[2] for module in _PUBLIC)
_INITIALIZERS = {
    "constant_initializer": "Constant", "ones_initializer": "Ones", "random_normal_initializer": "RandomNormal",
    "random_uniform_initializer": "RandomUniform", "zeros_initializer": "Zeros",
}  # fmt: skip
newaxis = None

#: Names that are looked up when they are asked for, so that arrays become tensors with the first one and not before.
_LATER = {name: module for module, names in _FROM.items() for name in names}

__all__ = [*sorted({"__version__", "newaxis", *_MODULES, *_INITIALIZERS, *_LATER, "keras"})]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        tensors.install()
        return getattr(_LATER[name], name)
    if name == "keras":
        from .. import keras

        return keras
    if name in _INITIALIZERS:
        from ... import initializers

        return getattr(initializers, _INITIALIZERS[name])
    raise AttributeError(absent.absence("", name, __all__))


def __dir__() -> list[str]:
    return __all__
