"""Training, testing and predicting from files: the same numbers as from memory."""

import h5py
import numpy as np
import pytest

import ranvier
from ranvier import layers

ROWS = 150


@pytest.fixture
def data(rng):
    return rng.integers(0, 255, (ROWS, 6), dtype=np.uint8), rng.integers(0, 3, ROWS)


@pytest.fixture(params=["memmap", "hdf5", "compressed"])
def source(request, data, tmp_path):
    if request.param == "memmap":
        np.save(tmp_path / "x.npy", data[0])
        yield np.load(tmp_path / "x.npy", mmap_mode="r")
        return
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=data[0], compression="gzip" if request.param == "compressed" else None)
    with h5py.File(tmp_path / "x.h5", "r") as file:
        yield file["x"]


def model():
    ranvier.utils.set_random_seed(1)
    made = ranvier.Sequential(
        [
            layers.Input((6,), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Dense(8, "relu"),
            layers.Dense(3, "softmax"),
        ]
    )
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


@pytest.mark.parametrize("shuffle", [True, "batch", False])
def test_a_fit_from_files_is_the_fit_from_memory(source, data, shuffle):
    found = []
    for x in (data[0], source):
        trained = model()
        options = {"epochs": 3, "batch_size": 16, "shuffle": shuffle, "verbose": 0, "validation_split": 0.2}
        history = trained.fit(x, data[1], **options).history
        found.append(
            (history, trained.get_weights(), trained.evaluate(x, data[1], verbose=0), trained.predict(x, verbose=0))
        )
    (history, weights, scores, outputs), (history2, weights2, scores2, outputs2) = found
    assert history.keys() == history2.keys()
    for name in history:
        np.testing.assert_allclose(history[name], history2[name], rtol=1e-5)
    for a, b in zip(weights, weights2, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(scores, scores2, rtol=1e-5)
    assert outputs.shape == outputs2.shape == (ROWS, 3)
    np.testing.assert_allclose(outputs, outputs2, rtol=1e-4, atol=1e-6)


def test_an_interrupted_fit_from_files_goes_on_to_the_same_weights(source, data, tmp_path):
    class Stop(ranvier.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations.numpy() == 13:
                raise KeyboardInterrupt

    options = {"epochs": 2, "batch_size": 16, "verbose": 0}
    whole = model()
    whole.fit(source, data[1], **options)
    backup = ranvier.callbacks.BackupAndRestore(str(tmp_path / "backup"), save_freq=2, delete_checkpoint=False)
    with pytest.raises(KeyboardInterrupt):
        model().fit(source, data[1], **options, callbacks=[backup, Stop()])
    rest = model()
    rest.fit(source, data[1], **options, callbacks=[backup])
    for a, b in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
