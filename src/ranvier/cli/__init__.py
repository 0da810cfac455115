"""Floor 10: the command ``ranvier``."""

from .main import main

__all__ = ["main"]
