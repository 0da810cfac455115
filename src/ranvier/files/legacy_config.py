"""Configurations as Keras wrote them before version 3, in the spelling of today."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.errors import SerializationError

__all__ = ["modern"]

_DEPTH = 60  # levels of models, layers and what they hold

# Settings that older layers and optimizers had, and what they must be for today's to do the same; ... is anything.
_GONE: dict[str, Any] = {
    "implementation": ..., "time_major": False, "input_length": ..., "fused": ..., "virtual_batch_size": None,
    "ragged_input": False, "decay": 0.0, "jit_compile": ..., "is_legacy_optimizer": ..., "experimental_run_tf_function": ...,
    "sparse": False, "ragged": False, "batch_size": None,
}  # fmt: skip
# Those that only some layers have lost.
_KERNEL = {"kernel_initializer": ..., "kernel_regularizer": ..., "kernel_constraint": ...}
_GONE_OF: dict[str, dict[str, Any]] = {
    **{f"DepthwiseConv{n}D": {"groups": 1, "filters": ..., **_KERNEL} for n in (1, 2)},
    **{f"SeparableConv{n}D": {"groups": 1, **_KERNEL} for n in (1, 2)},
    "MultiHeadAttention": {"query_shape": ..., "key_shape": ..., "value_shape": ..., "softmax_robust_masking": ...},
    "Lambda": {"module": ..., "output_shape_type": ..., "output_shape_module": ...},
    **{f"Conv{n}DTranspose": {"groups": 1} for n in (1, 2, 3)},
}
_SPARED = {"InputLayer": {"sparse", "ragged"}, "CategoryEncoding": {"sparse"}}
_CLASSES = {
    "Model": "Functional", "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
    "LSTMV2": "LSTM", "GRUV2": "GRU", "Policy": "DTypePolicy",
}  # fmt: skip
_SHAPE = "batch_input_shape"


def modern(value: Any, depth: int = 0) -> Any:
    """`value` with every object in it described as today. What is described so already stays as it is.

    Raises:
        SerializationError: a setting that changes what a layer computes and that today's layers do not have.
    """
    if depth > _DEPTH:
        raise SerializationError(f"The configuration goes deeper than {_DEPTH} levels.")
    if isinstance(value, list):
        return [modern(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if not {"class_name", "config"} <= set(value) or str(value["class_name"]).startswith("__"):
        return {key: modern(item, depth + 1) for key, item in value.items()}
    return _object(value, depth)


def _object(value: dict[str, Any], depth: int) -> dict[str, Any]:
    name = _CLASSES.get(value["class_name"], value["class_name"])
    config = value["config"]
    if name == "Sequential" and isinstance(config, list):
        config = {"name": value.get("name", "sequential"), "layers": config}
    if isinstance(config, dict):
        first = config.get("layers") if name == "Sequential" else None
        if name == "Functional":
            config = _renumbered(config)
        config = {key: modern(item, depth + 1) for key, item in config.items()}
        if first:
            _with_input(config, first[0])
        config = _settings(str(name), config)
    described = {**value, "class_name": name, "config": config}
    if "inbound_nodes" in value:
        described["inbound_nodes"] = [_node(node, depth) for node in value["inbound_nodes"]]
    return described


def _renumbered(config: dict[str, Any]) -> dict[str, Any]:
    """A graph in which the calls of models inside are counted from 0; before, making the model was the first."""
    layers = [layer for layer in config.get("layers") or () if isinstance(layer, dict)]
    if any(isinstance(node, dict) for layer in layers for node in layer.get("inbound_nodes") or ()):
        return config  # as today
    calls = {
        str(layer.get("name")): len(layer.get("inbound_nodes") or ())
        for layer in layers
        if layer.get("class_name") in ("Sequential", "Functional", "Model")
    }
    chains = {str(layer.get("name")) for layer in layers if layer.get("class_name") == "Sequential"}
    inside, ends = [layer.get("inbound_nodes") for layer in layers], config.get("output_layers")
    highest: dict[str, int] = {}
    for place in _places([inside, ends]):
        highest[place[0]] = max(highest.get(place[0], 0), place[1])
    late = {name for name, count in calls.items() if highest.get(name, 0) >= count}
    for graph in (inside, ends):
        for place in _places(graph):  # of what was just read from the file, and is nobody else's
            if place[0] in late and place[1] > 0:
                place[1] -= 1
            if graph is ends and place[0] in calls.keys() - chains:
                place[1] += 1  # where today's files count from 1
    return config


def _places(value: Any, depth: int = 0) -> Iterator[list[Any]]:
    """The places of tensors, lists that begin with a layer's name and two numbers, in lists of lists."""
    if depth > _DEPTH:
        raise SerializationError(f"The configuration goes deeper than {_DEPTH} levels.")
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return
    if len(value) in (3, 4) and isinstance(value[0], str) and all(type(n) is int for n in value[1:3]):
        yield value
        value = value[3:]
    for item in value:
        yield from _places(item, depth + 1)


def _with_input(config: dict[str, Any], first: dict[str, Any]) -> None:
    """Put the shape that a chain's first layer was given into an input of its own."""
    inner = first.get("config")
    if first.get("class_name") != "InputLayer" and isinstance(inner, dict) and inner.get(_SHAPE):
        kind = inner.get("dtype") if first.get("class_name") == "Embedding" else None
        start = {"batch_shape": inner[_SHAPE], "dtype": kind if isinstance(kind, str) else "float32"}
        config["layers"].insert(0, {"class_name": "InputLayer", "config": start})
        config.pop("build_input_shape", None)


def _settings(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what today's class does not take."""
    config = dict(config)
    shape = config.pop(_SHAPE, None)
    if name == "InputLayer" and shape is not None:
        config["batch_shape"] = shape
    gone = {k: v for k, v in _GONE.items() if k not in _SPARED.get(name, ())} | _GONE_OF.get(name, {})
    for key, harmless in gone.items():
        if key in config and (found := config.pop(key)) != harmless and harmless is not ... and found is not None:
            raise SerializationError(
                f"The {name} in the file has {key}={found!r}, which changes what it computes and is gone."
            )
    if name == "Lambda":
        config["function"] = _named(config)
    if name.endswith("Normalization") and isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    if "Wrapper" not in name:  # of a loss: it follows from the class
        config.pop("fn", None)
    if config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"
    if name == "MeanMetricWrapper" and isinstance(config.get("fn"), str):
        config["fn"] = {"class_name": "function", "config": config["fn"]}
    return config


def _named(config: dict[str, Any]) -> Any:
    """A `Lambda`'s function, which may be one that the program knows by its name; others the layer refuses."""
    function = config.get("function")
    if config.pop("function_type", None) == "function" and isinstance(function, str):
        return {"class_name": "function", "config": function}
    if isinstance(function, dict):
        return function
    return {"class_name": "__lambda__", "config": {}}  # as today's files say that a function is there as code


def _node(node: Any, depth: int) -> Any:
    """A call of a layer: before, a list of its inputs' places, the first with the other arguments."""
    if not isinstance(node, list):
        return node
    node = [node] if node and isinstance(node[0], str) else node
    tensors = [_tensor(entry[:3]) for entry in node]
    named = node[0][3] if node and len(node[0]) > 3 else {}
    return {
        "args": tensors if len(tensors) == 1 else [tensors],
        "kwargs": {key: _argument(item, depth + 1) for key, item in named.items()},
    }


def _argument(value: Any, depth: int) -> Any:
    if depth > _DEPTH:
        raise SerializationError(f"The configuration goes deeper than {_DEPTH} levels.")
    if isinstance(value, list) and next(_places(value), None) is value:
        return _tensor(value[:3])
    if isinstance(value, list):
        return [_argument(item, depth + 1) for item in value]
    return modern(value, depth + 1)


def _tensor(place: list[Any]) -> dict[str, Any]:
    if place[0] == "_CONSTANT_VALUE":
        raise SerializationError("The file's graph calls a layer on a constant, which cannot be read.")
    return {"class_name": "__keras_tensor__", "config": {"keras_history": place}}
