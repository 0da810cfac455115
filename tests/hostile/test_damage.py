"""Good files with bits flipped or ends cut off: equal, or refused by one of our errors; never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_corpus import prepare, run_child

FILES = ["good.keras", "good.weights.h5", "good.safetensors", "good.h5"]


def _check(folder: Path, name: str, begin: int, end: int) -> None:
    import ranvier

    prepare(folder)
    model = ranvier.models.load_model(folder / "good.keras")
    if name in ("good.h5", "good.keras"):
        model.save(folder / name)
    else:
        model.save_weights(folder / name)
    reports = run_child(folder, "damage", name, str(begin), str(end))
    wrong = [r for r in reports if r["outcome"] not in ("refused", "equal") or r["length"] > 1000 or r["seen"] or r["seconds"] > 30
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
