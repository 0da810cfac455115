"""``.keras`` files, both ways with Keras."""

import zipfile

import keras
import numpy as np
import pytest

import ranvier


def _graph(k):
    layers = k.layers
    inner = k.Sequential([k.Input((4,)), layers.Dense(2), layers.Dropout(0.5)], name="inner")
    inputs = k.Input((3,))
    x = layers.BatchNormalization()(layers.Dense(4, activation="relu")(inputs))
    shared = layers.Dense(4, name="shared")
    x = shared(x)
    return k.Model(inputs, inner(layers.Add()([shared(x), x]))), (5, 3)


def _images(k):
    layers = k.layers
    convolution = layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")
    return k.Sequential(
        [
            k.Input((8, 8, 3)),
            convolution,
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    ), (5, 8, 8, 3)


def _trained(k, make):
    model, shape = make(k)
    optimizer = k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9))
    model.compile(optimizer, "mse", metrics=["mae"])
    x = np.random.default_rng(0).random(shape).astype("float32")
    model.fit(x, np.ones((shape[0], 2), "float32"), epochs=2, verbose=0)
    return model, x


@pytest.mark.parametrize("make", [_graph, _images])
@pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier), (ranvier, ranvier)])
def test_saved_here_read_there_and_training_goes_on(make, writer, reader, tmp_path):
    model, x = _trained(writer, make)
    model.save(tmp_path / "model.keras")
    again = reader.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    assert len(again.optimizer.variables) == len(model.optimizer.variables)
    if make is _images:  # no randomness in it: the next steps are the same, too
        y = np.zeros((x.shape[0], 2), "float32")
        a = again.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
        b = model.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_weights_json_and_clone(tmp_path):
    model, x = _trained(ranvier, _graph)
    model.save_weights(tmp_path / "w.weights.h5")
    clone = ranvier.models.clone_model(model)
    clone.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(clone.predict(x, verbose=0), model.predict(x, verbose=0))
    assert ranvier.models.model_from_json(model.to_json()).count_params() == model.count_params()


def test_config_is_that_of_keras():
    from ranvier.core import names

    names.clear_names()
    keras.backend.clear_session()
    ours, theirs = _graph(ranvier)[0].get_config(), _graph(keras)[0].get_config()
    ours["name"] = theirs["name"]  # Keras counts the graph inside a Sequential as a functional model, too

    def plain(value):
        if isinstance(value, dict):
            # What Keras fills in with nothing: masks that are None, a compile_config without entries.
            return {
                k: plain(v)
                for k, v in value.items()
                if k != "build_config" and not (k in ("mask", "compile_config") and not v)
            }
        return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value

    assert plain(ours) == plain(theirs)


def test_functions_in_the_graph_are_saved_by_name(tmp_path):
    inputs = ranvier.Input((3,))
    ranvier.Model(inputs, ranvier.ops.relu(inputs * 2 + 1)).save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(np.ones((1, 3)), verbose=0), [[3, 3, 3]])


def test_what_a_file_may_not_hold_is_refused(tmp_path):
    model, _ = _images(ranvier)
    path = tmp_path / "m.keras"
    model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil.py", "print('no')")
    with pytest.raises(ValueError, match=r"evil\.py"):
        ranvier.models.load_model(path)
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members["config.json"] = members["config.json"].replace(b'"MaxPooling2D"', b'"os.system"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"Unknown class 'os\.system'"):
        ranvier.models.load_model(path)
    with pytest.warns(ranvier.core.errors.RanvierWarning, match="cannot be read without their functions: 'code'"):
        ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Lambda(lambda x: x + 1, name="code")]).save(path)
    with pytest.raises(ValueError, match=r"Lambda layer 'code'.*which nobody knows"):
        ranvier.models.load_model(path)
    again = ranvier.models.load_model(path, custom_objects={"code": lambda x: x + 1})
    np.testing.assert_array_equal(again(np.ones((1, 2))), [[2, 2]])


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    model, _ = _images(ranvier)
    path = tmp_path / "m.keras"
    model.save(path)
    before = path.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "writestr", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        model.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.keras"]
