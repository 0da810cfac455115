"""Cases of the catalogue: data preparation."""

from .case import Case

__all__ = ["CASES"]

CASES: list[Case] = []
