"""Cases of the catalogue: image colour."""

from .case import Case

__all__ = ["CASES"]

CASES: list[Case] = []
