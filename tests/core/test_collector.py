"""The garbage collector rests while JAX is imported and programs are traced, and only then."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from ranvier.core.collector import collector_at_rest


@pytest.fixture
def frozen():
    gc.freeze()
    yield gc.get_freeze_count()
    gc.unfreeze()


def test_afterwards_it_works_as_before():
    with collector_at_rest():
        assert not gc.isenabled()
        with collector_at_rest():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_errors_do_not_leave_it_at_rest():
    with pytest.raises(ZeroDivisionError), collector_at_rest():
        _ = 1 / 0
    assert gc.isenabled()


def test_who_has_switched_it_off_finds_it_off():
    gc.disable()
    try:
        with collector_at_rest():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_garbage_made_meanwhile_is_found_later():
    class Tie:
        gone = False

        def __del__(self):
            Tie.gone = True

    with collector_at_rest():
        tie = Tie()
        tie.itself = tie  # type: ignore[attr-defined]
        del tie
    assert not Tie.gone
    gc.collect()
    assert Tie.gone


def test_what_others_froze_stays_frozen(frozen: int):
    with collector_at_rest():
        pass
    assert gc.get_freeze_count() > frozen // 2


@pytest.mark.parametrize("imported", ["import ranvier; ranvier.layers", "from ranvier.layers import Dense"])
def test_importing_jax_looks_through_everything_hardly_ever(imported: str):
    code = f"import gc, numpy; {imported}; print(gc.isenabled(), gc.get_stats()[2]['collections'])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert out[0] == "True"
    assert int(out[1]) <= 1
