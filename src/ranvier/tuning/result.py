"""What came of a population: every candidate's history, and the best of them."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["PopulationResult"]


class PopulationResult:
    """The candidates after `Population.fit`; printing it shows them as a table, the best first.

    Attributes:
        candidates: the hyperparameters of each, a list of dicts.
        seeds: the seed of each.
        models: the models, with the weights that they have come to.
        histories: the logs of each: a dict of lists with a number for each epoch.
        monitor: the metric that counts.
        scores: its last value of each.
        stopped: the candidates that were stopped early.
        ranking: all candidates, the best first; those that were stopped early come after the others.
        how: how they were trained.
        programs: how many programs training needed.
        reasons: why it needed more than one.
    """

    def __init__(
        self,
        candidates: Sequence[dict[str, Any]],
        seeds: Sequence[int],
        models: Sequence[Any],
        histories: Sequence[dict[str, list[float]]],
        monitor: str,
        sign: int,
        stopped: Sequence[int],
        how: str,
        programs: int,
        reasons: Sequence[str],
    ):
        self.candidates = list(candidates)
        self.seeds = list(seeds)
        self.models = list(models)
        self.histories = list(histories)
        self.monitor = monitor
        self.scores = [h[monitor][-1] for h in histories]
        self.stopped = sorted(stopped)
        self.how = how
        self.programs = programs
        self.reasons = list(dict.fromkeys(reasons))
        lengths = [len(h[monitor]) for h in histories]
        self.ranking = sorted(range(len(models)), key=lambda i: (-lengths[i], *worse_last(self.scores[i], sign)))

    @property
    def best_index(self) -> int:
        """The number of the best candidate."""
        return self.ranking[0]

    @property
    def best(self) -> Any:
        """The model of the best candidate."""
        return self.models[self.best_index]

    @property
    def best_params(self) -> dict[str, Any]:
        """The hyperparameters of the best candidate."""
        return self.candidates[self.best_index]

    @property
    def best_score(self) -> float:
        """The last value of the monitored metric of the best candidate."""
        return self.scores[self.best_index]

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics."""
        return list(dict.fromkeys(name for i in self.ranking for name in self.histories[i]))

    @property
    def columns(self) -> dict[str, Any]:
        """A row for each candidate, by columns, as ``cv_results_`` of searches: ``pandas.DataFrame(result.columns)``."""
        found: dict[str, Any] = {"candidate": np.arange(len(self.models)), "seed": np.array(self.seeds)}
        for name in self.candidates[0]:
            found[f"param_{name}"] = [c[name] for c in self.candidates]
        found["params"] = self.candidates
        found["epochs"] = np.array([len(h[self.monitor]) for h in self.histories])
        for name in self.metrics:
            found[name] = np.array([h.get(name, [math.nan])[-1] for h in self.histories])
        ranks = np.empty(len(self.models), int)
        ranks[self.ranking] = np.arange(1, len(self.models) + 1)
        found["rank"] = ranks
        return found

    # --- as text ----------------------------------------------------------------------------------------------------

    def __rich__(self) -> Any:
        from rich.markup import escape
        from rich.table import Table

        columns = self.columns
        metrics = [self.monitor, *(n for n in self.metrics if n != self.monitor)]
        table = Table(title=self._title(), caption=escape("\n".join(self._caption())) or None, caption_justify="left")
        for name in ("rank", "candidate", *self.candidates[0], "seed", "epochs", *metrics):
            table.add_column(escape(name), justify="right")
        for rank, i in enumerate(self.ranking, 1):
            values = [rank, i, *self.candidates[i].values(), self.seeds[i]]
            epochs = f"{columns['epochs'][i]}" + (" (stopped)" if i in self.stopped else "")
            cells = [*map(_text, values), epochs, *(_text(float(np.mean(columns[m][i]))) for m in metrics)]
            table.add_row(*map(escape, cells), style="bold" if rank == 1 else None)
        return table

    def _title(self) -> str:
        count = len(self.models)
        programs = "one program" if self.programs == 1 else f"{self.programs} programs"
        return f"{count} candidate{'s' * (count > 1)}, {self.how}, {programs}"

    def _caption(self) -> list[str]:
        if not self.reasons:
            return []
        shown = [f"More than one program, since candidates differ in: {self.reasons[0]}", *self.reasons[1:4]]
        return shown + (["…"] if len(self.reasons) > 4 else [])

    def __str__(self) -> str:
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, width=160, color_system=None).print(self)
        return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())

    def __repr__(self) -> str:
        return (
            f"<PopulationResult of {len(self.models)} candidates: the best is {self.best_index}, {self.best_params}, with "
            f"{self.monitor}={self.best_score:.6g}>"
        )

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def worse_last(score: float, sign: int) -> tuple[bool, float]:
    """A key by which the better scores come first, and what is not a number last."""
    bad = math.isnan(score)
    return bad, 0.0 if bad else -sign * score


def _text(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
