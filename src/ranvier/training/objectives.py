"""What training minimises and what it measures: the losses and metrics that `compile` was given, one set for each output."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from .. import losses
from .. import metrics as metrics_module
from ..core.errors import ArgumentError
from ..core.trees import ordered_keys
from ..core.variables import Variable
from ..ops.symbolic import flatten

__all__ = ["LossSet", "MetricSet", "output_names_of", "per_output", "total_of"]


def output_names_of(y_pred: Any, given: Sequence[str] | None) -> list[str]:
    """The names of a model's outputs: of the graph's, else the keys of a dict, else ``output_0`` …"""
    leaves = flatten(y_pred)
    if isinstance(y_pred, dict) and len(y_pred) == len(leaves):
        return ordered_keys(y_pred)
    if given is not None and len(given) == len(leaves):
        return list(given)
    return [f"output_{i}" for i in range(len(leaves))]


def per_output(argument: str, value: Any, names: list[str], *, single: str) -> list[Any]:
    """One entry of `value` for each output: by key from a dict, by place from a list, the same for all otherwise.

    Args:
        argument: what to call `value` in messages.
        single: what a value that is no list or dict means with several outputs: ``"all"`` or ``"refuse"``.
    """
    if isinstance(value, dict):
        unknown = [key for key in value if key not in names]
        if unknown:
            close = difflib.get_close_matches(str(unknown[0]), names, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise ArgumentError(f"{argument} has the key {unknown[0]!r}; the model's outputs are {names}.{hint}")
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise ArgumentError(
                f"{argument} must have one entry for each of the model's {len(names)} output(s) {names}. "
                f"Received: {len(value)} entries"
            )
        return list(value)
    if len(names) > 1 and single == "refuse":
        raise ArgumentError(
            f"{argument} must be a list or dict with an entry for each output {names}. Received: {value!r}"
        )
    return [value] * len(names)


def _targets(argument: str, y: Any, names: list[str]) -> list[Any]:
    """The targets (or sample weights) in the order of the outputs."""
    if isinstance(y, dict):
        if len(names) == 1 and names[0] not in y and len(y) == 1:
            return list(y.values())
        return [y.get(name) for name in names] if set(y) <= set(names) else per_output(argument, y, names, single="all")
    leaves = flatten(y)
    if len(leaves) == len(names):
        return leaves
    if len(leaves) == 1 and argument == "sample_weight":
        return leaves * len(names)
    raise ArgumentError(
        f"{argument} must have one entry for each of the {len(names)} output(s) {names}. Received: {len(leaves)}"
    )


class LossSet:
    """The losses of `compile`, with their weights.

    Args:
        loss: a name, loss object or function, or a list or dict of them by output; None entries are outputs without loss.
        loss_weights: numbers in the same form, or None.
        output_names: the names of the graph's outputs, if it has any.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None):
        self.loss = loss
        self.loss_weights = loss_weights
        self.output_names = output_names
        self.built = False
        self.trackers: list[metrics_module.Mean] = []
        for entry in loss.values() if isinstance(loss, dict) else flatten(loss):
            for item in flatten(entry):
                losses.get(item)  # unknown names are refused at compile(), not at the first batch

    def build(self, y_pred: Any) -> None:
        """Pair losses and weights with the outputs."""
        self.names = output_names_of(y_pred, self.output_names)
        loss = self.loss
        if isinstance(loss, (list, tuple)) and len(self.names) == 1 and len(loss) == 1:
            loss = loss[0]
        self.functions = [_loss_object(item) for item in per_output("loss", loss, self.names, single="all")]
        weights = per_output("loss_weights", self.loss_weights, self.names, single="all")
        self.weights = [None if w is None else float(w) for w in weights]
        if sum(f is not None for f in self.functions) > 1:
            self.trackers = [
                metrics_module.Mean(name=f"{name}_loss")
                for name, f in zip(self.names, self.functions, strict=True)
                if f is not None
            ]
        self.built = True

    @property
    def variables(self) -> list[Variable]:
        """The state of the per-output trackers."""
        return [v for tracker in self.trackers for v in tracker.variables]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum of the losses of all outputs, or None if none has one."""
        if not self.built:
            self.build(y_pred)
        outputs = flatten(y_pred)
        if all(function is None for function in self.functions):
            return None
        targets = _targets("y", y_true, self.names)
        weights = (
            [None] * len(outputs) if sample_weight is None else _targets("sample_weight", sample_weight, self.names)
        )
        total, trackers = None, iter(self.trackers)
        for function, scale, target, output, weight in zip(
            self.functions, self.weights, targets, outputs, weights, strict=True
        ):
            if function is None:
                continue
            value = function(_column(target, output), output, sample_weight=weight)
            if self.trackers:
                next(trackers).update_state(value, sample_weight=output.shape[0])
            if scale is not None:
                value = value * scale
            total = value if total is None else total + value
        return total


def _column(target: Any, output: Any) -> Any:
    """Targets (samples,) as (samples, 1) where the output is: each sample keeps its own loss and weight."""
    target = jnp.asarray(target)
    if target.ndim == len(output.shape) - 1 and output.shape[-1] == 1:
        return target[..., None]
    return target


def _loss_object(identifier: Any) -> Any:
    if identifier is None or isinstance(identifier, losses.Loss):
        return identifier
    found = losses.get(identifier)
    if isinstance(found, losses.Loss):
        return found
    return losses.LossFunctionWrapper(found, name=getattr(found, "__name__", "loss"))


class MetricSet:
    """The metrics of `compile`, each paired with the output it looks at.

    Args:
        metrics: names, metric objects or functions; a list, or a list or dict of them by output.
        weighted_metrics: the same, for metrics that the sample weights weigh.
        output_names: the names of the graph's outputs, if it has any.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any = None, output_names: Sequence[str] | None = None):
        self.given = metrics
        self.weighted = weighted_metrics
        self.output_names = output_names
        self.built = False
        self.entries: list[tuple[int, str, metrics_module.Metric, bool]] = []  # output, name in logs, metric, weighted
        for argument, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value is not None and not isinstance(value, (list, tuple, dict)):
                raise ArgumentError(
                    f"{argument} must be a list or dict, such as ['accuracy']. Received: {argument}={value!r}"
                )
            for item in flatten(value):
                if item not in _ACCURACY and item not in _CROSSENTROPY:
                    metrics_module.get(item)

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Make the metrics, now that the shapes of targets and outputs are known."""
        self.names = output_names_of(y_pred, self.output_names)
        outputs = flatten(y_pred)
        targets = [None] * len(outputs) if y_true is None else _targets("y", y_true, self.names)
        for argument, value, weighted in (("metrics", self.given, False), ("weighted_metrics", self.weighted, True)):
            if value is None:
                continue
            if len(self.names) == 1 and not isinstance(value, dict):
                value = [list(flatten(value))]
            for i, entry in enumerate(per_output(argument, value, self.names, single="refuse")):
                for item in flatten(entry):
                    metric = _metric_object(item, targets[i], outputs[i])
                    name = metric.name if len(self.names) == 1 else f"{self.names[i]}_{metric.name}"
                    target = targets[i]
                    if target is not None:  # state whose shape depends on the data must be there before the trace
                        metric.prepare(tuple(target.shape), tuple(outputs[i].shape))
                    self.entries.append((i, self._unique(name), metric, weighted))
        self.built = True

    def _unique(self, name: str) -> str:
        taken = {entry[1] for entry in self.entries}
        number, candidate = 1, name
        while candidate in taken:
            candidate, number = f"{name}_{number}", number + 1
        return candidate

    @property
    def metrics(self) -> list[metrics_module.Metric]:
        """The metric objects."""
        return [metric for _, _, metric, _ in self.entries]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, counting: Any = None) -> None:
        """Count one batch; of filled ones the rows for which `counting`, (batch,), is 1 and not 0."""
        if not self.entries:
            return
        outputs = flatten(y_pred)
        targets = _targets("y", y_true, self.names)
        weights = (
            [None] * len(outputs) if sample_weight is None else _targets("sample_weight", sample_weight, self.names)
        )
        for i, _, metric, weighted in self.entries:
            if targets[i] is not None:
                weight = weights[i] if weighted else None
                if counting is not None:
                    weight = times_rows(weight, counting)
                metric.update_state(_column(targets[i], outputs[i]), outputs[i], sample_weight=weight)

    def result(self) -> dict[str, Any]:
        """The value of each metric by its name in logs; a metric whose result is a dict gives several."""
        results: dict[str, Any] = {}
        for _, name, metric, _ in self.entries:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {name: value})
        return results


_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def _metric_object(identifier: Any, y_true: Any, y_pred: Any) -> metrics_module.Metric:
    if isinstance(identifier, metrics_module.Metric):
        return identifier
    if isinstance(identifier, str) and identifier in (*_ACCURACY, *_CROSSENTROPY):
        return _by_shapes(identifier, y_true, y_pred)
    found = metrics_module.get(identifier)
    if isinstance(found, metrics_module.Metric):
        if isinstance(identifier, str):
            found.name = identifier  # "mse" stays "mse" in the logs
        return found
    return metrics_module.MeanMetricWrapper(found, name=identifier if isinstance(identifier, str) else found.__name__)


def _by_shapes(name: str, y_true: Any, y_pred: Any) -> metrics_module.Metric:
    """Binary, categorical or sparse, whichever the shapes of target and output say."""
    accuracy = name in _ACCURACY
    shape_true, shape_pred = (() if y_true is None else tuple(y_true.shape)), tuple(y_pred.shape)
    binary = shape_pred[-1:] == (1,) or not shape_pred[1:]
    sparse = len(shape_true) < len(shape_pred) or (shape_true[-1:] == (1,) and shape_pred[-1] != 1)
    if binary:
        return metrics_module.BinaryAccuracy(name=name) if accuracy else metrics_module.BinaryCrossentropy(name=name)
    if sparse:
        return (
            metrics_module.SparseCategoricalAccuracy(name=name)
            if accuracy
            else metrics_module.SparseCategoricalCrossentropy(name=name)
        )
    return (
        metrics_module.CategoricalAccuracy(name=name) if accuracy else metrics_module.CategoricalCrossentropy(name=name)
    )


def times_rows(sample_weight: Any, rows: Any) -> Any:
    """Sample weights, (batch, …) or None for ones, times a number for each row, (batch,)."""
    if sample_weight is None:
        return rows
    weight = jnp.asarray(sample_weight)
    return weight * rows.reshape(-1, *[1] * (weight.ndim - 1)).astype(weight.dtype)


def total_of(losses_added: list[Any], loss: Any) -> Any:
    """The sum of the compiled loss and what layers added, or None if there is nothing at all."""
    parts = ([] if loss is None else [loss]) + [jnp.sum(jnp.asarray(part)) for part in losses_added]
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total
