"""Runs the plan: a fresh process a sample, rounds interleaved over the peers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import OURS, Peer
from benchmarks.plan import FIGURES, LEARNT, Size

__all__ = ["ROOT", "ProcessError", "Samples", "collect", "command", "environment", "parse", "run_all", "start"]

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 1800

# Samples by figure, then peer, then round.
Samples = dict[str, dict[str, list[list[float]]]]


class ProcessError(Exception):
    """A measured process that crashed, took too long, did not answer or did not learn."""


def environment(peer: Peer, cache: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a peer's process: what was `given`, less what would favour one peer, plus its own choice."""
    # Without bytecode on disk, a package installed for editing would compile its sources at every start, and only that.
    dropped = ("JAX_", "RANVIER_", "KERAS_BACKEND", "XLA_FLAGS", "OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in given.items() if not k.startswith(dropped) or k == "JAX_PLATFORMS"}
    return {**kept, "RANVIER_HOME": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3", **peer.environment}


def command(peer: Peer, workload: str, size: Size, data: Path, seed: int, started: float) -> list[str]:
    """The command line of one measured process."""
    if workload == "import":
        build = ["--model"] if peer.worker == "keras_api" else []
        return [sys.executable, "-m", "benchmarks.work.importing", peer.module, *build]
    job = {
        "workload": workload,
        "module": peer.module,
        "started": started,
        "data": str(data),
        "images": size.images,
        "epochs": size.epochs,
        "fits": 0 if peer.empty_cache else size.fits,
        "calls": size.calls,
        "seed": seed,
    }
    return [sys.executable, "-m", f"benchmarks.work.{peer.worker}", json.dumps(job)]


def parse(output: str, workload: str) -> dict[str, list[float]]:
    """The figures in a worker's output. Raises ProcessError when there are none or the network learnt nothing."""
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise ProcessError("gave no result")
    figures = json.loads(lines[-1].removeprefix("RESULT "))
    score = figures.pop("score", None)
    low, high = LEARNT.get(workload, (float("-inf"), float("inf")))
    if score is not None and not low <= score <= high:
        raise ProcessError(f"did not learn: {score:.4g} is not between {low:g} and {high:g}")
    return figures


def start(peer: Peer, workload: str, size: Size, data: Path, seed: int, cache: Path) -> dict[str, list[float]]:
    """Run one process of a peer and give its figures."""
    with tempfile.TemporaryDirectory(prefix="bench-") as fresh:
        home = Path(fresh) if peer.empty_cache else cache
        variables = environment(peer, home, os.environ)
        try:
            done = subprocess.run(
                command(peer, workload, size, data, seed, time.monotonic()),
                env=variables,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise ProcessError(f"took more than {TIMEOUT} s") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise ProcessError(f"ended with status {done.returncode}: {lines[-1][:300] if lines else 'no message'}")
    return parse(done.stdout, workload)


def collect(
    peers: Sequence[Peer],
    workload: str,
    size: Size,
    run: Callable[[Peer, int], dict[str, list[float]]],
    tell: Callable[[str], Any] = lambda text: None,
) -> tuple[Samples, dict[str, str]]:
    """The samples of one workload: round after round over all peers, a peer that fails leaves the rest to the others.

    Args:
        peers: who takes part, in this order in every round.
        workload: its name.
        size: its rounds, and warm-ups of ours: nobody else keeps anything for the next process.
        run: ``(peer, seed) → figures``, which starts a process.
        tell: told what is under way.

    Returns:
        Samples, and the failures by peer.
    """
    keys = [f.key for f in FIGURES if f.workload == workload]
    samples: Samples = {key: {} for key in keys}
    failures: dict[str, str] = {}
    for round_ in range(-size.warmups, size.rounds):
        for peer in peers:
            if peer.key in failures or (round_ < 0 and (peer.key not in OURS or peer.empty_cache)):
                continue
            tell(
                f"{workload} · {peer.label} · " + (f"round {round_ + 1} of {size.rounds}" if round_ >= 0 else "warm-up")
            )
            try:
                figures = run(peer, max(round_, 0))
            except ProcessError as failure:
                failures[peer.key] = str(failure)
                tell(f"{workload} · {peer.label} failed: {failure}")
                for key in keys:
                    samples[key].pop(peer.key, None)
                continue
            if round_ >= 0:
                for key, values in figures.items():
                    samples[key].setdefault(peer.key, []).append(values)
    return samples, failures


def run_all(
    peers: Sequence[Peer],
    workloads: Sequence[str],
    table: Mapping[str, Size],
    data: Path,
    tell: Callable[[str], Any],
) -> tuple[Samples, dict[str, dict[str, str]]]:
    """All workloads, one after another. Returns samples by figure and failures by workload."""
    samples: Samples = {}
    failures: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as cache:
        for workload in workloads:
            size = table[workload]
            part = [p for p in peers if workload in p.workloads]
            found, failed = collect(
                part,
                workload,
                size,
                lambda peer, seed, w=workload, s=size: start(peer, w, s, data, seed, Path(cache)),
                tell,
            )
            samples |= found
            if failed:
                failures[workload] = failed
    return samples, failures
