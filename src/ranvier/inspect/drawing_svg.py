"""A model's picture as SVG, and as a page of HTML around it. Every name in it is escaped."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from .boxes import BoxText, colours_of, frame_title, text_width
from .layout import Box, Frame, Layout, Point, Wire
from .model_graph import Group, ModelGraph, Node

__all__ = ["ARROW", "TAB", "crowded_titles", "html_page", "path_of", "svg_text", "title_of"]

ARROW = (6.5, 2.6)  # an arrow's length and half its width, in points
TAB = ("#EDF0F4", "#55657A")  # the ground and the letters of frames' titles
_RADIUS = 7.0  # of a wire's corners
_SHIFT = 8.0  # by which a title moves along its frame's edge until it hides no wire
_INK, _WIRE, _FRAME = "#20262D", "#5B6670", "#9AA7B4"
_FONT = "DejaVu Sans, Verdana, Segoe UI, sans-serif"

Step = tuple[str, list[Point]]  # M, L, Q or C with its points


def path_of(wire: Wire) -> tuple[list[Step], list[Point]]:
    """A wire as the steps of a path, with rounded corners, and the triangle of its arrow (empty without one)."""
    points = list(wire.points)
    arrow: list[Point] = []
    if wire.arrow:
        tip = points[-1]
        before = next((p for p in reversed(points[:-1]) if math.dist(p, tip) > 0.1), (tip[0], tip[1] - 1))
        (ux, uy), (length, half) = _unit(before, tip), ARROW
        foot = (tip[0] - ux * length, tip[1] - uy * length)
        arrow = [tip, (foot[0] - uy * half, foot[1] + ux * half), (foot[0] + uy * half, foot[1] - ux * half)]
        points[-1] = foot
        if wire.curved and len(points) > 2:
            points[-2] = (points[-2][0] - ux * length, points[-2][1] - uy * length)
    steps: list[Step] = [("M", [points[0]])]
    if wire.curved:
        steps += [("C", points[i : i + 3]) for i in range(1, len(points) - 2, 3)]
        return steps, arrow
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_RADIUS, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        (ax, ay), (bx, by) = _unit(before, corner), _unit(corner, after)
        steps.append(("L", [(corner[0] - ax * radius, corner[1] - ay * radius)]))
        steps.append(("Q", [corner, (corner[0] + bx * radius, corner[1] + by * radius)]))
    steps.append(("L", [points[-1]]))
    return steps, arrow


def title_of(group: Group, frame: Frame, wires: list[Wire], show_layer_names: bool) -> tuple[str, Box]:
    """What stands on a frame, and where it hides no wire, or else the fewest: on the frame's edges or at a place kept free."""
    title, tab, _ = _placed_title(group, frame, wires, show_layer_names)
    return title, tab


def crowded_titles(graph: ModelGraph, layout: Layout, show_layer_names: bool) -> dict[str, tuple[float, float]]:
    """The widths and heights of the titles that hide wires, or do not fit into their frames, by the groups' ids."""
    groups, found = {group.id: group for group in graph.groups}, {}
    for frame in layout.frames:
        _, tab, hidden = _placed_title(groups[frame.id], frame, layout.wires, show_layer_names)
        if hidden or tab.width + 8 > frame.width:
            found[frame.id] = tab.width, tab.height
    return found


def _placed_title(group: Group, frame: Frame, wires: list[Wire], show_layer_names: bool) -> tuple[str, Box, int]:
    """The title, its place, and how many wires it hides there."""
    title = frame_title(group.name, group.kind, show_layer_names) + (" …" if frame.part else "")
    width, height = text_width(title, 8.5, bold=True) + 9, 12.5
    left, right = frame.left + 4, frame.left + frame.width - width - 4
    rows = frame.top + 2.5, frame.top + frame.height - height - 2.5
    between = [left + _SHIFT * i for i in range(1, int(max(right - left, 0) // _SHIFT) + 1)]
    places = [(x, y) for y in rows for x in (left, *([right] if right > left else []))]
    places += [(x, y) for y in rows for x in between]
    if frame.title is not None:
        places += [(frame.title.left, frame.title.top)]
    lines = [pair for wire in wires for pair in itertools.pairwise(wire.points) if _meets(frame, *pair)]
    tabs = [Box("", x, y, width, height) for x, y in places]
    counts = (sum(_meets(tab, a, b) for a, b in lines) for tab in tabs)
    best, fewest = tabs[0], math.inf
    for tab, hidden in zip(tabs, counts, strict=True):
        if hidden < fewest:
            best, fewest = tab, hidden
        if not hidden:
            break
    return title, best, int(fewest)


def _meets(box: Box | Frame, a: Point, b: Point) -> bool:
    """Whether a line from `a` to `b` may touch the box."""
    (xa, ya), (xb, yb) = a, b
    return (
        min(xa, xb) < box.left + box.width and max(xa, xb) > box.left
        and min(ya, yb) < box.top + box.height and max(ya, yb) > box.top
    )  # fmt: skip


def _unit(a: Point, b: Point) -> Point:
    length = math.dist(a, b) or 1.0
    return ((b[0] - a[0]) / length, (b[1] - a[1]) / length)


def _numbers(points: list[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def svg_text(
    graph: ModelGraph, layout: Layout, texts: Mapping[str, BoxText], show_layer_names: bool = False, dpi: float = 96
) -> str:
    """The picture as SVG.

    Boxes are groups of class ``node`` with the node's id in ``data-node``, frames have ``data-group``, and wires
    ``data-source`` and ``data-target``, so that a page can find them.

    Args:
        graph: the model.
        layout: where things are.
        texts: what stands in the boxes.
        show_layer_names: whether frames show names, too.
        dpi: pixels an inch, for programs that open the file at its own size.
    """
    nodes = {node.id: node for node in graph.nodes}
    groups = {group.id: group for group in graph.groups}
    width, height = layout.width * dpi / 72, layout.height * dpi / 72
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {layout.width:.1f} {layout.height:.1f}" font-family={quoteattr(_FONT)} role="img">',
        f"<title>{escape(graph.name)}</title>",
        f'<rect width="{layout.width:.1f}" height="{layout.height:.1f}" fill="#FFFFFF"/>',
    ]
    for frame in layout.frames:
        parts.append(
            f'<g class="group" data-group={quoteattr(frame.id)}><rect x="{frame.left:.1f}" y="{frame.top:.1f}" '
            f'width="{frame.width:.1f}" height="{frame.height:.1f}" rx="9" fill="#41526B" fill-opacity="0.045" '
            f'stroke="{_FRAME}" stroke-width="0.9"/></g>'
        )
    for wire in layout.wires:
        steps, arrow = path_of(wire)
        line = " ".join(step + _numbers(points) for step, points in steps)
        head = f'<polygon points="{_numbers(arrow)}" fill="{_WIRE}"/>' if arrow else ""
        parts.append(
            f'<g class="wire" data-source={quoteattr(wire.source)} data-target={quoteattr(wire.target)}>'
            f'<path d="{line}" fill="none" stroke="{_WIRE}" stroke-width="1.1" stroke-linecap="round"/>{head}</g>'
        )
    for frame in layout.frames:
        title, tab = title_of(groups[frame.id], frame, layout.wires, show_layer_names)
        parts.append(
            f'<rect x="{tab.left:.1f}" y="{tab.top:.1f}" width="{tab.width:.1f}" height="{tab.height}" rx="4" '
            f'fill="{TAB[0]}"/><text x="{tab.left + 4:.1f}" y="{tab.top + 9.3:.1f}" font-size="8.5" '
            f'font-weight="bold" fill="{TAB[1]}">{escape(title)}</text>'
        )
    for box in layout.boxes:
        node, text = nodes[box.id], texts[box.id]
        fill, outline = colours_of(node.category)
        dashes = ' stroke-dasharray="4 3"' if text.frozen else ""
        parts.append(
            f'<g class="node" data-node={quoteattr(node.id)} data-category="{node.category}"><title>{escape(_hint(node))}'
            f'</title><rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6" '
            f'fill="{fill}" stroke="{outline}" stroke-width="1.1"{dashes}/>'
        )
        y = box.top + (box.height - sum(line.size * 1.35 for line in text.lines)) / 2
        for line in text.lines:
            y += line.size * 1.35
            weight = ' font-weight="bold"' if line.bold else ""
            parts.append(
                f'<text x="{box.left + box.width / 2:.1f}" y="{y - line.size * 0.35:.1f}" text-anchor="middle" '
                f'font-size="{line.size}"{weight} fill="{_INK if line.bold else "#4A545E"}">{escape(line.text)}</text>'
            )
        parts.append("</g>")
    parts.append("</svg>\n")
    return "\n".join(parts)


def _hint(node: Node) -> str:
    """What is shown when the pointer rests on a box."""
    facts = [f"{node.id} ({node.kind})"]
    if node.activation:
        facts.append(f"activation: {node.activation}")
    if node.parameters:
        facts.append(f"{node.parameters:,} parameters{'' if node.trainable else ', not trainable'}")
    for word, calls in (("in", node.inputs), ("out", node.outputs)):
        for call in dict.fromkeys(map(tuple, calls)):
            if call:
                facts.append(f"{word}: " + ", ".join(f"{t.dtype} {t.shape}" for t in call))
    return "\n".join(facts)


def html_page(title: str, svg: str) -> str:
    """A page that shows the picture, and nothing from elsewhere.

    Args:
        title: the page's title.
        svg: the picture.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
body {{ margin: 0; background: #fff; }}
svg {{ display: block; margin: 0 auto; max-width: none; }}
.node:hover rect {{ stroke-width: 2.2; }}
.wire:hover path {{ stroke: #D55E00; stroke-width: 2; }}
</style>
</head>
<body>
{svg}</body>
</html>
"""
