"""``.keras`` files both ways with Keras: every layer, every optimizer, every form of `compile`, graphs and subclasses."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import ranvier
from ranvier.core import names
from ranvier.core.errors import SerializationError

from ..catalogue import CASES

BOTH = pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier)], ids=["here", "there"])
GROUP = 24  # cases in one model: building and compiling take longer than computing
GROUPS = [CASES[i : i + GROUP] for i in range(0, len(CASES), GROUP)]


def usable(cases):
    """Without what Keras cannot read when it has written it itself: a graph with a circle, a range with an end below 0."""
    return [case for case in cases if case.layer not in ("Equalization", "RandomShear")]


def model_of(k, cases):
    inputs, outputs = [], []
    for case in cases:
        kind = "int32" if case.integers_below else None
        tensors = [k.Input(s[1:], dtype=kind) for s in case.shapes]
        quiet = {"training": False} if case.random else {}
        outputs.append(case.make(k.layers)(tensors if isinstance(case.shape, list) else tensors[0], **quiet))
        inputs += tensors
    return k.Model(inputs, outputs)


def filled(model):
    rng = np.random.default_rng(1)
    for variable in model.weights:
        value = np.asarray(variable)
        if value.dtype.kind == "f" and "lora" not in variable.path:  # files hold the sum, and begin anew beside it
            variable.assign(rng.uniform(0.5, 1.5, value.shape).astype(value.dtype))
    return model


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, float):
        return float(np.float32(value))
    if isinstance(value, (list, tuple)):  # a built layer of Keras's may hold [axis] for axis
        return [plain(v) for v in value] if len(value) != 1 else plain(value[0])
    return value


@BOTH
@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: f"{cases[0].layer}-{cases[-1].layer}")
def test_every_layer(cases, writer, reader, tmp_path):
    """With the same configuration and weights, layers compute the same, as the laws of layers show."""
    model = filled(model_of(writer, usable(cases)))
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    assert [type(x).__name__ for x in again.layers] == [type(x).__name__ for x in model.layers]
    for one, two in zip(model.layers, again.layers, strict=True):
        if not isinstance(one, writer.layers.InputLayer):
            mine, theirs = writer.layers.serialize(one)["config"], reader.layers.serialize(two)["config"]
            assert plain(mine) == plain(theirs)
    assert len(again.weights) == len(model.weights)
    for one, two in zip(model.weights, again.weights, strict=True):
        if "lora" not in one.path:
            np.testing.assert_array_equal(np.asarray(one), np.asarray(two), err_msg=f"{one.path} {two.path}")


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: f"{cases[0].layer}-{cases[-1].layer}")
def test_every_layer_predicts_the_same(cases, writer, reader, tmp_path):
    cases = usable(cases)
    model = filled(model_of(writer, cases))
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    arrays = [case.inputs(i) for i, case in enumerate(cases)]
    flat = [a for entry in arrays for a in (entry if isinstance(entry, list) else [entry])]
    flat = [np.resize(a, (12, *a.shape[1:])) for a in flat]
    expected = model.predict(flat, verbose=0, batch_size=12)
    for case, one, two in zip(cases, expected, again.predict(flat, verbose=0, batch_size=12), strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-5, err_msg=str(case))


# --- graphs -----------------------------------------------------------------------------------------------------------


def _branches(k):
    """Shared layers, branches, nesting in nesting, functions, several inputs and outputs in dicts."""
    kind, ops = k.layers, k.ops
    deep = k.Sequential([k.Input((4,)), kind.Dense(4), kind.BatchNormalization()], name="deep")
    a = k.Input((4,), name="a")
    middle = k.Model(a, kind.Add()([deep(a), a]), name="middle")
    one, two = k.Input((4,), name="one"), k.Input((4,), name="two")
    shared = kind.Dense(4, activation="tanh", name="shared")
    left, right = shared(one), shared(shared(two))
    both = middle(kind.Concatenate(name="both")([left, right])[:, 2:6])
    both = ops.clip(both * 2.0 + left - 1.0, -3.0, 3.0)
    both = ops.concatenate([both, ops.expand_dims(ops.mean(both, axis=-1), -1), -right], axis=1)
    far = ops.reshape(ops.maximum(both, 0.1), (-1, 3, 3))
    return k.Model(
        {"one": one, "two": two},
        {"near": kind.Dense(2, name="near")(both), "far": ops.softmax(ops.transpose(far, (0, 2, 1)), axis=-1)},
    )


@BOTH
def test_a_graph_with_everything(writer, reader, tmp_path, rng):
    model = filled(_branches(writer))
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    x = {"one": rng.normal(size=(5, 4)).astype("float32"), "two": rng.normal(size=(5, 4)).astype("float32")}
    expected, found = model.predict(x, verbose=0), again.predict(x, verbose=0)
    assert sorted(found) == sorted(expected) == ["far", "near"]
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-5, atol=1e-5)
    again.save(tmp_path / "again.keras")
    back = writer.models.load_model(tmp_path / "again.keras").predict(x, verbose=0)
    for key in expected:
        np.testing.assert_allclose(back[key], expected[key], rtol=1e-5, atol=1e-5)


def _functions(ops, x, y, n):
    """Results of functions of many kinds: settings, several tensors, constants, lists, keywords."""
    table = np.arange(12, dtype="float32").reshape(4, 3)
    return [
        ops.sum(x, axis=1, keepdims=True), ops.where(x > 0, x, 0.0), ops.matmul(x, table), ops.power(ops.abs(x) + 1.0, 2),
        ops.leaky_relu(x, negative_slope=0.3), ops.stack([x, y], axis=1), ops.einsum("bi,bj->bij", x, y),
        ops.one_hot(n, 5), ops.take(table, n, axis=0), ops.cast(x, "int32"), ops.logsumexp(x, axis=-1),
        ops.pad(x, [[0, 0], [1, 2]]), ops.repeat(x, 2, axis=1), ops.minimum(x, y), x / (ops.square(y) + 1.0),
        ops.tile(x, (1, 2)), ops.argmax(x, axis=-1), ops.roll(x, 1, axis=1), 1.0 - x, x[:, ::2], x[..., None],
        ops.var(x, axis=-1), ops.swapaxes(ops.expand_dims(x, 1), 1, 2), ops.silu(x), ops.gelu(x, approximate=False),
        ops.squeeze(ops.expand_dims(x, 1), axis=1), ops.log_softmax(x), ops.cumsum(x, axis=1), ops.logical_not(x > 0),
        ops.top_k(x, 2)[0], ops.split(x, 2, axis=1)[1], ops.normalize(x, axis=-1), ops.isclose(x, y), ops.round(x, 1),
    ]  # fmt: skip


@BOTH
def test_functions_in_a_graph(writer, reader, tmp_path, rng):
    x, y, n = writer.Input((4,)), writer.Input((4,)), writer.Input((), dtype="int32")
    writer.Model([x, y, n], _functions(writer.ops, x, y, n)).save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    values = [rng.normal(size=(6, 4)).astype("float32"), rng.normal(size=(6, 4)).astype("float32"), np.arange(6) % 4]
    expected = _functions(keras.ops, *map(keras.ops.convert_to_tensor, values[:2]), values[2].astype("int32"))
    found = again.predict([*values[:2], values[2].astype("int32")], verbose=0)
    for i, (one, two) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(one, np.asarray(two), rtol=2e-5, atol=2e-5, err_msg=str(i))


def test_functions_that_keras_has_no_class_for(tmp_path, rng):
    inputs = ranvier.Input((4,))
    results = [ranvier.ops.rms_normalization(inputs, axis=-1), ranvier.ops.rearrange(inputs, "b (h w) -> b h w", h=2)]
    model = ranvier.Model(inputs, results)
    model.save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras")
    x = rng.normal(size=(3, 4)).astype("float32")
    for one, two in zip(model.predict(x, verbose=0), again.predict(x, verbose=0), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_function_of_constants_is_refused():
    """Otherwise a configuration could have anything computed, of any size, while it is read."""
    inputs = ranvier.Input((4,))
    text = ranvier.Model(inputs, ranvier.ops.tile(inputs, (1, 2))).to_json()
    described = json.loads(text)
    described["config"]["layers"][1]["inbound_nodes"][0]["args"] = [1.0]
    with pytest.raises(SerializationError, match="on nothing of the graph"):
        ranvier.models.model_from_json(json.dumps(described))


# --- subclasses -------------------------------------------------------------------------------------------------------


def _registered(k):
    register = k.saving.register_keras_serializable

    @register("both_ways")
    class Scale(k.layers.Layer):
        def __init__(self, factor=1.0, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.activation = factor, k.activations.get(activation)

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

        def call(self, inputs):
            return self.activation(inputs * self.scale * self.factor)

        def get_config(self):
            own = {"factor": self.factor, "activation": k.activations.serialize(self.activation)}
            return {**super().get_config(), **own}

    @register("both_ways")
    class Net(k.Model):
        def __init__(self, width=3, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.first = k.layers.Dense(width, activation="relu")
            self.blocks = [k.layers.Dense(width), Scale(2.0, "tanh"), k.layers.Dense(width)]
            self.drop = k.layers.Dropout(0.5)
            self.head = k.Sequential([k.layers.Dense(2), Scale()])

        def call(self, inputs, training=False):
            x = self.first(inputs)
            for block in self.blocks:
                x = block(x)
            return self.head(self.drop(x, training=training))

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    @register("both_ways", name="twice_as_bad")
    def twice(y_true, y_pred):
        return 2 * k.ops.mean(k.ops.square(y_true - y_pred), axis=-1)

    return Net, twice


@BOTH
def test_subclasses_that_both_know(writer, reader, tmp_path, rng):
    x, y = rng.normal(size=(8, 4)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    made = {k.__name__: _registered(k) for k in (writer, reader)}
    net, twice = made[writer.__name__]
    model = net(width=5)
    model.compile(writer.optimizers.Adam(0.01), twice, metrics=[twice, "mae"])
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    assert type(again) is made[reader.__name__][0]
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)
    for one, two in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)
    model.save_weights(tmp_path / "w.weights.h5")
    fresh = made[reader.__name__][0](width=5)
    fresh(x)
    fresh.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_allclose(fresh.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)


# --- training goes on -------------------------------------------------------------------------------------------------

EVERY = ["SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor", "Nadam", "Ftrl", "Lion", "Lamb",
         "Muon", "ScheduleFreeAdamW"]  # fmt: skip
OPTIMIZERS = {name: (lambda k, name=name: getattr(k.optimizers, name)(0.02)) for name in EVERY} | {
    "momentum": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
    "amsgrad": lambda k: k.optimizers.Adam(0.02, amsgrad=True, weight_decay=0.01),
    "average": lambda k: k.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
    "schedule": lambda k: k.optimizers.Adam(
        k.optimizers.schedules.PiecewiseConstantDecay([3, 6], [0.05, 0.02, 0.01]), clipvalue=0.5
    ),
    "cosine": lambda k: k.optimizers.SGD(
        k.optimizers.schedules.CosineDecay(0.1, 20, warmup_target=0.2, warmup_steps=4)
    ),
    "accumulated": lambda k: k.optimizers.Adam(0.02, gradient_accumulation_steps=2),
    "scaled": lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.02), dynamic_growth_steps=3),
}
QUICK = ["SGD", "Adam", "average", "schedule", "scaled"]


@BOTH
@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in OPTIMIZERS])
def test_the_optimizer_goes_on(name, writer, reader, tmp_path, rng):
    x, y = rng.normal(size=(12, 3)).astype("float32"), rng.normal(size=(12, 2)).astype("float32")
    kind = writer.layers
    model = writer.Sequential([writer.Input((3,)), kind.Dense(4, activation="tanh"), kind.Dense(2)])
    model.compile(OPTIMIZERS[name](writer), "mse")
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "m.keras")
    # Both begin with the file: Keras cannot go on with a model whose averages have just taken the weights' place.
    other, again = (k.models.load_model(tmp_path / "m.keras") for k in (writer, reader))
    histories = [m.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (other, again)]
    np.testing.assert_allclose(*histories, rtol=1e-4)
    for one, two in zip(other.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


# --- how a model was compiled -----------------------------------------------------------------------------------------


def _outputs(k):
    inputs = k.Input((3,))
    x = k.layers.Dense(4, activation="tanh", name="x")(inputs)
    return k.Model(inputs, [k.layers.Dense(1, activation="sigmoid", name="p")(x), k.layers.Dense(3, name="q")(x)])


FORMS = {
    "names": lambda k: {"loss": ["binary_crossentropy", "mse"], "metrics": [["accuracy"], ["mae", "mse"]]},
    "objects": lambda k: {
        "loss": {"p": k.losses.BinaryFocalCrossentropy(gamma=1.5), "q": k.losses.MeanAbsoluteError(reduction="sum")},
        "loss_weights": {"p": 0.3, "q": 2.0},
        "metrics": {
            "p": [k.metrics.AUC(num_thresholds=30, name="area"), "accuracy"],
            "q": k.metrics.RootMeanSquaredError(),
        },
        "weighted_metrics": {"q": ["mae"]},
    },
    "one for all": lambda k: {"loss": "mse", "metrics": [["mae"], None], "steps_per_execution": 2},
    "only one": lambda k: {"loss": [None, k.losses.LogCosh()], "metrics": [[], [k.metrics.CosineSimilarity(axis=1)]]},
}


@pytest.mark.filterwarnings("ignore:Skipping variable loading")  # of an optimizer that has not begun
@BOTH
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_compile(form, writer, reader, tmp_path, rng):
    model = _outputs(writer)
    model.compile("rmsprop", **FORMS[form](writer))
    x = rng.normal(size=(8, 3)).astype("float32")
    y = [(rng.random((8, 1)) > 0.5).astype("float32"), rng.normal(size=(8, 3)).astype("float32")]
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    found = again.evaluate(x, y, verbose=0, return_dict=True)
    assert sorted(found) == sorted(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-5, err_msg=key)
    assert not getattr(reader.models.load_model(tmp_path / "m.keras", compile=False), "compiled", False)


# --- configurations ---------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("make", [_branches, _outputs])
def test_json(make, writer, reader):
    names.clear_names()
    model = make(writer)
    again = reader.models.model_from_json(model.to_json())
    assert again.count_params() == model.count_params()
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    other = type(model).from_config(model.get_config())
    assert json.loads(other.to_json()) == json.loads(model.to_json())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [("MobileNet", 32), ("MobileNetV2", 32), ("MobileNetV3Small", 48), ("ResNet50V2", 32), ("EfficientNetV2B0", 32),
     ("DenseNet121", 32), ("ConvNeXtTiny", 32), ("Xception", 71), ("InceptionV3", 75), ("NASNetMobile", 32)],
)  # fmt: skip
@BOTH
def test_applications(name, size, writer, reader, tmp_path, rng):
    model = filled(getattr(writer.applications, name)(weights=None, input_shape=(size, size, 3), classes=5))
    small = [w * (0.1 if w.ndim > 1 else 1) for w in model.get_weights()]
    model.set_weights(small)
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    for one, two in zip(small, again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    x = rng.uniform(0, 255, (2, size, size, 3)).astype("float32")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
