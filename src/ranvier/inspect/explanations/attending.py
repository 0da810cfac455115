"""What attention layers compute, written out: queries, keys, values, scores, weights, and what they make."""

from __future__ import annotations

from typing import Any

from ...ops.attention import attention_scores, attention_weights, weighted_values
from .capture import Call
from .replays import Tap
from .twins import twin_of

__all__ = ["heads", "single"]

_WEIGHTS = "softmax of the scores over the keys: how much each query takes of each value; rows sum to 1"


def heads(call: Call, tap: Tap) -> Any:
    """`MultiHeadAttention` and `GroupedQueryAttention`."""
    layer = call.layer

    def attend(query: Any, key: Any, value: Any, mask: Any, scores_too: bool, training: Any) -> tuple[Any, Any]:
        names = ("place", "head", "feature")
        query = tap("queries", "Q", "what each place asks for, in each head", query, names)
        key = tap("keys", "K", "what each place answers to, in each head", key, names)
        value = tap("values", "V", "what each place has to give, in each head", value, names)
        axes = ("head", "query", "key")
        meaning = "Q·Kᵀ / √features: how well each key answers each query"
        scores = tap("scores", "S", meaning, attention_scores(query, key), axes)
        # The layer's fast path gives queries that may look nowhere the mean of all values, the others zeros.
        fast = not scores_too and not layer.dropout and layer._plain
        weights = attention_weights(scores, mask, nothing_seen="uniform" if fast else "zeros")
        weights = tap("weights", "A", _WEIGHTS, weights, axes)
        kept = layer._dropout_layer(weights, training=training)
        result = tap("attended", "A·V", "the values, averaged with the weights, in each head",
                     weighted_values(kept, value), names)  # fmt: skip
        return result, weights if scores_too else None

    return twin_of(layer, _attend=attend).call(*call.args, **call.kwargs)


def single(call: Call, tap: Tap) -> Any:
    """`Attention` and `AdditiveAttention`: one head without projections."""
    layer: Any = call.layer
    axes = ("query", "key")

    def scores(query: Any, key: Any) -> Any:
        return tap("scores", "S", "how well each key answers each query", type(layer).scores(layer, query, key), axes)

    def dropped(weights: Any, training: Any = None) -> Any:
        return layer._dropout_layer(tap("weights", "A", _WEIGHTS, weights, axes), training=training)

    return twin_of(layer, scores=scores, _dropout_layer=dropped).call(*call.args, **call.kwargs)
