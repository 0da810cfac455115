"""`model_to_dot`: a model as a graph in Graphviz's language."""

from __future__ import annotations

import re
from typing import Any

from ..core.errors import ArgumentError, MissingDependencyError
from .boxes import colours_of, frame_title, shape_text
from .model_graph import Group, ModelGraph, Node, model_graph

__all__ = ["model_to_dot"]


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """A model as a `pydot` graph, for programs that read Graphviz's language; `plot_model` draws pictures.

    Args:
        model: a model, or a layer.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations, show_trainable,
            splines: as in `plot_model`.
        subgraph: give a `pydot.Cluster`, to be part of another graph.
        kwargs: `input_shape`, as in `plot_model`.

    Returns:
        A `pydot.Dot`: ``.to_string()``, ``.write(path)``, ``.get_nodes()``, ``.get_edges()``.

    Raises:
        NotBuiltError: the model's shapes are not known yet.
        MissingDependencyError: pydot is not installed.

    >>> import ranvier
    >>> model = ranvier.Sequential([ranvier.layers.Dense(2, input_shape=(3,), name="out")], name="small")
    >>> print(model_to_dot(model).get_edges()[0].to_string())
    "input_layer" -> "out";
    """
    input_shape = kwargs.pop("input_shape", None)
    if kwargs:
        raise ArgumentError(f"model_to_dot has no argument {', '.join(map(repr, kwargs))}.")
    if rankdir not in ("TB", "BT", "LR", "RL"):
        raise ArgumentError(f"rankdir must be 'TB', 'BT', 'LR' or 'RL'. Received: rankdir={rankdir!r}")
    try:
        import pydot
    except ImportError:
        raise MissingDependencyError("pydot", "model_to_dot", "plot") from None
    graph = model_graph(model, expand_nested, input_shape)
    attributes = {"rankdir": rankdir, "dpi": str(dpi), "splines": splines, "concentrate": "true"}
    if subgraph:
        dot = pydot.Cluster(graph_name=re.sub(r"\W", "_", graph.name), label=_quoted(graph.name), style="rounded")
    else:
        dot = pydot.Dot(_quoted(graph.name), graph_type="digraph", **attributes)
    dot.set_node_defaults(shape="box", style=_quoted("rounded,filled"), fontname="Helvetica")
    around: dict[str | None, Any] = {None: dot}
    for i, group in enumerate(graph.groups):
        around[group.id] = _cluster(pydot, f"group{i}", group, show_layer_names)
    for node in graph.nodes:
        lines = _lines(node, show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
        fill, outline = colours_of(node.category)
        label = _quoted("\\n".join(line.replace("\\", "\\\\") for line in lines))
        around[node.parent].add_node(
            pydot.Node(_quoted(node.id), label=label, fillcolor=_quoted(fill), color=_quoted(outline))
        )
    for group in reversed(graph.groups):  # inner ones first, since pydot copies what is added
        around[group.parent].add_subgraph(around[group.id])
    _add_edges(pydot, dot, graph)
    return dot


def _add_edges(pydot: Any, dot: Any, graph: ModelGraph) -> None:
    for edge in graph.edges:
        dot.add_edge(pydot.Edge(_quoted(edge.source), _quoted(edge.target)))


def _cluster(pydot: Any, name: str, group: Group, show_layer_names: bool) -> Any:
    title = frame_title(group.name, group.kind, show_layer_names)
    return pydot.Cluster(
        graph_name=name, label=_quoted(title), style="rounded", color=_quoted("#9AA7B4"), labeljust="l"
    )


def _lines(node: Node, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool) -> list[str]:
    kind = f"{node.kind} · {node.activation}" if activations and node.activation else node.kind
    lines = [f"{node.name} ({kind})" if names else kind]
    if shapes:
        if taken := shape_text(node.inputs):
            lines.append(f"Input shape: {taken}")
        lines.append(f"Output shape: {shape_text(node.outputs)}")
    if dtype:
        lines.append("Output dtype: " + ", ".join(dict.fromkeys(t.dtype for call in node.outputs for t in call)))
    if trainable and node.trainable is not None:
        lines.append("Trainable" if node.trainable else "Non-trainable")
    return lines


def _quoted(text: str) -> str:
    """A string of the language; backslashes stay, since they begin its line breaks."""
    return '"' + text.replace('"', '\\"').replace("\n", " ") + '"'
