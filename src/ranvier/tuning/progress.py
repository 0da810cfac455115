"""What a population tells while it trains."""

from __future__ import annotations

from types import TracebackType
from typing import Any

__all__ = ["Progress"]


class Progress:
    """A bar over the epochs of all candidates, or a line for each round.

    Args:
        verbose: 0 silent, 1 a bar, 2 lines.
        candidates: how many there are.
        epochs: how many epochs the best ones train.
        halve_every: after how many epochs half of them stop, or None.
        monitor: the metric that counts.
    """

    def __init__(self, verbose: int, candidates: int, epochs: int, halve_every: int | None, monitor: str):
        self.verbose = verbose
        self.epochs = epochs
        self.monitor = monitor
        self.total, alive, at = 0, candidates, 0
        while at < epochs:
            step = min(halve_every or epochs, epochs - at)
            self.total, at, alive = self.total + alive * step, at + step, -(-alive // 2) if halve_every else alive
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if self.verbose == 1:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("epochs"),
                TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task("training", total=self.total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, count: int) -> None:
        """A candidate has finished so many epochs."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def round(self, epoch: int, best: int, score: float, left: int) -> None:
        """All have come to the end of an epoch at which they are compared."""
        text = f"best {self.monitor} {score:.4g} (candidate {best})"
        if self._bar is not None:
            self._bar.update(self._task, description=text)
        elif self.verbose == 2:
            print(f"epoch {epoch}/{self.epochs}: {text}" + (f", {left} go on" if epoch < self.epochs else ""))
