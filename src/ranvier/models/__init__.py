"""Floor 6: models, from chains and graphs of layers, or by subclassing."""

from .model import Functional, Model
from .sequential import Sequential

__all__ = ["Functional", "Model", "Sequential"]
