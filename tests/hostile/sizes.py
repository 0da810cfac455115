"""Configurations that are no plain JSON of bounded size, and those that ask for more than the file holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .case import Hostile, config, dense, keras_file, layer, with_layers

__all__ = ["hostile"]

HUGE = 10**12
SEQUENCE, IMAGE, VOLUME = (None, 7, 4), (None, 8, 8, 3), (None, 4, 4, 4, 2)


def _texts() -> Iterator[tuple[str, bytes]]:
    """Texts that are not the JSON of a configuration."""
    good = json.dumps(config())
    yield "nothing", b""
    yield "no JSON", b"\x80\x04cos\nsystem\n"
    yield "cut short", good[: len(good) // 2].encode()
    yield "more behind it", (good + "{}").encode()
    yield "UTF-16", good.encode("utf-16")
    yield "not UTF-8", good.replace("good", "g\xf6\xf6d").encode("latin-1")
    yield "a byte order mark", b"\xef\xbb\xbf" + good.encode()
    yield "a key twice", good.replace('"units": 3', '"units": 3, "units": 3').encode()
    yield "the class twice", good.replace("{", '{"class_name": "Sequential", ', 1).encode()
    for word in ("NaN", "Infinity", "-Infinity"):
        yield word, good.replace('"units": 3', f'"units": {word}').encode()
    yield "a number beyond floats", good.replace('"units": 3', '"units": 1e999').encode()
    yield "an integer of a thousand digits", good.replace('"units": 3', '"units": 1' + "0" * 1000).encode()
    yield "an integer of ten million digits", good.replace('"units": 3', '"units": 1' + "0" * 10**7).encode()
    yield "an integer of 65 bits", good.replace('"units": 3', f'"units": {1 << 65}').encode()
    yield "half a character", good.replace("first", "\\ud800").encode()
    yield "half a character as a key", good.replace('"units"', '"\\udfff": 1, "units"').encode()
    yield "NUL in a name", good.replace('"name": "first"', '"name": "a/\\u0000b"').encode()
    yield "a name of a megabyte", good.replace('"name": "first"', '"name": "' + "x" * 10**6 + '/"').encode()
    for depth in (150, 900, 100_000):
        yield f"lists {depth} deep", good.replace('"units": 3', '"units": ' + "[" * depth + "]" * depth).encode()
        yield (
            f"dicts {depth} deep",
            good.replace('"units": 3', '"units": ' + '{"a":' * depth + "1" + "}" * depth).encode(),
        )
    yield "millions of lists", ('{"class_name": "Sequential", "config": [' + "[]," * 4_000_000 + "[]]}").encode()
    yield "millions of dicts", ('{"class_name": "Sequential", "config": [' + "{}," * 4_000_000 + "{}]}").encode()
    yield "millions of keys", ("{" + ", ".join(f'"{i}": 0' for i in range(1_500_000)) + "}").encode()
    yield "twenty megabytes", good.replace("good", "é" * 10_000_000).encode()


def _types() -> Iterator[tuple[str, Any]]:
    """Values of wrong types, each where something else belongs."""
    for wrong in (None, "eight", [3], {"a": 1}, 1.5, -1, 0, 1e9):
        yield f"units {wrong!r}", dense(units=wrong)
    for key in ("layers", "name"):
        for wrong in (3, {"a": 1}, [[]], "text", None):
            changed = config()
            changed["config"][key] = wrong
            if (key, wrong) not in (("name", "text"), ("name", None)):
                yield f"{key} {wrong!r}", changed
    for key in ("config", "class_name"):
        changed = config()
        changed[key] = None
        yield f"{key} None", changed
        del changed[key]
        yield f"no {key}", changed
    for wrong in (3, [1], "text"):
        changed = config()
        changed["compile_config"] = wrong
        yield f"compile_config {wrong!r}", changed
    for shape in ("abc", [None, "x"], [None, -4], [None, [4]], [None, 4.5], 4, [None, HUGE], [HUGE, HUGE, HUGE], {}):
        changed = config()
        changed["config"]["layers"][0]["config"]["batch_shape"] = shape
        yield f"input of shape {shape!r}", changed
    yield "an unknown dtype", dense(dtype="float7")
    yield "an unknown argument", dense(command="x")
    yield "a negative learning rate's type", {**config(), "compile_config": {"optimizer": "adam", "loss": {"a": [[3]]}}}
    changed = config()
    changed["config"]["layers"] *= 2
    yield "every layer twice", changed


def _absurd() -> Iterator[tuple[str, Any]]:
    """Layers larger than the file's weights, or than any machine."""
    yield "Dense", dense(units=HUGE)
    yield "Dense of a gigabyte", dense(units=70_000_000)
    many = [layer("Dense", units=5000) for _ in range(30)]
    for number, one in enumerate(many):
        one["config"]["name"] = f"d{number}"
    yield "thirty layers of a hundred megabytes", with_layers(*many)
    rows: list[tuple[Any, dict[str, Any]]] = [
        ((None, 4), layer("Embedding", input_dim=HUGE, output_dim=8)),
        ((None, 4), layer("Embedding", input_dim=8, output_dim=HUGE)),
        (SEQUENCE, layer("Conv1D", filters=HUGE, kernel_size=3)),
        (IMAGE, layer("Conv2D", filters=10**10, kernel_size=[3, 3])),
        (IMAGE, layer("Conv2D", filters=2, kernel_size=[10**6, 10**6])),
        (VOLUME, layer("Conv3D", filters=HUGE, kernel_size=1)),
        (IMAGE, layer("Conv2DTranspose", filters=HUGE, kernel_size=3)),
        (IMAGE, layer("Conv2DTranspose", filters=1, kernel_size=1, strides=[10**7, 10**7])),
        (IMAGE, layer("DepthwiseConv2D", kernel_size=3, depth_multiplier=HUGE)),
        (SEQUENCE, layer("SeparableConv1D", filters=HUGE, kernel_size=3)),
        (SEQUENCE, layer("LSTM", units=10**9)),
        (SEQUENCE, layer("GRU", units=10**9)),
        (SEQUENCE, layer("SimpleRNN", units=10**9)),
        (SEQUENCE, layer("Bidirectional", layer=layer("LSTM", units=10**9))),
        ((None, HUGE, 4), layer("SimpleRNN", units=2, unroll=True)),
        ((None, 4, 8, 8, 3), layer("ConvLSTM2D", filters=10**9, kernel_size=3)),
        ((None, 4), layer("EinsumDense", equation="ab,bc->ac", output_shape=HUGE)),
        ((None, 4), layer("RepeatVector", n=HUGE)),
        ((None, 4), layer("Reshape", target_shape=[HUGE])),
        ((None, 4), layer("Reshape", target_shape=[-1, HUGE])),
        (SEQUENCE, layer("ZeroPadding1D", padding=HUGE)),
        (IMAGE, layer("ZeroPadding2D", padding=[10**9, 10**9])),
        (VOLUME, layer("ZeroPadding3D", padding=10**9)),
        (SEQUENCE, layer("UpSampling1D", size=HUGE)),
        (IMAGE, layer("UpSampling2D", size=[10**9, 10**9])),
        (IMAGE, layer("UpSampling2D", size=[10**6, 10**6], interpolation="bilinear")),
        (VOLUME, layer("UpSampling3D", size=10**9)),
        (IMAGE, layer("Resizing", height=10**9, width=10**9)),
        (IMAGE, layer("CenterCrop", height=10**9, width=10**9)),
        (IMAGE, layer("RandomCrop", height=10**9, width=10**9)),
        (IMAGE, layer("AdaptiveAveragePooling2D", output_size=10**7)),
        (IMAGE, layer("AveragePooling2D", pool_size=10**9)),
        (IMAGE, layer("GroupNormalization", groups=HUGE)),
        ((None, 4), layer("CategoryEncoding", num_tokens=HUGE)),
        ((None, 4), layer("Discretization", num_bins=HUGE)),
        (IMAGE, layer("RandAugment", num_ops=10**9)),
        (IMAGE, layer("AugMix", num_chains=10**9)),
        (IMAGE, layer("AugMix", chain_depth=10**9)),
        ((None, 4), layer("SpectralNormalization", layer=layer("Dense", units=3), power_iterations=10**9)),
        ((None, 16000), layer("MelSpectrogram", num_mel_bins=10**9)),
        ((None, 16000), layer("MelSpectrogram", fft_length=10**9)),
        ((None, 16000), layer("STFTSpectrogram", fft_length=10**9, frame_length=10**9)),
    ]
    for shape, described in rows:
        arguments = {k: v for k, v in described["config"].items() if k != "name"}
        yield f"{described['class_name']} {str(arguments)[:80]}", with_layers(described, shape=shape)
    nested = layer("LSTM", units=1)
    for _ in range(25):
        nested = layer("Bidirectional", layer=nested)
    yield "Bidirectional in itself", with_layers(nested, shape=SEQUENCE)
    inner = layer("Dense", units=1)
    for _ in range(60):
        inner = layer("TimeDistributed", layer=inner)
    yield "TimeDistributed in itself", with_layers(inner, shape=SEQUENCE)
    changed = config()
    changed["config"]["layers"][1]["build_config"] = {"input_shape": [None, HUGE]}
    changed["config"]["layers"] = changed["config"]["layers"][1:]
    changed.pop("build_config", None)
    yield "a layer built for a huge input", changed


def hostile() -> Iterator[Hostile]:
    """All of them."""
    for name, text in _texts():
        yield Hostile("json", name, keras_file(text))
    for name, described in _types():
        yield Hostile("types", name, keras_file(described))
    for name, described in _absurd():
        yield Hostile("sizes", name, keras_file(described))
