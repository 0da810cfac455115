"""`wrappers.scikit_learn`: the classes of Keras 2 that made scikit-learn estimators of functions that make models.

`wrappers.SKLearnClassifier` and `SKLearnRegressor` are today's way.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ... import models
from ...core.errors import ArgumentError
from ...core.hints import hint
from ...tools.numerical import to_categorical

__all__ = ["KerasClassifier", "KerasRegressor"]

_METHODS = ("fit", "evaluate", "predict")


class _Wrapper(BaseEstimator):
    """What the two share.

    Args:
        build_fn: a function that makes a compiled model; None: the method ``__call__`` of a subclass.
        **sk_params: arguments of it, and of the model's `fit`, `evaluate` and `predict`.
    """

    def __init__(self, build_fn: Any = None, **sk_params: Any):
        name = type(self).__name__
        hint(name, f"wrappers.scikit_learn.{name}(build_fn) is wrappers.SKLearn{name[5:]}(model) in Keras 3.")
        self.build_fn, self.sk_params = build_fn, sk_params
        taken = {
            name for f in (self._builder(), *(getattr(models.Model, m) for m in _METHODS)) for name in _arguments(f)
        }
        if unknown := [name for name in sk_params if name not in taken]:
            raise ArgumentError(f"Neither build_fn nor fit, evaluate and predict of models have arguments {unknown}.")

    def _builder(self) -> Any:
        return self.build_fn if self.build_fn is not None else self.__call__  # type: ignore[attr-defined]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters."""
        params = copy.deepcopy(self.sk_params) if deep else dict(self.sk_params)
        return {**params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Any:
        """Set parameters by name."""
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self.sk_params.update(params)
        return self

    def _for(self, function: Any, given: dict[str, Any]) -> dict[str, Any]:
        names = _arguments(function)
        return {name: value for name, value in self.sk_params.items() if name in names} | given

    def _fit(self, x: Any, y: Any, given: dict[str, Any]) -> Any:
        builder = self._builder()
        self.model = builder(**self._for(builder, {}))
        if _is_categorical(self.model) and np.ndim(y) < 2:
            y = to_categorical(y)
        self.history = self.model.fit(x, y, **self._for(models.Model.fit, given))
        return self.history

    def _predict(self, x: Any, given: dict[str, Any]) -> np.ndarray:
        return self.model.predict(x, **self._for(models.Model.predict, given))


class KerasClassifier(ClassifierMixin, _Wrapper):
    """A classifier made by a function."""

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Make the model and train it on labels, or on rows with a 1; returns the `History`."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_, y = np.unique(y, return_inverse=True)
            y = y.ravel()
        return self._fit(x, y, kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The class of each sample."""
        p = self._predict(x, kwargs)
        return self.classes_[p.argmax(-1) if p.shape[-1] > 1 else (p[:, 0] > 0.5).astype(int)]

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The probability of each class."""
        p = self._predict(x, kwargs)
        return p if p.shape[-1] > 1 else np.hstack([1 - p, p])

    def score(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> float:
        """The accuracy."""
        y = np.asarray(y)
        truth = self.classes_[y.argmax(-1)] if y.ndim == 2 and y.shape[1] > 1 else y.ravel()
        return float(np.average(self.predict(X, **kwargs) == truth, weights=sample_weight))


class KerasRegressor(RegressorMixin, _Wrapper):
    """A regressor made by a function."""

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Make the model and train it; returns the `History`."""
        return self._fit(x, y, kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The outputs, without axes of size 1."""
        return np.squeeze(self._predict(x, kwargs))

    def score(self, X: Any, y: Any, sample_weight: Any = None, **kwargs: Any) -> float:
        """Minus the loss, so that more is better."""
        given = {"verbose": 0, "sample_weight": sample_weight} | self._for(models.Model.evaluate, kwargs)
        found = self.model.evaluate(X, y, **given)
        return -float(found[0] if isinstance(found, list) else found)


def _arguments(function: Any) -> set[str]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {"self"}


def _is_categorical(model: Any) -> bool:
    loss = model.loss
    return (
        loss if isinstance(loss, str) else type(loss).__name__ if not callable(loss) else ""
    ) == "categorical_crossentropy"
