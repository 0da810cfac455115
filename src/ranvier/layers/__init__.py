"""Floor 3: layers."""

from .base import Layer
from .dense import Dense
from .dropout import Dropout
from .input import Input, InputLayer
from .input_spec import InputSpec
from .reshaping import Flatten, Identity, Permute, RepeatVector, Reshape

__all__ = ["Dense", "Dropout", "Flatten", "Identity", "Input", "InputLayer", "InputSpec", "Layer", "Permute", "RepeatVector", "Reshape"]
