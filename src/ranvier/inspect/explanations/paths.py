"""The strongest ways through a graph of numbers, from one number to the loss, and how many ways there are.

The value of a way is the product of the derivatives along it; the sum over all ways is the chain rule's result. There
may be astronomically many, so they are never listed: walking from the loss backwards, each number keeps its few
strongest ways, the count of all and their sum.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

__all__ = ["LOSS", "Ways", "backwards"]

#: The loss, in the place of a node.
LOSS = "loss"


@dataclasses.dataclass
class Ways:
    """The ways from each of a node's n numbers to the loss.

    Attributes:
        products: the values of the strongest, (n, k), 0 where there are fewer.
        steps: what each begins with: ``(node, number, rank)`` of the next node's ways, or None for the loss.
        first: the derivative of that first step, (n, k).
        count: how many there are, (n,).
        total: the sum of all, (n,): the derivative of the loss by the number.
    """

    products: np.ndarray
    steps: list[list[Any]]
    first: np.ndarray
    count: np.ndarray
    total: np.ndarray


def backwards(sizes: Mapping[Any, int], edges: Mapping[Any, Mapping[Any, np.ndarray]], keep: int) -> dict[Any, Ways]:
    """The ways of all nodes.

    Args:
        sizes: how many numbers each node has, in the order in which they are computed.
        edges: for each node (and `LOSS`, with one row) the derivatives of its numbers by those of the nodes before it,
            (numbers, numbers of the other).
        keep: how many ways to keep for each number.
    """
    found: dict[Any, Ways] = {}
    for node in reversed(list(sizes)):
        onwards = [(after, matrix[node]) for after, matrix in edges.items() if node in matrix]
        found[node] = _ways(sizes[node], onwards, found, keep)
    return found


def _ways(size: int, onwards: list[tuple[Hashable, np.ndarray]], found: dict[Hashable, Ways], keep: int) -> Ways:
    products, firsts = np.zeros((size, 0)), np.zeros((size, 0))
    origins = np.zeros((size, 0), "int64")  # places in `table`
    table: list[Any] = []
    count, total = np.zeros(size), np.zeros(size)
    for after, matrix in onwards:
        matrix = matrix.astype("float64")  # (numbers after, numbers here)
        ways = None if after == LOSS else found[after]
        best = np.ones((1, 1)) if ways is None else ways.products
        count += (matrix != 0).T @ (np.ones(1) if ways is None else ways.count)
        total += matrix.T @ (np.ones(1) if ways is None else ways.total)
        begun, ranks = len(table), best.shape[1]
        table += [None if ways is None else (after, i, rank) for i in range(len(matrix)) for rank in range(ranks)]
        each = (matrix[:, None, :] * best[:, :, None]).reshape(-1, size).T  # (numbers here, ways after)
        products = np.concatenate([products, each], axis=1)
        firsts = np.concatenate([firsts, np.repeat(matrix, ranks, axis=0).T], axis=1)
        places = np.broadcast_to(np.arange(begun, len(table)), (size, len(table) - begun))
        origins = np.concatenate([origins, places], axis=1)
        order = np.argsort(-np.abs(products), axis=1, kind="stable")[:, :keep]
        rows = np.arange(size)[:, None]
        products, firsts, origins = products[rows, order], firsts[rows, order], origins[rows, order]
    return Ways(products, [[table[i] for i in line] for line in origins], firsts, count, total)
