"""Every metric over several random batches with weights, beside Keras's: results and state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from ranvier import metrics

from .agreement import REFUSALS, differences, differences_of_calls
from .strategies import Draw, described, tried, try_examples
from .test_losses import FUNCTIONS as LOSS_FUNCTIONS
from .test_losses import ROWS as LOSS_ROWS

# A row makes options, and a function that makes one batch after another: (y_true, y_pred).
Row = Callable[[Draw], tuple[dict[str, Any], Callable[[], tuple[Any, Any]]]]


def _of(shapes: tuple[int, int], true: Callable[..., Any], predicted: Callable[..., Any], **options: Any) -> Row:
    def make(d: Draw) -> Any:
        tail = d.shape(*shapes, sizes=(2, 3))
        return d.some(**{k: f(d) for k, f in options.items()}), (
            lambda: (lambda n: (true(d, n, *tail), predicted(d, n, *tail)))(int(d.rng.integers(1, 4)))
        )

    return make


def _real(d: Draw, *shape: int) -> Any:
    return d.floats(*shape)


def _unit(d: Draw, *shape: int) -> Any:
    return d.floats(*shape, low=0.01, high=0.99)


def _bits(d: Draw, *shape: int) -> Any:
    return d.booleans(*shape).astype("float32")


def _positive(d: Draw, *shape: int) -> Any:
    return d.floats(*shape, low=0.1, high=3)


def _thresholds(d: Draw) -> Any:
    return d.pick(d.real(0, 1), [d.real(0, 1), d.real(0, 1)], [0.0, 0.5, 1.0])


def _softmax(d: Draw, *shape: int) -> Any:
    e = np.exp(2 * d.floats(*shape))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def _categorical(sparse: bool, **options: Any) -> Row:
    def make(d: Draw) -> Any:
        n, tail, column = d.pick(3, 4), d.shape(0, 1, (2, 3)), d.flag()

        def batch() -> Any:
            rows = int(d.rng.integers(1, 4))
            labels = d.integers(rows, *tail, low=0, high=n)
            scores = _softmax(d, rows, *tail, n)
            if sparse:
                return (labels[..., None] if column else labels), scores
            return np.eye(n, dtype="float32")[labels], scores

        return d.some(**{k: f(d) for k, f in options.items()}), batch

    return make


def _crossentropy(sparse: bool) -> Row:
    base = _categorical(sparse)

    def make(d: Draw) -> Any:
        _, batch = base(d)
        logits = d.flag()
        options = {"from_logits": True} if logits else {}
        options |= d.some(ignore_class=1) if sparse else d.some(label_smoothing=d.real(0, 0.5))
        return options, (lambda: (lambda t, p: (t, np.log(p) if logits else p))(*batch()))

    return make


def _sorted_ids(d: Draw) -> Any:
    n, ids = 4, d.flag()

    def batch() -> Any:
        rows = int(d.rng.integers(1, 4))
        scores = d.floats(rows, n)
        return d.integers(rows, low=0, high=n), np.argsort(-scores, -1).astype("int32") if ids else scores

    return {"k": d.whole(1, 4), **({"from_sorted_ids": True} if ids else {})}, batch


def _classes(d: Draw) -> tuple[int, Callable[[], tuple[Any, Any]]]:
    n, tail = d.pick(2, 3), d.shape(0, 1, (2, 3))

    def batch() -> Any:
        shape = (int(d.rng.integers(1, 4)), *tail)
        return d.integers(*shape, low=0, high=n), d.integers(*shape, low=0, high=n)

    return n, batch


def _iou(mean: bool, hot: bool = False) -> Row:
    def make(d: Draw) -> Any:
        n, batch = _classes(d)
        options: dict[str, Any] = {"num_classes": n, "dtype": "float32"} | d.some(ignore_class=0)
        if not mean:
            options["target_class_ids"] = d.pick([0], [0, 1], [n - 1])
        if hot:
            eye = np.eye(n, dtype="float32")
            return options | d.some(sparse_y_pred=False), lambda: (
                lambda t, p: (eye[t], eye[p] + 0.1 * d.floats(*p.shape, n)))(*batch())  # fmt: skip
        return options, batch

    return make


def _at(name: str) -> Row:
    return (
        _of((0, 1), _bits, _unit, num_thresholds=lambda d: d.pick(1, 5, 50))
        if not name
        else (lambda d: (lambda o, b: ({name: d.real(0.1, 0.9), **o}, b))(*_at("")(d)))
    )


def _selected(d: Draw) -> Any:
    options, batch = _of((1, 1), _bits, _unit)(d)
    options = d.pick({"thresholds": _thresholds(d)}, {"top_k": d.whole(1, 2)}, {"class_id": d.whole(0, 1)},
                     {"top_k": 1, "class_id": 0}, {"thresholds": 0.4, "class_id": 1}, {})  # fmt: skip
    return options, batch


def _auc(d: Draw) -> Any:
    tail, logits = d.shape(0, 1, (2, 3)), d.flag()
    options = {"num_thresholds": d.pick(3, 20, 200)} if d.flag() else {"thresholds": [d.real(0.1, 0.4), 0.5, 0.8]}
    options |= d.some(curve=d.pick("ROC", "PR"), summation_method=d.pick("interpolation", "minoring", "majoring"))
    if tail and d.flag():
        options |= {"multi_label": True} | d.some(label_weights=[d.real(0.1, 1) for _ in range(tail[0])])
    options |= {"from_logits": True} if logits else {}

    def batch() -> Any:
        n = int(d.rng.integers(1, 5))
        return _bits(d, n, *tail), 2 * d.floats(n, *tail) if logits else _unit(d, n, *tail)

    return options, batch


def _f_score(d: Draw, **more: Any) -> Any:
    _, batch = _categorical(False)(d)
    options = d.some(average=d.pick("micro", "macro", "weighted"), threshold=d.real(0.1, 0.6), **more)
    return options, lambda: tuple(v.reshape(-1, v.shape[-1]) for v in batch())


def _r2(d: Draw) -> Any:
    tail = d.whole(1, 3)
    options = d.some(class_aggregation=d.pick("uniform_average", "variance_weighted_average", None),
                     num_regressors=d.pick(0, 1))  # fmt: skip
    return options, lambda: (d.floats(4, tail), d.floats(4, tail))


ROWS: dict[str, Row] = {
    "Accuracy": lambda d: ({}, _classes(d)[1]),
    "BinaryAccuracy": _of((0, 2), _bits, _unit, threshold=lambda d: d.real(0.1, 0.9)),
    "CategoricalAccuracy": _categorical(False),
    "SparseCategoricalAccuracy": _categorical(True),
    "TopKCategoricalAccuracy": _categorical(False, k=lambda d: d.whole(1, 3)),
    "SparseTopKCategoricalAccuracy": _sorted_ids,
    "MeanSquaredError": _of((0, 2), _real, _real),
    "RootMeanSquaredError": _of((0, 2), _real, _real),
    "MeanAbsoluteError": _of((0, 2), _real, _real),
    "MeanAbsolutePercentageError": _of((0, 2), _real, _real),
    "MeanSquaredLogarithmicError": _of((0, 2), _positive, _positive),
    "CosineSimilarity": _of((1, 2), _real, _real, axis=lambda d: d.pick(-1, 1)),
    "LogCoshError": _of((0, 2), _real, _real),
    "Poisson": _of((0, 2), _positive, _positive),
    "KLDivergence": _of((1, 2), _unit, _unit),
    "Hinge": _of((0, 2), _bits, _real),
    "SquaredHinge": _of((0, 2), _bits, _real),
    "CategoricalHinge": _categorical(False),
    "BinaryCrossentropy": _of((0, 2), _bits, _unit, label_smoothing=lambda d: d.real(0, 0.5), from_logits=Draw.flag),
    "CategoricalCrossentropy": _crossentropy(False),
    "SparseCategoricalCrossentropy": _crossentropy(True),
    "PearsonCorrelation": _of((1, 2), _real, _real, axis=lambda d: d.pick(-1, 1)),
    "ConcordanceCorrelation": _of((1, 2), _real, _real, axis=lambda d: d.pick(-1, 1)),
    "R2Score": _r2,
    **{name: _of((0, 2), _bits, _unit, thresholds=_thresholds)
       for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")},
    "Precision": _selected,
    "Recall": _selected,
    "SensitivityAtSpecificity": _at("specificity"),
    "SpecificityAtSensitivity": _at("sensitivity"),
    "PrecisionAtRecall": _at("recall"),
    "RecallAtPrecision": _at("precision"),
    "AUC": _auc,
    "F1Score": _f_score,
    "FBetaScore": lambda d: _f_score(d, beta=d.real(0.5, 2)),
    "IoU": _iou(False),
    "MeanIoU": _iou(True),
    "BinaryIoU": lambda d: (lambda o, b: (o | {"dtype": "float32"}, b))(
        *_of((0, 2), _bits, _unit, threshold=lambda d: d.real(0.1, 0.9), target_class_ids=lambda d: d.pick([0], [1]))(d)),
    "OneHotIoU": _iou(False, True),
    "OneHotMeanIoU": _iou(True, True),
    "Mean": _of((0, 2), lambda *_: None, _real),
    "Sum": _of((0, 2), lambda *_: None, _real),
}  # fmt: skip
ELSEWHERE = {"Metric": "the base of all", "MeanMetricWrapper": "the base of those made of functions"}
FUNCTIONS: dict[str, str] = {
    "binary_accuracy": "BinaryAccuracy", "categorical_accuracy": "CategoricalAccuracy",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy", "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy", "pearson_correlation": "PearsonCorrelation",
    "concordance_correlation": "ConcordanceCorrelation",
}  # fmt: skip


COUNTS = ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")


@pytest.mark.filterwarnings("ignore")  # Keras asks for int64 where JAX has none
@tried(1, ROWS, lambda name: name.startswith(("False", "True", "Squared", "OneHot")) or "At" in name)
def test_metrics_agree_with_those_of_keras(row: str, examples: int):
    name = row

    def make(d: Draw) -> Any:
        options, batch = ROWS[name](d)
        batches = [batch() for _ in range(d.whole(1, 3))]
        weighted = d.flag() and name != "R2Score"
        # Keras counts pairs of classes one by one, so weights have a class's shape; others are spread over samples, which
        # Keras's counts of decisions do for two axes at the most.
        each = (
            (lambda t, p: t.shape[: t.ndim - ("OneHot" in name)])
            if "IoU" in name
            else (lambda t, p: p.shape if name in COUNTS and p.ndim > 2 else (len(p),))
        )
        weights = [d.floats(*each(t, p), low=0.1, high=2) if weighted else None for t, p in batches]
        return options, batches, weights

    def check(made: Any) -> None:
        options, batches, weights = made

        def run(module: Any) -> Any:
            try:
                metric = getattr(module, name)(**options)
                for (y_true, y_pred), weight in zip(batches, weights, strict=True):
                    given = (y_pred,) if y_true is None else (y_true, y_pred)
                    metric.update_state(*given, sample_weight=weight)
                return np.asarray(metric.result()), [np.asarray(v.numpy()) for v in metric.variables]
            except REFUSALS as error:
                return error

        ours, theirs = run(metrics), run(keras.metrics)
        shown = f"{name} {options} {described(batches)} {described(weights)}"
        if isinstance(ours, Exception) or isinstance(theirs, Exception):
            assert isinstance(ours, Exception), f"ours {ours}, theirs {theirs!r}: {shown}"
            assert isinstance(theirs, Exception), f"ours {ours!r}, theirs {theirs}: {shown}"
            return
        if name == "AUC":
            tp, fp, tn, fn = (state[0] for state in ours[1])
            if np.any(tp + fn == 0) or np.any(fp + tn == 0):  # a class is missing: there Keras says 0
                ours, theirs = ours[1], theirs[1]
        text = differences(ours, theirs, 2)
        assert not text, f"{text}: {shown}"

    try_examples(make, check, examples)


@tried(1, FUNCTIONS, lambda name: True)  # those that the classes call
def test_functions_agree_with_those_of_keras(row: str, examples: int):
    name = row

    def make(d: Draw) -> Any:
        options, batch = ROWS[FUNCTIONS[name]](d)
        return options, batch()

    def check(made: Any) -> None:
        options, pair = made
        both = getattr(metrics, name), getattr(keras.metrics, name)
        wrong = differences_of_calls({name: both}, pair, options, gradient=False)
        assert not wrong, f"{wrong} {options} {described(pair)}"

    try_examples(make, check, examples)


def test_every_metric_has_a_row_or_a_reason():
    classes = {n for n in metrics.__all__ if isinstance(getattr(metrics, n), type)}
    assert classes - set(ROWS) == set(ELSEWHERE)
    functions = set(metrics.__all__) - classes - set(FUNCTIONS) - set(LOSS_FUNCTIONS)
    assert functions == {"deserialize", "get", "serialize"}
    assert set(LOSS_FUNCTIONS.values()) <= set(LOSS_ROWS)  # where the others are tried
