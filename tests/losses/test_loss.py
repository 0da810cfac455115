"""`Loss` as a base class, the names of losses, and what bad input gets."""

from typing import Any

import jax
import keras
import numpy as np
import pytest

from ranvier import losses, metrics
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataWarning, SerializationError, ShapeError

ALIASES = ["mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD"]


class _Distance(losses.Loss):
    def __init__(self, power: float = 2.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.power = power

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return abs(y_true - y_pred) ** self.power


def test_own_loss_has_a_name_a_config_and_a_reduction():
    loss = _Distance(3.0, reduction="sum")
    assert float(loss([0.0, 0.0], [1.0, 2.0])) == 9.0
    assert loss.get_config() == {"name": loss.name, "reduction": "sum", "power": 3.0}
    assert _Distance.from_config(loss.get_config()).power == 3.0
    assert _Distance().name != loss.name


def test_own_loss_of_a_structure():
    class Total(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return sum(((y_true[key] - y_pred[key]) ** 2).mean(-1) for key in y_true)

    zeros, ones = ({"a": np.full((3, 2), v), "b": np.full((3, 2), v)} for v in (0.0, 1.0))
    assert float(Total()(zeros, ones)) == 2.0


def test_call_must_be_defined():
    with pytest.raises(ArgumentTypeError, match=r"must define call"):
        losses.Loss()([0.0], [1.0])


@pytest.mark.parametrize("name", ALIASES)
def test_aliases_are_those_of_keras(name):
    assert losses.get(name).__name__ == keras.losses.get(name).__name__


@pytest.mark.parametrize("name", [n for n in dir(keras.losses) if not n.startswith("_")])
def test_public_names_and_string_names_are_those_of_keras(name):
    ours = getattr(losses, name)
    if name not in ("get", "serialize", "deserialize", "Loss"):
        found = losses.get(name)
        assert found is ours or isinstance(found, ours)


def test_configs_are_read_both_ways():
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="sum")
    assert keras.losses.deserialize(losses.serialize(loss)).get_config() == loss.get_config()
    assert losses.get(keras.losses.serialize(keras.losses.Dice(axis=(1, 2)))).axis == (1, 2)
    assert losses.deserialize(losses.serialize(losses.mean_squared_error)) is losses.mean_squared_error
    assert losses.get(losses.Huber).delta == 1.0
    assert losses.get(None) is None


def test_function_as_loss_round_trips():
    loss = losses.LossFunctionWrapper(losses.huber, reduction="sum", name="mine", delta=0.5)
    again = losses.LossFunctionWrapper.from_config(loss.get_config())
    assert float(again([1.0], [3.0])) == float(loss([1.0], [3.0])) == pytest.approx(0.875)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("mean_squared_eror", "mean_squared_error"), ("categorical_cross_entropy", "categorical_crossentropy")],
)
def test_unknown_name_gets_a_suggestion(name, hint):
    with pytest.raises(ArgumentError, match=f"Unknown loss: '{name}'. Did you mean '{hint}'"):
        losses.get(name)


def test_config_of_another_kind_is_refused():
    config = {"module": "keras.metrics", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    with pytest.raises(SerializationError, match="is not a Loss"):
        losses.get(config)


def test_bad_reduction_is_refused():
    with pytest.raises(ArgumentError, match=r"reduction must be one of .* Received: reduction='average'"):
        losses.MeanSquaredError(reduction="average")


@pytest.mark.parametrize(
    ("name", "true", "pred", "message"),
    [
        ("MeanSquaredError", (6,), (5,), r"mean_squared_error: y_true has shape \(6,\) and y_pred has shape \(5,\)"),
        ("MeanAbsoluteError", (6,), (6, 6), r"mean_absolute_error: .* \(6,\) .* \(6, 6\)"),
        ("BinaryCrossentropy", (6, 2), (6, 3), r"binary_crossentropy: .* \(6, 2\) .* \(6, 3\)"),
        ("CategoricalCrossentropy", (6,), (6, 5), r"shape \(6,\) and y_pred with shape \(6, 5\).* sparse form"),
        ("CategoricalCrossentropy", (6, 4), (6, 5), r"categorical_crossentropy .* \(6, 4\) .* \(6, 5\)"),
        ("SparseCategoricalCrossentropy", (6, 5), (6, 5), r"integer labels .* \(6, 5\).* categorical_crossentropy"),
        ("SparseCategoricalCrossentropy", (5,), (6, 5), r"target \(5,\), output \(6, 5\)"),
        ("CTC", (6,), (6, 5, 3), r"ctc takes .* \(6,\) and \(6, 5, 3\)"),
        ("Circle", (6,), (5, 3), r"circle takes a label for each row"),
    ],
)
def test_shapes_that_do_not_fit_are_named(name, true, pred, message):
    with pytest.raises(ShapeError, match=message):
        jax.eval_shape(getattr(losses, name)(), np.zeros(true, "float32"), np.zeros(pred, "float32"))


def test_broadcast_targets_are_warned_about():
    with pytest.warns(DataWarning, match=r"\(6, 1\) and y_pred has shape \(6, 5\); they are broadcast"):
        losses.MeanSquaredError()(np.zeros((6, 1)), np.zeros((6, 5)))


def test_categorical_over_one_class_is_warned_about():
    with pytest.warns(DataWarning, match="binary_crossentropy"):
        losses.CategoricalCrossentropy()(np.zeros((6, 1)), np.zeros((6, 1)))


def test_weights_that_do_not_fit_are_named():
    with pytest.raises(
        ShapeError, match=r"sample_weight of shape \(4,\) does not fit the values per sample, of shape \(3,\)"
    ):
        losses.MeanSquaredError()(np.zeros((3, 2)), np.zeros((3, 2)), sample_weight=np.ones(4))


def test_generalized_crossentropy_needs_q_between_0_and_1():
    with pytest.raises(ArgumentError, match=r"q must lie between 0 and 1. Received: q=1.5"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.5)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "Hinge", "CosineSimilarity"])
def test_losses_and_metrics_of_one_name_are_told_apart(name):
    from ranvier import metrics

    for module, base in ((losses, losses.Loss), (metrics, metrics.Metric)):
        thing = getattr(module, name)()
        assert type(module.deserialize(module.serialize(thing))) is type(thing)
        bare = {"class_name": name, "config": {}}
        assert isinstance(module.deserialize(bare), base)


BY_VALUE = (
    "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "hinge",
    "squared_hinge", "huber", "log_cosh", "kl_divergence", "poisson", "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_hinge",
)  # fmt: skip


@pytest.mark.parametrize("name", BY_VALUE)
@pytest.mark.parametrize(("true", "pred"), [((5,), (5, 1)), ((5, 1), (5,))])
def test_each_sample_has_a_loss_of_its_own_where_one_has_a_last_axis_more(name, true, pred, rng):
    y, p = rng.integers(0, 2, 5).astype("float32"), rng.uniform(0.1, 0.9, 5).astype("float32")
    expected = getattr(losses, name)(y[:, None], p[:, None])
    assert expected.shape == (5,)
    np.testing.assert_array_equal(getattr(losses, name)(y.reshape(true), p.reshape(pred)), expected)
    loss = losses.LossFunctionWrapper(getattr(losses, name), reduction="none")
    np.testing.assert_array_equal(loss(y.reshape(true), p.reshape(pred)), expected)
    metric = metrics.MeanMetricWrapper(getattr(losses, name))
    metric.update_state(y.reshape(true), p.reshape(pred), sample_weight=np.arange(5.0))
    np.testing.assert_allclose(metric.result(), np.average(expected, weights=np.arange(5.0)), rtol=1e-6)


@pytest.mark.parametrize(
    ("true", "pred"), [((3, 1), (3, 3)), ((3, 3), (3, 1)), ((1, 3), (3, 3)), ((3,), (3, 3)), ((1,), (3,))]
)
def test_binary_labels_are_not_broadcast(true, pred):
    y, p = np.ones(true, "float32"), np.full(pred, 0.5, "float32")
    for refuses in (
        losses.BinaryCrossentropy(), losses.BinaryFocalCrossentropy(), losses.binary_crossentropy,
        losses.binary_focal_crossentropy, metrics.BinaryCrossentropy(), metrics.Precision(), metrics.AUC(),
        metrics.TruePositives(), metrics.PrecisionAtRecall(0.5),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"y_true has shape"):
            refuses(y, p)
