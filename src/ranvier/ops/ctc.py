"""Connectionist temporal classification: the probability of a sequence of labels under all its alignments in time."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core.errors import ShapeError
from .symbolic import op
from .tensors import tensor

__all__ = ["ctc", "ctc_loss"]

_LOG_ZERO = -1e5  # finite, so that gradients through impossible alignments stay numbers


@op
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """−log p(target | output), summed over all alignments: Graves et al., 2006, equations 6 to 8.

    Args:
        target: labels, (batch, labels), padded at the end.
        output: logits, (batch, time, classes).
        target_length: how many labels of each row count, (batch,).
        output_length: how many time steps of each row count, (batch,).
        mask_index: the class that stands for "no label here".

    Returns:
        (batch,) losses.

    Raises:
        ShapeError: other ranks or batch sizes.
    """
    labels, logits = jnp.asarray(tensor(target)).astype("int32"), jnp.asarray(tensor(output))
    if labels.ndim != 2 or logits.ndim != 3 or labels.shape[0] != logits.shape[0]:
        raise ShapeError(
            "CTC takes targets of shape (batch, labels) and outputs of shape (batch, time, classes). Received: "
            f"{labels.shape} and {logits.shape}"
        )
    batch, steps, _ = logits.shape
    label_count = jnp.asarray(tensor(target_length)).astype("int32")
    step_count = jnp.asarray(tensor(output_length)).astype("int32")
    log_p = jax.nn.log_softmax(logits, axis=-1)

    # Between, before and after the labels may stand blanks: states b l₁ b l₂ … b.
    states = jnp.full((batch, 2 * labels.shape[1] + 1), mask_index, "int32").at[:, 1::2].set(labels)
    emitted = jnp.take_along_axis(log_p, jnp.broadcast_to(states[:, None, :], (batch, steps, states.shape[1])), axis=2)
    # A state is reached from itself, the one before, and the one before that unless this would drop a blank needed
    # between equal labels, or a label.
    two_before = jnp.pad(states, ((0, 0), (2, 0)), constant_values=mask_index)[:, : states.shape[1]]
    may_skip = (states != mask_index) & (states != two_before)

    def shifted(alpha: Any, by: int) -> Any:
        return jnp.pad(alpha, ((0, 0), (by, 0)), constant_values=_LOG_ZERO)[:, : alpha.shape[1]]

    def step(alpha: Any, inputs: Any) -> tuple[Any, None]:
        t, now = inputs
        reached = jnp.logaddexp(alpha, shifted(alpha, 1))
        reached = jnp.where(may_skip, jnp.logaddexp(reached, shifted(alpha, 2)), reached)
        return jnp.where((t < step_count)[:, None], reached + now, alpha), None

    start = jnp.full(states.shape, _LOG_ZERO, log_p.dtype).at[:, :2].set(jnp.zeros((), log_p.dtype))
    alpha = start + emitted[:, 0]
    times = jnp.arange(1, steps, dtype="int32")
    alpha, _ = jax.lax.scan(step, alpha, (times, jnp.moveaxis(emitted[:, 1:], 1, 0)))

    last = jnp.take_along_axis(alpha, 2 * label_count[:, None], axis=1)[:, 0]
    before = jnp.take_along_axis(alpha, jnp.maximum(2 * label_count - 1, 0)[:, None], axis=1)[:, 0]
    return -jnp.where(label_count > 0, jnp.logaddexp(last, before), last)


@op
def ctc(y_true: Any, y_pred: Any) -> Any:
    """CTC of logits over all time steps; 0 pads the labels and is the blank.

    Args:
        y_true: labels from 1 on, (batch, labels), padded at the end with 0.
        y_pred: logits, (batch, time, classes).
    """
    labels, logits = jnp.asarray(tensor(y_true)), jnp.asarray(tensor(y_pred))
    if labels.ndim != 2 or logits.ndim != 3:
        raise ShapeError(
            "ctc takes y_true of shape (batch, labels) and y_pred of shape (batch, time, classes). Received: "
            f"{labels.shape} and {logits.shape}"
        )
    label_count = jnp.sum((labels != 0).astype("int32"), axis=-1, dtype="int32")
    return ctc_loss(labels, logits, label_count, jnp.full(logits.shape[:1], logits.shape[1], "int32"), 0)
