"""Names from before Keras 3."""

from . import saving

__all__ = ["saving"]
