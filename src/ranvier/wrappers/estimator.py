"""`Estimator`: what the three wrappers share, from scikit-learn's parameters to fitting, copying and pickling."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from ..core.errors import ArgumentError, ArgumentTypeError, NotCompiledError
from ..models import Model
from ..models.cloning import clone_model

__all__ = ["Estimator", "check_weights"]

#: The parameters that are dicts, whose entries `set_params` reaches as ``model_kwargs__<key>``.
_NESTED = ("model_kwargs", "fit_kwargs")


class Estimator(BaseEstimator):
    """Base of the wrappers: a model behind scikit-learn's `fit` and `predict`.

    Args:
        model: a compiled model, of which every fit trains a fresh copy (new weights), or a callable
            ``(X, y, **model_kwargs)`` that gives a compiled model for the data.
        warm_start: whether the next fit goes on with the model of the last one.
        model_kwargs: keyword arguments for a callable `model`.
        fit_kwargs: keyword arguments for the model's `fit`.
    """

    model: Any
    model_: Any
    __metadata_request__fit = {"sample_weight": None}

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ):
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    # --- parameters -------------------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; with `deep` also the entries of the dicts among them, as ``model_kwargs__<key>``."""
        params = super().get_params(deep=False)
        if deep:
            for name in _NESTED:
                if isinstance(params[name], Mapping):
                    params.update({f"{name}__{key}": value for key, value in params[name].items()})
        return params

    def set_params(self, **params: Any) -> Any:
        """Set parameters by name, and entries of the dicts among them by ``model_kwargs__<key>``."""
        nested: dict[str, dict[str, Any]] = {}
        plain = {}
        for name, value in params.items():
            outer, _, key = name.partition("__")
            if key and outer in _NESTED:
                nested.setdefault(outer, {})[key] = value
            else:
                plain[name] = value
        super().set_params(**plain)
        for outer, changes in nested.items():
            # A new dict: the old one may be shared with the estimator that this one was cloned from.
            setattr(self, outer, {**(getattr(self, outer) or {}), **changes})
        return self

    # --- fitting ----------------------------------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, targets: Any, options: dict[str, Any]) -> Any:
        """Make (or keep) the model and train it.

        Args:
            X: checked inputs.
            y: what a callable `model` is shown as targets.
            targets: ``(model) → targets`` for training.
            options: keyword arguments of this call of `fit`, over those of `fit_kwargs`.
        """
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = self._make_model(X, y)
        given = {**(self.fit_kwargs or {}), **options}
        if given.get("callbacks") is not None:
            # Fitting must not change parameters, and callbacks keep state and the model that they last saw.
            given["callbacks"] = copy.deepcopy(given["callbacks"])
        self.history_ = self.model_.fit(X, targets(self.model_), **given)
        return self

    def _make_model(self, X: Any, y: Any) -> Any:
        if isinstance(self.model, Model):
            _check_compiled(self.model, "model")
            return clone_model(self.model)
        if not callable(self.model):
            raise ArgumentTypeError(
                "model must be a compiled model, or a callable (X, y, **model_kwargs) that gives one. Received: "
                f"model={self.model!r} of type {type(self.model).__name__}"
            )
        made = self.model(X, y, **(self.model_kwargs or {}))
        if not isinstance(made, Model):
            raise ArgumentTypeError(
                f"The callable `model` must return a compiled model. It returned: {made!r} of type {type(made).__name__}"
            )
        _check_compiled(made, "the model that the callable `model` returned")
        return made

    @property
    def epoch_(self) -> int:
        """The number of epochs that the last fit trained for."""
        return len(self.history_.epoch)

    def _outputs(self, X: Any) -> np.ndarray:
        """The model's raw outputs for checked inputs, (samples, …)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return self.model_.predict(X, verbose=0, **self._predict_options())

    def _predict_options(self) -> dict[str, Any]:
        size = (self.fit_kwargs or {}).get("batch_size")
        return {} if size is None else {"batch_size": size}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    # --- pickling ---------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """The attributes; models pickle as the bytes of their ``.keras`` files."""
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        if "history_" in state:
            state = {**state, "history_": _without_model(state["history_"])}
        return state


def _check_compiled(model: Any, what: str) -> None:
    if not model.compiled or model.loss is None or model.optimizer is None:
        raise NotCompiledError(f"Compile {what} with a loss and an optimizer before the estimator is fitted.")


def _without_model(history: Any) -> Any:
    """The history without the reference to its model, which the estimator holds itself."""
    alone = copy.copy(history)
    alone.set_model(None)
    return alone


def check_weights(sample_weight: Any, count: int) -> np.ndarray:
    """`sample_weight` as an array (samples,), refused if it has another length."""
    weights = np.asarray(sample_weight)
    if weights.shape != (count,):
        raise ArgumentError(f"sample_weight must have shape ({count},). Received: shape {weights.shape}")
    return weights
