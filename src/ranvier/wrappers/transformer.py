"""`SKLearnTransformer`: a model as a scikit-learn transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from .estimator import Estimator

__all__ = ["SKLearnTransformer"]


class SKLearnTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """A model as a scikit-learn transformer: its outputs are the new features.

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
    >>> model = Sequential([layers.Input((3,)), layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> transformer = SKLearnTransformer(model, fit_kwargs={"verbose": 0})
    >>> transformer.fit_transform(np.eye(3), np.ones((3, 2))).shape
    (3, 2)
    """

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train on samples `X`, (samples, features), and targets `y`, (samples,) or (samples, targets).

        Args:
            X: numbers.
            y: numbers.
            **kwargs: for the model's `fit`, such as `epochs` or `sample_weight`; they go before `fit_kwargs`.
        """
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True)
        y = y.reshape(len(y), -1)
        self._fit(X, y, lambda model: y, kwargs)
        self._n_features_out = self.model_.compute_output_shape((None, X.shape[1]))[-1]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The model's outputs, (samples, features), in their own dtype."""
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:
        """The model's outputs: the same as `transform`."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = []
        return tags
