"""Which inputs meet which weights in a neuron's sum.

The layer itself is asked: where a sum is linear in the weights, its derivative by a weight is the input that the weight
multiplies. On inputs that are their own positions, 1, 2, 3 …, that derivative is the position. So the receptive field of
a convolution, with its strides, padding, groups and data format, comes from the code that computes it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.pure import Scope, scope
from ...layers import activation as activation_layers
from ...layers import adaptive_pooling, merging, pooling
from ...layers.dense import Dense
from ...layers.separable import SeparableConv1D, SeparableConv2D
from ...ops import symbolic
from ...ops.adaptive_pooling import adaptive_average_pool
from ...ops.conv import conv, depthwise_conv
from ...ops.pooling import average_pool
from .capture import Call
from .compiling import compiled, signature
from .replays import values_of
from .samples import Sample
from .twins import kernel_name, twin_of, without_activation

__all__ = ["ACTIVATIONS", "Terms", "has_terms", "separable_middle", "terms_of"]


@dataclasses.dataclass
class Terms:
    """All products of a neuron.

    Attributes:
        inputs: the inputs, (n,).
        input_places: where each lies in its source, flat; −1 where several are summed before the product.
        shapes: the shapes of the sources.
        sources: the sources' names.
        which: the source of each input, (n,); None: the first.
        weights: what each is multiplied by, (n,); None: nothing.
        weight_places: where each lies in the weight, flat; None: the weights are no variable's.
        weight_shape: the weight's shape.
        weight_name: the weight's name.
        bias: the bias; None without.
        combine: how the products make the sum.
    """

    inputs: np.ndarray
    input_places: np.ndarray
    shapes: list[tuple[int, ...]]
    sources: list[str]
    which: np.ndarray | None = None
    weights: np.ndarray | None = None
    weight_places: np.ndarray | None = None
    weight_shape: tuple[int, ...] = ()
    weight_name: str | None = None
    bias: float | None = None
    combine: str = "sum"

    @property
    def products(self) -> np.ndarray:
        """input · weight, (n,)."""
        return self.inputs if self.weights is None else self.inputs * self.weights

    def _source(self, i: int) -> int:
        return 0 if self.which is None else int(self.which[i])

    def source(self, i: int) -> str:
        """The name of the tensor that input i is an element of."""
        return self.sources[self._source(i)]

    def input_place(self, i: int, sample: Sample) -> tuple[int, ...] | None:
        """Where input i lies in its source, without the batch axis."""
        if self.input_places[i] < 0:
            return None
        shape = self.shapes[self._source(i)]
        return sample.place_within(_unflat(int(self.input_places[i]), shape), shape)

    def weight_place(self, i: int) -> tuple[int, ...] | None:
        """Where weight i lies in its variable."""
        return None if self.weight_places is None else _unflat(int(self.weight_places[i]), self.weight_shape)


def _unflat(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(p) for p in np.unravel_index(place, shape)) if shape else ()


ACTIVATIONS = tuple(getattr(activation_layers, name) for name in activation_layers.__all__)
_MAXIMA = (
    pooling.MaxPooling1D, pooling.MaxPooling2D, pooling.MaxPooling3D, pooling.GlobalMaxPooling1D,
    pooling.GlobalMaxPooling2D, pooling.GlobalMaxPooling3D, adaptive_pooling.AdaptiveMaxPooling1D,
    adaptive_pooling.AdaptiveMaxPooling2D, adaptive_pooling.AdaptiveMaxPooling3D,
)  # fmt: skip
_POOLING = (*(getattr(m, n) for m in (pooling, adaptive_pooling) for n in m.__all__),)
_MERGES: dict[Any, str] = {
    merging.Add: "sum", merging.Subtract: "sum", merging.Average: "sum", merging.Multiply: "product",
    merging.Maximum: "max", merging.Minimum: "min", merging.Concatenate: "sum",
}  # fmt: skip


def _is(layer: Any, classes: Any) -> bool:
    """Whether the layer computes what one of the classes does."""
    return any(isinstance(layer, cls) and type(layer).call is cls.call for cls in classes)


def has_terms(call: Call) -> bool:
    """Whether the neurons of this call can be written as products."""
    layer = call.layer
    known = kernel_name(layer) is not None or _is(layer, (*ACTIVATIONS, *_POOLING, *_MERGES))
    return known and len(call.leaves) == 1 and jnp.issubdtype(call.leaves[0].dtype, jnp.floating)


def terms_of(call: Call, place: tuple[int, ...]) -> Terms | None:
    """The products of the neuron at `place` of the output, batch axis included; None for other layers."""
    layer = call.layer
    xs = [a for a in symbolic.flatten(call.args) if hasattr(a, "shape")]
    if kernel_name(layer) is not None:
        return _weighted(call, xs[0], place)
    if _is(layer, ACTIVATIONS):
        flat = np.ravel_multi_index(place, xs[0].shape) if place else 0
        return Terms(_wide(xs[0][place]).reshape(1), np.array([flat]), [xs[0].shape], ["x"])
    if _is(layer, _POOLING):
        return _pooled(call, xs[0], place)
    return _merged(layer, xs, place) if _is(layer, _MERGES) else None


def _wide(x: Any) -> np.ndarray:
    """As NumPy, in at least 32 bits."""
    return np.asarray(x).astype(jnp.promote_types(x.dtype, jnp.float32))


# --- weighted sums --------------------------------------------------------------------------------------------------


def _weighted(call: Call, x: Any, place: tuple[int, ...]) -> Terms:
    layer, name = call.layer, kernel_name(call.layer)
    assert name is not None
    variable = getattr(layer, name)
    frame = Scope(closed=False)
    frame.values = dict(call.values)
    with scope(frame):
        used = layer.kernel if name == "_kernel" else variable  # with a low-rank addition, if there is one
        kernel = _wide(jnp.asarray(getattr(used, "value", used)).astype(layer.compute_dtype))
        bias = None if layer.bias is None else _wide(layer.bias.value)
    common = {"weight_shape": tuple(kernel.shape), "weight_name": variable.name}
    if type(layer).call is Dense.call:
        row, unit = _wide(x[place[:-1]]), place[-1]
        start = np.ravel_multi_index((*place[:-1], 0), x.shape)
        return Terms(
            row, start + np.arange(len(row)), [x.shape], ["x"], weights=kernel[:, unit],
            weight_places=np.arange(len(row)) * kernel.shape[1] + unit,
            bias=None if bias is None else float(bias[unit]), **common,
        )  # fmt: skip

    separable = type(layer).call in (SeparableConv1D.call, SeparableConv2D.call)
    source = separable_middle(call) if separable else x
    inputs, places, used, here = _pairs(call, x, source, kernel, bias, place)
    return Terms(
        inputs, places, [source.shape], ["depthwise" if separable else "x"], weights=kernel.ravel()[used],
        weight_places=used, bias=here, **common,
    )  # fmt: skip


def separable_middle(call: Call) -> Any:
    """What the first, depthwise half of a separable convolution gives."""
    layer = call.layer
    x = next(a for a in symbolic.flatten(call.args) if hasattr(a, "shape"))
    kernel = call.values[id(layer.depthwise_kernel)].astype(x.dtype)
    return depthwise_conv(x, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate)


_EXACT = 2**12  # positions are asked for in two digits of this base, which 32-bit floats hold exactly


def _pairs(
    call: Call, x: Any, source: Any, kernel: np.ndarray, bias: np.ndarray | None, place: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float | None]:
    """The inputs that a neuron multiplies, their flat places (−1: several), those of the weights, and the bias."""
    layer, values = call.layer, values_of(call)
    variable = getattr(layer, kernel_name(layer) or "")
    one = np.zeros(call.sum.shape, "float32")
    one[place] = 1

    def work(notes: dict[str, Any], held: list[Any], x: Any, source: Any, kernel: Any, bias: Any, one: Any) -> Any:
        def sums(x: Any, kernel: Any, bias: Any) -> Any:
            frame = Scope(closed=False)
            frame.values = dict(zip(values, held, strict=True)) | {id(variable): kernel}
            if bias is not None:
                frame.values[id(layer.bias)] = bias
            with scope(frame):
                return without_activation(layer).call(x)

        def by_weight(inputs: Any) -> Any:
            def result(w: Any) -> Any:
                if kernel_name(layer) == "pointwise_kernel":
                    return conv(inputs, w, 1, "valid", layer.data_format)
                return sums(inputs, w, bias)

            return jax.grad(lambda w: jnp.vdot(result(w), one))(kernel).ravel()

        with jax.default_matmul_precision("highest"):
            position = np.arange(source.size).reshape(source.shape)
            digits = [by_weight(jnp.asarray(d, "float32")) for d in (position % _EXACT, position // _EXACT)]
            by_bias = None if bias is None else jax.grad(lambda b: jnp.vdot(sums(x, kernel, b), one))(bias)
            return by_weight(jnp.ones(source.shape, "float32")), *digits, by_weight(source), by_bias

    source = jnp.asarray(_wide(source))
    arguments = list(values.values()), jnp.asarray(_wide(x)), source, kernel, bias, one
    results = compiled(layer, ("pairs", signature(arguments)), work)(*arguments)
    count, low, high, inputs = map(np.asarray, results[:4])
    used = np.flatnonzero(count)
    found = np.rint(low[used]).astype("int64") + np.rint(high[used]).astype("int64") * _EXACT
    single = np.rint(count[used]) == 1
    here = None if bias is None else float(np.sum(np.asarray(results[4]) * bias))
    return inputs[used], np.where(single, found, -1), used, here


# --- pooling and merging --------------------------------------------------------------------------------------------


def _pooled(call: Call, x: Any, place: tuple[int, ...]) -> Terms:
    """Each element of the window with its share: 1 for the one that won, 0 for the others, or 1/n."""
    layer = call.layer
    x = jnp.asarray(_wide(x))
    one = np.zeros(call.leaves[0].shape, "float32")
    one[place] = 1

    def work(notes: dict[str, Any], x: Any, one: Any) -> Any:
        mine = jax.grad(lambda x: jnp.vdot(layer.call(x), one))(x)
        window = jax.grad(lambda x: jnp.vdot(_averaged(layer, x), one))(x) if _is(layer, _MAXIMA) else mine
        return mine.ravel(), window.ravel()

    mine, window = map(np.asarray, compiled(layer, ("pool", signature((x, one))), work)(x, one))
    places = np.flatnonzero(window)
    return Terms(np.asarray(x).ravel()[places], places, [x.shape], ["x"], weights=mine[places])


def _averaged(layer: Any, x: Any) -> Any:
    """The averages over the windows whose maxima a layer takes."""
    if isinstance(layer, pooling._GlobalPooling):
        return jnp.mean(x, layer._axes, keepdims=layer.keepdims)
    if isinstance(layer, adaptive_pooling._AdaptivePooling):
        return adaptive_average_pool(x, layer.output_size, layer.data_format)
    return twin_of(layer, _pool=average_pool).call(x)


def _merged(layer: Any, xs: list[Any], place: tuple[int, ...]) -> Terms:
    names = [f"x{i}" for i in range(len(xs))]
    shapes = [tuple(x.shape) for x in xs]
    if isinstance(layer, merging.Concatenate):
        axis = layer.axis % len(place)
        which, at = 0, place[axis]
        while at >= shapes[which][axis]:
            at -= shapes[which][axis]
            which += 1
        inner = (*place[:axis], at, *place[axis + 1 :])
        flat = np.array([np.ravel_multi_index(inner, shapes[which])])
        return Terms(_wide(xs[which][inner]).reshape(1), flat, shapes, names, which=np.array([which]))
    inputs, places = [], []
    for x, shape in zip(xs, shapes, strict=True):
        full = (shape[0], *(1,) * (len(place) - len(shape)), *shape[1:]) if shape else ()
        inner = tuple(0 if size == 1 else p for p, size in zip(place, full, strict=True))
        flat = int(np.ravel_multi_index(inner, full))
        inputs.append(float(_wide(x.reshape(-1)[flat])))
        places.append(flat)
    weights = {
        merging.Add: np.ones(len(xs)), merging.Subtract: np.array([1.0, -1.0]),
        merging.Average: np.full(len(xs), 1 / len(xs)),
    }.get(next(cls for cls in _MERGES if isinstance(layer, cls)))  # fmt: skip
    combine = next(how for cls, how in _MERGES.items() if isinstance(layer, cls))
    return Terms(
        np.array(inputs), np.array(places), shapes, names, which=np.arange(len(xs)), weights=weights, combine=combine
    )
