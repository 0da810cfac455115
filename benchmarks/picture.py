"""The report as a picture: one panel a figure, bars labelled with the amount and the multiple of the best."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS
from benchmarks.report import amount, multiple

__all__ = ["draw"]

_INK, _FAINT = "#222222", "#777777"


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Write the picture of a report as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Of the many peaks of memory one is enough to look at; beside peers, a figure of one alone says nothing.
    panels = [f for k, f in found["figures"].items() if f["unit"] == "s" or k == "memory"]
    panels = [f for f in panels if len(f["peers"]) > 1] or panels
    if not panels:
        return
    columns = min(len(panels), 2 if len(panels) < 9 else 3)
    lines = -(-len(panels) // columns)
    height = 0.6 + lines * 2.35
    figure = Figure(figsize=(7.2 * columns, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, panel in zip(axes, panels, strict=False):
        _panel(axis, panel)
    for axis in axes[len(panels) :]:
        axis.axis("off")
    machine = found["machine"]
    figure.suptitle(
        f"The same work, shorter is better · medians, and multiples of the best · {machine['cpu']}, "
        f"{machine['cores']} cores" + (" · quick run" if found["quick"] else ""),
        fontsize=11,
        color=_INK,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _panel(axis: Any, panel: Mapping[str, Any]) -> None:
    shown = [p for p in PEERS if p.key in panel["peers"]]
    values = [panel["peers"][p.key]["median"] for p in shown]
    axis.barh([p.label for p in shown], values, color=[p.colour for p in shown], height=0.72)
    axis.invert_yaxis()
    for row, (peer, value) in enumerate(zip(shown, values, strict=True)):
        ours = peer.module == "ranvier"
        text = f" {amount(value, panel['unit'])} · {multiple(panel['peers'][peer.key]['ratio_to_best'])}"
        axis.text(value, row, text, va="center", fontsize=9, color=_INK, fontweight="bold" if ours else "normal")
    axis.set_xlim(0, max(values) * 1.32)
    axis.set_title(panel["title"], fontsize=10.5, loc="left", color=_INK)
    axis.tick_params(left=False, bottom=False, labelbottom=False, labelsize=9, labelcolor=_INK)
    for name, spine in axis.spines.items():
        spine.set_visible(name == "left")
        spine.set_color(_FAINT)
