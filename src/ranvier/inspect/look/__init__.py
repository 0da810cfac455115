"""The page on which a model can be looked at: `look(model)` serves it to this computer's own browser."""

from .server import Page, look

__all__ = ["Page", "look"]
