"""`Chain`: ∂L/∂w of one weight as on paper: for each way from the weight to the loss a product of derivatives.

The program is cut at every sum and every output (`Program.cut`), so that what is left between two cuts is one step.
Its derivatives are the factors. They come from automatic differentiation of the model's own code and not from formulas;
a formula is written beside a factor only where its number agrees.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.errors import ArgumentError, NotCompiledError
from ...ops import symbolic
from .capture import Call, Node, Program, is_float
from .factors import Factor, Place, described
from .html import chain_html
from .layer import LayerExplanation, Results
from .neurons import slope_of
from .paths import LOSS, backwards
from .quantities import as_json
from .rules import activation_name, is_transparent
from .samples import as_index
from .text import chain_text

__all__ = ["Chain", "Path", "chain_of"]

_MOST_NUMBERS = 4096  # larger networks are not expanded number by number: the last factor sums up what lies behind
_MOST_DERIVATIVES = 20_000_000


@dataclasses.dataclass
class Path:
    """One way from the weight to the loss.

    Attributes:
        factors: the derivatives, from the loss back to the weight.
        product: their product.
    """

    factors: list[Factor]
    product: float

    def to_dict(self) -> dict[str, Any]:
        """The path as plain data."""
        return {"factors": [factor.to_dict() for factor in self.factors], "product": self.product}


@dataclasses.dataclass
class Chain:
    """The derivative of the loss by one weight, taken apart. ``print(chain)`` shows it as on paper.

    Attributes:
        layer: the layer's key.
        variable: the variable's name.
        weight: where in it.
        value: the weight.
        gradient: ∂L/∂w by backpropagation.
        total: ∂L/∂w as the sum over all paths.
        paths: the strongest paths.
        paths_total: how many there are.
        rest: the sum of those that are not among `paths`.
    """

    layer: str
    variable: str
    weight: tuple[int, ...]
    value: float
    gradient: float
    total: float
    paths: list[Path]
    paths_total: int
    rest: float

    def to_dict(self, json: bool = False) -> dict[str, Any]:
        """The chain as plain data; with `json`, as data that JSON can hold."""
        data = {
            "layer": self.layer, "variable": self.variable, "weight": list(self.weight), "value": self.value,
            "gradient": self.gradient, "total": self.total, "paths_total": self.paths_total,
            "paths_shown": len(self.paths), "rest": self.rest, "paths": [path.to_dict() for path in self.paths],
        }  # fmt: skip
        return as_json(data) if json else data

    def __str__(self) -> str:
        return chain_text(self)

    def _repr_html_(self) -> str:
        return chain_html(self)


def chain_of(
    program: Program, results: Results, layer: LayerExplanation, weight: Any, variable: str | None, top: int
) -> Chain:
    """The chain of one weight; see `Explanation.chain`."""
    if results.variables is None:
        raise NotCompiledError("The chain rule needs a loss: explain(x, y) with a target y.")
    if not layer.weights:
        raise ArgumentError(f"Layer '{layer.key}' ({layer.class_name}) has no weights.")
    named = {w.name: w for w in layer.weights}
    main = layer.weights[0].name if variable is None else variable
    if main not in named:
        raise ArgumentError(f"Layer '{layer.key}' has the weights {list(named)}. Received: variable={main!r}")
    chosen = named[main]
    place = as_index(weight, chosen.value.shape)
    if place is None:
        raise ArgumentError(
            f"'{main}' of layer '{layer.key}' has the shape {chosen.value.shape}. Received: weight={weight!r}"
        )
    number = next(i for i, v in enumerate(program.variables) if v.path == chosen.path and v.name == chosen.name)
    if chosen.gradient is None:
        raise ArgumentError(
            f"'{main}' of layer '{layer.key}' holds no real numbers, so there is nothing to differentiate."
        )
    work = _Work(program, results, layer, number, place, main, top)
    paths, count, total = work.expanded() or work.summarised()
    return Chain(
        layer.key, main, place, float(chosen.value[place]), float(chosen.gradient[place]), total, paths, count,
        total - math.fsum(path.product for path in paths) if count > len(paths) else 0.0,
    )  # fmt: skip


class _Work:
    """Finding the factors of one weight's chain.

    Args:
        number: the variable's place among the program's.
        place: the weight's place in it.
        variable: its name.
        top: how many paths to keep.
    """

    def __init__(
        self, program: Program, results: Results, layer: LayerExplanation, number: int, place: Any, variable: str,
        top: int,
    ):  # fmt: skip
        self.program, self.results, self.layer = program, results, layer
        self.number, self.place, self.variable, self.top = number, place, variable, top
        self.uses = [call for call in results.calls if call.layer is layer.layer]

    # --- cutting ----------------------------------------------------------------------------------------------------

    def _cuts(self, calls: list[Call]) -> dict[Node, Any]:
        """Where to cut: the sums and the outputs of calls that do their own work, with their values."""
        found: dict[Node, Any] = {}
        for call in calls:
            linear = call.sum is not None and activation_name(call.layer) is None
            if call.sum is not None and not linear:
                found[Node(call.id, "sum")] = call.sum
            if call.children or is_transparent(call):
                continue  # its output is that of a call within
            for i, leaf in enumerate(symbolic.flatten(call.outputs)):
                found[Node(call.id, "output", i)] = leaf
        return {node: value for node, value in found.items() if is_float(value)}

    def _first_steps(self, given: dict[Node, Any]) -> tuple[dict[Node, np.ndarray], float]:
        """The derivatives of the results at the cuts, and of the loss itself, by the weight.

        Forward differentiation as the transpose of backward differentiation, since some operations have rules for the
        latter alone.
        """
        program, number, nodes = self.program, self.number, list(given)

        def work(notes: dict[str, Any], held: list[Any], start: list[Any], x: Any, target: Any, one: Any) -> Any:
            def function(w: Any) -> Any:
                return program.cut(nodes, held, [*start[:number], w, *start[number + 1 :]], x, target)

            results, pull = jax.vjp(function, start[number])
            like = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), results)
            return jax.linear_transpose(lambda by: pull(by)[0], like)(one)[0]

        one = np.zeros(program.start[number].shape, "float32")
        one[self.place] = 1
        arguments = (
            list(given.values()),
            program.start,
            program.sample.x,
            program.target,
            jnp.asarray(one, program.start[number].dtype),
        )
        found, direct = program.compiled(("first", number, *nodes), work, arguments)(*arguments)
        return {node: np.asarray(a, "float64") for node, a in zip(given, found, strict=True)}, float(direct)

    # --- number by number -------------------------------------------------------------------------------------------

    def expanded(self) -> tuple[list[Path], int, float] | None:
        """All paths through all numbers; None where there are too many numbers, or no path that is not zero."""
        first = min(call.id for call in self.uses)
        given = self._cuts([call for call in self.results.calls if call.id >= first])
        sizes = {node: int(np.prod(value.shape)) for node, value in given.items()}
        numbers = sum(sizes.values())
        if not given or numbers > _MOST_NUMBERS or numbers**2 > _MOST_DERIVATIVES:
            return None
        begin, direct = self._first_steps(given)
        edges = self._edges(given)
        ways = backwards(sizes, edges, self.top)
        found: list[tuple[float, Any]] = [(direct, None)] if direct else []
        count, total = float(bool(direct)), direct
        for node, steps in begin.items():
            flat = steps.ravel()
            for i in np.flatnonzero(flat):
                found += [(flat[i] * p, (node, int(i), r)) for r, p in enumerate(ways[node].products[i]) if p]
                count += ways[node].count[i]
                total += flat[i] * ways[node].total[i]
        if not found:
            return None
        found.sort(key=lambda entry: -abs(entry[0]))
        paths = [self._path(begin, ways, given, direct, entry) for _, entry in found[: self.top]]
        return paths, int(count), float(total)

    def _edges(self, given: dict[Node, Any]) -> dict[Any, dict[Any, np.ndarray]]:
        """The derivatives of each result by those before it, one row for each number."""

        program, nodes = self.program, list(given)

        def work(notes: dict[str, Any], held: list[Any], start: list[Any], x: Any, target: Any) -> Any:
            (results, loss), pull = jax.vjp(lambda values: program.cut(nodes, values, start, x, target), held)
            zeros, nothing = [jnp.zeros_like(r) for r in results], jnp.zeros_like(loss)
            rows = []
            for i, result in enumerate(results):
                ones = jnp.eye(result.size, dtype=result.dtype).reshape(result.size, *result.shape)
                by = jax.vmap(lambda one, i=i: pull(([*zeros[:i], one, *zeros[i + 1 :]], nothing))[0])(ones)
                rows.append([r.reshape(result.size, -1) for r in by])
            return [*rows, [r.reshape(1, -1) for r in pull((zeros, jnp.ones_like(loss)))[0]]]

        arguments = list(given.values()), program.start, program.sample.x, program.target
        rows = program.compiled(("edges", *nodes), work, arguments)(*arguments)
        return {
            node: {other: m for other, row in zip(nodes, line, strict=True) if (m := np.asarray(row, "float64")).any()}
            for node, line in zip([*nodes, LOSS], rows, strict=True)
        }

    def _path(self, begin: Any, ways: Any, given: Any, direct: float, entry: Any) -> Path:
        weight = Place(self.layer.key, "weight", self.place)
        if entry is None:
            return Path([self._factor(direct, Place(None, "loss", ()), weight)], direct)
        steps = [(begin[entry[0]].ravel()[entry[1]], weight, self._where(entry[0], entry[1], given))]
        while entry is not None:
            node, i, rank = entry
            following = ways[node].steps[i][rank]
            target = Place(None, "loss", ()) if following is None else self._where(following[0], following[1], given)
            steps.append((ways[node].first[i][rank], steps[-1][2], target))
            entry = following
        factors = [self._factor(float(value), of, by) for value, by, of in reversed(steps)]
        return Path(factors, math.prod(factor.value for factor in factors))

    def _where(self, node: Node, flat: int, given: dict[Node, Any]) -> Place:
        shape = given[node].shape
        place = tuple(int(p) for p in np.unravel_index(flat, shape)) if shape else ()
        sample = self.results.sample
        index = sample.place_within(place, shape) if sample.batch == 1 else place
        return Place(self.results.calls[node.call].key, node.role, index)

    def _factor(self, value: float, of: Place, by: Place) -> Factor:
        return described(value, of, by, self.results, self.variable, self.program)

    # --- summed up --------------------------------------------------------------------------------------------------

    def summarised(self) -> tuple[list[Path], int, float]:
        """One path for each place where the weight is used; what lies behind is one factor, from backpropagation."""
        nodes = self.results.nodes or {}
        given: dict[Node, Any] = {}
        for call in self.uses:
            role = "output" if call.sum is None else "sum"
            for i, leaf in enumerate([call.sum] if role == "sum" else symbolic.flatten(call.outputs)):
                if is_float(leaf):
                    given[Node(call.id, role, i)] = leaf
        begin, direct = self._first_steps(given)
        products = {node: steps * np.asarray(nodes[node], "float64") for node, steps in begin.items()}
        total = direct + math.fsum(float(p.sum()) for p in products.values())
        used = [(node, int(i)) for node, steps in begin.items() for i in np.flatnonzero(steps)]
        used.sort(key=lambda entry: -abs(products[entry[0]].ravel()[entry[1]]))
        weight = Place(self.layer.key, "weight", self.place)
        paths = [Path([self._factor(direct, Place(None, "loss", ()), weight)], direct)] if direct else []
        for node, i in used[: self.top - len(paths)]:
            paths.append(self._short(node, i, given, float(begin[node].ravel()[i]), weight))
        return paths, len(used) + bool(direct), total

    def _short(self, node: Node, i: int, given: dict[Node, Any], last: float, weight: Place) -> Path:
        call, nodes = self.results.calls[node.call], self.results.nodes or {}
        where = self._where(node, i, given)
        end = Place(None, "loss", ())
        place = tuple(int(p) for p in np.unravel_index(i, given[node].shape)) if given[node].shape else ()
        slope = None
        if node.role == "sum" and activation_name(call.layer) is not None and not call.children:
            slope = slope_of(call, call.sum, place)
        if slope is None:
            factors = [self._factor(float(np.asarray(nodes[node])[place]), end, where)]
        else:
            output = Place(where.layer, "output", where.index)
            behind = float(np.asarray(nodes[Node(node.call, "output")])[place])
            factors = [self._factor(behind, end, output), self._factor(slope, output, where)]
        factors.append(self._factor(last, where, weight))
        for factor in factors[:1]:
            factor.formula = factor.formula or "by backpropagation through the layers behind"
        return Path(factors, math.prod(factor.value for factor in factors))
