"""Rows for layers on sequences, on images that are prepared, and on tables: recurrence, attention, preparation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .layer_rows import Call, Inner, Row, activation, weights_options
from .strategies import Draw

__all__ = ["HOST_ROWS", "ROWS"]

FLAGS = ("return_sequences", "return_state", "go_backwards", "unroll")


def _units(d: Draw, **more: Any) -> dict[str, Any]:
    return {"units": d.pick(1, 3), **d.some(activation=activation(d), use_bias=d.flag(), **more)}


def _recurrent(states: int, **more: Callable[[Draw], Any]) -> Row:
    def make(d: Draw) -> Call:
        batch, steps = d.pick(1, 3), d.pick(1, 3, 4)
        arguments = _units(d, **{k: f(d) for k, f in more.items()}, **dict.fromkeys(FLAGS, True))
        arguments |= weights_options(d, "kernel", "recurrent", "bias")
        options: dict[str, Any] = {}
        if d.flag():
            options["mask"] = d.booleans(batch, steps)
        if d.pick(False, False, True):
            first = [d.floats(batch, arguments["units"]) for _ in range(states)]
            options["initial_state"] = first if states > 1 or d.flag() else first[0]
        return Call(arguments, (d.floats(batch, steps, d.pick(2, 3)),), options)

    return make


def _cell(states: int, **more: Callable[[Draw], Any]) -> Row:
    def make(d: Draw) -> Call:
        batch = d.pick(1, 3)
        arguments = _units(d, **{k: f(d) for k, f in more.items()})
        return Call(arguments, (d.floats(batch, 2), [d.floats(batch, arguments["units"]) for _ in range(states)]))

    return make


def _inner_cell(d: Draw, name: str = "cell") -> Inner:
    return Inner(d.pick("SimpleRNNCell", "LSTMCell", "GRUCell"), {"units": d.pick(1, 2), "name": name})


def _rnn(d: Draw) -> Call:
    cell = (
        _inner_cell(d) if d.flag() else Inner("StackedRNNCells", {"cells": [_inner_cell(d, "a"), _inner_cell(d, "b")]})
    )
    arguments = {"cell": cell, **d.some(**dict.fromkeys((*FLAGS, "zero_output_for_mask"), True))}
    batch, steps = d.pick(1, 3), d.pick(2, 3)
    return Call(arguments, (d.floats(batch, steps, 2),), d.some(mask=d.booleans(batch, steps)))


def _bidirectional(d: Draw) -> Call:
    flags = d.some(return_sequences=True, return_state=True)
    inner = Inner(d.pick("SimpleRNN", "LSTM", "GRU"), {"units": d.pick(1, 2), "name": "inner", **flags})
    merge = d.some(merge_mode=d.pick("sum", "mul", "ave", "concat", None))
    batch, steps = d.pick(1, 2), d.pick(2, 3)
    return Call({"layer": inner, **merge}, (d.floats(batch, steps, 2),), d.some(mask=d.booleans(batch, steps)))


def _distributed(d: Draw) -> Call:
    inner, tail = d.pick((Inner("Dense", {"units": 2}), (3,)), (Inner("Flatten"), (2, 3)),
                         (Inner("Conv1D", {"filters": 2, "kernel_size": 2}), (4, 2)))  # fmt: skip
    batch, steps = d.pick(1, 2), d.pick(1, 3)
    return Call({"layer": inner}, (d.floats(batch, steps, *tail),), d.some(mask=d.booleans(batch, steps)))


def _film(rank: int) -> Row:
    def make(d: Draw) -> Call:
        first = d.pick(False, False, True)
        space = tuple(d.pick(3, 4) for _ in range(rank))
        shape = (d.pick(1, 2), 2, *((2, *space) if first else (*space, 2)))
        arguments = {"filters": d.pick(1, 2), "kernel_size": d.whole(1, 2)}
        arguments |= d.some(padding="same", use_bias=d.flag(), return_sequences=d.flag(), go_backwards=d.flag(),
                            return_state=d.flag(), strides=d.pick(1, 2))  # fmt: skip
        arguments |= d.some(dilation_rate=d.pick(1, 2)) if "strides" not in arguments else {}
        return Call(arguments | ({"data_format": "channels_first"} if first else {}), (d.floats(*shape),))

    return make


def _sizes(d: Draw) -> tuple[int, int, int]:
    return d.pick(1, 2), d.pick(2, 3), d.pick(3, 4)


def _attention(additive: bool) -> Row:
    def make(d: Draw) -> Call:
        batch, t, s = _sizes(d)
        if causal := d.flag():
            s = t
        inputs = [d.floats(batch, t, 3), d.floats(batch, s, d.pick(3, 3, 2) if d.flag() else 3)]
        if d.flag() or inputs[1].shape[-1] != 3:
            inputs.append(d.floats(batch, s, 3))
        arguments = d.some(use_scale=d.flag())
        if not additive:
            arguments |= d.some(score_mode=d.pick("dot", "concat"))
        options: dict[str, Any] = {"use_causal_mask": True} if causal else {}
        options |= d.some(return_attention_scores=d.flag())
        if d.pick(False, False, True):
            value_mask = d.booleans(batch, s)
            value_mask[:, 0] = True
            options["mask"] = [d.booleans(batch, t), value_mask, *([None] * (len(inputs) - 2))]
        return Call(arguments, (inputs,), options)

    return make


def _projected(grouped: bool) -> Row:
    def make(d: Draw) -> Call:
        batch, t, s = _sizes(d)
        options = d.some(return_attention_scores=True)
        if d.flag():
            options["use_causal_mask"] = True
            s = t
        if d.pick(False, False, True):
            options["attention_mask"] = d.booleans(batch, t, s) | (np.arange(s) == 0)
        inputs = [d.floats(batch, t, 3), d.floats(batch, s, d.pick(3, 2))]
        inputs += [d.floats(batch, s, 2)] * d.pick(0, 1)
        shared = d.some(use_bias=d.flag(), use_gate=d.flag(), sliding_window=d.pick(1, 2))
        if grouped:
            heads = d.pick((2, 2), (4, 2), (2, 1))
            arguments = {"head_dim": d.pick(2, 4), "num_query_heads": heads[0], "num_key_value_heads": heads[1]}
        else:
            arguments = {"num_heads": d.pick(1, 2), "key_dim": d.pick(2, 3)}
            arguments |= d.some(value_dim=d.pick(1, 2), output_shape=d.pick(3, (2, 2)))
        return Call(arguments | shared, tuple(inputs), options)

    return make


def _normalization(d: Draw) -> Call:
    shape = (*d.shape(1, 2, (2, 3)), d.pick(2, 3))
    axis = d.pick(-1, None, 1, (1,))
    fixed: dict[str, Any] = {"axis": axis}
    if axis is None and d.flag():
        return Call(fixed | {"mean": d.real(-1, 1), "variance": d.real(0.5, 2)} | d.some(invert=d.flag()),
                    (d.floats(*shape),))  # fmt: skip
    return Call(fixed | d.some(invert=d.flag()), (d.floats(*shape),), adapt=d.floats(7, *shape[1:]) * 3 + 1)


def _discretization(d: Draw) -> Call:
    mode = d.pick("int", "one_hot", "multi_hot", "count")
    options = {"output_mode": mode} if mode != "int" or d.flag() else {}
    inputs = d.floats(d.pick(2, 3), 1 if mode == "one_hot" else d.pick(1, 3))
    if d.flag():
        return Call(options | {"bin_boundaries": sorted(d.real(-2, 2) for _ in range(d.whole(1, 3)))}, (inputs,))
    return Call(options | {"num_bins": d.whole(2, 4)}, (inputs,), adapt=d.floats(20, 1))


def _categories(d: Draw) -> Call:
    mode = d.pick("multi_hot", "one_hot", "count")
    n = d.pick(3, 5)
    shape = (d.pick(1, 3), 1 if mode == "one_hot" else d.pick(1, 3))
    options = {"count_weights": d.floats(*shape, low=0.1)} if mode == "count" and d.flag() else {}
    return Call({"num_tokens": n, "output_mode": mode}, (d.integers(*shape, low=0, high=n),), options)


def _spectrogram(d: Draw) -> Call:
    mode = d.pick("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    arguments = {"mode": mode, "frame_length": 8} | d.some(
        frame_step=d.pick(3, 4), fft_length=16, window=d.pick("hann", "hamming", None), periodic=d.flag(),
        scaling=d.pick("density", "spectrum", None), padding=d.pick("valid", "same"), expand_dims=d.flag(),
    )  # fmt: skip
    return Call(arguments, (d.floats(d.pick(1, 2), d.pick(20, 24), d.pick(1, 2)),))


def _mel(d: Draw) -> Call:
    arguments = {"fft_length": 16, "sequence_stride": d.pick(4, 8), "num_mel_bins": d.pick(3, 5),
                 "sampling_rate": 100, "min_freq": 1.0}  # fmt: skip
    arguments |= d.some(power_to_db=d.flag(), mag_exp=d.pick(1.0, 2.0), top_db=d.pick(80.0, 20.0), max_freq=40.0,
                        min_power=1e-5, ref_power=d.pick(0.5, 1.0), window=d.pick("hann", "hamming"))  # fmt: skip
    return Call(arguments, (d.floats(*d.shape(0, 1), d.pick(20, 24)),))


def _images(arguments: Callable[[Draw], dict[str, Any]], width: float = 1.0, layout: bool = True) -> Row:
    """Image layers with one transformation to draw from, so that chance has no say."""

    def make(d: Draw) -> Call:
        shape: tuple[int, ...] = (d.pick(1, 2), d.pick(5, 6), d.pick(5, 7), 3)
        made = arguments(d)
        if layout and d.pick(False, False, True):
            shape, made = (shape[0], 3, *shape[1:3]), made | {"data_format": "channels_first"}
        return Call(made, (d.floats(*shape, low=0.02, high=0.98) * np.float32(width),), {"training": True})

    return make


def _same(low: float, high: float, *names: str, **more: Callable[[Draw], Any]) -> Callable[[Draw], dict[str, Any]]:
    """Arguments of which each name is a pair of twice the same number."""

    def arguments(d: Draw) -> dict[str, Any]:
        return {n: (d.real(low, high),) * 2 for n in names} | d.some(**{k: f(d) for k, f in more.items()})

    return arguments


def _twice(d: Draw, low: float, high: float) -> tuple[float, float]:
    return (d.real(low, high),) * 2


RANGE = {"value_range": (0, 1)}
FILLS: dict[str, Callable[[Draw], Any]] = {
    "fill_mode": lambda d: d.pick("constant", "nearest", "wrap", "reflect"),
    "interpolation": lambda d: d.pick("nearest", "bilinear"),
    "fill_value": lambda d: d.real(0, 1),
}


def _ranged(make: Callable[[Draw], dict[str, Any]]) -> Callable[[Draw], dict[str, Any]]:
    return lambda d: make(d) | RANGE


def _resizing(d: Draw) -> dict[str, Any]:
    aspect = d.pick({}, {}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 0.5})
    return {"height": d.pick(3, 5, 8), "width": d.pick(4, 7), **aspect, **d.some(
        interpolation=d.pick("nearest", "bilinear", "bicubic", "lanczos3"), antialias=d.flag())}  # fmt: skip


ROWS: dict[str, Row] = {
    "SimpleRNN": _recurrent(1),
    "LSTM": _recurrent(2, unit_forget_bias=Draw.flag, recurrent_activation=activation),
    "GRU": _recurrent(1, reset_after=Draw.flag, recurrent_activation=activation),
    "SimpleRNNCell": _cell(1),
    "LSTMCell": _cell(2, unit_forget_bias=Draw.flag),
    "GRUCell": _cell(1, reset_after=Draw.flag),
    "StackedRNNCells": lambda d: Call({"cells": [Inner("GRUCell", {"units": 2}), Inner("SimpleRNNCell", {"units": 3})]},
                                      (d.floats(2, 3), [d.floats(2, 2), d.floats(2, 3)])),
    "RNN": _rnn,
    "Bidirectional": _bidirectional,
    "TimeDistributed": _distributed,
    **{f"ConvLSTM{r}D": _film(r) for r in (1, 2, 3)},
    "Attention": _attention(False),
    "AdditiveAttention": _attention(True),
    "MultiHeadAttention": _projected(False),
    "GroupQueryAttention": _projected(True),
    "Normalization": _normalization,
    "Discretization": _discretization,
    "CategoryEncoding": _categories,
    "STFTSpectrogram": _spectrogram,
    "MelSpectrogram": _mel,
    "Resizing": _images(_resizing),
    "CenterCrop": _images(lambda d: {"height": d.pick(2, 3, 8), "width": d.pick(3, 4, 9)}),
    "RandomBrightness": _images(_ranged(_same(-0.5, 0.5, "factor")), layout=False),
    "RandomRotation": _images(_same(-0.5, 0.5, "factor", **FILLS)),
    "RandomTranslation": _images(_same(-0.5, 0.5, "height_factor", "width_factor", **FILLS)),
    "RandomZoom": _images(_same(-0.4, 0.5, "height_factor", "width_factor", **FILLS)),
    "RandomHue": _images(lambda d: {"factor": (float(d.flag()),) * 2, **RANGE}),  # half a turn has no side
    "RandomSaturation": _images(_ranged(_same(0.1, 0.8, "factor"))),
    "RandomSharpness": _images(_ranged(_same(0.1, 0.8, "factor"))),
    "RandomColorDegeneration": _images(_ranged(_same(0.1, 0.8, "factor"))),
    "RandomPosterization": _images(lambda d: {"factor": (d.whole(1, 8),) * 2, "value_range": (0, 255)}, 255.0),
    "RandomInvert": _images(lambda d: {"factor": (1.0, 1.0), **RANGE}),
    "RandomGrayscale": _images(lambda d: {"factor": 1.0}),
    "RandomGaussianBlur": _images(lambda d: {"factor": (1.0, 1.0), "kernel_size": d.pick(3, 5),
                                             "sigma": _twice(d, 0.3, 1), **RANGE}),
    # Keras draws from another range than it says where the range does not begin at 0.
    "Solarization": _images(lambda d: {"addition_factor": 0.0, "threshold_factor": 0.0, **RANGE}, layout=False),
    "AutoContrast": _images(lambda d: RANGE, layout=False),
}  # fmt: skip


# --- Layers that work on the host, with texts and tables --------------------------------------------------------------

_WORDS = ("cat", "hat", "the", "é", "", "a b", "The", "cat!", "bat")


def _strings(d: Draw, *shape: int) -> np.ndarray:
    return np.asarray(d.rng.choice(np.array(_WORDS), size=shape))


def _vocabulary(d: Draw, words: tuple[Any, ...]) -> list[Any]:
    return list(words[: d.whole(1, len(words))])


def _lookup(kind: str) -> Row:
    def make(d: Draw) -> Call:
        mode = d.pick("int", "one_hot", "multi_hot", "count", "tf_idf")
        known = _vocabulary(d, ("cat", "hat", "é", "the") if kind == "string" else (3, 7, 11, 20))
        shape = (d.pick(1, 3), 1 if mode == "one_hot" else d.pick(1, 3))
        x = _strings(d, *shape) if kind == "string" else d.integers(*shape, low=0, high=21)
        arguments = {"output_mode": mode} if mode != "int" else {}
        arguments |= d.some(num_oov_indices=d.pick(0, 2), mask_token="" if kind == "string" else 0)
        if arguments.get("num_oov_indices") == 0:
            x = np.asarray(d.rng.choice(np.array(known), size=shape))
        if mode == "tf_idf":
            arguments["idf_weights"] = [d.real(0.1, 1) for _ in known]
        elif mode != "int" and d.flag():
            arguments |= {"pad_to_max_tokens": True, "max_tokens": 9}
        if mode != "tf_idf" and d.pick(False, True):
            return Call(arguments | d.some(max_tokens=9), (x,), adapt=np.ravel(x))
        return Call(arguments | {"vocabulary": known}, (x,))

    return make


def _hashing(d: Draw) -> Call:
    shape = (d.pick(1, 3), d.pick(1, 2))
    arguments = {"num_bins": d.pick(2, 5), **d.some(salt=d.pick(3, [1, 2]))}
    arguments |= d.some(output_mode=d.pick("int", "one_hot", "multi_hot", "count"))
    if arguments.get("output_mode") == "one_hot":
        shape = (shape[0], 1)
    x = _strings(d, *shape) if d.flag() else d.integers(*shape, low=-9, high=9)
    return Call(arguments | (d.some(mask_value="" if x.dtype.kind == "U" else 0)), (x,))


def _crossing(d: Draw) -> Call:
    n = d.pick(1, 3)
    options = d.some(output_mode=d.pick("int", "one_hot"))
    return Call({"num_bins": d.pick(3, 7), **options}, ((_strings(d, n), d.integers(n, low=0, high=9)),))


def _texts(d: Draw) -> Call:
    mode = d.pick("int", "multi_hot", "count", "tf_idf")
    arguments = {"output_mode": mode} | d.some(
        standardize=d.pick("lower", "strip_punctuation", "lower_and_strip_punctuation", None),
        split=d.pick("whitespace", "character"), ngrams=d.pick(1, 2, (1, 3)), max_tokens=d.pick(5, 50),
    )  # fmt: skip
    if mode == "int":
        arguments |= d.some(output_sequence_length=d.pick(2, 5))
    texts = [" ".join(_strings(d, d.whole(1, 4))) for _ in range(d.whole(1, 3))]
    return Call(arguments, (np.array(texts),), adapt=np.array([*texts, "the cat", "the hat"]))


HOST_ROWS: dict[str, Row] = {
    "StringLookup": _lookup("string"),
    "IntegerLookup": _lookup("integer"),
    "Hashing": _hashing,
    "HashedCrossing": _crossing,
    "TextVectorization": _texts,
}
