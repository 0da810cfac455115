"""From a traced program to the nodes of a graph: calls inlined, loops and branches as graphs of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from ..core.tracebacks import is_of_others
from ..ops.recording import ArrayAt, OperationCall, operation_p
from .elementary import ELEMENTARY, broadcasts_like_numpy, is_matmul
from .graph import Graph, LayerCall, Node, Value
from .sizes import Sizes, with_numbers

__all__ = ["MARK", "SCOPE", "Converter"]

MARK = "ranvier-mark"  # names what goes into and comes out of calls of layers: "ranvier-mark:<call>:<in or out>"
SCOPE = "ranvier-call-"  # scopes of calls, with their numbers
_IN_SCOPE = re.compile(rf"{SCOPE}(\d+)")
#: Equations that only call a program, by the parameter that holds it.
_CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "checkpoint": "jaxpr",
    "remat2": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "custom_lin": "call_jaxpr",
}  # fmt: skip


_IDENTITIES = frozenset({"linear"})  # operations that give what they take


class Converter:
    """Makes nodes of equations.

    Args:
        calls: the calls of layers, by the numbers in the equations' scopes.
    """

    def __init__(self, calls: list[LayerCall]):
        self.calls = calls
        self.nodes: list[Node] = []
        self._narrow: dict[Value, Value] = {}  # what was only broadcast: what it was before

    def converted(
        self, jaxpr: Jaxpr, consts: Sequence[Any], inputs: Sequence[Value], call: LayerCall | None
    ) -> list[Value]:
        """Add the nodes of a program with these inputs; returns its outputs."""
        table: dict[Any, Value] = {}
        table.update(zip(jaxpr.constvars, map(_constant, consts), strict=True))
        table.update(zip(jaxpr.invars, inputs, strict=True))

        def value(atom: Any) -> Value:
            return _constant(atom.val, atom.aval) if isinstance(atom, Literal) else table[atom]

        for eqn in jaxpr.eqns:
            given = [value(atom) for atom in eqn.invars]
            table.update(zip(eqn.outvars, self._results(eqn, given, call), strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def _results(self, eqn: Any, inputs: list[Value], call: LayerCall | None) -> list[Value]:
        name, params = eqn.primitive.name, eqn.params
        call = self._call_of(eqn) or call
        if name == "name":
            return [self._marked(str(params["name"]), inputs[0])]
        if name in _CALLS and _CALLS[name] in params:
            inner = params[_CALLS[name]]
            jaxpr, consts = (inner.jaxpr, inner.consts) if isinstance(inner, ClosedJaxpr) else (inner, [])
            return self.converted(jaxpr, consts, inputs, call)
        if eqn.primitive is operation_p and params["call"].name in _IDENTITIES:
            return inputs  # nothing that anybody would draw
        outputs = [Value(tuple(v.aval.shape), str(v.aval.dtype)) for v in eqn.outvars]
        node = self._node(eqn, inputs, outputs, call)
        node.call, node.source = call, _source_of(eqn)
        self.nodes.append(node)
        return outputs

    def _call_of(self, eqn: Any) -> LayerCall | None:
        numbers = _IN_SCOPE.findall(str(eqn.source_info.name_stack))
        return self.calls[int(numbers[-1])] if numbers else None

    def _marked(self, name: str, value: Value) -> Value:
        if name.startswith(MARK):
            _, number, side = name.split(":")
            call = self.calls[int(number)]
            (call.inputs if side == "in" else call.outputs).append(value)
        return value

    def _node(self, eqn: Any, inputs: list[Value], outputs: list[Value], call: LayerCall | None) -> Node:
        name, params = eqn.primitive.name, eqn.params
        if eqn.primitive is operation_p:
            recorded: OperationCall = params["call"]
            attributes = {k: v for k, v in recorded.given().items() if not isinstance(v, ArrayAt)}
            return Node(recorded.name, attributes, tuple(inputs), tuple(outputs), _operation(recorded))
        builder = _LOOPS.get(name)
        if builder is not None:
            return builder(self, params, inputs, outputs, call)
        if name in ELEMENTARY:
            op, function = ELEMENTARY[name]
            narrow = [self._narrow.get(value, value) for value in inputs]
            wide = any(
                new is old for new, old in zip(narrow, inputs, strict=True)
            )  # one operand has the result's shape
            operands = narrow if wide else inputs
            return Node(op, {}, tuple(operands), tuple(outputs), lambda arrays, _: [function(*arrays)])
        evaluate = _primitive(eqn.primitive, params)
        if name == "convert_element_type":
            return Node("cast", {"dtype": str(params["new_dtype"])}, tuple(inputs), tuple(outputs), evaluate)
        if name == "dot_general" and is_matmul(params, inputs[0].shape, inputs[1].shape):
            return Node("matmul", {}, tuple(inputs), tuple(outputs), evaluate)
        if name == "broadcast_in_dim" and broadcasts_like_numpy(
            inputs[0].shape, params["shape"], params["broadcast_dimensions"]
        ):
            self._narrow[outputs[0]] = inputs[0]
        return Node(name, dict(params), tuple(inputs), tuple(outputs), evaluate, named=False)

    def graph_of(self, closed: ClosedJaxpr, call: LayerCall | None) -> Graph:
        """A program inside a loop or branch, as a graph of its own."""
        inner = Converter(self.calls)
        inputs = [Value(tuple(v.aval.shape), str(v.aval.dtype)) for v in closed.jaxpr.invars]
        outputs = inner.converted(closed.jaxpr, closed.consts, inputs, call)
        return self.pruned(Graph(inputs, outputs, inner.nodes))

    def pruned(self, graph: Graph) -> Graph:
        """`graph` without nodes that nothing depends on."""
        wanted = {*graph.outputs, *(value for _, value in graph.updates)}
        kept = []
        for node in reversed(graph.nodes):
            if any(value in wanted for value in node.outputs):
                kept.append(node)
                wanted.update(node.inputs)
        graph.nodes = kept[::-1]
        return graph


def _constant(array: Any, aval: Any = None) -> Value:
    aval = aval if aval is not None else jax.typeof(array)
    array = array if hasattr(array, "shape") else np.asarray(array, aval.dtype)
    return Value(tuple(aval.shape), str(aval.dtype), constant=array)


def _source_of(eqn: Any) -> str | None:
    """File and line of the innermost frame that is neither ranvier's nor JAX's, inside the capture."""
    traceback = eqn.source_info.traceback
    for frame in traceback.frames if traceback is not None else ():
        if frame.file_name.endswith(_BOUNDARY):
            return None
        if is_of_others(frame.file_name):
            return f"{frame.file_name}:{frame.line_num}"
    return None


_BOUNDARY = "ranvier/graph/capture.py"


def _operation(recorded: OperationCall) -> Callable[[Sequence[Any], Sizes], Sequence[Any]]:
    return lambda arrays, sizes: recorded.with_arguments(lambda value: with_numbers(value, sizes)).flat(*arrays)


def _primitive(primitive: Any, params: dict[str, Any]) -> Callable[[Sequence[Any], Sizes], Sequence[Any]]:
    def evaluate(arrays: Sequence[Any], sizes: Sizes) -> Sequence[Any]:
        if primitive.name == "dim_as_value":
            return [jax.numpy.asarray(with_numbers(params["dim"], sizes))]
        bound: Any = primitive.get_bind_params({k: with_numbers(v, sizes) for k, v in params.items()})
        functions, bound = bound if isinstance(bound, tuple) else ([], bound)  # as JAX was before 0.9
        results = primitive.bind(*functions, *arrays, **bound)
        return results if primitive.multiple_results else [results]

    return evaluate


def _scan(converter: Converter, params: Any, inputs: list[Value], outputs: list[Value], call: Any) -> Node:
    body = converter.graph_of(params["jaxpr"], call)
    fixed, carried = params["num_consts"], params["num_carry"]

    def evaluate(arrays: Sequence[Any], sizes: Sizes) -> Sequence[Any]:
        consts, first, rows = arrays[:fixed], arrays[fixed : fixed + carried], arrays[fixed + carried :]

        def step(carry: Any, row: Any) -> Any:
            results = _values(body, [*consts, *carry, *row], sizes)
            return tuple(results[:carried]), tuple(results[carried:])

        last, stacked = lax.scan(
            step, tuple(first), tuple(rows), length=with_numbers(params["length"], sizes), reverse=params["reverse"]
        )
        return [*last, *stacked]

    kept = {k: params[k] for k in ("length", "reverse", "num_consts", "num_carry")}
    return Node("scan", kept, tuple(inputs), tuple(outputs), evaluate, graphs=(body,))


def _while(converter: Converter, params: Any, inputs: list[Value], outputs: list[Value], call: Any) -> Node:
    condition, body = converter.graph_of(params["cond_jaxpr"], call), converter.graph_of(params["body_jaxpr"], call)
    asked, used = params["cond_nconsts"], params["body_nconsts"]

    def evaluate(arrays: Sequence[Any], sizes: Sizes) -> Sequence[Any]:
        of_condition, of_body, first = arrays[:asked], arrays[asked : asked + used], arrays[asked + used :]
        return lax.while_loop(
            lambda carry: _values(condition, [*of_condition, *carry], sizes)[0],
            lambda carry: tuple(_values(body, [*of_body, *carry], sizes)),
            tuple(first),
        )

    kept = {"cond_nconsts": asked, "body_nconsts": used}
    return Node("while", kept, tuple(inputs), tuple(outputs), evaluate, graphs=(condition, body))


def _cond(converter: Converter, params: Any, inputs: list[Value], outputs: list[Value], call: Any) -> Node:
    branches = tuple(converter.graph_of(branch, call) for branch in params["branches"])

    def evaluate(arrays: Sequence[Any], sizes: Sizes) -> Sequence[Any]:
        index, *operands = arrays
        functions = [lambda *given, g=graph: tuple(_values(g, given, sizes)) for graph in branches]
        return lax.switch(index, functions, *operands)

    return Node("cond", {}, tuple(inputs), tuple(outputs), evaluate, graphs=branches)


def _values(graph: Graph, arrays: Sequence[Any], sizes: Sizes) -> list[Any]:
    table = graph.evaluated(arrays, sizes)
    return [table.get(v, v.constant) for v in graph.outputs]


_LOOPS: dict[str, Callable[..., Node]] = {"scan": _scan, "while": _while, "cond": _cond}
