"""A number that moves on whenever an object that owns variables is given something new.

Who has gathered the variables of a model looks at it to learn, without walking the model again, whether they may be
other ones by now. It may move without need, never the other way round.
"""

from __future__ import annotations

import itertools

__all__ = ["changed", "version"]

_counter = itertools.count(1)
_version = 0


def changed() -> None:
    """Say that something came, went or became (un)trainable."""
    global _version
    _version = next(_counter)


def version() -> int:
    """The present number."""
    return _version
