"""Functions of `ops` in the graph of a saved model, in Keras's spelling: a class for each function.

There, a call is split in two: what a function computes on stands among the call's arguments, what says how it computes
(axes, sizes, modes) in the class's configuration. The tables below say which is which.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .. import ops
from ..core import serialization
from ..core.errors import SerializationError
from ..ops import symbolic

__all__ = ["FunctionCall", "function_of", "spell_call"]

# Names of parameters that hold what a function computes on, whichever function it is.
_TENSORS_WORDS = """inputs x x1 x2 y xs a b start stop step elems target output kernel sequence_lengths target_length
    output_length query key value bias mask operands init_val targets predictions q constant_values abs_ angle
    array init indices values updates sorted_sequence data segment_ids condlist choicelist default
    depthwise_kernel pointwise_kernel start_indices variable index elements condition loop_vars images image1
    image2 transform coordinates start_points end_points"""
_TENSORS = frozenset(_TENSORS_WORDS.split())
# Where a function differs from that.
_ALSO = {
    "average": {"weights"}, "digitize": {"bins"}, "full": {"fill_value"}, "full_like": {"fill_value"},
    "isclose": {"rtol", "atol"}, "scale_and_translate": {"output_shape", "scale", "translation"},
    "dot_product_attention": {"scale"},
}  # fmt: skip
_NOT = {"trapezoid": {"x"}, "squareplus": {"b"}, "slice": set[str]()}
# Keras's modules of the classes; those of the others are in "numpy".
_MODULES = {
    "nn": """adaptive_average_pool adaptive_max_pool average_pool binary_crossentropy categorical_crossentropy celu conv
    conv_transpose ctc_decode ctc_loss depth_to_space depthwise_conv dot_product_attention elu fold gelu glu hard_shrink
    hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid log_softmax max_pool moments multi_hot normalize one_hot polar
    psnr relu relu6 selu separable_conv sigmoid silu soft_shrink softmax softplus softsign space_to_depth
    sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink threshold unfold""",
    "core": "cast convert_to_tensor saturate_cast scatter scatter_update slice slice_update stop_gradient unstack",
    "math": """cdist erf erfc erfinv extract_sequences fft fft2 ifft2 in_top_k irfft istft logdet logsumexp rfft rsqrt
    segment_max segment_min segment_prod segment_sum stft top_k view_as_complex view_as_real""",
    "linalg": """cholesky cholesky_inverse det eig eigh inv lstsq lu_factor matrix_rank norm pinv qr solve
    solve_triangular svd""",
    "image": """rgb_to_grayscale rgb_to_hsv hsv_to_rgb resize affine_transform extract_patches map_coordinates pad_images
    crop_images perspective_transform gaussian_blur elastic_transform scale_and_translate sobel_edges ssim""",
}
_MODULE = {name: module for module, names in _MODULES.items() for name in names.split()}
# Classes that are not called as the words of their functions say.
_CLASSES = {
    "allclose": "AllClose", "cdist": "CDist", "ctc_decode": "CTCDecode", "ctc_loss": "CTCLoss", "fft": "FFT",
    "fft2": "FFT2", "ifft2": "IFFT2", "irfft": "IRFFT", "isin": "IsIn", "istft": "ISTFT", "psnr": "PSNR", "rfft": "RFFT",
    "searchsorted": "SearchSorted", "stft": "STFT", "svd": "SVD", "rgb_to_grayscale": "RGBToGrayscale",
    "rgb_to_hsv": "RGBToHSV", "hsv_to_rgb": "HSVToRGB", "ssim": "SSIM",
}  # fmt: skip
# Functions that Keras makes of others, so that it has no class for them; only ranvier reads graphs with them.
_OWN_WORDS = """batch_normalization layer_normalization rms_normalization rearrange identity eye zeros ones shape dtype ndim
    size keras_mask"""
_OWN = frozenset(_OWN_WORDS.split())
_SYNONYMS: dict[str, str] = {
    "true_divide": "divide", "remainder": "mod", "abs": "absolute",
    "hard_swish": "hard_silu", "swish": "silu", "astype": "cast",
}  # fmt: skip


@functools.cache
def _functions() -> dict[str, Callable[..., Any]]:
    """The functions that files may name, by their classes in Keras."""
    found = {_class_of(name): getattr(ops.image, name) for name in ops.image.__all__}
    found.update(
        {_class_of(name): function for name in ops.__all__ if inspect.isfunction(function := getattr(ops, name))}
    )
    return {
        **found,
        "GetItem": symbolic.get_item,
        "KerasMask": symbolic.keras_mask,
        "TrueDivide": ops.divide,
        "Remainder": ops.mod,
    }


def _class_of(name: str) -> str:
    return _CLASSES.get(name) or "".join(word.capitalize() for word in name.split("_"))


def _called(name: str, function: Callable[..., Any]) -> list[str]:
    """The parameters of a function that hold what it computes on, in their order."""
    wanted = (_TENSORS | _ALSO.get(name, set())) - _NOT.get(name, set())
    return [parameter for parameter in inspect.signature(function).parameters if parameter in wanted]


def spell_call(node: symbolic.Node) -> tuple[dict[str, Any], tuple[Any, ...], dict[str, Any]]:
    """One call of a function: the description of what is called, and the call's arguments, still with tensors.

    Functions that Keras has no class for, and calls that its classes cannot take, are described by name alone.
    """
    name: str = node.operation.function.__name__
    name = _SYNONYMS.get(name, name)
    own = {
        "module": "ranvier.ops",
        "class_name": "FunctionOperation",
        "config": {"function": node.operation.function.__name__, "name": node.operation.name},
        "registered_name": None,
    }
    # Operators of symbolic tensors are functions of their own, with the names of those in `ops`.
    function = _functions().get(_class_of(name))
    if name in _OWN or function is None:
        return own, tuple(node.args), dict(node.kwargs)
    signature = inspect.signature(function)
    bound = signature.bind(*node.args, **node.kwargs)
    called = _called(name, function)
    settings = {k: v for k, v in bound.arguments.items() if k not in called}
    variadic = [p for p in signature.parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if symbolic.any_symbolic(settings) or (variadic and name != "einsum"):
        return own, tuple(node.args), dict(node.kwargs)
    positional: list[Any] = []
    for parameter in called:
        if signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL:
            positional += bound.arguments.get(parameter, ())
        elif parameter in bound.arguments:
            positional.append(bound.arguments[parameter])
        else:
            break
    first = len(positional)
    named = {p: bound.arguments[p] for p in called[first:] if p in bound.arguments}
    described = {
        "module": f"keras.src.ops.{_MODULE.get(name, 'numpy')}",
        "class_name": _class_of(name),
        "config": {**{k: serialization.config_value(v) for k, v in settings.items()}, "name": node.operation.name},
        "registered_name": _class_of(name),
    }
    return described, tuple(positional), named


class FunctionCall:
    """A function of `ops` with its settings, whose calls are remembered as a layer's are."""

    def __init__(
        self, function: Callable[..., Any], settings: dict[str, Any], called: list[str] | None, name: str | None = None
    ):
        self.function = function
        self.name = name
        self._settings = settings
        self._called = called
        self._inbound_nodes: list[Any] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not symbolic.any_symbolic(args, kwargs):  # it would be computed here and now, whatever it costs
            raise SerializationError(
                f"The config calls the function {self.function.__name__!r} on nothing of the graph."
            )
        if (
            self.function is symbolic.get_item and args and isinstance(args[-1], list)
        ):  # as JSON leaves a tuple of slices
            args = (*args[:-1], tuple(args[-1]))
        if self._called is not None and "operands" not in self._called:
            kwargs, args = {**dict(zip(self._called, args, strict=False)), **kwargs}, ()
            first = [name for name in list(inspect.signature(self.function).parameters)[:1] if name in self._called]
            args = tuple(kwargs.pop(name) for name in first if name in kwargs)
        if "operands" in (self._called or ()):
            args = (self._settings["subscripts"], *args)
            outputs = self.function(*args, **kwargs)
        else:
            outputs = self.function(*args, **{**self._settings, **kwargs})
        made = next(t for t in symbolic.flatten(outputs) if symbolic.is_symbolic(t))
        operation = made._keras_history.operation
        operation.name = self.name or operation.name
        self._inbound_nodes.append(operation._inbound_nodes[-1])
        return outputs


def function_of(described: dict[str, Any]) -> FunctionCall | None:
    """The function that a description in a graph stands for; None if it describes a layer.

    Raises:
        SerializationError: a function that `ranvier.ops` does not have.
    """
    config, module = described.get("config") or {}, str(described.get("module") or "")
    if described["class_name"] == "FunctionOperation":
        name = config["function"]
        own_functions = {"get_item": symbolic.get_item, "keras_mask": symbolic.keras_mask}
        if name not in ops.__all__ and name not in own_functions:
            raise SerializationError(
                f"The config names the function {str(name)[:100]!r}, which ranvier.ops does not have."
            )
        return FunctionCall(own_functions.get(name) or getattr(ops, name), {}, None, config.get("name"))
    if not module.startswith("keras.src.ops."):
        return None
    function = _functions().get(described["class_name"])
    if function is None:
        raise SerializationError(
            f"The config names the function {str(described['class_name'])[:100]!r}, which ranvier.ops does not have."
        )
    settings = {k: serialization.deserialize_nested(v) for k, v in config.items() if k not in ("name", "dtype")}
    if "dtype" in inspect.signature(function).parameters and "dtype" in config:
        settings["dtype"] = config["dtype"]
    called = _called(_SYNONYMS.get(function.__name__, function.__name__), function)
    return FunctionCall(function, settings, called, config.get("name"))
