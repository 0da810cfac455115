"""From a network's logits over time to sequences of labels: best path and prefix beam search."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core.errors import ArgumentError, ShapeError
from .symbolic import op
from .tensors import as_array, as_float

__all__ = ["ctc_decode"]

_NEVER = -1e30  # the logarithm of a probability of 0, finite so that differences stay numbers


@op
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> Any:
    """The likeliest sequences of labels under connectionist temporal classification.

    Args:
        inputs: logits, (batch, time, classes).
        sequence_lengths: how many time steps of each row count, (batch,).
        strategy: ``"greedy"``: the likeliest class at each step (Graves et al., 2006, section 3.2);
            ``"beam_search"``: the likeliest sequences, each summed over its alignments.
        beam_width: how many prefixes the beam search keeps.
        top_paths: how many sequences the beam search gives.
        merge_repeated: whether a class at consecutive steps counts as one label; for ``"greedy"``.
        mask_index: the class that stands for "no label here".

    Returns:
        Labels, (1 or top_paths, batch, time), filled up with −1; and scores: for ``"greedy"`` (batch, 1), minus the sum
        of the largest logits, for ``"beam_search"`` (batch, top_paths), logarithms of probabilities.

    Raises:
        ShapeError: other ranks or batch sizes.
        ArgumentError: an unknown strategy, more paths than beams, a mask_index that names no class.
    """
    logits, lengths = as_float(inputs), as_array(sequence_lengths).astype("int32")
    if logits.ndim != 3 or lengths.shape != logits.shape[:1]:
        raise ShapeError(
            "inputs must have shape (batch, time, classes), sequence_lengths (batch,). "
            f"Received: {logits.shape} and {lengths.shape}"
        )
    if not 0 <= mask_index < logits.shape[-1]:
        raise ArgumentError(f"mask_index must name one of the {logits.shape[-1]} classes. Received: {mask_index}")
    if strategy == "greedy":
        return _best_path(logits, lengths, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise ArgumentError(f"strategy must be 'greedy' or 'beam_search'. Received: strategy={strategy!r}")
    if not 1 <= top_paths <= beam_width:
        raise ArgumentError(f"top_paths must lie between 1 and beam_width={beam_width}. Received: {top_paths}")
    search = jax.vmap(lambda row, length: _beam_search(jax.nn.log_softmax(row), length, beam_width, mask_index))
    labels, scores = search(logits, lengths)
    return jnp.moveaxis(labels[:, :top_paths], 0, 1), scores[:, :top_paths]


def _best_path(logits: Any, lengths: Any, merge_repeated: bool, blank: int) -> tuple[Any, Any]:
    counts = jnp.arange(logits.shape[1], dtype="int32")[None, :] < lengths[:, None]
    labels = jnp.argmax(logits, axis=-1).astype("int32")
    score = -jnp.sum(jnp.where(counts, jnp.max(logits, axis=-1), 0), axis=1, keepdims=True)
    keep = counts & (labels != blank)
    if merge_repeated:
        keep = keep & jnp.pad(labels[:, 1:] != labels[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    order = jnp.argsort(~keep, axis=1, stable=True)  # what is kept moves to the front, in its order
    moved, kept = (jnp.take_along_axis(v, order, axis=1) for v in (labels, keep))
    return jnp.where(kept, moved, -1)[None], score


def _beam_search(log_p: Any, length: Any, width: int, blank: int) -> tuple[Any, Any]:
    """The `width` likeliest prefixes of one sequence: labels (width, time) and log-probabilities (width,).

    Each prefix carries the probability of its alignments that end in a blank and of those that end in its last label.
    """
    steps, classes = log_p.shape
    prefixes = jnp.full((width, steps), -1, "int32")
    sizes = jnp.zeros(width, "int32")
    first = jnp.arange(width, dtype="int32") == 0
    in_blank = jnp.where(first, 0.0, _NEVER).astype(log_p.dtype)
    in_label = jnp.full(width, _NEVER, log_p.dtype)

    def step(state: Any, inputs: Any) -> tuple[Any, None]:
        prefixes, sizes, in_blank, in_label = state
        t, now = inputs
        total = jnp.logaddexp(in_blank, in_label)
        last = jnp.take_along_axis(prefixes, jnp.maximum(sizes - 1, 0)[:, None], axis=1)[:, 0]  # −1 for none
        # Every prefix grows by every class; by its own last label only after a blank.
        same = last[:, None] == jnp.arange(classes, dtype="int32")[None, :]
        grown = jnp.where(same, in_blank[:, None], total[:, None]) + now[None, :]
        grown = grown.at[:, blank].set(_NEVER)
        # Or it stays: by a blank, by its last label again, or as what another kept prefix grows into.
        shorter = jnp.where(jnp.arange(steps, dtype="int32")[None, :] == sizes[:, None] - 1, -1, prefixes)
        child = (shorter[None, :, :] == prefixes[:, None, :]).all(-1) & (sizes[None, :] == sizes[:, None] + 1)
        child = child & (total > _NEVER / 2)[None, :] & (total > _NEVER / 2)[:, None]
        arriving = jnp.where(child, grown[:, jnp.maximum(last, 0)], _NEVER)
        again = in_label + jnp.where(last >= 0, now[last], _NEVER)
        stay_label = jnp.logaddexp(again, jax.nn.logsumexp(arriving, axis=0))
        stay_blank = total + now[blank]
        joined = (child[:, :, None] & (last[:, None] == jnp.arange(classes, dtype="int32")[None, :])[None]).any(1)
        grown = jnp.where(joined, _NEVER, grown)
        # The best `width` of those that stay and those that grow.
        scores = jnp.concatenate([jnp.logaddexp(stay_blank, stay_label), grown.ravel()])
        best = jax.lax.top_k(scores, width)[1]
        stays = best < width
        parent = jnp.where(stays, best, (best - width) // classes)
        label = ((best - width) % classes).astype("int32")
        place = jnp.arange(steps, dtype="int32")[None, :] == sizes[parent][:, None]
        new = (
            jnp.where(place & ~stays[:, None], label[:, None], prefixes[parent]),
            sizes[parent] + (~stays).astype("int32"),
            jnp.maximum(jnp.where(stays, stay_blank[parent], _NEVER), _NEVER),
            jnp.maximum(jnp.where(stays, stay_label[parent], scores[best]), _NEVER),
        )
        return jax.tree.map(lambda a, b: jnp.where(t < length, a, b), new, state), None

    times = jnp.arange(steps, dtype="int32")
    state, _ = jax.lax.scan(step, (prefixes, sizes, in_blank, in_label), (times, log_p))
    prefixes, _, in_blank, in_label = state
    scores, order = jax.lax.top_k(jnp.logaddexp(in_blank, in_label), width)
    return prefixes[order], scores
