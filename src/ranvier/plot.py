"""Pictures of networks, training runs and results, as matplotlib figures: ``pip install 'ranvier[plot]'``."""

from .inspect.layer_statistics import layer_statistics
from .inspect.plot_functions import activation_functions
from .inspect.plot_layers import activations, weights
from .inspect.plots import confusion_matrix, history, predictions

__all__ = [
    "activation_functions",
    "activations",
    "confusion_matrix",
    "history",
    "layer_statistics",
    "predictions",
    "weights",
]
