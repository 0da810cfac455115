"""``ranvier look model.keras``: open the page on which a saved model, or a tutorial network, can be looked at."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..core.errors import ArgumentError

__all__ = ["add_to", "run"]


def add_to(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "look",
        help="open a page that shows a model's layers, weights, activations and every neuron's arithmetic",
        description="Open a page on this computer that shows a model's inside. Without a model, the tutorials.",
    )
    parser.add_argument("model", nargs="?", help="a .keras file")
    parser.add_argument("--samples", metavar="FILE", help="an .npz file with x (samples) and, if known, y (targets)")
    parser.add_argument("--tutorial", metavar="NAME", help="the small network to open first")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; by default a free one")
    parser.add_argument("--no-browser", action="store_true", help="only print the page's address")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    from ..inspect.look import look
    from ..inspect.look.tutorials import TUTORIALS

    if given.tutorial not in (None, *TUTORIALS):
        raise ArgumentError(f"--tutorial must be one of {', '.join(sorted(TUTORIALS))}. Received: {given.tutorial!r}")
    model = x = y = None
    if given.model is not None:
        from ..models import load_model

        model = load_model(given.model)
        x, y = _samples(given.samples) if given.samples else (None, None)
    elif given.samples:
        raise ArgumentError("--samples needs a model to show them to.")
    page = look(model, x, y, tutorial=given.tutorial, open_browser=not given.no_browser, port=given.port)
    print("Ctrl-C ends it.", file=sys.stderr)
    page.wait()
    return 0


def _samples(path: str) -> tuple[Any, Any]:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            if "x" in archive:
                return archive["x"], archive.get("y")
            names = list(archive)
    except (ValueError, OSError) as error:
        raise ArgumentError(f"--samples must be an .npz file of plain arrays. Received: {path!r}: {error}") from None
    raise ArgumentError(f"{path!r} must hold an array called x, and may hold y. It holds: {names}")
