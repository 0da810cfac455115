"""``ranvier COMMAND``: each command is a module with `add_to(commands)`, which declares its arguments and what runs."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence

from ..core.errors import RanvierError
from . import look, run

__all__ = ["main"]

_COMMANDS = (look, run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after ``ranvier``; None: the program's own.

    Returns:
        The exit status: 0, or 1 after a message on standard error.
    """
    parser = argparse.ArgumentParser(prog="ranvier", description="Look at networks and work with their files.")
    parser.add_argument("--version", action="version", version=f"ranvier {importlib.metadata.version('ranvier')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    given = parser.parse_args(arguments)
    try:
        return given.run(given)
    except (RanvierError, OSError) as error:
        print(f"ranvier: {error}", file=sys.stderr)
        return 1
