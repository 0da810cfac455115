"""What is known about each kind of layer: its formula, a sentence on what it does, and its quantities written out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ... import activations as activation_functions
from ... import layers
from ...layers.preparation.normalization import Normalization
from ...layers.recurrent.rnn import RNN
from ...ops import symbolic
from . import attending, normalizing, recurring
from .capture import Call, has_own_code
from .operations import own_steps
from .replays import Replica, Tap, arguments_of
from .terms import ACTIVATIONS, separable_middle
from .twins import kernel_name

__all__ = ["activation_name", "formula_of", "is_transparent", "note_of", "replica_of"]


class _Rule(NamedTuple):
    formula: str | Callable[[Any], str] = ""
    replica: Replica | None = None


def _dropped(call: Call, tap: Tap) -> Any:
    """What `Dropout` multiplies its inputs by: a layer on ones shows it."""
    layer, x = call.layer, arguments_of(call)["inputs"]
    if not arguments_of(call)["training"]:
        return x
    kept = layer.call(jnp.ones_like(x), training=True)
    tap.note("kept", "m", "what each input is multiplied by: 0 where it is dropped, 1 / (1 − rate) where not", kept)
    return x * kept


def _noisy(call: Call, tap: Tap) -> Any:
    layer, x = call.layer, arguments_of(call)["inputs"]
    if not arguments_of(call)["training"]:
        return x
    if isinstance(layer, layers.GaussianNoise):
        noise = layer.call(jnp.zeros_like(x), training=True)
        tap.note("noise", "ε", "what is added to each input", noise)
        return x + noise
    noise = layer.call(jnp.ones_like(x), training=True)
    tap.note("noise", "m", "what each input is multiplied by", noise)
    return x * noise


def _through_depthwise(call: Call, tap: Tap) -> Any:
    tap.note("depthwise", "x ⋆ D", "each channel convolved by itself; the sums are over these", separable_middle(call))
    return call.outputs


def _normal(scale: str) -> Callable[[Any], str]:
    def formula(layer: Any) -> str:
        gamma = "γ·" if getattr(layer, "gamma", None) is not None else ""
        beta = " + β" if getattr(layer, "beta", None) is not None else ""
        top = "x" if getattr(layer, "rms_scaling", False) else "(x − μ)"
        return f"y = {gamma}{top} / √(σ² + ε){beta}" + scale

    return formula


_SCALED = "y = x·m"
_RULES: dict[Any, _Rule] = {
    cls.call: rule
    for classes, rule in (
        ([layers.BatchNormalization], _Rule(_normal(""), normalizing.batch)),
        ([layers.LayerNormalization], _Rule(_normal(""), normalizing.layer_wise)),
        ([layers.GroupNormalization], _Rule(_normal(""), normalizing.groups)),
        ([layers.RMSNormalization], _Rule("y = scale·x / √(mean x² + ε)", normalizing.root_mean_square)),
        ([layers.UnitNormalization], _Rule("y = x / ‖x‖", normalizing.unit)),
        ([Normalization], _Rule(lambda layer: "y = μ + x·σ" if layer.invert else "y = (x − μ) / σ", normalizing.standardized)),
        ([RNN], _Rule("", recurring.steps)),
        ([layers.MultiHeadAttention, layers.GroupedQueryAttention],
         _Rule("y = [softmax(Q·Kᵀ / √d)·V in each head]·Wₒ", attending.heads)),
        ([layers.Attention, layers.AdditiveAttention], _Rule("y = softmax(S)·V", attending.single)),
        ([layers.Dropout], _Rule(_SCALED, _dropped)),
        ([layers.GaussianDropout], _Rule(_SCALED, _noisy)),
        ([layers.GaussianNoise], _Rule("y = x + ε", _noisy)),
        ([layers.SeparableConv1D, layers.SeparableConv2D], _Rule("", _through_depthwise)),
        ([layers.Embedding], _Rule("y = E[x]")),
        ([layers.Flatten, layers.Reshape, layers.Permute, layers.Identity], _Rule("y = x")),
    )
    for cls in classes
}  # fmt: skip
_CELLS = {
    "SimpleRNN": "h = φ(x·W + h·U + b)",
    "LSTM": "c = f·c + i·g,  h = o·φ(c)",
    "GRU": "h = z·h + (1 − z)·ĥ",
}
_CELLS |= {f"ConvLSTM{rank}D": f"{_CELLS['LSTM']},  products are ⋆" for rank in (1, 2, 3)}
_MERGES = {
    "Add": " + ", "Subtract": " − ", "Multiply": " · ", "Average": " + ", "Maximum": ", ", "Minimum": ", ",
    "Concatenate": " ; ",
}  # fmt: skip


def _rule(layer: Any) -> _Rule:
    return _RULES.get(getattr(type(layer), "call", None), _Rule())


def replica_of(call: Call) -> Replica | None:
    """How the call's quantities are written out; None where there is nothing between input and output to show."""
    layer = call.layer
    if isinstance(layer, RNN) and not recurring.has_gates(call):
        return None
    if getattr(layer, "flash_attention", None):
        return None  # the fused kernel never holds the scores
    if has_own_code(layer) and not is_builtin_call(layer) and not call.children and not _holds_texts(call):
        return own_steps
    return _rule(layer).replica


def is_builtin_call(layer: Any) -> bool:
    """Whether a subclass has left `call` as it was."""
    return type(layer).call.__module__.split(".")[0] == __name__.split(".")[0]


def _holds_texts(call: Call) -> bool:
    return any(
        getattr(leaf, "dtype", np.dtype(float)).kind in "OUS" for leaf in symbolic.flatten((call.args, call.kwargs))
    )


def activation_name(layer: Any) -> str | None:
    """The name of the activation at a layer's end; None without one (linear counts as none)."""
    if any(isinstance(layer, cls) and type(layer).call is cls.call for cls in ACTIVATIONS):
        function = getattr(layer, "activation", None)
        return type(layer).__name__.lower() if function is None else _name(function)
    if kernel_name(layer) is None or layer.activation is activation_functions.linear:
        return None
    return _name(layer.activation)


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or getattr(function, "name", None) or type(function).__name__


def formula_of(layer: Any) -> str:
    """The layer's mathematics in a line; "" where there is none to show."""
    kind = type(layer).__name__
    activation = activation_name(layer)
    if (kernel := kernel_name(layer)) is not None:
        mark = {"_kernel": "x·W", "kernel": "x ⋆ K", "pointwise_kernel": "(x ⋆ D) ⋆ P"}[kernel]
        if kernel == "kernel" and kind.endswith("Transpose"):
            mark = "x ⋆ᵀ K"
        inner = mark + (" + b" if layer.bias is not None else "")
        return f"a = {activation}({inner})" if activation else f"a = {inner}"
    if activation is not None:
        return f"a = {activation}(x)"
    if isinstance(layer, RNN):
        return _CELLS.get(kind, "")
    if kind in _MERGES and isinstance(layer, getattr(layers, kind)):
        return _merge_formula(kind)
    if "Pooling" in kind and kind in layers.__all__:
        return (
            f"y = {'max' if 'Max' in kind else 'mean'} of x over {'all places' if 'Global' in kind else 'the window'}"
        )
    formula = _rule(layer).formula
    return formula if isinstance(formula, str) else formula(layer)


def _merge_formula(kind: str) -> str:
    names = _MERGES[kind].join(["x0", "x1"] if kind == "Subtract" else ["x0", "x1", "…"])
    return {
        "Average": f"y = ({names}) / n", "Maximum": f"y = max({names})", "Minimum": f"y = min({names})",
        "Concatenate": f"y = [{names}]",
    }.get(kind, f"y = {names}")  # fmt: skip


def note_of(call: Call) -> str:
    """A sentence on the layer: what this call did, or what the layer is for."""
    layer = call.layer
    if isinstance(layer, layers.Embedding) and not call.kwargs.get("reverse"):
        rows = np.asarray(symbolic.flatten(call.args)[0]).ravel()
        listed = ", ".join(str(int(r)) for r in rows[:12]) + (", …" if len(rows) > 12 else "")
        return f"Looks up row{'s' if len(rows) > 1 else ''} {listed} of a table of {layer.input_dim} rows."
    if _rule(layer).replica in (_dropped, _noisy) and not call.training:
        return "Passes its inputs on unchanged: it disturbs them in training only."
    if isinstance(layer, RNN) and layer.go_backwards:
        return "Goes through time from the end: the steps are listed in the order in which they were made."
    if getattr(layer, "lora_enabled", False):
        return "The weights shown are W + (α / r)·A·B: the frozen weight with its low-rank addition."
    if not formula_of(layer) and type(layer).__module__.startswith(f"{layers.__name__}."):
        return (inspect.getdoc(type(layer)) or "").split("\n", 1)[0].split("   ")[0].replace("`", "")
    return ""


_TRANSPARENT = {
    cls.call  # type: ignore[attr-defined]
    for cls in (layers.Flatten, layers.Reshape, layers.Identity, layers.ActivityRegularization)
}  # fmt: skip


def is_transparent(call: Call) -> bool:
    """Whether the call passes every number on as it is, only perhaps in another shape."""
    quiet = _rule(call.layer).replica in (_dropped, _noisy) and not call.training
    return quiet or getattr(type(call.layer), "call", None) in _TRANSPARENT
