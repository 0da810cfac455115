"""One graph with meaning: what a model computes, as named operations that every reader shares."""

from .capture import capture
from .graph import Graph, LayerCall, Node, Value

__all__ = ["Graph", "LayerCall", "Node", "Value", "capture"]
