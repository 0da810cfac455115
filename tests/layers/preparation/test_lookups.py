"""`StringLookup` and `IntegerLookup` against Keras's."""

import jax
import keras
import numpy as np
import pytest

import ranvier
from ranvier import Input, Sequential, layers

tf = pytest.importorskip("tensorflow")  # with which Keras prepares texts

STRINGS = np.array([["a", "z"], ["c", "c"], ["", "b"]])
INTEGERS = np.array([[12, 99], [36, 36], [0, -7]])
KINDS = {"StringLookup": (["a", "b", "c"], STRINGS, ""), "IntegerLookup": ([12, 36, 42], INTEGERS, 0)}
kinds = pytest.mark.parametrize("kind", KINDS)


def plain(layer, module):
    config = module.serialize(layer)["config"]
    return {k: float(v) if isinstance(v, np.floating) else v for k, v in config.items()}


def assert_equal(kind, options, inputs, adapt=None):
    ours = getattr(layers, kind)(**options, name="it")
    theirs = getattr(keras.layers, kind)(**options, name="it")
    if adapt is not None:
        ours.adapt(adapt)
        theirs.adapt(adapt)
    found, expected = ours(inputs), theirs(inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == ("int32" if options.get("output_mode", "int") == "int" else "float32")
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    assert ours.get_vocabulary(include_special_tokens=False) == theirs.get_vocabulary(include_special_tokens=False)
    assert ours.vocabulary_size() == theirs.vocabulary_size()
    return ours, theirs


@kinds
@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize(
    "options", [{}, {"mask": True}, {"num_oov_indices": 3}, {"max_tokens": 7, "pad_to_max_tokens": True}], ids=str
)
def test_places_and_vectors_are_those_of_keras(kind, mode, options):
    vocabulary, inputs, mask = KINDS[kind]
    options = dict(options)
    if options.pop("mask", False):
        options["mask_token"] = mask
    if mode == "tf_idf":
        options["idf_weights"] = [0.5, 0.6, 0.75]
    ours, theirs = assert_equal(kind, {"vocabulary": vocabulary, "output_mode": mode, **options}, inputs)
    assert plain(ours, layers) == keras.saving.serialize_keras_object(theirs)["config"]
    again = layers.deserialize(layers.serialize(ours))
    np.testing.assert_array_equal(again(inputs), ours(inputs))


@kinds
@pytest.mark.parametrize("shape", [(6,), (6, 1), (3, 2), ()])
@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_shapes_are_those_of_keras_and_of_symbolic_calls(kind, shape, mode):
    vocabulary, inputs, _ = KINDS[kind]
    inputs = inputs.reshape(shape) if shape else inputs[0, 0]
    ours, _ = assert_equal(kind, {"vocabulary": vocabulary, "output_mode": mode}, inputs)
    if len(shape) == 2:
        dtype = "string" if kind == "StringLookup" else "int32"
        symbolic = ours(Input(shape[1:], dtype=dtype))
        assert symbolic.shape == (None, *ours(inputs).shape[1:])
        assert symbolic.dtype == ours(inputs).dtype.name


@kinds
@pytest.mark.parametrize("options", [{}, {"max_tokens": 3}, {"output_mode": "tf_idf"}, {"mask": True},
                                     {"output_mode": "tf_idf", "num_oov_indices": 2}], ids=str)  # fmt: skip
@pytest.mark.parametrize("flat", [False, True])
def test_adapting_finds_the_vocabulary_of_keras(kind, options, flat):
    _, _, mask = KINDS[kind]
    options = dict(options)
    if options.pop("mask", False):
        options["mask_token"] = mask
    rng = np.random.default_rng(0)
    data = rng.integers(0, 6, (20, 3)) ** 2
    inputs = rng.integers(0, 30, (4, 3))
    if kind == "StringLookup":
        names = np.array([["", "é", "[UNK]"][n] if n < 3 else f"t{n}" for n in range(40)])
        data, inputs = names[data], names[inputs]
    assert_equal(kind, options, inputs, data.ravel() if flat else data)


class Batches(ranvier.utils.PyDataset):
    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index], np.zeros(len(self.rows[index]))


@kinds
def test_streams_of_every_kind(kind):
    data = KINDS[kind][1]
    expected = getattr(layers, kind)()
    expected.adapt(data)
    make = tf.data.Dataset.from_tensor_slices
    for stream in (make(data).batch(2), make(data.ravel()), (row for row in data), Batches(data), data.tolist(),
                   make((data, data)).batch(2)):  # fmt: skip
        layer = getattr(layers, kind)()
        layer.adapt(stream)
        assert layer.get_vocabulary() == expected.get_vocabulary()
    layer.adapt(make(data).batch(1), steps=1)
    assert layer.vocabulary_size() == 3
    layer.reset_state()
    layer.update_state(data[1])
    layer.finalize_state()
    assert layer.vocabulary_size() == 2


@pytest.mark.parametrize("options", [{"salt": 5}, {"salt": [5, 6]}, {}])
def test_strings_share_places_by_their_hash(options):
    assert_equal("StringLookup", {"vocabulary": ["a"], "num_oov_indices": 5, **options}, STRINGS)


@pytest.mark.parametrize("options", [{}, {"oov_method": "farmhash"}, {"oov_method": "farmhash", "salt": 7}], ids=str)
def test_integers_share_places_on_the_host_and_in_programs(options):
    options = {"vocabulary": [12, 10**12], "num_oov_indices": 5, "mask_token": 0, **options}
    inputs = np.array([[12, 99, -1, -2, 0], [36, 7, 1000, -(2**31), 2**31 - 1]])
    ours, _ = assert_equal("IntegerLookup", options, np.concatenate([inputs, inputs * 10**12]))
    np.testing.assert_array_equal(jax.jit(ours)(inputs.astype("int32")), ours(inputs))


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
def test_integers_are_looked_up_inside_the_compiled_training_program(mode):
    options = {"idf_weights": [0.5, 2.0]} if mode == "tf_idf" else {}
    lookup = layers.IntegerLookup(vocabulary=[36, 12], output_mode=mode, mask_token=0, **options)
    x = np.array([[12, 0], [36, 5], [36, 36]])
    model = Sequential([Input((2,), dtype="int64"), lookup])
    np.testing.assert_allclose(model.predict(x, verbose=0), lookup(x))
    model = Sequential([Input((2,), dtype="int64"), lookup, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    first, *_, last = model.fit(x, np.array([1.0, 2.0, 3.0]), epochs=5, verbose=0).history["loss"]
    assert last < first


def test_inverting():
    for mask in (None, ""):
        layer = layers.StringLookup(vocabulary=["a", "b"], invert=True, mask_token=mask)
        expected = layer.get_vocabulary()
        assert layer(np.arange(-1, 5)).tolist() == ["[UNK]", *expected, *["[UNK]"] * (5 - len(expected))]
        assert layer(Input((3,), dtype="int32")).dtype == "string"
        there = layers.StringLookup(vocabulary=layer.get_vocabulary(), mask_token=mask)
        assert layer(there([["b", "a", "z"]])).tolist() == [["b", "a", "[UNK]"]]
    options = {"vocabulary": [12, 10**6], "invert": True, "mask_token": 0}
    ours, _ = assert_equal("IntegerLookup", options, np.array([[0, 1, 2], [3, 9, 2]]))
    np.testing.assert_array_equal(jax.jit(ours)(np.arange(-1, 6)), ours(np.arange(-1, 6)))


def test_strings_of_every_kind_of_container():
    layer = layers.StringLookup(vocabulary=["a", "é"])
    for inputs in (["é", "b"], np.array(["é", "b"]), np.array(["é", "b"], object), tf.constant(["é", "b"]),
                   np.array(["é".encode(), b"b"]), ("é", "b")):  # fmt: skip
        np.testing.assert_array_equal(layer(inputs), [2, 0])
    assert int(layer("a")) == 1


def test_inside_tf_data():
    strings = layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot")
    data = tf.data.Dataset.from_tensor_slices((np.array([["a", "b"], ["b", "z"]]), np.array([0.0, 1.0]))).batch(2)
    ((x, y),) = data.map(lambda x, y: (strings(x), y))
    np.testing.assert_array_equal(x, [[0, 1, 1], [1, 0, 1]])
    assert y.shape == (2,)
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data.map(lambda x, y: (strings(x), y)), verbose=0)


def test_models_of_strings_run_eagerly_and_predict_says_what_to_do():
    inputs = Input((1,), dtype="string")
    model = ranvier.Model(inputs, layers.Dense(2)(layers.StringLookup(vocabulary=["a"], output_mode="one_hot")(inputs)))
    assert model(np.array([["a"], ["q"]])).shape == (2, 2)
    with pytest.raises(ValueError, match="StringLookup"):
        model.predict(np.array([["a"]]), verbose=0)
    with pytest.raises(TypeError, match="Map the data before fit"):
        jax.jit(layers.StringLookup(vocabulary=["a"]))(np.arange(3))


def test_a_vocabulary_can_be_replaced_but_not_adapted_where_it_was_given():
    layer = layers.StringLookup()
    layer.adapt(["q"])
    layer.set_vocabulary(["x", "y"])
    assert layer.get_vocabulary() == ["[UNK]", "x", "y"]
    layer.adapt(["t"])
    assert layer.get_vocabulary() == ["[UNK]", "t"]
    with pytest.raises(ValueError, match="nothing to adapt"):
        layers.StringLookup(vocabulary=["a"]).adapt(["q"])
    idf = layers.StringLookup(output_mode="tf_idf")
    idf.set_vocabulary(["x", "y"], idf_weights=[1.0, 3.0])
    np.testing.assert_allclose(idf([["x", "q", "y"]]), [[2.0, 1.0, 3.0]])
    assert layers.StringLookup(vocabulary=["", "[UNK]", "a"], mask_token="").get_vocabulary() == ["", "[UNK]", "a"]


def test_vocabulary_files(tmp_path):
    path = tmp_path / "vocabulary.txt"
    path.write_text("x\ny\nz\n")
    ours, _ = assert_equal("StringLookup", {"vocabulary": str(path)}, np.array(["y", "q"]))
    assert ours.get_config()["vocabulary"] is None
    path.write_text("3\n5\n")
    assert layers.IntegerLookup(vocabulary=path).get_vocabulary() == [-1, 3, 5]
    for cls in (layers.StringLookup, layers.IntegerLookup, layers.TextVectorization):
        with pytest.raises(ValueError, match="names a vocabulary file"):
            cls.from_config({"vocabulary": str(path)})


@kinds
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 1}, "max_tokens"),
        ({"pad_to_max_tokens": True}, "pad_to_max_tokens needs"),
        ({"output_mode": "x"}, "output_mode"),
        ({"invert": True, "output_mode": "count"}, "invert"),
        ({"sparse": True}, "sparse"),
        ({"idf_weights": [1.0]}, "tf_idf"),
        ({"vocabulary": []}, "empty"),
        ({"vocabulary": ["7", "7"]}, "more than once"),
        ({"vocabulary": ["7", "8"], "max_tokens": 2}, "max_tokens is 2"),
        ({"vocabulary": ["7"], "output_mode": "tf_idf"}, "idf_weights"),
        ({"vocabulary": ["7"], "output_mode": "tf_idf", "idf_weights": [1.0, 2.0]}, "as many"),
        ({"vocabulary": "/nowhere/at/all.txt"}, "no vocabulary file"),
        ({"oov_method": "x"}, "oov_method"),
    ],
)
def test_bad_arguments_are_named(kind, options, message):
    if kind == "IntegerLookup" and isinstance(options.get("vocabulary"), list):
        options = options | {"vocabulary": [int(v) for v in options["vocabulary"]]}
    with pytest.raises(ValueError, match=message):
        getattr(layers, kind)(**options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.StringLookup()(["a"]), "no vocabulary yet"),
        (lambda: layers.StringLookup(vocabulary=["a"])(np.arange(3)), "must hold strings"),
        (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "zz"]), "zz"),
        (lambda: layers.IntegerLookup(vocabulary=[7], num_oov_indices=0)([7, 55]), "55"),
        (lambda: layers.IntegerLookup(vocabulary=["seven"]), "integers"),
        (lambda: layers.IntegerLookup(vocabulary_dtype="int32"), "vocabulary_dtype"),
        (lambda: layers.IntegerLookup(salt=3), "farmhash"),
        (lambda: layers.StringLookup(vocabulary=["a"])(tf.ragged.constant([["a"], ["a", "b"]])), "to_tensor"),
        (lambda: layers.StringLookup().adapt(iter(())), "no batch"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("dtype", ["float16", "mixed_bfloat16", "int32", "string"])
def test_vectors_are_of_floats_whatever_the_dtype(dtype):
    narrow = {"float16": "float16", "mixed_bfloat16": "bfloat16"}.get(dtype, "float32")
    for mode in ("one_hot", "multi_hot", "count"):
        layer = layers.StringLookup(vocabulary=["a", "b"], output_mode=mode, dtype=dtype)
        expected = layers.StringLookup(vocabulary=["a", "b"], output_mode=mode)
        assert layer(STRINGS).dtype == narrow
        np.testing.assert_array_equal(np.asarray(layer(STRINGS), "float32"), expected(STRINGS))
    assert layers.TextVectorization(vocabulary=["a"], dtype=dtype)(["a b"]).tolist() == [[2, 1]]
