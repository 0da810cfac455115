"""ranvier: neural networks behind Keras 3's API, compiled whole by JAX.

``import ranvier as keras`` runs a Keras program. Submodules and the classes named here load when they are first
used, so that the import itself costs next to nothing.
"""

from __future__ import annotations

import importlib as _importlib
from collections.abc import Iterable as _Iterable
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import (
        activations,
        applications,
        backend,
        callbacks,
        compat,
        config,
        constraints,
        datasets,
        distillation,
        distribution,
        dtype_policies,
        initializers,
        layers,
        legacy,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        plot,
        preprocessing,
        random,
        regularizers,
        saving,
        tree,
        tuning,
        utils,
        visualization,
        wrappers,
    )
    from .core.dtypes import DTypePolicy, FloatDTypePolicy
    from .core.remat import RematScope, remat
    from .core.scopes import StatelessScope, SymbolicScope, device, name_scope
    from .core.variables import Variable
    from .initializers import Initializer
    from .layers import Input, InputSpec, Layer
    from .losses import Loss
    from .metrics import Metric
    from .models import Model, Sequential
    from .models.function import Function
    from .ops.operation import Operation
    from .ops.symbolic import KerasTensor
    from .optimizers import Optimizer
    from .regularizers import Regularizer
    from .training.gradients import gradients

_MODULES = (
    "activations", "applications", "backend", "callbacks", "compat", "config", "constraints", "datasets", "distillation",
    "distribution", "dtype_policies", "initializers", "layers", "legacy", "losses", "metrics", "mixed_precision",
    "models", "ops", "optimizers", "plot", "preprocessing", "random", "regularizers", "saving", "tree", "tuning",
    "utils", "visualization", "wrappers",
)  # fmt: skip
_NAMES = {
    "DTypePolicy": "core.dtypes",
    "FloatDTypePolicy": "core.dtypes",
    "Function": "models.function",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "ops.symbolic",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "ops.operation",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "RematScope": "core.remat",
    "Sequential": "models",
    "StatelessScope": "core.scopes",
    "SymbolicScope": "core.scopes",
    "Variable": "backend",
    "device": "core.scopes",
    "gradients": "training.gradients",
    "name_scope": "core.scopes",
    "remat": "core.remat",
}

__all__ = [
    "DTypePolicy", "FloatDTypePolicy", "Function", "Initializer", "Input", "InputSpec", "KerasTensor", "Layer", "Loss",
    "Metric", "Model", "Operation", "Optimizer", "Regularizer", "RematScope", "Sequential", "StatelessScope",
    "SymbolicScope", "Variable", "__version__", "activations", "applications", "backend", "callbacks", "compat", "config",
    "constraints", "datasets", "device", "distillation", "distribution", "dtype_policies", "gradients",
    "initializers", "install_as_keras", "layers", "legacy", "losses", "metrics", "mixed_precision", "models", "name_scope", "ops",
    "optimizers", "plot",
    "preprocessing", "random", "regularizers", "remat", "saving", "tree", "tuning", "utils", "version", "visualization", "wrappers",
]  # fmt: skip


def version() -> str:
    """The version of ranvier."""
    return __version__


def install_as_keras(also: _Iterable[str] = ()) -> Any:
    """From now on the program's ``import keras``, ``import tf_keras`` and ``import tensorflow`` give ranvier.

    Args:
        also: names of installed packages that are to get ranvier, too, when they import one of these.

    Returns:
        A handle that undoes it: a context manager with a method `uninstall`.

    >>> handle = install_as_keras()  # and now: from tensorflow import keras
    >>> handle.uninstall()
    """
    from .compat import install

    return install(also)


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext ranvier`` in a notebook: `install_as_keras`, and a line that says so."""
    from .compat import announce, install

    announce("this notebook")
    install()


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext ranvier``: undo `load_ipython_extension`."""
    from .compat import uninstall

    uninstall()


def __getattr__(name: str) -> Any:
    from .core.collector import collector_at_rest

    with collector_at_rest():
        if name in _MODULES:
            return _importlib.import_module(f".{name}", __name__)
        if name in _NAMES:
            value = getattr(_importlib.import_module(f".{_NAMES[name]}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'ranvier' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
