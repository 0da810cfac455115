"""BackupAndRestore's arguments, as Keras takes them. What it does is tested in tests/training/test_resume.py."""

import inspect

import keras
import pytest

from ranvier import callbacks
from ranvier.core.errors import ArgumentError, ArgumentTypeError


def test_signature():
    ours, theirs = (inspect.signature(m.BackupAndRestore) for m in (callbacks, keras.callbacks))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backup_dir": ""}, "backup_dir must name a folder"),
        ({"backup_dir": None}, "backup_dir must be the path"),
        ({"backup_dir": "a", "save_freq": "batch"}, "save_freq must be 'epoch' or a number of batches"),
        ({"backup_dir": "a", "save_freq": 0}, "save_freq must be at least 1"),
        ({"backup_dir": "a", "save_freq": 1.5}, "save_freq must be an integer"),
    ],
    ids=["empty", "none", "batch", "zero", "fraction"],
)
def test_bad_arguments(arguments, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        callbacks.BackupAndRestore(**arguments)
