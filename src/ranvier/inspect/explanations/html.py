"""Explanations as HTML for notebooks: self-contained, without scripts, everything escaped, light and dark."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from .text import array_text, index_text, number

__all__ = ["chain_html", "explanation_html", "heat_map", "layer_html", "layer_page", "neuron_html", "neuron_page"]

_STYLE = """<style>
.rv-explain{font:13px/1.45 system-ui,sans-serif;max-width:62em}
.rv-explain details{border:1px solid #8884;border-radius:6px;margin:4px 0;padding:2px 10px}
.rv-explain summary{cursor:pointer;padding:3px 0}
.rv-explain table{border-collapse:collapse;margin:4px 0 8px;width:auto}
.rv-explain td,.rv-explain th{padding:1px 8px;text-align:left;border:0;background:none}
.rv-explain td.n{text-align:right;font-variant-numeric:tabular-nums;font-family:ui-monospace,monospace}
.rv-explain tr.t td{border-top:1px solid #8886}
.rv-explain .q{opacity:.7}
.rv-explain code{font-family:ui-monospace,monospace;background:none}
.rv-explain svg{vertical-align:middle;margin:2px}
.rv-explain .g{color:#b3541e}
</style>"""


def _e(text: Any) -> str:
    return html.escape(str(text))


def _n(value: float | None, gradient: bool = False) -> str:
    return f'<td class="n{" g" if gradient else ""}">{"" if value is None else _e(number(value))}</td>'


def heat_map(values: np.ndarray, cell: int = 6) -> str:
    """A matrix of at most 32 × 32 numbers as a small picture, orange above zero and blue below; "" for others."""
    if values.ndim != 2 or not values.size or max(values.shape) > 32 or values.dtype.kind not in "fiub":
        return ""
    wide = values.astype("float64")
    if not np.isfinite(wide).all():
        return ""
    most = float(np.abs(wide).max()) or 1.0
    height, width = (s * cell for s in wide.shape)
    parts = [
        f'<rect x="{j * cell}" y="{i * cell}" width="{cell}" height="{cell}" '
        f'fill="{"#e0701a" if v > 0 else "#2a6fbf"}" fill-opacity="{abs(v) / most:.2f}"/>'
        for (i, j), v in np.ndenumerate(wide)
        if v
    ]
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="{wide.shape[0]} by {wide.shape[1]} numbers">'
        f'<rect width="{width}" height="{height}" fill="none" stroke="#8888"/>{"".join(parts)}</svg>'
    )


def _maps(quantity: Any, most: int = 6) -> str:
    """Pictures of a matrix, of the channels of an image, or of the heads of attention."""
    values = quantity.value
    if values.ndim == 2 and min(values.shape) > 1:
        return heat_map(values)
    if values.ndim != 3:
        return ""
    channels = values if quantity.axes[0] == "head" else np.moveaxis(values, -1, 0)
    if min(channels.shape[1:]) < 2:
        return ""
    return "".join(heat_map(channel) for channel in channels[:most])


def _quantities(quantities: list[Any]) -> str:
    rows = []
    for q in quantities:
        picture = _maps(q)
        gradient = (
            ""
            if q.gradient is None
            else f'<td class="g"><code>∂L/∂{_e(q.symbol)} = {_e(array_text(q.gradient))}</code></td>'
        )
        rows.append(
            f'<tr><td title="{_e(q.meaning)}">{_e(q.name)}</td><td><code>{_e(q.symbol)} = {_e(array_text(q.value))}</code>'
            f"{'<br>' + picture if picture else ''}</td>{gradient}</tr>"
        )
    return f"<table>{''.join(rows)}</table>" if rows else ""


def neuron_html(neuron: Any) -> str:
    """One neuron's arithmetic as a table."""
    rows = []
    for term in neuron.terms:
        source = term.source + index_text(term.input_index) if term.input_index is not None else f"Σ {term.source}"
        where = "share" if term.weight_index is None else f"{neuron.weight_name}{index_text(term.weight_index)}"
        weighted = (
            f"<td>× <code>{_e(where)}</code></td>{_n(term.weight)}" if term.weight is not None else "<td></td><td></td>"
        )
        rows.append(
            f"<tr><td><code>{_e(source)}</code></td>{_n(term.input)}{weighted}{_n(term.product)}{_n(term.gradient, True)}</tr>"
        )
    if (hidden := neuron.terms_total - len(neuron.terms)) > 0:
        rest = neuron.rest if neuron.combine == "sum" else None
        rows.append(f'<tr class="q"><td>… {hidden:,} more</td><td></td><td></td><td></td>{_n(rest)}<td></td></tr>')
    how = {"sum": "sum", "product": "product", "max": "largest", "min": "smallest"}[neuron.combine]
    closing = [("bias", neuron.bias, neuron.bias_gradient)] if neuron.bias is not None else []
    if neuron.activation is not None:
        closing.append((how, neuron.sum, neuron.sum_gradient))
    last = how if neuron.activation is None else f"{neuron.activation}(sum)"
    closing.append((last, neuron.output, neuron.output_gradient))
    rows += [
        f'<tr{" class=t" if not i else ""}><td colspan="4">{_e(name)}</td>{_n(value)}{_n(gradient, True)}</tr>'
        for i, (name, value, gradient) in enumerate(closing)
    ]
    head = "<tr><th>input</th><th></th><th>weight</th><th></th><th>product</th>"
    head += f"<th>{'∂L/∂' if neuron.output_gradient is not None else ''}</th></tr>"
    return f"<div>neuron <code>{_e(index_text(neuron.index))}</code></div><table>{head}{''.join(rows)}</table>"


def neuron_page(neuron: Any) -> str:
    """One neuron by itself."""
    return f'{_STYLE}<div class="rv-explain"><b>{_e(neuron.layer)}</b>{neuron_html(neuron)}</div>'


def layer_html(layer: Any, opened: bool) -> str:
    """One layer, to be folded."""
    shapes = ", ".join("×".join(map(str, q.shape)) or "1" for q in layer.outputs)
    repeated = f" · call {layer.call} of {layer.calls}" if layer.calls > 1 else ""
    weights = []
    for w in layer.weights:
        gradient = ""
        if w.gradient is not None and w.trainable:
            gradient = f'<td class="g"><code>∂L/∂{_e(w.name)}: {_e(array_text(w.gradient))}</code></td>'
        weights.append(f"<tr><td>{_e(w.name)}</td><td><code>{_e(array_text(w.value))}</code></td>{gradient}</tr>")
    total = int(np.prod(layer.neuron_shape)) if layer.has_neurons else 0
    more = (
        f'<div class="q">… {total - len(layer.neurons):,} more neurons</div>' if total > len(layer.neurons) > 0 else ""
    )
    return (
        f'<details{" open" if opened else ""} style="margin-left:{layer.depth * 1.5:g}em"><summary><b>{_e(layer.key)}</b> '
        f'<span class="q">{_e(layer.class_name)} → {_e(shapes)}{repeated}</span> <code>{_e(layer.formula)}</code></summary>'
        f'<div class="q">{_e(layer.note)}</div>'
        f"{_quantities(list({id(q): q for q in (*layer.inputs, *layer.tensors, *layer.outputs)}.values()))}"
        f"{'<table>' + ''.join(weights) + '</table>' if weights else ''}"
        f"{''.join(neuron_html(neuron) for neuron in layer.neurons)}{more}</details>"
    )


def layer_page(layer: Any) -> str:
    """One layer by itself."""
    return f'{_STYLE}<div class="rv-explain">{layer_html(layer, opened=True)}</div>'


def explanation_html(explanation: Any) -> str:
    """A whole explanation."""
    mode = "in training" if explanation.training else "at inference"
    parts = [_STYLE, '<div class="rv-explain">']
    parts.append(f"<div>What <b>{_e(explanation.model.name)}</b> does with sample {explanation.index}, {mode}</div>")
    parts.append(_quantities([*explanation.inputs, *explanation.outputs]))
    if explanation.loss is not None:
        loss, target = explanation.loss, explanation.target
        shown = array_text(target) if isinstance(target, np.ndarray) else str(target)
        parts.append(f"<div>target <code>y = {_e(shown)}</code>, loss <code>L = {_e(number(loss['value']))}</code> ")
        parts.append(f'<span class="q">({_e(loss["name"])})</span></div>')
    few = len(explanation.layers) <= 4
    parts += [layer_html(layer, few and not layer.depth) for layer in explanation.layers]
    return "".join([*parts, "</div>"])


def chain_html(chain: Any) -> str:
    """One weight's chain as tables."""
    name = f"{chain.layer}.{chain.variable}{index_text(chain.weight)}"
    parts = [_STYLE, f'<div class="rv-explain"><div><code>∂L/∂{_e(name)} = {_e(number(chain.gradient))}</code></div>']
    for i, path in enumerate(chain.paths):
        if chain.paths_total > 1:
            parts.append(f'<div class="q">path {i + 1} of {chain.paths_total:,}</div>')
        rows = [
            f"<tr><td>{'×' if j else ''}</td><td><code>{_e(f.symbol)}</code></td><td>{_e(f.formula)}</td>{_n(f.value)}</tr>"
            for j, f in enumerate(path.factors)
        ]
        parts.append(f'<table>{"".join(rows)}<tr class="t"><td>=</td><td></td><td></td>{_n(path.product)}</tr></table>')
    if (hidden := chain.paths_total - len(chain.paths)) > 0:
        parts.append(f'<div class="q">… {hidden:,} more paths, together {_e(number(chain.rest))}</div>')
    return "".join([*parts, "</div>"])
