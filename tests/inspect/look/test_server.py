"""`look` serves on this computer alone, and stops."""

import builtins
import json
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import numpy as np
import pytest

from ranvier.cli import main
from ranvier.core.errors import ArgumentError, MissingDependencyError, NotBuiltError
from ranvier.inspect.look import look


def test_a_real_page(two_two_one, capsys):
    page = two_two_one.look(np.zeros((2, 2), "float32"), open_browser=False)
    try:
        parts = urlsplit(page.url)
        assert parts.hostname == "127.0.0.1"
        assert len(parts.path) > 30
        assert page.url in capsys.readouterr().err
        with urllib.request.urlopen(page.url + "api/overview") as answer:
            assert json.load(answer)["model"]["name"] == "two_two_one"
            assert "uvicorn" not in str(answer.headers)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{parts.port}/")
        with pytest.raises(urllib.error.HTTPError, match="421"):
            urllib.request.urlopen(urllib.request.Request(page.url, headers={"Host": "evil.example"}))
        assert page.url in page._repr_html_()
        with pytest.raises(ArgumentError, match="not free"):
            look(port=parts.port, open_browser=False)
    finally:
        page.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(page.url, timeout=2)


def test_small_answers_are_sent_at_once(two_two_one):
    """asyncio turns the waiting for more to send off only for sockets that name their protocol."""
    with look(two_two_one, open_browser=False) as page:
        assert [s.proto for server in page._server.servers for s in server.sockets] == [socket.IPPROTO_TCP]


def test_wrong_arguments():
    with pytest.raises(ArgumentError, match="tutorial must be one of"):
        look(tutorial="chess")
    with pytest.raises(ArgumentError, match="port must be"):
        look(port=-1)
    import ranvier

    with pytest.raises(NotBuiltError, match="not built"):
        look(ranvier.Sequential([ranvier.layers.Dense(1)]), open_browser=False)


def test_without_the_packages_the_message_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name in ("uvicorn", "starlette"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ranvier\[look\]'"):
        look(open_browser=False)


def test_the_command(tmp_path, capsys, monkeypatch, two_two_one):
    from ranvier.inspect.look.server import Page

    seen = []

    def wait(page):
        with urllib.request.urlopen(page.url + "api/overview") as answer:
            seen.append(json.load(answer))
        page.close()

    monkeypatch.setattr(Page, "wait", wait)
    two_two_one.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=np.ones((3, 2), "float32"), y=np.ones((3, 1)))
    arguments = ["look", str(tmp_path / "model.keras"), "--samples", str(tmp_path / "data.npz"), "--no-browser"]
    assert main(arguments) == 0
    assert seen[0]["model"]["samples"] == {"count": 3, "source": "given", "labelled": True}
    assert "http://127.0.0.1:" in capsys.readouterr().err
    assert main(["look", "--tutorial", "line", "--no-browser"]) == 0
    assert seen[1]["model"] is None
    assert seen[1]["start"] == "line"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["look", "nothing.keras"], "nothing.keras"),
        (["look", "--samples", "data.npz"], "needs a model"),
    ],
)
def test_the_command_s_errors_are_sentences(arguments, sentence, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("ranvier: ")
    assert "Traceback" not in error
