"""Where a long model can be cut: between layers where all that passes is one layer's output."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

from .model_graph import ModelGraph

__all__ = ["Piece", "cut_points"]


@dataclasses.dataclass
class Piece:
    """A part of a model.

    Attributes:
        nodes: ids, in an order in which they can be computed.
        entry: the node before it whose output comes in; None for the first part.
        exit: the node whose output goes on; None for the last part.
    """

    nodes: list[str]
    entry: str | None = None
    exit: str | None = None


def cut_points(graph: ModelGraph, sizes: Mapping[str, tuple[float, float]], count: int, gap: float) -> list[Piece]:
    """The model in up to `count` parts of about equal length.

    Args:
        graph: the model.
        sizes: width and height of each node.
        count: how many parts are wanted; there are fewer where the model cannot be cut.
        gap: the distance between ranks.
    """
    order = _late_inputs(graph)
    if count < 2 or len(order) < 2:
        return [Piece(order)]
    ends = _ends(graph, order, sizes, gap)
    places = _single_values(graph, order)
    cuts = _even_cuts([*places], ends, count)
    bounds = [0, *(cut + 1 for cut in cuts), len(order)]
    pieces = [Piece(order[a:b]) for a, b in itertools.pairwise(bounds)]
    for cut, before, after in zip(cuts, pieces, pieces[1:], strict=False):
        before.exit = after.entry = places[cut]
    return pieces


def _even_cuts(places: list[int], ends: list[float], count: int) -> list[int]:
    """Up to ``count - 1`` of the places, in order, so that no part is longer than it must be."""
    stops = [*places, len(ends) - 1]
    reach = [ends[p] for p in stops]
    # best[k][i]: the sum of the squared lengths of k + 1 parts that end at stop i, and where the last one begins.
    best: list[list[tuple[float, int]]] = [[(length**2, -1) for length in reach]]
    for k in range(1, min(count, len(stops))):
        row = [(float("inf"), -1)] * len(stops)
        for i in range(k, len(stops)):
            row[i] = min((best[-1][j][0] + (reach[i] - reach[j]) ** 2, j) for j in range(k - 1, i))
        best.append(row)
    cuts, i = [], len(stops) - 1
    for row in reversed(best[1:]):
        i = row[i][1]
        cuts.append(stops[i])
    return cuts[::-1]


def _late_inputs(graph: ModelGraph) -> list[str]:
    """The nodes in their order, but for inputs, which come just before what first takes them."""
    rank = {node.id: i for i, node in enumerate(graph.nodes)}
    inputs = set(graph.inputs)
    first: dict[str, int] = {}
    for edge in graph.edges:
        if edge.source in inputs:
            first[edge.source] = min(first.get(edge.source, len(rank)), rank[edge.target])
    key = {id: first.get(id, place) - 0.5 if id in inputs else place for id, place in rank.items()}
    return sorted(rank, key=lambda id: (key[id], rank[id]))


def _ends(graph: ModelGraph, order: list[str], sizes: Mapping[str, tuple[float, float]], gap: float) -> list[float]:
    """How far down the picture reaches with each node of the order."""
    incoming: dict[str, list[str]] = {}
    place = {id: i for i, id in enumerate(order)}
    for edge in graph.edges:
        if place[edge.source] < place[edge.target]:
            incoming.setdefault(edge.target, []).append(edge.source)
    bottom: dict[str, float] = {}
    reached, ends = 0.0, []
    for id in order:
        above = max((bottom[source] for source in incoming.get(id, [])), default=0.0)
        bottom[id] = above + gap + sizes[id][1]
        reached = max(reached, bottom[id])
        ends.append(reached)
    return ends


def _single_values(graph: ModelGraph, order: list[str]) -> dict[int, str]:
    """After which places of the order a single node's output is all that is still needed, and which node's."""
    place = {id: i for i, id in enumerate(order)}
    last: dict[str, int] = {}  # until where each node's output is needed
    blocked = [0] * (len(order) + 1)  # by edges that lead back, as those of shared layers may
    for edge in graph.edges:
        a, b = place[edge.source], place[edge.target]
        if a <= b:
            last[edge.source] = max(last.get(edge.source, -1), b)
        else:
            blocked[b] += 1
            blocked[a] -= 1
    found, needed, under_way = {}, set(), 0
    expiring: dict[int, list[str]] = {}
    for source, end in last.items():
        expiring.setdefault(end, []).append(source)
    for i, id in enumerate(order[:-1]):
        under_way += blocked[i]
        needed.difference_update(expiring.get(i, []))
        if last.get(id, -1) > i:
            needed.add(id)
        if len(needed) == 1 and not under_way:
            found[i] = next(iter(needed))
    return found
