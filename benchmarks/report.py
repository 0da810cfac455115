"""The report: as data (JSON), as tables on the terminal, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.peers import PEERS
from benchmarks.plan import FIGURES, Size
from benchmarks.summary import medians, ratios, spread
from benchmarks.targets import TARGETS, Verdict, judge

__all__ = ["amount", "markdown", "multiple", "print_report", "report", "target_words", "verdict_words"]

LABELS = {p.key: p.label for p in PEERS}
TITLES = {f.key: f for f in FIGURES}


def report(
    samples: Mapping[str, Mapping[str, list[list[float]]]],
    failures: Mapping[str, Mapping[str, str]],
    missing: list[str],
    machine: Mapping[str, Any],
    versions: Mapping[str, str],
    table: Mapping[str, Size],
    quick: bool,
    date: str,
) -> dict[str, Any]:
    """Everything that was found, ready for JSON. Failures keep only their kind: messages may hold paths."""
    figures = {}
    for figure in FIGURES:
        rounds = samples.get(figure.key)
        if not rounds:
            continue
        multiples = ratios(medians(rounds)) if figure.unit in ("s", "bytes") else {}
        figures[figure.key] = {
            "title": figure.heading(vars(table[figure.workload])),
            "unit": figure.unit,
            "peers": {
                peer: {**spread(values), "ratio_to_best": multiples.get(peer), "rounds": values}
                for peer, values in rounds.items()
            },
        }
    return {
        "format": 1,
        "date": date,
        "quick": quick,
        "machine": dict(machine),
        "versions": dict(versions),
        "sizes": {w: vars(s) for w, s in table.items() if any(TITLES[k].workload == w for k in figures)},
        "not_installed": missing,
        "failures": {w: {p: m.split(":")[0] for p, m in f.items()} for w, f in failures.items()},
        "figures": figures,
        "targets": [_verdict_data(v) for v in judge(samples)],
    }


def _verdict_data(verdict: Verdict) -> dict[str, Any]:
    target = verdict.target
    return {
        "figure": target.figure,
        "subject": target.subject,
        "stage": target.stage,
        "limit": target.limit,
        "compared_with": verdict.rival,
        "value": verdict.value,
        "range_over_rounds": [verdict.low, verdict.high],
        "verdict": verdict.word,
    }


def amount(value: float, unit: str) -> str:
    """A figure for people, three digits.

    >>> amount(0.4567, "s"), amount(0.00001234, "s"), amount(0.97825, "share"), amount(5e8, "bytes")
    ('457 ms', '12.3 µs', '0.9782', '477 MiB')
    """
    if unit in ("share", "ratio"):
        return f"{value:.4f}" if unit == "share" else f"{value:.2f}"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale or name == "µs":
            scaled = value / scale
            return f"{scaled:.{max(0, 2 - len(str(int(scaled))) + 1)}f} {name}"
    raise AssertionError


def multiple(value: float) -> str:
    """A ratio for people.

    >>> multiple(1.0), multiple(3.456), multiple(123.4)
    ('1.00×', '3.46×', '123×')
    """
    return f"{value:.2f}×" if value < 10 else f"{value:.1f}×" if value < 100 else f"{value:.0f}×"


def target_words(verdict: Verdict) -> tuple[str, str]:
    """What a target asks, and what was found, for people."""
    target = verdict.target
    if not target.against:
        unit = TITLES[target.figure].unit
        if target.bound == "ceiling":
            asked = f"at most {amount(target.limit, unit)}"
            found = "" if verdict.value is None else amount(verdict.value, unit)
        else:
            asked = f"at least {target.limit:g} for every seed"
            found = "" if verdict.low is None or verdict.high is None else _span(verdict.low, verdict.high, unit)
        return asked, found
    against = LABELS[target.against[0]] if len(target.against) == 1 else _group(target.against)
    asked = f"at most {target.limit:.3g}× {against}"
    if verdict.value is None or verdict.rival is None:
        return asked, ""
    found = f"{verdict.value:.3g}× {LABELS[verdict.rival]} ({verdict.low:.3g} to {verdict.high:.3g})"
    return asked, found


def _span(low: float, high: float, unit: str) -> str:
    return f"{amount(low, unit)} to {amount(high, unit)}"


def _group(keys: tuple[str, ...]) -> str:
    return "the fastest Keras" if all(k.startswith("keras") for k in keys) else "the fastest peer"


def verdict_words(found: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """A line of a report for every target: stage, what, asked, found, verdict."""
    samples = {k: {p: v["rounds"] for p, v in f["peers"].items()} for k, f in found["figures"].items()}
    lines = []
    for verdict in judge(samples):
        key = verdict.target.figure
        title = (
            found["figures"][key]["title"] if key in found["figures"] else re.sub(r",[^,]*\{.*", "", TITLES[key].title)
        )
        if verdict.target.subject != "ranvier":
            title += f" ({LABELS[verdict.target.subject]})"
        elif verdict.target.kernels:
            title += " (with kernels)"
        lines.append((verdict.target.stage, title, *target_words(verdict), verdict.word))
    return lines


def _cell(figure: Mapping[str, Any], key: str, gap: str) -> tuple[str, bool]:
    """A peer's median and multiple, and whether it is the best."""
    peers = figure["peers"]
    if key not in peers:
        return "–", False
    text = amount(peers[key]["median"], figure["unit"])
    multiple_ = peers[key]["ratio_to_best"]
    if multiple_ is None:
        return text, False
    return f"{text}{gap}{multiple(multiple_)}", multiple_ == 1.0


def _columns(found: Mapping[str, Any]) -> list[str]:
    return [p.key for p in PEERS if any(p.key in f["peers"] for f in found["figures"].values())]


def print_report(found: Mapping[str, Any], console: Any) -> None:
    """The tables on the terminal: medians with ratios to the best, then the targets."""
    from rich.table import Table

    columns = _columns(found)
    table = Table(
        title="Medians, and multiples of the best of the row" + (" (quick run)" if found["quick"] else ""),
        show_lines=True,
    )
    table.add_column("", min_width=24)
    for key in columns:
        table.add_column(LABELS[key], justify="right", style="bold" if key == "ranvier" else None)
    for figure in found["figures"].values():
        cells = [_cell(figure, c, "\n") for c in columns]
        table.add_row(figure["title"], *(f"[green]{text}[/]" if best else text for text, best in cells))
    console.print(table)
    targets = Table(title="Targets" + (" (quick run: sizes too small to judge by)" if found["quick"] else ""))
    for name in ("stage", "", "asked", "found (round by round)", ""):
        targets.add_column(name)
    colours = {"met": "green", "missed": "red", "not measured": "dim"}
    for *words, verdict in verdict_words(found):
        targets.add_row(*words, f"[{colours[verdict]}]{verdict}[/]")
    console.print(targets)
    for workload, failed in found["failures"].items():
        for peer, kind in failed.items():
            console.print(f"[red]{LABELS[peer]} failed in {workload}: {kind}[/]")
    if found["not_installed"]:
        console.print("Not installed and skipped: " + ", ".join(LABELS[k] for k in found["not_installed"]))


def _markdown_table(head: list[str], rows: list[list[str]]) -> list[str]:
    right = ["---"] + ["---:"] * (len(head) - 1)
    return [f"| {' | '.join(line)} |" for line in [head, right, *rows]]


def markdown(found: Mapping[str, Any], picture: str) -> str:
    """The report as Markdown, with the picture at this address."""
    machine = found["machine"]
    memory = f", {machine['memory_gib']} GiB" if machine.get("memory_gib") else ""
    columns = _columns(found)
    rows: dict[bool, list[list[str]]] = {False: [], True: []}
    for figure in found["figures"].values():
        cells = [_cell(figure, c, " · ") for c in columns]
        row = [figure["title"], *(f"**{text}**" if best else text for text, best in cells)]
        rows[figure["unit"] == "bytes"].append(row)
    head = ["", *(LABELS[c] for c in columns)]
    words = verdict_words(found)
    met = sum(w[-1] == "met" for w in words)
    lines = [
        "# Benchmark results",
        "",
        "Written by `python -m benchmarks --publish`; [README.md](README.md) says what is compared and how.",
        "",
        f"{found['date']}, {machine['cpu']}, {machine['architecture']}, {machine['cores']} cores{memory}, "
        f"{machine['system']}, Python {machine['python']}. "
        + ", ".join(f"{name} {version}" for name, version in found["versions"].items())
        + ".",
        "",
        f"![Medians of every peer, labelled with multiples of the best]({picture})",
        "",
        "## Medians",
        "",
        "After the median the multiple of the best of the row, which is bold.",
        "",
        *_markdown_table(head, rows[False]),
        "",
        "## Peak memory",
        "",
        *_markdown_table(head, rows[True]),
        "",
        "## Targets",
        "",
        f"{met} of {len(TARGETS)} met. Ratios are ranvier's median over the other's; in parentheses the smallest and "
        "largest of the ratios taken round by round.",
        "",
        *_markdown_table(["stage", "", "asked", "found", "verdict"], [list(w) for w in words]),
        "",
    ]
    if found["failures"]:
        lines += ["## Failed", ""]
        lines += [f"- {LABELS[p]} in {w}: {k}" for w, f in found["failures"].items() for p, k in f.items()] + [""]
    if found["not_installed"]:
        lines += ["Not installed and skipped: " + ", ".join(LABELS[k] for k in found["not_installed"]) + ".", ""]
    lines += [
        "Rounds, processes a peer, interleaved over the peers: "
        + ", ".join(f"{w} {s['rounds']}" for w, s in found["sizes"].items())
        + ".",
        "",
    ]
    return "\n".join(lines)
