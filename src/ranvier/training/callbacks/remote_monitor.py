"""`RemoteMonitor`: send the logs of each epoch to a web server."""

from __future__ import annotations

import json
import urllib.parse
import warnings
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, RanvierWarning
from .callback import Callback, Logs

__all__ = ["RemoteMonitor"]

_SECONDS = 10  # that a server may take; training waits


class RemoteMonitor(Callback):
    """Send the logs of each epoch to a server, by HTTP POST. A server that cannot be reached leads to a warning.

    Args:
        root: the server, such as ``"http://localhost:9000"``; http or https.
        path: the path there.
        field: the form field that holds the JSON.
        headers: further HTTP headers, a dict.
        send_as_json: send the JSON itself, as application/json, instead of a form.

    Raises:
        ArgumentError: a root with another scheme.

    >>> RemoteMonitor("http://localhost:9000").path
    '/publish/epoch/end/'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ):
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise ArgumentError(f"root must begin with http:// or https://. Received: root={root!r}")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Send the epoch's number and logs."""
        from urllib.error import URLError  # only here: every start of a program would pay for importing them
        from urllib.request import Request, urlopen

        content = json.dumps({"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = content if self.send_as_json else urllib.parse.urlencode({self.field: content})
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            with urlopen(request, timeout=_SECONDS):
                pass
        except (URLError, OSError) as error:
            warnings.warn(
                f"Could not reach RemoteMonitor root server at {self.root}: {error}", RanvierWarning, stacklevel=2
            )


def _plain(value: Any) -> Any:
    return np.asarray(value).tolist() if isinstance(value, np.generic) or hasattr(value, "shape") else value
