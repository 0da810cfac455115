"""`Operation`: a named computation that can stand in the graph of a functional model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import names
from ..core.configurable import Configurable
from ..core.errors import ArgumentError, NotBuiltError, NotDefinedError
from ..core.remat import remat
from . import symbolic

__all__ = ["Operation"]


class Operation(Configurable):
    """A named computation without weights: subclass it with `call`. Layers are operations, too.

    Args:
        name: the operation's name, without slashes; None: from the class, numbered.

    Raises:
        ArgumentError: another name.

    >>> import ranvier
    >>> class Shift(Operation):
    ...     def __init__(self, by, name=None):
    ...         super().__init__(name=name)
    ...         self.by = by
    ...
    ...     def call(self, x):
    ...         return x + self.by
    >>> Shift(2)(ranvier.Input((3,))).shape
    (None, 3)
    """

    keras_module = "keras"
    name: Any
    _inbound_nodes: list[symbolic.Node]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls, *args, **kwargs)
        self._inbound_nodes = []
        return self

    def __init__(self, name: str | None = None):
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ArgumentError(f"name must be a string without '/'. Received: name={name!r}")
        self.name = name or names.auto_name(type(self).__name__)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every operation overrides it."""
        raise NotDefinedError(f"{type(self).__name__} must define `call`, which says what it computes.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if symbolic.any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic results of a call on symbolic tensors, without a node in a graph."""
        return symbolic.infer(self.call, args, kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic results of a call on symbolic tensors, with its node in their graph."""
        outputs = self.compute_output_spec(*args, **kwargs)
        symbolic.Node(self, args, kwargs, outputs)
        return outputs

    def rematerialized_call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """`fn`, whose intermediate values are computed again for gradients instead of kept."""
        return remat(fn)

    # --- graph ------------------------------------------------------------------------------------------------------

    @property
    def input(self) -> Any:
        """The symbolic input of the operation's first call."""
        args = self._first_node().args
        return args[0] if len(args) == 1 else args

    @property
    def output(self) -> Any:
        """The symbolic output of the operation's first call."""
        return self._first_node().outputs

    def _first_node(self) -> symbolic.Node:
        if not self._inbound_nodes:
            raise NotBuiltError(
                f"'{self.name}' has not been called on symbolic tensors, so it has no symbolic input and output."
            )
        return self._inbound_nodes[0]

    def _config_value(self, name: str, declared_by: type) -> Any:
        return self.name if name == "name" else super()._config_value(name, declared_by)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
