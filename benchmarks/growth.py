"""``python -m benchmarks.growth``: how the cost of an epoch grows with batch, width, depth and data, beside Keras on JAX.

One process a peer trains all sizes of one axis, smallest first, and gives the best of some warm fits of two epochs; rounds
over the peers alternate. The base is an MLP of 784 inputs, 2 hidden layers of 128, batch 32, 4,096 samples; each axis
changes one number of it.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.measure import ROOT, environment
from benchmarks.peers import Peer, choose
from benchmarks.report import amount

__all__ = ["AXES", "Net", "draw", "flops", "main", "table"]

_PAGE = ROOT / "docs" / "performance.md"
_PICTURE = ROOT / "docs" / "images" / "growth.png"
_DATA = ROOT / "benchmarks" / "growth.json"
_BEGIN, _END = "<!-- growth: written by python -m benchmarks.growth -->", "<!-- end of growth -->"
_PEERS = ("ranvier", "keras-jax")


@dataclass(frozen=True)
class Net:
    """An MLP and its data.

    Args:
        batch: samples in a step.
        width: units of each hidden layer.
        depth: hidden layers.
        samples: samples in an epoch.
    """

    batch: int = 32
    width: int = 128
    depth: int = 2
    samples: int = 4_096


AXES: dict[str, tuple[int, ...]] = {
    "batch": (8, 32, 128, 512, 2048),
    "width": (32, 128, 512),
    "depth": (1, 2, 4, 8),
    "samples": (1_024, 4_096, 16_384, 65_536),
}
_INPUTS, _CLASSES = 784, 10


def flops(net: Net) -> float:
    """Multiplications and additions in the matrix products of an epoch of training: forward, and twice that back."""
    widths = [_INPUTS, *[net.width] * net.depth, _CLASSES]
    products = sum(a * b for a, b in itertools.pairwise(widths))
    return net.samples * 2.0 * (3 * products - _INPUTS * net.width)  # the inputs need no gradient


def _gemm_peak() -> float:
    """The best rate of a product of matrices of 2,048 in NumPy, in operations a second: what this machine can do."""
    a = np.random.default_rng(0).standard_normal((2048, 2048), dtype="float32")
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        np.matmul(a, a)
        times.append(time.perf_counter() - begin)
    return 2.0 * 2048**3 / min(times)


def _work(module: str, axis: str, seconds: float) -> None:
    """In a process of its own: seconds per epoch at every size of an axis."""
    keras = importlib.import_module(module)
    generator = np.random.default_rng(0)
    most = max(replace(Net(), **{axis: size}).samples for size in AXES[axis])
    x = generator.random((most, _INPUTS), dtype="float32")
    labels = np.eye(_CLASSES, dtype="float32")[generator.integers(0, _CLASSES, most)]
    found = {}
    for size in AXES[axis]:
        net = replace(Net(), **{axis: size})
        hidden = [keras.layers.Dense(net.width, activation="relu") for _ in range(net.depth)]
        model = keras.Sequential(
            [keras.layers.Input((_INPUTS,)), *hidden, keras.layers.Dense(_CLASSES, activation="softmax")]
        )
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        data, options = (x[: net.samples], labels[: net.samples]), {"batch_size": net.batch, "verbose": 0}
        model.fit(*data, **options)
        times: list[float] = []
        while len(times) < 2 or (sum(times) < seconds and len(times) < 7):
            begin = time.perf_counter()
            model.fit(*data, epochs=2, **options)
            times.append((time.perf_counter() - begin) / 2)
        found[size] = min(times)
    print("RESULT " + json.dumps(found))


def _start(peer: Peer, axis: str, seconds: float, cache: Path) -> dict[int, float]:
    command = [sys.executable, "-m", "benchmarks.growth", "--work", peer.module, "--axis", axis]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)],
        env=environment(peer, cache, os.environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    line = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")][-1]
    return {int(size): value for size, value in json.loads(line.removeprefix("RESULT ")).items()}


def _measure(axes: Sequence[str], rounds: int, seconds: float, found: dict[str, Any]) -> None:
    """Measure `axes` and put them into `found`; the others stay."""
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as cache:
        for axis in axes:
            samples: dict[str, list[dict[int, float]]] = {key: [] for key in _PEERS}
            for _ in range(rounds):
                for peer in choose(_PEERS):
                    samples[peer.key].append(_start(peer, axis, seconds, Path(cache)))
            found["axes"][axis] = [
                {
                    "size": size,
                    **{key: median(run[size] for run in runs) for key, runs in samples.items()},
                    "ratios": [b[size] / a[size] for a, b in zip(*(samples[k] for k in _PEERS), strict=True)],
                    "gemm_peak": found["gemm_peak"],
                }
                for size in AXES[axis]
            ]


def table(found: Mapping[str, Any]) -> str:
    """The figures as a Markdown table, with what they were measured on."""
    lines = [
        "| axis | size | ranvier, an epoch | Keras on JAX | times faster | ranvier's share of the machine's matrix products |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for axis, points in found["axes"].items():
        for point in points:
            net = replace(Net(), **{axis: point["size"]})
            share = flops(net) / point["ranvier"] / point["gemm_peak"]
            lines.append(
                f"| {axis} | {point['size']:,} | {amount(point['ranvier'], 's')} | {amount(point['keras-jax'], 's')} | "
                f"{median(point['ratios']):.1f} | {share:.0%} |"
            )
    about = found["machine"]
    peaks = sorted(point["gemm_peak"] / 1e9 for points in found["axes"].values() for point in points)
    lines += [
        "",
        f"{about['cpu']}, {about['cores']} cores; products of 2,048 × 2,048 matrices reached {peaks[0]:.0f} to "
        f"{peaks[-1]:.0f} GFLOP/s in NumPy just before (other work on the same machine makes it swing). Seconds are "
        f"medians over {found['rounds']} rounds, the ratio is the median of the rounds' ratios.",
    ]
    return "\n".join(lines)


def draw(found: Mapping[str, Any], path: Path) -> None:
    """One panel an axis: seconds an epoch over the size, both logarithmic."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.4), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (name, points) in zip(
        figure.subplots(1, len(found["axes"]), squeeze=False)[0], found["axes"].items(), strict=True
    ):
        for peer in choose(_PEERS):
            sizes = [p["size"] for p in points]
            axis.plot(sizes, [p[peer.key] for p in points], "o-", color=peer.colour, label=peer.label)
        axis.set(xscale="log", yscale="log", xlabel=name, title=f"growing with {name}")
        axis.set_xticks([p["size"] for p in points], [f"{p['size']:,}" for p in points], fontsize=8)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel("seconds an epoch")
    figure.axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _publish(found: Mapping[str, Any]) -> None:
    text = _PAGE.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    if not rest or not after:
        raise SystemExit(f"{_PAGE.name} lacks the lines between which the table belongs.")
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{table(found)}\n\n{_END}{after}")
    draw(found, _PICTURE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the axes asked for, keep them with those measured before, write table and picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--axis", choices=AXES, nargs="+", default=list(AXES), help="what to measure (all)")
    parser.add_argument("--rounds", type=int, default=3, help="processes a peer and axis")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to time each size, about")
    parser.add_argument("--publish", action="store_true", help=f"write them into {_PAGE.relative_to(ROOT)}")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        _work(options.work, options.axis[0], options.seconds)
        return 0
    known = json.loads(_DATA.read_text()) if _DATA.exists() else {"axes": {}}
    now = {"machine": machine.describe(), "rounds": options.rounds}
    same = all(known.get(key) == value for key, value in now.items())
    found = {**now, "gemm_peak": _gemm_peak()}
    found["axes"] = {axis: known["axes"][axis] for axis in AXES if same and axis in known["axes"]}
    _measure(options.axis, options.rounds, options.seconds, found)
    found["axes"] = {axis: found["axes"][axis] for axis in AXES if axis in found["axes"]}
    _DATA.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))
    if options.publish:
        if set(found["axes"]) != set(AXES):
            raise SystemExit(
                "Not published: " + ", ".join(a for a in AXES if a not in found["axes"]) + " not measured yet."
            )
        _publish(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
