"""`summary()`: a table of a model's layers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..core.variables import Variable
from ..layers.base import Layer
from ..ops import symbolic

__all__ = ["print_summary", "readable_size"]


def readable_size(size: int) -> str:
    """A number of bytes for people.

    >>> readable_size(80), readable_size(313_768)
    ('80.00 B', '306.41 KB')
    """
    value, unit = float(size), "B"
    for larger in ("KB", "MB", "GB", "TB", "PB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.2f} {unit}"


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[..., Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a table of the layers of `model`; the arguments are those of ``Model.summary``."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    connected = model.graph is not None and not _is_chain(model)
    columns = [Column("Layer (type)"), Column("Output Shape"), Column("Param #", justify="right")]
    default, ends = 88, [0.45, 0.80, 1.0]
    if connected:
        columns.append(Column("Connected to"))
        default, ends = 108, [0.3, 0.56, 0.74, 1.0]
    if show_trainable:
        columns.append(Column("Trainable", justify="center"))
        default += 12
        ends = [*(end * 0.90 for end in ends), 1.0]
    if line_length is None:
        line_length = min(default, shutil.get_terminal_size().columns - 4)
    ends = list(positions) if positions is not None else ends
    if len(ends) != len(columns):
        raise ArgumentError(f"positions must hold {len(columns)} fractions, one for each column. Received: {ends}")
    if ends[-1] <= 1:
        ends = [int(line_length * end) for end in ends]
    for column, begin, end in zip(columns, [0, *ends], ends, strict=False):
        column.width = int(end - begin)
        column.overflow = "ellipsis"
    table = Table(*columns, width=line_length, show_lines=True)
    for layer in _within(model.layers if not connected else model.operations, layer_range):
        _add_rows(table, model, layer, 0, connected, expand_nested, show_trainable)

    console = Console(
        highlight=False, force_terminal=False if print_fn else None, color_system="auto" if not print_fn else None
    )
    text = f'[bold]Model: "{escape(model.name)}"[/bold]'
    if print_fn is None:
        console.print(text)
        console.print(table)
        console.print(_totals(model))
        return
    with console.capture() as capture:
        console.print(text)
        console.print(table)
        console.print(_totals(model))
    print_fn(capture.get())


def _is_chain(model: Any) -> bool:
    """Whether the graph is a chain of layers, which needs no column of connections."""
    if hasattr(model, "_chain"):
        return True
    nodes = model.graph.nodes
    if len(model.graph.inputs) != 1 or len(model.graph.outputs) != 1 or len(nodes) > len(model.graph.operations):
        return False
    consumers: dict[int, int] = {}
    for node in nodes:
        if len(node.input_tensors) > 1:
            return False
        for tensor in node.input_tensors:
            consumers[id(tensor)] = consumers.get(id(tensor), 0) + 1
    return all(count == 1 for count in consumers.values())


def _within(layers: Sequence[Any], layer_range: Sequence[str] | None) -> Sequence[Any]:
    if not layer_range:
        return layers
    if len(layer_range) != 2:
        raise ArgumentError(f"layer_range must hold two names or patterns. Received: layer_range={layer_range!r}")
    first = [i for i, layer in enumerate(layers) if re.match(layer_range[0], layer.name)]
    last = [i for i, layer in enumerate(layers) if re.match(layer_range[1], layer.name)]
    if not first or not last:
        raise ArgumentError(
            f"layer_range={list(layer_range)!r} names no layers. The layers are: {[x.name for x in layers]}"
        )
    begin, end = min(first), max(last)
    if begin > end:
        begin, end = min(last), max(first)
    return layers[begin : end + 1]


def _add_rows(table: Any, model: Any, layer: Any, depth: int, connected: bool, expand: bool, trainable: bool) -> None:
    from rich.markup import escape

    indent = " " * 2 * depth + "└ " if depth else ""
    row = [
        f"{escape(' ' + indent if depth else '')}{escape(layer.name)} ({escape(type(layer).__name__)})",
        escape(_shape(layer, model)),
        _count(layer),
    ]
    if connected:
        row.append(escape(_connections(model, layer)) if depth == 0 else "-")
    if trainable:
        weights = getattr(layer, "weights", [])
        row.append("-" if not weights else "Y" if getattr(layer, "trainable", False) else "N")
    table.add_row(*row)
    if (expand and getattr(layer, "graph", None) is not None) or (expand and hasattr(layer, "_chain")):
        for inner in layer.layers:
            _add_rows(table, model, inner, depth + 1, connected, expand, trainable)


def _shape(layer: Any, model: Any) -> str:
    """The shape of the layer's output in a model, as far as it is known."""
    graph = getattr(model, "graph", None)
    inside = {id(node) for node in graph.nodes} if graph is not None else set()
    nodes = layer._inbound_nodes
    if nodes:
        nodes = [node for node in nodes if id(node) in inside] or nodes
        shapes = [symbolic.rebuild(node.outputs, lambda t: t.shape) for node in nodes]
        different = list(dict.fromkeys(map(str, shapes)))
        return different[0].replace("), (", "), (") if len(different) == 1 else ", ".join(different)
    shapes = getattr(layer, "_build_shapes", None)
    if not layer.built or not shapes:
        return "?"
    try:
        return str(layer.compute_output_shape(*shapes.values()))
    except Exception:  # a layer that cannot be traced by itself still has a row
        return "?"


def _count(layer: Any) -> str:
    if not isinstance(layer, Layer):
        return "0"
    if not layer.built and type(layer).build is not Layer.build:
        return "0 (unbuilt)"
    return f"{sum(v.size for v in layer.weights):,}"


def _connections(model: Any, operation: Any) -> str:
    """Where the operation's inputs come from: ``name[call][output]``."""
    inside = {id(node) for node in model.graph.nodes}
    found = [
        f"{t._keras_history.operation.name}[{t._keras_history.node_index}][{t._keras_history.tensor_index}]"
        for node in operation._inbound_nodes
        if id(node) in inside
        for t in node.input_tensors
    ]
    return ", ".join(found) or "-"


def _totals(model: Any) -> str:
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    optimizer = (
        model.optimizer.variables if model.compiled and model.optimizer is not None and model.optimizer.built else []
    )
    lines = [
        ("Total", [*trainable, *frozen, *optimizer]),
        ("Trainable", trainable),
        ("Non-trainable", frozen),
    ]
    if optimizer:
        lines.append(("Optimizer", optimizer))
    return "\n".join(f" [bold]{what} params:[/bold] {_size(variables)}" for what, variables in lines)


def _size(variables: Sequence[Variable]) -> str:
    count = sum(v.size for v in variables)
    return f"{count:,} ({readable_size(sum(v.size * np.asarray(v.stored_value()).dtype.itemsize for v in variables))})"
