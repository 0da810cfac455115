"""Training on 8 devices, and on two processes, gives what one device gives."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("default")


# A loaded machine may keep one device waiting for another for minutes; XLA ends the process after 40 seconds.
_PATIENCE = "--xla_cpu_collective_call_terminate_timeout_seconds=600 --xla_cpu_collective_timeout_seconds=600"


def _start(ways: list[str], devices: int, **environment: str) -> subprocess.Popen[str]:
    flags = f"--xla_force_host_platform_device_count={devices} {_PATIENCE}"
    variables = os.environ | {"XLA_FLAGS": flags} | environment
    return subprocess.Popen(
        [sys.executable, "-m", "tests.distribution.train", *ways],
        env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err[-3000:]
    return json.loads(next(line for line in out.splitlines() if line.startswith("RESULT "))[7:])


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    """What one device gives."""
    return _result(_start(["one"], 1))["one"]


def _same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for key in ("history", "scores", "predictions"):
        for a, b in zip(jax.tree.leaves(found[key]), jax.tree.leaves(expected[key]), strict=True):
            np.testing.assert_allclose(a, b, rtol=5e-4, atol=5e-5, err_msg=key)


def test_eight_devices(alone: dict[str, Any]):
    found = _result(_start(["data", "model"], 8))
    for way in ("data", "model"):
        _same(found[way], alone)
        assert found[way]["devices"] == 8
        assert found[way]["collective"], "the devices must add up their gradients"
    assert not alone["collective"]
    assert found["data"]["piece"] == [12, 16]
    assert found["model"]["piece"] == [12, 4]
    assert found["model"]["slot"] == [12, 4], "the optimizer's slots lie as the weights do"


def test_two_processes(alone: dict[str, Any]):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    both = [_start(["data", "stream"], 1, RANVIER_TEST_PROCESS=str(i), RANVIER_TEST_ADDRESS=address) for i in range(2)]
    results = [_result(process) for process in both]
    for found in results:
        assert found["data"]["devices"] == 2
        _same(found["data"], alone)
    assert results[0]["stream"]["history"] == results[1]["stream"]["history"]
    expected = _result(_start(["stream"], 1))["stream"]
    _same(results[0]["stream"], expected)
