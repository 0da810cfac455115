"""Files of weights: mismatches, shards, the editor."""

from __future__ import annotations

import json

import h5py
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers, saving
from ranvier.core.errors import ArgumentError, RanvierWarning, SerializationError, ShapeError


def net(package, units=4, out=1):
    return package.Sequential(
        [package.Input((3,)), package.layers.Dense(units, name="a"), package.layers.Dense(out, name="b")], name="net"
    )


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))


def test_layers_that_do_not_fit_are_skipped_when_asked_for(tmp_path):
    saved, other = net(ranvier, out=1), net(ranvier, out=2)
    saved.save_weights(tmp_path / "w.weights.h5")
    before = other.get_weights()
    with pytest.raises(ShapeError, match="net/b/kernel"):
        other.load_weights(tmp_path / "w.weights.h5")
    with pytest.warns(RanvierWarning, match="2 weights do not fit"):
        saving.load_weights(other, tmp_path / "w.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], saved.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[2], before[2])


def test_weights_are_read_from_whole_models_too(tmp_path):
    model, other = net(ranvier), net(ranvier)
    model.save(tmp_path / "m.keras")
    other.load_weights(tmp_path / "m.keras")
    assert same(model, other)
    saving.save_weights(model, tmp_path / "w.weights.h5")
    with pytest.raises(SerializationError, match="overwrite"):
        saving.save_weights(model, tmp_path / "w.weights.h5", overwrite=False)


def test_shards_go_both_ways_with_keras(tmp_path):
    ours, theirs = net(ranvier, units=50), net(keras, units=50)
    size = 700 / 1024**3
    ours.save_weights(tmp_path / "o.weights.json", max_shard_size=size)
    assert len(list(tmp_path.glob("o_*.weights.h5"))) == 2
    theirs.load_weights(str(tmp_path / "o.weights.json"))
    assert same(ours, theirs)
    ours.set_weights([w + 1 for w in ours.get_weights()])
    ours.save_weights(tmp_path / "o.weights.json", max_shard_size=size)  # over the first ones
    assert len(list(tmp_path.glob("o_*.weights.h5"))) == 2
    theirs.load_weights(str(tmp_path / "o.weights.json"))
    assert same(ours, theirs)
    again = net(ranvier, units=50)
    again.load_weights(tmp_path / "o.weights.json")
    assert same(ours, again)
    theirs = net(keras, units=50)
    theirs.save_weights(str(tmp_path / "k.weights.json"), max_shard_size=size)
    index = json.loads((tmp_path / "k.weights.json").read_text())
    first = next(iter(index["weight_map"]))
    for files in (index["weight_map"][first], index["weight_map"][first][0]):  # Keras writes a list or a single name
        index["weight_map"][first] = files
        (tmp_path / "k.weights.json").write_text(json.dumps(index))
        again.load_weights(tmp_path / "k.weights.json")
        assert same(theirs, again)


def test_an_index_names_only_files_beside_it(tmp_path):
    model = net(ranvier)
    path = tmp_path / "w.weights.json"
    for content, words in (
        ("[]", "not an index"),
        ("nonsense", "not valid JSON"),
        (json.dumps({"weight_map": {"/vars": ["../w_00000.weights.h5"]}}), "no file of weights beside it"),
        (json.dumps({"weight_map": {"/vars": ["gone.weights.h5"]}}), "not there"),
    ):
        path.write_text(content)
        with pytest.raises(SerializationError, match=words):
            model.load_weights(path)
    for size in (0, -1, "big", 1e-12):
        with pytest.raises(ArgumentError, match="max_shard_size"):
            model.save_weights(path, max_shard_size=size)


def test_other_endings_and_arguments_are_refused(tmp_path):
    model = net(ranvier)
    for name in ("w.ckpt", "w.weights.json"):
        with pytest.raises(SerializationError, match="must end in"):
            model.save_weights(tmp_path / name)
    with pytest.raises(SerializationError, match="must end in"):
        model.load_weights(tmp_path / "w.txt")
    (tmp_path / "w.h5").write_text("an older file")
    with pytest.raises(SerializationError, match="not an HDF5 file"):
        model.load_weights(tmp_path / "w.h5", skip_mismatch=True)
    with pytest.raises(FileNotFoundError, match="no file"):
        model.load_weights(tmp_path / "w.weights.h5")
    (tmp_path / "bad.weights.h5").write_text("no")
    with pytest.raises(SerializationError, match="not an HDF5"):
        model.load_weights(tmp_path / "bad.weights.h5")
    (tmp_path / "bad.keras").write_text("no")
    with pytest.raises(SerializationError, match="not a zip archive"):
        model.load_weights(tmp_path / "bad.keras")
    with pytest.raises(ArgumentError, match="by_name"):
        saving.save_weights(model, tmp_path / "w.weights.h5", by_name=True)
    with pytest.raises(ArgumentError, match="by_nam'"):
        model.load_weights(tmp_path / "w.weights.h5", by_nam=True)
    with pytest.raises(ArgumentError, match="zipped"):
        saving.save_model(model, tmp_path / "m.keras", zipped=False)
    with pytest.raises(ArgumentError, match="foo"):
        model.save(tmp_path / "m.keras", foo=1)


# --- the editor -----------------------------------------------------------------------------------------------------


@pytest.fixture
def edited(tmp_path):
    model = net(ranvier)
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    model.save(tmp_path / "m.keras")
    return model, saving.KerasFileEditor(tmp_path / "m.keras"), tmp_path


def test_the_editor_shows_what_is_there(edited, capsys):
    model, editor, _ = edited
    editor.summary()
    said = capsys.readouterr().out
    assert "dense_1" in said
    assert "shape=(3, 4), dtype=float32" in said
    assert editor.metadata["keras_version"]
    assert editor.config["class_name"] == "Sequential"
    assert list(editor.weights_dict) == ["layers", "optimizer"]
    assert editor.compare(model) == {"status": "success", "error_count": 0, "match_count": 4}
    report = editor.compare(net(ranvier, units=5))
    assert report == {"status": "error", "error_count": 3, "match_count": 1}
    assert "has shape (3, 4) in the file and (3, 5) in the model" in capsys.readouterr().out


def test_the_editor_changes_names_and_weights_and_saves_what_models_read(edited):
    model, editor, folder = edited
    bias = np.arange(1.0)
    editor.delete_weight("dense_1", "1")
    assert editor.compare(model)["status"] == "error"
    editor.add_weights("layers/dense_1", {"1": bias.astype("float32")})
    editor.rename_object("dense", "first")
    editor.add_object("layers/extra", {"0": np.ones(2)})
    assert list(editor.weights_dict["layers"]) == ["first", "dense_1", "extra"]
    editor.delete_object("extra")
    editor.rename_object("layers/first", "dense")
    editor.save(folder / "out.weights.h5")
    other = net(ranvier)
    other.load_weights(folder / "out.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[3], bias)
    theirs = net(keras)
    theirs.load_weights(str(folder / "out.weights.h5"))
    assert same(other, theirs)
    editor.resave_weights(folder / "again.weights.h5")
    assert saving.KerasFileEditor(folder / "again.weights.h5").config is None


def test_the_editor_reads_files_of_keras_and_narrow_weights(tmp_path):
    theirs = net(keras)
    theirs.save(tmp_path / "k.keras")
    assert saving.KerasFileEditor(tmp_path / "k.keras").compare(net(ranvier))["match_count"] == 4
    narrow = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2, dtype="bfloat16")])
    narrow.save_weights(tmp_path / "n.weights.h5")
    editor = saving.KerasFileEditor(tmp_path / "n.weights.h5")
    assert editor.weights_dict["layers"]["dense"]["0"].dtype.name == "bfloat16"
    editor.save(tmp_path / "m.weights.h5")
    again = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2, dtype="bfloat16")])
    again.load_weights(tmp_path / "m.weights.h5")
    assert same(narrow, again)


def test_the_editor_refuses_what_it_cannot_do(edited):
    _, editor, folder = edited
    for call, words in (
        (lambda: editor.delete_object("nope"), "is not among"),
        (lambda: editor.rename_object("dense", "a/b"), "not a path"),
        (lambda: editor.rename_object("dense", "dense_1"), "already"),
        (lambda: editor.add_object("nope/x", {}), "no object 'nope'"),
        (lambda: editor.add_object("layers/dense", {}), "already"),
        (lambda: editor.add_object("layers/new", [1]), "dict of arrays"),
        (lambda: editor.delete_weight("dense", "9"), "no weight '9'"),
        (lambda: editor.save(folder / "x.keras"), r"\.weights\.h5"),
        (lambda: saving.KerasFileEditor(folder / "x.txt"), "must end in"),
        (lambda: saving.KerasFileEditor(folder / "gone.keras"), "no file"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    with h5py.File(folder / "link.weights.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("m.keras", "/")
    with pytest.raises(SerializationError, match="link"):
        saving.KerasFileEditor(folder / "link.weights.h5")
