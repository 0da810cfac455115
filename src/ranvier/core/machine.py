"""What this machine has."""

from __future__ import annotations

import os

__all__ = ["free_memory", "room_to_keep", "total_memory"]

_AVAILABLE = "/proc/meminfo"  # Linux: what programs can have, the system's own copies of files counted as free
_LIMIT, _USED = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"  # of a container


def total_memory() -> int:
    """Bytes of this machine's memory; where the system does not say, those of a large one."""
    return _pages("SC_PHYS_PAGES") or 1 << 40


def free_memory() -> int:
    """Bytes of memory that can be had without taking them from somebody; 0 where the system does not say."""
    return min(_available() or _pages("SC_AVPHYS_PAGES"), _left_to_container())


def room_to_keep() -> int:
    """Bytes that what was read from files may take, to be spared reading it again: a quarter of what is free."""
    return free_memory() // 4


def _pages(name: str) -> int:
    try:
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def _available() -> int:
    try:
        with open(_AVAILABLE, encoding="ascii") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:")), 0)
    except (OSError, ValueError):
        return 0


def _left_to_container() -> int:
    try:
        with open(_LIMIT, encoding="ascii") as limit, open(_USED, encoding="ascii") as used:
            return max(int(limit.read()) - int(used.read()), 0)
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return 1 << 62
