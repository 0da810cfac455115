"""Floor 9: the command ``ranvier``."""

from .main import main

__all__ = ["main"]
