"""Prediction of dense networks by the compiled kernel, where it fits.

XLA's dispatch of a small network takes longer than the network: NumPy arrays go to the kernel and come from it directly,
with copies of the weights that are packed once and made anew when a variable has another value. Inside compiled programs
the same kernel is called by XLA. Both give a row the same bits, however many rows are predicted with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..core import settings
from ..core.variables import Variable
from ..ops.compiled import kernel_usable
from .dense_network import DenseNetwork, network_of
from .state import Roles, TrainState

__all__ = ["DensePrediction", "dense_prediction"]

_LARGE = 1 << 22  # weights: to run through more takes so long that a copy of them would save nothing
_DTYPES = {"f": "float32", "B": "uint8"}


def dense_prediction(model: Any, roles: Roles) -> DensePrediction | None:
    """What predicts for `model`, or None where the kernel is missing, not made for it, or not made for this platform."""
    if jax.default_backend() != "cpu" or not kernel_usable("predict_dense"):
        return None
    if getattr(model, "graph", None) is None or isinstance(model._outputs_struct, dict) or len(model.outputs) != 1:
        return None
    network = network_of(model)
    return None if network is None else DensePrediction(model, roles, network)


def _variables(network: DenseNetwork) -> tuple[list[Variable], list[Variable]]:
    """What the network's outputs depend on: its parameters, and the moving values of normalisations."""
    normal = [op for op in network.ops if op.kind == "normalize"]
    parameters = [v for layer in network.layers for v in (layer.kernel, layer.bias)]
    parameters += [v for op in normal for v in (op.gamma, op.beta)]
    return [v for v in parameters if v is not None], [v for op in normal for v in op.moving]


class _Packed(NamedTuple):
    """The weights of a network as the kernel has them; the arrays they were made of are held, so that they are known."""

    arrays: list[jax.Array]
    ids: list[int]
    run: Callable[..., bool]


class DensePrediction:
    """Predictions of a dense network.

    Args:
        model: a built model.
        roles: its variables.
        network: what it was recognised as.
    """

    def __init__(self, model: Any, roles: Roles, network: DenseNetwork):
        self.network = network
        self.width = network.layers[-1].kernel.shape[1]
        self._row = tuple(model.inputs[0].shape[1:])
        self._dtype = str(model.inputs[0].dtype)
        self._parameters, self._moving = _variables(network)
        self._variables = [*self._parameters, *self._moving]
        place = {id(v): i for i, v in enumerate([*roles.trainable, *roles.non_trainable])}
        self._places = [place[id(v)] for v in self._variables]
        self._plan, self._numbers = self._written()
        self._small = sum(v.value.size for v in self._variables) <= _LARGE
        self._packed: _Packed | None = None
        #: Whether nothing but its outputs is asked of a forward pass: no layer adds a loss of its own.
        self.only_outputs = all(layer.activity_regularizer is None for layer in model._flatten_layers())

    def fits(self, x: Any) -> bool:
        """Whether the kernel is made for inputs like these."""
        known = hasattr(x, "shape") and hasattr(x, "dtype")
        return known and x.shape[1:] == self._row and len(x) > 0 and x.dtype == self._dtype

    # --- from NumPy to NumPy ---

    def __call__(self, x: np.ndarray) -> np.ndarray | None:
        """The outputs, (rows, width), for a NumPy array; None where the usual way is needed, as for what is not finite."""
        if not self._small or x.shape[1:] != self._row or _DTYPES.get(x.dtype.char) != self._dtype:
            return None
        packed = self._packed
        if packed is None or [id(v.stored_value()) for v in self._variables] != packed.ids:
            packed = self._pack()
        if not len(x) or not x.flags.c_contiguous or packed.arrays[0].is_deleted() or settings.floatx() != "float32":
            return None
        y = np.empty((len(x), self.width), np.float32)
        return y if packed.run(x, y) else None

    def _pack(self) -> _Packed:
        from ranvier_kernels.dense import DensePredictor  # pyright: ignore[reportMissingImports]

        arrays = [v.stored_value() for v in self._variables]
        # `np.array` of a JAX array would make it keep a view, and an array that is viewed cannot be trained in place.
        values = [np.array(memoryview(a)) for a in arrays]
        packed = _Packed(arrays, list(map(id, arrays)), DensePredictor(self._plan, self._numbers, values))
        self._packed = packed
        return packed

    # --- inside programs ---

    def traced(self, state: TrainState, x: Any, out: Any = None, start: Any = 0, stop: Any = None) -> Any:
        """The outputs, (rows, width), for traced inputs; given `out`, that with the rows from `start` to `stop` filled."""
        held = [*state.trainable, *state.non_trainable]
        values = [jnp.asarray(held[i]) for i in self._places]
        stop = len(x) if stop is None else stop
        ends = jnp.stack([jnp.asarray(start, jnp.int32), jnp.asarray(stop, jnp.int32)])
        before = jnp.zeros((0, self.width), jnp.float32) if out is None else out
        call = jax.ffi.ffi_call(
            "ranvier_predict_dense",
            jax.ShapeDtypeStruct((len(x), self.width), jnp.float32),
            input_output_aliases=None if out is None else {2: 0},
        )
        return call(x.reshape(len(x), -1), ends, before, *values, plan=self._plan, numbers=self._numbers)

    # --- the network as the kernel reads it ---

    def _written(self) -> tuple[np.ndarray, np.ndarray]:
        """The plan and the numbers for `ReadLayers` in kernels/src/dense_plan.h."""
        network = self.network
        place = {id(v): i for part in (self._parameters, self._moving) for i, v in enumerate(part)}
        layers, of_layers = network.written(place, drop=False)
        plan = [int(network.softmax), len(network.layers), len(self._parameters), len(self._moving), *layers]
        return np.array(plan, np.int64), np.array([network.scale, network.offset, *of_layers], np.float32)
