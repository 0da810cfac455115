"""The targets, in one table, and the verdict on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.peers import OURS, PEERS
from benchmarks.plan import FIGURES
from benchmarks.summary import Rounds, fastest, flat, medians, paired_ratios

__all__ = ["TARGETS", "Target", "Verdict", "judge"]

_KERAS = tuple(p.key for p in PEERS if p.module == "keras")
_OTHERS = tuple(p.key for p in PEERS if p.key not in OURS)
_PURE = "ranvier-pure"  # takes part only where the kernels are installed


@dataclass(frozen=True)
class Target:
    """What `subject` must reach.

    Args:
        figure: the key of the figure.
        subject: the peer that is judged.
        against: the peers of which the fastest is the measure; empty for an absolute bound.
        limit: the largest allowed ratio of our median to theirs; for a bound, the value itself.
        stage: ``"foundation"``, what the first release had to reach, or ``"speed"``, what came after.
        bound: without `against`: ``"floor"``, which the worst sample must reach, or ``"ceiling"``, which the median
            must keep below.
        kernels: judged only where the compiled kernels are installed.
    """

    figure: str
    subject: str
    against: tuple[str, ...]
    limit: float
    stage: str = "foundation"
    bound: str = "floor"
    kernels: bool = False


def _speed(figure: str, limit: float, subject: str = "ranvier", kernels: bool = False) -> Target:
    return Target(figure, subject, _OTHERS, limit, "speed", kernels=kernels)


TARGETS: tuple[Target, ...] = (
    Target("digits", "ranvier", _OTHERS, 1 / 3),
    Target("b2", "ranvier", _OTHERS, 1 / 3),
    Target("cnn", "ranvier", _OTHERS, 1 / 1.3),
    Target("toy_warm", "ranvier", ("keras-jax",), 1 / 20),
    Target("toy_cold", "ranvier", ("keras-jax",), 1.0),
    Target("toy_cold", "ranvier-empty", ("keras-jax",), 1.0),
    Target("import", "ranvier", _KERAS, 0.25),
    Target("first_epoch", "ranvier", _KERAS, 0.5),
    Target("first_epoch", "ranvier-empty", _KERAS, 0.5),
    Target("predict", "ranvier", ("keras-jax",), 0.2),
    Target("accuracy", "ranvier", (), 0.975),
    _speed("digits", 1 / 4),
    _speed("b2", 1 / 3),
    _speed("cnn", 1 / 2.5, kernels=True),
    _speed("cnn", 1 / 1.3, "ranvier-pure"),
    _speed("cifar", 1 / 1.5, kernels=True),
    _speed("mobile", 1.0),
    _speed("lstm", 1 / 1.5),
    _speed("transformer", 1 / 1.5),
    _speed("embedding", 1.0),
    Target("streaming_memmap", "ranvier", (), 0.9, "speed"),
    Target("streaming_hdf5", "ranvier", (), 0.9, "speed"),
    Target("folder_memory", "ranvier", (), 0.9, "speed"),
    _speed("folder", 1.0),
    Target("predict", "ranvier", (), 100e-6, "speed", "ceiling"),
    Target("predict_p99", "ranvier", (), 250e-6, "speed", "ceiling"),
    Target("startup", "ranvier", (), 1.5, "speed", "ceiling"),
)


@dataclass(frozen=True)
class Verdict:
    """What was found for a target.

    Args:
        target: the target.
        rival: the peer compared with; None for a bound or when nothing could be compared.
        value: the ratio of the medians, the worst value for a floor, the median for a ceiling; None when not measured.
        low: the smallest of the ratios round by round (of the values, for a bound).
        high: the largest.
    """

    target: Target
    rival: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None when it was not measured."""
        if self.value is None:
            return None
        floor = not self.target.against and self.target.bound == "floor"
        return self.value >= self.target.limit if floor else self.value <= self.target.limit

    @property
    def word(self) -> str:
        """``met``, ``missed`` or ``not measured``."""
        return {True: "met", False: "missed", None: "not measured"}[self.met]


def judge(samples: Mapping[str, Mapping[str, Rounds]]) -> list[Verdict]:
    """The verdicts on all targets, from samples by figure and peer."""
    assert {t.figure for t in TARGETS} <= {f.key for f in FIGURES}
    return [_judge(target, samples.get(target.figure, {})) for target in TARGETS]


def _judge(target: Target, samples: Mapping[str, Rounds]) -> Verdict:
    middle = medians(samples)
    if target.subject not in middle or (target.kernels and _PURE not in middle):
        return Verdict(target)
    ours = samples[target.subject]
    if not target.against:
        # A floor holds for every seed: the worst counts.
        low, high = min(flat(ours)), max(flat(ours))
        return Verdict(target, None, low if target.bound == "floor" else middle[target.subject], low, high)
    rival = fastest(middle, target.against)
    if rival is None:
        return Verdict(target)
    pairs = paired_ratios(ours, samples[rival])
    value = middle[target.subject] / middle[rival]
    return Verdict(target, rival, value, min(pairs, default=value), max(pairs, default=value))
