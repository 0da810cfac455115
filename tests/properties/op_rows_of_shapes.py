"""Rows for the functions of `ops` that make, move, cut and pick."""

from __future__ import annotations

from typing import Any

import numpy as np

from .op_rows import Kind
from .strategies import DTYPES, Draw

__all__ = ["ROWS"]


def _tensor(d: Draw, low: int = 1, high: int = 3, **options: Any) -> Any:
    return (d.tensor(*d.shape(low, high)),), {k: f(d) for k, f in options.items() if d.flag()}


def _newshape(d: Draw) -> Any:
    shape = d.shape(1)
    size = int(np.prod(shape))
    parts = [n for n in (1, 2, 3) if size % n == 0]
    first = d.pick(*parts)
    return (d.tensor(*shape), d.pick((first, size // first), (-1, first), size, -1, (size,), (first, 1, -1))), {}


def _diagonals(d: Draw) -> Any:
    shape = d.shape(2)
    axes = d.order(len(shape))[:2]
    return (d.tensor(*shape),), d.some(offset=d.whole(-1, 1)) | d.pick({}, {"axis1": axes[0], "axis2": axes[1]})


def _expand(d: Draw) -> Any:
    shape = d.shape(0, 2)
    rank = len(shape)
    return (d.tensor(*shape), d.pick(d.whole(-rank - 1, rank), (0, rank + 1))), {}


def _squeeze(d: Draw) -> Any:
    shape = list(d.shape(1, 2, (2, 3)))
    place = d.whole(0, len(shape))
    shape.insert(place, 1)
    return (d.tensor(*shape),), d.some(axis=d.pick(place, place - len(shape), (place,)))


def _roll(d: Draw) -> Any:
    shape = d.shape(1)
    if len(shape) > 1 and d.flag():
        return (d.tensor(*shape), (1, d.whole(-2, 2))), {"axis": (0, -1)}
    return (d.tensor(*shape), d.whole(-4, 4)), d.some(axis=d.axis(len(shape)))


def _repeat(d: Draw) -> Any:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    if d.flag():
        return (d.tensor(*shape), [d.whole(0, 2) for _ in range(shape[axis])]), {"axis": axis}
    return (d.tensor(*shape), d.whole(1, 3)), d.some(axis=axis)


def _broadcast(d: Draw) -> Any:
    shape = d.shape()
    return (d.tensor(*(d.pick(n, 1) for n in shape[d.whole(0, len(shape)) :])), shape), {}


def _moves(d: Draw) -> Any:
    shape = d.shape(2)
    n = len(shape)
    if d.flag():
        return (d.tensor(*shape), d.axis(n), d.axis(n)), {}
    return (d.tensor(*shape), d.order(n)[:2], d.order(n)[:2]), {}


def _turn(d: Draw) -> Any:
    shape = d.shape(2)
    return (d.tensor(*shape),), d.some(k=d.whole(-3, 5), axes=d.order(len(shape))[:2])


def _flip(d: Draw) -> Any:
    shape = d.shape(1)
    return (d.tensor(*shape),), d.some(axis=d.axes(len(shape)))


def _pad(d: Draw) -> Any:
    shape = d.shape(1, 3, (2, 3))
    width = d.pick(1, (0, 1), tuple((d.whole(0, 1), d.whole(0, 1)) for _ in shape))
    mode = d.pick("constant", "reflect", "symmetric", "edge", "linear_ramp", "maximum", "mean", "wrap")
    return (d.tensor(*shape), width), {"mode": mode} if d.flag() else d.some(constant_values=d.pick(2, 0))


def _together(d: Draw, grow: bool) -> Any:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    shapes = [list(shape) for _ in range(d.whole(1, 3))]
    if grow:
        for s in shapes:
            s[axis] = d.pick(1, 2)
    return ([d.tensor(*s, dtypes=("float32", "int32", "bfloat16", "bool")) for s in shapes],), d.some(axis=axis) if (
        not grow
    ) else {"axis": axis}


def _stacked(d: Draw) -> Any:
    shape = d.shape(1)
    return ([d.tensor(*shape) for _ in range(d.whole(1, 3))],), {}


def _append(d: Draw) -> Any:
    shape = d.shape(1)
    if d.flag():
        return (d.tensor(*shape), d.tensor(*d.shape())), {}
    return (d.tensor(*shape), d.tensor(*shape)), {"axis": d.axis(len(shape))}


def _cuts(d: Draw, rank: int = 1, axis: int | None = None, even: bool = True) -> Any:
    shape = list(d.shape(rank, 3))
    where = d.axis(len(shape)) if axis is None else axis
    shape[where] = 6 if even or d.flag() else 5
    cut = d.pick(1, 2, 3, [2], [1, 4], (2, 3, 3))
    if isinstance(cut, int) and d.pick(False, False, False, True) and even:
        cut = 4  # impossible: both refuse
    return (d.tensor(*shape), cut), {} if axis is not None else {"axis": where}


def _slice(d: Draw, update: bool) -> Any:
    shape = d.shape(1)
    start = tuple(d.whole(0, n - 1) for n in shape)
    size = tuple(d.whole(1, n - s) for n, s in zip(shape, start, strict=True))
    x = d.floats(*shape)
    return (x, start, d.floats(*size) if update else size), {}


def _places(d: Draw, shape: tuple[int, ...], count: int, depth: int) -> np.ndarray:
    return np.stack([d.integers(count, low=0, high=n) for n in shape[:depth]], -1)


def _scatter(d: Draw) -> Any:
    shape = d.shape(1)
    depth, count = d.whole(1, len(shape)), d.whole(1, 4)
    return (_places(d, shape, count, depth), d.floats(count, *shape[depth:]), shape), {}


def _scatter_update(d: Draw) -> Any:
    shape = d.shape(1)
    reduction = d.pick(None, "add", "max", "min", "mul")
    if reduction is None:  # the order of equal places is nobody's promise
        places = np.argwhere(np.ones(shape))[: d.whole(1, 2)].astype("int32")
    else:
        places = _places(d, shape, d.whole(1, 4), len(shape))
    return (d.floats(*shape), places, d.floats(len(places))), {"reduction": reduction} if reduction else {}


def _take(d: Draw) -> Any:
    shape = d.shape(1)
    axis = d.pick(None, d.axis(len(shape)))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    return (d.tensor(*shape), d.integers(*d.shape(0, 2), low=-n, high=n)), {} if axis is None else {"axis": axis}


def _take_along(d: Draw) -> Any:
    shape = d.shape(1)
    if d.pick(False, False, True):
        n = int(np.prod(shape))
        return (d.tensor(*shape), d.integers(d.whole(1, 3), low=-n, high=n)), {}
    axis = d.axis(len(shape))
    places = [d.pick(1, n) for n in shape]
    places[axis] = d.whole(1, 3)
    return (d.tensor(*shape), d.integers(*places, low=-shape[axis], high=shape[axis])), {"axis": axis}


def _key(d: Draw) -> Any:
    shape = d.shape(2)
    keys = (0, -1, slice(None), slice(0, 1), slice(None, None, -1), (0, slice(None)), (Ellipsis, -1), None, [0, 0],
            (slice(None), None, 0))  # fmt: skip
    return (d.tensor(*shape), d.pick(*keys)), {}


def _where(d: Draw) -> Any:
    c, x, y = d.broadcastable(3)
    second = d.pick(d.tensor(*y), 0, 1.5, True)
    return (d.booleans(*c), d.tensor(*x), second), {}


def _select(d: Draw) -> Any:
    shape, n = d.shape(), d.whole(1, 3)
    kinds = ("float32", "int32")
    return (
        [d.booleans(*shape) for _ in range(n)], [d.tensor(*shape, dtypes=kinds) for _ in range(n)],
    ), d.some(default=d.pick(2, 0.5))  # fmt: skip


def _clip(d: Draw) -> Any:
    x, low, high = d.broadcastable(3)
    bounds = (d.real(-1, 0), d.real(0, 1)) if d.flag() else (d.floats(*low) - 1, d.floats(*high) + 1)
    return (d.tensor(*x, dtypes=("float32", "bfloat16", "int32")), *bounds), {}


def _kth(d: Draw) -> Any:
    shape = d.shape(1)
    axis = d.axis(len(shape))
    return (d.floats(*shape), d.whole(0, shape[axis] - 1)), {"axis": axis}


def _partitioned(module: Any) -> Any:
    """The values on either side of the place: the order within a side is nobody's promise."""

    def call(x: Any, kth: int, axis: int) -> Any:
        values = np.moveaxis(np.take_along_axis(x, np.asarray(module.argpartition(x, kth, axis)), axis), axis, -1)
        return np.sort(values[..., :kth]), values[..., kth], np.sort(values[..., kth:])

    return call


def _top(d: Draw) -> Any:
    n = d.pick(2, 4)
    return (d.floats(*d.shape(0, 2), n), d.whole(1, n)), d.some(sorted=True)


def _in_top(d: Draw) -> Any:
    rows, n = d.pick(1, 3), d.pick(2, 4)
    return (d.integers(rows, low=0, high=n), d.floats(rows, n), d.whole(1, n)), {}


def _segments(d: Draw) -> Any:
    rows = d.pick(2, 4)
    ids, ordered = d.integers(rows, low=0, high=3), d.flag()
    options = {"num_segments": d.pick(3, 5)} | ({"sorted": True} if ordered else d.some(sorted=False))
    return (d.tensor(rows, *d.shape(0, 2), dtypes=("float32", "int32")), np.sort(ids) if ordered else ids), options


def _unique(d: Draw) -> Any:
    shape = d.shape(1, 2)
    options = d.some(return_index=True, return_inverse=True, return_counts=True, axis=d.axis(len(shape)))
    return (d.integers(*shape, low=0, high=3),), options | d.some(size=4) | d.some(sorted=True)


def _isin(d: Draw) -> Any:
    return (d.integers(*d.shape()), d.integers(*d.shape())), d.some(invert=d.flag())


def _range(d: Draw) -> Any:
    ends = d.pick((d.whole(0, 4),), (d.whole(-2, 2), d.whole(2, 5)), (d.real(0, 1), d.real(2, 3), 0.5), (5, 0, -2))
    return ends, d.some(dtype=d.pick("float32", "int32", "float16"))


def _spaced(d: Draw, low: float, high: float, **more: Any) -> Any:
    ends = (d.real(low, high), d.real(low, high))
    if d.flag():
        first, second = d.broadcastable(2, 2)
        ends = (d.floats(*first, low=low, high=high), d.floats(*second, low=low, high=high))
    options = d.some(num=d.pick(1, 3, 5), endpoint=d.flag(), **more)
    if options.get("retstep"):
        return ends, options
    return ends, options | d.some(dtype=d.pick("float32", "float16"))


def _grids(d: Draw) -> Any:
    return tuple(d.tensor(d.whole(1, 3)) for _ in range(d.whole(1, 3))), d.some(indexing=d.pick("xy", "ij"))


def _made(d: Draw) -> Any:
    return (d.pick(d.shape(), 3),), d.some(dtype=d.pick(*DTYPES))


def _cast(d: Draw) -> Any:
    return (d.tensor(*d.shape()), d.pick("float32", "int32", "bool", "float16", "int8", "bfloat16")), {}


def _saturated(d: Draw) -> Any:
    x = d.floats(*d.shape()) * np.float32(d.pick(1, 300, 1e6, 1e12))
    return (x, d.pick("int8", "uint8", "int32", "float16", "uint16")), {}


def _like(d: Draw) -> Any:
    return (d.tensor(*d.shape()),), d.some(dtype=d.pick("float32", "int32", "bool"))


def _blocks(d: Draw, back: bool) -> Any:
    n, batch, first = d.pick(1, 2, 3), d.pick(1, 2), d.flag()
    space = (d.pick(1, 2), d.pick(1, 2))
    shape = (batch, *space, 2 * n * n) if back else (batch, space[0] * n, space[1] * n, 2)
    if first:
        shape = (shape[0], shape[3], *shape[1:3])
    return (d.tensor(*shape), n), {"data_format": "channels_first"} if first else {}


def _window(d: Draw) -> Any:
    size = d.per_axis(2, 1, 2)
    return size, d.some(dilation=d.per_axis(2, 1, 2), padding=d.per_axis(2, 0, 1), stride=d.per_axis(2, 1, 2))


def _unfold(d: Draw) -> Any:
    size, options = _window(d)
    return (d.floats(d.pick(1, 2), d.pick(1, 3), d.pick(4, 5), d.pick(4, 5)), size), options


def _fold(d: Draw) -> Any:
    size, options = _window(d)
    both = [v if isinstance(v, tuple) else (v, v) for v in (
        size, options.get("dilation", 1), options.get("padding", 0), options.get("stride", 1))]  # fmt: skip
    out = (d.pick(4, 5), d.pick(4, 5))
    count = 1
    for n, k, dilation, p, s in zip(out, *both, strict=True):
        count *= (n + 2 * p - dilation * (k - 1) - 1) // s + 1
    return (d.floats(d.pick(1, 2), d.pick(1, 3) * both[0][0] * both[0][1], count), out, size), options


def _patterns(d: Draw) -> Any:
    pattern, sizes = d.pick(
        ("a b c -> c a b", {}), ("a b c -> a (b c)", {}), ("(a x) b c -> a x b c", {"x": 2}), ("a b c -> b (c a)", {}),
        ("a (b x) c -> (a x) b c", {"x": 2}), ("a ... -> ... a", {}),
    )  # fmt: skip
    return (d.tensor(d.pick(2, 4), d.pick(2, 6), d.pick(1, 3)), pattern), sizes


ROWS = [
    Kind("reshape", _newshape),
    Kind("ravel fliplr flipud", lambda d: _tensor(d, 2)),
    Kind("transpose", lambda d: (lambda s: ((d.tensor(*s),), d.some(axes=d.order(len(s)))))(d.shape(1))),
    Kind("flip", _flip),
    Kind("diagonal trace", _diagonals),
    Kind("diag diagflat", lambda d: _tensor(d, 1, 2, k=lambda d: d.whole(-2, 2))),
    Kind("tril triu", lambda d: _tensor(d, 2, 3, k=lambda d: d.whole(-2, 2))),
    Kind("round", lambda d: _tensor(d, 0, 3, decimals=lambda d: d.whole(-1, 2))),
    Kind("diff", lambda d: (lambda s: ((d.tensor(*s),), d.some(n=d.whole(0, 2), axis=d.axis(len(s)))))(d.shape(1))),
    Kind("nan_to_num", lambda d: ((d.special(*d.shape()),), d.some(nan=1.0, posinf=2.0, neginf=-3.0)), gradient=False),
    Kind("expand_dims", _expand),
    Kind("squeeze", _squeeze),
    Kind("roll", _roll),
    Kind("repeat", _repeat),
    Kind("tile", lambda d: ((d.tensor(*d.shape()), d.pick(2, (2,), (1, 2), (2, 1, 2), (1, 1, 2, 1))), {})),
    Kind("broadcast_to", _broadcast),
    Kind("moveaxis", _moves),
    Kind("swapaxes", lambda d: (lambda s: ((d.tensor(*s), d.axis(len(s)), d.axis(len(s))), {}))(d.shape(1))),
    Kind("rot90", _turn),
    Kind("pad", _pad),
    Kind("concatenate", lambda d: _together(d, True)),
    Kind("stack", lambda d: _together(d, False)),
    Kind("vstack hstack dstack", _stacked),
    Kind("append", _append),
    Kind("split", _cuts),
    Kind("array_split", lambda d: _cuts(d, even=False)),
    Kind("hsplit", lambda d: _cuts(d, 2, 1)),
    Kind("vsplit", lambda d: _cuts(d, 2, 0)),
    Kind("dsplit", lambda d: _cuts(d, 3, 2)),
    Kind("unstack", lambda d: (lambda s: ((d.tensor(*s),), d.some(axis=d.axis(len(s)))))(d.shape(1))),
    Kind("slice", lambda d: _slice(d, False)),
    Kind("slice_update", lambda d: _slice(d, True)),
    Kind("scatter", _scatter),
    Kind("scatter_update", _scatter_update),
    Kind("take", _take),
    Kind("take_along_axis", _take_along),
    Kind("get_item", _key),
    Kind("where", _where),
    Kind("where nonzero", lambda d: _tensor(d), traced=False),
    Kind("select", _select),
    Kind("clip", _clip),
    Kind("argpartition", _kth, traced=False, through=_partitioned),
    Kind("top_k", _top),
    Kind("in_top_k", _in_top),
    Kind("segment_max segment_min segment_prod segment_sum", _segments),
    Kind("unique", _unique, traced=False),
    Kind("isin", _isin),
    Kind("unravel_index", lambda d: ((d.integers(*d.shape(), low=-2, high=7), d.pick((2, 3), 6, (1, 3, 2))), {})),
    Kind("meshgrid", _grids),
    Kind("arange", _range),
    Kind("linspace", lambda d: _spaced(d, -2, 2, retstep=True, axis=d.pick(0, -1))),
    Kind("logspace", lambda d: _spaced(d, -2, 2, base=d.pick(2, 10), axis=d.pick(0, -1))),
    Kind("geomspace", lambda d: _spaced(d, 0.5, 4, axis=d.pick(0, -1)), tolerance=3),
    Kind("zeros ones empty", _made),
    Kind("full", lambda d: ((d.pick(d.shape(), 3), d.pick(2, 0.5, True)), d.some(dtype=d.pick(*DTYPES)))),
    Kind("full_like", lambda d: ((d.tensor(*d.shape()), d.pick(2, 0.5)), d.some(dtype="int32"))),
    Kind("ones_like zeros_like empty_like", _like),
    Kind("eye tri", lambda d: ((d.whole(1, 4),), d.some(M=d.whole(1, 4), k=d.whole(-2, 2), dtype=d.pick(*DTYPES)))),
    Kind("identity", lambda d: ((d.whole(1, 4),), d.some(dtype=d.pick(*DTYPES)))),
    Kind("bartlett blackman hamming hanning", lambda d: ((d.whole(1, 9),), {}), traced=False),
    Kind("kaiser", lambda d: ((d.whole(1, 9), d.real(0, 8)), {}), traced=False),
    Kind("cast", _cast),
    Kind("saturate_cast", _saturated, gradient=False),
    Kind("convert_to_tensor array", lambda d: ((d.pick([1, 2], [[0.5]], 3, 2.5, True, [True, False], [[1, 2.0]]),),
                                               d.some(dtype=d.pick("float32", "int32", "float16")))),
    Kind("convert_to_numpy", lambda d: _tensor(d, 0), traced=False),
    Kind("view", lambda d: ((d.tensor(*d.shape(1), dtypes=("float32", "int32")),),
                            {"dtype": d.pick("int32", "float32", "uint8")}), gradient=False),
    Kind("one_hot", lambda d: ((d.integers(*d.shape(), low=-1, high=4), d.pick(2, 3)),
                               d.some(axis=d.pick(-1, 0), dtype=d.pick("int32", "bool")))),
    Kind("multi_hot", lambda d: ((d.integers(*d.shape(1, 2), low=0, high=3), d.pick(3, 4)),
                                 d.some(dtype=d.pick("int32", "bool")))),
    Kind("space_to_depth", lambda d: _blocks(d, False)),
    Kind("depth_to_space", lambda d: _blocks(d, True)),
    Kind("unfold", _unfold),
    Kind("fold", _fold),
    Kind("rearrange", _patterns, traced=False),
]  # fmt: skip
