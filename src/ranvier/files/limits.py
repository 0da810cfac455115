"""What a file may cost: the limits that every reader of files keeps, and how a refusal is worded.

Everything is measured in bytes that are really there. A header's word about sizes is compared with them and never
believed, so that refusing a file takes little more memory than the file has bytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from ..core.budgets import BudgetError, budget
from ..core.errors import MissingDependencyError, RanvierError, SerializationError

__all__ = [
    "ASSETS",
    "ATTRIBUTES",
    "DEPTH",
    "LONGEST_MESSAGE",
    "MEMBERS",
    "OBJECTS",
    "allowance",
    "json_bytes",
    "json_items",
    "refusal",
    "refusing",
    "shortened",
    "unpacked",
]

LONGEST_MESSAGE = 900  # characters
MEMBERS = 10_000  # of an archive
ASSETS = 1 << 30  # bytes that the assets of a model may unpack to
ATTRIBUTES = 1_000  # of a group or dataset of an HDF5 file
DEPTH = 100  # levels of JSON, of groups in HDF5
OBJECTS = 100_000  # groups, datasets and attributes of an HDF5 file
_SLACK = 64 << 20  # bytes that any file may unpack to beyond its own size


def unpacked(present: int) -> int:
    """Bytes that compressed data in a file of `present` bytes may become: weights hardly shrink, bombs do."""
    return present + present // 4 + _SLACK


def json_bytes(present: int) -> int:
    """The largest JSON text in a file of `present` bytes."""
    return (16 << 20) + present // 8


def json_items(present: int) -> int:
    """How many lists, dicts and items of them a JSON text in a file of `present` bytes may hold."""
    return 1_000_000 + present // 100


@contextlib.contextmanager
def allowance(file: Any, text: int) -> Iterator[None]:
    """Within it, a configuration of `text` bytes may ask for as many weights as the open HDF5 file holds, and few more."""
    with budget(file.declared + (32 << 20), 10_000 + text // 4):
        yield


def refusal(path: Any, member: str | None, why: str) -> SerializationError:
    """The error for a file, or a member of it, that is refused."""
    name = repr(_ending(os.fspath(path)))
    inside = "" if member is None else f", {member[:200]!r}"
    return SerializationError(shortened(f"The file {name}{inside} is refused: {why}"))


def _ending(text: str, most: int = 200) -> str:
    return text if len(text) <= most else "…" + text[-most:]


def shortened(text: str) -> str:
    """`text`, without its middle where it is too long for a message, and without characters that cannot be printed."""
    text = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text[: 20 * LONGEST_MESSAGE])
    if len(text) <= LONGEST_MESSAGE:
        return text
    half = LONGEST_MESSAGE // 2 - 10
    return f"{text[:half]} … {text[-half:]}"


@contextlib.contextmanager
def refusing(path: Any, member: str | None) -> Iterator[None]:
    """Within it, whatever fails is an error of ours that names the file and the member, in a few words.

    Errors that say enough already pass; of others the type and the beginning of their words are told.
    """
    try:
        yield
    except BudgetError as error:
        raise refusal(path, member, str(error)) from None
    except RanvierError as error:
        text = str(error)
        if len(text) <= LONGEST_MESSAGE and text.isprintable():
            raise
        kind = SerializationError if isinstance(error, MissingDependencyError) else type(error)
        raise kind(shortened(text)) from None
    except Exception as error:
        why = f"{type(error).__name__}: {shortened(str(error)[:2000])[:400]}"
        raise refusal(path, member, f"what it describes cannot be made ({why})") from (
            error if len(str(error)) <= LONGEST_MESSAGE else None
        )
