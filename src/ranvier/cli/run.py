"""``ranvier run script.py``: run a program that says ``import keras`` or ``import tensorflow`` on ranvier, unchanged.

The program sees what Python itself would give it: its arguments, `__main__`, `__file__`, its folder on `sys.path`, the
exit status, and tracebacks that begin with its own first line.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compat import announce, install
from ..core.tracebacks import is_traceback_filtering_enabled, of_others
from . import text
from .text import run_text
from .worker import let_workers_follow

__all__ = ["add_to", "run"]

_INTERRUPTED = 130  # what shells show of a program that Ctrl-C ended


def add_to(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="run a Keras or TensorFlow program on ranvier, unchanged",
        description="Run a program in which 'import keras', 'import tf_keras' and 'import tensorflow' mean ranvier.",
        usage="ranvier run [-q] [--also PACKAGE] (script.py | -m MODULE | -c CODE | -) [argument ...]",
    )
    rest = argparse.REMAINDER
    parser.add_argument("-q", "--quiet", action="store_true", help="do not say that ranvier runs the program")
    parser.add_argument(
        "--also", action="append", default=[], metavar="PACKAGE",
        help="an installed package that is to get ranvier, too, when it imports keras or tensorflow",
    )  # fmt: skip
    parser.add_argument("-m", nargs=rest, dest="module", metavar="MODULE", help="run a module by its name")
    parser.add_argument("-c", nargs=rest, dest="code", metavar="CODE", help="run this text")
    parser.add_argument("program", nargs=rest, metavar="script.py", help="the script, or - for standard input")
    parser.set_defaults(run=run, parser=parser)


@dataclass(frozen=True)
class _Program:
    """What is to be run: how it is named, where its modules are, how it starts, and how a spawned process imports it."""

    words: list[str]
    what: str
    folder: str
    start: Callable[[], Any]
    again: dict[str, str] | None = None


def run(given: argparse.Namespace) -> int:
    """Run the program; returns the status with which the process is to end."""
    program = _chosen(given)
    if program is None:
        return 2
    sys.argv[:] = program.words
    sys.path.insert(0, program.folder)
    if not given.quiet:
        announce(program.what)
    install(given.also, folder=program.folder or None)
    if program.again is not None:
        let_workers_follow({"also": given.also, "folder": program.folder, **program.again})
    return _ended(program.start)


def _chosen(given: argparse.Namespace) -> _Program | None:
    """The program that the command line names; None after a message, if there is none."""
    if given.module:
        name = given.module[0]
        return _Program(given.module, f"module {name}", os.getcwd(), lambda: _run_module(name), {"module": name})
    if given.code:
        words, code = ["-c", *given.code[1:]], given.code[0].encode()
        return _Program(words, "the given text", "", lambda: _run_text(code, "<string>", None))
    if not given.program and sys.stdin.isatty():
        given.parser.error("say what to run: a script, -m MODULE, -c CODE, or - for standard input")
    if not given.program or given.program[0] == "-":
        words = given.program or ["-"]
        return _Program(words, "standard input", "", lambda: _run_text(sys.stdin.buffer.read(), "<stdin>", None))
    shown = given.program[0]
    path = Path(shown)
    if not path.exists():
        print(f"ranvier: can't open file {shown!r}: there is no such file", file=sys.stderr)
        return None
    if path.is_dir() or path.suffix in (".zip", ".pyz"):
        return _Program(given.program, shown, str(path.absolute()), lambda: runpy.run_path(shown, run_name="__main__"))
    file, folder = str(path.absolute()), str(path.resolve().parent)
    again = {"file": file}
    return _Program(given.program, path.name, folder, lambda: _run_text(path.read_bytes(), file, file), again)


def _run_text(source: bytes, name: str, file: str | None) -> None:
    """Run `source` as `__main__`."""
    sys.modules["__main__"] = main = types.ModuleType(
        "__main__"
    )  # it stays, for what runs or is unpickled at the very end
    run_text(main, source, name, file)


def _run_module(name: str) -> None:
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _ended(start: Callable[[], Any]) -> int:
    """Run the program to its end; an error that nobody caught is shown without our frames."""
    try:
        start()
    except SystemExit:
        raise
    except BaseException as error:
        trace = _of_program(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


_RUNNERS = (__file__, text.__file__, "<frozen importlib._bootstrap", "<frozen runpy>", runpy.__file__)


def _of_program(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback from the program's first own frame on, without frames of ranvier unless they are asked for."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_RUNNERS):
        trace = trace.tb_next
    return of_others(trace) if is_traceback_filtering_enabled() else trace
