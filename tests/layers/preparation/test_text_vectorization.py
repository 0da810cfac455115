"""`TextVectorization` against Keras's."""

import keras
import numpy as np
import pytest

from ranvier import Input, Model, Sequential, layers, utils

tf = pytest.importorskip("tensorflow")  # with which Keras prepares texts

TEXTS = ["The cat, the hat!", "a b'c\tÉé\nit", "", "the   end of the_hat é x", "Ünï\u00a0code \u2019q\u2019 the cat"]
WORDS = ["the", "cat", "é", "hat", "the cat", "bc", "e", "t"]


def pair(options, adapt=None):
    ours = layers.TextVectorization(**options, name="it")
    theirs = keras.layers.TextVectorization(**options, name="it")
    if adapt is not None:
        ours.adapt(adapt)
        theirs.adapt(adapt)
    return ours, theirs


def assert_equal(options, inputs, adapt=None):
    ours, theirs = pair(options, adapt)
    np.testing.assert_allclose(ours(inputs), theirs(inputs), rtol=1e-6)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    assert ours.get_vocabulary(include_special_tokens=False) == theirs.get_vocabulary(include_special_tokens=False)
    assert ours.vocabulary_size() == theirs.vocabulary_size()
    return ours, theirs


OPTIONS = [
    {},
    {"standardize": None},
    {"standardize": "lower"},
    {"standardize": "strip_punctuation"},
    {"split": "character"},
    {"split": None},
    {"ngrams": 2},
    {"ngrams": (2, 3), "split": "character"},
    {"max_tokens": 6},
    {"standardize": tf.strings.lower},
    {"standardize": np.char.upper},
    {"split": lambda x: tf.strings.split(x, "e")},
    {"output_sequence_length": 3},
    {"output_sequence_length": 40},
    {"output_mode": "multi_hot"},
    {"output_mode": "count", "ngrams": 2},
    {"output_mode": "tf_idf", "max_tokens": 8},
    {"output_mode": "count", "max_tokens": 50, "pad_to_max_tokens": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=[f"{i}: {' '.join(o)}" for i, o in enumerate(OPTIONS)])
def test_adapted_as_keras_adapts(options):
    assert_equal(options, TEXTS, [*TEXTS[:3], "cat"])


@pytest.mark.parametrize(
    "options", [{}, {"output_mode": "count"}, {"split": None}, {"output_sequence_length": 2, "ngrams": 2}], ids=str
)
def test_with_a_given_vocabulary(options):
    options = {"vocabulary": WORDS, **options}
    ours, theirs = assert_equal(options, TEXTS)
    assert layers.serialize(ours)["config"] == keras.saving.serialize_keras_object(theirs)["config"]
    again = layers.deserialize(layers.serialize(ours))
    np.testing.assert_array_equal(again(TEXTS), ours(TEXTS))


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
@pytest.mark.parametrize("mode", ["int", "count"])
def test_shapes(shape, mode):
    ours, _ = assert_equal({"vocabulary": WORDS, "output_mode": mode}, np.array(TEXTS).reshape(shape))
    symbolic = ours(Input(shape[1:], dtype="string"))
    assert symbolic.shape == ((None, None) if mode == "int" else (None, 9))
    fixed = layers.TextVectorization(output_sequence_length=4)
    assert fixed(Input((1,), dtype="string")).shape == (None, 4)
    unknown = layers.TextVectorization(output_mode="count", max_tokens=9)
    assert unknown(Input((1,), dtype="string")).shape == (None, None)


def test_one_text_and_rows_without_splitting():
    assert_equal({"vocabulary": WORDS}, "the cat")
    assert_equal({"vocabulary": WORDS, "split": None}, [["the", "cat"], ["x", "THE!"]])
    assert_equal({"vocabulary": WORDS, "split": None, "output_sequence_length": 3}, [["the", "cat"], ["x", "THE!"]])
    assert_equal({"vocabulary": WORDS, "output_mode": "tf_idf", "idf_weights": [0.5] * 8}, TEXTS)


def test_streams_and_tf_data():
    make = tf.data.Dataset.from_tensor_slices
    expected = layers.TextVectorization()
    expected.adapt(TEXTS)
    for stream in (make(TEXTS).batch(2), make(TEXTS), iter([TEXTS[:2], TEXTS[2:]]), make((TEXTS, TEXTS)).batch(3)):
        layer = layers.TextVectorization()
        layer.adapt(stream)
        assert layer.get_vocabulary() == expected.get_vocabulary()
    layer.adapt(TEXTS, batch_size=1, steps=1)
    assert layer.get_vocabulary() == ["", "[UNK]", "the", "hat", "cat"]
    batches = list(make(TEXTS).batch(2).map(layer))
    np.testing.assert_array_equal(batches[0], layer(TEXTS[:2]))
    labelled = make((TEXTS, np.zeros(5))).batch(2).map(lambda x, y: (layer(x), y))
    model = Sequential([layers.Embedding(5, 2), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile("sgd", "mse")
    padded = layers.TextVectorization(vocabulary=["the"], output_sequence_length=3)
    model.fit(make((TEXTS, np.zeros(5))).batch(5).map(lambda x, y: (padded(x), y)), verbose=0)
    assert len(list(labelled)) == 3


def test_a_model_of_texts_runs_eagerly():
    layer = layers.TextVectorization(vocabulary=WORDS, output_sequence_length=4)
    model = Sequential([Input((1,), dtype="string"), layer, layers.Embedding(10, 2)])
    assert model(np.array(TEXTS)[:, None]).shape == (5, 4, 2)


def test_models_of_texts_nest():
    layer = layers.TextVectorization(vocabulary=WORDS)
    inner = Sequential([Input((1,), dtype="string"), layer, layers.Embedding(10, 2)])
    inputs = Input((1,), dtype="string")
    x = inner(inputs)
    assert x.shape == (None, None, 2)
    outer = Model(inputs, layers.GlobalAveragePooling1D()(x))
    assert outer(np.array(TEXTS)[:, None]).shape == (5, 2)


@utils.register_keras_serializable("texts")
def shout(x):
    return tf.strings.upper(x)


def test_callables_travel_by_their_registered_names():
    layer = layers.TextVectorization(standardize=shout, vocabulary=["THE"])
    again = layers.deserialize(layers.serialize(layer))
    assert again.standardize is shout
    np.testing.assert_array_equal(again(["the cat"]), [[2, 1]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"standardize": "x"}, "standardize must be one of"),
        ({"split": "x"}, "split must be one of"),
        ({"ngrams": "x"}, "ngrams must be"),
        ({"output_mode": "x"}, "output_mode"),
        ({"output_sequence_length": "x"}, "output_sequence_length must be"),
        ({"output_sequence_length": 4, "output_mode": "count"}, "output_sequence_length is for"),
        ({"pad_to_max_tokens": True}, "max_tokens"),
        ({"sparse": True}, "sparse"),
        ({"ragged": True}, "ragged"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        layers.TextVectorization(**options)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no vocabulary yet"):
        layers.TextVectorization()(["a"])
    with pytest.raises(ValueError, match=r"\(batch, 1\)"):
        layers.TextVectorization(vocabulary=["a"])([["a", "b"]])
    with pytest.raises(ValueError, match="gave 1 rows for 2 texts"):
        layers.TextVectorization(vocabulary=["a"], split=lambda x: [["a"]])(["a", "b"])
