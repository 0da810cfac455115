"""How many steps go into one call of the program: enough to keep it busy, few enough to keep people informed."""

from __future__ import annotations

import sys
import time

__all__ = ["Pace"]


class Pace:
    """Chooses chunk lengths from the time that the last chunk took.

    Args:
        seconds: the time that a chunk should take.
        fixed: always this many steps instead: chunks end at its multiples.
        done: steps that were made before.

    Attributes:
        most: the next chunk has at most so many steps; whoever wants a stop at a certain step sets it.
    """

    def __init__(self, seconds: float, fixed: int | None = None, done: int = 0):
        self.seconds = seconds
        self.fixed = fixed
        self.most = sys.maxsize
        self._steps = 16
        self._calls = 0
        self._done = done

    def steps(self) -> int:
        """The length of the next chunk."""
        # The first call compiles: of one step, so that a progress bar can tell that time from a step's.
        wanted = self.fixed - self._done % self.fixed if self.fixed else (self._steps if self._calls else 1)
        return min(wanted, self.most)

    @property
    def at_edge(self) -> bool:
        """Whether a chunk may begin or end here: everywhere, unless the length is fixed."""
        return not self.fixed or self._done % self.fixed == 0

    def start(self) -> None:
        """A chunk begins."""
        self._started = time.perf_counter()

    def done(self, steps: int) -> None:
        """A chunk of `steps` steps has ended."""
        self._calls += 1
        self._done += steps
        if self._calls == 1:
            return  # the first call compiles; its time says nothing about the next
        per_step = max((time.perf_counter() - self._started) / max(steps, 1), 1e-7)
        wanted = int(self.seconds / per_step)
        self._steps = max(1, min(wanted, 8 * max(self._steps, steps)))
