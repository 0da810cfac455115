"""Good files with bits flipped or ends cut off: equal, or refused by one of our errors; never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_corpus import prepare, run_child

FILES = ["good.keras", "good.weights.h5", "good.safetensors", "good.h5"]


def _check(folder: Path, name: str, begin: int, end: int) -> None:
    import ranvier

    prepare(folder)
    if name == "good.h5":
        ranvier.models.load_model(folder / "good.keras").save(folder / name)
    # Only the archive has checksums: in the other formats a changed number is a number.
    fine = {"refused", "equal"} if name == "good.keras" else {"refused", "equal", "differs"}
    reports = run_child(folder, "damage", name, str(begin), str(end))
    wrong = [r for r in reports if r["outcome"] not in fine or r["length"] > 1000 or r["seen"] or r["seconds"] > 30
             or r["grown"] > 256 << 20]  # fmt: skip
    assert not wrong, wrong[:5]
    outcomes = [r["outcome"] for r in reports]
    assert outcomes.count("refused") > len(outcomes) // 10
    assert len(outcomes) == end - begin


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(tmp_path: Path, name: str):
    _check(tmp_path, name, 0, 120)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_damaged_files(tmp_path: Path, name: str):
    _check(tmp_path, name, 1000, 4000)
