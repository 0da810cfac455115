"""`keras.ops.numpy`: what NumPy has too, gathered from the files that define it."""

from . import binary, elementwise, nan_reductions, pieces, reductions, shaping, statistics, tensors, windows
from .binary import *  # noqa: F403
from .control import vectorize
from .elementwise import *  # noqa: F403
from .linalg import slogdet
from .nan_reductions import *  # noqa: F403
from .pieces import *  # noqa: F403
from .reductions import *  # noqa: F403
from .shaping import *  # noqa: F403
from .statistics import *  # noqa: F403
from .tensors import *  # noqa: F403
from .windows import *  # noqa: F403

__all__ = ["slogdet", "vectorize"]
__all__ += binary.__all__
__all__ += elementwise.__all__
__all__ += nan_reductions.__all__
__all__ += pieces.__all__
__all__ += reductions.__all__
__all__ += shaping.__all__
__all__ += statistics.__all__
__all__ += tensors.__all__
__all__ += windows.__all__
