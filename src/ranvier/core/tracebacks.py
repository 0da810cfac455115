"""Tracebacks without the frames of ranvier and JAX, so that an error points at the user's own line."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "disable_traceback_filtering",
    "enable_traceback_filtering",
    "filtered",
    "is_of_others",
    "is_traceback_filtering_enabled",
    "of_others",
    "outside",
]

_OWN = str(Path(__file__).parent.parent) + os.sep
_JAX = tuple(f"{os.sep}site-packages{os.sep}{name}{os.sep}" for name in ("jax", "jaxlib"))
_enabled = os.environ.get("RANVIER_TRACEBACK_FILTERING", "1") != "0"

F = TypeVar("F", bound=Callable[..., Any])


def enable_traceback_filtering() -> None:
    """Leave the frames of ranvier and JAX out of tracebacks of layers' calls and of training (the default)."""
    global _enabled
    _enabled = True


def disable_traceback_filtering() -> None:
    """Show whole tracebacks. The environment variable ``RANVIER_TRACEBACK_FILTERING=0`` does so from the start."""
    global _enabled
    _enabled = False


def is_traceback_filtering_enabled() -> bool:
    """Whether frames of ranvier and JAX are left out of tracebacks."""
    return _enabled


def filtered(function: F) -> F:
    """Decorator: errors that leave `function` carry only the frames of others."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if not _enabled:
                raise
            raise error.with_traceback(of_others(error.__traceback__))  # noqa: B904  the same error

    return run  # type: ignore[return-value]


def of_others(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames of ranvier and JAX."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    kept: types.TracebackType | None = None
    for frame in reversed(frames):
        if is_of_others(frame.tb_frame.f_code.co_filename):
            kept = types.TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def is_of_others(file_name: str) -> bool:
    """Whether a file is neither ranvier's nor JAX's."""
    return not file_name.startswith(_OWN) and not any(part in file_name for part in _JAX)


def outside() -> int:
    """The `stacklevel` at which a warning given by the caller shows the line outside of ranvier that led to it."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame, level = frame.f_back, level + 1
    return level
