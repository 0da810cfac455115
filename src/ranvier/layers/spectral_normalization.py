"""Weights divided by their largest singular value."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core.budgets import charge_objects
from ..core.errors import ArgumentError
from ..core.variables import Variable
from ..initializers import TruncatedNormal
from .base import Layer
from .checks import positive
from .input_spec import InputSpec
from .signatures import call_parameters
from .wrappers import Wrapper

__all__ = ["SpectralNormalization"]


class SpectralNormalization(Wrapper):
    r"""A layer whose kernel W is divided by its largest singular value σ in training: Miyato et al., 2018.

    σ is estimated by power iteration from the vector u of the last step:
    :math:`v = u W^T / \lVert u W^T \rVert,\ u = v W / \lVert v W \rVert,\ \sigma = v W u^T`.

    As in Keras, calls with ``training=True`` divide the kernel in place, while `fit` differentiates through the
    division and updates the kernel as it was; inference uses the kernel as it is.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: iterations in each step.

    Raises:
        ArgumentError: the layer has neither weight.

    >>> import numpy as np
    >>> from ranvier.layers import Dense
    >>> SpectralNormalization(Dense(3))(np.ones((2, 4), "float32"), training=True).shape
    (2, 3)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.power_iterations = positive("SpectralNormalization", "power_iterations", power_iterations)
        charge_objects(f"SpectralNormalization: {power_iterations=}", self.power_iterations)

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside, and make u."""
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", None)
        kernel = getattr(self.layer, "embeddings", None) if kernel is None else kernel
        if not isinstance(kernel, Variable):
            raise ArgumentError(
                f"SpectralNormalization needs a layer with a weight called kernel or embeddings. Received: {self.layer!r}"
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            (1, kernel.shape[-1]), TruncatedNormal(stddev=0.02), trainable=False, name="vector_u", autocast=False
        )

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """The layer's outputs, in training after normalising its kernel."""
        if training:
            u, kernel = self.normalized_weights()
            self.vector_u.assign(u)
            self.kernel.assign(kernel)
        options = {"training": training} if call_parameters(type(self.layer)).training else {}
        return self.layer(inputs, **options)

    def normalized_weights(self) -> tuple[Any, Any]:
        """The next u, and the kernel over σ."""
        kernel = self.kernel.exact_value()
        matrix = kernel.reshape(-1, kernel.shape[-1])
        fixed = jax.lax.stop_gradient(matrix)
        u = self.vector_u.value
        v = u
        for _ in range(self.power_iterations):
            v = _unit(jnp.matmul(u, fixed.T))
            u = _unit(jnp.matmul(v, fixed))
        sigma = jnp.matmul(jnp.matmul(v, matrix), u.T)
        return u, kernel / sigma.reshape(())


def _unit(x: Any) -> Any:
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x)), 1e-12))
