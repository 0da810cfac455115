"""Class weights become the sample weights that Keras makes of them; unknown classes are refused or told."""

import warnings

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning
from ranvier.data import make_data

N = 6
LABELS = np.array([0, 1, 2, 1, 0, 3])


def keras_weights(y, class_weight):
    """The sample weights that reach a Keras model's loss."""
    seen = []

    class Probe(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=(), name="scale")

        def call(self, x):
            return x * self.scale

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            if training:
                seen.append(np.asarray(sample_weight))
            return keras.ops.sum(self.scale)

    model = Probe()
    model.compile("sgd", run_eagerly=True)
    model.train_on_batch(np.ones((N, 1), "float32"), y, class_weight=class_weight)
    return seen[-1]


@pytest.mark.parametrize(
    "y",
    [LABELS, LABELS[:, None], LABELS.astype("float32"), np.eye(4)[LABELS], LABELS.astype(np.uint8)],
    ids=lambda y: str(y.shape),
)
@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 2.0, 2: 0.5, 3: 0}, {1: 3}, {2.0: 4.0, np.int64(0): 5}])
def test_weights_are_kerass(y, class_weight):
    weight = make_data(np.ones((N, 1)), y, class_weight=class_weight).arrays[2]
    assert (weight.shape, weight.dtype) == ((N,), np.float32)
    np.testing.assert_allclose(weight, keras_weights(y, class_weight))


def test_in_batches_too():
    data = make_data(iter([(np.ones((N, 1)), LABELS)]), class_weight={1: 3.0})
    assert data.peek()[2].tolist() == [1, 3, 1, 3, 1, 1]
    with pytest.raises(DataError, match="not both"):
        make_data(iter([(np.ones(N), LABELS, np.ones(N))]), class_weight={1: 3.0}).peek()


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ([1.0, 2.0], ArgumentTypeError, r"dict\(enumerate\(weights\)\).*list"),
        ("balanced", ArgumentTypeError, "str"),
        ({"1": 2.0}, ArgumentTypeError, "Did you mean 1"),
        ({0.5: 2.0}, ArgumentTypeError, "0.5"),
        ({-1: 2.0}, ArgumentError, "-1"),
        ({0: -2.0}, ArgumentError, r"class_weight\[0\].*-2.0"),
        ({0: np.nan}, ArgumentError, "finite"),
        ({0: "x"}, ArgumentError, "'x'"),
    ],
)
def test_dicts_that_are_refused(class_weight, error, message):
    with pytest.raises(error, match=message):
        make_data(np.ones((N, 1)), LABELS, class_weight=class_weight)


def test_unknown_classes():
    with pytest.raises(ArgumentError, match=r"classes \[4, 9\], but y has 4 classes"):
        make_data(np.ones((N, 1)), np.eye(4)[LABELS], class_weight={0: 1.0, 9: 1.0, 4: 1.0})
    with pytest.warns(DataWarning, match=r"classes \[9\], which never occur in y; its classes are \[0, 1, 2, 3\]"):
        make_data(np.ones((N, 1)), LABELS, class_weight={0: 1.0, 9: 1.0})


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "y is None"),
        ({"a": LABELS}, "single output.*dict"),
        (np.zeros((N, 2, 2)), "sample_weight instead"),
        (LABELS + 0.5, r"y\[0\] = 0\.5"),
    ],
    ids=str,
)
def test_targets_without_classes(y, message):
    with pytest.raises(DataError, match=message):
        make_data(np.ones((N, 1)), y, class_weight={0: 1.0})


def test_not_both_kinds_of_weights():
    with pytest.raises(ArgumentError, match="not both"):
        make_data(np.ones((N, 1)), LABELS, np.ones(N), class_weight={0: 1.0})


@given(
    shape=st.lists(st.integers(1, 3), min_size=0, max_size=3).map(tuple),
    form=st.sampled_from(["integers", "column", "one-hot", "smoothed"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_labels_of_any_rank_have_the_weight_of_their_class(shape, form, seed):
    labels = np.random.default_rng(seed).integers(0, 4, (5, *shape))
    table = np.array([0.5, 2.0, 1.0, 9.0])
    hot = np.eye(4)[labels]
    y = {"integers": labels, "column": labels[..., None], "one-hot": hot, "smoothed": 0.9 * hot + 0.025}[form]
    output = (None, *shape, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # of classes that do not occur
        found = make_data(
            np.ones((5, 1)), y, class_weight={0: 0.5, 1: 2.0, 3: 9.0}, output_shape=lambda: output
        ).arrays[2]
    assert found.size == labels.size  # an axis of size 1 may be left out
    np.testing.assert_array_equal(found.reshape(labels.shape), table[labels])


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("form", ["integers", "column", "one-hot", "stream", "batch", "unbuilt"])
def test_each_step_of_a_sequence_is_weighed(eager, form):
    layers = ranvier.layers
    first = [] if form == "unbuilt" else [ranvier.Input((4, 2))]
    model = ranvier.Sequential([*first, layers.Dense(2, "softmax", kernel_initializer="zeros")])
    kind = "categorical" if form == "one-hot" else "sparse_categorical"
    model.compile(ranvier.optimizers.SGD(0.0), f"{kind}_crossentropy", run_eagerly=eager)
    labels = np.array([[1, 1, 1, 0], [0, 1, 0, 0]])  # the second could be a one-hot row: the output says that it is not
    x, weights = np.ones((2, 4, 2)), {0: 1.0, 1: 9.0}
    y = {"one-hot": np.eye(2)[labels], "column": labels[..., None]}.get(form, labels)
    if form == "stream":
        loss = model.fit(iter([(x, y)]), class_weight=weights, verbose=0).history["loss"][0]
    elif form == "batch":
        loss = model.train_on_batch(x, y, class_weight=weights)
    else:
        loss = model.fit(x, y, class_weight=weights, verbose=0).history["loss"][0]
    assert loss == pytest.approx(5 * np.log(2))


def test_a_batch_need_not_hold_every_class():
    model = ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Dense(3, "softmax", kernel_initializer="zeros")])
    model.compile(ranvier.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    weights = {0: 1.0, 1: 4.0, 2: 9.0}
    assert model.train_on_batch(np.ones((2, 2)), np.array([1, 1]), class_weight=weights) == pytest.approx(4 * np.log(3))
    with pytest.warns(DataWarning, match="never occur"):
        model.fit(np.ones((2, 2)), np.array([1, 1]), class_weight=weights, verbose=0)


@pytest.mark.parametrize("eager", [False, True])
def test_rows_of_several_classes_are_refused(eager):
    model = ranvier.Sequential([ranvier.Input((2,)), ranvier.layers.Dense(3, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", run_eagerly=eager)
    y = np.array([[1, 0, 1], [0, 0, 1]])
    for call in (model.fit, model.train_on_batch):
        with pytest.raises(DataError, match="several classes at once"):
            call(np.ones((2, 2)), y, class_weight={0: 2.0})
    with pytest.raises(DataError, match="several classes"):  # nor guessed where no output tells
        make_data(np.ones((2, 2)), y, class_weight={0: 2.0})
