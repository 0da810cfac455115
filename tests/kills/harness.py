"""Kills a training process at random moments until it comes to its end, and compares that end with an uninterrupted one.

By hand: ``python -m tests.kills.harness KILLS [SEED] [VARIANT …]``.
"""

from __future__ import annotations

import os
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

__all__ = ["ALL", "CORE", "Case", "Starter"]

CHILD = Path(__file__).with_name("child.py")
CORE = [f"{kind}{validated}" for kind in ("plain", "shuffle", "steps") for validated in ("", "+validation")]
ALL = [*CORE, "dataset+validation", "generator"]


class Starter:
    """Starts processes that train, through one that has done the imports.

    Args:
        errors: a file for what they say on standard error.
    """

    def __init__(self, errors: Path):
        self.errors = errors
        with errors.open("w") as file:
            self.server = subprocess.Popen(
                [sys.executable, "-u", str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True,
                env=os.environ | {"JAX_PLATFORMS": "cpu"},
            )  # fmt: skip
        self.said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.server.stdout:  # type: ignore[union-attr]
            self.said.put(line.strip())

    def train(self, variant: str, folder: Path, kill_after: float | None = None) -> float | None:
        """Train in a new process; the seconds that training took, or None if the process was killed.

        Args:
            variant: what to train.
            folder: the run's folder for backups; its result goes beside it.
            kill_after: seconds after the beginning of training at which to kill the process.
        """
        self.server.stdin.write(f"{variant} {folder} {folder}.out.npz\n")  # type: ignore[union-attr]
        self.server.stdin.flush()  # type: ignore[union-attr]
        process = int(self.said.get(timeout=300))
        word, begun = self.said.get(timeout=300), time.perf_counter()
        if word == "training":
            try:
                word = self.said.get(timeout=300 if kill_after is None else kill_after)
            except queue.Empty:
                os.kill(
                    process, signal.SIGKILL
                )  # not reaped before we have read of its end: the number is still its own
                word = self.said.get(timeout=300)
        if word == "ended -9":
            return None
        assert word == "ended 0", f"{variant}: {word}: {self.errors.read_text()[-3000:]}"
        return time.perf_counter() - begun

    def close(self) -> None:
        """End the server."""
        self.server.stdin.close()  # type: ignore[union-attr]
        self.server.wait(30)
        self.server.stdout.close()  # type: ignore[union-attr]


class Case:
    """One variant of training in a folder of its own.

    Args:
        starter: starts the processes.
        variant: what `child.py` is to train.
        folder: an empty folder.
        twice: run it twice without interruption, to see that it ends with the same bits at all.
    """

    def __init__(self, starter: Starter, variant: str, folder: Path, twice: bool = True):
        self.starter, self.variant, self.folder = starter, variant, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.chain = 0
        self.seconds = starter.train(variant, folder / "reference") or 0.0
        self.expected = self._result("reference")
        if twice:
            self.seconds = starter.train(variant, folder / "again") or 0.0  # now that all is compiled
            assert_same(self._result("again"), self.expected, f"{variant}: two runs without interruption")

    def _result(self, name: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / f"{name}.out.npz") as file:
            return {key: file[key] for key in file.files}

    def run(self, kills: int, chance: random.Random) -> Counter[str]:
        """Start the same command again and again, killing it at random moments, until it ends; then compare.

        Args:
            kills: after so many, it is left alone.
            chance: where the moments come from.

        Returns:
            How many kills fell where.

        Raises:
            AssertionError: the end is not that of the uninterrupted run, to the last bit.
        """
        self.chain += 1
        name, counts = f"chain{self.chain}", Counter()
        while sum(counts.values()) < kills:
            wait = self.seconds * chance.uniform(0.0, 0.5)
            if self.starter.train(self.variant, self.folder / name, wait) is not None:
                break
            counts[self._moment(name)] += 1
        else:
            self.starter.train(self.variant, self.folder / name)
        assert_same(self._result(name), self.expected, f"{self.variant}, {name}, after {sum(counts.values())} kills")
        return counts

    def _moment(self, name: str) -> str:
        """Where a kill fell, from what it left."""
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
        starter = Starter(Path(folder) / "errors.txt")
        for i, variant in enumerate(variants):
            case, mine = Case(starter, variant, Path(folder) / str(i)), Counter()
            while sum(mine.values()) < -(-kills // len(variants)):
                left = -(-kills // len(variants)) - sum(mine.values())
                mine += case.run(min(8, left), chance)
                ends += 1
            print(f"{variant}: {sum(mine.values())} kills {dict(mine)}, {case.seconds:.1f} s a run", flush=True)
            total += mine
        starter.close()
    print(f"{sum(total.values())} kills, {ends} ends, all with the same bits: {dict(total)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, sys.argv[3:] or CORE)
