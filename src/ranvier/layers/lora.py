"""`LowRank`: layers whose weight can be frozen and adapted by a product of two small matrices."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from ..core import settings
from ..core.errors import ArgumentError, NotBuiltError, SerializationError
from ..ops.binary import matmul
from ..ops.meaning.products import low_rank
from .base import Layer
from .checks import positive

__all__ = ["LowRank"]


class LowRank(Layer):
    r"""Base of layers with one large weight W that low-rank adaptation can stand in for: Hu et al., 2021.

    Once enabled, W is frozen and :math:`W + \tfrac{\alpha}{r} A B` is used, where only A, (..., r), and B, (r, out),
    are trained. B begins as zeros, so that at first nothing changes. Files hold the sum.
    """

    config_optional = Layer.config_optional | {"lora_rank", "lora_alpha"}
    #: The name of W.
    adapted_weight: ClassVar[str] = "kernel"

    lora_rank: int | None = None
    lora_alpha: float | None = None
    lora_enabled: bool = False

    def _set_lora(self, rank: int | None, alpha: float | None) -> None:
        """Keep the constructor's arguments."""
        self.lora_rank = None if rank is None else positive(type(self).__name__, "lora_rank", rank)
        self.lora_alpha = None if rank is None else rank if alpha is None else alpha

    @property
    def _frozen(self) -> Any:
        return getattr(self, f"_{self.adapted_weight}")

    @property
    def _lora_a(self) -> Any:
        return getattr(self, f"lora_{self.adapted_weight}_a")

    @property
    def _lora_b(self) -> Any:
        return getattr(self, f"lora_{self.adapted_weight}_b")

    @property
    def _lora_scale(self) -> float:
        assert self.lora_rank is not None
        assert self.lora_alpha is not None
        return self.lora_alpha / self.lora_rank

    def _adapted(self) -> Any:
        """W, or W + (α / r) A B."""
        if not self.lora_enabled:
            return self._frozen
        w = self._frozen.value
        return low_rank(w, self._lora_a.value, self._lora_b.value, self._lora_scale)

    def _through_factors(self, x: Any, factor_a: Any) -> Any:
        """(α / r) factor_a(x, A) B, cheaper than making A B, in the compute dtype."""
        a, b = (v.value.astype(self.compute_dtype) for v in (self._lora_a, self._lora_b))
        return self._lora_scale * matmul(factor_a(x, a), b)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze W and train a low-rank addition to it. Compile the model again afterwards.

        Args:
            rank: r, the columns of A and rows of B.
            lora_alpha: α; None: r, so that the product counts as it is.
            a_initializer, b_initializer: how A and B begin.

        Raises:
            NotBuiltError: the layer has no weights yet.
            ArgumentError: it is enabled already, or W has a constraint.
        """
        what = self.adapted_weight
        if not hasattr(self, f"_{what}"):
            raise NotBuiltError(f"Layer '{self.name}' must be built before enable_lora: call it on data once.")
        if self.lora_enabled:
            raise ArgumentError(f"Layer '{self.name}' has low-rank adaptation enabled already, with {self.lora_rank=}.")
        if self._frozen.constraint is not None:
            raise ArgumentError(
                f"Layer '{self.name}': {what}_constraint cannot hold for the sum of {what} and a low-rank product. "
                "Make the layer without the constraint."
            )
        self._set_lora(rank, lora_alpha)
        shape, regularizer = self._frozen.shape, self._frozen.regularizer
        # In `floatx`, as in Keras, also where W is kept in half precision: small updates to small factors need the digits.
        common = {"dtype": settings.floatx(), "regularizer": regularizer}
        factors = {"a": ((*shape[:-1], rank), a_initializer), "b": ((rank, shape[-1]), b_initializer)}
        for which, (size, initializer) in factors.items():
            name = f"lora_{what}_{which}"
            setattr(self, name, self.add_weight(size, initializer, name=name, **common))
        self._frozen.trainable = False
        self.lora_enabled = True

    def _enable_lora_if_asked(self) -> None:
        """At the end of `build`."""
        if self.lora_rank is not None and not self.lora_enabled:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def _stored_variables(self) -> list[Any]:
        """The variables with a place in files: all but A and B."""
        return [v for v in self._own_variables() if v is not self._lora_a and v is not self._lora_b]

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own weights into `store`, W with its addition."""
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        for i, variable in enumerate(self._stored_variables()):
            store[str(i)] = self._adapted() if variable is self._frozen else variable.value

    def load_own_variables(self, store: Any) -> None:
        """Take what `save_own_variables` put into `store`; the low-rank addition begins anew, as nothing."""
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        variables = self._stored_variables()
        if len(store) != len(variables):
            raise SerializationError(f"Layer '{self.name}' keeps {len(variables)} weights, the file has {len(store)}.")
        for i, variable in enumerate(variables):
            variable.assign(store[str(i)])
        self._lora_b.assign(jnp.zeros_like(self._lora_b.value))
