"""Compiled programs outlive the process: a second start compiles nothing. Each start is a process of its own."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import jax, numpy as np
jax.numpy.ones(3) + 1  # JAX has compiled before ranvier is there
compiled = []
from jax._src import compiler
inner = compiler.backend_compile_and_load
compiler.backend_compile_and_load = lambda *a, **k: (compiled.append(1), inner(*a, **k))[1]
import ranvier
model = ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Dense(1)])
model.compile("sgd", "mse")
for _ in range(2):
    model.fit(np.ones((8, 2), "float32"), np.ones((8, 1), "float32"), batch_size=4, epochs=2, verbose=0)
print(len(compiled))
"""


def compilations(**environment):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_COMPILATION", "RANVIER"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], env=kept | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def test_a_second_start_compiles_nothing_and_a_second_fit_neither(tmp_path):
    assert compilations(RANVIER_HOME=str(tmp_path)) == 1
    assert any((tmp_path / "xla").iterdir())
    assert compilations(RANVIER_HOME=str(tmp_path)) == 0


def test_the_cache_can_be_switched_off(tmp_path):
    assert compilations(RANVIER_HOME=str(tmp_path), RANVIER_COMPILATION_CACHE="0") == 1
    assert not (tmp_path / "xla").exists()


@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path, home):
    (tmp_path / "file").write_text("")
    assert compilations(RANVIER_HOME=str(tmp_path / home)) == 1
