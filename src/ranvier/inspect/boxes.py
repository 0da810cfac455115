"""What a box in a model's picture says, in which colours, and how much room that takes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.errors import MissingDependencyError
from .model_graph import ModelGraph, Node, Tensor

__all__ = ["BoxText", "Line", "box_texts", "colours_of", "frame_title", "in_font", "shape_text", "text_width"]

# Fill and outline of each category: pale and middle tones of one hue, which grey-scale printers and colour-blind
# readers lose nothing by, since the text says the same.
_COLOURS = {
    "input": ("#F1F3F5", "#868E96"),
    "dense": ("#E6F0FA", "#3D7AB8"),
    "convolution": ("#FDEEE1", "#D07A28"),
    "pooling": ("#FBE8E8", "#C25B5B"),
    "normalization": ("#E9F5EC", "#4F9A64"),
    "activation": ("#FCF5DA", "#BF9A22"),
    "dropout": ("#F4F4F4", "#9A9A9A"),
    "recurrent": ("#EEE8F8", "#7A5BB0"),
    "attention": ("#E1F3F3", "#2B8A8A"),
    "embedding": ("#F1F2DE", "#848A38"),
    "merge": ("#E9ECEF", "#495057"),
    "shape": ("#F5EEE7", "#957357"),
    "preparation": ("#F8E8F3", "#AF5A94"),
    "model": ("#FFFFFF", "#41526B"),
    "function": ("#FFFFFF", "#6C757D"),
    "other": ("#F8F9FA", "#5F6B76"),
}
_TITLE, _DETAIL = 10.5, 8.5  # points
_PADDING = (11.0, 7.0)
_NARROWEST = 64.0


class Line(NamedTuple):
    """A line of text in a box: what it says, its size in points, and whether it is bold."""

    text: str
    size: float
    bold: bool


@dataclasses.dataclass(frozen=True)
class BoxText:
    """The lines in a box, and the room that they need.

    Attributes:
        lines: from above to below.
        width, height: of the box, in points.
        frozen: whether the outline is dashed, since the layer is not trained.
    """

    lines: tuple[Line, ...]
    width: float
    height: float
    frozen: bool = False


def colours_of(category: str) -> tuple[str, str]:
    """Fill and outline for a category of nodes."""
    return _COLOURS.get(category, _COLOURS["other"])


def shape_text(calls: Sequence[Sequence[Tensor]]) -> str:
    """The shapes of the tensors of all calls, equal ones once.

    >>> shape_text([[Tensor((None, 3), "float32")], [Tensor((None, 3), "float32")]])
    '(None, 3)'
    """
    texts = [", ".join(str(tensor.shape) for tensor in call) for call in calls if call]
    texts = [f"[{text}]" if len(call) > 1 else text for text, call in zip(texts, [c for c in calls if c], strict=True)]
    return ", ".join(dict.fromkeys(texts))


def _dtype_text(calls: Sequence[Sequence[Tensor]]) -> str:
    return ", ".join(dict.fromkeys(tensor.dtype for call in calls for tensor in call))


def _arrow(before: str, after: str) -> list[str]:
    """``before → after``, on two lines where one would be long."""
    if not before:
        return [after]
    return [f"{before} → {after}"] if len(before) + len(after) < 44 else [before, f"→ {after}"]


def box_texts(
    graph: ModelGraph, show_shapes: bool, show_dtype: bool, show_layer_names: bool, show_layer_activations: bool,
    show_trainable: bool,
) -> dict[str, BoxText]:  # fmt: skip
    """The text of each node's box, by the node's id; the arguments are those of `plot_model`."""
    return {
        node.id: _box(node, show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
        for node in graph.nodes
    }


def _box(node: Node, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool) -> BoxText:
    kind = node.kind
    if activations and node.activation is not None and node.activation != node.kind.lower():
        kind = f"{kind} · {node.activation}"
    if len(node.inputs) > 1:
        kind = f"{kind} · called {len(node.inputs)}×"
    lines = [Line(kind, _TITLE, True)]
    if names and node.name != node.kind:
        lines = [Line(node.name, _TITLE, True), Line(kind, _DETAIL, False)]
    if shapes:
        lines += [Line(t, _DETAIL, False) for t in _arrow(shape_text(node.inputs), shape_text(node.outputs))]
    if dtype:
        before, after = _dtype_text(node.inputs), _dtype_text(node.outputs)
        lines += [Line(t, _DETAIL, False) for t in ([after] if before in ("", after) else _arrow(before, after))]
    shown = trainable and node.trainable is not None and node.parameters > 0
    if shown:
        lines.append(Line("trainable" if node.trainable else "not trainable", _DETAIL, False))
    width = max(_NARROWEST, *(text_width(line.text, line.size, line.bold) for line in lines)) + 2 * _PADDING[0]
    height = sum(line.size * 1.35 for line in lines) + 2 * _PADDING[1]
    return BoxText(tuple(lines), round(width, 1), round(height, 1), frozen=shown and not node.trainable)


def frame_title(name: str, kind: str, show_layer_names: bool) -> str:
    """What stands on the frame around a model inside."""
    return f"{name} ({kind})" if show_layer_names or kind in ("Sequential", "Functional", "Model") else kind


@functools.cache
def _font(bold: bool) -> Any:
    try:
        import matplotlib
        from matplotlib.font_manager import get_font
    except ImportError:
        raise MissingDependencyError("matplotlib", "Drawing a model", "plot") from None
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return get_font(f"{matplotlib.get_data_path()}/fonts/ttf/{name}")


@functools.cache
def _signs(bold: bool) -> frozenset[int]:
    return frozenset(_font(bold).get_charmap())


def in_font(text: str, bold: bool = False) -> bool:
    """Whether the font of the pictures has all signs of a text."""
    return all(ord(c) in _signs(bold) for c in text)


@functools.lru_cache(4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is in the font of the pictures, in points.

    Args:
        text: one line.
        size: the font's size in points.
        bold: whether the font is bold.
    """
    font = _font(bold)
    font.set_size(32.0, 72)
    # Signs that the font does not have are drawn in another one; the widest letter stands for them.
    font.set_text("".join(c if ord(c) in _signs(bold) else "W" for c in text), 0.0)
    return font.get_width_height()[0] / 64 / 32 * size * 1.04  # letters stand on whole pixels in small pictures
