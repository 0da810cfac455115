"""Cases of the catalogue: image geometry."""

from .case import Case

__all__ = ["CASES"]

CASES: list[Case] = []
