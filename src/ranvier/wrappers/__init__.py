"""Floor 7: models as scikit-learn estimators, for pipelines, cross-validation and searches.

The only place that needs scikit-learn: ``pip install scikit-learn``.
"""

from ..core.errors import MissingDependencyError

try:
    import sklearn  # noqa: F401
except ImportError:
    raise MissingDependencyError("scikit-learn", "ranvier.wrappers", "sklearn") from None

from .classifier import SKLearnClassifier
from .regressor import SKLearnRegressor
from .transformer import SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]
