"""Layers whose work is done on the host: what they accept, and how they stand in graphs and in tf.data pipelines."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import numpy as np
from jax.core import Tracer

from ...core.errors import ArgumentTypeError, DataError
from ...core.variables import Variable
from ...ops import symbolic
from ..base import Layer
from ..context import current_context

__all__ = ["DatasetLayer", "TextLayer", "host_array", "is_tensorflow", "text_array"]


def is_tensorflow(value: Any) -> bool:
    """Whether `value` is a tensor of TensorFlow; it is not imported to find out."""
    return any(c.__module__.startswith("tensorflow.") for c in type(value).__mro__) and hasattr(value, "dtype")


def host_array(value: Any, name: str = "inputs") -> Any:
    """Arrays, tensors of other frameworks, lists and scalars as a NumPy array; tracers stay.

    Raises:
        DataError: rows of different lengths.
    """
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, (np.ndarray, Tracer)):
        return value
    if type(value).__name__ == "RaggedTensor":
        raise DataError(f"{name} is ragged. Use {name}.to_tensor() to pad its rows to one length.")
    if hasattr(value, "detach"):  # torch
        value = value.detach().cpu()
    if hasattr(value, "numpy"):
        return np.asarray(value.numpy())
    try:
        return np.asarray(value)
    except ValueError:
        raise DataError(f"{name} has rows of different lengths; pad them to one length first.") from None


def text_array(value: Any, encoding: str = "utf-8") -> np.ndarray:
    """Strings or bytes, in lists or arrays of any library, as a NumPy array of str (dtype object).

    Raises:
        DataError: something that holds no strings.
    """
    array = host_array(value)
    if isinstance(array, Tracer):
        raise ArgumentTypeError(
            "Strings exist on the host only, not inside a compiled program. Map the data before fit: "
            "`data = layer(strings)`, or `dataset.map(lambda x, y: (layer(x), y))`."
        )
    if array.dtype.kind == "S" or (array.dtype.kind == "O" and any(isinstance(t, bytes) for t in array.ravel()[:1])):
        flat = [t.decode(encoding, "replace") if isinstance(t, bytes) else str(t) for t in array.ravel().tolist()]
        result = np.empty(len(flat), object)
        result[:] = flat
        return result.reshape(array.shape)
    if array.dtype.kind == "U" or (array.dtype.kind == "T"):
        return array.astype(object)
    if array.dtype.kind == "O" and all(isinstance(t, str) for t in array.ravel()):
        return array
    if array.size == 0:
        return array.astype(object)
    raise DataError(f"inputs must hold strings. Received: an array of dtype {array.dtype} and shape {array.shape}")


class DatasetLayer(Layer):
    """A layer that also works inside ``tf.data`` pipelines, on TensorFlow's own tensors."""

    #: Whether the layer can give a sparse matrix, as its argument `sparse` asks.
    sparse: bool = False
    #: By this attribute TensorFlow's AutoGraph knows code that it need not rewrite, which takes it a minute.
    autograph_info__: ClassVar[dict[str, Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves = symbolic.flatten((args, kwargs))
        if any(is_tensorflow(t) and not hasattr(t, "numpy") for t in leaves):
            return _in_tensorflow_graph(self, args, kwargs)
        outermost = current_context() is None
        outputs = super().__call__(*args, **kwargs)
        if self.sparse and outermost and isinstance(outputs, jax.Array) and not isinstance(outputs, Tracer):
            from jax.experimental.sparse import BCOO

            return BCOO.fromdense(outputs)
        return outputs

    def convert_weight(self, weight: Any) -> Any:
        """The value of a weight, wherever the layer is called."""
        return weight.value if isinstance(weight, Variable) else weight

    def _convert(self, value: Any, dtype: str | None) -> Any:
        if is_tensorflow(value):
            value = host_array(value)
        return super()._convert(value, dtype)


def _in_tensorflow_graph(layer: Any, args: Any, kwargs: Any) -> Any:
    """The layer's call as an operation of a TensorFlow graph that calls back into Python."""
    import tensorflow as tf  # it is there already: the tensors are its own

    tensors: list[Any] = []

    def spec(t: Any) -> Any:
        if not is_tensorflow(t):
            return t
        tensors.append(t)
        if t.shape.rank is None:
            raise DataError(f"Layer '{layer.name}' got a tensor of unknown rank in a tf.data pipeline.")
        return symbolic.KerasTensor(t.shape.as_list(), t.dtype.name)

    specs, named = symbolic.rebuild((args, kwargs), spec)
    # Building on the symbolic tensors leaves no node in a graph.
    expected = layer.compute_output_spec(*specs, **named)
    leaves = symbolic.flatten(expected)

    def run(*values: Any) -> list[np.ndarray]:
        numbers = iter(values)
        real, real_named = symbolic.rebuild(
            (args, kwargs), lambda t: host_array(next(numbers)) if is_tensorflow(t) else t
        )
        outputs = symbolic.flatten(layer(*real, **real_named))
        return [np.asarray(o, dtype=leaf.dtype) for o, leaf in zip(outputs, leaves, strict=True)]

    results = tf.numpy_function(run, tensors, [tf.as_dtype(leaf.dtype) for leaf in leaves], stateful=False)
    for result, leaf in zip(results, leaves, strict=True):
        result.set_shape(leaf.shape)
    found = iter(results)
    return symbolic.rebuild(expected, lambda _: next(found))


class TextLayer(DatasetLayer):
    """A layer from or to strings. Its shapes are found by trying it on strings, as other layers are traced."""

    #: While the layer is tried out for its shapes: the size that stands for what nobody knows yet.
    _trial: int | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not symbolic.any_symbolic(args, kwargs):
            return super().__call__(*args, **kwargs)
        outputs = self.compute_output_spec(*args, **kwargs)
        symbolic.Node(self, args, kwargs, outputs)
        return outputs

    def _convert(self, value: Any, dtype: str | None) -> Any:
        return host_array(value)

    def _check_and_build(self, args: Any, kwargs: Any) -> None:
        self.built = True

    #: Whether the layer can be traced where no strings come in.
    _traceable: bool = False

    def compute_output_spec(self, inputs: Any) -> Any:
        """The symbolic result for symbolic inputs: traced for numbers, found by calls on examples for strings."""
        if self._traceable and all(t.dtype != "string" for t in symbolic.flatten(inputs)):
            return super().compute_output_spec(inputs)
        found = []
        for size in (2, 3):
            self._trial = size
            try:
                found.append(self.call(symbolic.rebuild(inputs, lambda t, n=size: self._example(t, n))))
            finally:
                self._trial = None
        shape = [m if m == n else None for m, n in zip(found[0].shape, found[1].shape, strict=True)]
        text = found[0].dtype.kind in "OU"
        return symbolic.KerasTensor(shape, "string" if text else found[0].dtype)

    def _example(self, tensor: Any, size: int) -> np.ndarray:
        shape = [size if s is None else s for s in tensor.shape]
        if tensor.dtype != "string" and self._takes_numbers:
            return np.zeros(shape, "int64")
        example = np.empty(shape, object)
        example[...] = " ".join("ab"[i % 2] for i in range(size))
        return example

    _takes_numbers: bool = False
