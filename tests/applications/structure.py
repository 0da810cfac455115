"""What two libraries' models must have in common: layers in order, their configurations, weights and shapes."""

from __future__ import annotations

import re
from typing import Any

_ABSENT = {"quantization_config", "renorm", "renorm_clipping", "renorm_momentum"}  # additions of some versions only


def _plain(value: Any) -> Any:
    """A configuration without what may differ: where classes live, and what Keras alone writes down."""
    if isinstance(value, dict):
        if "rms_scaling" in value and not isinstance(value["axis"], list):  # Keras writes a list once it is built
            value = value | {"axis": [value["axis"]]}
        kept = {k: _plain(v) for k, v in value.items() if k not in _ABSENT | {"module", "registered_name"}}
        return {k: v for k, v in kept.items() if not (k in ("input_axes", "output_axes") and v is None)}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _shape(layer: Any) -> Any:
    return tuple(layer.output.shape)


def structure(model: Any) -> list[Any]:
    """Each layer's name, class, output shape, configuration, sources and weights; then the model's own facts."""
    rows: list[Any] = []
    for layer in model.layers:
        sources = [node.operation.name for node in layer._inbound_nodes[0].parent_nodes]
        weights = [(re.sub(r"variable(_\d+)?$", "variable", w.path), tuple(w.shape)) for w in layer.weights]
        config = _plain(layer.get_config())
        rows.append((layer.name, type(layer).__name__, _shape(layer), sources, weights, config))
    rows.append((model.name, model.input_shape, model.output_shape, model.count_params()))
    rows.append([tuple(w.shape) for w in model.weights])
    rows.append([tuple(w.shape) for w in model.trainable_weights])
    return rows
