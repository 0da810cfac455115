"""`Metric` as a base class, names, masks, accuracy over long epochs, and what bad input gets."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import ranvier
from ranvier import metrics
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataWarning, SerializationError, ShapeError
from ranvier.metrics.confusion import _places, count_at


class _Largest(metrics.Metric):
    def __init__(self, factor: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = factor
        self.largest = self.add_weight(name="largest", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.largest.assign(jnp.maximum(self.largest.value, self.factor * abs(y_true - y_pred).max()))

    def result(self) -> Any:
        return self.largest.value


def test_own_metric_counts_resets_and_round_trips():
    metric = _Largest(2.0, name="worst")
    assert float(metric(np.array([1.0]), np.array([3.0]))) == 4.0
    assert float(metric(np.array([1.0]), np.array([2.0]))) == 4.0
    assert [v.path for v in metric.variables] == ["worst/largest"]
    assert not metric.variables[0].trainable
    assert metric.get_config() == {"dtype": "float32", "name": "worst", "factor": 2.0}
    assert _Largest.from_config(metric.get_config()).factor == 2.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_metrics_inside_a_metric_bring_their_state():
    class Both(metrics.Metric):
        def __init__(self, **kwargs: Any):
            super().__init__(**kwargs)
            self.mean = metrics.Mean(name="inner")
            self.others = [metrics.Sum(name="first"), metrics.Sum(name="second")]

    assert [v.path for v in Both().variables] == ["inner/total", "inner/count", "first/total", "second/total"]


def test_stateless_methods_leave_the_object_alone():
    metric = metrics.Mean()
    state = metric.stateless_update_state(metric.stateless_reset_state(), np.array([2.0, 4.0]))
    assert [float(s) for s in state] == [6.0, 2.0]
    assert float(metric.stateless_result(state)) == 3.0
    assert float(metric.result()) == 0.0


def test_update_and_result_must_be_defined():
    with pytest.raises(ArgumentTypeError, match="must define update_state"):
        metrics.Metric().update_state()
    with pytest.raises(ArgumentTypeError, match="must define result"):
        metrics.Metric().result()


def _names() -> list[str]:
    classes = [n for n in dir(keras.metrics) if isinstance(getattr(keras.metrics, n), type)]
    needs_arguments = {
        "Metric", "MeanMetricWrapper", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "PrecisionAtRecall",
        "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity",
    }  # fmt: skip
    classes = [n for n in classes if n not in needs_arguments]
    short = ["mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "log_cosh_error", "f_beta_score"]
    return [*classes, *(keras.src.utils.naming.to_snake_case(c) for c in classes), *short]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", _names())
def test_string_names_are_those_of_keras(name):
    ours, theirs = metrics.get(name), keras.metrics.get(name)
    assert (type(ours).__name__, ours.name) == (type(theirs).__name__, re.sub(r"_\d+$", "", theirs.name))
    assert metrics.get(keras.metrics.serialize(theirs)).get_config() == theirs.get_config()


def test_public_names_are_those_of_keras():
    assert {n for n in dir(keras.metrics) if not n.startswith("_")} <= set(dir(metrics))


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(ArgumentError, match=r"Unknown metric: 'mean_squared_eror'. Did you mean 'mean_squared_error'"):
        metrics.get("mean_squared_eror")
    with pytest.raises(SerializationError, match="is not a Metric"):
        metrics.get({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}})


def test_function_as_metric_round_trips():
    metric = metrics.MeanMetricWrapper(metrics.huber, name="mine", delta=0.5)
    again = metrics.MeanMetricWrapper.from_config(metric.get_config())
    assert float(again([1.0], [3.0])) == float(metric([1.0], [3.0])) == pytest.approx(0.875)
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="mine", delta=0.5)
    assert metric.get_config() == theirs.get_config()


@pytest.mark.parametrize("name", ["MeanSquaredError", "RootMeanSquaredError"])
@pytest.mark.parametrize("weighted", [False, True])
def test_masked_predictions_do_not_count(name, weighted, rng):
    y_true, scores = (rng.normal(size=(3, 4, 2)).astype("float32") for _ in range(2))
    y_pred = jnp.asarray(scores)
    y_pred._keras_mask = jnp.asarray([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)
    weight = np.array([[1.0], [2.0], [3.0]], "float32") if weighted else None
    squares = ((y_true - scores) ** 2).mean(-1)
    weights = np.asarray(y_pred._keras_mask) * (1 if weight is None else weight)
    expected = (squares * weights).sum() / weights.sum()
    expected = expected if name == "MeanSquaredError" else expected**0.5
    np.testing.assert_allclose(getattr(metrics, name)()(y_true, y_pred, weight), expected, rtol=1e-5)


def test_mean_over_a_long_epoch_stays_exact(rng):
    values = rng.uniform(0.0, 1.0, (1875, 32)).astype("float32")
    metric = metrics.Mean()

    def step(state: Any, batch: Any) -> tuple[Any, None]:
        return metric.stateless_update_state(state, batch), None

    state, _ = jax.lax.scan(step, metric.stateless_reset_state(), values)
    assert float(state[1]) == 60_000
    assert float(metric.stateless_result(state)) == pytest.approx(values.astype("float64").mean(), rel=2e-6)


def test_an_unweighted_update_adds_no_work_for_the_count():
    metric = metrics.SparseCategoricalAccuracy()
    update = jax.make_jaxpr(metric.stateless_update_state)
    state = metric.stateless_reset_state()
    program = str(update(state, np.zeros(32, "int32"), np.zeros((32, 10), "float32")))
    assert program.count("reduce_sum") == 1
    assert program.count("add ") == 2


def test_auc_of_scores_at_the_thresholds_is_that_of_every_pair(rng):
    y_true = rng.integers(0, 2, 300)
    scores = rng.integers(0, 21, 300) / 20
    positive, negative = scores[y_true == 1], scores[y_true == 0]
    wins = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    thresholds = (np.arange(20) + 0.5) / 20
    assert float(metrics.AUC(thresholds=list(thresholds))(y_true, scores)) == pytest.approx(wins, rel=1e-5)


def test_counts_at_thresholds_are_those_of_comparisons(rng):
    thresholds = [i / 19 for i in range(20)]
    scores = np.concatenate([np.float32(thresholds), rng.uniform(-0.2, 1.2, 200), [np.nan, -5.0, 7.0]]).astype(
        "float32"
    )
    truth = rng.integers(0, 2, len(scores)) == 1
    above = scores[None, :] > np.float32(thresholds)[:, None]
    expected = [(a & t).sum(1) for a, t in ((above, truth), (above, ~truth), (~above, ~truth), (~above, truth))]
    weight = np.ones_like(scores)
    np.testing.assert_array_equal(count_at(jnp.asarray(truth), jnp.asarray(scores), weight, thresholds), expected)
    columns = (jnp.asarray(a)[:, None] for a in (truth, scores, weight))
    np.testing.assert_array_equal(jnp.stack(count_at(*columns, thresholds))[..., 0], expected)


def test_top_k_breaks_ties_by_class_and_never_counts_what_is_no_class():
    scores = np.array([[1.0, 1.0, 1.0, 0.0]] * 4, "float32")
    found = metrics.sparse_top_k_categorical_accuracy(np.array([0, 1, 2, 9]), scores, k=2)
    np.testing.assert_array_equal(found, [1.0, 1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.AUC(curve="roc"), r"curve must be one of .* Received: curve='roc'"),
        (lambda: metrics.AUC(summation_method="mean"), r"summation_method must be one of"),
        (lambda: metrics.AUC(num_thresholds=1), r"num_thresholds must be at least 2"),
        (lambda: metrics.AUC(thresholds=[0.5, 1.5]), r"thresholds must lie between 0 and 1"),
        (lambda: metrics.Precision(thresholds=2.0), r"thresholds must lie between 0 and 1"),
        (lambda: metrics.RecallAtPrecision(precision=-0.1), r"precision must lie between 0 and 1"),
        (lambda: metrics.PrecisionAtRecall(recall=0.5, num_thresholds=0), r"num_thresholds must be positive"),
        (lambda: metrics.FBetaScore(beta=1), r"beta must be a number above 0, as a float"),
        (lambda: metrics.FBetaScore(threshold=1), r"threshold must be .*, as a float"),
        (lambda: metrics.FBetaScore(beta=0.0), r"beta must be a number above 0"),
        (lambda: metrics.F1Score(average="mean"), r"average must be one of"),
        (lambda: metrics.F1Score(threshold=2.0), r"threshold must be above 0 and at most 1"),
        (lambda: metrics.R2Score(class_aggregation="mean"), r"class_aggregation must be one of"),
        (lambda: metrics.R2Score(num_regressors=-1), r"num_regressors must be at least 0"),
        (lambda: metrics.IoU(num_classes=2, target_class_ids=[2]), r"target_class_ids must be classes from 0 to 1"),
        (lambda: metrics.MeanIoU(num_classes=0), r"num_classes must be positive"),
        (lambda: metrics.BinaryAccuracy(threshold=1.0), r"threshold must lie between 0 and 1"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("metric", "true", "pred", "message"),
    [
        (metrics.MeanSquaredError(), (6,), (5,), r"mean_squared_error: y_true has shape \(6,\) and .* \(5,\)"),
        (metrics.BinaryAccuracy(), (6,), (6, 2), r"binary_accuracy: .*\(6,\).*\(6, 2\)"),
        (metrics.CategoricalAccuracy(), (6,), (6, 3), r"categorical_accuracy .*\(6,\).*\(6, 3\).*sparse form"),
        (metrics.SparseCategoricalAccuracy(), (6, 3), (6, 3), r"sparse_categorical_accuracy .*one-hot targets"),
        (metrics.F1Score(), (6,), (6,), r"f1_score takes .* \(6,\)"),
        (metrics.R2Score(), (6,), (6,), r"r2_score takes .* \(6,\)"),
        (metrics.MeanIoU(3), (6,), (5,), r"equally many classes.*\(6,\) and \(5,\)"),
        (metrics.Precision(class_id=3, name="p"), (6, 3), (6, 3), r"p: class_id=3 does not fit .*\(6, 3\)"),
        (metrics.Recall(top_k=4, name="r"), (6, 3), (6, 3), r"r: top_k=4 does not fit .*\(6, 3\)"),
        (metrics.AUC(multi_label=True, num_labels=2), (6, 3), (6, 3), r"counts 2 labels.*\(6, 3\)"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_named(metric, true, pred, message):
    with pytest.raises(ShapeError, match=message):
        metric.update_state(np.zeros(true, "float32"), np.zeros(pred, "float32"))


def test_weights_that_do_not_fit_are_named():
    with pytest.raises(ShapeError, match=r"sample_weight of shape \(4,\) does not fit the values, of shape \(3,\)"):
        metrics.Mean().update_state(np.zeros(3), sample_weight=np.ones(4))


def test_fractions_of_weights_in_whole_counts_are_warned_about():
    with pytest.warns(DataWarning, match="dtype='float32'"):
        metrics.MeanIoU(2).update_state(np.array([0, 1]), np.array([0, 1]), np.array([0.5, 0.5], "float32"))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("ends", [(), (-np.inf,), (np.inf,), (-np.inf, np.inf)], ids=str)
@pytest.mark.parametrize("count", [3, 11, 200, 1000])
def test_places_among_even_thresholds_are_those_of_comparisons(dtype, ends, count, rng):
    inner = np.arange(1, count) / count
    limits = np.sort([*inner, *ends]).astype(jnp.dtype(dtype))
    near = [np.nextafter(inner.astype("float32"), towards) for towards in (-1, 2)]
    scores = np.concatenate([rng.uniform(-0.5, 1.5, 3000), inner, *near, [-np.inf, np.inf, -1e30, 1e30, 0, 1]])
    scores = jnp.asarray(scores, "float32").astype(dtype)
    expected = (np.asarray(scores, "float32")[:, None] > limits.astype("float32")).sum(1)
    np.testing.assert_array_equal(_places(limits, scores), expected)


@pytest.mark.parametrize("labels", [None, 3])
@pytest.mark.parametrize("size", [5, 4000])
def test_buckets_count_what_comparisons_count(size, labels, rng):
    shape = (size,) if labels is None else (size, labels)
    thresholds = [-np.inf, 0.0, *sorted(rng.choice(20, 48) / 20), 1.0, np.inf]
    scores = rng.integers(-3, 24, shape).astype("float32") / 20  # many of them are thresholds
    scores[0] = np.nan
    truth, weight = rng.random(shape) < 0.4, rng.integers(0, 4, shape).astype("float32")
    above = scores[..., None] > np.asarray(thresholds, "float32")
    expected = [
        np.sum((weight * kind)[..., None] * side, axis=0).T
        for kind, side in ((truth, above), (~truth, above), (~truth, ~above), (truth, ~above))
    ]
    for found, right in zip(
        count_at(truth, jnp.asarray(scores), jnp.asarray(weight), thresholds), expected, strict=True
    ):
        np.testing.assert_array_equal(found, right)


def _ranks(y, scores, weight=None):
    """The share of pairs of a positive and a negative that are ranked right, ties half."""
    weight = np.ones(len(y)) if weight is None else weight
    apart = scores[y == 1][:, None] - scores[y == 0][None, :]
    pairs = weight[y == 1][:, None] * weight[y == 0][None, :]
    return np.sum(((apart > 0) + 0.5 * (apart == 0)) * pairs) / pairs.sum()


@pytest.mark.parametrize("shift", [0.0, -3.0, 4.0])
def test_area_is_the_share_of_pairs_in_the_right_order(shift, rng):
    y, weight = rng.integers(0, 2, 300), rng.random(300).astype("float32")
    scores = rng.integers(0, 11, 300) / 10 * 0.98 + 0.01
    told = np.clip(scores + shift, -0.5, 1.5)  # those outside of 0 to 1 are ties
    area = metrics.AUC(num_thresholds=1000)
    for part in np.array_split(np.arange(300), 7):
        area.update_state(y[part], scores[part] + shift, weight[part])
    assert float(area.result()) == pytest.approx(_ranks(y, told, weight), rel=1e-5)


def test_scores_on_both_sides_of_probabilities_are_ranked():
    assert float(metrics.AUC()([0, 0, 1, 1], [-3.0, -1.0, 2.0, 5.0])) == 1


@pytest.mark.parametrize("curve", ["ROC", "PR", "PRGAIN"])
@pytest.mark.parametrize("method", ["interpolation", "minoring", "majoring"])
def test_area_without_a_curve_is_no_number(curve, method):
    make = lambda: metrics.AUC(curve=curve, summation_method=method)  # noqa: E731
    assert float(make().result()) == 0  # nothing was counted
    assert np.isnan(make()([0, 0], [0.2, 0.7]))
    assert np.isnan(make()([1, 1], [0.2, 0.7])) == (curve != "PR")
    both = metrics.AUC(curve=curve, summation_method=method, multi_label=True)
    one = make()([0, 1, 1], [0.2, 0.7, 0.1])
    assert float(both([[0, 0], [1, 0], [1, 0]], [[0.2, 0.5], [0.7, 0.5], [0.1, 0.5]])) == pytest.approx(float(one))


@pytest.mark.parametrize("make", [metrics.R2Score, lambda: metrics.F1Score(threshold=0.5)])
@pytest.mark.parametrize("eager", [False, True])
def test_targets_of_one_axis_are_one_output(make, eager, rng):
    y, p = rng.integers(0, 2, 7).astype("float32"), rng.random(7).astype("float32")
    expected = np.asarray(make()(y[:, None], p[:, None]))
    for true, pred in ((y, p[:, None]), (y[:, None], p)):
        np.testing.assert_array_equal(make()(true, pred), expected)
    model = ranvier.Sequential([ranvier.Input((1,)), ranvier.layers.Activation("linear")])
    model.compile("sgd", "mse", metrics=[make()], run_eagerly=eager)
    np.testing.assert_allclose(
        model.evaluate(p[:, None], y, batch_size=3, verbose=0)[1], expected.reshape(-1)[0], rtol=1e-5
    )
