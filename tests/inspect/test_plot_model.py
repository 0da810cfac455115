"""plot_model and model_to_dot: what the files hold, and that no wire crosses a box."""

from __future__ import annotations

import itertools
import sys
import types
import xml.etree.ElementTree as ElementTree

import numpy as np
import pygraphviz
import pytest
from matplotlib.image import imread

from ranvier import Input, Model, Sequential, layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, NotBuiltError, RanvierWarning
from ranvier.inspect import drawing_figure
from ranvier.inspect.boxes import box_texts, text_width
from ranvier.inspect.columns import cut_points
from ranvier.inspect.layout import arrange
from ranvier.inspect.model_graph import model_graph
from ranvier.utils import model_to_dot, plot_model

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def digits():
    return Sequential(
        [Input((28, 28)), layers.Flatten(), layers.Dense(8, "relu", name="hidden"), layers.Dense(3, name="out")],
        name="digits",
    )


@pytest.fixture(scope="module")
def two_sided():
    """Two inputs, a shared model inside, branches, two outputs."""
    a, b = Input((6,), name="a"), Input((6,), name="b")
    encoder = Sequential([Input((6,)), layers.Dense(4, name="wide"), layers.Dense(2, name="narrow")], name="encoder")
    apart = layers.Subtract(name="apart")([encoder(a), encoder(b)])
    joined = layers.Concatenate(name="join")([apart, a])
    return Model([a, b], [layers.Dense(1, name="same")(joined), layers.Dense(3, name="kind")(apart)], name="pair")


def residual(blocks):
    x = start = Input((8,))
    for _ in range(blocks):
        y = layers.Dense(8, "relu")(x)
        y = layers.BatchNormalization()(y)
        x = layers.Add()([layers.Dense(8)(y), x])
    return Model(start, x)


def texts_of(path):
    return [t.text for t in ElementTree.parse(path).iter(f"{SVG}text")]


def geometry(model, rankdir="TB", columns=None, **options):
    graph = model_graph(model, **options)
    texts = box_texts(graph, True, False, True, False, False)
    sizes = {id: (t.width, t.height) for id, t in texts.items()}
    return graph, arrange(graph, sizes, rankdir, "ortho", columns)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("m.png", b"\x89PNG"),
        ("m.jpg", b"\xff\xd8"),
        ("m.pdf", b"%PDF"),
        ("m.html", b"<!doctype html>"),
        ("m", b"\x89PNG"),
    ],
)
def test_formats(tmp_path, digits, name, begins):
    plot_model(digits, tmp_path / name, show_shapes=True, dpi=50)
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_boxes_say(tmp_path, digits):
    path = tmp_path / "m.svg"
    plot_model(digits, path)
    assert texts_of(path) == ["InputLayer", "Flatten", "Dense", "Dense"]
    plot_model(digits, path, show_shapes=True, show_dtype=True, show_layer_names=True, show_layer_activations=True)
    said = texts_of(path)
    assert said[-8:-4] == ["hidden", "Dense · relu", "(None, 784) → (None, 8)", "float32"]
    assert said[-4:] == ["out", "Dense · linear", "(None, 8) → (None, 3)", "float32"]
    digits.get_layer("hidden").trainable = False
    try:
        plot_model(digits, path, show_trainable=True)
    finally:
        digits.get_layer("hidden").trainable = True
    assert texts_of(path) == ["InputLayer", "Flatten", "Dense", "not trainable", "Dense", "trainable"]
    dashed = [r for r in ElementTree.parse(path).iter(f"{SVG}rect") if r.get("stroke-dasharray")]
    assert len(dashed) == 1


def test_nested_models_are_frames(tmp_path, two_sided):
    path = tmp_path / "m.svg"
    plot_model(two_sided, path, show_layer_names=True)
    assert "encoder" in texts_of(path)
    assert "wide" not in texts_of(path)
    plot_model(two_sided, path, show_layer_names=True, expand_nested=True)
    assert {"wide", "narrow", "encoder (Sequential)", "Dense · called 2×"} <= set(texts_of(path))
    graph, layout = geometry(two_sided)
    (frame,) = layout.frames
    for box in layout.boxes:
        inside = frame.left < box.left and box.left + box.width < frame.left + frame.width
        inside = inside and frame.top < box.top and box.top + box.height < frame.top + frame.height
        assert inside == (graph.node(box.id).parent == "encoder")


def test_subclassed_models_are_drawn(tmp_path):
    class Skip(Model):
        def __init__(self):
            super().__init__()
            self.inner, self.out = layers.Dense(4, name="inner"), layers.Dense(2, name="out")

        def call(self, x):
            return self.out(x + self.inner(x))

    model = Skip()
    with pytest.raises(NotBuiltError, match="input_shape"):
        plot_model(model, tmp_path / "m.png")
    assert not list(tmp_path.iterdir())
    plot_model(model, tmp_path / "m.svg", show_shapes=True, input_shape=(None, 4))
    assert {"add", "Dense", "(None, 4) → (None, 2)"} <= set(texts_of(tmp_path / "m.svg"))


def test_names_are_escaped(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(1, name='<script>alert("&")<')], name="a<b>&\"'")
    for name in ("m.svg", "m.html"):
        plot_model(model, tmp_path / name, show_layer_names=True)
        assert "<script" not in (tmp_path / name).read_text(encoding="utf-8")
    assert '<script>alert("&")<' in texts_of(tmp_path / "m.svg")


def overlaps(a, b):
    return (
        a.left < b.left + b.width
        and b.left < a.left + a.width
        and a.top < b.top + b.height
        and b.top < a.top + a.height
    )


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
@pytest.mark.parametrize("columns", [1, 3])
def test_wires_go_around_boxes(two_sided, rankdir, columns):
    for model in (two_sided, residual(4)):
        _, layout = geometry(model, rankdir, columns)
        boxes = {box.id: box for box in layout.boxes}
        for one in layout.boxes:
            assert one.left >= 0
            assert one.left + one.width <= layout.width
            assert one.top >= 0
            assert one.top + one.height <= layout.height
            assert not any(overlaps(one, other) for other in layout.boxes if other is not one)
        for wire in layout.wires:
            for (xa, ya), (xb, yb) in zip(wire.points, wire.points[1:], strict=False):
                for t in np.linspace(0, 1, 50):
                    x, y = xa + (xb - xa) * t, ya + (yb - ya) * t
                    for box in boxes.values():
                        within = (
                            box.left + 1 < x < box.left + box.width - 1 and box.top + 1 < y < box.top + box.height - 1
                        )
                        assert not within, f"the wire {wire.source} → {wire.target} crosses {box.id}"


@pytest.mark.parametrize(
    ("rankdir", "axis", "sign"), [("TB", "top", 1), ("BT", "top", -1), ("LR", "left", 1), ("RL", "left", -1)]
)
def test_directions(digits, rankdir, axis, sign):
    _, layout = geometry(digits, rankdir)
    place = {box.id: getattr(box, axis) * sign for box in layout.boxes}
    assert place["flatten"] < place["hidden"] < place["out"] if "flatten" in place else place["hidden"] < place["out"]


def test_long_models_are_folded_where_one_value_passes():
    model = residual(30)
    graph, layout = geometry(model)
    assert len(graph.nodes) == 121
    assert 0.5 < layout.width / layout.height < 3
    assert {box.id for box in layout.boxes} == {node.id for node in graph.nodes}
    sizes = {node.id: (100.0, 40.0) for node in graph.nodes}
    pieces = cut_points(graph, sizes, 4, 20.0)
    assert [id for piece in pieces for id in piece.nodes] == [node.id for node in graph.nodes]
    assert len(pieces) == 4
    assert max(len(p.nodes) for p in pieces) < 1.3 * min(len(p.nodes) for p in pieces)
    for piece, following in itertools.pairwise(pieces):
        inside, later = set(piece.nodes), set(following.nodes)
        crossing = {edge.source for edge in graph.edges if edge.source in inside and edge.target in later}
        assert crossing == {piece.exit} == {following.entry}
    _, plain = geometry(model, columns=1)
    assert plain.height > 5 * plain.width


def test_a_layer_called_on_its_own_output(tmp_path):
    x = start = Input((3,))
    again = layers.Dense(3, name="again")
    model = Model(start, again(again(x)))
    plot_model(model, tmp_path / "m.svg")
    _, layout = geometry(model)
    assert [w for w in layout.wires if w.source == w.target == "again"]


def test_too_many_pixels_become_fewer(tmp_path, digits, monkeypatch):
    monkeypatch.setattr(drawing_figure, "_MOST_PIXELS", 1e5)
    with pytest.warns(RanvierWarning, match="million pixels"):
        plot_model(digits, tmp_path / "m.png", dpi=5000)
    height, width = imread(tmp_path / "m.png").shape[:2]
    assert 9e4 < height * width < 1.01e5


def test_text_fits_its_box():
    from matplotlib.textpath import TextPath

    for text in ("(None, 32, 32, 64) → (None, 16)", "GlobalAveragePooling2D", "iiii", "é漢"):
        drawn = TextPath((0, 0), text.replace("漢", "W"), size=10).get_extents().width
        assert drawn <= text_width(text, 10) < 1.08 * drawn + 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"to_file": "m.gif"}, ArgumentError, r"\.png.*'\.gif'"),
        ({"to_file": None}, ArgumentTypeError, "to_file"),
        ({"rankdir": "XX"}, ArgumentError, "rankdir"),
        ({"dpi": 0}, ArgumentError, "dpi"),
        ({"dpi": "200"}, ArgumentError, "dpi"),
        ({"splines": "zigzag"}, ArgumentError, "splines"),
        ({"columns": 0}, ArgumentError, "columns"),
        ({"colour": "red"}, ArgumentError, "'colour'"),
        ({"model": Sequential([layers.Dense(1)])}, NotBuiltError, "not been called"),
        ({"model": 3}, ArgumentTypeError, "model"),
    ],
)
def test_refusals(digits, tmp_path, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        plot_model(**({"model": digits} | arguments))
    assert not list(tmp_path.iterdir())


def test_notebooks_get_the_picture(tmp_path, digits, monkeypatch):
    display = types.SimpleNamespace(Image=lambda filename: ("image", filename), SVG=lambda filename: ("svg", filename))
    # Matplotlib asks for the version when it first makes a canvas of a kind.
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display, version_info=(9, 0)))
    assert plot_model(digits, tmp_path / "m.png", dpi=40) == ("image", str(tmp_path / "m.png"))
    assert plot_model(digits, tmp_path / "m.svg") == ("svg", str(tmp_path / "m.svg"))
    assert plot_model(digits, tmp_path / "m.pdf") is None


@pytest.mark.parametrize(("package", "call"), [("pygraphviz", plot_model), ("pydot", model_to_dot)])
def test_without_the_packages(monkeypatch, digits, package, call):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"{package}.*pip install 'ranvier\[plot\]'"):
        call(digits)


def test_dot(tmp_path, two_sided):
    dot = model_to_dot(two_sided, show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True)
    assert {node.get_name() for node in dot.get_nodes()} - {"node"} == {
        '"a"', '"b"', '"encoder"', '"apart"', '"join"', '"same"', '"kind"'
    }  # fmt: skip
    assert ('"apart"', '"kind"') in {(e.get_source(), e.get_destination()) for e in dot.get_edges()}
    assert "Output shape: (None, 1)" in dot.to_string()
    expanded = model_to_dot(two_sided, expand_nested=True)
    read = pygraphviz.AGraph(string=expanded.to_string())  # by Graphviz itself
    assert "encoder/wide" in read.nodes()
    (cluster,) = read.subgraphs()
    assert set(cluster.nodes()) == {"encoder/wide", "encoder/narrow"}
    plot_model(two_sided, tmp_path / "m.dot", rankdir="LR")
    assert "rankdir=LR" in (tmp_path / "m.dot").read_text()
    expanded.write(str(tmp_path / "n.dot"))
    assert (tmp_path / "n.dot").read_text().startswith('digraph "pair"')
    assert type(model_to_dot(two_sided, subgraph=True)).__name__ == "Cluster"
    odd = Sequential([Input((2,)), layers.Dense(1, name='say "a\\b"')])
    assert 'say "a\\b"' in pygraphviz.AGraph(string=model_to_dot(odd).to_string()).nodes()


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("splines", ["ortho", "spline"])
def test_no_title_hides_a_wire(rankdir, splines):
    """Many skip connections through narrow frames: their titles get places of their own."""
    from ranvier.inspect.drawing_svg import crowded_titles, title_of

    def block(name):
        x = Input((8,))
        return Model(x, layers.Add(name="add")([x, layers.Dense(8, "relu", name="a")(x)]), name=name)

    x = Input((8,))
    values, h = [], x
    for i in range(3):
        values.append(h)
        h = block(f"encoder_block_{i}")(h)
    for i in range(3):
        h = block(f"decoder_block_{i}")(layers.Concatenate(name=f"skip_{i}")([h, values.pop()])[:, :8])
    graph = model_graph(Model(x, h))
    texts = box_texts(graph, False, False, True, False, False)
    sizes = {id: (t.width, t.height) for id, t in texts.items()}
    crowded = crowded_titles(graph, arrange(graph, sizes, rankdir, splines), True)
    assert rankdir == "LR" or crowded
    layout = arrange(graph, sizes, rankdir, splines, None, crowded)
    assert not crowded_titles(graph, layout, True)
    assert {box.id for box in layout.boxes} == {node.id for node in graph.nodes}
    groups = {group.id: group for group in graph.groups}
    for frame in layout.frames:
        _, tab = title_of(groups[frame.id], frame, layout.wires, True)
        assert frame.left <= tab.left
        assert tab.left + tab.width <= frame.left + frame.width
        for box in layout.boxes:
            apart = tab.left + tab.width <= box.left or box.left + box.width <= tab.left
            assert apart or tab.top + tab.height <= box.top or box.top + box.height <= tab.top
