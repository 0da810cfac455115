"""Where messages for people go: to standard output, or to Python's logging."""

from __future__ import annotations

import logging
import sys

__all__ = [
    "disable_interactive_logging",
    "enable_interactive_logging",
    "is_interactive_logging_enabled",
    "print_message",
]

_interactive = True


def enable_interactive_logging() -> None:
    """Write messages, and progress bars that move, to standard output (the default)."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Give messages to the logger "ranvier" instead, at level INFO; bars no longer move."""
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    """Whether messages go to standard output."""
    return _interactive


def print_message(message: str) -> None:
    """Print a line, or log it."""
    if _interactive:
        sys.stdout.write(message + "\n")
        sys.stdout.flush()
    else:
        logging.getLogger("ranvier").info(message)
