"""Kills a training process at random moments until it comes to its end, and compares that end with an uninterrupted one.

By hand: ``python -m tests.kills.harness KILLS [SEED] [VARIANT …]``.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

__all__ = ["ALL", "CORE", "Case"]

CHILD = Path(__file__).with_name("child.py")
CORE = [f"{kind}{validated}" for kind in ("plain", "shuffle", "steps") for validated in ("", "+validation")]
ALL = [*CORE, "dataset+validation", "generator"]


class Case:
    """One variant of training in a folder of its own.

    Args:
        variant: what `child.py` is to train.
        folder: an empty folder.
    """

    def __init__(self, variant: str, folder: Path):
        self.variant, self.folder = variant, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.chain = 0
        begun = time.perf_counter()
        self.expected = self._finish("reference")  # the first compiles, and says nothing of how long a run takes
        begun = time.perf_counter()
        again = self._finish("again")
        self.seconds = time.perf_counter() - begun
        assert_same(again, self.expected, f"{variant}: two runs without interruption")

    def _start(self, name: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(CHILD), self.variant, str(self.folder / name), str(self.folder / f"{name}.out.npz")],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"},
        )  # fmt: skip

    def _finish(self, name: str) -> dict[str, np.ndarray]:
        child = self._start(name)
        _, errors = child.communicate(timeout=300)
        assert child.returncode == 0, errors[-3000:]
        return self._result(name)

    def _result(self, name: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / f"{name}.out.npz") as file:
            return {key: file[key] for key in file.files}

    def run(self, kills: int, chance: random.Random) -> Counter[str]:
        """Start the same command again and again, killing it at random moments, until it ends; then compare.

        Args:
            kills: after so many, it is left alone.
            chance: where the moments come from.

        Returns:
            How many kills fell before the first backup, among the backups of a run, and after the last.

        Raises:
            AssertionError: the end is not that of the uninterrupted run, to the last bit.
        """
        self.chain += 1
        name, counts = f"chain{self.chain}", Counter()
        for _ in range(kills):
            child = self._start(name)
            try:
                # Starting takes as long as training; most kills should fall into training.
                _, errors = child.communicate(timeout=self.seconds * chance.uniform(0.25, 1.05))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.communicate()
                counts[self._moment(name)] += 1
                continue
            assert child.returncode == 0, f"{self.variant}, {name}: {errors[-3000:]}"
            break
        assert_same(self._finish(name), self.expected, f"{self.variant}, {name}, after {sum(counts.values())} kills")
        return counts

    def _moment(self, name: str) -> str:
        """Where the kill fell, from what it left."""
        folder = self.folder / name
        if (self.folder / f"{name}.out.npz").exists():
            return "after the end"
        if not folder.exists() or not any(folder.glob("generation-*.npz")):
            return "before the first backup"
        return "while a backup was written" if any(folder.glob(".*.tmp")) else "in training"


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], what: str) -> None:
    """Every array has the same bits, shape and dtype."""
    assert list(found) == list(expected), f"{what}: {set(found) ^ set(expected)}"
    for key, value in expected.items():
        same = found[key].dtype == value.dtype and found[key].shape == value.shape
        assert same, f"{what}: {key} is {found[key].shape}, expected {value.shape}"
        assert found[key].tobytes() == value.tobytes(), f"{what}: {key} is {found[key]!r}, expected {value!r}"


def main(kills: int, seed: int, variants: list[str]) -> None:
    """Kill at least `kills` times over the variants, in chains of up to 8, and print what happened."""
    chance, total, ends = random.Random(seed), Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        for i, variant in enumerate(variants):
            case, mine = Case(variant, Path(folder) / str(i)), Counter()
            while sum(mine.values()) < -(-kills // len(variants)):
                left = -(-kills // len(variants)) - sum(mine.values())
                mine += case.run(min(8, left), chance)
                ends += 1
            print(f"{variant}: {sum(mine.values())} kills {dict(mine)}, {case.seconds:.1f} s a run", flush=True)
            total += mine
    print(f"{sum(total.values())} kills, {ends} ends, all with the same bits: {dict(total)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, sys.argv[3:] or CORE)
