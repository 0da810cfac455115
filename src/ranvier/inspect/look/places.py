"""Where the page draws each layer: in the rank of its distance from the inputs, near those that feed it."""

from __future__ import annotations

import itertools

from ..model_graph import ModelGraph

__all__ = ["places"]


def places(graph: ModelGraph) -> dict[str, list[float]]:
    """For each node its column (0 is the middle) and its rank (0 is the top).

    >>> import ranvier
    >>> from ranvier import layers
    >>> from ranvier.inspect.model_graph import model_graph
    >>> x = ranvier.Input((2,), name="x")
    >>> y = layers.Add(name="sum")([layers.Dense(2, name="a")(x), layers.Dense(2, name="b")(x)])
    >>> places(model_graph(ranvier.Model(x, y)))
    {'x': [0.0, 0], 'a': [-0.5, 1], 'b': [0.5, 1], 'sum': [0.0, 2]}
    """
    before: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        if edge.source != edge.target:
            before[edge.target].append(edge.source)
    ranks: dict[str, int] = {}
    for node in graph.nodes:  # which come in an order in which they can be computed
        ranks[node.id] = max((ranks.get(source, -1) + 1 for source in before[node.id]), default=0)
    columns: dict[str, float] = {}
    for rank in range(max(ranks.values(), default=0) + 1):
        row = [id for id, at in ranks.items() if at == rank]
        wish = {id: sum(columns.get(s, 0.0) for s in before[id]) / max(len(before[id]), 1) for id in row}
        row.sort(key=lambda id: wish[id])
        middle = sum(wish.values()) / max(len(row), 1)
        for i, id in enumerate(row):
            columns[id] = round((i - (len(row) - 1) / 2 + middle) * 2) / 2
        for left, right in itertools.pairwise(row):  # rounding must not lay one upon the other
            columns[right] = max(columns[right], columns[left] + 1)
    return {id: [columns[id], ranks[id]] for id in ranks}
