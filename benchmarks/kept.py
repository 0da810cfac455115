"""What a run has finished so far, kept on disk: a run of an hour that is interrupted goes on where it stopped.

The unit is a workload: all its peers are measured side by side in one go, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Samples
from benchmarks.peers import Peer, versions
from benchmarks.plan import Size

__all__ = ["Finished", "Kept", "joined"]

# For each workload its samples by figure and peer, and the failures by workload and peer.
Finished = dict[str, tuple[Samples, dict[str, dict[str, str]]]]


class Kept:
    """The file of finished workloads.

    Args:
        path: the file.
        peers: who takes part; with other peers or other versions of them nothing kept counts.
        sizes: how much of each workload is run; a workload of another size does not count.
    """

    def __init__(self, path: Path, peers: Sequence[Peer], sizes: Mapping[str, Size]):
        self.path = path
        self.peers = {peer.key: versions(peer) for peer in peers}
        self.sizes = {workload: vars(size) for workload, size in sizes.items()}

    def read(self) -> Finished:
        """The workloads that were finished by the same peers in the same size."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        if found["peers"] != self.peers:
            return {}
        return {
            workload: (entry["samples"], entry["failures"])
            for workload, entry in found["workloads"].items()
            if entry["size"] == self.sizes.get(workload)
        }

    def write(self, finished: Finished) -> None:
        """Keep `finished`; what was kept before stays whole until all of it is written."""
        workloads = {
            workload: {"size": self.sizes[workload], "samples": samples, "failures": failures}
            for workload, (samples, failures) in finished.items()
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"peers": self.peers, "workloads": workloads}) + "\n")
        unfinished.replace(self.path)


def joined(finished: Finished) -> tuple[Samples, dict[str, dict[str, str]]]:
    """Samples and failures of all workloads."""
    samples: Samples = {}
    failures: dict[str, dict[str, str]] = {}
    for some, failed in finished.values():
        samples |= some
        failures |= failed
    return samples, failures
