"""`CSVLogger`: the logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
import os
from typing import Any, TextIO

import numpy as np

from ...core.errors import ArgumentError, ArgumentTypeError
from .callback import Callback, Logs

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Write the logs of each epoch to a CSV file: a header, then a line an epoch, "NA" where a value is missing.

    Args:
        filename: the file's path.
        separator: the character between values.
        append: go on at the end of an existing file instead of replacing it.

    Raises:
        ArgumentError: a separator that is not one character.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> log = CSVLogger(path)
    >>> log.on_train_begin(); log.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75}); log.on_train_end()
    >>> print(path.read_text())
    epoch,loss,val_loss
    0,0.5,0.75
    """

    epoch_hooks_deferrable = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False):
        if not isinstance(filename, (str, os.PathLike)):
            raise ArgumentTypeError(f"filename must be a path. Received: filename={filename!r}")
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise ArgumentError(f"separator must be one character, such as ','. Received: separator={separator!r}")
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = bool(append)
        self.keys: list[str] | None = None
        self.csv_file: TextIO | None = None
        self.writer: Any = None
        self._header_due = True

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the file."""
        if self.append:
            self._header_due = not os.path.exists(self.filename) or os.path.getsize(self.filename) == 0
        # A run that goes on after an interruption needs the lines that it has; `set_state` cuts off those it writes again.
        mode = "a" if self.append or (self.params or {}).get("resumed") else "w"
        self.csv_file = open(self.filename, mode, newline="", encoding="utf-8")  # noqa: SIM115

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a line. The first epoch decides which columns there are."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            # Validation may begin in a later epoch; its columns must be there from the start.
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
        if self.writer is None:
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)  # type: ignore[arg-type]
            if self._header_due:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch} | {key: _cell(logs.get(key, "NA")) for key in self.keys})
        self.csv_file.flush()  # type: ignore[union-attr]

    def get_state(self) -> dict[str, Any]:
        """The columns, and how far the file has been written."""
        return {"keys": self.keys, "bytes": os.path.getsize(self.filename)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on behind what was written then."""
        assert self.csv_file is not None
        size = min(state["bytes"], os.path.getsize(self.filename))
        self.csv_file.truncate(size)
        self.keys, self._header_due = state["keys"], size == 0

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = self.writer = None


def _cell(value: Any) -> Any:
    """Scalars and strings as they are, other values as a bracketed list in quotes."""
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'
