"""All that the face's ``keras.backend`` has beyond ranvier's own."""

from . import backend_arrays, backend_graphs, backend_math, backend_nn
from .backend_arrays import *  # noqa: F403
from .backend_graphs import *  # noqa: F403
from .backend_math import *  # noqa: F403
from .backend_nn import *  # noqa: F403

__all__ = [*backend_arrays.__all__, *backend_graphs.__all__, *backend_math.__all__, *backend_nn.__all__]  # pyright: ignore[reportUnsupportedDunderAll]
