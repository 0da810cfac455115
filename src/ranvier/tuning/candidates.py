"""What the candidates are: rows or columns of hyperparameters, a seed for each, and models made of them."""

from __future__ import annotations

import copy
import difflib
import inspect
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..core import names, serialization
from ..core.errors import ArgumentError, ArgumentTypeError, NotCompiledError
from ..core.random import OwnRandomness, host_generator
from ..losses import Loss
from ..models.cloning import clone_model, compile_arguments, custom_objects_of
from ..models.model import Model

__all__ = ["Recipe", "as_seeds", "check_candidates", "check_seeds", "grid"]


def grid(**choices: Iterable[Any]) -> list[dict[str, Any]]:
    """Every combination of the choices, as a list of candidates.

    Args:
        **choices: the values of each hyperparameter. Paths with dots are given as ``**{"dropout.rate": [0.1, 0.2]}``.

    >>> grid(rate=[0.1, 0.2], width=[8])
    [{'rate': 0.1, 'width': 8}, {'rate': 0.2, 'width': 8}]
    """
    columns = [_column(name, values) for name, values in choices.items()]
    return [dict(zip(choices, row, strict=True)) for row in itertools.product(*columns)]


def _column(name: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not _several(values):
        raise ArgumentTypeError(
            f"The values of '{name}' must be a list with one for each candidate. Received: {values!r} of type "
            f"{type(values).__name__}"
        )
    return list(values)


def _several(values: Any) -> bool:
    """Whether `values` can be gone through; arrays of a single number only look as if they could."""
    return isinstance(values, Iterable) and getattr(values, "ndim", 1) > 0


def check_candidates(candidates: Any, count: int | None) -> list[dict[str, Any]]:
    """The candidates as a list of dicts.

    Args:
        candidates: a list of dicts, a dict of lists, or None for `count` candidates that differ in nothing but seeds.
        count: the number of seeds, if there is a list of them.
    """
    if candidates is None:
        if count is None:
            raise ArgumentError("Give candidates (a list of dicts, or a dict of lists), or seeds=range(n), or both.")
        return [{} for _ in range(count)]
    if isinstance(candidates, Mapping):
        columns = {name: _column(name, values) for name, values in candidates.items()}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ArgumentError(
                "The lists of a dict of candidates must be of one length, candidate i taking entry i of each (grid() "
                f"makes all combinations). Received lengths: {lengths}"
            )
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    elif isinstance(candidates, Iterable) and not isinstance(candidates, (str, bytes)):
        rows = list(candidates)
    else:
        raise ArgumentTypeError(
            f"candidates must be a list of dicts or a dict of lists. Received: {type(candidates).__name__}"
        )
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping) or not all(isinstance(name, str) for name in row):
            raise ArgumentTypeError(f"Candidate {i} must be a dict from names to values. Received: {row!r}")
        if set(row) != set(rows[0]):
            raise ArgumentError(
                f"All candidates must have the same hyperparameters. Candidate 0 has {list(rows[0])}, candidate {i} "
                f"has {list(row)}"
            )
    if not rows:
        raise ArgumentError("candidates must hold at least one. Received: none")
    return [dict(row) for row in rows]


def as_seeds(seeds: Any) -> Any:
    """Several seeds as a list, so that they can be counted; one, or none, as it is."""
    return list(seeds) if _several(seeds) else seeds


def check_seeds(seeds: Any, count: int) -> list[int]:
    """A seed for each of `count` candidates: as given, the same for all, or drawn."""
    if seeds is None:
        return [int(s) for s in host_generator().integers(2**32, size=count)]
    found = seeds if isinstance(seeds, list) else [seeds] * count
    if len(found) != count:
        raise ArgumentError(f"There must be one seed for each of the {count} candidates. Received: {len(found)} seeds")
    for seed in found:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
            raise ArgumentError(f"A seed must be an integer from 0 to 2**32 - 1. Received: {seed!r}")
    return [int(s) for s in found]


class Recipe:
    """Makes a candidate's model.

    Args:
        source: a function that takes a candidate's hyperparameters and returns a compiled model; or a compiled model,
            of which candidates are copies with fresh weights and hyperparameters found by path.
    """

    def __init__(self, source: Any):
        if isinstance(source, Model):
            if not source.compiled:
                raise NotCompiledError("The model of a Population must be compiled: call model.compile(…) first.")
        elif not callable(source):
            raise ArgumentTypeError(
                "A Population takes a compiled model, or a function that makes one of a candidate's hyperparameters. "
                f"Received: {source!r} of type {type(source).__name__}"
            )
        self.source = source

    @property
    def name(self) -> str:
        """What to call the function or the model in messages."""
        source = self.source
        return source.name if isinstance(source, Model) else getattr(source, "__name__", type(source).__name__)

    def check_names(self, parameters: dict[str, Any]) -> None:
        """Refuse hyperparameters that the function does not take, and those that it needs and does not get.

        Raises:
            ArgumentTypeError: the names do not fit; the message tells those that do.
        """
        if isinstance(self.source, Model):
            return
        try:
            signature = inspect.signature(self.source)
        except ValueError:  # some functions written in C do not tell
            return
        try:
            signature.bind(**parameters)
        except TypeError as error:
            raise ArgumentTypeError(
                f"The candidates' hyperparameters {list(parameters)} do not fit the function {self.name}{signature}: {error}"
            ) from None

    def __call__(self, parameters: dict[str, Any], randomness: OwnRandomness) -> Any:
        """A model for these hyperparameters, as a process of its own would make it."""
        with randomness, names.counted_anew():
            if isinstance(self.source, Model):
                return _changed_copy(self.source, parameters)
            model = self.source(**parameters)
        if not isinstance(model, Model):
            raise ArgumentTypeError(
                "The function of a Population must return a model. Received: "
                f"{model!r} of type {type(model).__name__}, for {parameters}"
            )
        if not model.compiled:
            raise NotCompiledError("The function of a Population must return a compiled model: call model.compile(…).")
        return model


def _changed_copy(model: Any, changes: dict[str, Any]) -> Any:
    """A fresh copy of a compiled model with other values at some paths."""
    if not changes:
        return clone_model(model)
    loss = model._given_to_compile["loss"]
    configs = {"model": _unbuilt(model.get_config()), "optimizer": model.optimizer.get_config()}
    if isinstance(loss, Loss):
        configs["loss"] = _arguments(loss) | loss.get_config()
    configs = copy.deepcopy(configs)
    for path, value in changes.items():
        _check_scalar(path, value)
        _set(configs, path, value)
    with serialization.custom_object_scope(custom_objects_of(model)):
        changed = type(model).from_config(configs["model"])
        given = compile_arguments(model)
        given["optimizer"] = type(model.optimizer).from_config(configs["optimizer"])
        if "loss" in configs:
            given["loss"] = type(loss).from_config(configs["loss"])
    changed.compile(**given)
    return changed


def _unbuilt(config: Any) -> Any:
    """A configuration without the shapes for which layers had been built."""
    if isinstance(config, dict):
        return {k: _unbuilt(v) for k, v in config.items() if k != "build_config"}
    return [_unbuilt(v) for v in config] if isinstance(config, list) else config


def _arguments(loss: Loss) -> dict[str, Any]:
    """The numbers that a loss was made with; Keras's configurations lack those of some losses."""
    parameters = inspect.signature(type(loss)).parameters
    given = {name: loss._given.get(name, p.default) for name, p in parameters.items()}
    return {name: value for name, value in given.items() if isinstance(value, (int, float))}


def _check_scalar(path: str, value: Any) -> None:
    if not isinstance(value, (int, float, str, np.number, type(None))):
        raise ArgumentTypeError(
            f"The value at the path '{path}' must be a number (or True, False, None, a name). Received: {value!r} of type "
            f"{type(value).__name__}. For other differences give a function that makes the model."
        )


def _set(configs: dict[str, Any], path: str, value: Any) -> None:
    """Put `value` at a path such as ``"optimizer.momentum"`` or ``"dense.kernel_regularizer.l2"``."""
    start, *keys = path.split(".")
    if start in ("optimizer", "loss") and start in configs:
        found = [configs[start]]
    else:
        found = [c for c in _described(configs["model"]) if c.get("name") == start]
    if not found or not keys:
        known = [*(k for k in configs if k != "model"), *(c["name"] for c in _described(configs["model"]))]
        close = difflib.get_close_matches(start, known, n=1)
        hint = f" Did you mean '{close[0]}'?" if close and close[0] != start else ""
        raise ArgumentError(
            f"The path '{path}' must begin with {', '.join(map(repr, dict.fromkeys(known)))}, and go on with an "
            f"argument, as in 'optimizer.learning_rate'.{hint}"
        )
    if len(found) > 1:
        raise ArgumentError(f"The path '{path}' is not clear: the model has {len(found)} layers named '{start}'.")
    place, at = found[0], start
    for key in keys[:-1]:
        inner = _inner(place, key, path, at)
        if not isinstance(inner, dict):
            raise ArgumentError(
                f"The path '{path}' goes into '{key}' of '{at}', which is {inner!r}. To vary a number in it, make the "
                "model with an object there, such as regularizers.L2(0.01)."
            )
        place, at = inner.get("config", inner), f"{at}.{key}"
    _inner(place, keys[-1], path, at)
    place[keys[-1]] = value.item() if isinstance(value, np.generic) else value


def _inner(place: dict[str, Any], key: str, path: str, at: str) -> Any:
    if key not in place:
        close = difflib.get_close_matches(key, list(place), n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise ArgumentError(
            f"The path '{path}' is unknown: '{at}' has no argument '{key}'; it has {', '.join(map(repr, place))}.{hint}"
        )
    return place[key]


def _described(config: Any) -> Iterator[dict[str, Any]]:
    """The configurations of named things in a nested configuration, the outermost first."""
    if isinstance(config, dict):
        if isinstance(config.get("name"), str) and len(config) > 1 and "class_name" not in config:
            yield config
        for value in config.values():
            yield from _described(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _described(value)
