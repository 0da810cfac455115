"""What of TensorFlow is there, as data: generated from the package, so that it cannot say more or less than is true."""

from __future__ import annotations

import types

__all__ = ["coverage"]


def coverage() -> dict[str, list[str]]:
    """The public names of each module, by the module's name; ``""`` is TensorFlow itself.

    >>> table = coverage()
    >>> "einsum" in table[""], "reduce_sum" in table["math"], "conv2d" in table["nn"]
    (True, True, True)
    """
    from .. import tensorflow

    modules = {name: getattr(tensorflow, name) for name in tensorflow._MODULES}
    table = {"": [name for name in tensorflow.__all__ if not isinstance(getattr(tensorflow, name), types.ModuleType)]}
    return table | {name: sorted(module.__all__) for name, module in modules.items()}
