"""The program of ``ranvier run`` in the processes that it spawns: they import it anew, and `keras` is ranvier there, too.

`multiprocessing` lets a new process run the program's file under the name ``__mp_main__``. Here it runs
`spawned` instead, which installs the faces first.
"""

from __future__ import annotations

import json
import os
import runpy
import types
from pathlib import Path
from typing import Any

from ..compat import install
from .text import run_text

__all__ = ["follow", "let_workers_follow"]

_VARIABLE = "RANVIER_RUNS"


def let_workers_follow(program: dict[str, Any]) -> None:
    """See that processes spawned from now on install the faces before they import the program.

    Args:
        program: its `file` or `module`, its `folder`, and `also`, the packages that get the faces.
    """
    from multiprocessing import spawn

    original = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        data = original(name)
        if data.pop("init_main_from_path", None) or data.pop("init_main_from_name", None):
            data["init_main_from_name"] = "ranvier.cli.spawned"
        return data

    os.environ[_VARIABLE] = json.dumps(program)
    spawn.get_preparation_data = get_preparation_data


def follow() -> dict[str, Any]:
    """In a spawned process: the names of the program, imported."""
    program = json.loads(os.environ[_VARIABLE])
    install(program["also"], folder=program["folder"] or None)
    if program.get("module"):
        return runpy.run_module(program["module"], run_name="__mp_main__")
    main = types.ModuleType("__mp_main__")
    run_text(main, Path(program["file"]).read_bytes(), program["file"], program["file"])
    return main.__dict__
