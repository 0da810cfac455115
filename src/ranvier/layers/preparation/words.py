"""64-bit words for hashing inside compiled programs, where JAX computes with 32 bits."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

__all__ = ["Words"]


class Words:
    """Unsigned 64-bit integers as two arrays of uint32, with the wrap-around arithmetic of NumPy's uint64.

    Args:
        high, low: the upper and lower 32 bits.

    >>> w = Words.of(2**63 + 5) * 3
    >>> hex(int(w.high)), int(w.low)
    ('0x80000000', 15)
    """

    def __init__(self, high: Any, low: Any):
        self.high, self.low = high, low

    @classmethod
    def of(cls, value: Any) -> Words:
        """A Python integer (or words, which stay) as words."""
        if isinstance(value, Words):
            return value
        value = int(value) & (2**64 - 1)
        return cls(jnp.uint32(value >> 32), jnp.uint32(value & 0xFFFFFFFF))

    def __add__(self, other: Any) -> Words:
        other = Words.of(other)
        low = self.low + other.low
        return Words(self.high + other.high + (low < self.low).astype("uint32"), low)

    def __mul__(self, other: Any) -> Words:
        other = Words.of(other)
        # The product of the lower halves, by halves of 16 bits: (a₁ 2¹⁶ + a₀)(b₁ 2¹⁶ + b₀).
        a1, a0, b1, b0 = self.low >> 16, self.low & 0xFFFF, other.low >> 16, other.low & 0xFFFF
        middle = a1 * b0 + (a0 * b0 >> 16)
        carry = (middle & 0xFFFF) + a0 * b1
        above = a1 * b1 + (middle >> 16) + (carry >> 16)
        return Words(above + self.high * other.low + self.low * other.high, self.low * other.low)

    def __xor__(self, other: Any) -> Words:
        other = Words.of(other)
        return Words(self.high ^ other.high, self.low ^ other.low)

    def __or__(self, other: Any) -> Words:
        other = Words.of(other)
        return Words(self.high | other.high, self.low | other.low)

    def __lshift__(self, n: int) -> Words:
        if n >= 32:
            return Words(self.low << (n - 32), jnp.zeros_like(self.low))
        return self if n == 0 else Words(self.high << n | self.low >> (32 - n), self.low << n)

    def __rshift__(self, n: int) -> Words:
        if n >= 32:
            return Words(jnp.zeros_like(self.high), self.high >> (n - 32))
        return self if n == 0 else Words(self.high >> n, self.low >> n | self.high << (32 - n))

    def __mod__(self, n: int) -> Any:
        """The remainder by a Python integer below 2³¹, as uint32: long division, bit by bit."""
        divisor = jnp.uint32(n)

        def step(i: Any, rest: Any) -> Any:
            rest = rest << 1 | self.low >> (31 - i).astype("uint32") & 1
            return jnp.where(rest >= divisor, rest - divisor, rest)

        return lax.fori_loop(0, 32, step, jnp.broadcast_to(self.high % divisor, jnp.shape(self.low)))

    @staticmethod
    def where(condition: Any, one: Words, other: Words) -> Words:
        """`one` where the condition holds, else `other`."""
        return Words(jnp.where(condition, one.high, other.high), jnp.where(condition, one.low, other.low))
