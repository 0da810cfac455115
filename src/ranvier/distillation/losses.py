"""What a student is to take over from its teacher: its outputs, or features on the way to them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core import serialization
from ..core.configurable import Configurable
from ..core.errors import ArgumentError, NotDefinedError, ShapeError
from ..losses import KLDivergence, Loss, kl_divergence
from ..losses import get as get_loss
from ..ops import symbolic

__all__ = ["DistillationLoss", "FeatureDistillation", "LogitsDistillation"]


class DistillationLoss:
    """Base of these losses: subclass it with ``compute_loss(self, teacher_outputs, student_outputs, **kwargs)``."""

    #: The layers whose outputs are compared; None: the models' outputs.
    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The scalar that tells how far the student is from its teacher; every distillation loss overrides it."""
        raise NotDefinedError(
            f"{type(self).__name__} must define compute_loss(self, teacher_outputs, student_outputs)."
        )

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs that cannot be compared: by default those of different structures."""
        here, there = symbolic.flatten(teacher_outputs), symbolic.flatten(student_outputs)
        if len(here) != len(there):
            raise ArgumentError(f"The teacher has {len(here)} outputs to compare, the student {len(there)}.")
        structures = [jax.tree.structure(outputs) for outputs in (teacher_outputs, student_outputs)]
        if structures[0] != structures[1]:
            raise ArgumentError(
                f"Teacher and student must give outputs of the same structure. Received: {structures[0]} of the teacher, "
                f"{structures[1]} of the student"
            )

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models that do not have what is compared; by default any two will do."""


class _Comparison(DistillationLoss, Configurable):
    """A distillation loss that compares outputs by an ordinary loss, or by one for each of several outputs."""

    keras_module = "keras.distillation"
    loss: Any

    def _take(self, loss: Any) -> None:
        self.loss = symbolic.rebuild(loss, get_loss)
        if not symbolic.flatten(self.loss):
            raise ArgumentError(f"loss must name at least one loss. Received: loss={loss!r}")

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The sum over the outputs of the mean of their loss, with the teacher's outputs as targets."""
        self.validate_outputs(teacher_outputs, student_outputs)
        total = jnp.zeros((), "float32")
        for loss, target, output in self._triples(teacher_outputs, student_outputs):
            if loss is not None:
                total = total + self._compare(loss, jax.lax.stop_gradient(jnp.asarray(target)), jnp.asarray(output))
        return total

    def _triples(self, teacher_outputs: Any, student_outputs: Any) -> list[tuple[Any, Any, Any]]:
        if isinstance(self.loss, dict):
            missing = [k for k in self.loss if k not in teacher_outputs or k not in student_outputs]
            if missing:
                raise ArgumentError(f"loss has the keys {missing}, which are not outputs of both models.")
            return [(loss, teacher_outputs[k], student_outputs[k]) for k, loss in self.loss.items()]
        targets, outputs = symbolic.flatten(teacher_outputs), symbolic.flatten(student_outputs)
        losses = self.loss if isinstance(self.loss, (list, tuple)) else [self.loss] * len(targets)
        if len(losses) != len(targets):
            raise ArgumentError(f"loss has {len(losses)} entries for {len(targets)} outputs.")
        return list(zip(losses, targets, outputs, strict=True))

    def _compare(self, loss: Any, target: Any, output: Any) -> Any:
        if target.shape != output.shape:
            raise ShapeError(f"{type(self).__name__} compares {target.shape} of the teacher with {output.shape}.")
        return jnp.mean(jnp.asarray(loss(target, output)))

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.loss if name == "loss" else super()._config_value(name, declared_by)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, losses in their serialised spelling."""
        return {**super().get_config(), "loss": serialization.serialize(self.loss)}


class LogitsDistillation(_Comparison):
    r"""The student's logits :math:`s` are to be the teacher's logits :math:`t`, both softened by a temperature :math:`T`.

    By Kullback–Leibler divergence: :math:`T^2\,\mathrm{KL}(\mathrm{softmax}(t/T)\,\|\,\mathrm{softmax}(s/T))`, where
    :math:`T^2` keeps the gradients' size (Hinton et al., 2015, *Distilling the Knowledge in a Neural Network*). Other
    losses are given :math:`t/T` and :math:`s/T`. (Keras takes the softmax only for a `KLDivergence` object; given the name, its
    default, it compares raw logits as if they were probabilities.)

    Args:
        temperature: a positive number; the higher, the softer.
        loss: a name, function or loss, or a list or dict of them by output; None entries are left out.

    Raises:
        ArgumentError: a temperature that is not positive, or no loss.

    >>> import numpy as np
    >>> logits = np.array([[2.0, 0.0]], "float32")
    >>> float(LogitsDistillation().compute_loss(logits, logits))
    0.0
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence"):
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not temperature > 0:
            raise ArgumentError(f"temperature must be a positive number. Received: temperature={temperature!r}")
        self.temperature = temperature
        self._take(loss)

    def _compare(self, loss: Any, target: Any, output: Any) -> Any:
        target, output = target / self.temperature, output / self.temperature
        if loss is kl_divergence or isinstance(loss, KLDivergence):
            target, output = jax.nn.softmax(target), jax.nn.softmax(output)
            return super()._compare(loss, target, output) * self.temperature**2
        return super()._compare(loss, target, output)


class FeatureDistillation(_Comparison):
    """Outputs of a layer of the student are to be those of a layer of the teacher, of the same shape.

    Reference: Romero et al., FitNets: Hints for Thin Deep Nets, 2015.

    Args:
        loss: a name, function or loss.
        teacher_layer_name: the teacher's layer; None: its outputs.
        student_layer_name: the student's layer; None: its outputs.

    >>> import numpy as np
    >>> float(FeatureDistillation().compute_loss(np.ones((2, 3)), np.zeros((2, 3))))
    1.0
    """

    def __init__(self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None):
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name
        self._take(loss)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models without the named layers, or without a graph to look for them in."""
        for who, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if getattr(model, "graph", None) is None:
                raise ArgumentError(
                    f"The {who} must be a functional or a built Sequential model, to take a layer's outputs."
                )
            known = [layer.name for layer in model.layers]
            if name not in known:
                raise ArgumentError(f"The {who} has no layer {name!r}. Its layers are: {known}")


def is_loss(thing: Any) -> bool:
    """Whether `thing` can be asked as a distillation loss."""
    return isinstance(thing, DistillationLoss) and not isinstance(thing, Loss)
