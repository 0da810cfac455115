"""Which models can share their programs, and the refusal of those that have no place in one population."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.errors import ArgumentError, ShapeError
from ..training.program import Programs
from .likeness import Slot, Unlike, differences
from .programs import CandidatePrograms, SharedPrograms

__all__ = ["check_shapes", "share"]


def check_shapes(models: Sequence[Any]) -> None:
    """Refuse models whose weights differ in number or shape, and models that share variables.

    Raises:
        ShapeError: weights of different shapes.
        ArgumentError: a variable that belongs to two of them.
    """
    first = _weights(models[0])
    owners: dict[int, int] = {}
    for i, model in enumerate(models):
        own = _weights(model)
        if len(own) != len(first):
            raise ShapeError(
                f"The candidates of a population must have weights of the same shapes. Candidate 0 has {len(first)} weights, "
                f"candidate {i} has {len(own)}: make a population for each architecture."
            )
        for a, b in zip(first, own, strict=True):
            if a.shape != b.shape or a.dtype != b.dtype:
                raise ShapeError(
                    f"The candidates of a population must have weights of the same shapes. '{a.path}' has shape {a.shape} "
                    f"({a.dtype}) in candidate 0; in candidate {i}, '{b.path}' has {b.shape} ({b.dtype}): make a "
                    "population for each architecture."
                )
        optimizer = model.optimizer.variables if model.optimizer is not None else []
        for variable in [*model.variables, *optimizer, *model.metrics_variables]:
            if owners.setdefault(id(variable), i) != i:
                raise ArgumentError(
                    f"Candidates {owners[id(variable)]} and {i} share the variable '{variable.path}'. The function must "
                    "make everything anew at each call: layers, optimizer and metrics."
                )


def _weights(model: Any) -> list[Any]:
    return [v for v in model.weights if not v.path.endswith("seed_generator_state")]


def share(models: Sequence[Any], template_of: Callable[[int], Any]) -> tuple[list[SharedPrograms], dict[int, str]]:
    """Give models that are alike but for numbers the same programs.

    Args:
        models: built models.
        template_of: makes another model like the one of this number, built as it is.

    Returns:
        The programs of each group; and the models that keep programs of their own, with the reasons: those that have been
        changed since they were made, so that no other is like them.
    """
    groups: list[tuple[Any, dict[int, list[tuple[Slot, Any]]]]] = []
    reasons: list[str] = []
    own: dict[int, str] = {}
    for i, model in enumerate(models):
        for template, members in groups:
            try:
                members[i] = differences(template, model)
                break
            except Unlike as reason:
                reasons.append(str(reason))
        else:
            template = template_of(i)
            try:
                groups.append((template, {i: differences(template, model)}))
            except Unlike as reason:
                model._programs = Programs(model, model._roles())
                own[i] = f"candidate {i} is not what it was made as: {reason}"
    return [_shared(template, models, members, reasons if len(groups) > 1 else []) for template, members in groups], own


def _shared(
    template: Any, models: Sequence[Any], members: dict[int, list[tuple[Slot, Any]]], reasons: list[str]
) -> SharedPrograms:
    slots = {slot.identity(): slot for found in members.values() for slot, _ in found}
    own = {i: {slot.identity(): value for slot, value in found} for i, found in members.items()}
    varying = [(slot, {i: own[i].get(identity, slot.get()) for i in members}) for identity, slot in slots.items()]
    shared = SharedPrograms(template, template._roles(), list(members), varying)
    shared.reasons += dict.fromkeys(reasons)
    for i in members:
        models[i]._programs = CandidatePrograms(shared, i, models[i], models[i]._roles())
    return shared
