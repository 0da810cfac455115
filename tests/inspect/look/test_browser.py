"""The page in a real browser, as a person uses it: mouse, pen, keyboard alone, light, dark and narrow."""

import os
import shutil
import statistics
import time

import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.inspect.look import look

selenium = pytest.importorskip("selenium", reason="selenium is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="there is no Chromium with a chromedriver here"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-US",
]  # fmt: skip


def open_browser(folder, width=1440, height=1000):
    """A fresh headless Chromium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


class Hand:
    """What a person does on the page."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, page):
        self.driver.get(page.url)
        self.until("return document.documentElement.dataset.ready === 'yes'")
        answered = "document.querySelector('#answer .bars, #answer .verdict')"
        self.until(f"return document.querySelector('#model-view').hidden || !!{answered}")

    def until(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not self.driver.execute_script(condition):
            assert time.monotonic() < end, f"waited in vain for: {condition}\n{self.complaints()}"
            time.sleep(0.02)

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.one(selector).text

    def keys(self, *keys):
        from selenium.webdriver import ActionChains

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def layer(self, name):
        before = self.times("layer")
        next(card for card in self.all(".layer") if card.text.startswith(name)).click()
        self.until(f"return performance.getEntriesByName('ranvier:layer').length > {len(before)}")

    def neuron(self, x, y):
        """Click into the first field of the open layer."""
        from selenium.webdriver import ActionChains

        before = self.times("neuron")
        canvas = self.one("#detail .field canvas")
        box = canvas.rect
        ActionChains(self.driver, duration=0).move_to_element_with_offset(
            canvas, int(x - box["width"] / 2), int(y - box["height"] / 2)
        ).click().perform()
        self.until(f"return performance.getEntriesByName('ranvier:neuron').length > {len(before)}")

    def draw(self, *strokes):
        """Draw lines through points of the paper, 0 to 1."""
        from selenium.webdriver import ActionChains

        paper = self.one("#paper canvas")
        width, height = paper.rect["width"], paper.rect["height"]
        for stroke in strokes:
            actions = ActionChains(self.driver, duration=12)
            for i, (x, y) in enumerate(stroke):
                actions.move_to_element_with_offset(paper, int((x - 0.5) * width), int((y - 0.5) * height))
                if i == 0:
                    actions.click_and_hold()
            actions.release().perform()
        self.settled()

    def settled(self):
        self.until("window.seen = window.seen || []; const n = performance.getEntriesByName('ranvier:run').length; "
                   "window.seen.push(n); return window.seen.length > 12 && new Set(window.seen.slice(-12)).size === 1")  # fmt: skip
        self.driver.execute_script("window.seen = []")

    def times(self, what):
        return self.driver.execute_script(
            "return performance.getEntriesByName('ranvier:' + arguments[0]).map(e => e.duration)", what
        )


SEVEN = [[(0.25, 0.2), (0.5, 0.19), (0.75, 0.2), (0.62, 0.45), (0.5, 0.65), (0.42, 0.88)]]
ONE = [[(0.5, 0.12), (0.5, 0.3), (0.5, 0.5), (0.5, 0.7), (0.5, 0.88)]]
ZERO = [[(0.5 + 0.24 * np.sin(t), 0.5 - 0.34 * np.cos(t)) for t in np.linspace(0, 6.4, 24)]]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A perceptron and a convolutional network that know digits."""
    from ranvier.datasets import mnist

    ranvier.utils.set_random_seed(0)
    x, y = mnist.load_data()[0]
    x = x[:12000].astype("float32") / 255
    plain = ranvier.Sequential(
        [
            layers.Flatten(input_shape=(28, 28)),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    deep = ranvier.Sequential(
        [
            ranvier.Input((28, 28, 1)), layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits_cnn",
    )  # fmt: skip
    found = {}
    for name, model, shape in (("plain", plain, (28, 28)), ("deep", deep, (28, 28, 1))):
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x.reshape(-1, *shape), y[:12000], epochs=3, verbose=0)
        file = tmp_path_factory.mktemp("models") / f"{name}.keras"
        model.save(file)
        found[name] = ranvier.models.load_model(file)
    return found


@pytest.fixture
def hand(browser):
    return Hand(browser)


@pytest.mark.parametrize("name", ["plain", "deep"])
def test_a_person_looks_at_digits(models, name, hand):
    with look(models[name], open_browser=False) as page:
        hand.open(page)
        for strokes, digit in ((SEVEN, "7"), (ONE, "1"), (ZERO, "0")):
            hand.one("#wipe").click()
            hand.draw(*strokes)
            assert hand.text("#verdict") == digit, f"drew a {digit}"
        for card in hand.all(".layer")[1:]:
            title = card.text.split("\n")[0]
            hand.layer(title)
            assert title in hand.text("#detail-title")
            hand.neuron(6, 6)
            assert "neuron" in hand.text("#detail-title") or "contributions" in hand.text("#detail")
        hand.layer("dense")
        assert hand.all("#detail .block")
        hand.neuron(40, 12)
        assert "contributions" in hand.text("#detail")
        assert "Choose a target" in hand.text("#detail")
        hand.one(".strip button").click()
        hand.until("return /∂L/.test(document.querySelector('#detail').textContent)")
        hand.driver.execute_script("performance.clearMeasures()")
        for i in range(6):  # every kind of question a few times, for the medians
            for card in hand.all(".layer"):
                hand.layer(card.text.split("\n")[0])
            hand.neuron(6 + 14 * i, 12)
        hand.one("#wipe").click()
        hand.draw(*ZERO, *ONE)
        medians = {what: statistics.median(hand.times(what)) for what in ("run", "layer", "neuron")}
        print(f"\n{name}: median milliseconds from the hand to the picture: "
              + ", ".join(f"{what} {value:.0f} of {len(hand.times(what))}" for what, value in medians.items()))  # fmt: skip
        if os.environ.get("RANVIER_LOOK_TIMES"):  # on a machine that does nothing else
            assert max(medians.values()) < 100, medians
        assert hand.complaints() == []


def test_with_the_keyboard_alone(models, hand):
    from selenium.webdriver.common.keys import Keys

    with look(models["plain"], open_browser=False) as page:
        hand.open(page)
        focused = "return document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"

        def tab_to(part):
            for _ in range(60):
                if part in (hand.driver.execute_script(focused) or ""):
                    return
                hand.keys(Keys.TAB)
            raise AssertionError(f"Tab never came to {part!r}")

        tab_to("Paper: draw")
        hand.keys(Keys.DELETE)
        hand.keys(*[Keys.ARROW_UP] * 4, " ", *[Keys.ARROW_DOWN] * 22, " ")
        hand.settled()
        assert hand.text("#verdict") == "1"
        tab_to("dense, Dense")
        hand.keys(Keys.ARROW_UP)
        assert "flatten" in hand.driver.execute_script(focused)
        hand.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
        assert "dense_1" in hand.driver.execute_script(focused)
        hand.keys(Keys.ENTER)
        hand.until("return document.activeElement.className === 'field'")
        hand.keys(Keys.ARROW_RIGHT)
        assert "neuron 1" in hand.text("#detail .reading")
        hand.keys(Keys.ENTER)
        hand.until("return /neuron 1/.test(document.querySelector('#detail-title').textContent)")
        hand.keys(Keys.ESCAPE)
        hand.until("return document.activeElement.className === 'field'")
        hand.keys(Keys.ESCAPE)
        hand.until("return document.activeElement.classList.contains('layer')")
        assert hand.complaints() == []


def test_names_from_a_file_are_text(tmp_path, hand):
    name = "<img src=x onerror=alert(1)>"
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(2, name=name)], name="<script>alert(2)<")
    model.save(tmp_path / "evil.keras")
    with look(ranvier.models.load_model(tmp_path / "evil.keras"), open_browser=False) as page:
        hand.open(page)
        hand.layer("<img")
        hand.neuron(6, 6)
        assert name in hand.text("#detail-title")
        assert hand.text("#model-name") == "<script>alert(2)<"
        images = hand.driver.execute_script("return [...document.images].map(i => i.getAttribute('src'))")
        assert images == ["icon.svg"]
        assert hand.complaints() == []


def test_small_inputs_are_typed(hand):
    model = ranvier.Sequential(
        [ranvier.Input((2,)), layers.Dense(2, "sigmoid", kernel_initializer="ones", name="hidden"),
         layers.Dense(1, "sigmoid", kernel_initializer="ones", name="out")]
    )  # fmt: skip
    model.compile("sgd", "mean_squared_error")
    with look(model, np.array([[-2.0, -1.0]], "float32"), np.array([[1.0]], "float32"), open_browser=False) as page:
        hand.open(page)
        hand.layer("hidden")
        hand.neuron(6, 6)
        detail = hand.text("#detail")
        for number in ("0.0474", "0.0215"):  # 0.02147
            assert number in detail
        box = hand.all(".typed input")[0]
        box.clear()
        box.send_keys("3")
        hand.settled()
        assert "2.0000" in hand.text("#detail")  # 3 − 1
        assert hand.complaints() == []


def test_the_lessons(hand):
    from selenium.webdriver.common.keys import Keys

    with look(tutorial="height-and-weight", open_browser=False) as page:
        hand.open(page)
        hand.until("return /epoch 0 /.test(document.querySelector('#epoch').textContent)")
        start = hand.text("#epoch")
        slider = hand.one(".player input[type=range]")
        slider.send_keys(Keys.ARROW_RIGHT)
        hand.until("return /epoch 1 /.test(document.querySelector('#epoch').textContent)")
        assert hand.text("#epoch") != start
        slider.send_keys(Keys.END)
        hand.until("return /epoch 1000 /.test(document.querySelector('#epoch').textContent)")
        assert float(hand.text("#epoch").split()[-1]) < 0.003
        slider.send_keys(Keys.HOME)
        hand.one("#play").click()
        hand.until("return Number(document.querySelector('.player input').value) > 8")
        hand.one("#play").click()
        next(button for button in hand.all("#views button") if "line" in button.text).click()
        hand.until("return /2x/.test(document.querySelector('#lesson-view h2')?.textContent)")
        hand.one(".player input[type=range]").send_keys(Keys.END)
        hand.until("return /epoch 500 /.test(document.querySelector('#epoch').textContent)")
        assert "x = 10 ? 18.9" in hand.text("#lesson-view")
        print(
            f"\nlesson: median {statistics.median(hand.times('epoch')):.0f} ms an epoch of {len(hand.times('epoch'))}"
        )
        assert hand.complaints() == []


@pytest.mark.parametrize("width", [360, 820])
def test_narrow_windows_do_not_scroll_sideways(models, width, hand):
    hand.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        with look(models["plain"], open_browser=False) as page:
            hand.open(page)
            hand.layer("dense")
            assert hand.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
            hand.neuron(40, 12)
            assert hand.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        hand.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_when_the_program_has_ended_the_page_says_so(hand, models):
    page = look(models["plain"], open_browser=False)
    hand.open(page)
    page.close()
    hand.all(".layer")[1].click()
    hand.until("return !document.querySelector('#trouble').hidden")
    assert "Start it again" in hand.text("#trouble")
    hand.complaints()  # of the connection that was refused


def test_pictures_for_people(models, hand, tmp_path):
    """The documentation's pictures, in light and dark: `RANVIER_LOOK_PICTURES=docs/images` puts them there."""
    from PIL import Image
    from selenium.webdriver.common.keys import Keys

    folder = os.environ.get("RANVIER_LOOK_PICTURES", str(tmp_path))

    def take(name):
        time.sleep(0.6)  # until the signals have run
        file = os.path.join(folder, f"{name}.png")
        hand.driver.save_screenshot(file)
        picture = Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        picture.save(file, optimize=True)
        assert len(picture.getcolors(1 << 20) or []) > 60

    def dark():
        hand.one("#theme").click()

    with look(models["plain"], open_browser=False) as page:
        hand.open(page)
        hand.one("#wipe").click()
        hand.draw(*SEVEN)
        hand.layer("dense")
        hand.until("return /relu/.test(document.querySelector('#detail').textContent)")
        take("look")
        dark()
        hand.driver.save_screenshot(tmp_path / "look-dark.png")
        dark()
    with look(tutorial="height-and-weight", open_browser=False) as page:
        hand.driver.set_window_size(1440, 1270)
        hand.open(page)
        hand.until("return /epoch 0 /.test(document.querySelector('#epoch').textContent)")
        slider = hand.one(".player input[type=range]")
        slider.send_keys(*[Keys.PAGE_UP] * 4)
        hand.until("return /epoch 200 /.test(document.querySelector('#epoch').textContent)")
        hand.driver.execute_script("document.activeElement.blur()")
        take("look-lesson")
        hand.driver.set_window_size(1440, 1000)
    assert hand.complaints() == []
