"""Floor 7: models, from chains and graphs of layers, or by subclassing."""

from ..files.keras_format import load_model, save_model
from ..files.texts import model_from_json
from .cloning import clone_model
from .feature_space import FeatureSpace as _FeatureSpace  # noqa: F401  so that files may name it
from .model import Functional, Model
from .sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
