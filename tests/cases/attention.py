"""Cases of the catalogue: attention."""

from .case import Case

__all__ = ["CASES"]

CASES: list[Case] = []
