"""Rematerialisation: intermediate values are computed again for gradients instead of kept, which saves memory.

Reference: Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import jax

from .errors import ArgumentError

__all__ = ["RematScope", "current_remat", "remat"]

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)
_scopes: ContextVar[tuple[RematScope, ...]] = ContextVar("remat_scopes", default=())


class RematScope:
    """Layers made within it rematerialise their calls in training.

    Args:
        mode: ``"full"``: all layers; ``"activations"``: of each layer all but the products; ``"larger_than"``: layers
            whose outputs have more than `output_size_threshold` numbers; ``"list_of_layers"``: those in `layer_names`;
            None: none.
        output_size_threshold: for ``"larger_than"``, the numbers in a batch of outputs.
        layer_names: for ``"list_of_layers"``, the layers' names.

    Raises:
        ArgumentError: an unknown mode.

    >>> from ranvier.layers import Dense
    >>> with RematScope("full"):
    ...     layer = Dense(8)
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None
    ):
        if mode not in _MODES:
            raise ArgumentError(f"mode must be one of {_MODES}. Received: mode={mode!r}")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])

    def __enter__(self) -> RematScope:
        _scopes.set((*_scopes.get(), self))
        return self

    def __exit__(self, *exception: Any) -> None:
        _scopes.set(_scopes.get()[:-1])


def current_remat() -> RematScope | None:
    """The innermost open scope whose mode is not None."""
    scopes = _scopes.get()
    return scopes[-1] if scopes and scopes[-1].mode is not None else None


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, whose intermediate values are computed again for gradients instead of kept.

    >>> import jax.numpy as jnp
    >>> float(jax.grad(remat(lambda x: jnp.sin(jnp.sin(x))))(0.0))
    1.0
    """
    return jax.checkpoint(f)
