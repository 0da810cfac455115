"""Hundreds of hostile files: each is refused with one of our errors, in time, in bounds, and nothing else happens."""

from __future__ import annotations

import collections
import functools
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from . import code, hdf5s, others, sizes, zips
from .case import SECRET, Hostile, keras_file, weights

KINDS = (
    "archives", "code", "cut short", "hdf5 bytes", "hdf5 links", "hdf5 sizes", "json", "names", "numbers", "reach",
    "safetensors", "shards", "sizes", "types", "zip bombs", "zip lies", "zip names", "zip overlaps",
)  # fmt: skip
LONGEST, SECONDS, MEMORY = 1000, 30, 256 << 20


def run_child(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Reports of the child for every file, which is started again after a crash."""
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "TMPDIR": str(folder / "tmp"), "no_proxy": "*"}
    command = [sys.executable, str(Path(__file__).parent / "child.py"), str(folder), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1500, check=False)
    lines = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    return list({line["name"]: line for line in lines}.values())


def prepare(folder: Path) -> None:
    """What lies around hostile files: good ones, a secret, and code that must never run."""
    for name in ("files", "tmp", "cache"):
        (folder / name).mkdir()
    (folder / "secret.txt").write_text(SECRET * 10)
    (folder / "hostile_canary.py").write_text("open('canary', 'w').write('ran')\n")
    with h5py.File(folder / "other.h5", "w") as file:
        file["secret"] = np.frombuffer((SECRET * 2)[:48].encode(), "f4").reshape(4, 3)
    (folder / "good.keras").write_bytes(keras_file())
    (folder / "good.weights.h5").write_bytes(weights())
    (folder / "good.safetensors").write_bytes(others.tensors())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.txt", "a")
    (folder / "good.zip").write_bytes(content.getvalue())
    with tarfile.open(folder / "good.tar", "w") as tar:
        tar.add(folder / "secret.txt", "a.txt")


@functools.cache
def everything() -> list[Hostile]:
    """The corpus."""
    return [case for module in (code, sizes, zips, hdf5s, others) for case in module.hostile()]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hostile")
    prepare(folder)
    cases: dict[str, Hostile] = {}
    for number, case in enumerate(everything()):
        name = f"{number:03}{case.ending}"
        path = folder / "files" / name
        if isinstance(case.data, dict):
            path = folder / "files" / str(number) / ("index" + case.ending)
            path.parent.mkdir()
            name = str(path.relative_to(folder / "files"))
            for file, data in case.data.items():
                (path if file == "main" else path.parent / file).write_bytes(data)
        else:
            path.write_bytes(case.data)
        cases[name] = case
    (folder / "index.json").write_text(json.dumps(list(cases)))
    places = {path.relative_to(folder) for path in folder.rglob("*") if "cache" not in path.parts}
    found: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for report in run_child(folder, "corpus"):
        case = cases[report["name"]]
        size = sum(map(len, case.data.values())) if isinstance(case.data, dict) else len(case.data)
        found[case.kind].append({**report, "case": case.name, "size": size})
    left = (
        {p.relative_to(folder) for p in folder.rglob("*") if "cache" not in p.parts} - places - {Path("report.jsonl")}
    )
    left = {path for path in left if "__pycache__" not in path.parts}
    expected = {"datasets", "good.zip_content", "good.tar_content"}
    unpacked = [p.name for p in (folder / "cache").rglob("*") if p.is_dir() and p.name not in expected]
    escaped = [p for p in (Path("/tmp/escaped"), Path("/escaped"), folder.parent / "escaped") if p.exists()]
    found["after"] = [{"left": sorted(map(str, left)), "unpacked": unpacked, "escaped": escaped}]
    return found


def test_the_corpus_is_large_and_has_every_class():
    cases = everything()
    counts = collections.Counter(case.kind for case in cases)
    assert set(counts) == set(KINDS)
    assert len(cases) >= 400
    assert min(counts.values()) >= 5, counts
    assert len({(case.kind, case.name, case.ending) for case in cases}) == len(cases)


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_refused(reports: dict[str, list[dict[str, Any]]], kind: str):
    wrong = []
    for report in reports[kind]:
        faults = []
        if report["outcome"] != "refused":
            faults.append(report["outcome"])
        elif not 20 <= report["length"] <= LONGEST:
            faults.append(f"a message of {report['length']} characters")
        if SECRET[:12] in report.get("message", ""):
            faults.append("leaked")
        if report.get("seen"):
            faults.append(f"did {report['seen']}")
        if report.get("seconds", 0) > SECONDS:
            faults.append(f"took {report['seconds']:.0f} s")
        if any(
            word in report.get("message", "") for word in ("MemoryError", "Unable to allocate", "RESOURCE_EXHAUSTED")
        ):
            faults.append("was stopped by the memory's end, not by us")
        if report.get("grown", 0) > 2 * report["size"] + MEMORY:
            faults.append(f"took {report['grown'] >> 20} MiB for {report['size']:,} bytes")
        if faults:
            wrong.append(f"{report['case']}: {'; '.join(faults)} {report.get('message', '')[:300]}")
    assert reports[kind]
    assert not wrong, f"{len(wrong)} of {len(reports[kind])}:\n" + "\n".join(wrong)


def test_nothing_is_left_behind(reports: dict[str, list[dict[str, Any]]]):
    assert reports["after"] == [{"left": [], "unpacked": [], "escaped": []}]
