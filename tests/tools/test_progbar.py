"""The bar is Keras's to the character, on a terminal; elsewhere it is one plain line."""

import contextlib
import io
import logging
import re
import sys
import time

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.core.errors import ArgumentError
from ranvier.utils import Progbar, disable_interactive_logging, enable_interactive_logging

ESCAPES = re.compile("\x1b\\[[0-9;]*m")


class Screen(io.StringIO):
    """Standard output that is a terminal, or not."""

    encoding = "utf-8"

    def __init__(self, tty):
        super().__init__()
        self.tty = tty

    def isatty(self):
        return self.tty


def drawn(bar_class, seconds, counts, finals, tty=True, **arguments):
    """What a bar writes for updates to `counts`, each so many `seconds` after the one before."""
    now = [1000.0]
    screen = Screen(tty)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now[0])
        patch.setattr(sys, "stdout", screen)
        patch.setenv("COLUMNS", "200")
        bar = bar_class(**arguments)
        for i, (pause, count, final) in enumerate(zip(seconds, counts, finals, strict=True)):
            now[0] += pause
            bar.update(count, [("accuracy", i * 0.1), ("loss", 1.5 / 10 ** (2 * i))], finalize=final)
    return screen.getvalue()


def frames(text):
    """The states of the line, as they stand on the screen."""
    return [line.rstrip(" ") for line in ESCAPES.sub("", text).replace("\x08", "").replace(" \n", "\n").split("\r")]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([1e-5, 0.012, 0.5, 1.5, 59.6, 100.0, 4000.0]), min_size=1, max_size=5),
    st.integers(1, 3),
    st.sampled_from([4, 15, 2000]),
    st.booleans(),
    st.sampled_from(
        [{}, {"stateful_metrics": ["loss"]}, {"stateless_metrics": ["loss"]}, {"width": 7, "unit_name": "file"}]
    ),
)
def test_on_a_terminal_it_is_kerass(seconds, stride, target, finalize, arguments):
    counts = [min(stride * (i + 1), target) for i in range(len(seconds))]
    finals = [False] * (len(seconds) - 1) + [True if finalize else None]
    arguments = {"target": target, **arguments}
    theirs = drawn(keras.utils.Progbar, seconds, counts, finals, **arguments)
    ours = drawn(Progbar, seconds, counts, finals, **arguments)
    assert [f.rstrip() for f in frames(ours)] == [f.rstrip() for f in frames(theirs)]


@pytest.mark.parametrize("verbose", [1, 2])
def test_colours_and_the_single_line_are_kerass_too(verbose):
    arguments = {"seconds": [1.0], "counts": [4], "finals": [None], "target": 4, "verbose": verbose}
    assert drawn(Progbar, **arguments) == drawn(keras.utils.Progbar, **arguments)


def test_an_unknown_target_is_kerass_until_the_end_and_a_bar_then():
    arguments = {"seconds": [1.0] * 3, "counts": [1, 2, 3], "target": None}
    assert frames(drawn(Progbar, finals=[None] * 3, **arguments)) == frames(
        drawn(keras.utils.Progbar, finals=[None] * 3, **arguments)
    )
    assert drawn(Progbar, finals=[None, None, True], **arguments).endswith("\n")
    assert frames(drawn(Progbar, finals=[None, None, True], **arguments))[-1].startswith("3/3 ━━━")


def test_elsewhere_it_is_one_plain_line():
    text = drawn(Progbar, [1.0] * 3, [1, 2, 3], [None] * 3, tty=False, target=3)
    assert text == f"3/3 {'━' * 20} 3s 1s/step - accuracy: 0.2000 - loss: 1.5000e-04\n"


def test_a_moving_line_never_wraps(monkeypatch):
    screen = Screen(True)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "50")
    bar = Progbar(10, interval=0)
    for i in range(10):
        bar.add(1, [("a_rather_long_metric_name", float(i)), ("loss", 1.0)])
    assert all(len(frame) < 50 for frame in frames(screen.getvalue())[:-1])
    assert "loss: 1.0000" in frames(screen.getvalue())[-1]


def test_plain_characters_where_the_output_knows_no_others(monkeypatch):
    screen = Screen(False)
    screen.encoding = "ascii"
    monkeypatch.setattr(sys, "stdout", screen)
    Progbar(4, width=8).update(4)
    assert screen.getvalue().startswith("4/4 ======== ")


def test_no_color(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in drawn(Progbar, [1.0], [1], [None], target=1)


def test_without_interactive_logging_it_is_logged(caplog, capsys):
    disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, logger="ranvier"):
            Progbar(2, verbose=2).update(2, [("loss", 1.0)])
    finally:
        enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert caplog.messages[0].endswith("- loss: 1.0000")


def test_nothing_for_verbose_0_and_refusals(capsys):
    Progbar(2, verbose=0).update(2)
    assert capsys.readouterr().out == ""
    with pytest.raises(ArgumentError, match="verbose=3"):
        Progbar(2, verbose=3)
    with pytest.raises(ArgumentError, match="not both"):
        Progbar(2, stateful_metrics=["a"], stateless_metrics=["b"])


@pytest.mark.parametrize("interval", [0, 0.0])
def test_without_an_interval_every_update_goes_to_where_output_goes_then(interval):
    bar = Progbar(target=4, interval=interval, verbose=1)
    texts = []
    for step in range(1, 5):
        with contextlib.redirect_stdout(io.StringIO()) as text:
            bar.update(step, [("gap", float(step))])
        texts.append(text.getvalue())
    assert all(f"{step}/4" in text and "gap: " in text for step, text in enumerate(texts, 1))


def test_lists_show_their_mean(capsys):
    Progbar(2, verbose=2).update(2, [("v", [1.0, 3.0]), ("w", (0.25, 0.75))])
    assert "v: 2.0000 - w: 0.5000" in capsys.readouterr().out
