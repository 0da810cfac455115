"""History and CSVLogger keep what Keras's keep, to the byte."""

import keras
import numpy as np
import pytest

from ranvier.callbacks import CSVLogger, History
from ranvier.core.errors import ArgumentError, ArgumentTypeError

PLAIN = [{"loss": 1.5, "acc": 0.25}, {"loss": 1 / 3, "acc": 0.1}]
VALIDATED = [{"loss": 1.5, "val_loss": 2.0}, {"loss": 1.0}, {"loss": 1.0, "val_loss": 1.0, "learning_rate": 0.1}]
ODD = [
    {"conf": np.arange(3), "m": np.ones((2, 2)), "s": 'a,"b"', "z": np.float32(0.1), "zz": np.array(2.0), "l": [1, 2]}
]


@pytest.mark.parametrize("epochs", [PLAIN, VALIDATED, ODD, PLAIN[:1], [PLAIN[0], VALIDATED[0]]])
@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("runs", [1, 2])
def test_csv_bytes_as_keras(tmp_path, drive, epochs, append, separator, runs):
    for kind, name in ((CSVLogger, "ours"), (keras.callbacks.CSVLogger, "theirs")):
        callback = kind(str(tmp_path / name), separator=separator, append=append)
        drive(callback, epochs, runs=runs)
        drive(kind(str(tmp_path / name), append=True), epochs)  # another logger goes on in the same file
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_csv_is_on_disk_after_each_epoch(tmp_path):
    log = CSVLogger(tmp_path / "log.csv")
    log.on_train_begin()
    log.on_epoch_end(0, {"val_loss": 1.0})
    assert (tmp_path / "log.csv").read_text().split() == ["epoch,val_loss", "0,1.0"]
    log.on_train_end()
    assert log.csv_file is None


@pytest.mark.parametrize("separator", ["", ";;", None, "\n", '"'])
def test_bad_separator(separator):
    with pytest.raises(ArgumentError, match="separator"):
        CSVLogger("log.csv", separator=separator)


def test_bad_filename():
    with pytest.raises(ArgumentTypeError, match="filename"):
        CSVLogger(3)


def test_history_as_keras(drive):
    ours, theirs = History(), keras.callbacks.History()
    for callback in (ours, theirs):
        run = drive(callback, VALIDATED, runs=2)
        assert run.model.history is callback
    assert ours.history == theirs.history
    assert ours.epoch == theirs.epoch == [0, 1, 2]
