"""`Bidirectional`: a recurrent layer and its mirror image."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core import serialization
from ...core.errors import ArgumentError, ShapeError
from ..base import Layer
from ..signatures import call_parameters

__all__ = ["Bidirectional"]

_MERGES: dict[str | None, Any] = {
    "concat": lambda a, b: jnp.concatenate([a, b], axis=-1),
    "sum": lambda a, b: a + b,
    "ave": lambda a, b: (a + b) / 2,
    "mul": lambda a, b: a * b,
    None: lambda a, b: (a, b),
}
_SHARED = "stateful", "return_sequences", "return_state"


class Bidirectional(Layer):
    """A recurrent layer that goes through time forwards and one that goes backwards: Schuster and Paliwal, 1997.

    Args:
        layer: a recurrent layer; the forward layer is a fresh copy of it.
        merge_mode: how the two outputs become one: ``"concat"`` (on the last axis), ``"sum"``, ``"ave"``, ``"mul"``,
            or None for both of them.
        weights: the weights to begin with.
        backward_layer: the other layer, which must go the other way; None: a copy of `layer` that does.

    Raises:
        ArgumentError: an unknown merge_mode, no recurrent layer, or two layers that do not fit together.

    >>> import numpy as np
    >>> from ranvier.layers import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 8)
    """

    config_excluded = Layer.config_excluded | {"weights"}

    def __init__(
        self, layer: Any, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None, **kwargs: Any
    ):  # fmt: skip
        if merge_mode not in _MERGES:
            raise ArgumentError(f"merge_mode must be one of {list(_MERGES)}. Received: merge_mode={merge_mode!r}")
        for name, given in (("layer", layer), ("backward_layer", backward_layer)):
            if (name == "layer" or given is not None) and not _is_recurrent(given):
                raise ArgumentError(f"Bidirectional: {name} must be a recurrent layer. Received: {name}={given!r}")
        super().__init__(weights=weights, **kwargs)
        bare = layer.name.removeprefix("forward_")
        self.forward_layer = _copy(layer, name=f"forward_{bare}")
        if backward_layer is None:
            backward_layer = _copy(layer, name=f"backward_{bare}", go_backwards=not layer.go_backwards)
        self.backward_layer = backward_layer
        self.merge_mode = merge_mode
        if layer.return_sequences:  # "the output before" would mean another step in each of the two directions
            self.forward_layer.zero_output_for_mask = self.backward_layer.zero_output_for_mask = True
        self._refuse_unlike_layers()
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _refuse_unlike_layers(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ArgumentError(
                "Bidirectional: the two layers must go through time in opposite ways. Received: go_backwards="
                f"{forward.go_backwards} for both"
            )
        for name in _SHARED:
            if getattr(forward, name) != getattr(backward, name):
                raise ArgumentError(
                    f"Bidirectional: both layers must have the same {name}. Received: {getattr(forward, name)} "
                    f"forwards, {getattr(backward, name)} backwards"
                )

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.forward_layer if name == "layer" else super()._config_value(name, declared_by)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer that `get_config` described; `custom_objects` holds the classes of a user's cells, by name."""
        with serialization.custom_object_scope(custom_objects or {}):
            return super().from_config(config)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None
    ) -> Any:  # fmt: skip
        """The merged outputs, then the states of both layers if they are asked for.

        Args:
            sequences: (batch, time, ...).
            initial_state: the states of the forward layer, then those of the backward layer.
            mask: (batch, time), False where a step is padding.
            training: passed on.
        """
        first, second = self._halves(initial_state)
        forward = self._run(self.forward_layer, sequences, first, mask, training)
        backward = self._run(self.backward_layer, sequences, second, mask, training)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.return_sequences:  # it came in the order in which it was made
            backward = jnp.flip(backward, 1)
        merged = _MERGES[self.merge_mode](forward, backward)
        if not self.return_state:
            return merged
        return (*merged, *states) if self.merge_mode is None else (merged, *states)

    def _halves(self, initial_state: Any) -> tuple[Any, Any]:
        if initial_state is None:
            return None, None
        states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        if len(states) % 2:
            raise ShapeError(
                f"Layer '{self.name}': initial_state must hold as many states for the forward as for the backward "
                f"layer. Received: {len(states)} in all"
            )
        return states[: len(states) // 2], states[len(states) // 2 :]

    def _run(self, layer: Any, sequences: Any, states: Any, mask: Any, training: Any) -> Any:
        takes = call_parameters(type(layer)).names
        options = {"initial_state": states, "mask": mask, "training": training}
        return layer(sequences, **{k: v for k, v in options.items() if v is not None and k in takes})

    def compute_mask(self, _: Any, mask: Any) -> Any:  # type: ignore[override]
        """The mask goes on with sequences, once for each output; states have none."""
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        mask = mask if self.return_sequences else None
        masks = (mask, mask) if self.merge_mode is None else (mask,)
        if self.return_state:
            return [*masks, *(None for _ in _leaves((self.forward_layer.state_size, self.backward_layer.state_size)))]
        return masks if self.merge_mode is None else mask

    @property
    def states(self) -> Any:
        """The kept states of both layers, None where they are not stateful."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return None if forward is None else (*forward, *backward)

    def reset_state(self) -> None:
        """Set the kept states of both layers to zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """`reset_state`, by its older name."""
        self.reset_state()


def _is_recurrent(layer: Any) -> bool:
    return isinstance(layer, Layer) and all(hasattr(layer, name) for name in (*_SHARED, "go_backwards"))


def _leaves(sizes: Any) -> list[Any]:
    return [leaf for s in sizes for leaf in _leaves(s)] if isinstance(sizes, (list, tuple)) else [sizes]


def _copy(layer: Any, **changes: Any) -> Any:
    """A fresh layer with the same configuration but for `changes`; the classes of a user's cells are known here."""
    classes = {type(inner).__name__: type(inner) for inner in layer._flatten_layers()}
    own = {name: cls for name, cls in classes.items() if not serialization.is_builtin(cls)}
    with serialization.custom_object_scope(own):
        return type(layer).from_config(layer.get_config() | changes)
