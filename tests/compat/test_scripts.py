"""Programs as tutorials write them, in the words of Keras 1, 2 and 3 and of ``tf.keras``, run without a changed character."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts" / "keras"

# Each script with what its output must say, and what the hints on standard error are about.
EXPECTED: dict[str, tuple[list[str], list[str]]] = {
    "first_network.py": ([r"TensorFlow version: 2\.", r"Prediction for 10: \[\[18\.9[78]", r"Weights: \[array\(\[\[1\.99"], []),
    "models_layers_optimizers.py": (
        [r"\['acc', 'loss', 'val_acc', 'val_loss'\]", r"Test accuracy: (0\.[89]|1\.0)", r"\(3, 1\) Probabilities: \(3, 1\)"],
        ["Dense(init=", "input_dim=20", "Dropout(p=", "Dense(output_dim=", "SGD(lr=", "SGD(decay=", "fit(nb_epoch=",
         "predict_classes(x)", "predict_proba(x)"],
    ),
    "mnist_cnn.py": ([r"x_train shape: \(2000, 28, 28, 1\)", r"Test accuracy: 0\.[89]"], ["Conv2D(border_mode=", "Adam(lr="]),
    "transfer_learning.py": (
        [r"Test accuracy: 0\.9", r"Trainable weights: 4\nTest accuracy: 0\.[6-9]", r"Frozen: True", r"new model: 2"],
        [],
    ),
    "image_generator.py": (
        [r"Found 64 images belonging to 2", r"val_accuracy: (0\.9|1\.0)", r"\{'dark': 0, 'light': 1\}", r"previews: 3"],
        ["fit_generator("],
    ),
    "text_classification.py": (
        [r"28 words; 1 stands", r"\[ 2 23  3  4  0  0  0  0\]", r"accuracy: (0\.9|1\.0)", r"first is better: True"],
        ["Embedding(input_length="],
    ),
    "save_and_load.py": (
        [r"my_model\.keras goes on training: True True", r"my_model\.h5 goes on training: True True",
         r"\['cp-01\.weights\.h5', 'cp-02\.weights\.h5'\]", r"all the same"],
        ["'.h5' is the old format", "Files of weights end in"],
    ),
    "callbacks.py": (
        [r"batches: True rates: True", r"rates fall: True", r"log lines: True \['end'\]", r"set: 0\.0010", r"best:  True"],
        ["optimizer.lr", "'.h5' is the old format"],
    ),
    "functional_multi_input.py": (
        [r"Total params: 1,236", r"\['department_acc', 'department_loss', 'loss', 'priority_loss'\]",
         r"department_acc: (0\.[89]|1\.0)", r"\(320, 1\) \(320, 3\)", r"\(320, 16\)"],
        [],
    ),
    "custom_loss_and_metrics.py": (
        [r"\['acc', 'f1_m', 'loss', 'precision_m', 'recall_m', 'root_mean_squared_error'\]", r"f1: (0\.9|1\.0)",
         r"lengths: \[4\. 4\. 4\.\]", r"mse: 2\.5", r"\(None, 1\) \[4\. 6\.\]"],
        [],
    ),
    "keras3_style.py": ([r"Keras 3\.\d+\.\d+ on jax", r"accuracy: (0\.9|1\.0)"], []),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_scripts(name: str, tmp_path: Path):
    expected, hints = EXPECTED[name]
    environment = os.environ | {"COLUMNS": "100", "JAX_PLATFORMS": "cpu", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "ranvier", "run", str(SCRIPTS / name)],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for pattern in expected:
        assert re.search(pattern, done.stdout), f"{pattern} not in:\n{done.stdout[-3000:]}"
    first, *rest = done.stderr.splitlines()
    assert re.fullmatch(rf"ranvier \S+ runs {re.escape(name)}: .*", first)
    warned = [line.split("RanvierWarning: ")[1] for line in rest if "Warning: " in line]
    assert len(warned) == len(hints), warned
    assert all(any(line.startswith(hint) for line in warned) for hint in hints), warned


def test_every_script_is_run():
    assert {path.name for path in SCRIPTS.glob("*.py")} == set(EXPECTED)
