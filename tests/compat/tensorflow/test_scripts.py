"""Programs as people write them for TensorFlow 2 run without a changed character."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent.parent / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_program_runs(script: Path, tmp_path: Path):
    environment = {k: v for k, v in os.environ.items() if k != "RANVIER_TRACEBACK_FILTERING"}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-m", "ranvier", "run", "-q", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "done"
