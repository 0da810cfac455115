"""`Factor`: one derivative in a chain-rule product, with the formula that gives it where one is known."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ...ops import symbolic
from .capture import Call, Program
from .layer import Results
from .rules import activation_name
from .terms import has_terms, terms_of

__all__ = ["Factor", "Place", "described"]


@dataclasses.dataclass(frozen=True)
class Place:
    """One number of the program: ``layer`` is a key, ``what`` is "loss", "output", "sum" or "weight"."""

    layer: str | None
    what: str
    index: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """The place as plain data."""
        return {"layer": self.layer, "what": self.what, "index": list(self.index)}


@dataclasses.dataclass
class Factor:
    """∂of/∂by.

    Attributes:
        symbol: such as ``"∂L/∂out[0]"``.
        formula: what it is, such as ``"−2(y − ŷ)"``; "" where nothing simple is known.
        value: the number.
        of, by: what is differentiated by what.
    """

    symbol: str
    formula: str
    value: float
    of: Place
    by: Place

    def to_dict(self) -> dict[str, Any]:
        """The factor as plain data."""
        return {
            "symbol": self.symbol, "formula": self.formula, "value": self.value, "of": self.of.to_dict(),
            "by": self.by.to_dict(),
        }  # fmt: skip


def described(value: float, of: Place, by: Place, results: Results, variable: str, program: Program) -> Factor:
    """The factor with its symbol and, if its number agrees with one, its formula.

    Args:
        value: ∂of/∂by.
        of, by: what is differentiated by what.
        results: the calls.
        variable: the name of the weight's variable.
        program: what was differentiated.
    """
    symbol = f"∂{_label(of, variable)}/∂{_label(by, variable)}"
    return Factor(symbol, _formula(value, of, by, results, variable, program), value, of, by)


def _label(place: Place, variable: str) -> str:
    if place.what == "loss":
        return "L"
    index = "[" + ", ".join(map(str, place.index)) + "]" if place.index else ""
    what = {"output": "", "sum": ".sum", "weight": f".{variable}"}[place.what]
    return f"{place.layer}{what}{index}"


def _formula(value: float, of: Place, by: Place, results: Results, variable: str, program: Program) -> str:
    calls = {call.key: call for call in results.calls}
    sample = results.sample

    def number(array: Any, place: Place) -> float:
        return float(np.asarray(array)[sample.place(place.index, array.shape)])

    def agrees(expected: float) -> bool:
        return math.isclose(value, expected, rel_tol=1e-4, abs_tol=1e-7)

    if by.what == "weight":
        return (
            "the penalty on the weight"
            if of.what == "loss"
            else _met(value, of, by, calls[of.layer or ""], results, variable)
        )
    call = calls[by.layer or ""]
    if of.what == "loss":
        return _of_loss(value, call.leaves[0], sample.place(by.index, call.leaves[0].shape), program)
    if of.layer == by.layer:  # from the sum to the output
        name = activation_name(call.layer) or "φ"
        a, z = number(call.leaves[0], of), number(call.sum, by)
        if name == "softmax":
            if of.index == by.index:
                return "a(1 − a) of softmax" if agrees(a * (1 - a)) else ""
            return (
                "−a·a′ of softmax" if agrees(-a * number(call.leaves[0], Place(by.layer, "output", by.index))) else ""
            )
        known = {"sigmoid": ("a(1 − a)", a * (1 - a)), "tanh": ("1 − a²", 1 - a * a),
                 "relu": ("1 if sum > 0 else 0", float(z > 0))}  # fmt: skip
        text, expected = known.get(name, ("", math.nan))
        return f"{name}′(sum) = {text}" if agrees(expected) else f"{name}′(sum)"
    inner = calls[of.layer or ""]
    kernel = inner.values.get(id(getattr(inner.layer, "_kernel", None)))
    if kernel is None or kernel.ndim != 2 or not by.index or not of.index:
        return ""
    row, column = by.index[-1], of.index[-1]
    fits = row < kernel.shape[0] and column < kernel.shape[1] and agrees(float(kernel[row, column]))
    return f"weight {of.layer}.kernel[{row}, {column}]" if fits else ""


def _met(value: float, of: Place, by: Place, call: Call, results: Results, variable: str) -> str:
    """What the weight multiplies."""
    if not has_terms(call) or (terms := terms_of(call, results.sample.place(of.index, call.leaves[0].shape))) is None:
        return ""
    if variable == "bias":
        return "1: the bias is added" if value == 1 else ""
    for i in range(len(terms.inputs)) if variable == terms.weight_name else ():
        if terms.weight_place(i) == by.index and math.isclose(terms.inputs[i], value, rel_tol=1e-4, abs_tol=1e-7):
            index = terms.input_place(i, results.sample)
            return f"input {terms.source(i)}" + ("" if index is None else f"[{', '.join(map(str, index))}]")
    return ""


def _of_loss(value: float, output: Any, place: tuple[int, ...], program: Program) -> str:
    """The formula of ∂L/∂ŷ for well-known losses, if it gives this number."""
    targets = symbolic.flatten(program.target)
    if len(targets) != 1 or targets[0].size != output.size:
        return ""
    a, y = float(np.asarray(output)[place]), float(np.asarray(targets[0]).reshape(output.shape)[place])
    each = "" if output.size == 1 else f" / {output.size}"
    formulas = {
        "mean_squared_error": ("−2(y − ŷ)", -2 * (y - a)),
        "mean_absolute_error": ("−sign(y − ŷ)", -math.copysign(1, y - a)),
        "binary_crossentropy": ("(ŷ − y) / (ŷ(1 − ŷ))", (a - y) / (a * (1 - a)) if 0 < a < 1 else math.nan),
        "categorical_crossentropy": ("−y / ŷ", -y / a * output.size if a else math.nan),
    }
    text, expected = formulas.get(program.loss_name, ("", math.nan))
    if program.loss_name == "categorical_crossentropy":
        each = ""
    return text + each if math.isclose(value, expected / output.size, rel_tol=1e-4, abs_tol=1e-7) else ""
