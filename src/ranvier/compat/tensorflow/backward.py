"""The way back over what a tape recorded: from the targets' cotangents to those of the sources.

One walk serves all. Where numbers are computed one operation at a time, the walk is compiled into one program, which
serves every walk over the same operations on arrays of the same shapes, such as the next step of a training loop.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src import core

from ...core.settings import use_compilation_cache
from .recording import Recorder, Step, computes, with_pullback

__all__ = ["Journey"]

_MOST_PROGRAMS = 256
_PATIENCE = 24
_luck = [_PATIENCE]  # falls with each new walk, rises with each that comes again
_programs: dict[Any, Any] = {}


class Journey:
    """The steps between some slots of a tape, to be walked backwards.

    Args:
        recorder: what the tape recorded.
        targets: the slots to begin from.
        sources: the slots to arrive at.
    """

    def __init__(self, recorder: Recorder, targets: Sequence[int], sources: Sequence[int]):
        self.targets = list(targets)
        self.sources = list(sources)
        self.recorder = recorder
        moving = set(sources)  # what depends on the sources
        forward: list[Step] = []
        for step in recorder.steps:
            if any(place in moving for place in step.places):
                moving.update(slot for slot in step.output_slots if slot is not None)
                forward.append(step)
        wanted = set(targets)  # what the targets depend on
        self.steps: list[Step] = []
        for step in reversed(forward):
            if any(slot in wanted for slot in step.output_slots):
                wanted.update(place for place in step.places if place in moving)
                self.steps.append(step)
        self.steps.reverse()
        self.moving = moving
        self.connected = [slot in wanted for slot in self.sources]

    def back(self, cotangents: Sequence[Any]) -> list[Any]:
        """One cotangent for each source, None where nothing leads from it to a target.

        Args:
            cotangents: one for each target, of its shape and dtype.
        """
        if not computes(core.trace_ctx.trace) or any(step.pullback is not None for step in self.steps):
            return self._walk([step.pullback for step in self.steps], cotangents)
        key, leaves = self._key(cotangents)
        if key is None:
            return self._walk(None, cotangents)
        if key in _programs:
            _luck[0] = min(_luck[0] + 1, _PATIENCE)
        else:
            _luck[0] -= 1
            if _luck[0] < 0:  # every walk is another one: a program for each would cost more than it saves
                _luck[0] = 0
                return self._walk(None, cotangents)
            if len(_programs) >= _MOST_PROGRAMS:
                _programs.clear()
            use_compilation_cache()
            _programs[key] = jax.jit(functools.partial(_replay, self._blueprint()))
        return _programs[key](leaves, list(cotangents))

    def _walk(self, pullbacks: Sequence[Any] | None, cotangents: Sequence[Any]) -> list[Any]:
        arrived: dict[int, Any] = {}
        for slot, cotangent in zip(self.targets, cotangents, strict=True):
            _add(arrived, slot, cotangent)
        for number in reversed(range(len(self.steps))):
            step = self.steps[number]
            if not any(slot in arrived for slot in step.output_slots):
                continue
            pullback = pullbacks[number] if pullbacks is not None else None
            places: Sequence[int | None] = step.places
            if pullback is None:
                places = [place if place in self.moving else None for place in places]
                _, pullback = with_pullback(step.function, step.inputs, places)
            given = [
                arrived[slot] if slot in arrived else _zero(shape, dtype)
                for slot, (shape, dtype) in zip(step.output_slots, step.output_avals, strict=True)
            ]
            for slot, found in zip([p for p in places if p is not None], pullback(given), strict=True):
                if slot in self.moving:
                    _add(arrived, slot, found)
        return [arrived.get(slot) for slot in self.sources]

    # --- the same as a program ----------------------------------------------------------------------------------------

    def _wiring(self) -> tuple[list[Any], list[Any]]:
        """For each step where its inputs come from, with slots and other arrays numbered as they appear, and the arrays."""
        numbers: dict[int, int] = {}
        leaves: list[Any] = []
        leaf_of: dict[int, int] = {}
        made: set[int] = set()
        wiring = []

        def leaf(array: Any) -> int:
            if id(array) not in leaf_of:
                leaf_of[id(array)] = len(leaves)
                leaves.append(array)
            return leaf_of[id(array)]

        for step in self.steps:
            sources = []
            for array, place in zip(step.inputs, step.places, strict=True):
                if place is None or place not in self.moving:
                    sources.append((None, leaf(array)))
                else:
                    slot = numbers.setdefault(place, len(numbers))
                    sources.append((slot, None if place in made else leaf(array)))
            made.update(s for s in step.output_slots if s is not None)
            outputs = tuple(
                None if s is None or s not in self.moving else numbers.setdefault(s, len(numbers))
                for s in step.output_slots
            )
            wiring.append((tuple(sources), outputs))
        self._numbers = numbers
        return wiring, leaves

    def _key(self, cotangents: Sequence[Any]) -> tuple[Any, list[Any]]:
        if any(step.key is None for step in self.steps):
            return None, []
        wiring, leaves = self._wiring()
        ends = (
            tuple(self._numbers.get(s, -1) for s in self.targets),
            tuple(self._numbers.get(s, -1) for s in self.sources),
        )
        if any(end < 0 for end in ends[0]):
            return None, []  # a target that is a source itself: nothing worth a program
        shapes = tuple(core.typeof(x) for x in [*leaves, *cotangents])
        self._wires = wiring
        return (tuple(step.key for step in self.steps), tuple(wiring), ends, shapes), leaves

    def _blueprint(self) -> Any:
        return (
            [
                (step.function, sources, outputs)
                for step, (sources, outputs) in zip(self.steps, self._wires, strict=True)
            ],
            [self._numbers[s] for s in self.targets],
            [self._numbers.get(s) for s in self.sources],
        )


def _replay(blueprint: Any, leaves: list[Any], cotangents: list[Any]) -> list[Any]:
    """The steps again, forward with their pullbacks, then back: what a compiled journey computes."""
    steps, targets, sources = blueprint
    values: dict[int, Any] = {}
    pullbacks = []
    for function, inputs, outputs in steps:
        args = [leaves[leaf] if leaf is not None else values[slot] for slot, leaf in inputs]
        results, pullback = with_pullback(function, args, [slot for slot, _ in inputs])
        values.update({slot: r for slot, r in zip(outputs, results, strict=True) if slot is not None})
        pullbacks.append((pullback, [(r.shape, r.dtype) for r in results]))
    arrived: dict[int, Any] = {}
    for slot, cotangent in zip(targets, cotangents, strict=True):
        _add(arrived, slot, cotangent)
    for (_, inputs, outputs), (pullback, avals) in zip(reversed(steps), reversed(pullbacks), strict=True):
        if not any(slot in arrived for slot in outputs):
            continue
        given = [
            arrived[slot] if slot in arrived else _zero(shape, dtype)
            for slot, (shape, dtype) in zip(outputs, avals, strict=True)
        ]
        for slot, found in zip([s for s, _ in inputs if s is not None], pullback(given), strict=True):
            _add(arrived, slot, found)
    return [arrived.get(slot) for slot in sources]


def _add(arrived: dict[int, Any], slot: int, cotangent: Any) -> None:
    arrived[slot] = arrived[slot] + cotangent if slot in arrived else cotangent


def _zero(shape: tuple[int, ...], dtype: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.inexact):
        return jnp.zeros(shape, dtype)
    return np.zeros(shape, jax.dtypes.float0)
