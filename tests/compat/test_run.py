"""``ranvier run``: a program sees what Python itself would give it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ranvier


def _run(*arguments: str, cwd: Path, text: str | None = None, run: str = "ranvier") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "RANVIER_TRACEBACK_FILTERING"}
    return subprocess.run(
        [sys.executable, "-m", run, "run", *arguments], cwd=cwd, input=text, capture_output=True, text=True, env=environment,
        timeout=120, check=False,
    )  # fmt: skip


SEES = """
import os, sys
print(sys.argv[1:], __name__, os.path.basename(__file__), os.path.basename(sys.path[0]), os.path.basename(os.getcwd()))
import helper
print(helper.keras.Model.__module__, sys.modules["__main__"].__dict__ is globals(), __spec__, __package__)
print("jax" in sys.modules)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "script.py").write_text(SEES)
    (inside / "helper.py").write_text("from tensorflow import keras\n")
    return tmp_path


@pytest.mark.parametrize("run", ["ranvier", "ranvier.cli"])
def test_a_script_sees_what_python_gives_it(folder: Path, run: str):
    done = _run("project/script.py", "--epochs", "3", "-h", cwd=folder, run=run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"['--epochs', '3', '-h'] __main__ script.py project {folder.name}",
        "ranvier.models.model True None None",
        "True",
    ]
    assert done.stderr == f"ranvier {ranvier.__version__} runs script.py: its keras and tensorflow are ranvier's.\n"
    assert not (folder / "project" / "__pycache__" / "script").exists()
    assert _run("-q", "project/script.py", cwd=folder).stderr == ""


def test_settings_that_a_script_makes_first_count(tmp_path: Path):
    (tmp_path / "s.py").write_text("import sys; print('jax' in sys.modules)")
    assert _run("s.py", cwd=tmp_path).stdout == "False\n"


def test_modules_packages_texts_and_standard_input(folder: Path):
    package = folder / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("import keras\n")
    (package / "__main__.py").write_text(
        "import sys, keras; from . import keras as k; print(k is keras, sys.argv[1:])\n"
    )
    assert _run("-m", "pack", "-x", cwd=folder).stdout == "True ['-x']\n"
    assert _run("pack", "-x", cwd=folder).stderr.count("ImportError") == 1  # no package, as with python itself
    assert _run("-c", "import keras, sys; print(keras.Model.__name__, sys.argv)", "a", cwd=folder).stdout == (
        "Model ['-c', 'a']\n"
    )
    for arguments in (["-", "a"], []):
        done = _run(*arguments, cwd=folder, text="import keras, sys; print(keras.Model.__name__, sys.argv[1:])")
        assert done.stdout == f"Model {arguments[1:]}\n"


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no data')", 1, "no data\n"),
        ("raise SystemExit", 0, ""),
        ("def f():\n    raise ValueError('x')\nf()", 1, "FIRST"),
        ("import keras\nkeras.layers.Dense(-1)", 1, "FIRST"),
        ("from keras.layers import LocallyConnected2D", 1, "FIRST"),
        ("x = (", 1, "SyntaxError"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("import sys; sys.excepthook = lambda *a: print('mine', a[0].__name__, file=sys.stderr)\n1/0", 1, "mine Zero"),
    ],
)
def test_endings_are_pythons(tmp_path: Path, code: str, status: int, said: str):
    (tmp_path / "s.py").write_text(code)
    done = _run("-q", "s.py", cwd=tmp_path)
    assert done.returncode == status, done.stderr
    if said == "FIRST":
        lines = done.stderr.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1].startswith(f'  File "{tmp_path / "s.py"}", line ')
        assert "ranvier/cli" not in done.stderr
        assert "compat/" not in done.stderr
    else:
        assert said in done.stderr


def test_what_cannot_be_run(tmp_path: Path):
    done = _run("nowhere.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "can't open file 'nowhere.py'" in done.stderr
    assert _run("-m", "nowhere_at_all", cwd=tmp_path).returncode == 1
    bad = _run("-c", "1/0", cwd=tmp_path)
    assert '  File "<string>", line 1, in <module>\n' in bad.stderr


def test_classes_of_the_script_can_be_pickled_at_the_very_end(tmp_path: Path):
    (tmp_path / "s.py").write_text(
        "import atexit, pickle\nclass C: pass\natexit.register(lambda: print(type(pickle.loads(pickle.dumps(C())))))"
    )
    assert _run("s.py", cwd=tmp_path).stdout == "<class '__main__.C'>\n"


def test_processes_that_it_spawns_have_the_faces_too(tmp_path: Path):
    (tmp_path / "helper.py").write_text("import keras\nNAME = keras.Model.__module__\n")
    (tmp_path / "s.py").write_text(
        "import multiprocessing, keras, helper\n"
        "class Here:\n    value = keras.Model.__module__\n"
        "def job(n):\n    import tensorflow\n    return n, Here.value, helper.NAME, tensorflow.keras.Model.__module__, __name__\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n        print(pool.map(job, [3]))\n"
    )
    name = "ranvier.models.model"
    for arguments in (["s.py"], ["-m", "s"]):
        done = _run(*arguments, cwd=tmp_path)
        assert done.stdout == f"[(3, '{name}', '{name}', '{name}', '__mp_main__')]\n", done.stderr
        assert "Warning" not in done.stderr


def test_the_real_tensorflow_loads_beside_it(tmp_path: Path):
    pytest.importorskip("tensorboard")
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    (tmp_path / "s.py").write_text(
        "import tensorflow as tf\nfrom tensorboard.compat import tf as real\nimport tensorflow as again\n"
        "print(float(real.reduce_sum(real.constant([1.0, 2.0]))), float(tf.reduce_sum(tf.constant([1.0, 2.0]))))\n"
        "print(type(real.constant(1)).__module__[:11], again is tf, real.keras.Model is tf.keras.Model)\n"
    )
    assert _run("s.py", cwd=tmp_path).stdout == "3.0 3.0\ntensorflow. True False\n"


def test_real_tensorflow_beside_it(tmp_path: Path):
    """TensorBoard's own code may import the real TensorFlow; the script's name stays ranvier's."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "theirs.py").write_text("import tensorflow\nversion = tensorflow.IS_REAL\n")
    (site / "tensorflow.py").write_text("IS_REAL = True\n")
    (tmp_path / "s.py").write_text(
        "import sys; sys.path.insert(1, 'site-packages')\nimport tensorflow as tf\nimport theirs\nfrom tensorflow import keras\n"
        "print(theirs.version, hasattr(tf, 'IS_REAL'), keras is tf.keras, sys.modules['tensorflow'].IS_REAL)\n"
    )
    assert _run("s.py", cwd=tmp_path).stdout == "True False True True\n"
