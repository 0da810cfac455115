"""`Sequential`: a chain of layers."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any, ClassVar

from ..core import names, serialization, shared_objects
from ..core.errors import ArgumentError, ArgumentTypeError, ShapeError
from ..core.hints import hint
from ..core.masks import set_mask
from ..core.ownership import unique
from ..layers.base import Layer
from ..layers.input import Input, InputLayer
from ..layers.signatures import as_shapes, tensors_of
from ..ops import symbolic
from .graph import Graph
from .model import Model

__all__ = ["Sequential"]

_PARTS = frozenset({"name", "trainable", "dtype", "layers", "build_input_shape"})  # of every chain's configuration


class Sequential(Model):
    """A chain of layers, each taking what the one before gives.

    Args:
        layers: the layers; an `Input` (or the first layer's `input_shape`) first, if the weights are wanted at once.
        trainable: whether optimizers may change the weights.
        name: the model's name.

    >>> from ranvier import Sequential, layers
    >>> model = Sequential([layers.Dense(8, activation="relu", input_shape=(4,)), layers.Dense(1)])
    >>> model.count_params()
    49
    """

    keras_module = "keras"
    config_excluded: ClassVar[frozenset[str]] = Model.config_excluded | {"layers"}

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        if isinstance(trainable, Layer) or isinstance(name, Layer):
            raise ArgumentTypeError(
                "Sequential takes its layers in one list. Received: several layers as arguments. Write "
                "Sequential([first, second, …])."
            )
        super().__init__(trainable=trainable, name=name)
        self._chain: list[Layer] = []
        self._input_layer: InputLayer | None = None
        if layers is not None and not isinstance(layers, (list, tuple)):
            if isinstance(layers, Layer):
                hint("Sequential", "Sequential takes its layers in a list: Sequential([layer]).")
            layers = [layers]
        for layer in layers or ():
            self._append(layer)
        self._connect()

    # --- the chain --------------------------------------------------------------------------------------------------

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Append a layer, which is built at once where the shape of its input is known."""
        self._append(layer)
        if rebuild:
            self._connect()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove and return the last layer."""
        if not self._chain:
            raise ArgumentError(f"Model '{self.name}' has no layers to pop.")
        layer = self._chain.pop()
        layer._inbound_nodes = []
        self.graph, self.built, self._programs = None, False, None
        if rebuild:
            self._connect()
        return layer

    def _append(self, layer: Any) -> None:
        if symbolic.is_symbolic(layer):  # the tensor that Input() gives stands for its layer
            layer = layer._keras_history.operation
        if isinstance(layer, type) or not isinstance(layer, Layer):
            hint = f" Did you mean {layer.__name__}(…)?" if isinstance(layer, type) else ""
            raise ArgumentTypeError(
                f"Sequential takes layers. Received: {layer!r} of type {type(layer).__name__}.{hint}"
            )
        if isinstance(layer, InputLayer):
            if self._chain or self._input_layer is not None:
                raise ArgumentError(f"Model '{self.name}' already begins elsewhere; an Input can only come first.")
            self._input_layer = layer
            return
        if any(existing is not layer and existing.name == layer.name for existing in self._chain):
            raise ArgumentError(f"Layer names in a model must be unique, and '{layer.name}' is already there.")
        if not self._chain and self._input_layer is None:
            shape = layer._batch_input_shape
            if shape is None and isinstance(layer, Model) and layer.graph is not None and len(layer.inputs) == 1:
                shape = layer.inputs[0].shape
            if shape is not None:
                dtype = layer.inputs[0].dtype if isinstance(layer, Model) and layer.graph is not None else None
                self._input_layer = Input(batch_shape=shape, dtype=dtype)._keras_history.operation
        self._chain.append(layer)
        self._programs = None

    def _connect(self) -> None:
        """Make or extend the graph, if the shape of the input is known."""
        if self._input_layer is None or not self._chain:
            return
        self._extend(self._input_layer._inbound_nodes[0].output_tensors[0])

    def _extend(self, start: Any) -> None:
        """Make the graph from these symbolic inputs, or call the layers that were added since."""
        connected = self._connected if self.graph is not None and self._inputs_struct is start else 0
        x = self._outputs_struct if connected else start
        path = names.current_path()
        inside = path == self.name or path.endswith("/" + self.name)  # built by a call, which opened the scope
        with contextlib.nullcontext() if inside else names.name_scope(self.name):
            for layer in self._chain[connected:]:
                try:
                    x = layer(x)
                except ShapeError as error:
                    raise ShapeError(f"In model '{self.name}': {error}") from error
        self._connected = len(self._chain)
        self._inputs_struct, self._outputs_struct = start, x
        self.graph = Graph(start, x)
        self.built = True
        self._path = self.name

    _connected: int = 0

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, batch axis included; several shapes for a dict or list of inputs.

        Raises:
            ArgumentError: there are no layers, or no shape.
            ShapeError: the model begins with another shape.
        """
        if not self._chain:
            raise ArgumentError(f"Model '{self.name}' has no layers. Add some: model.add(layers.Dense(10)).")
        if self.graph is not None:
            if input_shape is not None and not _agree(as_shapes(input_shape), self.input_shape):
                raise ShapeError(
                    f"Model '{self.name}' takes inputs of shape {self.input_shape}; it cannot be built for "
                    f"{input_shape}."
                )
            return
        if input_shape is None:
            raise ArgumentError("build needs input_shape, with None for the batch axis.")
        self._takes_any_shape = True
        inputs = symbolic.rebuild(tensors_of(as_shapes(input_shape), "float32"), lambda t: Input(batch_shape=t.shape))
        if symbolic.is_symbolic(inputs):
            self._input_layer = inputs._keras_history.operation
        self._extend(inputs)

    def _has_call(self) -> bool:
        return bool(self.layers)

    # Whether the shape of the inputs was learnt from the first ones: others are taken as far as the layers take them.
    _takes_any_shape: bool = False

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The layers one after the other."""
        if not self._chain:
            raise ArgumentError(f"Model '{self.name}' has no layers. Add some: model.add(layers.Dense(10)).")
        if not self._takes_any_shape or self._goes_through_graph(inputs):
            return super().call(inputs, training, mask)
        for one, its in zip(symbolic.flatten(inputs), symbolic.flatten(mask), strict=False):
            set_mask(one, its)
        for layer in self._chain:
            try:
                inputs = layer(inputs)
            except ShapeError as error:
                raise ShapeError(f"In model '{self.name}': {error}") from error
        return inputs

    def _goes_through_graph(self, inputs: Any) -> bool:
        """Whether a single input comes in a list, by its name, or lacks (or has) a last axis of size 1."""
        if not symbolic.is_symbolic(self._inputs_struct):
            return False
        if not hasattr(inputs, "shape"):
            return True
        shape, known = tuple(inputs.shape), self._inputs_struct.shape
        return abs(len(shape) - len(known)) == 1 and 1 in (shape[-1:] + known[-1:])

    not_owned = Model.not_owned | {"_input_layer"}

    def _layers_in_order(self) -> list[Any]:
        return unique([*self._chain, *Layer._layers_in_order(self)])

    @property
    def layers(self) -> list[Layer]:
        """The layers in their order, without the input."""
        return list(self._chain)

    # --- configuration ----------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The layers and the input's shape, and the constructor's own arguments of a subclass."""
        return shared_objects.whole(self._configured)

    def _configured(self) -> dict[str, Any]:
        first = [self._input_layer] if self._input_layer is not None else []
        own = {k: serialization.config_value(v) for k, v in self._config_items() if k not in _PARTS}
        config: dict[str, Any] = own | {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialization.config_value(self.dtype_policy),
            "layers": [serialization.serialize(layer) for layer in [*first, *self._chain]],
        }
        if self.graph is not None:
            config["build_input_shape"] = self.input_shape
            for layer in self._chain:
                shared_objects.called(layer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Sequential:
        """The model that `get_config` described. Layers that a subclass's constructor makes are not made again."""
        with shared_objects.reading():
            return cls._made(config, custom_objects)

    @classmethod
    def _made(cls, config: dict[str, Any], custom_objects: Any) -> Sequential:
        parameters = inspect.signature(cls.__init__).parameters
        rest = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        settings = {"name": config.get("name"), "trainable": config.get("trainable", True)}
        own = {} if cls is Sequential else {k: v for k, v in config.items() if k not in _PARTS}
        model = cls(
            **{k: v for k, v in settings.items() if rest or k in parameters},
            **{k: serialization.deserialize_nested(v, custom_objects) for k, v in own.items()},
        )
        made = [] if model._input_layer is None else [model._input_layer]
        again: dict[str, Layer] = {}
        for described in config["layers"][len(made) + len(model._chain) if model._chain else 0 :]:
            # Layers are built as they are made, under the paths that they had; models inside begin their own.
            inner = isinstance(described, dict) and described.get("class_name") in ("Sequential", "Functional", "Model")
            name = described["config"].get("name") if isinstance(described.get("config"), dict) else None
            with contextlib.nullcontext() if inner else names.name_scope(model.name):
                layer = again.get(str(name)) or serialization.deserialize(described, custom_objects)
                model.add(layer, rebuild=False)
            if isinstance(name, str):
                again[name] = layer  # a layer that stands in the chain twice is one layer
        shape = config.get("build_input_shape")
        if model._input_layer is None and shape is not None:
            model.build(as_shapes(shape))
        model._connect()
        return model


def _agree(shapes: Any, others: Any) -> bool:
    """Whether shapes (or nested structures of them) say the same where both say something."""
    if isinstance(shapes, dict) or isinstance(others, dict):
        alike = isinstance(shapes, dict) and isinstance(others, dict) and shapes.keys() == others.keys()
        return alike and all(_agree(shapes[key], others[key]) for key in shapes)
    if isinstance(shapes, (tuple, list)) and isinstance(others, (tuple, list)):
        return len(shapes) == len(others) and all(map(_agree, shapes, others))
    return shapes is None or others is None or shapes == others
