"""Floor 8: models as scikit-learn estimators, for pipelines, cross-validation and searches.

The only place that needs scikit-learn, and only when one of the classes is asked for.
"""

from typing import TYPE_CHECKING, Any

from ..core.errors import MissingDependencyError

if TYPE_CHECKING:
    from .classifier import SKLearnClassifier
    from .regressor import SKLearnRegressor
    from .transformer import SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ranvier.wrappers' has no attribute {name!r}")
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingDependencyError("scikit-learn", f"wrappers.{name}", "sklearn") from None
    from .classifier import SKLearnClassifier
    from .regressor import SKLearnRegressor
    from .transformer import SKLearnTransformer

    globals().update({c.__name__: c for c in (SKLearnClassifier, SKLearnRegressor, SKLearnTransformer)})
    return globals()[name]
