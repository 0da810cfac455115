"""``ranvier run script.py``: run a program that says ``import keras`` or ``import tensorflow`` on ranvier, unchanged.

The program sees what Python itself would give it: its arguments, `__main__`, `__file__`, its folder on `sys.path`, the
exit status, and tracebacks that begin with its own first line.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.util
import os
import runpy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..compat import announce, install
from ..core.tracebacks import is_traceback_filtering_enabled, of_others

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


def run(given: argparse.Namespace) -> int:
    """Run the program; returns the status with which the process is to end."""
    if given.module:
        name, *arguments = given.module
        what, folder, start = f"module {name}", os.getcwd(), lambda: _run_module(name)
        shown = name
    elif given.code:
        text, *arguments = given.code
        what, folder, start = "the given text", "", lambda: _run_text(text.encode(), "<string>", None)
        shown = "-c"
    elif given.program and given.program[0] != "-":
        shown, *arguments = given.program
        path = Path(shown)
        if not path.exists():
            print(f"ranvier: can't open file {shown!r}: there is no such file", file=sys.stderr)
            return 2
        if path.is_dir() or path.suffix in (".zip", ".pyz"):
            what, folder, start = shown, str(path.absolute()), lambda: runpy.run_path(shown, run_name="__main__")
        else:
            file = str(path.absolute())
            what, folder = path.name, str(path.resolve().parent)
            start = lambda: _run_text(Path(file).read_bytes(), file, file)  # noqa: E731
    elif given.program or not sys.stdin.isatty():
        shown, arguments = "-", given.program[1:]
        what, folder, start = "standard input", "", lambda: _run_text(sys.stdin.buffer.read(), "<stdin>", None)
    else:
        given.parser.error("say what to run: a script, -m MODULE, -c CODE, or - for standard input")
        raise SystemExit(2)  # which `error` has done
    sys.argv[:] = [shown, *arguments]
    sys.path.insert(0, folder)
    if not given.quiet:
        announce(what)
    install(given.also, folder=folder or None)
    return _ended(start)


def _run_text(source: bytes, name: str, file: str | None) -> None:
    """Run `source` as `__main__`."""
    loader = _Text(source, name)
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=__builtins__, __spec__=None, __package__=None)
    if file is not None:
        module.__dict__.update(__file__=file, __cached__=None)
    sys.modules["__main__"] = module  # and it stays, for what runs or is unpickled at the very end
    loader.exec_module(module)


def _run_module(name: str) -> None:
    runpy.run_module(name, run_name="__main__", alter_sys=True)


class _Text(importlib.abc.InspectLoader):
    """A loader of one module whose source is at hand, and of which no compiled copy is kept."""

    def __init__(self, source: bytes, name: str):
        self._source, self._name = source, name

    def get_source(self, fullname: str) -> str:
        """The text."""
        return importlib.util.decode_source(self._source)

    def get_code(self, fullname: str) -> types.CodeType:
        """The compiled text."""
        return self.source_to_code(self._source, self._name)


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


_RUNNERS = (__file__, "<frozen importlib._bootstrap", "<frozen runpy>", runpy.__file__)


def _of_program(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback from the program's first own frame on, without frames of ranvier unless they are asked for."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_RUNNERS):
        trace = trace.tb_next
    return of_others(trace) if is_traceback_filtering_enabled() else trace
