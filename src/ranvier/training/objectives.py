"""What training minimises: the losses that `compile` was given, each paired with its output."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from .. import losses
from .. import metrics as metrics_module
from ..core.errors import ArgumentError
from ..core.variables import Variable
from ..losses.base import FunctionLoss
from .alignment import aligned
from .output_structure import Path, children, distributed, is_nested, label, leaves, pack, paired, part

__all__ = ["CROSSENTROPY", "LossSet", "LossTerm", "is_one_of", "kind_of", "total_of", "unique"]

CROSSENTROPY = ("crossentropy", "ce")  # binary, categorical or sparse, as the shapes say


class LossTerm(NamedTuple):
    """One loss that is added up."""

    path: Path  # of the output, or of the part of the outputs, that it looks at
    name: str  # in logs
    function: losses.Loss
    weight: float | None
    shape: tuple[int | None, ...] | None  # of the output; None for a part with several outputs

    @property
    def is_of_one_output(self) -> bool:
        """Whether the loss looks at one output, not at several together."""
        return self.shape is not None


class LossSet:
    """The losses of `compile`, with their weights.

    Args:
        loss: a name, loss object or function for each output; or lists and dicts of them in the structure of the outputs,
            None where an output has no loss. A loss in the place of several outputs takes them together.
        loss_weights: numbers in the structure of `loss` or of the outputs, one for all, or None.
        names: the names of the layers that make the outputs, by the outputs' paths.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, names: dict[Path, str] | None = None):
        self.loss = loss
        self.loss_weights = loss_weights
        self.names = names or {}
        self.built = False
        self.terms: list[LossTerm] = []
        self.wanted: list[Path] = []  # the outputs that need targets
        self.trackers: list[metrics_module.Mean] = []
        for _, item in leaves(loss):
            if not is_one_of(item, CROSSENTROPY):
                losses.get(item)  # unknown names are refused at compile(), not at the first batch

    def build(self, y_pred: Any, y_true: Any, names: dict[Path, str] | None = None) -> None:
        """Pair losses and weights with the outputs, for targets and outputs of these shapes."""
        self.names = names or self.names
        found = list(distributed("loss", self.loss, y_pred, self.names, together=True))
        if not is_nested(self.loss):  # one loss for all: each output by itself
            found = [(path, self.loss) for path, _ in leaves(y_pred)] if self.loss is not None else []
        found = [(_place(path, loss, y_pred), loss) for path, loss in found]
        if isinstance(self.loss, dict) and isinstance(
            y_pred, dict
        ):  # named outputs: results come as the losses were named
            order = list(self.loss)
            found.sort(key=lambda item: order.index(item[0][0]) if item[0] and item[0][0] in order else len(order))
        places = [path for path, _ in leaves(y_pred)]
        self.wanted = [place for place in places if any(place[: len(path)] == path for path, _ in found)]
        self._structure = pack(y_pred, lambda _: True)
        targets = self.targets(y_true, y_pred)
        taken: set[str] = set()
        terms = []
        for (path, loss), weight in zip(found, self._weights(found, y_pred), strict=True):
            output = part(y_pred, path)
            function = _loss_object(loss, targets.get(path), output)
            shape = None if is_nested(output) else tuple(output.shape)
            name = unique(f"{self._name(path, function, y_pred)}_loss", taken)
            terms.append(LossTerm(path, name, function, weight, shape))
        self.terms = terms
        if len(terms) > 1:
            self.trackers = [metrics_module.Mean(name=term.name) for term in terms]
        self.built = True

    def _name(self, path: Path, function: losses.Loss, y_pred: Any) -> str:
        if not path and is_nested(y_pred):
            return "_".join(label(place, self.names) for place, _ in leaves(y_pred))
        if path and isinstance(path[-1], int) and path not in self.names:
            return "/".join(map(str, (*path[:-1], function.name)))  # as in Keras: there is no layer to give it a name
        return label(path, self.names)

    def _weights(self, found: list[tuple[Path, Any]], y_pred: Any) -> list[float | None]:
        """The weight of each loss: the one in its own place, else that of the outputs around it."""
        given = self.loss_weights
        if isinstance(given, (list, tuple)) and is_nested(self.loss) and not any(map(is_nested, given)):
            entries = _entries(self.loss)
            if len(given) == len(entries):  # a flat list in the order of the losses
                given = pack(self.loss, dict(zip(entries, given, strict=True)).get)
        at: dict[Path, list[float]] = {}
        for path, weight in distributed("loss_weights", given, y_pred, self.names, together=True):
            if isinstance(weight, (str, bool)) or not hasattr(weight, "__float__"):
                raise ArgumentError(f"loss_weights must be numbers, one for each loss. Received: {weight!r} among them")
            at.setdefault(path, []).append(float(weight))
        together = {path for path, _ in found if is_nested(part(y_pred, path))} if is_nested(given) else set()
        weights: list[float | None] = []
        for i, (path, _) in enumerate(found):
            around = [path] + [outer for n in range(len(path) - 1, -1, -1) if (outer := path[:n]) not in together]
            own = next((at[outer] for outer in around if outer in at), [])
            before = sum(other == path for other, _ in found[:i])  # several losses of one output have a weight each
            weights.append(own[before] if before < len(own) else own[0] if own else None)
        return weights

    @property
    def functions(self) -> list[losses.Loss]:
        """The losses that are added up."""
        return [term.function for term in self.terms]

    @property
    def weights(self) -> list[float | None]:
        """Their weights."""
        return [term.weight for term in self.terms]

    @property
    def variables(self) -> list[Variable]:
        """The state of the per-output trackers."""
        return [v for tracker in self.trackers for v in tracker.variables]

    def targets(self, y_true: Any, y_pred: Any) -> dict[Path, Any]:
        """The targets by the paths of the outputs, which `y_pred` has the structure of."""
        return paired("y", y_true, y_pred, self.names, self.wanted)

    def targets_of_terms(self, y_true: Any) -> list[Any]:
        """The targets of each loss, None for one that looks at several outputs."""
        targets = self.targets(y_true, self._structure)
        return [targets[term.path] if term.is_of_one_output else None for term in self.terms]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum of the losses of all outputs, or None if none has one."""
        if y_true is None and leaves(self.loss):
            raise ArgumentError(
                f"compile() was given the loss {self.loss!r}, but there are no targets y. Give y, or compile without a loss."
            )
        if not self.built:
            self.build(y_pred, y_true)
        if not self.terms:
            return None
        targets = self.targets(y_true, y_pred)
        weights: dict[Path, Any] = {}
        if sample_weight is not None:
            weights = paired("sample_weight", sample_weight, y_pred, self.names, self.wanted)
        total = None
        for i, term in enumerate(self.terms):
            output = part(y_pred, term.path)
            value = term.function(
                *self._arguments(term, output, targets), sample_weight=_weight_of(term, output, weights)
            )
            if self.trackers:
                self.trackers[i].update_state(value, sample_weight=leaves(output)[0][1].shape[0])
            if term.weight is not None:
                value = value * term.weight
            total = value if total is None else total + value
        return total

    def _arguments(self, term: LossTerm, output: Any, targets: dict[Path, Any]) -> tuple[Any, Any]:
        """What a loss is called with: target and output, or the structures of several of them."""
        for path, _ in leaves(output, term.path):
            if targets[path] is None:
                raise ArgumentError(
                    f"y has nothing for the output '{label(path, self.names)}', which has the loss '{term.function.name}'. "
                    "Give its targets, or compile with None as its loss."
                )
        if not is_nested(output):
            return aligned(targets[term.path], output, term.function)
        return pack(output, lambda path: jnp.asarray(targets[path]), term.path), output


def _entries(structure: Any, path: Path = ()) -> list[Path]:
    """The paths of the entries of nested losses, None among them."""
    if not is_nested(structure):
        return [path]
    return [place for key, entry in children(structure) for place in _entries(entry, (*path, key))]


def _place(path: Path, loss: Any, y_pred: Any) -> Path:
    """Where a loss belongs: a built-in one in the place of a structure with a single output is that output's."""
    below = leaves(part(y_pred, path), path)
    return below[0][0] if len(below) == 1 and isinstance(loss, (str, FunctionLoss)) else path


def _weight_of(term: LossTerm, output: Any, weights: dict[Path, Any]) -> Any:
    below = [weights.get(path) for path, _ in leaves(output, term.path)]
    if any(weight is not below[0] for weight in below):
        raise ArgumentError(
            f"'{term.name}' takes several outputs together, so they have one sample_weight. Received: "
            f"{len(below)} of them"
        )
    return below[0]


def is_one_of(identifier: Any, words: tuple[str, ...]) -> bool:
    """Whether `identifier` is one of these names, in whatever case."""
    return isinstance(identifier, str) and identifier.lower() in words


def unique(name: str, taken: set[str]) -> str:
    """`name`, with a number if it is taken; taken from now on."""
    number, candidate = 1, name
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate


def _loss_object(identifier: Any, y_true: Any, y_pred: Any) -> losses.Loss:
    if is_one_of(identifier, CROSSENTROPY):
        kind = kind_of(y_true, y_pred)
        return losses.LossFunctionWrapper(losses.get(f"{kind}_crossentropy"), name=identifier)
    found = losses.get(identifier)
    if isinstance(found, losses.Loss):
        return found
    name = identifier if isinstance(identifier, str) else getattr(found, "__name__", "loss")
    return losses.LossFunctionWrapper(found, name=name)


def kind_of(y_true: Any, y_pred: Any) -> str:
    """``"binary"``, ``"categorical"`` or ``"sparse_categorical"``, whichever the shapes of target and output say."""
    if is_nested(y_pred):
        raise ArgumentError("'crossentropy' takes one output. Give a loss for each of them.")
    shape_true, shape_pred = (() if y_true is None else tuple(y_true.shape)), tuple(y_pred.shape)
    if shape_pred[-1:] == (1,) or not shape_pred[1:]:
        return "binary"
    sparse = len(shape_true) < len(shape_pred) or (shape_true[-1:] == (1,) and shape_pred[-1] != 1)
    return "sparse_categorical" if sparse else "categorical"


def total_of(losses_added: list[Any], loss: Any) -> Any:
    """The sum of the compiled loss and what layers added, or None if there is nothing at all."""
    parts = ([] if loss is None else [loss]) + [jnp.sum(jnp.asarray(value)) for value in losses_added]
    total = None
    for value in parts:
        total = value if total is None else total + value
    return total
