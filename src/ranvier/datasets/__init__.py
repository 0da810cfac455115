"""Data sets to learn with. `mnist` travels with the package and needs no network."""

from . import mnist

__all__ = ["mnist"]
