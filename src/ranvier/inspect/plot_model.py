"""`plot_model`: a model's picture in a file."""

from __future__ import annotations

import os
from numbers import Real
from typing import Any

from ..core.errors import ArgumentError, ArgumentTypeError
from ..files.atomic import replacing
from .boxes import box_texts
from .dot import model_to_dot
from .drawing_figure import figure_of, save_figure
from .drawing_svg import crowded_titles, html_page, svg_text
from .layout import arrange
from .model_graph import model_graph

__all__ = ["plot_model"]

_FORMATS = ("png", "jpg", "jpeg", "svg", "pdf", "html", "dot")
_DIRECTIONS = ("TB", "BT", "LR", "RL")
_QUICK_FROM = 90  # dpi from which letters are written the quick way, which shapes small ones less well
_SPLINES = ("ortho", "spline", "splines", "curved", "polyline", "line", "true", "false")


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model and save the picture.

    Functional, Sequential and subclassed models are drawn; the last are called once on tensors without numbers to see
    which layer takes what. Long models are folded into columns. Needs the extra `plot`, and no system package.

    Args:
        model: a model, or a layer.
        to_file: the file; its ending says what it will be: ``.png``, ``.jpg``, ``.svg``, ``.pdf``, ``.html`` or ``.dot``.
        show_shapes: show the shapes of what goes in and comes out.
        show_dtype: show the dtypes.
        show_layer_names: show the layers' names.
        rankdir: where the layers after the first go: "TB" (down), "BT" (up), "LR" (right) or "RL" (left).
        expand_nested: show the layers of models inside, in frames.
        dpi: pixels an inch.
        show_layer_activations: show the activations of layers that have one.
        show_trainable: show which layers are trained; the others get dashed outlines.
        splines: how wires run: "ortho" (along the axes), "spline", "curved", "polyline" or "line".
        kwargs: `columns`, into how many columns the picture is folded (None: as many as give it a good form); and
            `input_shape`, the shape with which to trace a model that was not called yet, None for the batch.

    Returns:
        In a notebook the picture, where IPython is installed; else None.

    Raises:
        NotBuiltError: the model's shapes are not known yet.
        ArgumentError: an unknown ending, direction or kind of wire, or a dpi that is not positive.
        MissingDependencyError: an absent package, with the command that installs it.

    >>> import pathlib, tempfile, ranvier
    >>> model = ranvier.Sequential([ranvier.layers.Dense(2, input_shape=(3,)), ranvier.layers.ReLU()])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     picture = plot_model(model, folder + "/model.svg", show_shapes=True)
    ...     "(None, 3) → (None, 2)" in pathlib.Path(folder, "model.svg").read_text("utf-8")
    True
    """
    columns, input_shape = kwargs.pop("columns", None), kwargs.pop("input_shape", None)
    if kwargs:
        raise ArgumentError(
            f"plot_model has no argument {', '.join(map(repr, kwargs))}. Beyond Keras's it takes columns and input_shape."
        )
    try:
        path = os.fspath(to_file)
    except TypeError:
        raise ArgumentTypeError(
            f"to_file must be the path of a file. Received: to_file={to_file!r} of type {type(to_file).__name__}"
        ) from None
    format = os.path.splitext(path)[1].removeprefix(".").lower() or "png"
    _check(format, rankdir, dpi, splines, columns)
    shown = {
        "show_shapes": show_shapes, "show_dtype": show_dtype, "show_layer_names": show_layer_names,
        "show_layer_activations": show_layer_activations, "show_trainable": show_trainable,
    }  # fmt: skip
    if format == "dot":
        dot = model_to_dot(
            model, rankdir=rankdir, expand_nested=expand_nested, dpi=dpi, splines=splines, input_shape=input_shape,
            **shown,
        )  # fmt: skip
        _write_text(path, dot.to_string())
        return None
    graph = model_graph(model, expand_nested, input_shape)
    texts = box_texts(graph, **shown)
    sizes = {id: (t.width, t.height) for id, t in texts.items()}
    layout = arrange(graph, sizes, rankdir, splines, columns)
    if crowded := crowded_titles(graph, layout, show_layer_names):
        layout = arrange(graph, sizes, rankdir, splines, columns, crowded)
    if format in ("svg", "html"):
        svg = svg_text(graph, layout, texts, show_layer_names, dpi=96)
        _write_text(path, svg if format == "svg" else html_page(graph.name, svg))
    else:
        letters: list[Any] = []
        apart = format == "png" and dpi >= _QUICK_FROM
        figure = figure_of(graph, layout, texts, show_layer_names, letters if apart else None)
        with replacing(path) as file:
            save_figure(figure, file, format, dpi, letters)
    return _in_notebook(path, format)


def _check(format: str, rankdir: Any, dpi: Any, splines: Any, columns: Any) -> None:
    if format not in _FORMATS:
        raise ArgumentError(
            f"to_file must end with one of {', '.join('.' + f for f in _FORMATS)}. Received: an ending '.{format}'"
        )
    if rankdir not in _DIRECTIONS:
        raise ArgumentError(f"rankdir must be one of {_DIRECTIONS}. Received: rankdir={rankdir!r}")
    if isinstance(dpi, bool) or not isinstance(dpi, Real) or not 1 <= float(dpi) <= 10_000:
        raise ArgumentError(f"dpi must be a number of pixels an inch, from 1 to 10,000. Received: dpi={dpi!r}")
    if splines not in _SPLINES:
        raise ArgumentError(f"splines must be one of {_SPLINES}. Received: splines={splines!r}")
    if columns is not None and (isinstance(columns, bool) or not isinstance(columns, int) or columns < 1):
        raise ArgumentError(f"columns must be a number from 1, or None. Received: columns={columns!r}")


def _write_text(path: str, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def _in_notebook(path: str, format: str) -> Any:
    """What shows the picture in a notebook, where IPython is installed."""
    try:
        from IPython import display  # type: ignore[import-not-found]
    except ImportError:
        return None
    if format in ("png", "jpg", "jpeg"):
        return display.Image(filename=path)
    if format == "svg":
        return display.SVG(filename=path)
    return None
