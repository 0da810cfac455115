"""ConvNeXt: a convolutional network with the habits of Transformers.

Liu et al., 2022, *A ConvNet for the 2020s*, section 2 and figure 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import layers
from ..initializers import Constant
from ..layers.base import Layer
from ..models.model import Model
from ..models.sequential import Sequential
from .building import Request, channel_axis, documented, make_model, open_input, pool
from .imagenet_utils import decode_predictions, preprocessing

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "LayerScale",
    "decode_predictions", "preprocess_input",
]  # fmt: skip

_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_DEVIATION = (0.229 * 255, 0.224 * 255, 0.225 * 255)


class LayerScale(Layer):
    """Each channel times a weight of its own, small at first.   Touvron et al., 2021, section 3

    Args:
        init_values: what the weights begin with.
        projection_dim: the number of channels.
    """

    keras_module = "keras.src.applications.convnext"

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, _: Any) -> None:
        """Make the weights, (channels,)."""
        self.gamma = self.add_weight((self.projection_dim,), Constant(self.init_values))

    def call(self, x: Any) -> Any:
        """γ x."""
        return x * self.gamma.value


def _norm(name: str | None = None) -> Any:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _block(x: Any, filters: int, name: str) -> Any:
    """A wide window in each channel, then a small perceptron at each place."""
    inputs = x
    x = layers.Conv2D(filters, 7, padding="same", groups=filters, name=name + "_depthwise_conv")(x)
    x = _norm(name + "_layernorm")(x)
    x = layers.Dense(4 * filters, name=name + "_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=name + "_gelu")(x)
    x = layers.Dense(filters, name=name + "_pointwise_conv_2")(x)
    x = LayerScale(1e-6, filters, name=name + "_layer_scale")(x)
    x = layers.Activation("linear", name=name + "_identity")(x)
    return inputs + x


def _features(x: Any, depths: tuple[int, ...], filters: tuple[int, ...], name: str) -> Any:
    # A stage begins with a convolution whose windows do not overlap: of 4 by 4 pixels, then of 2 by 2.
    conv = layers.Conv2D(filters[0], 4, strides=4, name=name + "_stem_conv")
    before = [Sequential([conv, _norm(name + "_stem_layernorm")], name=name + "_stem")]
    for i, width in enumerate(filters[1:]):
        norm = _norm(f"{name}_downsampling_layernorm_{i}")
        conv = layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{i}")
        before.append(Sequential([norm, conv], name=f"{name}_downsampling_block_{i}"))
    for stage, (depth, width) in enumerate(zip(depths, filters, strict=True)):
        x = before[stage](x)
        for block in range(depth):
            x = _block(x, width, f"{name}_stage_{stage}_block_{block}")
    return x


def _variant(kind: str, depths: tuple[int, ...], filters: tuple[int, ...]) -> Callable[..., Model]:
    public, default_name = f"ConvNeXt{kind}", f"convnext_{kind.lower()}"

    def build(
        include_top: bool = True,
        include_preprocessing: bool = True,
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
        inputs = x = open_input(request, 224, 32)
        if include_preprocessing and x.shape[channel_axis()] == 3:
            x = layers.Normalization(
                axis=channel_axis(-1), mean=list(_MEAN), variance=[d**2 for d in _DEVIATION],
                name=name + "_prestem_normalization",
            )(x)  # fmt: skip
        x = _features(x, depths, filters, name)

        def head(x: Any, request: Request) -> Any:
            x = layers.GlobalAveragePooling2D(name=name + "_head_gap")(x)
            x = _norm(name + "_head_layernorm")(x)
            return layers.Dense(classes, activation=classifier_activation, name=name + "_head_dense")(x)

        return make_model(request, inputs, x, public, head, lambda x, pooling: _norm()(pool(x, pooling)))

    more = """
        include_preprocessing: whether the model itself standardises pixels from 0 … 255."""
    return documented(build, public, f"ConvNeXt, size {kind}.", 224, more=more)


ConvNeXtTiny = _variant("Tiny", (3, 3, 9, 3), (96, 192, 384, 768))
ConvNeXtSmall = _variant("Small", (3, 3, 27, 3), (96, 192, 384, 768))
ConvNeXtBase = _variant("Base", (3, 3, 27, 3), (128, 256, 512, 1024))
ConvNeXtLarge = _variant("Large", (3, 3, 27, 3), (192, 384, 768, 1536))
ConvNeXtXLarge = _variant("XLarge", (3, 3, 27, 3), (256, 512, 1024, 2048))
preprocess_input = preprocessing(None, "ConvNeXt")
