"""Statistics of the samples: medians, quartiles, ratios to the fastest, ratios round by round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

__all__ = ["fastest", "flat", "medians", "paired_ratios", "quantile", "ratios", "spread"]

# Samples of one figure: for every peer its rounds, for every round the samples of that process.
Rounds = Sequence[Sequence[float]]


def flat(rounds: Rounds) -> list[float]:
    """All samples of a peer in one list."""
    return [s for r in rounds for s in r]


def quantile(values: Iterable[float], q: float) -> float:
    """The `q` quantile (0 to 1), linear between neighbours as NumPy's default.

    >>> quantile([1.0, 2.0, 3.0, 5.0], 0.5)
    2.5
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    at = q * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def spread(rounds: Rounds) -> dict[str, float | int]:
    """Median, quartiles, extremes and number of a peer's samples."""
    values = flat(rounds)
    return {
        "median": median(values),
        "q1": quantile(values, 0.25),
        "q3": quantile(values, 0.75),
        "min": min(values),
        "max": max(values),
        "samples": len(values),
    }


def medians(samples: Mapping[str, Rounds]) -> dict[str, float]:
    """The median of every peer that has samples."""
    return {peer: median(flat(rounds)) for peer, rounds in samples.items() if flat(rounds)}


def fastest(middle: Mapping[str, float], among: Iterable[str]) -> str | None:
    """The peer with the smallest median among these; None when none was measured."""
    return min((p for p in among if p in middle), key=lambda p: middle[p], default=None)


def ratios(middle: Mapping[str, float]) -> dict[str, float]:
    """Every median as a multiple of the smallest."""
    best = min(middle.values(), default=0.0)
    return {peer: value / best if best else float("inf") for peer, value in middle.items()}


def paired_ratios(ours: Rounds, theirs: Rounds) -> list[float]:
    """Our median over theirs in each round that both finished: drift of the machine hits both alike."""
    return [median(a) / median(b) for a, b in zip(ours, theirs, strict=False) if a and b]
