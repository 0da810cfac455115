"""`FeatureSpace` against Keras's."""

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.models.feature_space import FeatureSpace

tf = pytest.importorskip("tensorflow")  # with which Keras prepares texts

TABLE = {
    "i": np.array([0, 1, 0, 2]),
    "s": np.array(["a", "b", "a", "c"]),
    "f": np.array([0.1, 0.2, 0.3, 0.4], "float32"),
    "g": np.array([1.0, 2.0, 3.0, 9.0], "float32"),
}
ALL = {"i": "integer_categorical", "s": "string_categorical", "f": "float_normalized", "g": "float_discretized"}


def table(names):
    return {name: TABLE[name] for name in names}


def pair(features, adapt=True, **options):
    """The two spaces, adapted; `features` may be a function of the class."""
    spaces = []
    for cls in (FeatureSpace, keras.utils.FeatureSpace):
        made = features(cls) if callable(features) else features
        rest = {k: v(cls) if callable(v) else v for k, v in options.items()}
        space = cls(made, **rest)
        if adapt:
            space.adapt(tf.data.Dataset.from_tensor_slices(table(made)).batch(2))
        spaces.append((space, table(made)))
    return spaces


def assert_equal(ours, theirs):
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name in theirs:
            assert_equal(ours[name], theirs[name])
    else:
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


SPACES = [
    (ALL, {}),
    (ALL, {"output_mode": "dict"}),
    ({"i": "integer_categorical", "s": "string_categorical"}, {"crosses": [("i", "s")], "crossing_dim": 5}),
    ({"i": "integer_hashed", "s": "string_hashed", "f": "float"}, {"hashing_dim": 5, "crosses": [("s", "i")]}),
    ({"g": "float_rescaled", "f": "float"}, {}),
    (
        lambda F: {
            "i": F.integer_categorical(num_oov_indices=2, output_mode="int"),
            "s": F.string_hashed(num_bins=5),
            "f": F.float_rescaled(scale=2.0, offset=1.0),
            "g": F.float_discretized(num_bins=3, output_mode="int"),
        },
        {"output_mode": "dict", "crosses": lambda F: [F.cross(("i", "s"), 7, "int")]},
    ),
]


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # Keras's
@pytest.mark.parametrize(("features", "options"), SPACES)
def test_vectors_are_those_of_keras(features, options):
    (ours, data), (theirs, _) = pair(features, **options)
    found, expected = ours(data), theirs(data)
    assert_equal(found, expected)
    single = {name: column[1].item() for name, column in data.items()}
    assert_equal(ours(single), theirs(single))
    mapped = tf.data.Dataset.from_tensor_slices(data).batch(4).map(ours)
    (batch,) = mapped
    for a, b in zip(tf.nest.flatten(batch), tf.nest.flatten(theirs(data)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_configs_are_those_of_keras():
    (ours, _), (theirs, _) = pair(ALL, crosses=[("i", "s")])
    theirs_config = theirs.get_config()
    ours_config = ours.get_config()
    assert list(ours_config) == list(theirs_config)
    for name in ("output_mode", "crossing_dim", "hashing_dim", "num_discretization_bins"):
        assert ours_config[name] == theirs_config[name]
    for name in ALL:
        found, expected = ours_config["features"][name], theirs_config["features"][name]
        assert found["class_name"] == expected["class_name"]
        assert found["module"] == expected["module"]
        inner, wanted = found["config"]["preprocessor"], expected["config"]["preprocessor"]
        assert (inner["class_name"], inner["module"]) == (wanted["class_name"], wanted["module"])
        assert inner["config"].keys() == wanted["config"].keys()
        assert inner["config"]["name"] == wanted["config"]["name"]


@pytest.mark.parametrize(("writer", "reader"), [(0, 1), (1, 0), (0, 0)], ids=["to Keras", "from Keras", "to itself"])
def test_files_both_ways(writer, reader, tmp_path):
    spaces = pair(ALL, crosses=[("i", "s")], crossing_dim=4)
    space, data = spaces[writer]
    space.save(str(tmp_path / "space.keras"))
    again = (ranvier, keras)[reader].models.load_model(tmp_path / "space.keras")
    assert_equal(np.asarray(again(data)), np.asarray(space(data)))


def test_a_model_on_the_encoded_features():
    (ours, data), _ = pair({"i": "integer_hashed", "f": "float_normalized"}, crosses=None)
    outputs = layers.Dense(1)(ours.get_encoded_features())
    model = ranvier.Model(ours.get_inputs(), outputs)  # nothing in it needs the host: raw columns train
    assert model.predict({n: c[:, None] for n, c in data.items()}, verbose=0).shape == (4, 1)
    model.compile("sgd", "mse")
    model.fit(data, np.ones(4), verbose=0)
    (space, data), _ = pair(ALL)
    trained = ranvier.Sequential([layers.Dense(1)])
    trained.compile("sgd", "mse")
    make = tf.data.Dataset.from_tensor_slices
    trained.fit(make((data, np.ones(4))).batch(2).map(lambda x, y: (space(x), y)), verbose=0)
    whole = ranvier.Model(space.get_inputs(), trained(space.get_encoded_features()))
    assert whole(data).shape == (4, 1)


def test_data_of_every_kind():
    (expected, data), _ = pair(ALL)
    rows = [{n: c[:3] for n, c in data.items()}, {n: c[3:] for n, c in data.items()}]
    labelled = tf.data.Dataset.from_tensor_slices((data, np.zeros(4))).batch(3)
    for dataset in (data, iter(rows), rows, labelled, data | {"more": np.zeros(4)}):
        space = FeatureSpace(ALL)
        space.adapt(dataset)
        np.testing.assert_allclose(space(data), expected(data), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(space({n: c[:, None] for n, c in data.items()}), expected(data), rtol=1e-5, atol=1e-6)


def test_preprocessors_of_ones_own():
    space = FeatureSpace(
        {
            "f": FeatureSpace.feature("float32", layers.Rescaling(3.0), "float"),
            "i": FeatureSpace.feature("int32", layers.IntegerLookup(vocabulary=[0, 1, 2]), "one_hot"),
        }
    )
    np.testing.assert_allclose(space({"f": 2.0, "i": 1}), [6.0, 0.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureSpace({}), "at least one"),
        (lambda: FeatureSpace({"i": "zzz"}), "Feature 'i' must be"),
        (lambda: FeatureSpace({"f": "float"}, output_mode="x"), "output_mode"),
        (lambda: FeatureSpace({"f": "float"}, crosses=[("f", "q")]), "among the features"),
        (lambda: FeatureSpace({"f": "float"}, crosses=["f"]), "a cross is a tuple"),
        (lambda: FeatureSpace({"f": "float_normalized"})({"f": 1.0}), "call adapt"),
        (lambda: FeatureSpace({"f": "float_normalized"}).get_encoded_features(), "call adapt"),
        (lambda: FeatureSpace({"f": "float"})({"q": 1.0}), "no column"),
        (lambda: FeatureSpace({"f": "float"}).adapt(iter(())), "no batch"),
        (lambda: FeatureSpace({"i": FeatureSpace.integer_hashed(3, output_mode="int")})({"i": 1}), "output_mode='dict'"),
        (lambda: FeatureSpace.feature("float32", None, "x"), "output_mode"),
        (lambda: FeatureSpace.cross(("a", "b"), 3, "x"), "output_mode"),
        (lambda: FeatureSpace({"f": FeatureSpace.feature("int32", layers.Rescaling(1.0), "one_hot")})({"f": 1}),
         "unknown size"),
    ],
)  # fmt: skip
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_data_must_be_columns():
    for wrong in ([1.0], np.zeros(3)):
        with pytest.raises(TypeError, match="dict of columns"):
            FeatureSpace({"f": "float"})(wrong)
        with pytest.raises(TypeError, match="dict of columns"):
            FeatureSpace({"f": "float"}).adapt(wrong)
