"""``tf.bitwise``: the bits of integers."""

from __future__ import annotations

import jax.numpy as jnp

from .declaring import binary, unary

__all__ = ["bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift"]

bitwise_and = binary("bitwise_and", jnp.bitwise_and, "The bits that both have.")
bitwise_or = binary("bitwise_or", jnp.bitwise_or, "The bits that either has.")
bitwise_xor = binary("bitwise_xor", jnp.bitwise_xor, "The bits that one of both has.")
invert = unary("invert", jnp.invert, "Every bit the other way.")
left_shift = binary("left_shift", jnp.left_shift, "The bits moved up.")
right_shift = binary("right_shift", jnp.right_shift, "The bits moved down.")


def __getattr__(name: str) -> object:
    from .absent import absence

    raise AttributeError(absence("bitwise", name, __all__))
