"""Variables as arguments of JAX's own functions: `jax.jit(step)(model.trainable_variables)`, `jax.value_and_grad` …

A variable is a leaf of trees, as in Keras, and JAX takes the array that it holds at that moment. What JAX gives back is
arrays. The three tables below are how JAX knows classes of array-likes (NumPy's, keys of random numbers); where a version
of it has others, variables are leaves that JAX refuses with its own words.
"""

from __future__ import annotations

import contextlib
from typing import Any

__all__ = ["register_leaf"]


def register_leaf(cls: type) -> None:
    """Let JAX take objects of the class as arguments, by their `value`.

    >>> import jax
    >>> from ranvier.core.variables import Variable
    >>> jax.grad(lambda weights: (weights[0] ** 2).sum())([Variable([1.0, 2.0])])
    [Array([2., 4.], dtype=float32)]
    """
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src import core, dtypes
        from jax._src.interpreters import pxla

        def sharded(values: Any, shardings: Any, layouts: Any, semantics: Any) -> Any:
            return pxla.shard_args(shardings, layouts, semantics, [v.value for v in values])

        core.pytype_aval_mappings[cls] = lambda v: core.typeof(v.value)
        dtypes.register_canonicalize_value_handler(cls, lambda v: v.value)
        pxla.shard_arg_handlers[cls] = sharded
