"""The README's, the documentation's and the examples' code runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))

# Each example with its arguments here, and what its output must say.
EXAMPLES = {
    "activations.py": (
        [],
        [
            r"sigmoid .*0\.7311, 0\.1966",
            r"tanh .*0\.7616, 0\.4200",
            r"leaky_relu +-0\.6000, 0\.2000",
            r"swish .*0\.7311, 0\.9277",
        ],
    ),
    "neuron.py": ([], [r"float32: 0\.99908(89|90)", r"in float64: 0\.9990889488055994"]),
    "mean_squared_error.py": ([], [r"object:\s+0\.5", r"function: 0\.5", r"by name:\s+0\.5"]),
    "chain_rule.py": (
        [],
        [
            r"h1 = h2 = 0\.0474, prediction = 0\.524",
            r"by hand: 0\.0214",
            r"by ranvier: 0\.0214",
            r"∂L/∂out\[0\] .* = -0\.95261",
        ],
    ),
    "height_and_weight.py": ([], [r"epochs: 0\.00(1[3-9]|2[0-5])", r"\(-7, -3\): 0\.9[4-9]", r"\(20, 2\): 0\.0[3-6]"]),
    "first_network.py": ([], [r"x = 10: 18\.9(7[5-9]|8)", r"2 parameters"]),
    "two_layers.py": ([], [r"predict: (19\.0000|18\.9999), by hand: (19\.0000|18\.9999)"]),
    "three_ways.py": (
        [],
        [r"Total params: 26 \(104\.00 B\)", r"Total params: 20 \(80\.00 B\)", r'Model: "subclassed"'],
    ),
    "dense_arguments.py": ([], [r"hidden/kernel", r"'class_name': 'HeNormal'"]),
    "custom_parts.py": ([], [r"epoch 50:", r"x = 1\.5: (1\.[89]|2\.[0-6])"]),
    "digits.py": (["--epochs", "1", "--samples", "6000"], [r"Total params: 101,770", r"test accuracy 0\.(8[5-9]|9)"]),
    "lstm_digits.py": (["--epochs", "2", "--samples", "4000"], [r"test accuracy 0\.(7[5-9]|8)"]),
    "character_language_model.py": (
        ["--epochs", "8", "--characters", "40000", "--written", "150"],
        [r"unseen text: 0\.[6-9]\d+ bits", r"temperature 0\.5: (8[5-9]|9\d|100)% real words"],
    ),
    "transfer_learning.py": (
        ["--epochs", "1", "--samples", "12000"],
        [
            r"1\. .*: 105,573 trainable parameters, 32 non-trainable",
            r"on 0 to 4: 0\.9[6-9]",
            r"2\. .*: 325 trainable parameters, 105,280 non-trainable",
            r"5 to 9: 0\.(7|8).*unchanged: True",
            r"3\. .*: 105,573 trainable parameters, 32 non-trainable",
            r"fine-tuned: 0\.9",
        ],
    ),
    "augmentation.py": (
        ["--tested", "2000"],
        [r"without augmentation: .* accuracy 0\.(7[89]|8[0-6])", r" with augmentation: .* accuracy 0\.(8[2-9]|9)"],
    ),
    "cnn_cifar.py": (
        ["--synthetic", "--samples", "2000", "--tested", "500", "--epochs", "3", "--filters", "16"],
        [r"synthetic images in CIFAR-10's format", r"Total params: 17,274", r"test accuracy (0\.[89]|1\.0)"],
    ),
    "inception_and_residual.py": (
        ["--samples", "3000", "--tested", "1000", "--epochs", "4"],
        [r"Total params: 14,730", r"branches", r"test accuracy 0\.(7[5-9]|8|9)"],
    ),
    "initialisers.py": (
        ["--epochs", "2", "--samples", "4000", "--tested", "1000", "--seeds", "1", "--output", "initialisers.png"],
        [
            r"zeros +0 +0 +0\.\d+ .* 1 of 64",
            r"Xavier uniform .* 0\.(7[5-9]|8|9)\d* .*64 of 64",
            r"He normal .* 0\.(7[5-9]|8|9)",
            r"picture saved",
        ],
    ),
    "enhanced_mlp.py": (["--epochs", "1", "--samples", "6000"], [r"test accuracy 0\.(8|9)"]),
    "self_attention_by_hand.py": (
        ["--epochs", "6", "--samples", "4000"],
        [r"squared error 0\.(0|1)\d+, without looking 0\.3", r"the right place 0\.[3-9]"],
    ),
    "population.py": (
        ["--epochs", "4", "--samples", "3000"],
        [r"16 candidates, .*, one program", r"best: .*'learning_rate': 0\.0(01|1)\b", r"test accuracy 0\.(8[5-9]|9)"],
    ),
    "transformer_classifier.py": (
        ["--epochs", "1", "--samples", "6000"],
        [r"37,770 parameters", r"test accuracy 0\.[4-9]"],
    ),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages(page: Path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
    exec(compile(code, str(page), "exec"), {"__name__": "page"})


def test_readme():
    code = "\n".join(re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL))
    quick = code.replace("epochs=10", "epochs=1").replace(
        "mnist.load_data()", "[(a[:3200], b[:3200]) for a, b in mnist.load_data()]"
    )
    assert quick.count("epochs=1,") == 1
    exec(compile(quick, "README.md", "exec"), {"__name__": "readme"})


def test_every_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str, tmp_path: Path):
    arguments, expected = EXAMPLES[name]
    if name == "digits.py":
        arguments = [*arguments, "--output", str(tmp_path / "out")]
    environment = os.environ | {"COLUMNS": "100", "JAX_PLATFORMS": "cpu", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for pattern in expected:
        assert re.search(pattern, done.stdout), f"{pattern} not in:\n{done.stdout[-3000:]}"
    if name == "digits.py":
        names = {path.name for path in (tmp_path / "out").iterdir()}
        assert names == {"curves.png", "confusion.png", "predictions.png", "digits.keras"}
