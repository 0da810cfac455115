"""The page's addresses, and who may ask for them."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.errors import ArgumentError, MissingDependencyError, RanvierError
from . import tutorials
from .samples import NotThereError

__all__ = ["LARGEST_QUESTION", "Guard", "make_app"]

LARGEST_QUESTION = 1 << 20  # bytes
_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_BROKEN = "Something went wrong while this was worked out; the terminal that runs ranvier shows what."
_log = logging.getLogger("ranvier.look")


class Guard:
    """Lets through who came by the page's own address, and gives every answer the headers that keep the page to itself.

    Args:
        app: what answers (ASGI).
        token: the secret first part of every path.
        hosts: the values of the header Host that mean this server; with another one, the name was bent to this address.
    """

    def __init__(self, app: Any, token: str, hosts: set[str]):
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send_with_headers)
            return
        status, sentence = refusal
        body = json.dumps({"error": sentence}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send_with_headers({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _refusal(self, scope: Any) -> tuple[int, str] | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if host not in self.hosts:
            return 421, "This page answers only to the address that `look` opened."
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return 403, "Another page asked; only this page's own questions are answered."
        given = scope["path"].split("/")[1] if scope["path"].startswith("/") else ""
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return 403, "The address is not complete. Open the one that `look` printed, with its long key."
        if scope["method"] == "POST":
            if headers.get("content-type", "").split(";")[0].strip() != "application/json":
                return 415, "Questions come as JSON."
            length = headers.get("content-length", "")
            if not length.isdigit():
                return 411, "A question must say how long it is."
            if int(length) > LARGEST_QUESTION:
                return 413, "That question is too long."
        return None


def make_app(session: Any, token: str, hosts: set[str], start: str | None = None) -> Guard:
    """The application that serves the page.

    Args:
        session: a `Session`; None for the tutorials alone.
        token: the secret part of the address.
        hosts: the allowed values of the header Host.
        start: the tutorial to open first.
    """
    try:
        from starlette.applications import Starlette
        from starlette.concurrency import run_in_threadpool
        from starlette.exceptions import HTTPException
        from starlette.responses import JSONResponse, Response
        from starlette.routing import Route
    except ImportError:
        raise MissingDependencyError("starlette", "The page", "look") from None

    files = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in _STATIC.iterdir() if path.suffix in _TYPES}

    async def static(request: Any) -> Any:
        name = request.path_params.get("name") or "index.html"
        if name not in files:
            raise NotThereError(f"The page has no part called {name[:60]!r}.")
        content, kind = files[name]
        return Response(content, media_type=kind)

    def answer(work: Callable[[dict[str, Any]], Any]) -> Any:
        async def endpoint(request: Any) -> Any:
            asked: Any = {}
            if request.method == "POST":
                try:
                    asked = json.loads(await request.body())
                except (ValueError, RecursionError):
                    raise ArgumentError("The question is not JSON.") from None
                if not isinstance(asked, dict):
                    raise ArgumentError("The question must be an object.")
            try:
                return JSONResponse(await run_in_threadpool(work, asked))
            except (NotThereError, RanvierError):
                raise
            except Exception:  # the page is told that something broke, and the terminal what
                _log.exception("The page could not be answered: %s", request.url.path.rsplit("/", 1)[-1])
                return JSONResponse({"error": _BROKEN}, 500)

        return endpoint

    def need_model(work: Callable[[Any, dict[str, Any]], Any]) -> Any:
        def checked(asked: dict[str, Any]) -> Any:
            if session is None:
                raise NotThereError("No model is open on this page, only the tutorials.")
            return work(session, asked)

        return answer(checked)

    def overview(_: dict[str, Any]) -> Any:
        model = session.describe() if session is not None else None
        return {"model": model, "tutorials": tutorials.lessons(), "start": start}

    def taught(asked: dict[str, Any]) -> Any:
        return tutorials.told(_lesson(asked))

    def at_epoch(asked: dict[str, Any]) -> Any:
        return tutorials.epoch(_lesson(asked), _whole(asked, "epoch"))

    def thumbnails(found: Any, asked: dict[str, Any]) -> Any:
        count = min(_whole(asked, "count"), 60)
        return {"samples": found.samples.thumbnails(_whole(asked, "start"), count)}

    def of_neuron(asked: dict[str, Any]) -> tuple[Any, Any, Any]:
        return asked.get("layer"), asked.get("index"), asked.get("input")

    def address(name: str) -> str:
        return f"/{token}/api/{name}"

    async def unknown(request: Any, error: Any) -> Any:
        return JSONResponse({"error": str(error.args[0]) if error.args else "There is no such thing."}, 404)

    async def wrong(request: Any, error: Any) -> Any:
        return JSONResponse({"error": str(error)}, 400)

    async def lost(request: Any, error: Any) -> Any:
        return JSONResponse({"error": "The page has no such address."}, error.status_code)

    routes = [
        Route(f"/{token}/", static),
        Route(f"/{token}/{{name}}", static),
        Route(address("overview"), answer(overview)),
        Route(address("run"), need_model(lambda s, q: s.run(q.get("input"), q.get("opened"))), methods=["POST"]),
        Route(
            address("layer"),
            need_model(lambda s, q: s.layer(q.get("layer"), q.get("input"), q.get("brief") is True)),
            methods=["POST"],
        ),
        Route(address("within"), need_model(lambda s, q: s.within(q.get("layer"), q.get("input"))), methods=["POST"]),
        Route(address("neuron"), need_model(lambda s, q: s.neuron(*of_neuron(q))), methods=["POST"]),
        Route(address("chain"), need_model(lambda s, q: s.chain(*of_neuron(q))), methods=["POST"]),
        Route(address("samples"), need_model(thumbnails), methods=["POST"]),
        Route(address("tutorial"), answer(taught), methods=["POST"]),
        Route(address("epoch"), answer(at_epoch), methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {
        NotThereError: unknown, RanvierError: wrong, HTTPException: lost,
    }  # fmt: skip
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token, hosts)


def _lesson(asked: dict[str, Any]) -> tutorials.Lesson:
    seed = _whole(asked, "seed")
    if not 0 <= seed < 10_000:
        raise ArgumentError("The seed must be from 0 to 9999.")
    return tutorials.lesson(str(asked.get("name")), seed)


def _whole(asked: dict[str, Any], name: str) -> int:
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ArgumentError(f"{name} must be a whole number. Received: {str(value)[:40]!r}")
    return value
