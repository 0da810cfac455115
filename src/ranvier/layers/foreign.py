"""Layers around functions of JAX and modules of Flax."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError
from ..core.random import SeedGenerator, draw_seed
from ..core.variables import Variable
from .base import Layer

__all__ = ["FlaxLayer", "JaxLayer"]

_CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
_INIT_ARGUMENTS = ("rng", "inputs", "training")


class JaxLayer(Layer):
    """A layer whose mathematics are functions of JAX, which keep their weights outside.

    Args:
        call_fn: the computation. Its arguments are any of ``params``, ``state``, ``rng``, ``inputs`` and ``training``,
            ``inputs`` among them. It returns the outputs, or with ``state`` ``(outputs, new state)``.
        init_fn: makes the weights. Its arguments are any of ``rng``, ``inputs`` (ones of the right shape) and
            ``training``, ``inputs`` among them. It returns the params, or where `call_fn` takes ``state``
            ``(params, state)``: nested dicts, lists and tuples of arrays.
        params, state: the weights themselves, instead of `init_fn`.
        seed: an integer, for the same weights and random numbers in every run.
        native_serialization_platforms: kept for Keras's files.

    Raises:
        ArgumentError: functions with other arguments, or nothing that makes weights.

    >>> import jax.numpy as jnp, numpy as np
    >>> def call_fn(params, inputs):
    ...     return inputs @ params["w"]
    >>> JaxLayer(call_fn, params={"w": jnp.ones((3, 4))})(np.ones((2, 3), "float32")).shape
    (2, 4)
    """

    config_excluded = Layer.config_excluded | {"params", "state", "seed"}

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.native_serialization_platforms = native_serialization_platforms
        self.seed = seed
        self._call_arguments = _arguments("call_fn", call_fn, _CALL_ARGUMENTS)
        self._init_arguments = () if init_fn is None else _arguments("init_fn", init_fn, _INIT_ARGUMENTS)
        self.seed_generator = SeedGenerator(seed) if "rng" in self._call_arguments else None
        self._weights: dict[str, _Tree] = {}
        if params is not None or state is not None:
            self._hold(params, state)
            self.built = True

    @property
    def params(self) -> Any:
        """The parameters, a structure of variables; None before the layer is built, or without any."""
        return self._weights["params"].variables() if "params" in self._weights else None

    @property
    def state(self) -> Any:
        """The state, a structure of variables; None before the layer is built, or without any."""
        return self._weights["state"].variables() if "state" in self._weights else None

    def build(self, input_shape: Any) -> None:
        """Make the weights with `init_fn`."""
        wanted = {"params", "state"} & set(self._call_arguments)
        if self._weights or not wanted:
            return
        if self.init_fn is None:
            raise ArgumentError(
                f"Layer '{self.name}': call_fn takes {' and '.join(sorted(wanted))}, so init_fn, params or state must "
                "say where to begin. Received: None for all three"
            )
        inputs = jax.tree.map(self._stand_in, input_shape, is_leaf=_is_shape)
        given = {"rng": draw_seed(self.seed), "inputs": inputs, "training": True}
        made = self.init_fn(**{name: given[name] for name in self._init_arguments})
        if "state" in wanted and not (isinstance(made, (tuple, list)) and len(made) == 2):
            raise ArgumentError(
                f"Layer '{self.name}': call_fn takes state, so init_fn must return (params, state). Received: an "
                f"object of type {type(made).__name__}"
            )
        self._hold(*(made if "state" in wanted else (made, None)))

    def _stand_in(self, shape: Any) -> Any:
        return jnp.ones([1 if size is None else size for size in shape], self.compute_dtype)

    def _hold(self, params: Any, state: Any) -> None:
        for kind, tree in (("params", params), ("state", state)):
            if tree is not None:
                self._weights[kind] = _Tree(self, tree, trainable=kind == "params")

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """What `call_fn` returns; a new state is kept."""
        given: dict[str, Any] = {"inputs": inputs, "training": bool(training)}
        given |= {kind: tree.values() for kind, tree in self._weights.items()}
        if self.seed_generator is not None:
            given["rng"] = self.seed_generator.next() if training else None
        result = self.call_fn(**{name: given.get(name) for name in self._call_arguments})
        if "state" not in self._call_arguments:
            return result
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise ArgumentError(
                f"Layer '{self.name}': call_fn takes state, so it must return (outputs, new state). Received: an "
                f"object of type {type(result).__name__}"
            )
        outputs, state = result
        if "state" in self._weights:
            self._weights["state"].assign(state)
        return outputs


class _Tree:
    """Variables in the shape of a nested structure of arrays. JAX's order of leaves is theirs.

    Args:
        layer: the layer that they become weights of.
        tree: nested dicts, lists and tuples of arrays and numbers; anything else in a state goes through unchanged.
        trainable: whether optimizers change those that are floats.
    """

    def __init__(self, layer: Layer, tree: Any, trainable: bool):
        paths, self.structure = jax.tree_util.tree_flatten_with_path(tree)
        #: A variable for each leaf; strings and the like stand for themselves.
        self.leaves = [self._variable(layer, path, leaf, trainable) for path, leaf in paths]

    def _variable(self, layer: Layer, path: Any, leaf: Any, trainable: bool) -> Any:
        value = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
        if value.dtype.kind in "OUSM":
            if not trainable:
                return leaf
            raise ArgumentTypeError(
                f"Layer '{layer.name}': params must hold arrays and numbers. Received: {leaf!r} at "
                f"{jax.tree_util.keystr(path)}"
            )
        if not hasattr(leaf, "dtype"):
            value = value.astype(layer.variable_dtype if value.dtype.kind == "f" else "int32")
        name = jax.tree_util.keystr(path, simple=True, separator="_").replace("/", "_") or "variable"
        floating = jnp.issubdtype(value.dtype, jnp.floating)
        return layer.add_weight(
            value.shape, lambda shape, dtype=None: value, dtype=value.dtype, trainable=trainable and bool(floating),
            autocast=trainable, name=name,
        )  # fmt: skip

    def variables(self) -> Any:
        """The structure with its variables."""
        return jax.tree.unflatten(self.structure, self.leaves)

    def values(self) -> Any:
        """The structure with the present values."""
        return jax.tree.unflatten(self.structure, [v.value if isinstance(v, Variable) else v for v in self.leaves])

    def assign(self, tree: Any) -> None:
        """Give the variables the values of a structure of the same kind."""
        leaves, structure = jax.tree.flatten(tree)
        if structure != self.structure:
            raise ArgumentError(
                f"The state that call_fn returns must have the structure it had at first, {self.structure}. "
                f"Received: {structure}"
            )
        for variable, leaf in zip(self.leaves, leaves, strict=True):
            if isinstance(variable, Variable):
                variable.assign(leaf)


class FlaxLayer(JaxLayer):
    """A layer around a Flax module.

    Args:
        module: a `flax.linen.Module`.
        method: what computes, instead of the module's ``__call__``: a function ``(module, inputs)`` or
            ``(module, inputs, training)``, or a method's name.
        variables: what ``module.init`` returned, perhaps trained since; None: initialised when the layer is built.

    Raises:
        MissingDependencyError: Flax is not installed.
        ArgumentTypeError: `module` is something else.
    """

    config_excluded = JaxLayer.config_excluded | {
        "call_fn", "init_fn", "native_serialization_platforms", "variables",
    }  # fmt: skip

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any):
        try:
            from flax import linen  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingDependencyError("flax", "FlaxLayer", "flax") from error
        if not isinstance(module, linen.Module):
            raise ArgumentTypeError(
                f"FlaxLayer takes a flax.linen.Module. Received: module={module!r} of type {type(module).__name__}"
            )
        function = getattr(type(module), method or "__call__") if not callable(method) else method
        takes_training = "training" in inspect.signature(function).parameters

        def options(training: bool) -> dict[str, Any]:
            return {"method": method} | ({"training": training} if takes_training else {})

        def init_fn(rng: Any, inputs: Any, training: bool) -> Any:
            return _split(module.init(_streams(rng), inputs, **options(training)))

        def call_fn(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
            rngs = None if rng is None else _streams(rng)
            collections = {"params": params, **(state or {})}
            result = module.apply(
                collections, inputs, rngs=rngs, mutable=list(state) if training and state else False,
                **options(training),
            )  # fmt: skip
            return (result[0], dict(result[1])) if training and state else (result, state)

        params, state = (None, None) if variables is None else _split(variables)
        super().__init__(call_fn, init_fn, params, state, **kwargs)
        self.module = module
        self.method = method


def _split(collections: Any) -> tuple[Any, Any]:
    """Flax's collections of variables as ``(params, all others)``."""
    plain = {name: jax.tree.map(lambda v: v, dict(held)) for name, held in dict(collections).items()}
    return plain.pop("params", {}), plain


def _streams(rng: Any) -> dict[str, Any]:
    """The random streams that modules ask for."""
    return dict(zip(("params", "dropout"), jax.random.split(rng), strict=True))


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(size is None or isinstance(size, int) for size in value)


def _arguments(what: str, function: Callable[..., Any], known: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a function's arguments."""
    if not callable(function):
        raise ArgumentTypeError(f"{what} must be a function. Received: {function!r} of type {type(function).__name__}")
    parameters = inspect.signature(function).parameters.values()
    names = tuple(p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    unknown = [name for name in names if name not in known]
    if unknown or "inputs" not in names:
        raise ArgumentError(
            f"{what} must take inputs, and may take {', '.join(k for k in known if k != 'inputs')}. "
            f"Received: a function of {', '.join(names) or 'nothing'}"
        )
    return names
