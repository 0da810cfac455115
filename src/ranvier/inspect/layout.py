"""Where the boxes, wires and frames of a model's picture go: Graphviz's layered layout, folded into columns.

The engine comes with the package pygraphviz, whose wheels hold it: there is nothing to install besides. Everything
is laid out from above to below, in points, and turned at the end to run in the direction that was asked for. A long
model would be a thread of paper; it is cut where a single value passes, and its pieces stand side by side.
"""

from __future__ import annotations

import dataclasses
import json
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..core.errors import MissingDependencyError
from .columns import cut_points
from .model_graph import ModelGraph

__all__ = ["Box", "Frame", "Layout", "Point", "Wire", "arrange"]

Point = tuple[float, float]
_GAP, _RANK_GAP = 24.0, 26.0  # between boxes, and between ranks
_MARGIN = 14.0  # around the picture
_FRAME = 23.0  # between a frame and what it holds, with room for its title
_GUTTER = 34.0  # between columns
_FOLD_FROM = 1900.0  # the length from which a model is folded
_WIDE = 2.0  # how much wider than high a folded picture is, about
_NEARLY = 14.0  # how far a wire strays that might as well be straight
_engine = threading.Lock()  # Graphviz keeps its state in globals


@dataclasses.dataclass
class Box:
    """A node's place: its left upper corner and its size, in points; y grows downwards."""

    id: str
    left: float
    top: float
    width: float
    height: float


@dataclasses.dataclass
class Frame(Box):
    """A group's place. A group that was cut has one in each column.

    Attributes:
        part: 0 for the first of its frames.
        title: a place that is kept free for its title; None: none was asked for.
    """

    part: int = 0
    title: Box | None = None


@dataclasses.dataclass
class Wire:
    """An edge's way.

    Attributes:
        source, target: ids of the nodes.
        points: corners of a polyline, or control points of cubic Bézier curves (3n + 1), in points.
        curved: which of the two.
        arrow: whether the last point is an arrow's tip.
    """

    source: str
    target: str
    points: list[Point]
    curved: bool
    arrow: bool = True


@dataclasses.dataclass
class Layout:
    """A picture's geometry, in points; y grows downwards."""

    width: float
    height: float
    boxes: list[Box]
    frames: list[Frame]
    wires: list[Wire]


def arrange(
    graph: ModelGraph, sizes: Mapping[str, tuple[float, float]], rankdir: str = "TB", splines: str = "ortho",
    columns: int | None = None, titles: Mapping[str, tuple[float, float]] | None = None,
) -> Layout:  # fmt: skip
    """Lay out a model.

    Args:
        graph: the model.
        sizes: width and height of each node's box, by id, in points.
        rankdir: where the layers after the first go: "TB" (down), "BT" (up), "LR" (right) or "RL" (left).
        splines: "ortho" (along the axes), "spline", "curved", "polyline" or "line".
        columns: into how many columns the picture is folded; None: as many as give it a good form.
        titles: width and height of the titles for which frames keep a place free, by the group's id.

    Raises:
        MissingDependencyError: pygraphviz is not installed.
    """
    sideways = rankdir in ("LR", "RL")
    sizes = dict(sizes) | {_TITLE + id: size for id, size in (titles or {}).items()}
    sizes = {id: (h, w) if sideways else (w, h) for id, (w, h) in sizes.items()}
    everything = [node.id for node in graph.nodes]
    if columns is None:
        columns = 1
        if sum(sizes[id][1] + _RANK_GAP for id in everything) > _FOLD_FROM:
            rough = _column(graph, sizes, everything, "line", False, None)
            if rough.height > _FOLD_FROM and rough.height > 3 * rough.width:
                wide = 1 / _WIDE if sideways else _WIDE
                columns = max(1, round(math.sqrt(wide * rough.height / (rough.width + _GUTTER))))
    pieces = cut_points(graph, sizes, columns, _RANK_GAP)
    if len(pieces) == 1:
        layout = _column(graph, sizes, everything, splines, False, None)
    else:
        layout = _folded(graph, sizes, pieces, splines)
    _add_margin(layout)
    return _with_titles(_turned(layout, rankdir))


def _with_titles(layout: Layout) -> Layout:
    """The places of titles, so far among the boxes, in their frames."""
    places = [box for box in layout.boxes if box.id.startswith(_TITLE)]
    layout.boxes = [box for box in layout.boxes if not box.id.startswith(_TITLE)]
    for place in places:
        for frame in layout.frames:
            inside = frame.left <= place.left <= frame.left + frame.width
            if (
                frame.id == place.id.removeprefix(_TITLE)
                and inside
                and frame.top <= place.top <= frame.top + frame.height
            ):
                frame.title = place
    return layout


def _folded(graph: ModelGraph, sizes: Mapping[str, tuple[float, float]], pieces: Any, splines: str) -> Layout:
    """Columns side by side, each tied to the next."""
    result = Layout(0.0, 0.0, [], [], [])
    parts: dict[str, int] = {}
    left, tie = 0.0, None
    for piece in pieces:
        column = _column(graph, sizes, piece.nodes, splines, piece.entry is not None, piece.exit, piece.entry)
        _shift(column, left, 0.0)
        entry = next((b for b in column.boxes if b.id == _ENTRY), None)
        exit = next((b for b in column.boxes if b.id == _EXIT), None)
        if tie is not None and entry is not None:
            # From below the last column, up the gutter, and over into this one.
            (from_x, from_y), gutter, source = tie
            middle = gutter + _GUTTER / 2
            points = [(from_x, from_y), (from_x, from_y + 10), (middle, from_y + 10), (middle, -10.0),
                      (entry.left, -10.0), (entry.left, entry.top)]  # fmt: skip
            result.wires.append(Wire(source, source, points, curved=False, arrow=False))
        if exit is not None:
            tie = ((exit.left, column.height), left + column.width, piece.exit)
            result.wires.append(Wire(piece.exit, piece.exit, [(exit.left, exit.top), tie[0]], False, False))
        for frame in column.frames:
            frame.part = parts.get(frame.id, 0)
            parts[frame.id] = frame.part + 1
        result.boxes += [box for box in column.boxes if box.id not in (_ENTRY, _EXIT)]
        result.frames += column.frames
        result.wires += column.wires
        left += column.width + _GUTTER
        result.height = max(result.height, column.height + (10 if exit is not None else 0))
    result.width = left - _GUTTER
    _shift(result, 0.0, 10.0)
    result.height += 10
    return result


_ENTRY, _EXIT, _TITLE = "\0entry", "\0exit", "\0title "


def _column(
    graph: ModelGraph, sizes: Mapping[str, tuple[float, float]], nodes: list[str], splines: str, has_entry: bool,
    exit: str | None, entry: str | None = None,
) -> Layout:  # fmt: skip
    """The layout of some of the nodes, from above to below.

    Args:
        graph: the model.
        sizes: width and height of each box.
        nodes: ids of the nodes in this column.
        splines: how wires run.
        has_entry: whether a wire comes in from the column before.
        exit: the node whose output goes on into the next column; None: there is no next one.
        entry: the node whose output comes from the column before.
    """
    try:
        import pygraphviz
    except ImportError:
        raise MissingDependencyError("pygraphviz", "Drawing a model", "plot") from None
    inside = set(nodes)
    numbers = {id: f"n{i}" for i, id in enumerate(nodes)} | {_ENTRY: "entry", _EXIT: "exit"}
    numbers |= {_TITLE + group.id: f"t{i}" for i, group in enumerate(graph.groups) if _TITLE + group.id in sizes}
    ends: list[tuple[str, str, bool]] = []
    for edge in graph.edges:
        if edge.source != edge.target and edge.target in inside and (edge.source in inside or has_entry):
            ends.append((edge.source if edge.source in inside else _ENTRY, edge.target, True))
    if exit is not None:
        ends.append((exit if exit in inside else _ENTRY, _EXIT, False))
    text = _dot_text(graph, sizes, numbers, ends, splines, has_entry, exit is not None)
    with _engine:
        drawn = pygraphviz.AGraph(string=text)
        found = json.loads(drawn.draw(format="json", prog="dot") or "{}")
        drawn.close()
    names = {number: id for id, number in numbers.items()}
    groups = {f"cluster_{i}": group.id for i, group in enumerate(graph.groups)}
    layout = _read(found, names, groups, ends, splines)
    for box in layout.boxes:
        if box.id in (_ENTRY, _EXIT):
            _meet(layout.wires, box)
    if entry is not None:
        for wire in layout.wires:
            wire.source = entry if wire.source == _ENTRY else wire.source
    for edge in dict.fromkeys((e.source, e.target) for e in graph.edges if e.source == e.target):
        box = next((b for b in layout.boxes if b.id == edge[0]), None)
        if box is not None:
            layout.wires.append(_loop(box))
    return layout


def _dot_text(
    graph: ModelGraph, sizes: Mapping[str, tuple[float, float]], numbers: Mapping[str, str],
    ends: list[tuple[str, str, bool]], splines: str, has_entry: bool, has_exit: bool,
) -> str:  # fmt: skip
    """What the engine is told: boxes without texts in nested clusters, and edges numbered as in `ends`."""
    members: dict[str | None, list[str]] = {}

    def sized(id: str) -> str:
        width, height = sizes[id]
        return f"{numbers[id]} [width={width / 72:.4f}, height={height / 72:.4f}];"

    for node in graph.nodes:
        if node.id in numbers:
            members.setdefault(node.parent, []).append(sized(node.id))
    if has_entry:
        members.setdefault(None, []).append("entry [width=0.001, height=0.001];")
    if has_exit:
        members.setdefault(None, []).append("{rank=sink; exit [width=0.001, height=0.001];}")
    children: dict[str | None, list[int]] = {}
    for i, group in enumerate(graph.groups):
        children.setdefault(group.parent, []).append(i)

    def body(group: str | None) -> str:
        inner = [(i, body(graph.groups[i].id)) for i in children.get(group, [])]
        titles = {i: sized(_TITLE + graph.groups[i].id) for i, _ in inner if _TITLE + graph.groups[i].id in sizes}
        clusters = [
            f'subgraph cluster_{i} {{ margin={_FRAME}; label="";\n{text}\n{titles.get(i, "")}}}'
            for i, text in inner
            if text
        ]
        return "\n".join([*members.get(group, []), *clusters])

    ranks = _ranks(ends)
    # The engine keeps long wires straight at any price; a price on short ones keeps chains of layers in line.
    edges = [
        f"{numbers[a]} -> {numbers[b]} [id={i}, weight={12 if ranks[b] - ranks[a] == 1 else 1}];"
        for i, (a, b, _) in enumerate(ends)
    ]
    head = (
        f"digraph {{ splines={splines}; nodesep={_GAP / 72:.4f}; ranksep={_RANK_GAP / 72:.4f}; margin=0; pad=0;\n"
        'node [shape=box, fixedsize=true, label=""]; edge [arrowhead=none];'
    )
    return "\n".join([head, body(None), *edges, "}"])


def _ranks(ends: list[tuple[str, str, bool]]) -> dict[str, int]:
    """How many edges lead to each node at the most; edges are in an order in which they can be computed, mostly."""
    ranks: dict[str, int] = {}
    for source, target, _ in ends:
        ranks[target] = max(ranks.get(target, 0), ranks.setdefault(source, 0) + 1)
    return ranks


def _read(
    found: Any, names: Mapping[str, str], groups: Mapping[str, str], ends: list[tuple[str, str, bool]], splines: str
) -> Layout:
    """The engine's answer, whose y grows upwards."""
    x0, y0, x1, y1 = map(float, found["bb"].split(","))
    boxes, frames, wires = [], [], []
    place: Callable[[str], Point] = lambda pair: (  # noqa: E731
        float(pair.split(",")[0]) - x0,
        y1 - float(pair.split(",")[1]),
    )
    for item in found.get("objects", []):
        name = item["name"]
        if name in groups and "bb" in item:
            a, b, c, d = map(float, item["bb"].split(","))
            frames.append(Frame(groups[name], a - x0, y1 - d, c - a, d - b))
        elif name in names:
            x, y = place(item["pos"])
            width, height = float(item["width"]) * 72, float(item["height"]) * 72
            boxes.append(Box(names[name], x - width / 2, y - height / 2, width, height))
    for item in found.get("edges", []):
        source, target, arrow = ends[int(item["id"])]
        points = [place(p) for p in item["pos"].split() if p[0] not in "es"]
        straight = splines in ("ortho", "polyline", "line")
        wires.append(Wire(source, target, _corners(points[::3]) if straight else points, not straight, arrow))
    return Layout(x1 - x0, y1 - y0, boxes, frames, wires)


def _corners(points: list[Point]) -> list[Point]:
    """A polyline without points that lie on the line between their neighbours."""
    kept = [points[0]]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        (ax, ay), (bx, by) = (here[0] - before[0], here[1] - before[1]), (after[0] - here[0], after[1] - here[1])
        if abs(ax * by - ay * bx) > 0.5 * max(1.0, math.hypot(ax, ay)):
            kept.append(here)
    return [*kept, points[-1]]


def _meet(wires: list[Wire], place: Box) -> None:
    """Let the wires of a place without size end there exactly, and the first that is nearly straight be straight."""
    mine = [wire for wire in wires if place.id in (wire.source, wire.target)]
    for wire in mine:
        if wire.target == place.id:
            wire.points.reverse()  # for a moment, so that each begins here
    for wire in mine:
        far = wire.points[-1]
        if not wire.curved and all(abs(x - far[0]) < _NEARLY and abs(x - place.left) < _NEARLY for x, _ in wire.points):
            place.left = far[0]
            wire.points = [(far[0], place.top), far]
            break
    for wire in mine:
        if abs(wire.points[0][0] - wire.points[1][0]) < 1 and not wire.curved and len(wire.points) > 2:
            wire.points[1] = (place.left, wire.points[1][1])
        wire.points[0] = (place.left, place.top)
        if wire.target == place.id:
            wire.points.reverse()


def _loop(box: Box) -> Wire:
    """The wire of a layer that is called on its own output, at its right side."""
    right, high, low = box.left + box.width, box.top + box.height * 0.75, box.top + box.height * 0.25
    points = [(right, high), (right + 13, high), (right + 13, low), (right, low)]
    return Wire(box.id, box.id, points, curved=False)


def _shift(layout: Layout, x: float, y: float) -> None:
    for box in [*layout.boxes, *layout.frames]:
        box.left, box.top = box.left + x, box.top + y
    for wire in layout.wires:
        wire.points = [(a + x, b + y) for a, b in wire.points]


def _add_margin(layout: Layout) -> None:
    """Room around the picture, also around wires that leave the engine's box."""
    xs = [0.0, layout.width, *(x for wire in layout.wires for x, _ in wire.points)]
    ys = [0.0, layout.height, *(y for wire in layout.wires for _, y in wire.points)]
    _shift(layout, _MARGIN - min(xs), _MARGIN - min(ys))
    layout.width, layout.height = max(xs) - min(xs) + 2 * _MARGIN, max(ys) - min(ys) + 2 * _MARGIN


def _turned(layout: Layout, rankdir: str) -> Layout:
    """The layout, so far from above to below, in another direction."""
    if rankdir == "TB":
        return layout
    width, height = layout.width, layout.height
    move: Callable[[float, float], Point] = {
        "BT": lambda x, y: (x, height - y),
        "LR": lambda x, y: (y, x),
        "RL": lambda x, y: (height - y, x),
    }[rankdir]
    for box in [*layout.boxes, *layout.frames]:
        corners = [move(box.left, box.top), move(box.left + box.width, box.top + box.height)]
        (xa, ya), (xb, yb) = corners
        box.left, box.top, box.width, box.height = min(xa, xb), min(ya, yb), abs(xb - xa), abs(yb - ya)
    for wire in layout.wires:
        wire.points = [move(x, y) for x, y in wire.points]
    if rankdir in ("LR", "RL"):
        layout.width, layout.height = height, width
    return layout
