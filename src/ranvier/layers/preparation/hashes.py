"""Hashes of strings and of integers: FarmHash's 64-bit fingerprint and SipHash-2-4, the ones that Keras's layers use.

The mathematics is written once, over words that are NumPy's uint64 on the host (`hash_strings`, strings of one length
at a time) or `Words` inside a compiled program (`hash_integers`, on the integers' decimal digits).

G. Pike, FarmHash (2014), ``Fingerprint64``; Aumasson & Bernstein, *SipHash: a fast short-input PRF* (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .words import Words

__all__ = ["combine", "fingerprints", "hash_integers", "hash_strings"]

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _turn(w: Any, n: int) -> Any:
    """The bits rotated to the right."""
    return w >> n | w << (64 - n)


def _mix(w: Any) -> Any:
    return w ^ w >> 47


# --- FarmHash, by the length of the string ----------------------------------------------------------------------------


def _pair(u: Any, v: Any, factor: Any) -> Any:
    return _mix((_mix((u ^ v) * factor) ^ v) * factor) * factor


def _to_3(first: Any, middle: Any, last: Any, length: Any) -> Any:
    return _mix((first + (middle << 8)) * _K2 ^ (length + (last << 2)) * _K0) * _K2


def _to_7(first: Any, last: Any, length: Any) -> Any:
    return _pair(length + (first << 3), last, length * 2 + _K2)


def _to_16(first: Any, last: Any, length: Any) -> Any:
    factor = length * 2 + _K2
    a = first + _K2
    return _pair(_turn(last, 37) * factor + a, (_turn(a, 25) + last) * factor, factor)


def _to_32(first: Any, second: Any, last_but_one: Any, last: Any, length: Any) -> Any:
    factor = length * 2 + _K2
    a, c, d = first * _K1, last * factor, last_but_one * _K2
    return _pair(_turn(a + second, 43) + _turn(c, 30) + d, a + _turn(second + _K2, 18) + c, factor)


def _to_64(fetch: Callable[[int], Any], n: int, length: Any) -> Any:
    factor = length * 2 + _K2
    a, b, c, d = fetch(0) * _K2, fetch(8), fetch(n - 8) * factor, fetch(n - 16) * _K2
    y = _turn(a + b, 43) + _turn(c, 30) + d
    z = _pair(y, a + _turn(b + _K2, 18) + c, factor)
    e, f = fetch(16) * factor, fetch(24)
    g, h = (y + fetch(n - 32)) * factor, (z + fetch(n - 24)) * factor
    return _pair(_turn(e + f, 43) + _turn(g, 30) + h, e + _turn(f + a, 18) + g, factor)


def _weak(fetch: Callable[[int], Any], at: int, a: Any, b: Any) -> tuple[Any, Any]:
    w, x, y, z = (fetch(at + 8 * i) for i in range(4))
    a = a + w
    b = _turn(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _turn(a, 44) + c


def _longer(fetch: Callable[[int], Any], n: int, length: Any) -> Any:
    x = length * 0 + 81
    y = x * _K1 + 113
    z = _mix(y * _K2 + 113) * _K2
    x = x * _K2 + fetch(0)
    v = w = (length * 0, length * 0)

    def stir(at: int, factor: Any, x: Any, y: Any, z: Any, v: Any, w: Any, nine: int) -> tuple[Any, ...]:
        x = _turn(x + y + v[0] + fetch(at + 8), 37) * factor
        y = _turn(y + v[1] + fetch(at + 48), 42) * factor
        x = x ^ w[1] * nine
        y = y + v[0] * nine + fetch(at + 40)
        z = _turn(z + w[0], 33) * factor
        v = _weak(fetch, at, v[1] * factor, x + w[0])
        w = _weak(fetch, at + 32, z + w[1], y + fetch(at + 16))
        return z, y, x, v, w  # x and z change places

    for at in range(0, (n - 1) // 64 * 64, 64):
        x, y, z, v, w = stir(at, _K1, x, y, z, v, w, 1)
    factor = ((z & 0xFF) << 1) + _K1
    w = (w[0] + ((n - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = stir(n - 64, factor, x, y, z, v, w, 9)
    return _pair(_pair(v[0], w[0], factor) + _mix(y) * _K0 + z, _pair(v[1], w[1], factor) + x, factor)


# --- SipHash ----------------------------------------------------------------------------------------------------------


def _sip_begin(zero: Any, key: Sequence[int]) -> tuple[Any, ...]:
    k = [zero ^ (int(k) & (2**64 - 1)) for k in key]
    begin = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    return tuple(k[i % 2] ^ c for i, c in enumerate(begin))


def _sip_round(v0: Any, v1: Any, v2: Any, v3: Any) -> tuple[Any, ...]:
    v0, v2 = v0 + v1, v2 + v3
    v1, v3 = _turn(v1, 51) ^ v0, _turn(v3, 48) ^ v2
    v0, v2 = _turn(v0, 32) + v3, v2 + v1
    v1, v3 = _turn(v1, 47) ^ v2, _turn(v3, 43) ^ v0
    return v0, v1, _turn(v2, 32), v3


def _sip_absorb(state: tuple[Any, ...], word: Any) -> tuple[Any, ...]:
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _sip_round(*_sip_round(v0, v1, v2, v3 ^ word))
    return v0 ^ word, v1, v2, v3


def _sip_end(state: tuple[Any, ...]) -> Any:
    v0, v1, v2, v3 = state
    v2 = v2 ^ 0xFF
    for _ in range(4):
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


# --- strings on the host ----------------------------------------------------------------------------------------------


def fingerprints(texts: Sequence[bytes], key: Sequence[int] | None = None) -> np.ndarray:
    """The hashes of byte strings, (n,) uint64: FarmHash's fingerprints, or with a key of two integers SipHash's.

    >>> fingerprints([b"a", b"b"]) % np.uint64(10)
    array([9, 2], dtype=uint64)
    """
    result = np.zeros(len(texts), "uint64")
    by_length: dict[int, list[int]] = {}
    for i, text in enumerate(texts):
        by_length.setdefault(len(text), []).append(i)
    for n, places in by_length.items():
        # Eight zeros at the end, so that every fetch of a word lies inside.
        joined = b"".join(texts[i] + bytes(8) for i in places)
        rows = np.frombuffer(joined, "uint8").reshape(len(places), n + 8)
        result[places] = _farm_rows(rows, n) if key is None else _sip_rows(rows, n, key)
    return result


def _farm_rows(rows: np.ndarray, n: int) -> np.ndarray:
    length = np.full(1, n, "uint64")

    def fetch(at: int, width: int = 8) -> np.ndarray:
        padded = np.zeros((len(rows), 8), "uint8")
        padded[:, :width] = rows[:, at : at + width]
        return padded.view("<u8")[:, 0]

    if n == 0:
        return np.full(len(rows), _K2, "uint64")
    if n < 4:
        return _to_3(fetch(0, 1), fetch(n >> 1, 1), fetch(n - 1, 1), length)
    if n < 8:
        return _to_7(fetch(0, 4), fetch(n - 4, 4), length)
    if n <= 16:
        return _to_16(fetch(0), fetch(n - 8), length)
    if n <= 32:
        return _to_32(fetch(0), fetch(8), fetch(n - 16), fetch(n - 8), length)
    return _to_64(fetch, n, length) if n <= 64 else _longer(fetch, n, length)


def _sip_rows(rows: np.ndarray, n: int, key: Sequence[int]) -> np.ndarray:
    state = _sip_begin(np.zeros(len(rows), "uint64"), key)
    words = np.ascontiguousarray(rows[:, : n // 8 * 8 + 8]).view("<u8")
    for i in range(n // 8):
        state = _sip_absorb(state, words[:, i])
    return _sip_end(_sip_absorb(state, words[:, n // 8] | (n & 0xFF) << 56))


def combine(parts: Sequence[Any]) -> Any:
    """One hash of several, as TensorFlow's ``FingerprintCat64`` chains them: for features that are crossed."""
    factor = 0xC6A4A7935BD1E995
    result = parts[0] * 0 + 0xDECAFCAFFE
    for part in parts:
        result = (result ^ factor ^ _mix(part * factor) * factor) * factor
        result = _mix(_mix(result) * factor)
    return result


def hash_strings(texts: np.ndarray, bins: int, key: Sequence[int] | None = None) -> np.ndarray:
    """The bin of each string of an object array, in its shape, int64: its hash modulo `bins`."""
    flat = texts.ravel().tolist()
    once = list(dict.fromkeys(flat))  # columns of categories repeat their strings
    bins_once = fingerprints([t if isinstance(t, bytes) else str(t).encode() for t in once], key) % np.uint64(bins)
    place = dict(zip(once, bins_once.tolist(), strict=True))
    return np.fromiter((place[t] for t in flat), "int64", len(flat)).reshape(texts.shape)


# --- integers inside a program ----------------------------------------------------------------------------------------


def hash_integers(values: Any, bins: int, key: Sequence[int] | None = None) -> Any:
    """`hash_strings` of the decimal spelling of integers, for traced arrays; the bins are uint32.

    Args:
        values: integers of any shape, 32 bits (or 64 where JAX computes with 64).
        bins: how many bins, below 2³¹.
        key: of SipHash; None: FarmHash.
    """
    text, length = _spelled(values)
    width = text.shape[-1]

    def fetch(at: Any, count: int = 8) -> Words:
        at = jnp.broadcast_to(jnp.asarray(at, "int32"), length.shape)
        places = jnp.clip(at[..., None] + np.arange(count), 0, width - 1)
        taken = jnp.take_along_axis(text, places, axis=-1)
        halves = [
            sum((taken[..., i] << 8 * (i - h) for i in range(h, min(h + 4, count))), jnp.zeros_like(text[..., 0]))
            for h in (0, 4)
        ]
        return Words(halves[1], halves[0])

    n = Words(jnp.zeros(length.shape, "uint32"), length.astype("uint32"))
    if key is not None:
        state = _sip_begin(n ^ n, key)
        for i in range(width // 8):
            after = _sip_absorb(state, fetch(8 * i))
            state = tuple(Words.where(length >= 8 * i + 8, a, s) for a, s in zip(after, state, strict=True))
        result = _sip_end(_sip_absorb(state, fetch(length // 8 * 8) | n << 56))
    else:
        result = _to_3(fetch(0, 1), fetch(length >> 1, 1), fetch(length - 1, 1), n)
        result = Words.where(length >= 4, _to_7(fetch(0, 4), fetch(length - 4, 4), n), result)
        result = Words.where(length >= 8, _to_16(fetch(0), fetch(length - 8), n), result)
        if width > 24:
            long = _to_32(fetch(0), fetch(8), fetch(length - 16), fetch(length - 8), n)
            result = Words.where(length > 16, long, result)
    return result % bins


def _spelled(values: Any) -> tuple[Any, Any]:
    """The characters of the integers' decimal spelling, (…, width) uint32 with zeros behind, and their number."""
    wide = values.dtype.itemsize == 8
    unsigned = "uint64" if wide else "uint32"
    digits = 20 if wide else 10
    minus = (values < 0).astype("int32")
    size = jnp.where(values < 0, jnp.zeros((), unsigned) - values.astype(unsigned), values.astype(unsigned))
    powers = np.array([10**k for k in range(digits - 1, -1, -1)], unsigned)
    figures = (size[..., None] // powers % np.array(10, unsigned)).astype("uint32") + ord("0")
    count = jnp.maximum(1, jnp.sum(size[..., None] >= powers, axis=-1, dtype="int32"))
    length = count + minus
    place = jnp.arange(digits + 1 + 8)
    source = jnp.clip(place + (digits - count - minus)[..., None], 0, digits - 1)
    text = jnp.take_along_axis(figures, source, axis=-1)
    text = jnp.where((place == 0) & (minus[..., None] == 1), ord("-"), text)
    return jnp.where(place < length[..., None], text, 0).astype("uint32"), length
