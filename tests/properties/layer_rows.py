"""Rows for layers: constructor arguments and inputs by chance. Here those without time: dense to merging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .op_rows_of_networks import convolution, window
from .strategies import Draw

__all__ = ["ROWS", "Call", "Inner", "Row", "activation", "weights_options"]


@dataclass(frozen=True)
class Inner:
    """A layer inside another's arguments, to be made by each package for itself."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A layer's constructor arguments, its inputs, and what it is called with besides."""

    arguments: dict[str, Any]
    inputs: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    adapt: Any = None  # data to adapt to


Row = Callable[[Draw], Call]

_ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "softplus", "elu", "linear", "hard_sigmoid", "silu", "mish")


def activation(d: Draw) -> str:
    """Names of activations."""
    return d.pick(*_ACTIVATIONS)


def weights_options(d: Draw, *kinds: str) -> dict[str, Any]:
    """Regularisers of some of the weights."""
    return d.some(**{f"{kind}_regularizer": d.pick("l1", "l2") for kind in kinds})


def _dense(d: Draw) -> Call:
    options = d.some(activation=activation(d), use_bias=d.flag(), lora_rank=d.pick(1, 2))
    return Call({"units": d.pick(1, 3), **options, **weights_options(d, "kernel", "bias")}, (d.floats(*d.shape(2)),))


def _einsum(d: Draw) -> Call:
    equation, output, shape, biases = d.pick(
        ("abc,cd->abd", (None, 4), (2, 5, 3), ("d", "bd")),
        ("ab,bc->ac", 4, (2, 3), ("c",)),
        ("...x,xy->...y", 4, (2, 5, 3), ("y",)),
        ("ab...,bc->ac...", (4, None), (2, 5, 3), ("c",)),
        ("abc,cde->abde", (None, 2, 3), (2, 5, 3), ("e", "de")),
        ("abcd,cde->abe", (None, 4), (2, 5, 2, 3), ("e", "b")),
    )
    options = d.some(bias_axes=d.pick(*biases), activation=activation(d))
    return Call({"equation": equation, "output_shape": output, **options}, (d.floats(*shape),))


def _embedding(d: Draw, **more: Callable[[Draw], Any]) -> Call:
    n = d.pick(3, 5)
    options = d.some(mask_zero=d.flag(), **{k: f(d) for k, f in more.items()})
    return Call({"input_dim": n, "output_dim": d.pick(1, 3), **options},
                (d.integers(*d.shape(1, 3), low=0, high=n),))  # fmt: skip


def _plain(low: int = 1, **options: Callable[[Draw], Any]) -> Row:
    return lambda d: Call(d.some(**{k: f(d) for k, f in options.items()}), (d.floats(*d.shape(low)),))


def _axis(low: int, *others: str, several: bool = True, needed: dict[str, Any] | None = None) -> Row:
    """A layer with an axis (never the batch's), and with other numbers or switches."""

    def make(d: Draw) -> Call:
        shape = d.shape(low, 3, (2, 3, 4))
        rank = len(shape)
        axis: Any = d.whole(1, rank - 1)
        if several and rank > 2 and d.flag():
            axis = list(range(1, rank))
        elif d.flag():
            axis -= rank
        options = {"epsilon": d.real(0.001, 0.1)} | {k: d.flag() for k in others if k != "epsilon"}
        return Call(d.some(axis=axis, **{k: options[k] for k in others}) | (needed or {}), (d.floats(*shape),))

    return make


def _batch_norm(d: Draw) -> Call:
    call = _axis(2, "epsilon", "center", "scale", several=False)(d)
    training = d.flag()
    more = d.some(momentum=d.pick(0.5, 0.9), renorm=True) if training else {}
    options = {"training": training}
    x = call.inputs[0]
    if training and d.pick(False, True) and "axis" not in call.arguments:
        mask = d.booleans(*x.shape[:-1])
        mask[0] = True
        options["mask"] = mask
    return Call(call.arguments | more, call.inputs, options)


def _group_norm(d: Draw) -> Call:
    groups = d.pick(1, 2, -1)
    shape = (2, *d.shape(1, 2, (2, 4)), 4)
    axis = d.whole(1, len(shape) - 1)
    options = d.some(axis=axis, epsilon=d.real(0.001, 0.1), center=d.flag(), scale=d.flag())
    return Call({"groups": groups, **options}, (d.floats(*shape),))


def _conv(rank: int, kind: str) -> Row:
    def make(d: Draw) -> Call:
        (shape, channels), size, layout = convolution(d, rank)
        options = window(d, rank, causal=rank == 1 and kind == "conv") | layout
        if kind in ("depthwise", "separable") and isinstance(options.get("strides"), tuple):
            options["strides"] = max(options["strides"])
        arguments: dict[str, Any] = {"kernel_size": d.pick(size, size[0])} | options
        arguments |= d.some(activation=activation(d), use_bias=d.flag())
        if kind != "depthwise":
            groups = d.pick(1, channels) if kind == "conv" and d.flag() else 1
            arguments["filters"] = d.pick(1, 2) * groups
            arguments |= {"groups": groups} if groups > 1 else {}
        if kind in ("depthwise", "separable"):
            arguments |= d.some(depth_multiplier=d.pick(1, 2))
            arguments |= weights_options(d, "depthwise")
        else:
            arguments |= weights_options(d, "kernel")
        if kind == "transposed" and np.min(options.get("strides", 1)) > 1:
            arguments |= d.some(output_padding=d.pick(0, 1))
        return Call(arguments, (d.floats(*shape),))

    return make


def _pool(rank: int) -> Row:
    def make(d: Draw) -> Call:
        (shape, _), _, layout = convolution(d, rank)
        return Call({"pool_size": d.per_axis(rank, 1, 3)} | window(d, rank, dilated=False) | layout,
                    (d.floats(*shape),))  # fmt: skip

    return make


def _spaces(rank: int, **arguments: Callable[[Draw], Any]) -> Row:
    """A layer on spatial inputs with a data format and other arguments."""

    def make(d: Draw) -> Call:
        (shape, _), _, layout = convolution(d, rank)
        return Call({k: f(d) for k, f in arguments.items()} | layout, (d.floats(*shape),))

    return make


def _edges(rank: int, name: str, layout: bool = True) -> Row:
    def make(d: Draw) -> Call:
        call = _spaces(rank)(d)
        pairs = tuple((d.whole(0, 2), d.whole(0, 2)) for _ in range(rank))
        amount = d.pick(1, pairs[0] if rank == 1 else tuple(a for a, _ in pairs), pairs[0] if rank == 1 else pairs)
        arguments = call.arguments if layout else {}
        return Call(d.some(**{name: amount}) | arguments, call.inputs)

    return make


def _adaptive(rank: int) -> Row:
    return _spaces(rank, output_size=lambda d: d.per_axis(rank, 1, 4))


def _flatten(d: Draw) -> Call:
    return Call(d.some(data_format=d.pick("channels_first", "channels_last")), (d.floats(*d.shape(1, 4)),))


def _reshape(d: Draw) -> Call:
    shape = d.shape(2, 3)
    n = int(np.prod(shape[1:]))
    return Call({"target_shape": d.pick((n,), (-1,), (1, n), (n, -1), (-1, 1, 1))}, (d.floats(*shape),))


def _permute(d: Draw) -> Call:
    shape = d.shape(2, 4)
    return Call({"dims": tuple(i + 1 for i in d.order(len(shape) - 1))}, (d.floats(*shape),))


def _rescaling(d: Draw) -> Call:
    shape = d.shape(2)
    scale = d.pick(0.5, d.floats(shape[-1]).tolist())
    return Call({"scale": scale, **d.some(offset=d.pick(-1.0, d.floats(shape[-1]).tolist()))},
                (d.tensor(*shape, dtypes=("float32", "int32", "uint8")),))  # fmt: skip


def _merge(least: int = 2, most: int = 3) -> Row:
    def make(d: Draw) -> Call:
        shape = d.shape(2, 3, (2, 3))
        shapes = [[shape[0], *(d.pick(n, n, 1) for n in shape[1:])] for _ in range(d.whole(least, most))]
        if len(shape) > 2 and d.pick(False, False, True):
            shapes[1] = [shape[0], *shape[2:]]
        return Call({}, ([d.floats(*s) for s in shapes],))

    return make


def _concatenate(d: Draw) -> Call:
    shape = d.shape(2, 3)
    axis = d.whole(1, len(shape) - 1)
    shapes = [[d.pick(1, 2) if i == axis else n for i, n in enumerate(shape)] for _ in range(d.whole(1, 3))]
    return Call({"axis": axis - d.pick(0, len(shape))}, ([d.floats(*s) for s in shapes],))


def _dot(d: Draw) -> Call:
    k, batch = d.pick(2, 3), d.pick(1, 2)
    first, second, axes = d.pick(
        ((batch, k), (batch, k), d.pick(1, -1, (1, 1))),
        ((batch, 4, k), (batch, k, 5), (2, 1)),
        ((batch, k, 4), (batch, 5, k), (1, 2)),
        ((batch, 4, k), (batch, k), (-1, -1)),
        ((batch, k, 4), (batch, k, 2), 1),
    )
    return Call({"axes": axes, **d.some(normalize=d.flag())}, ([d.floats(*first), d.floats(*second)],))


def _prelu(d: Draw) -> Call:
    shape = d.shape(2, 4)
    shared = [a for a in range(1, len(shape)) if d.flag()]
    return Call(({"shared_axes": shared} if shared else {}) | {"alpha_initializer": "ones"}, (d.floats(*shape),))


def _masking(d: Draw) -> Call:
    return Call(d.some(mask_value=d.pick(1.0, 0.0)), (d.integers(*d.shape(2, 3), low=0, high=2).astype("float32"),))


def _dropout(low: int = 1, high: int = 3, quiet: float = 0.0, name: str = "rate") -> Row:
    """Random when training, which is tested by laws; here what is certain: no training, or nothing to drop."""

    def make(d: Draw) -> Call:
        training = d.flag()
        rate = quiet if training else d.pick(0.1, 0.5)
        return Call({name: rate, **d.some(seed=3)}, (d.floats(*d.shape(low, high)),), {"training": training})

    return make


def _spectral(d: Draw) -> Call:
    inner, shape = d.pick((Inner("Dense", {"units": 2}), (2, 3)),
                          (Inner("Conv2D", {"filters": 2, "kernel_size": 2}), (1, 4, 4, 2)))  # fmt: skip
    return Call({"layer": inner, **d.some(power_iterations=d.pick(1, 2))}, (d.floats(*shape),),
                {"training": d.flag()})  # fmt: skip


RANKS = (1, 2, 3)
ROWS: dict[str, Row] = {
    "Dense": _dense,
    "EinsumDense": _einsum,
    "Embedding": lambda d: _embedding(d, lora_rank=lambda d: 1),
    "ReversibleEmbedding": lambda d: _embedding(d, tie_weights=Draw.flag),
    "Activation": lambda d: Call({"activation": activation(d)}, (d.floats(*d.shape(1)),)),
    "ReLU": _plain(max_value=lambda d: d.real(0.5, 2), negative_slope=lambda d: d.real(0, 1),
                   threshold=lambda d: d.real(0, 0.5)),
    "LeakyReLU": _plain(negative_slope=lambda d: d.real(0, 1)),
    "ELU": _plain(alpha=lambda d: d.real(0.1, 2)),
    "PReLU": _prelu,
    "Softmax": _axis(2),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _axis(2, "epsilon", "center", "scale"),
    "RMSNormalization": _axis(2, "epsilon"),
    "UnitNormalization": _axis(2),
    "GroupNormalization": _group_norm,
    "SpectralNormalization": _spectral,
    **{f"Conv{r}D": _conv(r, "conv") for r in RANKS},
    **{f"Conv{r}DTranspose": _conv(r, "transposed") for r in RANKS},
    **{f"DepthwiseConv{r}D": _conv(r, "depthwise") for r in (1, 2)},
    **{f"SeparableConv{r}D": _conv(r, "separable") for r in (1, 2)},
    **{f"{kind}Pooling{r}D": _pool(r) for r in RANKS for kind in ("Max", "Average")},
    **{f"Global{kind}Pooling{r}D": _spaces(r, keepdims=Draw.flag) for r in RANKS for kind in ("Max", "Average")},
    **{f"Adaptive{kind}Pooling{r}D": _adaptive(r) for r in RANKS for kind in ("Max", "Average")},
    **{f"ZeroPadding{r}D": _edges(r, "padding") for r in RANKS},
    **{f"Cropping{r}D": _edges(r, "cropping", layout=r > 1) for r in RANKS},
    "UpSampling1D": lambda d: Call(d.some(size=d.whole(1, 3)), (d.floats(*d.shape(3, 3)),)),
    "UpSampling2D": lambda d: (lambda c, m: Call(
        c.arguments | ({"interpolation": m, "size": 2} if m else {}), c.inputs))(
            _spaces(2, size=lambda d: d.per_axis(2, 1, 3))(d), d.pick(None, "nearest", "bilinear", "bicubic")),
    "UpSampling3D": _spaces(3, size=lambda d: d.per_axis(3, 1, 2)),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": lambda d: Call({"n": d.whole(1, 3)}, (d.floats(*d.shape(2, 2)),)),
    "Identity": _plain(),
    "Rescaling": _rescaling,
    "Masking": _masking,
    "ActivityRegularization": _plain(l1=lambda d: d.real(0, 1), l2=lambda d: d.real(0, 1)),
    "Dropout": _dropout(),
    "AlphaDropout": _dropout(),
    "GaussianDropout": _dropout(),
    "GaussianNoise": _dropout(name="stddev"),
    **{f"SpatialDropout{r}D": _dropout(r + 2, r + 2) for r in RANKS},
    **{name: _merge() for name in ("Add", "Average", "Maximum", "Minimum", "Multiply")},
    "Subtract": _merge(2, 2),
    "Concatenate": _concatenate,
    "Dot": _dot,
}  # fmt: skip
