"""`Model`: a layer that can be compiled, trained, summarised and saved; functional when made from symbolic tensors."""

from __future__ import annotations

import difflib
import inspect
import json
from typing import Any

from ..core import dtypes, serialization, shared_objects
from ..core.argument_names import translated
from ..core.errors import ArgumentError, NotBuiltError, NotDefinedError
from ..core.masks import set_mask
from ..core.ownership import unique
from ..core.trees import ordered_keys
from ..files import keras_format, weights
from ..layers.base import Layer
from ..layers.signatures import tensors_of
from ..metrics import Metric
from ..ops import symbolic
from ..training.trainer import Trainer
from .graph import Graph
from .inputs import standardize_inputs

__all__ = ["Functional", "Model"]


class Model(Trainer, Layer):
    """A layer with `fit`: from symbolic tensors, ``Model(inputs, outputs)``, or as a subclass with its own `call`.

    Args:
        inputs: symbolic tensors (functional models only), nested in lists or dicts.
        outputs: symbolic tensors that depend on them.
        name: the model's name.
        trainable: whether optimizers may change its weights.
        dtype: a dtype or dtype policy.

    >>> import ranvier
    >>> inputs = ranvier.Input((3,))
    >>> model = ranvier.Model(inputs, ranvier.layers.Dense(2)(inputs), name="small")
    >>> model.count_params()
    8
    """

    keras_module = "keras"
    not_owned = Layer.not_owned | {
        "optimizer", "loss", "history", "graph", "_losses_compiled", "_metrics_compiled", "_loss_tracker", "_programs",
        "_known_roles", "_given_to_compile", "_inputs_struct", "_outputs_struct",
    }  # fmt: skip
    not_watched = Layer.not_watched | {
        "history", "_programs", "_known_roles", "_given_to_compile", "_inputs_struct", "_outputs_struct", "_classes",
    }  # fmt: skip

    graph: Graph | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _gives_graph(args, _today(kwargs)):
            cls = Functional  # type: ignore[assignment]  # so that it is named, printed and saved as a functional model
        self = super().__new__(cls, *args, **kwargs)  # type: ignore[arg-type]
        self._given_graph = symbolic.any_symbolic(args, kwargs)
        return self

    _given_graph: bool = False  # whether the constructor takes the symbolic tensors, and does not make them itself
    _given_tensors: bool = False  # whether it takes others, from which it makes them

    def __init__(self, *args: Any, **kwargs: Any):
        if type(self) is Functional:
            kwargs = _today(kwargs)
        if not _gives_graph(args, kwargs):
            super().__init__(*args, **kwargs)
            return
        names = ("inputs", "outputs", "name")
        given = dict(zip(names, args, strict=False)) | kwargs
        inputs, outputs = given.pop("inputs"), given.pop("outputs")
        super().__init__(**given)
        self._given_tensors = _takes_others(self, inputs, outputs)
        self._given_graph = self._given_graph and not self._given_tensors
        self._set_graph(inputs, outputs)

    # --- the graph of a functional model ----------------------------------------------------------------------------

    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        self.graph = Graph(inputs, outputs)
        tensors = iter([*self.graph.inputs, *self.graph.outputs])  # others than were given where the graph was cut
        self._inputs_struct = symbolic.rebuild(inputs, lambda _: next(tensors))
        self._outputs_struct = symbolic.rebuild(outputs, lambda _: next(tensors))
        names = [operation.name for operation in self.graph.operations]
        for name in names:
            if names.count(name) > 1:
                raise ArgumentError(
                    f"Layer names in a model must be unique, and '{name}' is used {names.count(name)} times."
                )
        self.built = True
        self._path = self.name

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs of a functional model."""
        return self._graph_or_refuse("inputs").inputs

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs of a functional model."""
        return self._graph_or_refuse("outputs").outputs

    def _graph_or_refuse(self, what: str) -> Graph:
        if self.graph is None:
            raise AttributeError(
                f"Model '{self._name}' has no symbolic {what}: it is not functional, or not built yet."
            )
        return self.graph

    @property
    def input(self) -> Any:
        """The symbolic inputs in the structure in which they were given."""
        self._graph_or_refuse("input")
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs in the structure in which they were given."""
        self._graph_or_refuse("output")
        return self._outputs_struct

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs."""
        return symbolic.rebuild(self.input, lambda t: t.shape)

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs."""
        shapes = symbolic.rebuild(self.output, lambda t: t.shape)
        return shapes[0] if _is_list_of_one(self.output) else shapes

    @property
    def operations(self) -> list[Any]:
        """The layers and functions of the graph."""
        return self._graph_or_refuse("operations").operations

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [t._keras_history.operation.name for t in self.inputs]

    @property
    def output_names(self) -> list[str] | None:
        """The names of the layers that make the outputs, or the keys of a dict of them, sorted; None without a graph."""
        if self.graph is None:
            return None
        if isinstance(self._outputs_struct, dict) and len(self._outputs_struct) == len(self.outputs):
            return ordered_keys(self._outputs_struct)
        return [t._keras_history.operation.name for t in self.outputs]

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the graph. Subclasses that are not functional override it."""
        if self.graph is None:
            raise NotDefinedError(
                f"{type(self).__name__} must define `call(self, inputs)`, or be made from symbolic tensors: Model(inputs, outputs)."
            )
        values = standardize_inputs(self, inputs)
        for value, one in zip(values, symbolic.flatten(mask), strict=False):
            set_mask(value, one)
        results = iter(self.graph.run(values))
        outputs = symbolic.rebuild(self._outputs_struct, lambda _: next(results))
        return outputs[0] if _is_list_of_one(outputs) else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """None: the layers inside have attached their masks to the outputs."""
        return None

    def _carry_masks(self, masks: Any, outputs: Any) -> Any:
        own = type(self).compute_mask is not Model.compute_mask
        return super()._carry_masks(masks, outputs) if own else outputs

    supports_masking = True

    # --- layers -----------------------------------------------------------------------------------------------------

    def _layers_in_order(self) -> list[Any]:
        inside = super()._layers_in_order()
        return inside if self.graph is None else unique([*self.layers, *inside])

    @property
    def layers(self) -> list[Any]:
        """The layers directly inside: of the graph, or in the order of the attributes that hold them."""
        if self.graph is None:
            return super()._layers_in_order()
        return [operation for operation in self.graph.operations if isinstance(operation, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer with this name, or at this index."""
        if (name is None) == (index is None):
            raise ArgumentError("get_layer takes a name or an index: exactly one of the two.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ArgumentError(f"The model has {len(layers)} layers. Received: index={index}")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        known = [layer.name for layer in layers]
        near = difflib.get_close_matches(str(name), known, 1, 0.6)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise ArgumentError(f"No layer is called {name!r}.{meant} The layers are: {known}")

    def _layers_metrics(self) -> list[Metric]:
        """The metrics that this model and the layers inside own."""
        return Layer.metrics.fget(self)  # type: ignore[attr-defined]

    # --- building ---------------------------------------------------------------------------------------------------

    def _build_by_call(self, input_shape: Any) -> None:
        """Make the weights of a subclassed model by tracing its `call` on symbolic inputs of this shape."""
        if self.graph is None and not self._outlining:
            self._outline(tensors_of(input_shape, self.compute_dtype))

    _outlining: bool = False

    def _outline(self, specs: Any) -> Any:
        """The symbolic outputs for symbolic inputs; makes the weights that do not exist yet."""
        self._outlining = True
        try:
            with self._apart():
                required = inspect.signature(self.call).parameters.get("training")  # `call(self, inputs, training)`
                asked = required is not None and required.default is inspect.Parameter.empty
                outputs = symbolic.infer(self._compute, (specs,), {"training": False} if asked else {})
        finally:
            self._outlining = False
        self.built = True
        return outputs

    def _fully_built(self) -> bool:
        self._roles()  # which knows the layers
        return all(layer.built for layer in self._known_roles[2])

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        if not self.built:
            raise NotBuiltError(
                f"Model '{self.name}' is not built, so its parameters cannot be counted. Call it on data, build(input_shape), "
                "or begin it with an Input."
            )
        return sum(v.size for v in self.weights)

    # --- facade -----------------------------------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: list[str] | None = None,
    ) -> None:
        """Print a table of the layers with output shapes and parameter counts.

        Args:
            line_length: the table's width in characters; None: as wide as it needs to be.
            positions: the widths of the columns, as fractions of the line.
            print_fn: called with the text instead of `print`.
            expand_nested: show the layers of models inside.
            show_trainable: add a column that says what is trainable.
            layer_range: names (or patterns) of the first and last layer to show.
        """
        from .summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def layer_graph(self) -> Any:
        """The layers and what flows between them as plain data; see `ranvier.inspect.model_graph`."""
        from ..inspect.model_graph import model_graph

        return model_graph(self)

    def explain(
        self, x: Any, y: Any = None, layers: Any = None, neurons: Any = None, top: int = 8, **options: Any
    ) -> Any:
        """Every number that the model computes for one sample, and how it comes about; see `ranvier.inspect.explain`.

        Args:
            x: one sample, or a batch of them.
            y: its target; with one there are the loss, all gradients and the chain rule of any weight.
            layers: the layers to show; None: all.
            neurons: the neurons to show, by their indices; None: the strongest.
            top: how many neurons and products of large layers to show.
            **options: `index` of a sample in a batch, `loss` in the place of the compiled one, `training`.
        """
        from ..inspect.explain import explain

        return explain(self, x, y, layers, neurons, top, **options)

    def look(self, x: Any = None, y: Any = None, **options: Any) -> Any:
        """Open a page on this computer that shows the layers, weights, activations and every neuron's arithmetic.

        Args:
            x, y: samples to choose from and their targets; None: MNIST's test digits where they fit, else random numbers.
            options: `open_browser` and `port`, as in `ranvier.inspect.look.look`, which says more.
        """
        from ..inspect.look import look

        return look(self, x, y, **options)

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the model to a ``.keras`` file; see `ranvier.models.save_model`."""
        keras_format.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any
    ) -> None:
        """Write the weights to a ``.weights.h5`` or ``.safetensors`` file; see `ranvier.saving.save_weights`."""
        weights.save_weights(self, filepath, overwrite, max_shard_size, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> weights.LoadReport:
        """Read the weights from a file; returns a report of what was taken. See `ranvier.saving.load_weights`."""
        return weights.load_weights(self, filepath, skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The model's configuration as JSON, without weights."""
        return json.dumps(serialization.serialize(self), **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The graph, if the model was made from symbolic tensors, and the constructor's other arguments."""
        if self._given_tensors:
            from .functional_config import config_of_tensors

            return config_of_tensors(self)
        if not (self._given_graph and self.graph is not None):
            return super().get_config()
        from .functional_config import functional_config

        def described() -> dict[str, Any]:
            own = {k: serialization.config_value(v) for k, v in self._config_items() if not symbolic.any_symbolic(v)}
            if self.dtype_policy.name == dtypes.dtype_policy().name:
                own.pop("dtype", None)  # Keras's configurations of graphs do not tell it
            return own | functional_config(self)

        return shared_objects.whole(described)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The model that `get_config` described.

        Args:
            config: the graph of a functional model, or the constructor's arguments.
            custom_objects: further classes and functions that it names.
        """
        with serialization.custom_object_scope(custom_objects or {}), shared_objects.reading():
            if {"layers", "input_layers", "output_layers"} <= set(config):
                from .functional_config import functional_from_config

                return functional_from_config(cls, config, custom_objects)
            if "constructor_graph" in config:
                from .functional_config import from_config_of_tensors

                return from_config_of_tensors(cls, config, custom_objects)
            return super().from_config(config)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """A model with copies of all state: weights, seeds and the optimizer's."""
        from .cloning import duplicate

        memo[id(self)] = copied = duplicate(self)
        return copied

    def __reduce__(self) -> Any:
        """The bytes of the ``.keras`` file, which are read as any such file is."""
        from .cloning import pickled, unpickled

        return unpickled, pickled(self)


class Functional(Model):
    """A model made from symbolic inputs and outputs; ``Model(inputs, outputs)`` gives one."""

    keras_module = "keras.src.models.functional"


def _today(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments with Keras 1's `input` and `output` by their names of today."""
    return translated("Model", ("inputs", "outputs"), kwargs) if {"input", "output"} & kwargs.keys() else kwargs


def _takes_others(model: Any, inputs: Any, outputs: Any) -> bool:
    """Whether the constructor of the model's class takes symbolic tensors that are not the graph's inputs and outputs."""
    given = {name: value for name, value in model._given.items() if symbolic.any_symbolic(value)}
    if not given or {"inputs", "outputs"} <= given.keys():
        return False
    first = list(inspect.signature(type(model).__init__).parameters)[1:3]
    ends = [given[name] for name in first if name in given]
    same = [id(t) for t in symbolic.flatten(ends)] == [id(t) for t in symbolic.flatten([inputs, outputs])]
    return len(given) > 2 or not same


def _is_list_of_one(outputs: Any) -> bool:
    """Whether there is one output, in a list that the caller of the model does not want back."""
    return type(outputs) in (list, tuple) and len(outputs) == 1


def _gives_graph(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a model's constructor was given symbolic inputs and outputs."""
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or {"inputs", "outputs"} <= set(kwargs)
