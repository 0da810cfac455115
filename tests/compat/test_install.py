"""Who gets ranvier when he says ``import keras``: the program; and installed packages do not."""

from __future__ import annotations

import builtins
import importlib
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ranvier
from ranvier import compat


@pytest.fixture(autouse=True)
def afterwards():
    yield
    compat.uninstall()


def _imports(code: str, file: str | None = "/home/me/program.py", name: str = "__main__") -> dict:
    scope: dict = {"__name__": name} | ({"__file__": file} if file is not None else {})
    exec(compile(textwrap.dedent(code), file or "<cell>", "exec"), scope)
    return scope


EVERY_WAY = """
import keras
import keras.layers
import keras.layers as layers_by_name
import tensorflow as tf
import tensorflow.keras as tfk
import tf_keras
from keras import backend as K
from keras.datasets import mnist
from keras.layers import Dense
from keras.layers.core import Dense as OldDense
from keras.models import Sequential
from keras.optimizers import Adam
from keras.utils.np_utils import to_categorical
from tensorflow import keras as keras_of_tf
from tensorflow.keras import layers
from tensorflow.keras.layers import Dense as TfDense
from tensorflow.python.keras.layers import Dense as InnerDense
from tf_keras.layers import Dense as OtherDense
"""


@pytest.mark.parametrize("file", ["/home/me/program.py", None], ids=["script", "notebook"])
def test_every_way_to_import_gives_the_same_objects(file: str | None):
    with ranvier.install_as_keras():
        got = _imports(EVERY_WAY, file)
    assert got["Dense"] is ranvier.layers.Dense
    assert all(got[n] is got["Dense"] for n in ("OldDense", "TfDense", "InnerDense", "OtherDense"))
    assert got["keras"] is got["keras_of_tf"] is got["tfk"] is got["tf_keras"] is got["tf"].keras
    assert got["layers"] is got["layers_by_name"] is got["keras"].layers
    assert got["to_categorical"] is ranvier.utils.to_categorical
    assert got["mnist"].load_data is ranvier.datasets.mnist.load_data
    assert got["K"].backend() == "jax"
    assert repr(got["layers"]) == "<module 'keras.layers' of ranvier>"


def test_stars_and_listings_show_all_names():
    with ranvier.install_as_keras():
        got = _imports("from keras.layers import *\nfrom keras.losses import *")
        assert got["Dense"] is ranvier.layers.Dense
        assert got["mse"] is ranvier.losses.mean_squared_error
        keras = _imports("import keras")["keras"]
    assert {"layers", "Sequential", "backend", "utils"} <= set(dir(keras))
    assert keras.__version__.startswith("3.")


def test_functions_that_import_by_name_follow():
    with ranvier.install_as_keras():
        got = _imports("import importlib\nlayers = importlib.import_module('keras.layers')")
        assert got["layers"].Dense is ranvier.layers.Dense
        assert importlib.import_module("json").__name__ == "json"


def test_installed_packages_keep_the_real_one(monkeypatch: pytest.MonkeyPatch):
    real = sys.modules.get("keras") or importlib.import_module("keras")
    library = str(Path(pytest.__file__).parent.parent / "somebody" / "__init__.py")
    assert "site-packages" in library
    with ranvier.install_as_keras():
        assert _imports("import keras", library, "somebody")["keras"] is real
        assert _imports("import importlib; k = importlib.import_module('keras')", library, "somebody")["k"] is real
        assert _imports("import keras", importlib.__file__, "importlib")["keras"] is real
        assert _imports("import keras")["keras"] is not real
        assert sys.modules["keras"] is real
    with ranvier.install_as_keras(also=["somebody"]):
        assert _imports("import keras", library, "somebody.part")["keras"] is not real
    monkeypatch.setitem(sys.modules, "keras", None)  # as where it is not installed
    with ranvier.install_as_keras():
        assert _imports("import keras")["keras"].Model is ranvier.Model
        with pytest.raises(ModuleNotFoundError):
            _imports("import keras", library, "somebody")


def test_a_program_with_an_environment_inside_its_folder():
    with compat.install(folder="/home/me/site-packages/odd"):
        inside = _imports("import keras", "/home/me/site-packages/odd/program.py")["keras"]
        assert inside.Model is ranvier.Model
        theirs = _imports("import keras", "/home/me/site-packages/odd/.venv/lib/site-packages/other.py", "other")
        assert getattr(theirs["keras"], "Model") is not ranvier.Model  # noqa: B009


def test_it_can_be_undone_and_is_done_once():
    before = builtins.__import__, importlib.import_module
    assert not compat.installed()
    first = ranvier.install_as_keras()
    ours = builtins.__import__
    assert ours is not before[0]
    ranvier.install_as_keras()
    assert builtins.__import__ is ours
    assert compat.installed()
    assert "is installed" in repr(first)
    first.uninstall()
    assert (builtins.__import__, importlib.import_module) == before
    assert "was installed" in repr(first)
    assert _imports("import keras")["keras"].__spec__.origin.endswith("__init__.py")


def test_a_hook_that_stands_on_ours_stays():
    handle = ranvier.install_as_keras()
    ours, original = builtins.__import__, compat.install.__globals__["_hooks"]["__import__"][0]
    try:
        builtins.__import__ = lambda *a, **k: ours(*a, **k)
        handle.uninstall()
        assert _imports("import keras")["keras"].__spec__ is not None  # ours lets everything through now
    finally:
        builtins.__import__ = original


def test_relative_imports_and_other_names_are_untouched():
    with ranvier.install_as_keras():
        assert _imports("import json as j")["j"].__name__ == "json"
        with pytest.raises(ModuleNotFoundError, match="keras_something_else"):
            _imports("import keras_something_else")


def test_absent_names_say_the_nearest_way():
    with ranvier.install_as_keras():
        for code, error, said in [
            ("from keras.layers import LocallyConnected2D", ImportError, "EinsumDense"),
            ("from keras.layers import Dens", ImportError, r"Did you mean keras\.layers\.Dense\?"),
            ("from keras.layers import Adam", ImportError, r"It is keras\.optimizers\.Adam"),
            ("import keras.estimator", ModuleNotFoundError, "wrappers.SKLearnClassifier"),
            ("import keras.src.layers", ModuleNotFoundError, "the inside of Keras"),
            ("import keras.layers.nowhere", ModuleNotFoundError, r"No module named 'keras\.layers\.nowhere'"),
            ("from keras.utils import multi_gpu_model", ImportError, "DataParallel"),
            ("from keras.backend.tensorflow_backend import set_session", ModuleNotFoundError, "Delete the lines"),
            ("import keras; keras.backend.gradients", AttributeError, "GradientTape"),
            ("import keras; keras.backend.placeholder", AttributeError, r"keras\.Input"),
            ("import keras; keras.layers.LogSumExp", AttributeError, r"The nearest is ops\.logsumexp"),
            ("import keras; keras._hidden", AttributeError, "_hidden"),
        ]:
            with pytest.raises(error, match=said):
                _imports(code)


def test_reasons_are_given_for_names_that_are_really_absent():
    from ranvier.compat.keras.absent import REFUSED

    for full, reason in REFUSED.items():
        path, _, name = full.rpartition(".")
        with pytest.raises((AttributeError, ModuleNotFoundError)) as caught:
            getattr(compat.face(f"keras.{path}".rstrip(".")), name)
        assert reason in str(caught.value)


def test_every_listed_name_is_there():
    from ranvier.compat.keras.modules import MOVED, keras_face, keras_modules

    counted = 0
    for path in keras_modules():
        for name in keras_face(path).__all__:
            assert getattr(keras_face(path), name) is not None
            counted += 1
    assert counted > 1500
    for old, new in MOVED.items():
        assert set(keras_face(old).__all__) == set(keras_face(new).__all__), old


def test_a_package_that_imports_without_saying_who_it_is():
    library = str(Path(pytest.__file__).parent.parent / "somebody" / "__init__.py")
    with ranvier.install_as_keras():
        assert _imports("k = __import__('keras', fromlist=['*'])", library, "s")["k"].__spec__ is not None
        assert _imports("k = __import__('keras', fromlist=['*'])")["k"].Model is ranvier.Model


def test_code_made_of_text_belongs_to_who_runs_it():
    library = str(Path(pytest.__file__).parent.parent / "somebody" / "__init__.py")
    runs = "scope = {'__name__': 'made'}; exec('import keras as k', scope); k = scope['k']"
    with ranvier.install_as_keras():
        assert _imports(runs, library, "somebody")["k"].__spec__ is not None
        assert _imports(runs)["k"].Model is ranvier.Model


def test_notebooks_load_it_as_an_extension(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ranvier.compat.import_hooks._announced", [])
    for _ in range(2):
        ranvier.load_ipython_extension(object())
    assert _imports("import keras", None)["keras"].Model is ranvier.Model
    ranvier.unload_ipython_extension(object())
    assert not compat.installed()
    assert capsys.readouterr().err.count("runs this notebook") == 1


def test_installing_loads_nothing_heavy():
    code = (
        "import sys, ranvier; ranvier.install_as_keras(); import keras, tensorflow.keras;"
        "print([m for m in ('jax', 'keras', 'tensorflow', 'h5py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
