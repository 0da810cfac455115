"""What must be the same for a run to go on from a checkpoint, and a message that says what is not."""

from __future__ import annotations

import warnings
import zlib
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentError, RanvierWarning
from ..core.tracebacks import outside
from ..data.sources import ArrayData
from .state import Roles

__all__ = ["check_same_run", "describe_run"]

_NAMES = {
    "trainable": "trainable weights",
    "non_trainable": "non-trainable weights",
    "optimizer": "optimizer variables",
    "further": "variables of other optimizers",
}


def describe_run(model: Any, roles: Roles, data: Any, validation: Any) -> dict[str, Any]:
    """The run as plain data: variables, optimizer, training and validation data.

    Args:
        model: the model, built and compiled.
        roles: its variables.
        data: the training data.
        validation: the validation data, or None.
    """
    batch = data.peek()
    return {
        "variables": {
            part: [[v.path, list(v.shape), v.dtype] for v in variables]
            for part, variables in zip(Roles._fields, roles, strict=True)
        },
        "optimizer": type(model.optimizer).__name__,
        "data": _describe_data(data, batch),
        "validation_data": None if validation is None else _describe_data(validation, None),
        "first batch": zlib.crc32(b"".join(_bytes(np.asarray(leaf)) for leaf in jax.tree.leaves(batch))),
    }


def _bytes(array: np.ndarray) -> bytes:
    return repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()


def _describe_data(data: Any, batch: Any) -> dict[str, Any]:
    if isinstance(data, ArrayData):
        found = {"kind": "arrays", "samples": data.size, "batch_size": data.batch_size, "shuffle": data.shuffle}
    else:
        found = {"kind": "batches", "batches in an epoch": data.steps}
        if batch is not None:
            found["batch_size"] = np.shape(jax.tree.leaves(batch)[0])[0]
    for name, part in zip(("x", "y", "sample_weight"), batch or (), strict=False):
        found[name] = " and ".join(f"{leaf.dtype} of shape {tuple(leaf.shape[1:])}" for leaf in jax.tree.leaves(part))
    return found


def check_same_run(before: dict[str, Any], now: dict[str, Any], folder: str) -> None:
    """Refuse a checkpoint of another run.

    Args:
        before: the description in the checkpoint.
        now: the description of the run that wants to go on.
        folder: where the checkpoint is, for the message.

    Raises:
        ArgumentError: it says all that differs.

    Warns:
        RanvierWarning: the data has the same form, but its first batch holds other numbers.
    """
    found = [*_optimizers(before, now), *_variables(before["variables"], now["variables"])]
    for whose, prefix in (("data", ""), ("validation_data", "validation_data's ")):
        found += _data(before[whose], now[whose], whose, prefix)
    if found:
        raise ArgumentError(
            f"The checkpoint in {folder!r} belongs to another run: {'; '.join(found)}. Go on with the same model, data "
            "and batch size, or give another folder to start afresh."
        )
    if before["first batch"] != now["first batch"]:
        warnings.warn(
            f"The first batch of data holds other numbers than when the run in {folder!r} began. It goes on, but not to "
            "the same bits as without an interruption.",
            RanvierWarning,
            stacklevel=outside(),
        )


def _optimizers(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    same = before["optimizer"] == now["optimizer"]
    return [] if same else [f"the optimizer was {before['optimizer']} and is {now['optimizer']}"]


def _variables(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """How the variables differ. Their names may: a notebook that makes the same model again counts on."""
    found = []
    for part, new in now.items():
        old, what = before.get(part, []), _NAMES.get(part, "variables of metrics")
        if len(old) != len(new):
            found.append(f"the model had {len(old)} {what} and has {len(new)}")
            continue
        for (_, *a), (path, *b) in zip(old, new, strict=True):
            if a != b:
                found.append(f"'{path}' was {a[1]} of shape {tuple(a[0])} and is {b[1]} of shape {tuple(b[0])}")
                break  # the optimizer's follow, and more of them say no more
        if found:
            break
    return found


def _data(before: Any, now: Any, whose: str, prefix: str) -> list[str]:
    if before is None or now is None:
        change = f"it had {whose} and has none" if now is None else f"it had no {whose} and has some"
        return [] if before == now else [change]
    names = [*before, *(name for name in now if name not in before)]
    changed = [name for name in names if before.get(name) != now.get(name)]
    return [f"{prefix}{name} was {before.get(name)} and is {now.get(name)}" for name in changed]
