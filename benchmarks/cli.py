"""The command line: choose, measure, report."""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, peers, plan
from benchmarks.kept import Kept, joined
from benchmarks.measure import ROOT, run_all
from benchmarks.report import markdown, print_report, report

__all__ = ["main", "parse_arguments"]

_OUT = ROOT / "benchmarks" / "out"
_DATA = ROOT / "src" / "ranvier" / "datasets" / "data" / "mnist.npz"


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; unknown peers, workloads and impossible combinations end the program with a message."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round, about two minutes")
    parser.add_argument("--only", metavar="WORKLOAD", nargs="+", choices=plan.WORKLOADS, help=", ".join(plan.WORKLOADS))
    parser.add_argument("--peers", metavar="PEER", nargs="+", help=", ".join(p.key for p in peers.PEERS))
    parser.add_argument("--rounds", type=int, help="processes per peer and workload, instead of the plan's")
    parser.add_argument("--data", type=Path, default=_DATA, help="mnist.npz, where it is not the package's own")
    parser.add_argument("--out", type=Path, default=_OUT, help="folder for results.json and results.png")
    parser.add_argument(
        "--resume", action="store_true", help="keep the workloads that an earlier run finished in --out"
    )
    parser.add_argument("--publish", action="store_true", help="also write RESULTS.md and docs/images/benchmarks.png")
    options = parser.parse_args(arguments)
    try:
        options.peers = peers.choose(options.peers)
        options.sizes = plan.sizes(options.quick, options.rounds)
    except ValueError as error:
        parser.error(str(error))
    if options.publish and (options.quick or (options.only and not options.resume)):
        parser.error("--publish needs a full run: leave --quick and --only out")
    options.workloads = list(plan.WORKLOADS)
    if options.only:
        options.workloads = [w for w in plan.WORKLOADS if w in options.only]
    elif options.quick:
        options.workloads.remove("accuracy")
    if not options.data.exists() and plan.NEED_MNIST.intersection(options.workloads):
        parser.error("mnist.npz is not in the package; say where it is with --data")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; 1 if a peer failed, else 0."""
    options = parse_arguments(arguments)
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=130)
    present = [p for p in options.peers if peers.installed(p)]
    missing = [p.key for p in options.peers if p not in present]
    if missing:
        console.print(f"Not installed and skipped: {', '.join(missing)}")
    with console.status("starting") as status:

        def tell(text: str) -> None:
            status.update(text)
            if "failed" in text or not console.is_terminal:
                console.print(text, markup=False, highlight=False)

        kept = Kept(options.out / "finished.json", present, options.sizes)
        finished = kept.read() if options.resume else {}
        for workload in options.workloads:
            if workload not in finished:
                measured = run_all(present, [workload], options.sizes, options.data.resolve(), tell)
                finished[workload] = measured
                kept.write(finished)
    samples, failures = joined(finished)
    unmeasured = [w for w in plan.WORKLOADS if w not in finished]
    if options.publish and unmeasured:
        console.print(f"Not published: {', '.join(unmeasured)} not measured yet.")
        options.publish = False
    found = report(
        samples,
        failures,
        missing,
        machine.describe(),
        {name: version for p in present for name, version in peers.versions(p).items()},
        options.sizes,
        options.quick,
        datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    print_report(found, console)
    try:
        from benchmarks.picture import draw

        draw(found, options.out / "results.png")
        if options.publish:
            draw(found, ROOT / "docs" / "images" / "benchmarks.png")
    except ModuleNotFoundError as error:
        console.print(f"No picture: {error.name} is not installed.")
    if options.publish:
        (ROOT / "benchmarks" / "RESULTS.md").write_text(markdown(found, "../docs/images/benchmarks.png"))
        (ROOT / "benchmarks" / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    return 1 if failures else 0
