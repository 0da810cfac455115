"""A model's picture as a matplotlib figure, for PNG, JPEG and PDF."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import MissingDependencyError, RanvierWarning
from ..tools.png import png_bytes
from .boxes import BoxText, colours_of, in_font
from .drawing_svg import TAB, path_of, title_of
from .layout import Layout
from .model_graph import ModelGraph

__all__ = ["figure_of", "save_figure"]

_INK, _SOFT, _WIRE, _FRAME = "#20262D", "#4A545E", "#5B6670", "#9AA7B4"
_FONTS = ["DejaVu Sans", "Noto Sans CJK JP", "Noto Sans", "Arial Unicode MS"]
_MOST_PIXELS = 80e6  # what a picture may have; more takes long and no viewer likes it


class _Letters(NamedTuple):
    """A line of text: where its baseline is (its left end, or its middle), in points from the upper left."""

    x: float
    y: float
    text: str
    size: float
    bold: bool
    colour: str
    middle: bool


def figure_of(
    graph: ModelGraph, layout: Layout, texts: Mapping[str, BoxText], show_layer_names: bool = False,
    apart: list[_Letters] | None = None,
) -> Any:  # fmt: skip
    """The picture as a matplotlib figure, without a window.

    Args:
        graph: the model.
        layout: where things are.
        texts: what stands in the boxes.
        show_layer_names: whether frames show names, too.
        apart: receives the lines of text that are to be written later, by `save_figure`; None: all are in the figure.
    """
    try:
        from matplotlib.collections import PatchCollection, PolyCollection
        from matplotlib.figure import Figure
        from matplotlib.font_manager import get_font_names
        from matplotlib.patches import FancyBboxPatch, PathPatch
        from matplotlib.path import Path
    except ImportError:
        raise MissingDependencyError("matplotlib", "Drawing a model", "plot") from None
    figure = Figure(figsize=(layout.width / 72, layout.height / 72), facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    axes.set_axis_off()
    installed = set(get_font_names())
    fonts = [name for name in _FONTS if name in installed]

    def write(line: _Letters) -> None:
        if apart is not None and in_font(line.text, line.bold):
            apart.append(line)
            return
        axes.text(
            line.x, line.y, line.text, fontsize=line.size, fontweight="bold" if line.bold else "normal",
            color=line.colour, ha="center" if line.middle else "left", family=fonts, va="baseline", parse_math=False,
        )  # fmt: skip

    def rounded(box: Any, radius: float) -> Any:
        radius = min(radius, box.width / 2, box.height / 2)
        return FancyBboxPatch(
            (box.left + radius, box.top + radius), box.width - 2 * radius, box.height - 2 * radius,
            boxstyle=f"round,pad={radius},rounding_size={radius}",
        )  # fmt: skip

    groups = {group.id: group for group in graph.groups}
    for frame in layout.frames:
        patch = rounded(frame, 9)
        patch.set(facecolor=(0.255, 0.322, 0.42, 0.045), edgecolor=_FRAME, linewidth=0.9)
        axes.add_patch(patch)
    codes = {"M": [Path.MOVETO], "L": [Path.LINETO], "Q": [Path.CURVE3] * 2, "C": [Path.CURVE4] * 3}
    lines, arrows = [], []
    for wire in layout.wires:
        steps, arrow = path_of(wire)
        lines.append(PathPatch(Path([p for _, ps in steps for p in ps], [c for step, _ in steps for c in codes[step]])))
        if arrow:
            arrows.append(arrow)
    axes.add_collection(
        PatchCollection(lines, facecolor="none", edgecolor=_WIRE, linewidth=1.1, capstyle="round", zorder=1)
    )
    axes.add_collection(PolyCollection(arrows, facecolor=_WIRE, edgecolor="none", zorder=1))

    for frame in layout.frames:
        title, tab = title_of(groups[frame.id], frame, layout.wires, show_layer_names)
        patch = rounded(tab, 4)
        patch.set(facecolor=TAB[0], edgecolor="none")
        axes.add_patch(patch)
        write(_Letters(tab.left + 4, tab.top + 9.3, title, 8.5, True, TAB[1], False))
    nodes = {node.id: node for node in graph.nodes}
    for box in layout.boxes:
        text = texts[box.id]
        fill, outline = colours_of(nodes[box.id].category)
        patch = rounded(box, 6)
        patch.set(facecolor=fill, edgecolor=outline, linewidth=1.1, linestyle=(0, (3.6, 2.7)) if text.frozen else "-")
        axes.add_patch(patch)
        y = box.top + (box.height - sum(line.size * 1.35 for line in text.lines)) / 2
        for line in text.lines:
            y += line.size * 1.35
            middle, colour = box.left + box.width / 2, _INK if line.bold else _SOFT
            write(_Letters(middle, y - line.size * 0.35, line.text, line.size, line.bold, colour, True))
    return figure


def save_figure(figure: Any, file: Any, format: str, dpi: float, letters: Sequence[_Letters] = ()) -> None:
    """Write a figure; a picture of more pixels than anybody can view gets fewer an inch, with a warning.

    Args:
        figure: a matplotlib figure.
        file: an open binary file.
        format: "png", "jpg", "jpeg" or "pdf".
        dpi: pixels an inch.
        letters: lines of text that are not in the figure; only for "png".
    """
    import matplotlib

    width, height = figure.get_size_inches()
    if format != "pdf" and width * height * dpi**2 > _MOST_PIXELS:
        fitting = math.floor(math.sqrt(_MOST_PIXELS / (width * height)))
        warnings.warn(
            f"At dpi={dpi} the picture would have {width * height * dpi**2 / 1e6:.0f} million pixels; it is drawn at "
            f"dpi={fitting}. SVG and PDF have no such limit.",
            RanvierWarning,
            stacklevel=4,
        )
        dpi = fitting
    settings: Any = {"pdf.fonttype": 42, "path.simplify": False, "text.hinting": "none"}
    with warnings.catch_warnings(), matplotlib.rc_context(settings):
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # signs that no font here has are drawn as boxes
        if format == "png":
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            figure.set_dpi(dpi)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            file.write(png_bytes(_with_letters(canvas.buffer_rgba(), letters, dpi), dpi))
        else:
            figure.savefig(file, format=format, dpi=dpi)


def _with_letters(picture: Any, letters: Sequence[_Letters], dpi: float) -> np.ndarray:
    """The picture without its opacity, with the lines of text: Pillow writes them in a tenth of matplotlib's time."""
    from matplotlib.font_manager import FontProperties, findfont
    from PIL import Image, ImageDraw, ImageFont

    height, width = np.shape(picture)[:2]
    image = Image.frombuffer("RGBA", (width, height), picture, "raw", "RGBA", 0, 1).convert("RGB")
    draw, fonts = ImageDraw.Draw(image), {}
    for line in letters:
        kind = line.size, line.bold
        if kind not in fonts:
            path = findfont(FontProperties(family=_FONTS[0], weight="bold" if line.bold else "normal"))
            fonts[kind] = ImageFont.truetype(path, line.size * dpi / 72, layout_engine=ImageFont.Layout.BASIC)
        place = line.x * dpi / 72, line.y * dpi / 72
        draw.text(place, line.text, line.colour, fonts[kind], anchor="ms" if line.middle else "ls")
    return np.asarray(image)
