"""Python's garbage collector, while a great many objects are made that stay."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["collector_at_rest"]


@contextlib.contextmanager
def collector_at_rest() -> Iterator[None]:
    """Within it, nothing is looked through for garbage; afterwards everything is as it was.

    The collector counts new objects, and importing JAX or tracing a program makes hundreds of thousands of them: it
    would look through all of them again and again, for 0.15 s in all, and find nothing. They go to the old ones unseen;
    the next look at everything finds among them what is garbage by then.

    >>> with collector_at_rest():
    ...     print(gc.isenabled())
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if gc.get_freeze_count() == 0:  # otherwise somebody keeps objects frozen on purpose
                gc.freeze()
                gc.unfreeze()
            gc.enable()
