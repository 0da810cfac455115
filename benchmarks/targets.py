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


@dataclass(frozen=True)
class Target:
    """What `subject` must reach.

    Args:
        figure: the key of the figure.
        subject: the peer that is judged.
        against: the peers of which the fastest is the measure; empty for an absolute floor.
        limit: the largest allowed ratio of our median to theirs; for a floor, the smallest allowed value.
    """

    figure: str
    subject: str
    against: tuple[str, ...]
    limit: float


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
)


@dataclass(frozen=True)
class Verdict:
    """What was found for a target.

    Args:
        target: the target.
        rival: the peer compared with; None for a floor or when nothing could be compared.
        value: the ratio of the medians, or the worst value for a floor; None when not measured.
        low: the smallest of the ratios round by round (of the values, for a floor).
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
        return self.value <= self.target.limit if self.target.against else self.value >= self.target.limit

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
    if target.subject not in middle:
        return Verdict(target)
    ours = samples[target.subject]
    if not target.against:
        # A floor holds for every seed: the worst counts.
        return Verdict(target, None, min(flat(ours)), min(flat(ours)), max(flat(ours)))
    rival = fastest(middle, target.against)
    if rival is None:
        return Verdict(target)
    pairs = paired_ratios(ours, samples[rival])
    value = middle[target.subject] / middle[rival]
    return Verdict(target, rival, value, min(pairs, default=value), max(pairs, default=value))
