"""Recognises networks that the compiled kernel for dense layers can train: chains of layers that it knows, with their loss.

What is recognised is only what is ranvier's own and is computed by the kernel exactly as by the layers: whoever subclasses
a layer, overrides a method, or asks for a penalty, a constraint or another dtype is trained by the general program.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import activations, losses
from ..core import settings
from ..core.distributions import distribution
from ..core.variables import Variable
from ..layers.activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from ..layers.base import Layer
from ..layers.batch_normalization import BatchNormalization
from ..layers.core import Rescaling
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.input import InputLayer
from ..layers.reshaping import Flatten

__all__ = ["AIMS", "KINDS", "Affine", "ColumnOp", "DenseNetwork", "network_of", "recognised"]

#: What is done to columns, in the kernel's order (`Kind` in kernels/src/dense.h).
KINDS = ("relu", "leaky", "elu", "sigmoid", "tanh", "silu", "normalize", "drop")
#: What is minimised, in the kernel's order (`Aim`).
AIMS = ("probabilities", "logits", "binary", "binary_logits", "squares", "distances")

_SELU = (1.6732632423543772, 1.0507009873554805)


@dataclass
class ColumnOp:
    """Something that is done to each column of a batch by itself.

    Args:
        kind: one of `KINDS`.
        numbers: what the kind needs: the slope of a leaky ReLU; α and the scale of an ELU; ε, the momentum and what it
            leaves over of a normalisation; the part that a dropout keeps.
        gamma, beta: the weights of a normalisation.
        moving: its moving mean and variance.
        seed: the state of a dropout's generator.
        threshold: words below it are kept.
    """

    kind: str
    numbers: tuple[float, ...] = ()
    gamma: Variable | None = None
    beta: Variable | None = None
    moving: tuple[Variable, ...] = ()
    seed: Variable | None = None
    threshold: int = 0


@dataclass
class Affine:
    """A product with a kernel, (in, out), a bias, (out,), if there is one, and what follows."""

    kernel: Variable
    bias: Variable | None
    ops: list[ColumnOp] = field(default_factory=list)


@dataclass
class DenseNetwork:
    """A network of dense layers and what it is trained for.

    Args:
        dtype: of the inputs as the model declares them.
        scale, offset: what the inputs are multiplied by, and what is added.
        before: what is done to them before the first product.
        layers: the products.
        softmax: whether the outputs are the softmax of the last layer's.
        aim: one of `AIMS`.
        sparse: whether targets are classes.
        smoothing: label smoothing.
    """

    dtype: str = "float32"
    scale: float = 1.0
    offset: float = 0.0
    before: list[ColumnOp] = field(default_factory=list)
    layers: list[Affine] = field(default_factory=list)
    softmax: bool = False
    aim: str = ""
    sparse: bool = False
    smoothing: float = 0.0

    @property
    def ops(self) -> Iterator[ColumnOp]:
        """All that is done to columns, in order."""
        yield from self.before
        for layer in self.layers:
            yield from layer.ops

    def written(self, place: dict[int, int], drop: bool) -> tuple[list[int], list[float]]:
        """The layers as `ReadLayers` in kernels/src/dense_plan.h reads them: the plan, and the numbers in it.

        Args:
            place: where the call has each variable among its parameters, moving values or seeds, by the variable's id.
            drop: whether dropout takes part.
        """
        plan: list[int] = []
        numbers: list[float] = []

        def at(variable: Variable | None) -> int:
            return -1 if variable is None else place[id(variable)]

        def add(ops: list[ColumnOp]) -> None:
            ops = [op for op in ops if drop or op.kind != "drop"]
            plan.append(len(ops))
            for op in ops:
                plan.extend([KINDS.index(op.kind), at(op.gamma), at(op.beta)])
                plan.extend([at(op.moving[0] if op.moving else op.seed), op.threshold])
                numbers.extend([*op.numbers, *[0.0] * (3 - len(op.numbers))])

        add(self.before)
        for layer in self.layers:
            plan.extend([*layer.kernel.shape, at(layer.kernel), at(layer.bias)])
            add(layer.ops)
        return plan, numbers


def recognised(model: Any) -> DenseNetwork | None:
    """The network that `model` is, or None: a chain of dense layers with a loss that the kernel knows."""
    if settings.epsilon() != 1e-7 or not _inherits_training(model):
        return None
    network = network_of(model, learn=True)
    return network if network is not None and _read_loss(model, network) else None


def network_of(model: Any, learn: bool = False) -> DenseNetwork | None:
    """The network that `model` is, whatever it is trained for, or None: a chain of dense layers.

    Args:
        model: a built model.
        learn: only if all of it can be trained.
    """
    own = type(model).__module__ in ("ranvier.models.model", "ranvier.models.sequential")
    if distribution() is not None or not own or "call" in vars(model):
        return None
    chain = _chain(model)
    if chain is None:
        return None
    network = DenseNetwork(model.graph.inputs[0].dtype)
    if network.dtype not in ("float32", "uint8"):
        return None
    for layer in chain:
        if network.softmax or not _usual(layer, learn) or not _READ.get(type(layer), _unknown)(layer, network):
            return None
    return network if network.layers else None


# --- the chain ------------------------------------------------------------------------------------------------------


def _inherits_training(model: Any) -> bool:
    """Whether the model has no method for training or testing of its own, nor layers with metrics."""
    names = ("compute_loss", "compute_metrics", "train_step", "reset_metrics", "get_metrics_result")
    return not any(n in vars(model) for n in names) and not model._layers_metrics()


def _chain(model: Any) -> list[Layer] | None:
    """The layers from input to output, if each takes the whole output of the one before, and no layer comes twice."""
    graph = getattr(model, "graph", None)
    if graph is None or len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return None
    tensor, found = graph.inputs[0], []
    for node in graph.nodes:
        if node.is_input or node.output_tensors[0] is tensor:
            continue
        alone = len(node.input_tensors) == len(node.output_tensors) == len(node.args) == 1 and not node.kwargs
        if not alone or node.input_tensors[0] is not tensor:
            return None
        if isinstance(node.operation, (Dense, BatchNormalization)) and tensor.ndim != 2:
            return None
        found.append(node.operation)
        tensor = node.output_tensors[0]
    once = len({id(layer) for layer in found}) == len(found)
    return found if once and tensor is graph.outputs[0] else None


def _usual(layer: Any, learn: bool) -> bool:
    """Whether a layer computes in float32 and, to learn, is trained whole without penalty, constraint or own method."""
    if not isinstance(layer, Layer) or layer.dtype_policy.name != "float32" or "call" in vars(layer):
        return False
    if not learn:
        return True
    if not layer.trainable or layer.activity_regularizer is not None:
        return False
    return all(v.regularizer is None and v.constraint is None for v in layer.weights)


def _unknown(layer: Any, network: DenseNetwork) -> bool:
    return False


# --- the layers -----------------------------------------------------------------------------------------------------


def _add(network: DenseNetwork, op: ColumnOp) -> None:
    (network.layers[-1].ops if network.layers else network.before).append(op)


def _read_activation(function: Any, network: DenseNetwork) -> bool:
    if function is activations.linear:
        return True
    if function is activations.softmax:
        network.softmax = bool(network.layers)
        return network.softmax
    if not isinstance(function, Hashable) or function not in _FUNCTIONS:
        return False
    kind, *numbers = _FUNCTIONS[function]
    _add(network, ColumnOp(kind, tuple(numbers)))
    return True


def _read_flatten(layer: Flatten, network: DenseNetwork) -> bool:
    return True  # rows lie in one piece as they are


def _read_rescaling(layer: Rescaling, network: DenseNetwork) -> bool:
    numbers = isinstance(layer.scale, (int, float)) and isinstance(layer.offset, (int, float))
    if not numbers or network.layers or network.before:
        return False
    network.offset = network.offset * float(layer.scale) + float(layer.offset)
    network.scale *= float(layer.scale)
    return True


def _read_dense(layer: Dense, network: DenseNetwork) -> bool:
    if layer.lora_enabled or layer.quantization_config is not None or layer._kernel.dtype != "float32":
        return False
    network.layers.append(Affine(layer._kernel, layer.bias))
    return _read_activation(layer.activation, network)


def _read_normalization(layer: BatchNormalization, network: DenseNetwork) -> bool:
    if layer.renorm or layer.synchronized or layer.axis not in (-1, 1) or not network.layers:
        return False
    numbers = (layer.epsilon, layer.momentum, 1 - layer.momentum)
    moving = (layer.moving_mean, layer.moving_variance)
    _add(network, ColumnOp("normalize", numbers, layer.gamma, layer.beta, moving))
    return True


def _read_dropout(layer: Dropout, network: DenseNetwork) -> bool:
    if layer.noise_shape is not None or layer.rate == 1:
        return False
    if layer.seed_generator is not None:
        kept = 1 - layer.rate
        threshold = int(kept * 2**32)
        if threshold == 2**32:  # a rate so small that float64 cannot tell: all are kept
            return False
        _add(network, ColumnOp("drop", (kept,), seed=layer.seed_generator.state, threshold=threshold))
    return True


def _read_relu(layer: ReLU, network: DenseNetwork) -> bool:
    if layer.max_value is not None or layer.threshold != 0:
        return False
    slope = float(layer.negative_slope)
    _add(network, ColumnOp("leaky", (slope,)) if slope else ColumnOp("relu"))
    return True


def _read_leaky(layer: LeakyReLU, network: DenseNetwork) -> bool:
    _add(network, ColumnOp("leaky", (float(layer.negative_slope),)))
    return True


def _read_elu(layer: ELU, network: DenseNetwork) -> bool:
    _add(network, ColumnOp("elu", (float(layer.alpha), 1.0)))
    return True


def _read_softmax(layer: Softmax, network: DenseNetwork) -> bool:
    return layer.axis == -1 and _read_activation(activations.softmax, network)


_FUNCTIONS: dict[Any, tuple[Any, ...]] = {
    activations.relu: ("relu",),
    activations.leaky_relu: ("leaky", 0.2),
    activations.elu: ("elu", 1.0, 1.0),
    activations.selu: ("elu", *_SELU),
    activations.sigmoid: ("sigmoid",),
    activations.tanh: ("tanh",),
    activations.silu: ("silu",),
}

_READ: dict[type, Callable[[Any, DenseNetwork], bool]] = {
    Activation: lambda layer, network: _read_activation(layer.activation, network),
    BatchNormalization: _read_normalization,
    Dense: _read_dense,
    Dropout: _read_dropout,
    ELU: _read_elu,
    Flatten: _read_flatten,
    InputLayer: lambda layer, network: True,
    LeakyReLU: _read_leaky,
    ReLU: _read_relu,
    Rescaling: _read_rescaling,
    Softmax: _read_softmax,
}


# --- the loss -------------------------------------------------------------------------------------------------------


def _read_loss(model: Any, network: DenseNetwork) -> bool:
    compiled = model._losses_compiled
    if compiled is None or not compiled.built or len(compiled.functions) != 1 or compiled.weights[0] is not None:
        return False
    loss = compiled.functions[0]
    function = loss.fn if type(loss) is losses.LossFunctionWrapper else type(loss)
    known = _LOSSES.get(function) if isinstance(function, Hashable) else None
    if known is None or loss.reduction not in ("sum_over_batch_size", "mean") or loss.dtype != "float32":
        return False
    if getattr(loss, "_fn_kwargs", None) or "call" in vars(loss):
        return False
    if getattr(loss, "axis", -1) != -1 or getattr(loss, "ignore_class", None) is not None:
        return False
    probabilities, logits, network.sparse = known
    network.smoothing = float(getattr(loss, "label_smoothing", 0.0))
    network.aim = logits if getattr(loss, "from_logits", False) else probabilities
    return bool(network.aim)


_CATEGORICAL, _BINARY = ("probabilities", "logits"), ("binary", "binary_logits")
_LOSSES: dict[Any, tuple[str, str, bool]] = {
    losses.CategoricalCrossentropy: (*_CATEGORICAL, False),
    losses.SparseCategoricalCrossentropy: (*_CATEGORICAL, True),
    losses.BinaryCrossentropy: (*_BINARY, False),
    losses.MeanSquaredError: ("squares", "", False),
    losses.MeanAbsoluteError: ("distances", "", False),
}
_LOSSES |= {getattr(losses, name): value for name, value in {
    "categorical_crossentropy": (*_CATEGORICAL, False),
    "sparse_categorical_crossentropy": (*_CATEGORICAL, True),
    "binary_crossentropy": (*_BINARY, False),
    "mean_squared_error": ("squares", "", False),
    "mean_absolute_error": ("distances", "", False),
}.items()}  # fmt: skip
