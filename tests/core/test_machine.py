"""Memory is what the system says that programs can have, and a container its limit."""

import os

import pytest

from ranvier.core import machine


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Files in the form of Linux's, which may be absent."""

    def write(**contents):
        for name, text in contents.items():
            (tmp_path / name).write_text(text)
            monkeypatch.setattr(machine, name, str(tmp_path / name))

    for name in ("_AVAILABLE", "_LIMIT", "_USED"):
        monkeypatch.setattr(machine, name, str(tmp_path / "absent"))
    return write


def test_linux_says_what_is_available(system):
    system(_AVAILABLE="MemTotal: 4000 kB\nMemFree: 1000 kB\nMemAvailable:    3000 kB\n")
    assert machine.free_memory() == 3000 * 1024


@pytest.mark.parametrize(
    ("limit", "used", "expected"), [("100000\n", "40000\n", 60000), ("9", "10", 0), ("max\n", "5", 3 << 20)]
)
def test_a_container_has_what_its_limit_leaves(system, limit, used, expected):
    system(_AVAILABLE="MemAvailable: 3072 kB\n", _LIMIT=limit, _USED=used)
    assert machine.free_memory() == expected


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="a system that does not say")
@pytest.mark.parametrize("text", [None, "MemTotal: 4000 kB\n", "MemAvailable: many kB\n"])
def test_other_systems_say_what_is_unused(system, monkeypatch, text):
    if text is not None:
        system(_AVAILABLE=text)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_AVPHYS_PAGES": 5, "SC_PHYS_PAGES": 7}.__getitem__)
    assert machine.free_memory() == 5 * 4096
    assert machine.total_memory() == 7 * 4096


def test_a_system_that_does_not_say(system, monkeypatch):
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert machine.free_memory() == 0
    assert machine.total_memory() >= 1 << 40
