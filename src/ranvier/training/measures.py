"""What training measures: the metrics that `compile` was given, each paired with its output."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import jax.numpy as jnp

from .. import metrics as metrics_module
from ..core.errors import ArgumentError
from ..ops.symbolic import flatten
from .alignment import aligned
from .objectives import CROSSENTROPY, is_one_of, kind_of, unique
from .output_structure import Path, distributed, is_nested, label, leaves, paired

__all__ = ["MetricEntry", "MetricSet", "listed", "times_rows"]

ACCURACY = ("accuracy", "acc")


class MetricEntry(NamedTuple):
    """One metric with what it looks at."""

    path: Path
    name: str  # in logs
    metric: metrics_module.Metric
    weighted: bool


class MetricSet:
    """The metrics of `compile`, each paired with the output it looks at.

    Args:
        metrics: names, metric objects or functions; a list, or lists and dicts of them in the structure of the outputs.
        weighted_metrics: the same, for metrics that the sample weights weigh.
        names: the names of the layers that make the outputs, by the outputs' paths.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any = None, names: dict[Path, str] | None = None):
        self.given = metrics
        self.weighted = weighted_metrics
        self.names = names or {}
        self.built = False
        self.entries: list[MetricEntry] = []
        for argument, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value is not None and not is_nested(value):
                raise ArgumentError(
                    f"{argument} must be a list or dict, such as ['accuracy']. Received: {argument}={value!r}"
                )
            for item in flatten(value):
                if not is_one_of(item, (*ACCURACY, *CROSSENTROPY)):
                    metrics_module.get(item)

    def build(
        self, y_true: Any, y_pred: Any, names: dict[Path, str] | None = None, wanted: Collection[Path] = ()
    ) -> None:
        """Make the metrics, now that the shapes of targets and outputs are known; targets may be of the `wanted` alone."""
        self.names, self._wanted = names or self.names, wanted
        outputs = dict(leaves(y_pred))
        targets: dict[Path, Any] = {} if y_true is None else paired("y", y_true, y_pred, self.names, wanted)
        flat = isinstance(y_pred, dict) and all(len(path) == 1 for path in outputs)
        taken: set[str] = set()
        for argument, value, weighted in (("metrics", self.given, False), ("weighted_metrics", self.weighted, True)):
            for path, item in distributed(argument, value, y_pred, self.names):
                metric = _metric_object(item, targets.get(path), outputs[path])
                output = None if len(outputs) == 1 else str(path[0]) if flat else self.names.get(path)
                name = metric.name if output is None else f"{output}_{metric.name}"
                if weighted and name in taken:  # the metric without the weights has the plain name
                    name = f"weighted_{metric.name}" if output is None else f"{output}_weighted_{metric.name}"
                # State whose shape depends on the data must be there before the trace.
                if targets.get(path) is not None:
                    metric.prepare(tuple(targets[path].shape), tuple(outputs[path].shape))
                self.entries.append(MetricEntry(path, unique(name, taken), metric, weighted))
        self.built = True

    @property
    def metrics(self) -> list[metrics_module.Metric]:
        """The metric objects."""
        return [entry.metric for entry in self.entries]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, counting: Any = None) -> None:
        """Count one batch; of filled ones the rows for which `counting`, (batch,), is 1 and not 0."""
        if not self.built and (self.given or self.weighted):
            if y_true is None:
                raise ArgumentError(
                    "compile() was given metrics, but there are no targets y. Give y, or compile without."
                )
            self.build(y_true, y_pred)
        if not self.entries:
            return
        outputs = dict(leaves(y_pred))
        targets = paired("y", y_true, y_pred, self.names, self._wanted)
        weights: dict[Path, Any] = {}
        if sample_weight is not None:
            weights = paired("sample_weight", sample_weight, y_pred, self.names, self._wanted)
        for path, name, metric, weighted in self.entries:
            if targets[path] is None:
                raise ArgumentError(
                    f"y has nothing for the output '{label(path, self.names)}', which has the metric '{name}'. Give its "
                    "targets, or compile without the metric."
                )
            weight = weights.get(path) if weighted else None
            if counting is not None:
                weight = times_rows(weight, counting)
            metric.update_state(*aligned(targets[path], outputs[path], metric), sample_weight=weight)

    def result(self) -> dict[str, Any]:
        """The value of each metric by its name in logs; a metric whose result is a dict gives several."""
        results: dict[str, Any] = {}
        for entry in self.entries:
            value = entry.metric.result()
            results.update(value if isinstance(value, dict) else {entry.name: value})
        return results


def listed(metrics: Iterable[metrics_module.Metric], names: Collection[str]) -> list[str]:
    """The names of results in the order of the lists that `evaluate` and its kind return.

    First those that are a metric's own name, then the others by name: with several outputs, results are called by output
    and metric.
    """
    own = [name for name in dict.fromkeys(metric.name for metric in metrics) if name in names]
    return own + sorted(set(names).difference(own))


def _metric_object(identifier: Any, y_true: Any, y_pred: Any) -> metrics_module.Metric:
    if isinstance(identifier, metrics_module.Metric):
        return identifier
    if is_one_of(identifier, (*ACCURACY, *CROSSENTROPY)):
        return _by_shapes(identifier, kind_of(y_true, y_pred))
    found = metrics_module.get(identifier)
    if isinstance(found, metrics_module.Metric):
        if isinstance(identifier, str):
            found.name = identifier  # "mse" stays "mse" in the logs
        return found
    return metrics_module.MeanMetricWrapper(found, name=identifier if isinstance(identifier, str) else found.__name__)


def _by_shapes(name: str, kind: str) -> metrics_module.Metric:
    accuracy = {
        "binary": metrics_module.BinaryAccuracy, "categorical": metrics_module.CategoricalAccuracy,
        "sparse_categorical": metrics_module.SparseCategoricalAccuracy,
    }  # fmt: skip
    crossentropy = {
        "binary": metrics_module.BinaryCrossentropy, "categorical": metrics_module.CategoricalCrossentropy,
        "sparse_categorical": metrics_module.SparseCategoricalCrossentropy,
    }  # fmt: skip
    return (accuracy if is_one_of(name, ACCURACY) else crossentropy)[kind](name=name)


def times_rows(sample_weight: Any, rows: Any) -> Any:
    """Sample weights, (batch, …) or None for ones, times a number for each row, (batch,)."""
    if sample_weight is None:
        return rows
    weight = jnp.asarray(sample_weight)
    return weight * rows.reshape(-1, *[1] * (weight.ndim - 1)).astype(weight.dtype)
