"""Reading and writing JSON without trusting it: within bounds, with no key twice and no number that means nothing."""

from __future__ import annotations

import json
from typing import Any

from ..core.errors import SerializationError
from .limits import DEPTH, json_bytes, json_items, refusal
from .sources import Source

__all__ = ["count_items", "json_text", "read_json"]


def read_json(text: bytes | bytearray, source: Source) -> Any:
    """Plain data from JSON in UTF-8: within bounds, every key once, every number a finite one of at most 64 bits.

    Args:
        text: the bytes.
        source: where they come from, for messages and bounds.

    Raises:
        SerializationError: it is no such text.
    """
    if len(text) > json_bytes(source.present):
        raise source.refusal(f"it has {len(text):,} bytes, too many for JSON")
    if count_items(text) > json_items(source.present):
        raise source.refusal(f"it has {count_items(text):,} items, too many for JSON")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for i, key in enumerate(keys) if key in keys[:i])
            raise source.refusal(f"it has the key {twice[:100]!r} twice")
        return found

    def constant(word: str) -> Any:
        raise source.refusal(f"it holds {word}, which is not JSON")

    def integer(digits: str) -> int:
        if len(digits) > 20 or abs(int(digits)) >= 1 << 64:
            raise source.refusal(f"it holds an integer of {len(digits):,} digits")
        return int(digits)

    def number(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            raise source.refusal(f"it holds the number {digits[:50]}, which is too large")
        return value

    try:
        decoded = text.decode("utf-8")
        value = json.loads(
            decoded, object_pairs_hook=unique, parse_constant=constant, parse_int=integer, parse_float=number
        )
    except SerializationError:
        raise
    except RecursionError:
        raise source.refusal(f"it is more than {DEPTH} levels deep") from None
    except ValueError as error:
        raise source.refusal(f"it is not valid JSON: {str(error)[:100]}") from None
    _check_depth(value, source)
    if "\\ud" in decoded.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise source.refusal("it holds half of a character") from None
    return value


def json_text(value: Any, path: Any) -> str:
    """JSON that `read_json` reads.

    Raises:
        SerializationError: a number that is NaN or infinite, or a key that is no text.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise refusal(path, None, f"the configuration cannot be written as JSON: {error}") from None


def count_items(text: bytes | bytearray) -> int:
    """At most how many lists, dicts and items in them a JSON text holds."""
    return sum(text.count(mark) for mark in (b"[", b"{", b",", b":"))


def _check_depth(value: Any, source: Source) -> None:
    level = [value]
    for _ in range(DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise source.refusal(f"it is more than {DEPTH} levels deep")
