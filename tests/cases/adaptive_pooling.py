"""Cases of the catalogue: adaptive pooling."""

from .case import Case

__all__ = ["CASES"]

CASES: list[Case] = []
