"""`SKLearnClassifier`: a model as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from ..core.errors import ArgumentError
from ..losses import SparseCategoricalCrossentropy, sparse_categorical_crossentropy
from ..ops import symbolic
from .estimator import Estimator, check_weights

__all__ = ["SKLearnClassifier"]

_SPARSE = ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", sparse_categorical_crossentropy)


class SKLearnClassifier(ClassifierMixin, Estimator):
    """A model as a scikit-learn classifier.

    A callable `model` is shown one-hot targets, (samples, classes). The model is trained on these, or on class
    numbers where its loss is sparse categorical crossentropy or it has a single output for two classes. Samples of
    weight 0 are left out, their classes too.

    Args:
        model: a compiled model, of which every fit trains a fresh copy (new weights), or a callable
            ``(X, y, **model_kwargs)`` that gives a compiled model for the data.
        warm_start: whether the next fit goes on with the model of the last one.
        model_kwargs: keyword arguments for a callable `model`.
        fit_kwargs: keyword arguments for the model's `fit`.

    Attributes:
        model_: the fitted model.
        history_: the `History` of the last fit.
        classes_: the class labels, sorted.

    >>> from ranvier import Sequential, layers
    >>> def network(X, y, units=8):
    ...     model = Sequential([layers.Input(X.shape[1:]), layers.Dense(units, "relu"), layers.Dense(y.shape[1], "softmax")])
    ...     model.compile("adam", "categorical_crossentropy")
    ...     return model
    >>> classifier = SKLearnClassifier(network, model_kwargs={"units": 4}, fit_kwargs={"verbose": 0})
    >>> classifier.fit(np.eye(4), ["red", "red", "blue", "blue"]).classes_
    array(['blue', 'red'], dtype='<U4')
    """

    classes_: np.ndarray

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train on samples `X`, (samples, features), and their labels `y`, (samples,).

        Args:
            X: numbers.
            y: labels of any sortable kind.
            **kwargs: for the model's `fit`, such as `epochs` or `sample_weight`; they go before `fit_kwargs`.
        """
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        y = column_or_1d(y)
        if kwargs.get("sample_weight") is not None:
            weights = check_weights(kwargs["sample_weight"], len(y))
            counted = weights != 0
            X, y = X[counted], y[counted]
            kwargs = {**kwargs, "sample_weight": weights[counted]}
        if not len(y):
            raise ArgumentError("There is no sample of a weight other than 0, so there is no class to learn.")
        classes, codes = np.unique(y, return_inverse=True)
        going_on = self.warm_start and hasattr(self, "model_")
        if going_on and not np.array_equal(classes, self.classes_):
            if not np.isin(classes, self.classes_).all():
                raise ArgumentError(f"With warm_start, labels must be among {self.classes_}. Received: {classes}")
            codes = np.searchsorted(self.classes_, y)
        else:
            self.classes_ = classes
        onehot = np.eye(len(self.classes_), dtype="float32")[codes]
        return self._fit(X, onehot, lambda model: codes if self._takes_codes(model) else onehot, kwargs)

    def _takes_codes(self, model: Any) -> bool:
        loss = model.loss
        sparse = isinstance(loss, SparseCategoricalCrossentropy) or loss in _SPARSE
        return sparse or (len(self.classes_) == 2 and _last_size(model) == 1)

    def _scores(self, X: Any) -> np.ndarray:
        """A score for each class, (samples, classes); the greatest decides."""
        scores = self._outputs(X)
        scores = scores.reshape(len(scores), -1)
        if scores.shape[1] == 1 and len(self.classes_) == 2:
            # A single output: the probability of the second class, or its log odds.
            scores = np.concatenate([(0 if self._logits else 1) - scores, scores], axis=1)
        if scores.shape[1] < len(self.classes_):
            raise ArgumentError(
                f"The model has {scores.shape[1]} outputs, which is too few for {len(self.classes_)} classes."
            )
        return scores[:, : len(self.classes_)]

    @property
    def _logits(self) -> bool:
        return bool(getattr(self.model_.loss, "from_logits", False))

    def decision_function(self, X: Any) -> np.ndarray:
        """The model's scores, (samples, classes), for two classes, too."""
        return self._scores(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of the classes, (samples, classes): the model's outputs, or the softmax of logits."""
        scores = self._scores(X)
        if not self._logits:
            return scores
        if self.model_.output_shape[-1] == 1:
            scores = scores * [0.0, 1.0]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The label of each sample, (samples,)."""
        best = np.argmax(self._scores(X), axis=1)
        return self.classes_[best]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # How good a model is, is up to its author; scikit-learn's threshold supposes a tuned one.
        tags.classifier_tags.poor_score = True
        return tags


def _last_size(model: Any) -> int | None:
    """The size of the outputs' last axis, None where only training will tell."""
    shape = symbolic.flatten(model.output_shape) if model.graph is not None else [None]
    return shape[-1]
