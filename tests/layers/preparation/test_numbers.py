"""`Normalization`, `Discretization`, `CategoryEncoding`, `Pipeline` and sound, beyond what the laws say."""

import keras
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

import ranvier
from ranvier import Input, Sequential, layers
from ranvier.core.errors import DataWarning

from ...cases.case import Case
from .. import test_laws

tf = pytest.importorskip("tensorflow")  # with which Keras prepares texts

DATA = np.random.default_rng(0).normal(2, 3, (40, 3, 4)).astype("float32")


# --- Normalization ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, None, 1, (1, 2), (1, -1)])
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_adapts_as_keras_does(axis, invert):
    ours, theirs = (k.layers.Normalization(axis, invert=invert, name="it") for k in (ranvier, keras))
    ours.adapt(DATA)
    theirs.adapt(DATA)
    np.testing.assert_allclose(ours(DATA), theirs(DATA), rtol=2e-5, atol=2e-5)
    assert [(w.path, w.shape, w.dtype, w.trainable) for w in ours.weights] == [
        (w.path, w.shape, w.dtype, w.trainable) for w in theirs.weights
    ]
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=2e-5)
    np.testing.assert_allclose(ours.variance, theirs.variance, rtol=2e-5)
    assert ours.get_build_config() == theirs.get_build_config()


class Batches(ranvier.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return DATA[10 * index : 10 * index + 10], np.zeros(10)


def test_normalization_adapts_to_streams_of_unequal_batches():
    whole = layers.Normalization()
    whole.adapt(DATA)
    for stream in (tf.data.Dataset.from_tensor_slices(DATA).batch(7), iter([DATA[:33], DATA[33:]]), Batches(),
                   DATA.tolist(), tf.constant(DATA)):  # fmt: skip
        layer = layers.Normalization()
        layer.adapt(stream)
        np.testing.assert_allclose(layer(DATA), whole(DATA), rtol=1e-5, atol=1e-5)


def test_normalization_in_a_model_and_before_adapting():
    layer = layers.Normalization()
    model = Sequential([Input((3, 4)), layer])
    np.testing.assert_array_equal(model.predict(DATA, verbose=0), DATA)
    layer.adapt(DATA)
    result = model.predict(DATA, verbose=0)
    np.testing.assert_allclose(result.mean((0, 1)), np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(result.std((0, 1)), np.ones(4), atol=1e-5)
    flat = layers.Normalization()
    flat.adapt(np.ones((3, 2)))
    assert np.isfinite(np.asarray(flat(np.ones((3, 2))))).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), "come together"),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(DATA), "nothing to adapt"),
        (lambda: layers.Normalization(5)(DATA), "does not exist"),
        (lambda: layers.Normalization()(Input((None,))), "must be known"),
        (lambda: layers.Normalization(mean=[1.0, 2.0], variance=1.0)(DATA), "do not fit"),
        (lambda: layers.Normalization().adapt(iter(())), "no batch"),
    ],
)
def test_what_normalization_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- Discretization ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "bins", "epsilon"), [(1000, 4, 0.01), (1000, 7, 0.1), (50, 5, 0.01), (3, 2, 0.01)])
@pytest.mark.parametrize("batch", [None, 300, 17])
def test_discretization_chooses_the_boundaries_of_keras(size, bins, epsilon, batch):
    data = np.random.default_rng(1).normal(size=size).astype("float32")
    ours, theirs = (k.layers.Discretization(num_bins=bins, epsilon=epsilon, name="it") for k in (ranvier, keras))
    stream = data if batch is None else tf.data.Dataset.from_tensor_slices(data).batch(batch)
    ours.adapt(stream)
    theirs.adapt(stream)
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)
    assert ours.get_config().keys() == theirs.get_config().keys()
    again = layers.deserialize(layers.serialize(ours))
    np.testing.assert_array_equal(again(data), theirs(data))


def test_discretization_of_edges():
    edges = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0], "float32")
    for boundaries in ([0.0, 1.0], [1.0, 0.0]):
        ours, theirs = (k.layers.Discretization(boundaries) for k in (ranvier, keras))
        np.testing.assert_array_equal(ours(edges[1:]), theirs(edges[1:]))
    assert layers.Discretization([0.0]).output_dtype == "int32"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Discretization(), "needs num_bins"),
        (lambda: layers.Discretization([1.0], 3), "not both"),
        (lambda: layers.Discretization(num_bins=-1), "num_bins must be"),
        (lambda: layers.Discretization([0.0, 2.0, 1.0]), "in order"),
        (lambda: layers.Discretization([0.0], epsilon=0), "epsilon"),
        (lambda: layers.Discretization([0.0], sparse=True), "sparse"),
        (lambda: layers.Discretization([0.0], output_mode="x"), "output_mode"),
        (lambda: layers.Discretization(num_bins=2)(DATA), "no boundaries yet"),
        (lambda: layers.Discretization([0.0]).adapt(DATA), "nothing to adapt"),
    ],
)
def test_what_discretization_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- CategoryEncoding -------------------------------------------------------------------------------------------------

NUMBERS = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(4, 2), (8,), (8, 1), ()])
def test_category_encoding_of_every_rank(mode, shape):
    inputs = NUMBERS.reshape(shape) if shape else np.array(2)
    ours, theirs = (k.layers.CategoryEncoding(4, output_mode=mode) for k in (ranvier, keras))
    np.testing.assert_array_equal(ours(inputs), theirs(inputs))
    sparse = layers.CategoryEncoding(4, output_mode=mode, sparse=True)
    matrix = sparse(inputs)
    assert isinstance(matrix, BCOO)
    np.testing.assert_array_equal(matrix.todense(), ours(inputs))
    assert isinstance(layers.deserialize(layers.serialize(sparse))(inputs), BCOO)


def test_the_last_axis_holds_a_sample_whatever_the_rank():
    # Keras documents this, too, but counts along axis 1.
    counts = layers.CategoryEncoding(4, output_mode="count")(NUMBERS.reshape(2, 2, 2))
    np.testing.assert_array_equal(counts, layers.CategoryEncoding(4, output_mode="count")(NUMBERS).reshape(2, 2, 4))


def test_category_encoding_with_weights():
    weights = np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]])
    ours, theirs = (k.layers.CategoryEncoding(4, output_mode="count") for k in (ranvier, keras))
    np.testing.assert_allclose(ours(NUMBERS, count_weights=weights), theirs(NUMBERS, count_weights=weights))
    assert ours(Input((2,)), count_weights=Input((2,))).shape == (None, 4)
    with pytest.raises(ValueError, match="output_mode='count'"):
        layers.CategoryEncoding(4)(NUMBERS, count_weights=weights)


def test_category_encoding_says_so_where_numbers_are_out_of_range():
    ours, theirs = (k.layers.CategoryEncoding(3) for k in (ranvier, keras))
    for inputs in (NUMBERS, NUMBERS - 1):
        with pytest.warns(DataWarning, match="numbers from"):
            found = ours(inputs)
        np.testing.assert_array_equal(found, theirs(inputs))
    for options in ({}, {"num_tokens": 0}, {"num_tokens": 3, "output_mode": "int"}):
        with pytest.raises(ValueError, match="CategoryEncoding"):
            layers.CategoryEncoding(**options)


def test_inside_tf_data():
    normalization = layers.Normalization(mean=1.0, variance=4.0)
    encoding = layers.CategoryEncoding(4)
    make = tf.data.Dataset.from_tensor_slices
    ((x, y),) = make((DATA, NUMBERS.repeat(10, 0))).batch(40).map(lambda x, y: (normalization(x), encoding(y)))
    np.testing.assert_allclose(x, (DATA - 1) / 2, rtol=1e-6)
    assert y.shape == (40, 4)


# --- sound ------------------------------------------------------------------------------------------------------------

MEL = [
    Case("MelSpectrogram", {"fft_length": 32, "sequence_stride": 16, "num_mel_bins": 4}, (2, 100)),
    Case("MelSpectrogram", {"fft_length": 32, "sequence_stride": 8, "sequence_length": 20, "window": "hamming",
                            "num_mel_bins": 5, "power_to_db": False, "mag_exp": 1.0, "max_freq": 5000.0}, (2, 1, 100)),
    Case("MelSpectrogram", {"fft_length": 32, "sequence_stride": 16, "num_mel_bins": 4, "top_db": 10.0,
                            "ref_power": 3.0, "sampling_rate": 8000, "min_freq": 100.0}, (2, 100)),
]  # fmt: skip


@pytest.mark.parametrize("case", MEL, ids=str)
def test_mel_spectrograms_are_those_of_keras(case):
    # Not in the catalogue: Keras's own layer cannot compute in 16 bits.
    test_laws.test_config_is_that_of_keras_and_makes_an_equal_layer(case)
    ours, theirs = case.make(layers), case.make(keras.layers)
    inputs = case.inputs()
    np.testing.assert_allclose(ours(inputs), theirs(inputs), rtol=1e-4, atol=1e-4)
    assert ours(test_laws.symbolic_inputs(case)).shape == (None, *ours(inputs).shape[1:])
    narrow = case.make(layers, dtype="bfloat16")(inputs)
    assert narrow.dtype == "bfloat16"
    np.testing.assert_allclose(np.asarray(narrow, "float32"), ours(inputs), rtol=0.05, atol=0.5)


def test_mel_bands():
    ours, theirs = (k.layers.MelSpectrogram().linear_to_mel_weight_matrix() for k in (ranvier, keras))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert layers.MelSpectrogram()(Input((8000,))).shape == (None, 128, 16)
    assert layers.MelSpectrogram()(np.zeros(100)).shape == keras.layers.MelSpectrogram()(np.zeros(100)).shape
    with pytest.raises(ValueError, match="fft_length must be at least"):
        layers.MelSpectrogram(fft_length=64, sequence_length=100)


SIGNAL = np.random.default_rng(3).normal(size=(2, 80, 1)).astype("float32")


@pytest.mark.parametrize(
    "options",
    [{"window": "hamming"}, {"window": np.hanning(16), "mode": "psd"}, {"periodic": True},
     {"scaling": "spectrum", "mode": "angle"}, {"padding": "same", "mode": "stft", "fft_length": 32}],
    ids=str,
)  # fmt: skip
def test_spectra_as_they_begin(options):
    options = {"frame_length": 16, **options}
    ours, theirs = (k.layers.STFTSpectrogram(**options) for k in (ranvier, keras))
    turn = np.cos if options.get("mode") == "angle" else np.asarray  # π and −π are one angle
    np.testing.assert_allclose(turn(ours(SIGNAL)), turn(theirs(SIGNAL)), rtol=1e-4, atol=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    silent = np.zeros_like(SIGNAL)
    np.testing.assert_allclose(ours(silent), theirs(silent), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "x"}, "mode must be"),
        ({"scaling": "x"}, "scaling must be"),
        ({"padding": "x"}, "padding must be"),
        ({"frame_length": 0}, "frame_length must be"),
        ({"frame_step": 300}, "frame_step must lie"),
        ({"fft_length": 100}, "fft_length must be"),
        ({"window": "zz"}, "no window"),
        ({"window": np.ones(3)}, "must have frame_length"),
        ({"data_format": "x"}, "data_format"),
    ],
    ids=str,
)
def test_what_spectrograms_refuse(options, message):
    with pytest.raises(ValueError, match=message):
        layers.STFTSpectrogram(**options)


# --- Pipeline ---------------------------------------------------------------------------------------------------------


def test_a_pipeline_is_its_layers_in_turn():
    pipeline = layers.Pipeline([layers.Rescaling(2.0, name="r"), layers.Dropout(0.5, name="d")], name="p")
    theirs = keras.layers.Pipeline(
        [keras.layers.Rescaling(2.0, name="r"), keras.layers.Dropout(0.5, name="d")], name="p"
    )
    assert pipeline.get_config() == theirs.get_config()
    np.testing.assert_array_equal(pipeline(np.ones((2, 3)), training=False), np.full((2, 3), 2.0))
    assert set(np.unique(pipeline(np.ones((2, 30))))) == {0.0, 4.0}  # Keras's layer trains unless told otherwise
    again = layers.deserialize(layers.serialize(pipeline))
    assert [layer.name for layer in again.layers] == ["r", "d"]
    dense = layers.Pipeline([layers.Dense(4), layers.Dense(2)])
    assert dense(Input((3,))).shape == (None, 2)
    assert len(dense.trainable_weights) == 4
    texts = layers.Pipeline(
        [layers.TextVectorization(vocabulary=["a"], output_sequence_length=3), layers.Embedding(5, 2)]
    )
    assert texts(["a b"]).shape == (1, 3, 2)
    assert texts(Input((1,), dtype="string")).shape == (None, 3, 2)
    for wrong in ([3], layers.Dense(2)):
        with pytest.raises(TypeError, match="list of layers"):
            layers.Pipeline(wrong)
