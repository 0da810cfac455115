"""Python code taken apart: every operation that a function makes of its inputs, one after another, with its value.

The function is traced once (`Steps`), and what it was made of is computed again operation by operation. A call of a
function of `ops` is one step, whatever it does inside; a result that the code gives a name, ``z = ops.sigmoid(…)``, is
shown under that name.
"""

from __future__ import annotations

import dataclasses
import itertools
import linecache
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from ...core.pure import current_scope
from ...layers.context import current_context
from ...ops.symbolic import marked_operations
from .expressions import KNOWN_AS, expression
from .text import number

__all__ = ["Step", "Steps"]

# What only brings numbers into another form, for the operations around it.
_SILENT = {"broadcast_in_dim", "convert_element_type", "stop_gradient", "copy", "copy_p", "device_put", "name", "pvary"}
_MARK = re.compile(r"operation-(\d+)-(\w+)")
_ASSIGNED = re.compile(r"\s*([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*=(?!=)")
_BELOW, _PLAIN = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"), str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_ELSEWHERE = tuple(
    os.path.dirname(os.path.abspath(path)) + os.sep
    for path in (jax.__file__, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
)


@dataclasses.dataclass
class Step:
    """One operation.

    Attributes:
        name: what it is called, unique among the steps: the code's own name for the result, or the operation's.
        symbol: how others refer to it.
        meaning: what is computed, ``"x · 2"``.
        value: the variable that holds its result.
        reads: the numbers of the inputs, and the symbols of the steps, that it is computed from.
    """

    name: str
    symbol: str
    meaning: str
    value: Any
    reads: set[int | str]


@dataclasses.dataclass
class _Group:
    """Equations that are one operation; `function` is that of `ops` that they come from."""

    function: str | None
    equations: list[Any]

    @property
    def name(self) -> str:
        return KNOWN_AS.get(self.function, self.function) if self.function else _name_of(self.equations[-1])

    @property
    def silent(self) -> bool:
        return self.function is None and self.equations[0].primitive.name in _SILENT

    @property
    def operands(self) -> list[Any]:
        """What comes in from outside."""
        inner = {v for e in self.equations for v in e.outvars}
        return [v for e in self.equations for v in e.invars if not (_is_variable(v) and v in inner)]


class Steps:
    """The steps of ``function(arrays) → nested arrays``.

    Args:
        function: what to trace. It may read and assign variables, and add losses.
        arrays: its inputs.
        labels: what to call them.
        known: other arrays that it may use, with what to call them.

    Attributes:
        steps: in the order in which they are computed.
        outputs: for each array that the function gives (and each loss that it adds) what it comes from: the number
            of an input, the symbol of a step, as a set.
        losses: how many losses it adds.
    """

    def __init__(self, function: Callable[[list[Any]], Any], arrays: list[Any], labels: Sequence[str], known: Any = ()):
        self._changed: list[int] = []

        def run(arrays: list[Any]) -> Any:
            scope, context = current_scope(), current_context()
            values = {} if scope is None else dict(scope.values)
            losses = 0 if context is None else len(context.losses)
            try:
                with marked_operations():
                    outputs = function(arrays)
                now = {} if scope is None else scope.values
                self._changed = [key for key, value in now.items() if values.get(key) is not value]
                added = [] if context is None else [loss for _, loss in context.losses[losses:]]
                return outputs, added, [now[key] for key in self._changed]
            finally:  # nothing of this trace may stay behind
                if scope is not None:
                    scope.values.clear()
                    scope.values.update(values)
                if context is not None:
                    del context.losses[losses:]

        closed, shapes = jax.make_jaxpr(run, return_shape=True)(arrays)
        self._structure = jax.tree.structure(shapes)
        self._jaxpr, self._consts = closed.jaxpr, closed.consts
        self._count, self.losses = len(jax.tree.leaves(shapes[:2])), len(shapes[1])
        names = {id(array): label for array, label in known}
        texts = dict(zip(self._jaxpr.invars, labels, strict=True))
        for v, constant in zip(self._jaxpr.constvars, self._consts, strict=True):
            texts[v] = names.get(id(constant)) or _constant(constant)
        groups = self._groups()
        results = self._results(groups)
        symbols = self._symbols(groups, results, set(labels))
        self.steps: list[Step] = []
        reads: dict[Any, set[int | str]] = {v: {i} for i, v in enumerate(self._jaxpr.invars)}
        for group, made in zip(groups, results, strict=True):
            self._take(group, made, symbols, texts, reads)
        self.outputs = [_read([v], reads) for v in self._jaxpr.outvars[: self._count]]

    # --- reading the program ----------------------------------------------------------------------------------------

    def _groups(self) -> list[_Group]:
        """The equations, those of one call of a function of `ops` together."""
        found: list[_Group] = []
        last = None
        for equation in self._jaxpr.eqns:
            mark = _MARK.search(str(equation.source_info.name_stack))
            key = None if mark is None else mark.group(1)
            if key is not None and key == last:
                found[-1].equations.append(equation)
            else:
                found.append(_Group(None if mark is None else mark.group(2), [equation]))
            last = key
        return found

    def _results(self, groups: list[_Group]) -> list[list[Any]]:
        """What each group gives to others; nothing for those that no input comes into, or that say nothing."""
        reached = set(self._jaxpr.invars)
        for equation in self._jaxpr.eqns:
            if any(_is_variable(v) and v in reached for v in equation.invars):
                reached.update(equation.outvars)
        wanted: dict[Any, set[int]] = {}
        for i, group in enumerate(groups):
            for v in group.operands:
                if _is_variable(v):
                    wanted.setdefault(v, set()).add(i)
        for v in self._jaxpr.outvars:
            if _is_variable(v):
                wanted.setdefault(v, set()).add(-1)
        return [
            [] if group.silent else [v for e in group.equations for v in e.outvars if v in wanted and v in reached]
            for group in groups
        ]

    def _symbols(self, groups: list[_Group], results: list[list[Any]], used: set[str]) -> dict[Any, str]:
        """What the results are called: as the code calls them, or t₁, t₂ …"""
        last: dict[Any, list[Any]] = {}  # what the last operation of a line gives is what the line names
        for group, made in zip(groups, results, strict=True):
            line = _line_of(group.equations[-1])
            if made and line is not None:
                last[line] = made
        found: dict[Any, str] = {}
        for (file, line), made in last.items():
            match = _ASSIGNED.match(linecache.getline(file, line))
            names = [] if match is None else [name.strip() for name in match.group(1).split(",")]
            if len(names) == len(made):
                for v, name in zip(made, names, strict=True):
                    symbol = next(s for i in itertools.count(1) if (s := name + _small(i, from_=2)) not in used)
                    used.add(symbol)
                    found[v] = symbol
        numbers = itertools.count(1)
        for v in (v for made in results for v in made if v not in found):
            found[v] = next(s for i in numbers if (s := f"t{_small(i)}") not in used)
        return found

    def _take(self, group: _Group, made: list[Any], symbols: Any, texts: Any, reads: Any) -> None:
        """Make steps of a group's results, and texts of all else."""
        operands = group.operands
        from_ = _read(operands, reads)
        variables = [v for v in operands if _is_variable(v)]  # literals within functions of ops are their own affair
        shown = variables if group.function is not None and variables else operands
        written = [texts.get(v, "") if _is_variable(v) else _literal(v) for v in shown]
        written = [t for t in (written if group.function is None else dict.fromkeys(written)) if t]
        params = group.equations[-1].params
        if group.equations[-1].primitive.name == "integer_pow" and group.function is None:
            written.append(str(params["y"]))
        text = (written or [""])[0] if group.silent else expression(group.name, written)
        for v in (v for e in group.equations for v in e.outvars):
            reads[v], texts[v] = from_, text
        for i, v in enumerate(made):
            symbol = symbols[v]
            named = not symbol.startswith("t") or not symbol[1:].translate(_PLAIN).isdigit()
            name = symbol if named else group.name
            same = sum(step.name == name or step.name.startswith(f"{name} ") for step in self.steps)
            meaning = text if len(made) == 1 else f"{text}, part {i}"
            self.steps.append(Step(name if not same else f"{name} {same + 1}", symbol, meaning, v, from_))
            reads[v], texts[v] = {symbol}, symbol

    # --- computing --------------------------------------------------------------------------------------------------

    def run(self, arrays: list[Any], through: Callable[[Step, Any], Any]) -> tuple[Any, list[Any]]:
        """What the function gives, and the losses that it adds; variables that it assigns are assigned.

        Args:
            arrays: the inputs.
            through: ``(step, value) → value to go on with``.
        """
        env = dict(zip(self._jaxpr.constvars, self._consts, strict=True))
        env |= dict(zip(self._jaxpr.invars, arrays, strict=True))
        by_result = {step.value: step for step in self.steps}
        for equation in self._jaxpr.eqns:
            values = [env[v] if _is_variable(v) else v.val for v in equation.invars]
            bound = equation.primitive.get_bind_params(equation.params)
            functions, params = bound if isinstance(bound, tuple) else ((), bound)  # the former in older JAX
            with equation.ctx.manager:
                found = equation.primitive.bind(*functions, *values, **params)
            env.update(zip(equation.outvars, found if equation.primitive.multiple_results else [found], strict=True))
            for v in equation.outvars:
                if v in by_result:
                    env[v] = through(by_result[v], env[v])
        leaves = [env[v] if _is_variable(v) else v.val for v in self._jaxpr.outvars]
        outputs, losses, changed = jax.tree.unflatten(self._structure, leaves)
        scope = current_scope()
        if scope is not None:
            scope.values.update(zip(self._changed, changed, strict=True))
        return outputs, losses


def _is_variable(v: Any) -> bool:
    return not hasattr(v, "val")


def _literal(v: Any) -> str:
    return number(float(v.val)) if np.ndim(v.val) == 0 and np.asarray(v.val).dtype.kind in "fiu" else str(v.val)


def _constant(value: Any) -> str:
    if np.ndim(value) == 0 and not isinstance(value, Tracer):
        return number(float(value)) if np.asarray(value).dtype.kind in "fiu" else str(value)
    return f"constant {'×'.join(map(str, np.shape(value)))}".rstrip()


def _name_of(equation: Any) -> str:
    name = equation.primitive.name
    if name in ("jit", "pjit", "custom_jvp_call", "custom_vjp_call", "closed_call", "remat", "checkpoint"):
        name = str(equation.params.get("name", "function")).strip("_<>")
    return KNOWN_AS.get(name, name)


def _line_of(equation: Any) -> tuple[str, int] | None:
    """The file and line of the user's own code that an equation comes from."""
    traceback = equation.source_info.traceback
    for frame in () if traceback is None else traceback.frames:
        if not frame.file_name.startswith(_ELSEWHERE):
            return frame.file_name, frame.line_num
    return None


def _read(variables: Any, reads: dict[Any, set[int | str]]) -> set[int | str]:
    return set().union(*(reads.get(v, set()) for v in variables if _is_variable(v)))


def _small(i: int, from_: int = 1) -> str:
    """A number as an index, written below the line; "" for numbers under `from_`."""
    return "" if i < from_ else str(i).translate(_BELOW)
