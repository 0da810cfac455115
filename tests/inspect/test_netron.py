"""Netron, the real one in a real browser, opens what is saved and shows its layers. Skipped where it is not installed."""

from __future__ import annotations

import time

import pytest

import ranvier
from ranvier import layers, ops

from .look.test_browser import CHROMIUM, DRIVER, open_browser

netron = pytest.importorskip("netron", reason="Netron is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="there is no Chromium with a chromedriver here"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def digits():
    return ranvier.Sequential(
        [
            ranvier.Input((28, 28, 1)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
            layers.Dense(10, "softmax"),
        ],
        name="digits",
    )  # fmt: skip


def branches():
    left, right = ranvier.Input((8,), name="left"), ranvier.Input((4,), name="right")
    inner = ranvier.Sequential([ranvier.Input((16,)), layers.Dense(16), layers.BatchNormalization()], name="inner")
    joined = layers.Add()([inner(layers.Dense(16, "relu")(left)), layers.Dense(16, "tanh")(right)])
    one = layers.Dense(1, name="one")(ops.exp(joined) * 2.0)
    return ranvier.Model([left, right], [one, layers.Dense(2, name="two")(layers.LayerNormalization()(joined))])


def shown(driver, file):
    """The texts of the boxes that Netron draws for a file."""
    address = netron.start(str(file), address=("127.0.0.1", 0), browse=False)
    try:
        driver.get(f"http://{address[0]}:{address[1]}")
        for _ in range(300):
            driver.execute_script("document.querySelector('#message-button')?.click()")  # its consent to cookies
            texts = driver.execute_script(
                "return [...document.querySelectorAll('g.node text')].map(t => t.textContent)"
            )
            if texts:
                return texts
            time.sleep(0.1)
        return []
    finally:
        netron.stop(address)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_models_are_drawn_with_their_weights(browser, tmp_path, ending):
    file = tmp_path / f"digits.{ending}"
    digits().save(file)
    texts = shown(browser, file)
    assert [t for t in texts if t in ("Conv2D", "MaxPooling2D", "Flatten", "Dense")] == [
        "Conv2D", "MaxPooling2D", "Flatten", "Dense",
    ]  # fmt: skip
    assert any("3×3×1×8" in text for text in texts)
    file = tmp_path / f"branches.{ending}"
    branches().save(file)
    texts = shown(browser, file)
    assert texts.count("Dense") == 4
    assert {"left", "right", "inner", "Add", "Exp", "Multiply", "LayerNormalization", "one", "two"} <= set(texts)


def test_files_of_weights_are_drawn(browser, tmp_path):
    digits().save_weights(tmp_path / "digits.weights.h5")
    texts = shown(browser, tmp_path / "digits.weights.h5")
    assert {"Conv2D", "Dense"} <= set(texts)
    assert any("1352×10" in text for text in texts)
