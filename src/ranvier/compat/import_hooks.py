"""`install`: from now on the program's ``import keras`` and ``import tensorflow`` mean ranvier.

Who gets what is decided by who imports. The program gets the faces: the script, the modules beside it, notebooks,
whatever lies outside of Python's folders of installed packages. Installed packages get what they would get without
ranvier: the real Keras or TensorFlow where it is installed, and an ImportError where it is not. So `sys.modules` keeps
the real packages under their names and the faces are never put there: both can live in one process, in any order.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .faces import face

__all__ = ["Installed", "announce", "install", "installed", "uninstall"]

_NAMES = ("keras", "tensorflow", "tf_keras")
_STANDARD = tuple({os.path.normcase(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")})
_PACKAGES = {"site-packages", "dist-packages"}

_hooks: dict[str, tuple[Any, Any]] = {}  # of each function that is replaced: the original and ours
_also: set[str] = set()
_folders: list[str] = []
_announced: list[str] = []


class Installed:
    """That the faces are installed; leaving it as a context, or `uninstall`, takes them away again."""

    def __enter__(self) -> Installed:
        return self

    def __exit__(self, *_: object) -> None:
        self.uninstall()

    def uninstall(self) -> None:
        """Let ``import keras`` mean again what it meant before. What has been imported stays as it is."""
        uninstall()

    def __repr__(self) -> str:
        return f"<ranvier {'is' if installed() else 'was'} installed as keras and tensorflow>"


def install(also: Iterable[str] = (), folder: str | None = None) -> Installed:
    """Make the program's imports of ``keras``, ``tf_keras`` and ``tensorflow`` give ranvier's faces.

    Args:
        also: names of installed packages that are to get the faces, too.
        folder: a folder whose modules are the program's, wherever it lies.

    Returns:
        A handle that undoes it: a context manager with a method `uninstall`.

    >>> handle = install()
    >>> installed()
    True
    >>> handle.uninstall()
    """
    _also.update(also)
    if folder is not None:
        _folders.append(os.path.normcase(os.path.abspath(folder)) + os.sep)
    if not _hooks:
        _hooks["__import__"] = builtins.__import__, _importing(builtins.__import__)
        _hooks["import_module"] = importlib.import_module, _naming(importlib.import_module)
        builtins.__import__ = _hooks["__import__"][1]
        importlib.import_module = _hooks["import_module"][1]
    return Installed()


def uninstall() -> None:
    """Undo `install`; without it, nothing happens."""
    for module, name in ((builtins, "__import__"), (importlib, "import_module")):
        if name in _hooks and getattr(module, name) is _hooks[name][1]:  # else another hook stands on ours
            setattr(module, name, _hooks[name][0])
    _hooks.clear()
    _also.clear()
    _folders.clear()


def installed() -> bool:
    """Whether the faces are installed."""
    return bool(_hooks)


def announce(what: str) -> None:
    """Say once, on standard error, that ranvier runs `what`."""
    if not _announced:
        from .. import __version__

        print(
            f"ranvier {__version__} runs {what}: its keras and tensorflow are ranvier's.", file=sys.stderr, flush=True
        )
        _announced.append(what)


# --- the hooks -------------------------------------------------------------------------------------------------------


def _importing(original: Callable[..., Any]) -> Callable[..., Any]:
    def ranvier_import(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:  # the names that `__import__` has
        if level == 0 and name.partition(".")[0] in _NAMES and _hooks and _is_program(sys._getframe(1), globals):
            return _import_face(name, fromlist)
        return original(name, globals, locals, fromlist, level)

    return ranvier_import


def _naming(original: Callable[..., Any]) -> Callable[..., Any]:
    def import_module(name: str, package: str | None = None) -> Any:
        """Import a module."""
        if name.partition(".")[0] in _NAMES and _hooks and _is_program(sys._getframe(1)):
            return face(name)
        return original(name, package)

    return import_module


def _import_face(name: str, wanted: Any) -> Any:
    """What ``import name`` and ``from name import wanted`` give."""
    found = face(name)
    if not wanted:
        return face(name.partition(".")[0])
    for attribute in wanted:
        if attribute == "*":
            continue
        try:
            getattr(found, attribute)
        except AttributeError as error:
            raise ImportError(f"cannot import name {attribute!r} from {name!r}: {error}", name=name) from None
    return found


def _is_program(frame: types.FrameType | None, scope: dict[str, Any] | None = None) -> bool:
    """Whether code in a frame belongs to the program, and not to an installed package.

    Args:
        frame: its frame.
        scope: its globals, where they are not the frame's.
    """
    while frame is not None:
        scope = frame.f_globals if scope is None else scope
        name = str(scope.get("__name__") or "")
        root = name.partition(".")[0]
        if root in _also:
            return True
        if root == "ranvier":
            return False
        if isinstance(file := scope.get("__file__"), str):
            return _is_of_program(file)
        if name == "__main__":  # a cell of a notebook, or text
            return True
        frame, scope = frame.f_back, None  # code that was made of text: it belongs to who runs it
    return True


def _is_of_program(file: str) -> bool:
    path = os.path.normcase(os.path.abspath(file))
    for folder in _folders:
        if path.startswith(folder):
            return not _PACKAGES.intersection(Path(path[len(folder) :]).parts)
    return not path.startswith(_STANDARD) and not _PACKAGES.intersection(Path(path).parts)
