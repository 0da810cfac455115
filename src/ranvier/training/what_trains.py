"""What trains, compared with what the optimizer was built for and with what the program seems to mean."""

from __future__ import annotations

import warnings
from typing import Any

from ..core.errors import ArgumentError, RanvierWarning
from ..core.tracebacks import outside
from .state import Roles

__all__ = ["check_what_trains"]


def check_what_trains(model: Any, roles: Roles) -> None:
    """Refuse to train weights that the optimizer was not built for; warn where less trains than may be meant.

    Args:
        model: a compiled model.
        roles: its variables.

    Raises:
        ArgumentError: a weight trains now that did not when the optimizer was built.

    Warns:
        RanvierWarning: all is frozen that was not when the model was compiled, or layers that were set trainable are
            held back by a layer or model around them.
    """
    known = getattr(model.optimizer, "_trainable_variables", None) or roles.trainable
    new = [v.path for v in roles.trainable if all(v is not one for one in known)]
    if new:
        raise ArgumentError(
            f"The optimizer was built for {len(known)} trainable weights, and now other weights are trainable "
            f"({len(roles.trainable)} of them, {new[0]!r} among them): a `trainable` or the layers changed after "
            "compile(). Call compile() again, with a new optimizer."
        )
    if not roles.trainable and model._free_at_compile:
        warnings.warn(
            f"Nothing of model '{model.name}' trains: all that was trainable when it was compiled has been frozen "
            "since. Set `trainable = True` before training it, or compile it again if it is to stay as it is.",
            RanvierWarning,
            stacklevel=outside(),
        )
    held = model._held_back()
    if held:
        warnings.warn(
            f"Layers {held[:10]} are set trainable, but do not train: a layer or model around them is not trainable. "
            "Set `trainable = True` on that, then False on the layers in it that are to be frozen.",
            RanvierWarning,
            stacklevel=outside(),
        )
