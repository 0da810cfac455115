"""Programs that many models share: compiled once, with their states, and the numbers in which they differ, as inputs.

A program is traced with one model, the template, in which a `Scalar` stands at each place where the models differ. Where
they cannot go through one program (`if self.l1:` with l1 zero for some), they are parted, and each part gets its own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp

from ..core.scalars import Disagreement, Scalar, collecting
from ..training.program import Programs
from ..training.state import Roles
from .likeness import Slot

__all__ = ["CandidatePrograms", "SharedProgram", "SharedPrograms"]


class SharedPrograms(Programs):
    """The programs of a group of models that differ in numbers alone.

    Args:
        template: a model like them, which nobody else uses.
        roles: its variables.
        members: the models' numbers.
        varying: the places in the template where the models differ, each with the number of every member.
    """

    def __init__(
        self, template: Any, roles: Roles, members: Sequence[int], varying: Sequence[tuple[Slot, dict[int, Any]]]
    ):
        super().__init__(template, roles)
        self.members = tuple(members)
        self.varying = list(varying)
        self.lock = threading.RLock()
        self.reasons: list[str] = []  # why members were parted
        self.active: Any = None  # who traces just now, with whose numbers
        self._general = False  # whether kernels made for whole networks are left out

    def _get(self, key: Any, make: Callable[[], Callable[..., Any]], donate: bool = True) -> Any:
        with self.lock:
            if key not in self._made:
                alone = make()
                self._general = True
                try:
                    self._made[key] = SharedProgram(self, alone, make(), donate)  # type: ignore[assignment]
                finally:
                    self._general = False
            return self._made[key]

    def _dense(self, learn: bool) -> Any:
        return None if self._general or self.varying else super()._dense(learn)

    @property
    def direct(self) -> Any:
        """As in `Programs`, for candidates alone."""
        # Kernels for whole networks have their numbers in them, and would give all members the template's.
        return None if self._general or self.varying else super().direct

    def log_shapes(self, batch: Any) -> dict[str, tuple[int, ...]]:
        """As in `Programs`, while no other thread traces the template with members' numbers in it."""
        with self.lock:
            return super().log_shapes(batch)

    def parts(self) -> int:
        """Into how many parts the members had to be divided."""
        return max((len(program.parts) for program in self._made.values()), default=1)  # type: ignore[attr-defined]

    @contextlib.contextmanager
    def substituted(self, members: Sequence[int]) -> Iterator[None]:
        """Within it, the template has the numbers of these members."""
        before, active = [slot.get() for slot, _ in self.varying], self.active
        self.active = threading.get_ident(), tuple(members)
        try:
            for slot, values in self.varying:
                own = [values[m] for m in members]
                slot.put(own[0] if _alike(own) else Scalar(own, slot.path))
            yield
        finally:
            self.active = active
            for (slot, _), value in zip(self.varying, before, strict=True):
                slot.put(value)

    def numbers(self, member: int) -> tuple[str, ...]:
        """All in which a member differs from others."""
        return tuple(repr(values[member]) for _, values in self.varying)


class _Part:
    """Members that go through one program together."""

    def __init__(self, members: Sequence[int]):
        self.members = tuple(members)
        self.place = {m: i for i, m in enumerate(members)}
        self.inputs: dict[tuple[str, ...], tuple[Any, ...]] = {}  # the values of the program's additional inputs
        self.traced: set[Any] = set()  # signatures of arguments for which the inputs are known
        self.latest: dict[Any, _Compiled] = {}  # by axes
        self.ready: dict[Any, _Compiled] = {}  # by axes and signature


class _Compiled:
    """A compiled function of the additional inputs that were known when it was made, and the program's arguments."""

    def __init__(self, function: Callable[..., Any], part: _Part, stacked: bool):
        self.function = function
        self.values = list(part.inputs.values())
        self.place = part.place
        self.stacked = stacked
        self._stacks: dict[tuple[int, ...], list[Any]] = {}

    def __call__(self, members: tuple[int, ...], args: Any) -> Any:
        return self.function(self._inputs(members), *args)

    def _inputs(self, members: tuple[int, ...]) -> list[Any]:
        if not self.stacked:
            return [values[self.place[members[0]]] for values in self.values]
        if members not in self._stacks:
            # Stacked from plain numbers, they promote as plain numbers do.
            rows = [[jnp.asarray(values[self.place[m]]) for m in members] for values in self.values]
            self._stacks[members] = [jnp.stack(row) for row in rows]
        return self._stacks[members]


class SharedProgram:
    """One program, for each of the members or for many of them at once.

    Args:
        owner: what it belongs to.
        alone: what it computes with the template.
        together: the same in operations that `jax.vmap` knows.
        donate: whether the first argument's memory may be used for the result.
    """

    def __init__(self, owner: SharedPrograms, alone: Callable[..., Any], together: Callable[..., Any], donate: bool):
        self.owner = owner
        self.alone = alone
        self.together = together
        self.donate = donate
        whole = _Part(owner.members)
        self.parts = [whole]
        self._part_of = dict.fromkeys(owner.members, whole)

    def one(self, member: int, *args: Any) -> Any:
        """The program for one member."""
        while True:
            with contextlib.suppress(_Again):
                return self._run(self._part_of[member], None, (member,), args, args)

    def many(self, members: Sequence[int], axes: tuple[int | None, ...], *args: Any) -> Any:
        """The program for many members of one part at once; of arguments with axis 0 each has its own."""
        single = [jax.tree.map(_without_lane, a) if axis == 0 else a for a, axis in zip(args, axes, strict=True)]
        while True:
            part = self._part_of[members[0]]
            if not all(m in part.place for m in members):
                raise Disagreement(f"These candidates need programs of their own: {self.owner.reasons[-1]}", members)
            with contextlib.suppress(_Again):
                return self._run(part, axes, tuple(members), args, single)

    def division(self, member: int, *args: Any) -> int:
        """The number of the part to which a member belongs, found by tracing with such arguments."""
        while True:
            part = self._part_of[member]
            with contextlib.suppress(_Again), self._tracing(part):
                self._discover(part, None, args)
            if self._part_of[member] is part:
                return self.parts.index(part)

    def _run(self, part: _Part, axes: Any, members: tuple[int, ...], args: Any, single: Any) -> Any:
        signature = axes, *_signature(args)
        ready = part.ready.get(signature)
        if ready is not None:
            try:
                return ready(members, args)
            except _Untraced:
                pass  # JAX knows of a difference that the signature does not tell
        with self._tracing(part):
            self._discover(part, axes, single)
            found = part.latest.get(axes)
            if found is None or len(found.values) < len(part.inputs):
                found = part.latest[axes] = _Compiled(self._compiled(part, axes), part, axes is not None)
            result = found(members, args)
        part.ready[signature] = found
        return result

    def _compiled(self, part: _Part, axes: Any) -> Callable[..., Any]:
        keys, function = list(part.inputs), self._function(axes)

        def run(inputs: list[Any], *args: Any) -> Any:
            if self.owner.active != (threading.get_ident(), part.members):
                raise _Untraced
            table = dict(zip(keys, inputs, strict=True))
            with collecting(lambda values: table[_key(values)]):
                return function(*args)

        if axes is not None:
            run = jax.vmap(run, in_axes=(0, *axes))
        return jax.jit(run, donate_argnums=(1,) if self.donate else ())

    def _function(self, axes: Any) -> Callable[..., Any]:
        return self.alone if axes is None else self.together

    def _discover(self, part: _Part, axes: Any, args: Any) -> None:
        """Trace for shapes alone, to learn which numbers become inputs."""
        signature = axes is None, *_signature(args)
        if not self.owner.varying or signature in part.traced:
            return

        def collect(values: tuple[Any, ...]) -> Any:
            part.inputs.setdefault(_key(values), values)
            return jnp.asarray(values[0])

        with collecting(collect):
            jax.eval_shape(self._function(axes), *args)
        part.traced.add(signature)

    @contextlib.contextmanager
    def _tracing(self, part: _Part) -> Iterator[None]:
        """The template with the part's numbers, for one thread; a part that cannot be traced together is divided."""
        with self.owner.lock:
            if self._part_of[part.members[0]] is not part:
                raise _Again  # another thread has divided it
            try:
                with self.owner.substituted(part.members):
                    yield
            except Disagreement as error:
                self._divide(part, error.outcomes, str(error))
            except (_Again, RuntimeError):
                raise  # the latter of running, not of tracing
            except Exception as error:
                numbers = [self.owner.numbers(m) for m in part.members]
                if _alike(numbers):
                    raise
                first = (str(error).splitlines() or [""])[0]
                self._divide(part, numbers, f"{type(error).__name__}: {first}")

    def _divide(self, part: _Part, outcomes: Sequence[Any], reason: str) -> None:
        if reason not in self.owner.reasons:
            self.owner.reasons.append(reason)
        groups: dict[Any, list[int]] = {}
        for member, outcome in zip(part.members, outcomes, strict=True):
            groups.setdefault(outcome, []).append(member)
        new = [_Part(members) for members in groups.values()]
        self.parts = [p for p in self.parts if p is not part] + new
        for p in new:
            self._part_of.update(dict.fromkeys(p.members, p))
        raise _Again from None


class _Again(Exception):  # noqa: N818  not an error
    """A part has been divided: look again."""


class _Untraced(Exception):  # noqa: N818  not an error
    """JAX traces anew where nobody has prepared the template."""


def _alike(values: Sequence[Any]) -> bool:
    return all(v == values[0] for v in values)


def _key(values: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(repr, values))


def _signature(args: Any) -> tuple[Any, ...]:
    return tuple((a.shape, a.dtype) if hasattr(a, "shape") else type(a) for a in jax.tree.leaves(args))


def _without_lane(array: Any) -> Any:
    return jax.ShapeDtypeStruct(array.shape[1:], array.dtype)


class CandidatePrograms(Programs):
    """What one member sees of the shared programs: programs as if they were its own.

    Args:
        shared: the programs.
        member: its number.
        model: its model.
        roles: that model's variables.
    """

    def __init__(self, shared: SharedPrograms, member: int, model: Any, roles: Roles):
        super().__init__(model, roles)
        self.shared = shared
        self.member = member

    @cached_property
    def fillable(self) -> bool:
        """No: the size of the data's last batch is the same for all members."""
        return False

    @property
    def direct(self) -> Any:
        """As in `Programs`, where the shared programs use the kernel, too: all ways give the same bits."""
        return None if self.shared.varying else super().direct

    def _bound(self, program: Any) -> Callable[..., Any]:
        return partial(program.one, self.member)

    def single(self, learn: bool) -> Callable[..., Any]:
        """As in `Programs`."""
        return self._bound(self.shared.single(learn))

    def chunk(self, learn: bool, batch_size: int, how: str) -> Callable[..., Any]:
        """As in `Programs`."""
        return self._bound(self.shared.chunk(learn, batch_size, how))

    def many_epochs(self, batch_size: int, size: int, shuffled: bool, fresh_metrics: list[Any]) -> Callable[..., Any]:
        """As in `Programs`."""
        return self._bound(self.shared.many_epochs(batch_size, size, shuffled, fresh_metrics))

    def log_shapes(self, batch: Any) -> dict[str, tuple[int, ...]]:
        """As in `Programs`, asked once for all members."""
        return self.shared.log_shapes(batch)

    def predict(self, batch_size: int | None = None) -> Callable[..., Any]:
        """As in `Programs`."""
        return self._bound(self.shared.predict(batch_size))
