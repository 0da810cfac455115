"""Which way of training many candidates is the fastest here: found out by trying, on copies of their states.

One after another, in threads, or side by side (`jax.vmap`): tiny networks win most side by side, since a step's fixed
cost is paid once for all; larger ones in threads, since their products fill a core by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import jax
import numpy as np

from ..core.errors import ArgumentError
from ..training.loop import capacity_of
from .members import Member, Work, workers
from .programs import SharedPrograms
from .stacks import Stack, training_logs

__all__ = ["WAYS", "Costs", "check_way", "measure"]

Way = Literal["auto", "vmap", "threads", "sequential"]
WAYS = ("auto", "vmap", "threads", "sequential")
_TRIAL = 0.05  # seconds that are timed, twice
_HEAVY = 0.02  # seconds of a step above which, on a CPU, side by side was never found to win


def check_way(how: Any) -> Way:
    """`how` if it is one of the ways."""
    if how not in WAYS:
        raise ArgumentError(f"how must be one of {WAYS}. Received: how={how!r}")
    return how


class Costs:
    """What an epoch costs, as far as known.

    Attributes:
        each: by way, seconds of an epoch of one candidate, others running beside it or not.
        stacked: by the number of lanes, seconds of an epoch of all.
        compiling: seconds that it took to compile.
    """

    def __init__(self) -> None:
        self.each: dict[str, float] = {}
        self.stacked: dict[int, float] = {}
        self.compiling = 0.0

    def best(self, how: Way, count: int, epochs: int) -> tuple[str, int]:
        """The cheapest way for `count` candidates and so many epochs, and the number of lanes side by side."""
        prices: dict[tuple[str, int], float] = {}
        if how != "vmap":
            for way, seconds in self.each.items():
                prices[way, 0] = seconds * count * epochs
        if how in ("auto", "vmap") and count > 1:
            for lanes in sorted({count, *(n for n in self.stacked if n >= count)}):
                known = min(self.stacked, key=lambda n: abs(n - lanes), default=0)
                if known:
                    seconds = self.stacked[known] * lanes / known
                    prices["vmap", lanes] = seconds * epochs + (0 if lanes in self.stacked else self.compiling)
        if not prices:
            return ("vmap", count) if how == "vmap" and count > 1 else ("sequential", 0)
        return min(prices, key=prices.__getitem__)

    def learn(self, stack: Stack) -> None:
        """Take over what was seen while a stack trained."""
        if stack.epochs:
            self.stacked[len(stack.lanes)] = stack.training / stack.epochs
        else:
            self.stacked.setdefault(len(stack.lanes), stack.compiling)
        self.compiling = self.compiling or stack.compiling


def measure(shared: SharedPrograms, members: Sequence[Member], work: Work, epochs: int) -> Costs:
    """Try the ways for some hundredths of a second each; other programs only where compiling them can pay.

    Args:
        shared: the programs of a group.
        members: those of one part.
        work: what they train on.
        epochs: how many they will train.
    """
    costs, count = Costs(), len(members)
    trial = _Trial(work)
    run, longest = trial.alone(members[0])
    costs.compiling, unit = _timed(run, longest)
    costs.each["sequential"] = unit * trial.units
    total = costs.each["sequential"] * count * epochs
    threads = min(workers(), count)
    if threads > 1 and total > 5 * _TRIAL:
        costs.each["threads"] = _in_threads(trial, members[:threads], unit) * trial.units
        total = min(costs.each.values()) * count * epochs
    heavy = jax.default_backend() == "cpu" and unit * trial.units / work.data.steps > _HEAVY
    if count > 1 and not heavy and total > max(1.5 * costs.compiling, 2 * _TRIAL):
        try:
            run, longest = trial.together(shared, members)
            compiling, unit = _timed(run, longest)
        except Exception as error:  # whatever jax.vmap cannot do, the other ways can
            shared.reasons.append(
                f"Side by side failed: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            )
        else:
            costs.stacked[count], costs.compiling = unit * trial.units, max(costs.compiling, compiling)
    return costs


class _Trial:
    """Calls of the programs that training will call, on copies of states.

    Attributes:
        units: how many of what the programs count (epochs, or steps) are an epoch.
    """

    def __init__(self, work: Work):
        self.work = work
        data = work.data
        self.whole = work.whole
        self.steps = data.size // data.batch_size
        self.units = 1 if self.whole else data.steps
        self.generator = np.random.default_rng(0)

    def alone(self, member: Member) -> tuple[Callable[[int], Any], int]:
        """A function that runs so many units of one candidate, and how many it can."""
        data, session = self.work.data, member.session
        arrays, state = session._place(data.arrays), _copy(session.state)
        if self.whole:
            capacity = capacity_of(data.size)
            program = member.programs.many_epochs(data.batch_size, data.size, bool(data.shuffle), session.fresh_metrics)
            orders, logs = self._orders(capacity), training_logs(member, data, (capacity,))
            call, longest = lambda s, n: program(s, arrays, orders, logs, 0, n), capacity
        elif self.steps:
            order = self._orders(1)
            chunk = member.programs.chunk(True, data.batch_size, "slices" if order is None else "rows")
            order = None if order is None else order[0]
            call, longest = lambda s, n: chunk(s, arrays, order, 0, n), self.steps
        else:
            single = member.programs.single(True)
            call, longest = lambda s, n: single(s, data.arrays, 0), 1
        return _keeping(call, state), longest

    def together(self, shared: SharedPrograms, members: Sequence[Member]) -> tuple[Callable[[int], Any], int]:
        """The same for many candidates side by side."""
        data = self.work.data
        stack = Stack(shared, members, len(members), self.work)
        one = self._orders(stack.capacity if self.whole else 1)
        orders = None if one is None else jax.device_put(np.broadcast_to(one, (len(members), *one.shape)))
        if self.whole:
            logs = training_logs(members[0], data, (len(members), stack.capacity))
            return lambda n: stack.whole(orders, logs, 0, n), stack.capacity
        if self.steps:
            flat = None if orders is None else orders[:, 0]
            return lambda n: stack.chunk(data, True, flat, 0, n, 0.0), self.steps
        return lambda n: stack.rest(data, True, None if orders is None else np.asarray(orders[:, 0]), 0), 1

    def _orders(self, count: int) -> np.ndarray | None:
        orders = [self.work.data.order(self.generator) for _ in range(count)]
        return None if orders[0] is None else np.stack(orders)  # type: ignore[arg-type]


def _copy(state: Any) -> Any:
    return jax.tree.map(lambda v: jax.device_put(v, may_alias=False), state)


def _keeping(call: Callable[[Any, int], Any], state: Any) -> Callable[[int], Any]:
    """`call`, which takes the state and gives the next, as a function that keeps it."""
    held = [state]

    def run(count: int) -> None:
        held[0], logs = call(held[0], count)
        jax.block_until_ready(logs)

    return run


def _seconds(run: Callable[[int], Any], count: int) -> float:
    begin = time.perf_counter()
    run(count)
    return time.perf_counter() - begin


def _timed(run: Callable[[int], Any], longest: int) -> tuple[float, float]:
    """Seconds of the first call, which compiles, beyond those of another; and seconds of a unit."""
    first = _seconds(run, 1)
    unit, count = _seconds(run, 1), 1
    while count < longest and unit * count < _TRIAL:
        count = min(longest, max(2 * count, int(_TRIAL / max(unit, 1e-7))))
        unit = _seconds(run, count) / count
    if unit * count < 2 * _TRIAL:
        unit = min(unit, _seconds(run, count) / count)
    return max(0.0, first - unit), unit


def _in_threads(trial: _Trial, members: Sequence[Member], unit: float) -> float:
    """Seconds of a unit of one candidate while as many run as there are threads, shared among them."""
    runs = [trial.alone(member) for member in members]
    count = min(runs[0][1], max(1, int(_TRIAL / max(unit, 1e-7))))
    for run, _ in runs:
        run(1)  # what is left to compile
    seconds = []
    with ThreadPoolExecutor(len(runs)) as pool:
        for _ in range(3):  # the threads start in the first
            begin = time.perf_counter()
            list(pool.map(lambda entry: entry[0](count), runs))
            seconds.append(time.perf_counter() - begin)
    return min(seconds) / (count * len(runs))
