"""`Explanation`: what a model did with one sample, layer by layer."""

from __future__ import annotations

import difflib
import functools
import json as json_format
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from .capture import Program
from .chain import Chain, chain_of
from .html import explanation_html
from .layer import LayerExplanation, Results
from .neurons import Neuron
from .quantities import Quantity, as_json
from .samples import check_top
from .text import explanation_text

__all__ = ["Explanation"]


class Explanation:
    """What a model did with one sample: every layer's numbers, and with a target every gradient.

    ``print(explanation)`` shows it in the terminal, a notebook shows it as HTML, `to_dict` gives it as data.

    Attributes:
        model: the model.
        training: whether layers behaved as in training.
        index: which sample of the batch it was.
        inputs, outputs: the model's, as `Quantity`s.
        target: the target, or None.
        loss: ``{"name", "value", "data", "penalties"}``, or None without a target.
        layers: the layers that are shown, in the order of their calls.
        top: how much of large layers is shown.
    """

    def __init__(
        self, program: Program, results: Results, everything: list[LayerExplanation], shown: list[LayerExplanation],
        inputs: list[Quantity], outputs: list[Quantity], target: Any, loss: dict[str, Any] | None,
    ):  # fmt: skip
        self.model = program.layer
        self.training = program.training
        self.index = results.sample.index
        self.inputs, self.outputs = inputs, outputs
        self.target, self.loss = target, loss
        self.layers = shown
        self.top = results.top
        self._all = everything
        self._program, self._results = program, results

    # --- looking closer ---------------------------------------------------------------------------------------------

    def layer(self, which: Any) -> LayerExplanation:
        """The call of a layer.

        Args:
            which: its key (``"encoder/dense"``, ``"dense@2"`` for a shared layer's second call), its name if only one
                layer has it, its id, or the layer itself (its first call).

        Raises:
            ArgumentError: no such layer, or several.
        """
        return find_layer(self._all, which)

    def neuron(self, layer: Any, index: Any, top: int | None = None) -> Neuron:
        """The arithmetic of one neuron.

        Args:
            layer: as in `layer`.
            index: where in the layer's output, an integer or a tuple of them.
            top: how many products to show; None: as many as in the explanation.

        Raises:
            ArgumentError: no such layer or neuron, or a layer whose outputs are no sums of products.
        """
        return self.layer(layer).neuron(index, top)

    def chain(self, layer: Any, weight: Any, variable: str | None = None, top: int | None = None) -> Chain:
        """∂L/∂w of one weight as the chain rule gives it on paper: a product of factors for each path, and their sum.

        Args:
            layer: as in `layer`.
            weight: where in the variable, an integer or a tuple of them: ``(0, 0)`` in a kernel leads from the first
                input to the first neuron.
            variable: the variable's name; None: the kernel, or the layer's first variable.
            top: how many paths to show, the strongest; None: as many as the explanation shows of neurons.

        Raises:
            ArgumentError: there is no such weight, or the explanation has no target.
        """
        top = self.top if top is None else check_top(top)
        return chain_of(self._program, self._results, self.layer(layer), weight, variable, top)

    # --- forms ------------------------------------------------------------------------------------------------------

    def to_dict(self, json: bool = False) -> dict[str, Any]:
        """The explanation as plain data: dicts, lists, numbers and NumPy arrays.

        Args:
            json: nested lists in the place of arrays, and words for NaN and infinities, so that JSON can hold it.
        """
        data = {
            "format": "ranvier.explanation", "version": 1,
            "model": {"name": self.model.name, "class": type(self.model).__name__},
            "training": self.training, "index": self.index,
            "inputs": [q.to_dict() for q in self.inputs],
            "outputs": [q.to_dict() for q in self.outputs],
            "target": self.target, "loss": self.loss,
            "layers": [layer.to_dict() for layer in self.layers],
        }  # fmt: skip
        return as_json(data) if json else data

    def to_json(self) -> str:
        """The explanation as JSON."""
        return json_format.dumps(self.to_dict(json=True), ensure_ascii=False, allow_nan=False)

    @functools.cached_property
    def _text(self) -> str:
        return explanation_text(self)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        names = ", ".join(layer.key for layer in self.layers[:6]) + (", …" if len(self.layers) > 6 else "")
        return f"<Explanation of '{self.model.name}' for sample {self.index}: {names}>"

    def _repr_html_(self) -> str:
        return explanation_html(self)


def find_layer(layers: list[LayerExplanation], which: Any) -> LayerExplanation:
    """The layer that `which` means among those of an explanation."""
    keys = [layer.key for layer in layers]
    if isinstance(which, str):
        found = [layer for layer in layers if layer.key == which] or [
            layer for layer in layers if layer.name == which and layer.call == 1
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise ArgumentError(
                f"Several layers are called {which!r}: {[layer.key for layer in found]}. Give one of these."
            )
        close = difflib.get_close_matches(which, [*keys, *(layer.name for layer in layers)], n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise ArgumentError(f"No layer {which!r} was called. Those that were: {keys}.{hint}")
    if isinstance(which, (int, np.integer)) and not isinstance(which, bool):
        for layer in layers:
            if layer.id == which:
                return layer
        raise ArgumentError(f"No call has the id {which}. Those that there are: { {x.id: x.key for x in layers} }")
    for layer in layers:
        if layer.layer is which:
            return layer
    raise ArgumentError(f"layer must be a name, a key, an id or a layer of the model: {keys}. Received: {which!r}")
