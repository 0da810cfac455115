"""Event files for TensorBoard, written through tensorboardX."""

from __future__ import annotations

import itertools
import os
import re
from typing import Any

import numpy as np

from ...core.errors import MissingDependencyError
from ...tools.png import png_bytes

__all__ = ["EventFiles", "require_tensorboard_x", "weight_image"]

_BUCKETS = 30  # of a histogram, as TensorBoard's own
_PIXELS = 2048  # of a weight's image, along each side at the most

_numbers = itertools.count()


def require_tensorboard_x() -> Any:
    """The package tensorboardX; an error that says how to install it where it is absent."""
    try:
        import tensorboardX
    except ImportError:
        raise MissingDependencyError("tensorboardX", "The TensorBoard callback", "tensorboard") from None
    return tensorboardX


class EventFiles:
    """One event file in each subfolder of `log_dir`, made when something is first written to it.

    Args:
        log_dir: the folder that TensorBoard is pointed at.
    """

    def __init__(self, log_dir: str):
        self.log_dir = log_dir
        self._open: dict[str, Any] = {}

    def _writer(self, run: str) -> Any:
        if run not in self._open:
            # tensorboardX names files by the second; two that begin in the same one must not overwrite each other.
            suffix = f".{os.getpid()}.{next(_numbers)}.v2"
            folder = os.path.join(self.log_dir, run)
            self._open[run] = require_tensorboard_x().FileWriter(folder, filename_suffix=suffix)
        return self._open[run]

    def _write(self, run: str, summary: Any, step: int) -> None:
        self._writer(run).add_summary(summary, step)

    def scalar(self, run: str, tag: str, value: Any, step: int) -> None:
        """A number at a step."""
        self._write(run, require_tensorboard_x().summary.scalar(tag, float(value)), step)

    def histogram(self, run: str, tag: str, values: np.ndarray, step: int) -> None:
        """How the finite ones among `values` (any shape) are distributed."""
        values = np.asarray(values, np.float64)
        values = values[np.isfinite(values)]
        if values.size:
            self._write(run, require_tensorboard_x().summary.histogram(tag, values, bins=_BUCKETS), step)

    def image(self, run: str, tag: str, pixels: np.ndarray, step: int) -> None:
        """A grey image: (height, width), uint8."""
        from tensorboardX.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        height, width = pixels.shape
        image = Summary.Image(height=height, width=width, colorspace=1, encoded_image_string=png_bytes(pixels))
        self._write(run, Summary(value=[Summary.Value(tag=_clean(tag), image=image)]), step)

    def keras_graph(self, run: str, config: str) -> None:
        """A model's JSON in Keras's spelling, which TensorBoard draws as the conceptual graph."""
        from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata  # type: ignore[attr-defined]
        from tensorboardX.proto.tensor_pb2 import TensorProto  # type: ignore[attr-defined]
        from tensorboardX.proto.types_pb2 import DT_STRING  # type: ignore[attr-defined]

        plugin = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
        tensor = TensorProto(dtype=DT_STRING, string_val=[config.encode()])
        value = Summary.Value(tag="keras", metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)
        self._write(run, Summary(value=[value]), 0)

    def layer_graph(self, run: str, graph: Any) -> None:
        """Layers and what flows between them (a `ModelGraph`), which TensorBoard draws as the run's graph."""
        from tensorboardX.proto.event_pb2 import Event  # type: ignore[attr-defined]
        from tensorboardX.proto.graph_pb2 import GraphDef  # type: ignore[attr-defined]
        from tensorboardX.proto.node_def_pb2 import NodeDef  # type: ignore[attr-defined]
        from tensorboardX.proto.versions_pb2 import VersionDef  # type: ignore[attr-defined]

        names = _unique_names([node.id for node in graph.nodes])
        sources: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
        for edge in graph.edges:
            if names[edge.source] not in sources[edge.target]:
                sources[edge.target].append(names[edge.source])
        nodes = [
            NodeDef(name=names[node.id], op=node.kind, input=sources[node.id], attr=_attributes(node))
            for node in graph.nodes
        ]
        definition = GraphDef(node=nodes, versions=VersionDef(producer=22))
        self._writer(run).add_event(Event(graph_def=definition.SerializeToString()))

    def flush(self) -> None:
        """Bring everything to the disk."""
        for writer in self._open.values():
            writer.flush()

    def close(self) -> None:
        """Close the files; what is written later begins new ones."""
        for writer in self._open.values():
            writer.close()
        self._open = {}


def _clean(name: str) -> str:
    """A name with underscores for signs that TensorBoard does not take, as tensorboardX writes tags."""
    return re.sub(r"[^\w./-]", "_", name, flags=re.ASCII)


def _unique_names(ids: list[str]) -> dict[str, str]:
    """Names that TensorBoard takes, with slashes where groups are."""
    found: dict[str, str] = {}
    for id in ids:
        name = wanted = _clean(id)
        number = 1
        while name in found.values():
            number += 1
            name = f"{wanted}_{number}"
        found[id] = name
    return found


def _attributes(node: Any) -> dict[str, Any]:
    """A layer's shapes (−1 where a size is open), activation and number of parameters."""
    from tensorboardX.proto.attr_value_pb2 import AttrValue  # type: ignore[attr-defined]
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto  # type: ignore[attr-defined]

    shapes = [
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=-1 if size is None else size) for size in tensor.shape])
        for tensor in (node.outputs[0] if node.outputs else [])
    ]
    found = {"_output_shapes": AttrValue(list=AttrValue.ListValue(shape=shapes))}
    if node.activation:
        found["activation"] = AttrValue(s=node.activation.encode())
    if node.parameters:
        found["parameters"] = AttrValue(i=node.parameters)
    return found


def weight_image(weight: np.ndarray) -> np.ndarray | None:
    """A weight as a grey image (height, width), uint8, its least value black and its greatest white.

    Matrices lie on their longer side. Kernels of convolutions (height, width, in, out) become a board of small
    images, a row for each input channel and a column for each filter.
    """
    a = np.squeeze(np.asarray(weight, np.float32))
    a = np.where(np.isfinite(a), a, 0)
    if a.ndim > 4 or a.size == 0:
        return None
    if a.ndim < 2:
        a = a.reshape(-1, 1)
    elif a.ndim == 2:
        a = a.T if a.shape[0] > a.shape[1] else a
    else:
        a = a.reshape(*a.shape[:2], -1, a.shape[-1]) if a.ndim == 4 else a[:, :, None, :]
        h, w, i, o = a.shape
        a = a.transpose(2, 0, 3, 1).reshape(i * h, o * w)
    a = a[:_PIXELS, :_PIXELS]
    low, high = a.min(), a.max()
    return ((a - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)
