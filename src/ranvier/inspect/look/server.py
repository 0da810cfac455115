"""`look`: a server of one page, on this computer alone, in a thread of its own."""

from __future__ import annotations

import secrets
import socket
import sys
import threading
import time
import webbrowser
from typing import Any

from ...core.errors import ArgumentError, MissingDependencyError, RanvierError
from .app import make_app
from .tutorials import TUTORIALS

__all__ = ["Page", "look"]


class Page:
    """A page that is being served. In a notebook it shows its address.

    Args:
        server: the running server.
        thread: the thread that runs it.
        url: the page's address, with its secret.
    """

    def __init__(self, server: Any, thread: threading.Thread, url: str):
        self._server, self._thread = server, thread
        self.url = url

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(5)

    def wait(self) -> None:
        """Serve until Ctrl-C."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.5)
        except KeyboardInterrupt:
            self.close()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Page {self.url}>"

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank" rel="noopener noreferrer">Look at the model</a>'


def look(
    model: Any = None,
    x: Any = None,
    y: Any = None,
    *,
    tutorial: str | None = None,
    open_browser: bool = True,
    port: int = 0,
) -> Page:
    """Open a page on which the model can be looked at: its layers, its weights, what flows, and every neuron's sum.

    The page is served on 127.0.0.1 alone, under an address that cannot be guessed, until `Page.close()` or the end
    of the program.

    Args:
        model: a built model; None: the tutorials alone.
        x: samples to choose from, (samples, …), nested as the model takes them; None: for models that take 28×28
            images MNIST's test digits, for others random numbers.
        y: their targets, (samples, …), for losses and gradients.
        tutorial: the tutorial to open first: ``"height-and-weight"`` or ``"line"``.
        open_browser: open the page in the browser; its address is printed in any case.
        port: the port; 0: a free one.

    Returns:
        The page, with its `url`.

    Raises:
        MissingDependencyError: the server's packages are absent (``pip install 'ranvier[look]'``).
        NotBuiltError: the model has no weights yet.
        ArgumentError: samples that cannot be used, or no such tutorial.
    """
    if tutorial is not None and tutorial not in TUTORIALS:
        raise ArgumentError(f"tutorial must be one of {sorted(TUTORIALS)}. Received: tutorial={tutorial!r}")
    if not isinstance(port, int) or not 0 <= port < 65536:
        raise ArgumentError(f"port must be from 0 to 65535. Received: port={port!r}")
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError:
        raise MissingDependencyError("uvicorn", "The page", "look") from None
    session = None
    if model is not None:
        from .session import Session

        session = Session(model, x, y)
        session.warm_up()
    # With the protocol named, asyncio sends small answers at once; otherwise the last part of each waits for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise ArgumentError(f"Port {port} is not free on this computer. Leave `port` out for one that is.") from error
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    config = uvicorn.Config(
        make_app(session, token, hosts, tutorial), log_level="warning", access_log=False, lifespan="off", ws="none",
        server_header=False, http="h11", proxy_headers=False,
        log_config=None,  # logging is the program's own affair
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="ranvier-look", daemon=True)
    thread.start()
    deadline = time.monotonic() + 15
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RanvierError("The page's server did not start.")
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port}/{token}/"
    print(f"The page is at {url}", file=sys.stderr)
    if open_browser:
        webbrowser.open(url)
    return Page(server, thread, url)
