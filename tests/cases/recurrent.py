"""Cases of the catalogue: recurrent."""

from .case import Case

__all__ = ["CASES"]

CASES: list[Case] = []
