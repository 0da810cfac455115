"""Logs that are sent to a server."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse

import numpy as np
import pytest

from ranvier import callbacks
from ranvier.core.errors import ArgumentError, RanvierWarning


@pytest.fixture
def server():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, dict(self.headers), body.decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", received
        running.shutdown()
        thread.join()


def test_forms_and_json(server):
    root, received = server
    logs = {"loss": np.float32(0.5), "confusion": np.eye(2)}
    callbacks.RemoteMonitor(root).on_epoch_end(3, logs)
    callbacks.RemoteMonitor(root, "/here", headers={"X-Key": "k"}, send_as_json=True).on_epoch_end(4, logs)
    (path, headers, body), (other_path, other_headers, other_body) = received
    assert path == "/publish/epoch/end/"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    sent = {"epoch": 3, "loss": 0.5, "confusion": [[1.0, 0.0], [0.0, 1.0]]}
    assert json.loads(urllib.parse.parse_qs(body)["data"][0]) == sent
    assert other_path == "/here"
    assert (other_headers["Content-Type"], other_headers["X-Key"]) == ("application/json", "k")
    assert json.loads(other_body) == {**sent, "epoch": 4}


def test_a_server_that_is_not_there_does_not_stop_training():
    with pytest.warns(RanvierWarning, match="Could not reach"):
        callbacks.RemoteMonitor("http://127.0.0.1:1").on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ArgumentError, match="http"):
        callbacks.RemoteMonitor("file:///etc")
