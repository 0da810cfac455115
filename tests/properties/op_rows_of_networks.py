"""Rows for the functions of `ops` that networks and images need."""

from __future__ import annotations

from typing import Any

import numpy as np

from .op_rows import Kind
from .strategies import FLOATS, Draw

__all__ = ["IMAGE_ROWS", "ROWS", "convolution", "window"]


def _layout(d: Draw, shape: tuple[int, ...]) -> tuple[tuple[int, ...], dict[str, str]]:
    """The shape of (batch, *space, channels) in a layout, and the option that says which."""
    layout = d.pick("channels_last", "channels_last", "channels_first")
    if layout == "channels_first":
        shape = (shape[0], shape[-1], *shape[1:-1])
    return shape, {"data_format": layout} if layout == "channels_first" or d.flag() else {}


def window(d: Draw, rank: int, dilated: bool = True, causal: bool = False) -> dict[str, Any]:
    """Strides, padding and dilation; sometimes both more than 1, which is refused."""
    options = d.some(strides=d.per_axis(rank, 1, 3), padding=d.pick("valid", "same", *(["causal"] * causal)))
    if dilated and (options.get("strides", 1) in (1, (1,) * rank) or d.pick(False, False, False, True)):
        options |= d.some(dilation_rate=d.per_axis(rank, 1, 2))
    return options


def convolution(d: Draw, rank: int) -> tuple[Any, Any, dict[str, Any]]:
    """Shape of images, shape of windows, the layout's option."""
    batch, channels = d.pick(1, 2), d.pick(1, 2, 4)
    space = tuple(d.pick(4, 5, 6) for _ in range(rank))
    shape, layout = _layout(d, (batch, *space, channels))
    size = tuple(d.whole(1, 3) for _ in range(rank))
    return (shape, channels), size, layout


def _conv(d: Draw) -> Any:
    rank = d.pick(2, 1, 3)
    (shape, channels), size, layout = convolution(d, rank)
    groups = d.pick(1, channels)
    kernel = d.floats(*size, channels // groups, groups * d.pick(1, 2))
    return (d.floats(*shape), kernel), window(d, rank) | layout


def _depthwise(d: Draw, separable: bool = False) -> Any:
    rank = d.pick(2, 1)
    (shape, channels), size, layout = convolution(d, rank)
    many = d.pick(1, 2)
    options = window(d, rank) | layout
    if isinstance(options.get("strides"), tuple) and len(set(options["strides"])) > 1:
        options["strides"] = 2  # one for all axes, as Keras's depthwise convolution asks
    point = [d.floats(*(1,) * rank, channels * many, d.pick(1, 3))] if separable else []
    return (d.floats(*shape), d.floats(*size, channels, many), *point), options


def _transposed(d: Draw) -> Any:
    rank = d.pick(2, 1, 3)
    (shape, channels), size, layout = convolution(d, rank)
    options = window(d, rank)
    if (strides := options.get("strides")) is not None and np.min(strides) > 1:
        options |= d.some(output_padding=d.pick(0, 1))
    return (d.floats(*shape), d.floats(*size, d.pick(1, 2), channels)), options | layout


def _pool(d: Draw) -> Any:
    rank = d.pick(2, 1, 3)
    (shape, _), _, layout = convolution(d, rank)
    return (d.floats(*shape), d.per_axis(rank, 1, 3)), window(d, rank, dilated=False) | layout


def _adaptive(d: Draw) -> Any:
    rank = d.pick(2, 1, 3)
    (shape, _), _, layout = convolution(d, rank)
    return (d.floats(*shape), d.per_axis(rank, 1, 4)), layout


def _batch_norm(d: Draw) -> Any:
    shape = d.shape(2)
    axis = d.axis(len(shape))
    n = shape[axis]
    options = d.some(offset=d.floats(n), scale=d.floats(n), epsilon=d.real(0.001, 0.2))
    return (d.floats(*shape), d.floats(n), d.floats(n, low=0.1), axis), options


def _layer_norm(d: Draw) -> Any:
    shape = d.shape(1, 3, (2, 3, 4))
    if d.flag():
        axis, sizes = -1, shape[-1:]
    else:
        first = d.whole(0, len(shape) - 1)
        axis, sizes = tuple(range(first, len(shape))), shape[first:]
    options = d.some(gamma=d.floats(*sizes), beta=d.floats(*sizes), epsilon=d.real(0.001, 0.2))
    return (d.floats(*shape),), options | {"axis": axis}


def _rms(d: Draw) -> Any:
    shape = d.shape(1, 3)
    options = d.some(scale=d.floats(shape[-1]), epsilon=d.real(0.001, 0.2))
    return (d.floats(*shape),), options if "scale" in options else options | d.some(axis=d.axis(len(shape)))


def _moments(d: Draw) -> Any:
    shape = d.shape(1)
    axes = d.axes(len(shape))
    axes = tuple(range(len(shape))) if axes is None else axes
    return (d.tensor(*shape, dtypes=FLOATS), d.pick(axes, [axes] if isinstance(axes, int) else list(axes))), d.some(
        keepdims=d.flag()
    )


def _normalize(d: Draw) -> Any:
    shape = d.shape(1)
    return (d.floats(*shape),), d.some(axis=d.axis(len(shape)), order=d.pick(1, 2, 3, 2.5), epsilon=1e-3)


def _distributions(d: Draw, axis: int, shape: tuple[int, ...]) -> Any:
    e = np.exp(d.floats(*shape))
    return (e / e.sum(axis, keepdims=True)).astype("float32")


def _categorical(d: Draw) -> Any:
    shape = (*d.shape(0, 2), d.pick(2, 3))
    axis = d.pick(-1, 0) if len(shape) > 1 and shape[0] > 1 else -1
    logits = d.flag()
    output = d.floats(*shape) if logits else d.floats(*shape, low=0.05)
    return (_distributions(d, axis, shape), output), {"axis": axis} | ({"from_logits": True} if logits else {})


def _sparse(d: Draw) -> Any:
    shape, n, logits = d.shape(0, 2), d.pick(2, 3), d.flag()
    output = d.floats(*shape, n) if logits else d.floats(*shape, n, low=0.05)
    return (d.integers(*shape, low=0, high=n), output), {"from_logits": True} if logits else {}


def _binary(d: Draw) -> Any:
    shape, logits = d.shape(), d.flag()
    output = 3 * d.floats(*shape) if logits else d.floats(*shape, low=0, high=1)
    return (d.floats(*shape, low=0, high=1), np.float32(output)), {"from_logits": True} if logits else {}


def _attention(d: Draw) -> Any:
    batch, t, s, size = d.pick(1, 2), d.pick(2, 3), d.pick(3, 4), d.pick(2, 4)
    heads = d.pick((2, 2), (1, 1), (4, 2))
    causal = d.flag()
    if causal:
        s = t
    options = d.some(scale=d.real(0.1, 1), attn_logits_soft_cap=d.real(1, 5)) | ({"is_causal": True} if causal else {})
    options |= d.some(bias=d.floats(batch, heads[0], t, s))
    if d.flag():
        mask = d.booleans(batch, d.pick(1, heads[0]), t, s)
        mask[..., 0] = True
        options["mask"] = mask
    q = d.floats(batch, t, heads[0], size)
    return (q, d.floats(batch, s, heads[1], size), d.floats(batch, s, heads[1], size)), options


def _ctc(d: Draw) -> Any:
    batch, steps, classes, most = d.pick(1, 2), d.pick(5, 6), d.pick(3, 4), 2
    return (
        d.integers(batch, most, low=1, high=classes), d.floats(batch, steps, classes),
        d.integers(batch, low=0, high=most + 1), d.integers(batch, low=5, high=steps + 1),
    ), {}  # fmt: skip


def _decode(d: Draw) -> Any:
    batch, steps, classes = d.pick(1, 2), d.pick(3, 5), d.pick(3, 4)
    greedy = d.flag()
    options = d.some(merge_repeated=d.flag(), mask_index=d.pick(0, classes - 1))
    if not greedy:
        options = {"strategy": "beam_search", "beam_width": d.pick(3, 5), "top_paths": d.pick(1, 2)}
    return (d.floats(batch, steps, classes), d.integers(batch, low=1, high=steps + 1)), options


def _image(d: Draw, channels: Any = (1, 3), floats: Any = ("float32",), least: int = 4) -> Any:
    batch = () if d.pick(False, False, True) else (d.pick(1, 2),)
    shape = (*batch, d.pick(least, least + 1), d.pick(least, least + 2), d.pick(*channels))
    layout = {}
    if d.pick(False, False, True):
        shape, layout = (*batch, shape[-1], *shape[-3:-1]), {"data_format": "channels_first"}
    if d.pick(*floats) == "uint8":
        return d.integers(*shape, low=0, high=256, dtype="uint8"), layout
    return d.floats(*shape, low=0.02, high=0.98), layout


def _resize(d: Draw) -> Any:
    image, layout = _image(d)
    aspect = d.pick({}, {}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 0.5})
    method = d.pick("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
    return (image, d.pick((3, 7), (8, 2), (4, 4), (9, 9))), d.some(interpolation=method, antialias=d.flag()) | (
        layout | aspect
    )


def _affine(d: Draw) -> Any:
    image, layout = _image(d)
    n = (image.shape[0],) if image.ndim == 4 else ()
    maps = d.floats(*n, 8) * 0.2 + np.array([1, 0, 1, 0, 1, -1, 0, 0])
    maps *= np.array([1] * 6 + [0] * 2)  # Keras forgets the denominator: its law is in tests/ops/test_image.py
    options = d.some(interpolation=d.pick("bilinear", "nearest"), fill_value=d.pick(0, 0.5),
                     fill_mode=d.pick("constant", "nearest", "wrap", "mirror", "reflect"))  # fmt: skip
    return (image, maps.astype("float32")), options | layout


def _perspective(d: Draw) -> Any:
    image, layout = _image(d)
    n = (image.shape[0],) if image.ndim == 4 else ()
    corners = np.array([[0, 0], [0, 4], [4, 0], [4, 4]])
    start, end = ((corners + d.floats(*n, 4, 2, low=0, high=1)).astype("float32") for _ in range(2))
    return (image, start, end), d.some(interpolation=d.pick("bilinear", "nearest"), fill_value=d.pick(0, 1)) | layout


def _patches(d: Draw, rank: int = 2) -> Any:
    shape = (d.pick(1, 2), *(d.pick(4, 5) for _ in range(rank)), d.pick(1, 2))
    options = d.some(strides=d.per_axis(rank, 1, 2), padding=d.pick("valid", "same"))
    if "strides" not in options and rank == 2:
        options |= d.some(strides=1, dilation_rate=d.pick(1, 2)) if d.flag() else {}
    return (d.floats(*shape), d.per_axis(rank, 1, 3)), options


def _framed(d: Draw, grow: bool) -> Any:
    image, layout = _image(d)
    height, width = (image.shape[-2:] if layout else image.shape[-3:-1])  # fmt: skip
    a, b, c, e = (d.whole(0, 2 if grow else 1) for _ in range(4))
    ends = ("padding", "cropping")[not grow]
    options = {f"top_{ends}": a, f"left_{ends}": b}
    sign = 1 if grow else -1
    if d.flag():
        options |= {f"bottom_{ends}": c, f"right_{ends}": e}
    else:
        options |= {"target_height": height + sign * (a + c), "target_width": width + sign * (b + e)}
    return (image,), options | layout


def _coordinates(d: Draw) -> Any:
    shape = d.shape(1, 3, (3, 4))
    where = (np.round(d.rng.uniform(-6, 8, (len(shape), *d.shape(1, 2))) * 2) / 2).astype("float32")
    return (d.floats(*shape), where, d.pick(0, 1)), d.some(
        fill_mode=d.pick("constant", "nearest", "wrap", "mirror", "reflect"), fill_value=d.pick(0, 2)
    )


def _scaled(d: Draw) -> Any:
    image = d.floats(d.pick(1, 2), 4, 5, 3)
    method = d.pick("linear", "bicubic", "lanczos3", "lanczos5")
    scale, shift = d.floats(2, low=0.5, high=2.0), d.floats(2)
    return (image, (image.shape[0], d.pick(3, 6), 5, 3), scale, shift, (1, 2), method), d.some(antialias=d.flag())


def _ssim(d: Draw) -> Any:
    image, layout = _image(d, least=7)
    options = d.some(max_val=2.0, filter_sigma=d.real(0.5, 2), k1=0.02, k2=0.05)
    other = np.clip(image + 0.2 * d.floats(*image.shape), 0, 1).astype("float32")
    return (image, other), options | layout | {"filter_size": d.pick(3, 5)}


def _one_image(channels: Any = (1, 3), **options: Any) -> Any:
    def make(d: Draw) -> Any:
        image, layout = _image(d, channels)
        return (image,), layout | d.some(**{k: f(d) for k, f in options.items()})

    return make


def _blur(d: Draw) -> Any:
    """Square, with channels first: Keras on JAX swaps height and width, and mixes channels that come last."""
    image = d.floats(*d.pick((), (d.pick(1, 2),)), d.pick(1, 3), d.pick(4, 6), d.pick(5, 6), low=0)
    sizes = d.some(kernel_size=(d.pick(3, 4, 5),) * 2, sigma=(d.real(0.5, 2),) * 2)
    return (image,), {"data_format": "channels_first", **sizes}


ROWS = [
    Kind("conv", _conv, tolerance=3),
    Kind("depthwise_conv", _depthwise, tolerance=3),
    Kind("separable_conv", lambda d: _depthwise(d, True), tolerance=3),
    Kind("conv_transpose", _transposed, tolerance=3),
    Kind("max_pool average_pool", _pool),
    Kind("adaptive_max_pool adaptive_average_pool", _adaptive),
    Kind("batch_normalization", _batch_norm, tolerance=3),
    Kind("layer_normalization", _layer_norm, tolerance=10),
    Kind("rms_normalization", _rms, tolerance=10),
    Kind("moments", _moments),
    Kind("normalize", _normalize, tolerance=3),
    Kind("categorical_crossentropy", _categorical, tolerance=3),
    Kind("sparse_categorical_crossentropy", _sparse, tolerance=3),
    Kind("binary_crossentropy", _binary, tolerance=3),
    Kind("dot_product_attention", _attention, tolerance=5),
    Kind("ctc_loss", _ctc, tolerance=5),
    Kind("ctc_decode", _decode, gradient=False),
]
IMAGE_ROWS = [
    Kind("rgb_to_grayscale", _one_image((3,))),
    Kind("rgb_to_hsv hsv_to_rgb", _one_image((3,)), tolerance=3),
    Kind("resize", _resize, tolerance=3),
    Kind("affine_transform", _affine, gradient=False, tolerance=20),
    Kind("perspective_transform", _perspective, gradient=False, tolerance=20),
    Kind("extract_patches", _patches),
    Kind("extract_patches_3d", lambda d: _patches(d, 3)),
    Kind("pad_images", lambda d: _framed(d, True)),
    Kind("crop_images", lambda d: _framed(d, False)),
    Kind("map_coordinates", _coordinates),
    Kind("scale_and_translate", _scaled, tolerance=3),
    Kind("gaussian_blur", _blur, tolerance=3),
    Kind("elastic_transform", _one_image(alpha=lambda d: d.real(1, 10), sigma=lambda d: d.real(0.5, 3), seed=Draw.flag,
                                         interpolation=lambda d: d.pick("bilinear", "nearest")),
         gradient=False, traced=False, tolerance=50),
    Kind("sobel_edges", _one_image()),
    Kind("ssim", _ssim, tolerance=5),
]  # fmt: skip
