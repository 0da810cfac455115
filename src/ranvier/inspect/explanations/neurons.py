"""One neuron's arithmetic: what comes in, times which weights, to which sum, through which activation."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...ops import symbolic
from .capture import Call
from .compiling import compiled, signature
from .html import neuron_page
from .replays import inside, values_of
from .samples import Sample
from .terms import Terms, terms_of
from .text import neuron_lines

__all__ = ["Neuron", "Term", "neuron_of", "slope_of"]


@dataclasses.dataclass
class Term:
    """One product in a neuron's sum.

    Attributes:
        source: which tensor the input is an element of.
        input_index: where in it; None where several are summed before the product.
        input: the input.
        weight_index: where in the weight; None without one.
        weight: the weight, or the share with which pooling counts the input; None without one.
        product: input · weight.
        gradient: this use's part of ∂L/∂weight: ∂L/∂sum · input.
    """

    source: str
    input_index: tuple[int, ...] | None
    input: float
    weight_index: tuple[int, ...] | None
    weight: float | None
    product: float
    gradient: float | None = None


@dataclasses.dataclass
class Neuron:
    """One neuron: an element of a layer's output, with all that made it.

    Attributes:
        layer: the key of the call.
        index: where in the output, without the batch axis.
        combine: how the products make the sum: ``"sum"``, or ``"product"``, ``"max"``, ``"min"`` of merging layers.
        terms: the products that are shown.
        terms_total: how many there are.
        rest: the sum of the others.
        weight_name: the name of the weight.
        bias: its bias; None without.
        bias_gradient: this use's part of ∂L/∂bias.
        sum: the sum with the bias.
        sum_gradient: ∂L/∂sum.
        activation: the activation's name; None without.
        slope: the activation's derivative at the sum; None where it couples neurons, as softmax does.
        output: what the neuron gives.
        output_gradient: ∂L/∂output.
    """

    layer: str
    index: tuple[int, ...]
    combine: str
    terms: list[Term]
    terms_total: int
    rest: float
    weight_name: str | None
    bias: float | None
    bias_gradient: float | None
    sum: float
    sum_gradient: float | None
    activation: str | None
    slope: float | None
    output: float
    output_gradient: float | None

    def to_dict(self) -> dict[str, Any]:
        """The neuron as plain data."""
        data = dataclasses.asdict(self) | {"index": list(self.index), "terms_shown": len(self.terms)}
        for term in data["terms"]:
            for name in ("input_index", "weight_index"):
                term[name] = None if term[name] is None else list(term[name])
        return data

    def __str__(self) -> str:
        return "\n".join([self.layer, *neuron_lines(self)])

    def _repr_html_(self) -> str:
        return neuron_page(self)


def neuron_of(
    call: Call, index: tuple[int, ...], top: int, sample: Sample, by_sum: Any, by_output: Any, activation: str | None
) -> Neuron:
    """The arithmetic of one neuron.

    Args:
        call: a call whose layer has neurons.
        index: where in the first output, without the batch axis.
        top: how many products to show, the strongest.
        sample: whose part of the output is meant.
        by_sum, by_output: ∂L/∂sum and ∂L/∂output, whole arrays, or None.
        activation: the activation's name.
    """
    output = call.leaves[0]
    place = sample.place(index, output.shape)
    terms = terms_of(call, place)
    assert terms is not None
    before = output if call.sum is None else call.sum
    if activation is not None and call.sum is None:  # a layer that is nothing but an activation
        before = symbolic.flatten(call.args)[0]
        by_sum = None
    slope = None if activation is None else slope_of(call, before, place)
    by_output = None if by_output is None else float(by_output[place])
    summed = None if by_sum is None else float(by_sum[place])
    if summed is None and by_output is not None:
        summed = by_output if activation is None else None if slope is None else by_output * slope
    return Neuron(
        layer=call.key, index=index, combine=terms.combine, terms=_strongest(terms, top, summed, sample),
        terms_total=len(terms.inputs), rest=_rest(terms, top), weight_name=terms.weight_name,
        bias=terms.bias, bias_gradient=summed if terms.bias is not None else None,
        sum=float(before[place]), sum_gradient=summed, activation=activation, slope=slope,
        output=float(output[place]), output_gradient=by_output,
    )  # fmt: skip


def _order(terms: Terms, top: int) -> np.ndarray:
    """The products that are shown: all in their order, or the strongest."""
    count = len(terms.inputs)
    if count <= top:
        return np.arange(count)
    return np.argsort(-np.abs(terms.products), kind="stable")[:top]


def _rest(terms: Terms, top: int) -> float:
    if len(terms.inputs) <= top or terms.combine != "sum":
        return 0.0
    hidden = np.ones(len(terms.inputs), bool)
    hidden[_order(terms, top)] = False
    return float(math.fsum(terms.products[hidden].astype("float64")))


def _strongest(terms: Terms, top: int, by_sum: float | None, sample: Sample) -> list[Term]:
    found = []
    for i in _order(terms, top):
        trained = terms.weight_name is not None and terms.weight_places is not None
        found.append(
            Term(
                source=terms.source(i),
                input_index=terms.input_place(i, sample),
                input=float(terms.inputs[i]),
                weight_index=terms.weight_place(i),
                weight=None if terms.weights is None else float(terms.weights[i]),
                product=float(terms.products[i]),
                gradient=by_sum * float(terms.inputs[i]) if trained and by_sum is not None else None,
            )
        )
    return found


def slope_of(call: Call, before: Any, place: tuple[int, ...]) -> float | None:
    """φ'(sum), if the output depends on no other sum.

    Args:
        call: a call of a layer with an activation.
        before: the sums.
        place: the neuron's place among them.
    """
    layer, values = call.layer, values_of(call)
    by_output = np.zeros(before.shape, "float32")
    by_output[place] = 1

    def work(notes: dict[str, Any], held: list[Any], before: Any, by_output: Any) -> Any:
        def activated(z: Any) -> Any:
            function = layer.activation if call.sum is not None else layer.call
            given = dict(zip(values, held, strict=True))
            return jnp.vdot(inside(layer, given, call.training, lambda: function(z)), by_output)

        return jax.grad(activated)(before.astype(jnp.promote_types(before.dtype, jnp.float32)))

    arguments = list(values.values()), before, by_output
    key = "slope", call.sum is None, call.training, signature(arguments)
    slopes = np.array(compiled(layer, key, work)(*arguments))
    value = float(slopes[place])
    slopes[place] = 0
    return None if slopes.any() else value
