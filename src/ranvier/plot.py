"""Pictures of training runs and results; needs matplotlib: ``pip install 'ranvier[plot]'``."""

from .inspect.plots import confusion_matrix, history, predictions

__all__ = ["confusion_matrix", "history", "predictions"]
