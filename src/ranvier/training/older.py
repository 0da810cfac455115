"""What Keras 1 and 2 called differently in training: arguments of `fit`, and methods that are one with others today."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.argument_names import no_argument
from ..core.errors import ArgumentError, ArgumentTypeError
from ..core.hints import hint
from ..data.py_dataset import is_py_dataset

__all__ = ["OlderMethods", "older_arguments"]

_RENAMED = {
    "nb_epoch": "epochs", "nb_worker": "workers", "pickle_safe": "use_multiprocessing", "max_q_size": "max_queue_size",
}  # fmt: skip
_OF_READING = {"workers", "use_multiprocessing", "max_queue_size"}


def older_arguments(method: Callable[..., Any], given: Mapping[str, Any], x: Any) -> dict[str, Any]:
    """What arguments that `method` does not have mean today.

    Arguments about how batches are read go to `x`, if it is a `PyDataset`; other data is read ahead by itself.

    Args:
        method: `fit` or one of its kind.
        given: arguments that it does not have.
        x: the data that it was given.

    Returns:
        Values for arguments that it has.

    Raises:
        ArgumentTypeError: what has no meaning today, with the nearest name or what to do instead.
    """
    name, found = method.__name__, {}
    known = [p for p in inspect.signature(method).parameters if p not in ("self", "older")]
    unknown = [key for key in given if _RENAMED.get(key, key) not in (*known, *_OF_READING)]
    if unknown:
        raise ArgumentTypeError(no_argument(name, unknown, known))
    for key, value in given.items():
        new = _RENAMED.get(key, key)
        if new in _OF_READING:
            _read_with(name, new, value, x)
        else:
            hint(f"{name}.{key}", f"{name}({key}=…) is called {new} in Keras 3: {name}({new}={value!r}).")
            found[new] = value
    return found


def _read_with(name: str, option: str, value: Any, x: Any) -> None:
    if not is_py_dataset(x):
        said = "generators and arrays are read ahead of the computation by themselves. Delete it."
    elif option == "use_multiprocessing":
        said = "threads make the batches. For processes, pass use_multiprocessing=True to the dataset's constructor."
    else:
        setattr(x, option, value)
        said = f"it belongs to the dataset in Keras 3: pass {option}={value!r} to its constructor."
    hint(f"{name}.{option}", f"{name}({option}=…): {said}")


class OlderMethods:
    """Methods of Keras 2's models, each a short call of today's."""

    def fit_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """`fit` on a generator, as Keras 2 called it: the arguments after `generator` begin with `steps_per_epoch`."""
        hint("fit_generator", "fit_generator(generator, …) is fit(generator, …) in Keras 3.")
        return self.fit(generator, **_named(args, kwargs, _FIT_GENERATOR))  # type: ignore[attr-defined]

    def evaluate_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """`evaluate` on a generator, as Keras 2 called it: the arguments after `generator` begin with `steps`."""
        hint("evaluate_generator", "evaluate_generator(generator, …) is evaluate(generator, …) in Keras 3.")
        return self.evaluate(generator, **_quiet(_named(args, kwargs, _READ_GENERATOR)))  # type: ignore[attr-defined]

    def predict_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """`predict` on a generator, as Keras 2 called it: the arguments after `generator` begin with `steps`."""
        hint("predict_generator", "predict_generator(generator, …) is predict(generator, …) in Keras 3.")
        return self.predict(generator, **_quiet(_named(args, kwargs, _READ_GENERATOR)))  # type: ignore[attr-defined]

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> np.ndarray:
        """The class of each sample: the largest output's, or of one output whether it is above 0.5, as a column."""
        p = self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]
        if not isinstance(p, np.ndarray):
            raise ArgumentError("predict_classes needs a model with one output. Use predict.")
        several = p.shape[-1] > 1
        now = "model.predict(x).argmax(axis=-1)" if several else "(model.predict(x) > 0.5).astype('int32')"
        hint("predict_classes", f"predict_classes(x) is {now} in Keras 3.")
        return p.argmax(axis=-1) if several else (p > 0.5).astype("int32")

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """`predict`, as Keras 2 called it for probabilities."""
        hint("predict_proba", "predict_proba(x) is predict(x) in Keras 3.")
        return self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]


_FIT_GENERATOR = (
    "steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data", "validation_steps", "validation_freq",
    "class_weight", "max_queue_size", "workers", "use_multiprocessing", "shuffle", "initial_epoch",
)  # fmt: skip
_READ_GENERATOR = ("steps", "callbacks", "max_queue_size", "workers", "use_multiprocessing", "verbose")


def _named(args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    if len(args) > len(names):
        raise ArgumentTypeError(f"At most {len(names)} arguments may follow the generator. Received: {len(args)}")
    named = dict(zip(names, args, strict=False))
    if twice := named.keys() & kwargs:
        raise ArgumentTypeError(f"Given twice, by place and by name: {sorted(twice)}")
    return named | kwargs


def _quiet(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"verbose": 0} | kwargs  # they were silent by default
