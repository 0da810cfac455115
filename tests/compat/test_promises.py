"""Each line of the page "Your Keras program on ranvier" is true, and the page has all lines."""

from __future__ import annotations

import re
import warnings

import pytest

import ranvier
from ranvier.core.errors import RanvierWarning
from ranvier.core.hints import forget_hints

from .promises import PAGE, PROMISES, Promise, tables


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: f"{p.kind}: {p.what[:50]}")
def test_the_line_is_true(promise: Promise):
    forget_hints()
    program = compile(promise.code, "promise.py", "exec")
    with ranvier.install_as_keras(), warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        if promise.kind == "refused":
            with pytest.raises((ImportError, AttributeError, TypeError, ValueError), match=promise.says):
                exec(program, {"__name__": "__main__"})
        else:
            exec(program, {"__name__": "__main__"})
    hints = [str(w.message) for w in given]
    if promise.kind == "hint":
        assert hints
        assert all(w.category is RanvierWarning and w.filename == "promise.py" for w in given)
        assert re.search(promise.says, hints[0]), hints[0]
    elif promise.kind != "refused":
        assert hints == []


@pytest.mark.parametrize("kind", ["unchanged", "hint", "differs", "refused", "coverage"])
def test_the_page_has_the_lines(kind: str):
    table = tables()[kind]
    assert f"<!-- {kind} -->\n{table}\n<!-- end of {kind} -->" in PAGE.read_text(), "run tests/compat/promises.py"
    assert kind == "coverage" or {p.kind for p in PROMISES} >= {kind}


def test_every_line_has_code():
    assert all(p.code.strip() and p.what and p.how for p in PROMISES)
    assert all(p.says for p in PROMISES if p.kind in ("hint", "refused"))
    assert len({p.what for p in PROMISES}) == len(PROMISES)
