"""`Progbar`: the line that moves while something runs."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from .interactive import is_interactive_logging_enabled, print_message

__all__ = ["Progbar"]

_BOLD, _GREEN, _GREY, _OFF = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Progbar:
    """A progress bar with metrics beside it, as `fit` draws it.

    On a terminal and in a notebook the line moves; where output goes to a file or a pipe, only its final state is
    written, without colours.

    Args:
        target: how many units there are to do; None: unknown.
        width: the bar's length in characters.
        verbose: 1 a bar, 2 one line at the end, 0 nothing.
        interval: seconds that lie at least between two drawings; 0: every update is shown, wherever output goes.
        stateful_metrics: names of values to show as they are; the others are averaged over the units.
        stateless_metrics: the other way round: names of values to average; the others are shown as they are.
        unit_name: what a unit is called.

    Raises:
        ArgumentError: both lists of metrics, or a `verbose` that is not 0, 1 or 2.

    >>> bar = Progbar(target=4, verbose=2)
    >>> for step in range(4):
    ...     bar.add(1, [("loss", 1.0)])
    4/4 - 0s - ...s/step - loss: 1.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError(
                "Give stateful_metrics or stateless_metrics, not both: each says what the other leaves out."
            )
        if verbose not in (0, 1, 2):
            raise ArgumentError(f"verbose must be 0, 1 or 2. Received: verbose={verbose!r}")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._seen = 0
        self._sums: dict[str, tuple[Any, float]] = {}
        self._latest: dict[str, Any] = {}
        self._start = time.time()
        self._after_first: float | None = None
        self._last_drawn = 0.0
        self._drawn_length = 0

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """`update` by `n` units more."""
        self.update(self._seen + n, values)

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Move to unit `current`.

        Args:
            current: how many units are done.
            values: pairs of name and number, or a list of numbers, of which the mean is shown. The last line shows the
                last ones as they are.
            finalize: whether this is the last line; None: whether the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._remember(list(values or ()), max(current - self._seen, 1))
        self._seen = current
        now = time.time()
        if current == 1 and self._after_first is None:
            self._after_first = now
        if self.verbose == 0 or not (finalize or self.verbose == 1):
            return
        if self.verbose == 2:
            print_message(self._plain_line(current, now))
        elif _moves():
            if finalize or now - self._last_drawn >= self.interval:
                self._draw(current, now, finalize)
                self._last_drawn = now
        elif finalize or not self.interval:  # an interval of 0 asks for every update
            print_message(_ESCAPES.sub("", self._head(current, now, finalize) + self._tail(current, now, finalize)))

    def _remember(self, values: list[tuple[str, Any]], count: int) -> None:
        for name, value in values:
            value = np.asarray(value) if isinstance(value, (list, tuple)) else value
            total, weight = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value * count, weight + count)
            self._latest[name] = value

    def _averages(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in self.stateful_metrics

    def _metrics(self, final: bool) -> str:
        text = ""
        for name, (total, weight) in self._sums.items():
            shown = total / weight if self._averages(name) and not final else self._latest[name]
            value = float(np.mean(shown))  # of a result for each class the mean, as in Keras
            text += f" - {name}: {value:.4f}" if abs(value) > 1e-3 or math.isnan(value) else f" - {name}: {value:.4e}"
        return text

    def _unit_time(self, current: int, now: float) -> float:
        """Seconds a unit takes; the first one, which compiles, is left out once there are others."""
        if current == 0:
            return 0.0
        if self._after_first is None or current == 1:
            return (now - self._start) / current
        return (now - self._after_first) / (current - 1)

    def _plain_line(self, current: int, now: float) -> str:
        target = self.target if self.target is not None else current
        unit = _unit_text(self._unit_time(current, now), self.unit_name)
        return f"{current}/{target} - {now - self._start:.0f}s - {unit}{self._metrics(True)}"

    def _head(self, current: int, now: float, final: bool) -> str:
        """Count and bar."""
        if self.target is None and not final:
            return f"{current:>7}/Unknown"
        target = self.target if self.target is not None else current
        full, empty = _symbols()
        done = min(self.width, int(self.width * current / max(target, 1)))
        count = f"{current:>{len(str(target))}}/{target}"
        bar = f"{_GREEN}{full * done}{_OFF}" if done else ""
        return f"{_BOLD}{count}{_OFF} {bar}{_GREY}{empty * (self.width - done)}{_OFF}"

    def _tail(self, current: int, now: float, final: bool) -> str:
        """Times and metrics."""
        unit = self._unit_time(current, now)
        if final or self.target is None:
            left = f"{now - self._start:.0f}s"
        else:
            left = _clock(unit * (self.target - current))
        return f" {_BOLD}{left}{_OFF} {_unit_text(unit, self.unit_name)}{self._metrics(final)}"

    def _draw(self, current: int, now: float, final: bool) -> None:
        line = self._head(current, now, final) + self._tail(current, now, final)
        length = len(_ESCAPES.sub("", line))
        if not final and sys.stdout.isatty() and length >= (columns := shutil.get_terminal_size().columns):
            # A moving line that wraps could not be drawn over: its metrics are cut.
            line, length = line[: columns - 1 - length], columns - 1
        blanks = " " * max(self._drawn_length - length, 0)
        self._drawn_length = length
        if os.environ.get("NO_COLOR"):
            line = _ESCAPES.sub("", line)
        sys.stdout.write(f"\r{line}{blanks}" + ("\n" if final else ""))
        sys.stdout.flush()


def _moves() -> bool:
    """Whether output can be drawn over: a terminal, a notebook, or PyCharm's console."""
    if not is_interactive_logging_enabled():
        return False
    isatty = getattr(sys.stdout, "isatty", None)
    return bool(isatty and isatty()) or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ


def _symbols() -> tuple[str, str]:
    """What the bar is made of, in a character set that the output knows."""
    try:
        "━".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "=", "."
    return "━", "━"


def _clock(seconds: float) -> str:
    """Time left: ``"59s"``, ``"2:58"``, ``"1:05:00"``."""
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if seconds > 60 else f"{whole}s"


def _unit_text(seconds: float, unit: str) -> str:
    """Time for a unit: ``"2s/step"``, ``"12ms/step"``, ``"204us/step"``."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit}"
    return f"{seconds * 1e3:.0f}ms/{unit}" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/{unit}"
