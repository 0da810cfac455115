"""Opening URLs: https, http and files of this machine, and nothing else, however a server leads on."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
from typing import Any

from ..core.errors import DownloadError
from .downloads import shown

__all__ = ["open_url"]

_TIMEOUT = 60  # seconds without a byte


def open_url(url: str) -> tuple[Any, int | None]:
    """A stream of the bytes, and how many there are, if that is known.

    Raises:
        DownloadError: an address that is refused.
        OSError: no connection, or no such file.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme.lower() == "file":
        if parts.netloc not in ("", "localhost"):
            raise DownloadError(f"A file: URL names a file of this machine. Received: {shown(url)}")
        path = urllib.request.url2pathname(parts.path)
        return open(path, "rb"), os.path.getsize(path)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler, _Redirects,
        urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor,
    ):  # fmt: skip
        opener.add_handler(handler())
    request = urllib.request.Request(url, headers={"User-Agent": "ranvier", "Accept-Encoding": "identity"})
    response: Any = opener.open(request, timeout=_TIMEOUT)
    length = response.headers.get("Content-Length", "")
    return response, int(length) if length.isdecimal() else None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, and never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        scheme = urllib.parse.urlsplit(newurl).scheme.lower()
        if scheme not in ("https", "http") or (req.type == "https" and scheme == "http"):
            raise DownloadError(f"{shown(req.full_url)} leads on to {shown(newurl)}, which is refused.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
