"""Small layers: scaling, masking, and a function in the place of a layer."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp

from .. import ops
from ..core import serialization
from ..core.errors import ArgumentTypeError, SerializationError
from ..ops import reductions
from ..ops.binary import not_equal
from ..ops.meaning.shaping import times_mask
from .base import Layer

__all__ = ["Lambda", "Masking", "Rescaling"]


class Rescaling(Layer):
    """inputs · scale + offset.

    Args:
        scale: 1 / 255 brings bytes to the range from 0 to 1.
        offset: what is added.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The scaled inputs."""
        x = jnp.asarray(inputs, self.compute_dtype)
        return x * jnp.asarray(self.scale, x.dtype) + jnp.asarray(self.offset, x.dtype)


class Masking(Layer):
    """Masks the time steps in which all features equal a value.   (batch, time, features)

    Args:
        mask_value: the value.
    """

    built = True  # nothing to build

    def __init__(self, mask_value: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where a feature differs from the value."""
        return reductions.any(not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        """The inputs, 0 where they are masked."""
        return times_mask(inputs, self.compute_mask(inputs))


class Lambda(Layer):
    """A function in the place of a layer. Files hold its name and never its code.

    A function of `ranvier.ops`, or one that the program registers, is found by its name when the file is read; any other
    is passed then: ``load_model(path, custom_objects={"<name of the layer>": function})``.

    Args:
        function: called with the inputs (and with `mask` and `training` if it takes them).
        output_shape: accepted; shapes are found by tracing.
        mask: a function for the outputs' mask, or the mask.
        arguments: further keyword arguments of the function.

    >>> from ranvier import ops
    >>> Lambda.from_config(Lambda(ops.negative).get_config())(ops.ones((2,)))
    Array([-1., -1.], dtype=float32)
    """

    config_optional = Layer.config_optional | {"output_shape", "mask"}

    def __init__(self, function: Any, output_shape: Any = None, mask: Any = None, arguments: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentTypeError(
                f"Lambda takes a function. Received: {function!r} of type {type(function).__name__}"
            )
        self.function = function
        self.output_shape_argument = output_shape
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = True
        self._takes = inspect.signature(function).parameters if not isinstance(function, type) else {}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """What the function gives."""
        extra = {k: v for k, v in (("mask", mask), ("training", training)) if k in self._takes}
        return self.function(inputs, **extra, **self.arguments)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """What the given mask (or function for it) says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def _config_value(self, name: str, declared_by: type) -> Any:
        value = self.output_shape_argument if name == "output_shape" else super()._config_value(name, declared_by)
        return serialization.serialize_function(value) if callable(value) else value

    @property
    def needs_its_function(self) -> bool:
        """Whether reading the layer from a file takes passing its function, which no name in the file stands for."""
        known = serialization.function_named(serialization.serialize_function(self.function))
        return known is not self.function and not _is_of_ops(self.function)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `get_config` described, with the function that the name stands for.

        Raises:
            SerializationError: the function is none that ranvier has or that the program registered or passed.
        """
        config, called = dict(config), config.get("name")
        given = serialization.scoped_object(called) if isinstance(called, str) else None
        if callable(given) and not isinstance(given, type):
            config["function"] = given
        for key in ("function", "mask", "output_shape"):
            if isinstance(config.get(key), (dict, str)):
                config[key] = _function_of(config[key], str(called))
        return super().from_config(config)


def _is_of_ops(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    return name in ops.__all__ and getattr(ops, name) is function


def _function_of(described: Any, layer: str) -> Any:
    """The function that a description in a file names."""
    name = described if isinstance(described, str) else described.get("config")
    if isinstance(described, str) or described.get("class_name") == "function":
        found = serialization.function_named(described)
        if found is not None:
            return found
        if name in ops.__all__ and inspect.isfunction(getattr(ops, name)):
            return getattr(ops, name)
        what = f"the function {str(name)[:100]!r}, which nobody knows"
    else:
        what = "code, which is never run"
    raise SerializationError(
        f"The Lambda layer {layer[:100]!r} in the config holds {what}. Pass the function: load_model(path, "
        f"custom_objects={{{layer[:100]!r}: function}})."
    )
