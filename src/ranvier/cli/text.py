"""A program's text, run in a module."""

from __future__ import annotations

import importlib.abc
import importlib.util
import types

__all__ = ["run_text"]


def run_text(module: types.ModuleType, source: bytes, name: str, file: str | None) -> None:
    """Run `source` in `module`, as Python would.

    Args:
        module: the module that becomes ``__main__`` or its like.
        source: the text.
        name: what tracebacks call it.
        file: the file that it is from; None: it is from none.
    """
    module.__dict__.update(__builtins__=__builtins__, __spec__=None, __package__=None)
    if file is not None:
        module.__dict__.update(__file__=file, __cached__=None)
    _Text(source, name).exec_module(module)


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
