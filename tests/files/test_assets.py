"""Vocabularies in ``.keras`` files, both ways with Keras."""

import io
import zipfile

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers, utils

BOTH = pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier), (ranvier, ranvier)])


def text_model(k, **options):
    layer = k.layers.TextVectorization(output_sequence_length=3, **options)
    layer.adapt(["the cat sat", "the dog", "élan"])
    return k.Sequential([k.Input((1,), dtype="string"), layer, k.layers.Embedding(20, 2)]), layer


@BOTH
@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.TextVectorization(output_sequence_length=3),
        lambda k: k.layers.StringLookup(mask_token=""),
        lambda k: k.layers.TextVectorization(vocabulary=["cat", "the"]),
        lambda k: k.layers.StringLookup(num_oov_indices=2, vocabulary=["cat", "the"]),
    ],
)
def test_strings(make, writer, reader, tmp_path):
    layer = make(writer)
    if layer.get_vocabulary(include_special_tokens=False) == []:
        layer.adapt(["the", "cat", "the", "élan"])
    texts = np.array(["the", "cat", "élan", "q"])
    model = writer.Sequential([writer.Input((1,), dtype="string"), layer, writer.layers.Embedding(9, 2)])
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras").layers[0]
    assert again.get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_array_equal(again(texts), layer(texts))


@BOTH
def test_integers_and_boundaries(writer, reader, tmp_path):
    lookup, bins = writer.layers.IntegerLookup(), writer.layers.Discretization(num_bins=3)
    lookup.adapt(np.array([3, 4, 4]))
    bins.adapt(np.arange(10.0))
    for layer, dtype in ((lookup, "int64"), (bins, "float32")):
        writer.Sequential([writer.Input((1,), dtype=dtype), layer]).save(tmp_path / "m.keras")
        again = reader.models.load_model(tmp_path / "m.keras").layers[0]
        np.testing.assert_array_equal(again(np.arange(9)[:, None]), layer(np.arange(9)[:, None]))


@BOTH
@pytest.mark.parametrize("kind", ["StringLookup", "TextVectorization"])
def test_weights_of_tf_idf_travel(kind, writer, reader, tmp_path):
    layer = getattr(writer.layers, kind)(output_mode="tf_idf")
    layer.adapt(["b", "a", "c", "c", "c", "a"])
    writer.Sequential([writer.Input((1,), dtype="string"), layer]).save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras").layers[0]
    inputs = np.array(["a", "q", "c"])
    np.testing.assert_allclose(again(inputs), layer(inputs), rtol=1e-6)


def test_a_file_without_the_weights_of_tf_idf_is_refused(tmp_path):
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt([["b", "a"], ["c", "c"]])
    layer.save_assets(tmp_path)
    with pytest.raises(ValueError, match="idf_weights"):
        layers.StringLookup(output_mode="tf_idf").load_assets(tmp_path)
    with pytest.raises(ValueError, match="needs 4 idf_weights"):
        layer.load_own_variables({"idf_weights": np.zeros(2)})


def test_tokens_that_a_text_file_cannot_hold(tmp_path):
    layer = layers.TextVectorization(standardize=None, split="character")
    layer.adapt(["a\nb\r"])
    ranvier.Sequential([ranvier.Input((1,), dtype="string"), layer]).save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras").layers[0]
    assert again.get_vocabulary() == layer.get_vocabulary()


def rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_what_a_file_may_not_hold_is_refused(tmp_path):
    path, secret = tmp_path / "m.keras", tmp_path / "secret.txt"
    secret.write_text("password\n")

    def refused(change, match):
        text_model(ranvier)[0].save(path)
        rewritten(path, change)
        with pytest.raises(ValueError, match=match) as error:
            ranvier.models.load_model(path)
        assert "password" not in str(error.value)

    start = "assets/layers/text_vectorization/"
    refused(lambda m: m.update({"assets/other/vocabulary.txt": b"x"}), "no layer of the model asks")
    refused(lambda m: m.update({start + "../../../evil.txt": b"x"}), "may lead elsewhere")
    refused(lambda m: m.update({start + "C:\\evil.txt": b"x"}), "may lead elsewhere")
    named = f'"vocabulary": "{secret}"'.encode()
    refused(
        lambda m: m.update({"config.json": m["config.json"].replace(b'"vocabulary": null', named)}), "names a vocab"
    )
    buffer = io.BytesIO()
    text_model(ranvier)[0].save(path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, bytes(80_000_000) if name.endswith("n/vocabulary.txt") else old.read(name))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="unpacks to more than"):
        ranvier.models.load_model(path)


@utils.register_keras_serializable("assets")
class Counted(layers.Layer):
    """A layer with a file and a store of its own."""

    def build(self, input_shape):
        self.scale = self.add_weight((), "ones", name="scale")
        self.note = "fresh"

    def call(self, inputs):
        return inputs * self.scale

    def save_assets(self, dir_path):
        with open(f"{dir_path}/note.txt", "w") as file:
            file.write(self.note)

    def load_assets(self, dir_path):
        with open(f"{dir_path}/note.txt") as file:
            self.note = file.read()

    def save_own_variables(self, store):
        store["scale"] = self.scale.numpy()

    def load_own_variables(self, store):
        self.scale.assign(store["scale"])


def test_layers_of_the_program_have_assets_and_stores_too(tmp_path):
    layer = Counted()
    model = ranvier.Sequential([ranvier.Input((2,)), layer])
    layer.note = "kept"
    layer.set_weights([np.float32(3)])
    model.save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras").layers[0]
    assert again.note == "kept"
    np.testing.assert_array_equal(again(np.ones((1, 2))), [[3.0, 3.0]])
    dense = layers.Dense(2)
    dense.build((None, 3))
    store = {}
    dense.save_own_variables(store)
    other = layers.Dense(2)
    other.build((None, 3))
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.kernel, dense.kernel)
    with pytest.raises(ValueError, match="has 2 weights of its own"):
        other.load_own_variables({})
