"""What the architectures share: checking what was asked, the input, the head, the weights."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import layers
from ..core import settings
from ..core.errors import ArgumentError, ArgumentTypeError, RanvierWarning, ShapeError
from ..models.model import Model
from ..ops.symbolic import KerasTensor
from .pretrained import fetch

__all__ = [
    "Request", "architecture", "channel_axis", "classifier", "divisible", "image_size", "make_model", "named_pool",
    "open_input", "pool", "squeeze_excite", "stride_padding",
]  # fmt: skip

_ABOUT = """{summary}

    Args:
        include_top: whether the classifier stands on top.
        weights: None (random), "imagenet" (downloaded), or the path of a file of weights.
        input_tensor: a symbolic tensor to build on, instead of a new input.
        input_shape: the shape of one image{size}; at least {smallest} by {smallest}.
        pooling: without the top: None for feature maps, "avg" or "max" for one vector an image.
        classes: how many classes the top tells apart.
        classifier_activation: the top's activation; None for logits.
        name: the model's name.{more}

    Raises:
        ArgumentError: weights that do not exist, or that do not fit the other arguments.
        ShapeError: an input that is too small, has no fixed size where the top needs one, or not three axes.
    """


@dataclass(frozen=True)
class Request:
    """What the caller asked of an architecture: the arguments that all families have."""

    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str | None

    def check(self) -> None:
        """Refuse weights that do not exist, and a top that the ImageNet weights do not have."""
        known = self.weights in (None, "imagenet") or os.path.exists(self.weights)
        if not known:
            raise ArgumentError(
                "weights must be None (random initialisation), 'imagenet', or the path of an existing file. Received: "
                f"weights={self.weights!r}"
            )
        if self.weights == "imagenet" and self.include_top and self.classes != 1000:
            raise ArgumentError(
                "The ImageNet weights with their top have 1000 classes; use include_top=False for a top of your own. "
                f"Received: classes={self.classes}"
            )
        activation = getattr(self.classifier_activation, "__name__", self.classifier_activation)
        if self.include_top and self.weights is not None and activation not in (None, "softmax"):
            raise ArgumentError(
                "classifier_activation must be None or 'softmax' with weights that were trained. Received: "
                f"classifier_activation={activation!r}"
            )


def architecture(
    public: str,
    name: str,
    summary: str,
    size: int,
    features: Callable[[Any, Request], Any],
    head: Callable[[Any, Request], Any] | None = None,
    pooling: Callable[[Any, str | None], Any] | None = None,
    smallest: int = 32,
) -> Callable[..., Model]:
    """The public function of an architecture with the commonest signature.

    Args:
        public: the function's name.
        name: the model's name, unless the caller gives another.
        summary: the docstring's first line.
        size: the height and width of the images that the weights were trained on.
        features: from the input to the last feature maps.
        head: from the feature maps to the classes.
        pooling: from the feature maps to a vector.
        smallest: the smallest height and width.
    """
    default_name = name

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = default_name,
    ) -> Model:
        request = Request(
            include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )
        request.check()
        inputs = open_input(request, size, smallest)
        return make_model(request, inputs, features(inputs, request), public, head, pool_features)

    pool_features = pooling or pool
    return documented(build, public, summary, size, smallest)


def documented(
    function: Callable[..., Model], public: str, summary: str, size: int, smallest: int = 32, more: str = ""
) -> Callable[..., Model]:
    """`function` under its public name, with its docstring."""
    function.__name__ = function.__qualname__ = public
    shape = f"; with the top None means ({size}, {size}, 3)" if size else ""
    function.__doc__ = _ABOUT.format(summary=summary, size=shape, smallest=smallest, more=more)
    return function


def channel_axis(last: int = 3) -> int:
    """The axis of the channels: `last`, or 1 where channels come first."""
    return last if settings.image_data_format() == "channels_last" else 1


def image_size(x: Any) -> tuple[int | None, int | None]:
    """Height and width of a symbolic batch of images."""
    first = 1 if settings.image_data_format() == "channels_last" else 2
    return tuple(x.shape[first : first + 2])


def open_input(
    request: Request, size: int, smallest: int, static: bool | None = None, must_fit: bool = False
) -> KerasTensor:
    """The symbolic images that a model begins with.

    Args:
        request: what was asked.
        size: height and width where nothing else is said.
        smallest: the smallest height and width.
        static: whether height and width must be known; None: if there is a top.
        must_fit: refuse an `input_shape` that contradicts `input_tensor`.
    """
    static = request.include_top if static is None else static
    tensor = request.input_tensor
    if tensor is not None and not isinstance(tensor, KerasTensor):
        raise ArgumentTypeError(
            f"input_tensor must be a symbolic tensor, such as the result of Input(). Received: {type(tensor).__name__}"
        )
    if tensor is not None and must_fit and request.input_shape is not None:
        _check_agreement(tensor, request.input_shape)
    shape = _input_shape(request, size, smallest, static) if tensor is None or not must_fit else None
    return layers.Input(shape) if tensor is None else tensor


def _input_shape(request: Request, size: int, smallest: int, static: bool) -> tuple[int | None, ...]:
    first = settings.image_data_format() == "channels_first"
    given = request.input_shape
    pretrained = request.weights == "imagenet"

    def shape(height: int | None, channels: int) -> tuple[int | None, ...]:
        return (channels, height, height) if first else (height, height, channels)

    channels = 3
    if given is not None:
        given = tuple(given)
        if len(given) != 3:
            raise ShapeError(f"input_shape must be a tuple of three integers. Received: input_shape={given}")
        channels = given[0] if first else given[-1]
        if pretrained and static and given != shape(size, 3):
            raise ShapeError(
                f"With the ImageNet weights and their top, input_shape must be {shape(size, 3)}. Received: "
                f"input_shape={given}"
            )
        if pretrained and channels != 3:
            raise ShapeError(f"The ImageNet weights take images of 3 channels. Received: input_shape={given}")
        if channels not in (1, 3):
            warnings.warn(
                f"Images have 1 or 3 channels as a rule. Received: input_shape={given}", RanvierWarning, stacklevel=5
            )
        sides = given[1:] if first else given[:2]
        if any(side is not None and side < smallest for side in sides):
            raise ShapeError(f"Images must be at least {smallest} by {smallest}. Received: input_shape={given}")
    else:
        given = shape(size if static else None, channels)
    if static and None in given:
        raise ShapeError(
            f"input_shape must have a fixed size, without None, for this architecture or its top. Received: input_shape={given}"
        )
    return given


def _check_agreement(tensor: KerasTensor, input_shape: Any) -> None:
    if tuple(tensor.shape[1:]) != tuple(input_shape):
        raise ShapeError(
            f"input_tensor and input_shape contradict each other: {tuple(tensor.shape[1:])} and {tuple(input_shape)}."
        )


def _sources(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs that a symbolic tensor comes from."""
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        history = current._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if node.is_input:
            found[id(current)] = current
        waiting.extend(reversed(node.input_tensors))
    return list(found.values())


def pool(x: Any, pooling: str | None) -> Any:
    """Global pooling in layers without names of their own."""
    if pooling == "avg":
        return layers.GlobalAveragePooling2D()(x)
    return layers.GlobalMaxPooling2D()(x) if pooling == "max" else x


def named_pool(x: Any, pooling: str | None) -> Any:
    """Global pooling in layers called avg_pool and max_pool."""
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.GlobalMaxPooling2D(name="max_pool")(x) if pooling == "max" else x


def classifier(x: Any, request: Request) -> Any:
    """The mean of each feature map, and a linear classifier on them."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return layers.Dense(request.classes, activation=request.classifier_activation, name="predictions")(x)


def make_model(
    request: Request,
    inputs: Any,
    x: Any,
    public: str,
    head: Callable[[Any, Request], Any] | None = None,
    pooling: Callable[[Any, str | None], Any] = pool,
    variant: str = "",
) -> Model:
    """The model from `inputs` to the feature maps `x` and whatever goes on top, with its weights.

    Args:
        request: what was asked.
        inputs: where the architecture begins.
        x: its last feature maps.
        public: the name in the table of weights.
        head: from the feature maps to the classes; None: `classifier`.
        pooling: from the feature maps to a vector.
        variant: which of several files of weights (widths, resolutions).
    """
    x = (head or classifier)(x, request) if request.include_top else pooling(x, request.pooling)
    ends = _sources(inputs)
    model = Model(ends[0] if len(ends) == 1 else ends, x, name=request.name)
    if request.weights is None:
        return model
    model.load_weights(
        request.weights if request.weights != "imagenet" else fetch(public, request.include_top, variant)
    )
    return model


# --- pieces -------------------------------------------------------------------------------------------------------


def divisible(value: float, divisor: int = 8, smallest: int | None = None, tenth: bool = True) -> int:
    """The multiple of `divisor` nearest to `value`; with `tenth`, never more than a tenth below it."""
    nearest = max(smallest or divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if tenth and nearest < 0.9 * value else nearest


def stride_padding(x: Any, kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The zeros before and after rows and columns that a window moving by two needs: fewer before an even size."""
    before = [kernel // 2 - (1 - size % 2 if size is not None else 1) for size in image_size(x)]
    height, width = ((one, kernel // 2) for one in before)
    return height, width


def squeeze_excite(x: Any, filters: int, reduced: int, prefix: str, initializer: Any) -> Any:
    """Each channel scaled by what all channels' means say.   Hu et al., 2018, *Squeeze-and-Excitation Networks*"""
    shape = (1, 1, filters) if channel_axis() == 3 else (filters, 1, 1)
    se = layers.GlobalAveragePooling2D(name=prefix + "se_squeeze")(x)
    se = layers.Reshape(shape, name=prefix + "se_reshape")(se)
    for units, activation, name in ((reduced, "silu", "se_reduce"), (filters, "sigmoid", "se_expand")):
        se = layers.Conv2D(
            units, 1, padding="same", activation=activation, kernel_initializer=initializer, name=prefix + name
        )(se)
    return layers.multiply([x, se], name=prefix + "se_excite")
