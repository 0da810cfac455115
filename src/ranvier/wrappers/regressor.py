"""`SKLearnRegressor`: a model as a scikit-learn regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from .estimator import Estimator

__all__ = ["SKLearnRegressor"]


class SKLearnRegressor(RegressorMixin, Estimator):
    """A model as a scikit-learn regressor, of one target or several.

    A callable `model` is shown the targets as columns, (samples, targets).

    Args:
        model: a compiled model, of which every fit trains a fresh copy (new weights), or a callable
            ``(X, y, **model_kwargs)`` that gives a compiled model for the data.
        warm_start: whether the next fit goes on with the model of the last one.
        model_kwargs: keyword arguments for a callable `model`.
        fit_kwargs: keyword arguments for the model's `fit`.

    Attributes:
        model_: the fitted model.
        history_: the `History` of the last fit.

    >>> from ranvier import Sequential, layers
    >>> model = Sequential([layers.Input((3,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> regressor = SKLearnRegressor(model, fit_kwargs={"verbose": 0, "epochs": 2})
    >>> regressor.fit(np.eye(3), [1.0, 2.0, 3.0]).predict(np.eye(3)).shape
    (3,)
    """

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train on samples `X`, (samples, features), and targets `y`, (samples,) or (samples, targets).

        Args:
            X: numbers.
            y: numbers.
            **kwargs: for the model's `fit`, such as `epochs` or `sample_weight`; they go before `fit_kwargs`.
        """
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        self._flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        return self._fit(X, y, lambda model: y, kwargs)

    def predict(self, X: Any) -> np.ndarray:
        """The predictions, of the shape that the targets had."""
        outputs = self._outputs(X).astype("float64")  # scikit-learn's dtype of predictions
        return outputs.reshape(len(outputs)) if self._flat else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        # How good a model is, is up to its author; scikit-learn's threshold supposes a tuned one.
        tags.regressor_tags.poor_score = True
        return tags
