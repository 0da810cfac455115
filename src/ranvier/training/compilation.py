"""`compile` and what it leaves behind: the optimizer, the losses and the metrics of a model."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import jax.numpy as jnp

from .. import metrics as metrics_module
from .. import optimizers
from ..core import serialization
from ..core.argument_names import no_argument
from ..core.errors import ArgumentError, ArgumentTypeError, NotCompiledError, RanvierWarning
from ..core.tracebacks import outside
from ..core.variables import Variable
from .measures import MetricSet, listed
from .objectives import LossSet, total_of
from .output_structure import layer_names
from .program import Programs
from .spec import check_count

__all__ = ["Compiled"]


class Compiled:
    """The part of a model that knows how it is trained; `Trainer` adds the training."""

    optimizer: Any = None
    compiled: bool = False
    run_eagerly: bool = False
    steps_per_execution: int = 1
    jit_compile: Any = "auto"
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False
    _losses_compiled: LossSet | None = None
    _metrics_compiled: MetricSet | None = None
    _loss_tracker: metrics_module.Mean
    _programs: Programs | None = None
    _free_at_compile: bool = False  # whether anything could train then
    _discovered: tuple[Any, ...] = ()  # the own steps that were asked for what they make

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        **unknown: Any,
    ) -> None:
        """Say how the model is trained.

        Args:
            optimizer: a name, an optimizer, or an optax transformation.
            loss: a name, a loss, a function ``(y_true, y_pred) → values``, or a list or dict of them by output.
            loss_weights: numbers that weigh the losses of several outputs.
            metrics: names, metrics or functions; by output in a list of lists or a dict for several outputs.
            weighted_metrics: metrics that sample and class weights weigh.
            run_eagerly: run step by step in Python, so that prints and debuggers work; slow.
            steps_per_execution: how many batches the hooks of callbacks are called for at once; otherwise accepted, since
                ranvier always runs many steps at once.
            jit_compile: ``"auto"`` and True: compile. False: accepted, and compiled all the same.
            auto_scale_loss: scale the loss under ``mixed_float16``.

        Raises:
            ArgumentError: unknown names (with the nearest known one), lists of a wrong length.
        """
        if unknown:
            known = inspect.signature(Compiled.compile).parameters
            raise ArgumentTypeError(no_argument("compile", unknown, [name for name in known if name != "self"]))
        check_count("steps_per_execution", steps_per_execution, optional=False)
        if jit_compile not in ("auto", True, False, None):
            raise ArgumentError(f"jit_compile must be 'auto', True or False. Received: jit_compile={jit_compile!r}")
        if optimizer is None:
            raise ArgumentError(
                "optimizer must be a name such as 'adam', an optimizer or an optax transformation. Received: None"
            )
        self._given_to_compile = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
            "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        self.optimizer = optimizers.get(optimizer)
        policy = getattr(self, "dtype_policy", None)
        scales = isinstance(self.optimizer, optimizers.LossScaleOptimizer)
        if auto_scale_loss and policy is not None and policy.name == "mixed_float16" and not scales:
            self.optimizer = optimizers.LossScaleOptimizer(self.optimizer, name="loss_scale_optimizer")
        names = layer_names(self)
        self.loss = loss
        self._losses_compiled = None if loss is None else LossSet(loss, loss_weights, names)
        self._metrics_compiled = MetricSet(metrics, weighted_metrics, names)
        self._loss_tracker = _mean("loss")
        self.run_eagerly = bool(run_eagerly)
        self.steps_per_execution = steps_per_execution
        self.jit_compile = jit_compile
        self.stop_training = False
        self._programs = None
        self._discovered = ()
        self.compiled = True
        layers = self._flatten_layers()  # type: ignore[attr-defined]
        unbuilt = self.trainable and any(layer.trainable and not layer.built for layer in layers)  # type: ignore[attr-defined]
        self._free_at_compile = unbuilt or bool(self.trainable_variables)  # type: ignore[attr-defined]

    def _assert_compiled(self, method: str) -> None:
        if not self.compiled:
            raise NotCompiledError(f"Call model.compile(optimizer=…, loss=…) before model.{method}().")

    # --- losses and metrics, which users may override ---------------------------------------------------------------

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The scalar that training minimises: the compiled losses and what layers added. Override it at will.

        Args:
            x: the inputs of the batch.
            y: its targets.
            y_pred: the model's outputs.
            sample_weight: its sample weights or None.
            training: whether this is a training step.
        """
        loss = None if self._losses_compiled is None else self._losses_compiled(y, y_pred, sample_weight)
        total = total_of(self.losses, loss)  # type: ignore[attr-defined]
        if total is not None:
            return total
        if training and self.trainable_variables:  # type: ignore[attr-defined]
            raise ArgumentError(
                "There is nothing to minimise: compile() was given no loss, and no layer called add_loss(). Give "
                "compile() a loss, or override compute_loss()."
            )
        return jnp.zeros((), jnp.float32)

    def _call_compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        if self._takes_training_in_compute_loss:
            return self.compute_loss(x, y, y_pred, sample_weight, training=training)
        return self.compute_loss(x, y, y_pred, sample_weight)

    @property
    def _takes_training_in_compute_loss(self) -> bool:
        parameters = inspect.signature(self.compute_loss).parameters
        return "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count one batch in the metrics; returns their results. Override it at will."""
        if self._metrics_compiled is not None:
            self._metrics_compiled.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by their names in logs."""
        results: dict[str, Any] = {}
        for metric in self._simple_metrics():
            value = metric.result()
            results.update(value if isinstance(value, dict) else {metric.name: value})
        if self._metrics_compiled is not None:
            results.update(self._metrics_compiled.result())
        return results

    def _simple_metrics(self) -> list[metrics_module.Metric]:
        """The loss tracker, the trackers of single outputs' losses, and the metrics that layers own."""
        found = [self._loss_tracker] if self.compiled else []
        if self._losses_compiled is not None:
            found += self._losses_compiled.trackers
        return found + self._layers_metrics()  # type: ignore[attr-defined]

    @property
    def metrics(self) -> list[metrics_module.Metric]:
        """All metric objects, the loss tracker first."""
        compiled = self._metrics_compiled.metrics if self._metrics_compiled is not None else []
        return self._simple_metrics() + compiled

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values in the list that `evaluate` and `train_on_batch` return."""
        return listed(self.metrics, self.get_metrics_result())

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of all metrics, in the order of `metrics`."""
        return [v for metric in self.metrics for v in metric.variables]

    def reset_metrics(self) -> None:
        """Start counting anew."""
        for metric in self.metrics:
            metric.reset_state()

    # --- configuration ----------------------------------------------------------------------------------------------

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile` in their serialised spelling, or None."""
        if not self.compiled:
            return None
        given = {**self._given_to_compile, "optimizer": self.optimizer}
        return {k: serialization.serialize(v) for k, v in given.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` says.

        A class whose `compile` is its own takes arguments that nothing here knows: it defines this method, too, and
        `get_compile_config`, or is compiled again by the program, which a warning says.
        """
        if not serialization.is_builtin(next(cls for cls in type(self).__mro__ if "compile" in vars(cls))):
            warnings.warn(
                f"{type(self).__name__} has a compile() of its own, so the model is not compiled: call compile() again, or "
                "define get_compile_config() and compile_from_config(config).",
                RanvierWarning,
                stacklevel=outside(),
            )
            return
        self.compile(**{k: serialization.deserialize_nested(v) for k, v in config.items()})
        if getattr(self, "built", False) and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]


def _mean(name: str) -> metrics_module.Mean:
    return metrics_module.Mean(name=name)
