"""`Distiller`: trains a student model on the targets and on what its teacher makes of the inputs."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..core import serialization
from ..core.errors import ArgumentError, ShapeError
from ..metrics import Mean
from ..models import Model
from ..ops import symbolic
from .losses import DistillationLoss

__all__ = ["Distiller"]


class Distiller(Model):
    r"""Trains a student: its loss is :math:`\alpha L_{student} + (1 - \alpha) \sum_i w_i D_i`.

    The teacher's weights are frozen. Outputs, predictions and metrics are the student's.

    Args:
        teacher: a trained model; it is made untrainable.
        student: the model to train, with inputs and outputs of the same shapes.
        distillation_losses: a `DistillationLoss`, or a list of them: the :math:`D_i`.
        distillation_loss_weights: a number for each: the :math:`w_i`; None: 1.
        student_loss_weight: :math:`\alpha`, from 0 to 1.
        name: the model's name.

    Raises:
        ArgumentError: models or losses that are none, or do not fit together.

    >>> import numpy as np
    >>> from ranvier import Sequential, distillation, layers
    >>> teacher, student = (Sequential([layers.Input((2,)), layers.Dense(3)]) for _ in range(2))
    >>> distiller = Distiller(teacher, student, distillation.LogitsDistillation())
    >>> distiller.compile("adam", "mse")
    >>> sorted(distiller.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0).history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    keras_module = "keras.distillation"
    config_excluded: ClassVar[frozenset[str]] = Model.config_excluded
    not_owned = Model.not_owned | {"_watching"}

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        for who, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise ArgumentError(f"{who} must be a model. Received: {model!r} of type {type(model).__name__}")
        _check_shapes(teacher, student)
        if distillation_losses is None:
            raise ArgumentError("distillation_losses must be a distillation loss or a list of them. Received: None")
        several = isinstance(distillation_losses, (list, tuple))
        losses = list(distillation_losses) if several else [distillation_losses]
        for loss in losses:
            if not isinstance(loss, DistillationLoss):
                raise ArgumentError(f"distillation_losses must hold distillation losses. Received: {loss!r}")
            loss.validate_model_compatibility(teacher, student)
        weights = distillation_loss_weights
        weights = (
            [1.0] * len(losses) if weights is None else weights if isinstance(weights, (list, tuple)) else [weights]
        )
        if len(weights) != len(losses):
            raise ArgumentError(
                f"distillation_loss_weights must have one number for each of the {len(losses)} distillation_losses. "
                f"Received: {len(weights)}"
            )
        if not 0 <= student_loss_weight <= 1:
            raise ArgumentError(f"student_loss_weight must be from 0 to 1. Received: {student_loss_weight=}")
        teacher.trainable = False
        self.teacher = teacher
        self.student = student
        self.distillation_losses = losses
        self.distillation_loss_weights = [float(w) for w in weights]
        self.student_loss_weight = float(student_loss_weight)
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")
        # Each model that also gives the outputs of the layers which losses name.
        self._watching = {
            "teacher": _watching(teacher, [loss.teacher_layer_name for loss in losses]),
            "student": _watching(student, [loss.student_layer_name for loss in losses]),
        }
        if teacher.built and student.built:
            self.built = True
            self._build_shapes = {"input_shape": student.input_shape} if student.graph is not None else None

    def compile(  # type: ignore[override]
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Say how the student is trained.

        Args:
            optimizer: as in `Model.compile`.
            loss: the student's loss on the targets.
            metrics: as in `Model.compile`, of the student's outputs.
            **kwargs: further arguments of `Model.compile`.

        Raises:
            ArgumentError: no loss.
        """
        if loss is None:
            raise ArgumentError("loss must be the student's loss on the targets. Received: loss=None")
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """The student's outputs."""
        outputs, features = _run(self.student, self._watching["student"], inputs, training)
        # For compute_loss of the same step: another pass would draw other dropout masks.
        self.__dict__["_features"] = (outputs, features)
        return outputs

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The weighted sum of the student's loss and the distillation losses."""
        student_loss: Any = jnp.zeros((), "float32")
        if self.student_loss_weight > 0:
            student_loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        distance: Any = jnp.zeros((), "float32")
        if self.student_loss_weight < 1:
            distance = self._distance(x, y_pred, training)
        total = self.student_loss_weight * student_loss + (1 - self.student_loss_weight) * distance
        size = symbolic.flatten(y_pred)[0].shape[0]
        self.student_loss_tracker.update_state(student_loss, sample_weight=size)
        self.distillation_loss_tracker.update_state(distance, sample_weight=size)
        self.total_loss_tracker.update_state(total, sample_weight=size)
        return total

    def _distance(self, x: Any, y_pred: Any, training: bool) -> Any:
        last = self.__dict__.pop("_features", None)
        if last is None or last[0] is not y_pred:
            last = _run(self.student, self._watching["student"], x, training)
        taught, hints = _run(self.teacher, self._watching["teacher"], x, False)
        taught, hints = jax.tree.map(jax.lax.stop_gradient, (taught, hints))
        total: Any = jnp.zeros((), "float32")
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
            shown = taught if loss.teacher_layer_name is None else hints[loss.teacher_layer_name]
            made = y_pred if loss.student_layer_name is None else last[1][loss.student_layer_name]
            total = total + weight * loss.compute_loss(shown, made)
        return total

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, models and losses in their serialised spelling."""
        config = super().get_config()
        for name in ("teacher", "student"):
            config[name] = serialization.serialize(getattr(self, name))
        config["distillation_losses"] = [serialization.serialize(loss) for loss in self.distillation_losses]
        return config


def _watching(model: Model, names: list[str | None]) -> tuple[Any, list[str]]:
    """A model that gives, after `model`'s outputs, those of the named layers; None where none is named."""
    wanted = list(dict.fromkeys(name for name in names if name is not None))
    if not wanted:
        return None, wanted
    layers = [model.get_layer(name) for name in wanted]
    outputs = [*symbolic.flatten(model.output), *(layer.output for layer in layers)]
    return Model(model.input, outputs, name=f"{model.name}_watched"), wanted


def _run(
    model: Model, watching: tuple[Any, list[str]], inputs: Any, training: bool | None
) -> tuple[Any, dict[str, Any]]:
    """The outputs of `model`, and those of the layers that are watched by their names."""
    options = {"training": training} if training is not None and model._call_takes_training else {}
    watched, names = watching
    if watched is None:
        return model(inputs, **options), {}
    found = symbolic.flatten(watched(inputs, **({"training": training} if training is not None else {})))
    count = len(found) - len(names)
    rest = iter(found)
    outputs = symbolic.rebuild(model.output, lambda _: next(rest))
    return outputs, dict(zip(names, found[count:], strict=True))


def _check_shapes(teacher: Model, student: Model) -> None:
    """Refuse models whose inputs or outputs, as far as they are known, have different shapes."""
    if teacher.graph is None or student.graph is None:
        return
    for what, here, there in (
        ("input", teacher.inputs, student.inputs),
        ("output", teacher.outputs, student.outputs),
    ):
        shapes = [[t.shape for t in tensors] for tensors in (here, there)]
        if shapes[0] != shapes[1]:
            raise ShapeError(
                f"Teacher and student must have the same {what} shapes. Received: {shapes[0]} and {shapes[1]}"
            )
