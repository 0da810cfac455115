"""Explanations as text: aligned tables that read like the calculation on paper."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "array_text", "chain_text", "explanation_text", "grid_lines", "index_text", "layer_text", "neuron_lines", "number",
    "quantity_line", "table",
]  # fmt: skip

_WIDTH = 100


def number(value: float | None, digits: int = 5) -> str:
    """A number in a few characters.

    >>> number(0.04742587), number(-2.0), number(1234567.0), number(0.000012345)
    ('0.047426', '-2', '1.2346e+06', '1.2345e-05')
    """
    if value is None:
        return "–"
    return f"{value:.{digits}g}"


def index_text(index: tuple[int, ...] | None) -> str:
    """``[2, 3]``; "" for a number that stands alone."""
    return "" if not index else "[" + ", ".join(map(str, index)) + "]"


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "1"


def array_text(values: np.ndarray, most: int = 8) -> str:
    """A small array in full, a large one by its range."""
    if values.dtype.kind not in "fiub":
        shown = ", ".join(repr(str(v)) for v in values.ravel()[:most])
        return f"[{shown}{', …' if values.size > most else ''}]"
    if not values.ndim:
        return number(values.item())
    if not values.size:
        return "empty"
    if values.size <= most:
        return _nested(values)
    wide = values.astype("float64")
    finite = wide[np.isfinite(wide)]
    odd = "" if finite.size == wide.size else f", {wide.size - finite.size} not finite"
    if not finite.size:
        return f"{_shape(values.shape)} numbers, none finite"
    return (
        f"{_shape(values.shape)} numbers from {number(float(finite.min()))} to {number(float(finite.max()))}, "
        f"mean {number(float(finite.mean()))}{odd}"
    )


def _nested(values: np.ndarray) -> str:
    if not values.ndim:
        return number(float(values))
    return "[" + ", ".join(_nested(part) for part in values) + "]"


def grid_lines(quantity: Any) -> list[str]:
    """A matrix, or the matrices of attention's heads, in full if they are not too large; otherwise nothing."""
    value, axes = quantity.value, quantity.axes
    if value.ndim == 3 and axes[0] == "head" and len(value) <= 4:
        parts = [(f"{quantity.symbol} of head {i}", part) for i, part in enumerate(value)]
    else:
        parts = [(quantity.symbol, value)]
    if parts[0][1].ndim != 2 or max(parts[0][1].shape) > 10 or value.dtype.kind != "f":
        return []
    lines = []
    for name, matrix in parts:
        rows = [[number(float(v), 4) for v in row] for row in matrix]
        lines += [f"{name}  ({axes[-2]} down, {axes[-1]} across)" if axes[-1] else name]
        lines += ["  " + line for line in table(rows, "r" * matrix.shape[1])]
    return lines


def quantity_line(quantity: Any) -> str:
    """A quantity and its gradient in a line."""
    line = f"{quantity.symbol} = {array_text(quantity.value)}"
    if quantity.gradient is not None:
        line += f"   ∂L/∂{quantity.symbol} = {array_text(quantity.gradient)}"
    return line


def table(rows: list[list[str]], align: str) -> list[str]:
    """Rows as aligned lines; `align` holds l or r for each column."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(align))]
    return [
        " ".join(
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(row, widths, align, strict=True)
        ).rstrip()
        for row in rows
    ]


def neuron_lines(neuron: Any) -> list[str]:
    """One neuron's arithmetic."""
    differentiated = neuron.output_gradient is not None
    rows = []
    for term in neuron.terms:
        weight = "" if term.weight is None else "×"
        where = f"{neuron.weight_name}{index_text(term.weight_index)}" if term.weight_index is not None else "share"
        rows.append(
            [
                f"{term.source}{index_text(term.input_index)}" if term.input_index is not None else f"Σ {term.source}",
                number(term.input), weight, where if weight else "", number(term.weight) if weight else "",
                "=" if weight else "", number(term.product) if weight else "",
                f"∂L/∂{where}" if term.gradient is not None else "",
                number(term.gradient) if term.gradient is not None else "",
            ]
        )  # fmt: skip
    hidden = neuron.terms_total - len(neuron.terms)
    if hidden:
        rows.append(["…", f"{hidden:,} more", "", "", "", "=" if neuron.combine == "sum" else "",
                     number(neuron.rest) if neuron.combine == "sum" else "", "", ""])  # fmt: skip
    closing = []
    if neuron.bias is not None:
        closing.append(["+ bias", number(neuron.bias), "∂L/∂bias", neuron.bias_gradient])
    how = {"sum": "sum", "product": "product", "max": "largest", "min": "smallest"}[neuron.combine]
    if neuron.activation is None:
        closing.append([f"= {how}", number(neuron.output), "∂L/∂output", neuron.output_gradient])
    else:
        closing.append([f"= {how}", number(neuron.sum), "∂L/∂sum", neuron.sum_gradient])
        closing.append([f"{neuron.activation}(sum)", number(neuron.output), "∂L/∂output", neuron.output_gradient])
    rows += [
        [name, "", "", "", "", "", value, by if differentiated and g is not None else "",
         number(g) if differentiated and g is not None else ""]
        for name, value, by, g in closing
    ]  # fmt: skip
    if neuron.slope is not None:
        rows[-1][4:6] = [f"slope {number(neuron.slope)}", ""]
    title = f"neuron {index_text(neuron.index) or ''}".rstrip()
    return [title, *("  " + line for line in table(rows, "lrllrlrlr"))]


def layer_text(layer: Any) -> str:
    """One layer: its formula, its quantities, its weights and its neurons."""
    shapes = f"{', '.join(_shape(q.shape) for q in layer.inputs)} → {', '.join(_shape(q.shape) for q in layer.outputs)}"
    head = f"{layer.key} · {layer.class_name} · {shapes}"
    if layer.calls > 1:
        head += f" · call {layer.call} of {layer.calls}"
    lines = [f"── {head} " + "─" * max(_WIDTH - len(head) - 4, 2)]
    lines += [f"   {text}" for text in (layer.formula, layer.note) if text]
    shown = [*layer.inputs, *layer.tensors, *(q for q in layer.outputs if all(q is not t for t in layer.tensors))]
    width = max((len(q.name) for q in shown), default=0)
    for quantity in shown:
        named = any(quantity is q for q in layer.tensors) and quantity.name != "sum"
        meaning = f"   ({quantity.meaning})" if named else ""
        lines.append(f"   {quantity.name.ljust(width)}  {quantity_line(quantity)}{meaning}")
        if named and quantity.axes[-1:] != ("",) and quantity.value.size > 8:
            lines += ["      " + line for line in grid_lines(quantity)]
    for weight in layer.weights:
        still = "" if weight.trainable else " (not trained)"
        line = f"   {weight.name}{still}: {array_text(weight.value)}"
        if weight.gradient is not None and weight.trainable:
            line += f"   ∂L/∂{weight.name}: {array_text(weight.gradient)}"
        lines.append(line)
    for neuron in layer.neurons:
        lines += ["", *("   " + line for line in neuron_lines(neuron))]
    total = int(np.prod(layer.neuron_shape)) if layer.has_neurons else 0
    if 0 < len(layer.neurons) < total:
        lines += ["", f"   … {total - len(layer.neurons):,} more neurons: explanation.neuron({layer.key!r}, index)"]
    return "\n".join(lines)


def _named(indent: str, entries: list[tuple[str, Any]]) -> list[str]:
    width = max((len(name) for name, _ in entries), default=0)
    return [f"{indent}{name.ljust(width)}  {quantity_line(q)}" for name, q in entries]


def explanation_text(explanation: Any) -> str:
    """A whole explanation."""
    mode = "in training" if explanation.training else "at inference"
    lines = [f"What '{explanation.model.name}' does with sample {explanation.index}, {mode}", ""]
    lines += _named("  ", [(q.name, q) for q in [*explanation.inputs, *explanation.outputs]])
    if explanation.loss is not None:
        loss = explanation.loss
        target = explanation.target
        lines.append(f"  target  y = {array_text(target) if isinstance(target, np.ndarray) else target}")
        split = f" = {number(loss['data'])} + penalties {number(loss['penalties'])}" if loss["penalties"] else ""
        lines.append(f"  loss    L = {number(loss['value'])}{split}   ({loss['name']})")
    return "\n".join([*lines, "", *(layer_text(layer) + "\n" for layer in explanation.layers)]).rstrip()


def chain_text(chain: Any) -> str:
    """One weight's chain, as on paper."""
    name = f"{chain.layer}.{chain.variable}{index_text(chain.weight)}"
    lines = [f"∂L/∂{name} = {number(chain.gradient)}   (the weight is {number(chain.value)})"]
    for i, path in enumerate(chain.paths):
        if chain.paths_total > 1:
            lines += ["", f"path {i + 1} of {chain.paths_total:,}"]
        else:
            lines.append("")
        rows = [
            ["×" if j else "", factor.symbol, "=" if factor.formula else "", factor.formula, "=", number(factor.value)]
            for j, factor in enumerate(path.factors)
        ]
        rows.append(["=", "", "", "", "", number(path.product)])
        lines += ["  " + line for line in table(rows, "lllllr")]
    hidden = chain.paths_total - len(chain.paths)
    if hidden > 0:
        lines += ["", f"… {hidden:,} more paths, together {number(chain.rest)}"]
    if chain.paths_total > 1:
        lines += ["", f"the sum over all paths is {number(chain.total)}"]
    return "\n".join(lines)
