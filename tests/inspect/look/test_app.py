"""Who may ask the page, and what every wrong question is told."""

import re
from pathlib import Path

import pytest

import ranvier
from ranvier.inspect.look import app
from ranvier.inspect.look.session import Session

TOKEN = "secret-key"
STATIC = Path(app.__file__).parent / "static"


def test_the_page_and_its_parts_are_served_with_headers_that_keep_it_to_itself(client_of):
    client = client_of()
    page = client.get(f"/{TOKEN}/")
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
    names = re.findall(r'(?:href|src)="([\w.]+)"', page.text)
    assert {"look.css", "main.js", "icon.svg"} <= set(names)
    for answer in [page, *(client.get(f"/{TOKEN}/{name}") for name in names)]:
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


def test_nothing_comes_from_outside_and_nothing_is_read_as_html():
    for path in STATIC.iterdir():
        text = path.read_text()
        outside = [a for a in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", text) if "www.w3.org" not in a]
        assert outside == [], path.name
        for gate in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "DOMParser",
        ):
            assert gate not in text, f"{path.name} uses {gate}"
    assert not re.search(r"\son\w+=|\sstyle=|<script>", (STATIC / "index.html").read_text())


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:9999", "rebound.example:8123", ""])
def test_another_host_is_refused(client_of, host):
    answer = client_of().get(f"/{TOKEN}/", headers={"host": host})
    assert answer.status_code == 421
    assert "address" in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/", "/wrong/", "/secret-ke/", "/secret-keyy/api/overview", "/api/overview", "//", "/é/"]
)
def test_without_the_key_there_is_nothing(client_of, path):
    answer = client_of().get(path)
    assert answer.status_code == 403
    assert "key" in answer.json()["error"]
    assert "content-security-policy" in answer.headers


def test_other_pages_may_not_ask(client_of):
    client = client_of()
    asked = client.get(f"/{TOKEN}/api/overview", headers={"origin": "https://evil.example"})
    assert asked.status_code == 403
    assert client.get(f"/{TOKEN}/api/overview", headers={"origin": "http://127.0.0.1:8123"}).status_code == 200


def test_questions_are_small_json(client_of):
    client, address = client_of(), f"/{TOKEN}/api/tutorial"
    assert client.post(address, content="name=line").status_code == 415
    json = {"content-type": "application/json"}
    assert client.post(address, content="{", headers=json).status_code == 400
    assert client.post(address, content="[1]", headers=json).status_code == 400
    assert client.post(address, content="[" * 100_000, headers=json).status_code == 400
    assert client.post(address, content="1" * (app.LARGEST_QUESTION + 1), headers=json).status_code == 413
    assert client.post(address, content=iter([b"{}"]), headers=json).status_code == 411


@pytest.mark.parametrize("name", ["nothing.js", "..%2fapp.py", "app.py", "%2e%2e/app.py", "api/nothing"])
def test_there_is_nothing_else(client_of, name):
    answer = client_of().get(f"/{TOKEN}/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"].endswith(".")


def test_methods_are_checked(client_of):
    assert client_of().delete(f"/{TOKEN}/api/overview").status_code == 405
    assert client_of().get(f"/{TOKEN}/api/run").status_code == 405


def ask(client, name, /, **question):
    return client.post(f"/{TOKEN}/api/{name}", json=question)


def test_a_page_without_a_model_has_the_tutorials(client_of):
    client = client_of(start="line")
    overview = client.get(f"/{TOKEN}/api/overview").json()
    assert overview["model"] is None
    assert overview["start"] == "line"
    assert [one["name"] for one in overview["tutorials"]] == ["height-and-weight", "line"]
    answer = ask(client, "run", input={"sample": 0})
    assert (answer.status_code, "No model" in answer.json()["error"]) == (404, True)


WRONG = [
    ("run", {}, 400, "what to look at"),
    ("run", {"input": {"sample": 10_000}}, 404, "numbered from 0 to 9999"),
    ("run", {"input": {"sample": -1}}, 404, "no sample -1"),
    ("run", {"input": {"sample": "0"}}, 400, "by its number"),
    ("run", {"input": {"sample": True}}, 400, "by its number"),
    ("run", {"input": {"pixels": [0] * 783}}, 400, "784"),
    ("run", {"input": {"pixels": ["ink"] * 784}}, 400, "784"),
    ("run", {"input": {"pixels": {"a": 1}}}, 400, "784"),
    ("run", {"input": {"numbers": [1, 2]}}, 400, "no short list"),
    ("run", {"input": {"sample": 0, "target": [10]}}, 400, "from 0 to 9"),
    ("run", {"input": {"sample": 0, "target": [1, 2]}}, 400, "class or 10"),
    ("run", {"input": {"sample": 0, "target": "x"}}, 400, "class or 10"),
    ("layer", {"layer": "nothing", "input": {"sample": 0}}, 404, "no layer called 'nothing'"),
    ("layer", {"layer": None, "input": {"sample": 0}}, 404, "no layer"),
    ("neuron", {"layer": "hidden", "index": [12], "input": {"sample": 0}}, 404, "no neuron"),
    ("neuron", {"layer": "hidden", "index": [-1], "input": {"sample": 0}}, 404, "no neuron"),
    ("neuron", {"layer": "hidden", "index": [0, 0], "input": {"sample": 0}}, 404, "no neuron"),
    ("neuron", {"layer": "hidden", "index": "0", "input": {"sample": 0}}, 404, "no neuron"),
    ("neuron", {"layer": "hidden", "index": [0.5], "input": {"sample": 0}}, 404, "no neuron"),
    ("samples", {"start": "a", "count": 1}, 400, "whole number"),
    ("samples", {"start": 0}, 400, "count must be"),
    ("tutorial", {"name": "chess", "seed": 1}, 400, "There are: height-and-weight, line"),
    ("tutorial", {"name": "line", "seed": 10_000}, 400, "seed"),
    ("tutorial", {"name": "line", "seed": 1.5}, 400, "seed"),
    ("epoch", {"name": "line", "seed": 1, "epoch": 501}, 400, "0 (untrained) to 500"),
    ("epoch", {"name": "line", "seed": 1, "epoch": -1}, 400, "no epoch -1"),
]


def test_wrong_questions_get_a_sentence(client_of, digits):
    client = client_of(Session(digits))
    for name, question, status, part in WRONG:
        answer = ask(client, name, **question)
        error = answer.json()["error"]
        assert answer.status_code == status, (name, question, error)
        assert part in error
        assert "Traceback" not in error


def test_what_breaks_inside_is_told_without_its_inside(client_of, digits, caplog):
    session = Session(digits)
    session.run = lambda *given: 1 / 0
    answer = ask(client_of(session), "run", input={"sample": 0})
    assert answer.status_code == 500
    assert "terminal" in answer.json()["error"]
    assert "division" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_names_are_data(client_of):
    name = "<img src=x onerror=alert(1)>"
    model = ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Dense(1, name=name)], name="<b>bold<")
    client = client_of(Session(model))
    overview = client.get(f"/{TOKEN}/api/overview")
    assert overview.headers["content-type"] == "application/json"
    assert name in [layer["id"] for layer in overview.json()["model"]["layers"]]
    answer = ask(client, "layer", layer=name, input={"numbers": [1, 2]})
    assert answer.json()["name"] == name
    missing = ask(client, "layer", layer="<script>", input={"sample": 0})
    assert missing.headers["content-type"] == "application/json"
    assert missing.status_code == 404
