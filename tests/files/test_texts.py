"""`model_from_json` keeps the limits of files: what is refused there is refused here, before it costs memory."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile

import numpy as np
import pytest

import ranvier
from ranvier.core import random
from ranvier.core.errors import ArgumentTypeError, RanvierError, SerializationError

from ..hostile import code, sizes
from ..hostile.case import config

# These fit into a machine, or are no fault where there are no weights that contradict them.
FINE = {"Dense of a gigabyte", "thirty layers of a hundred megabytes"}


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cases():
    yield from sizes._texts()
    for generate in (sizes._types, sizes._absurd):
        yield from ((name, json.dumps(described).encode()) for name, described in generate())


@pytest.mark.parametrize("text", [str, bytes])
def test_the_same_texts_are_refused(text):
    wrong, count = [], 0
    for name, raw in cases():
        if name in FINE:
            continue
        if text is str:
            try:
                raw = raw.decode("utf-8")
            except UnicodeDecodeError:
                continue
        count += 1
        before, start = resident(), time.monotonic()
        try:
            made = ranvier.models.model_from_json(raw)
        except RanvierError as error:
            if len(str(error)) > 1000 or type(error) is RanvierError:
                wrong.append((name, type(error), len(str(error))))
        else:
            wrong.append((name, "loaded", made.count_params() if made.built else None))
        if resident() - before > 2 * len(raw) + (256 << 20) or time.monotonic() - start > 30:
            wrong.append((name, (resident() - before) >> 20, time.monotonic() - start))
    assert not wrong, wrong
    assert count > 100


def test_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for case in code.hostile():
        if case.ending == ".keras" and isinstance(case.data, bytes):
            with zipfile.ZipFile(io.BytesIO(case.data)) as archive:
                text = archive.read("config.json")
            described = json.loads(text)
            if isinstance(described, dict):
                described.pop("compile_config", None)
            if json.dumps(described) == json.dumps({k: v for k, v in config().items() if k != "compile_config"}):
                continue  # what is wrong lay elsewhere
            with pytest.raises(RanvierError):
                ranvier.models.model_from_json(text)
    assert list(tmp_path.iterdir()) == []


def test_what_says_why():
    text = json.dumps(config())
    for changed, why in (
        (text.replace('"units": 3', '"units": NaN'), "json_string is refused: it holds NaN"),
        (text.replace('"units": 3', '"units": 3, "units": 4'), "it has the key 'units' twice"),
        (text.replace('"units": 3', '"units": ' + "[" * 200 + "]" * 200), "more than 100 levels deep"),
        (text.replace('"units": 3', '"units": 1000000000000'), "weights that the configuration asks for"),
        ("{}", "describes no model"),
        ("3", "describes no model"),
        ("nothing", "not valid JSON"),
        ("\ud800", "half of a character"),
    ):
        with pytest.raises(SerializationError, match=why.replace("'", ".")):
            ranvier.models.model_from_json(changed)
    for wrong in (None, 3, {"class_name": "Sequential"}):
        with pytest.raises(ArgumentTypeError, match="json_string must be a text"):
            ranvier.models.model_from_json(wrong)


def test_the_model_is_the_one_that_its_configuration_makes():
    model = ranvier.Sequential([ranvier.Input((4,)), ranvier.layers.Dense(30), ranvier.layers.BatchNormalization()])
    random.set_random_seed(7)
    one = ranvier.models.model_from_json(model.to_json())
    random.set_random_seed(7)
    two = ranvier.Sequential.from_config(model.get_config())
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    one.compile("sgd", "mse")
    one.fit(np.ones((8, 4), "float32"), np.ones((8, 30), "float32"), verbose=0)
    assert ranvier.models.model_from_json(model.to_json().encode()).count_params() == model.count_params()
