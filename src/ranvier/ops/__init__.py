"""Floor 1: functions of tensors, real and symbolic: `keras.ops`, thin over `jax.numpy` and `jax.lax`."""

from . import control, fourier, image, linalg, nn, numpy
from .control import *  # noqa: F403
from .fourier import *  # noqa: F403
from .linalg import *  # noqa: F403
from .nn import *  # noqa: F403
from .numpy import *  # noqa: F403

__all__ = ["image", "linalg", "nn", "numpy"]
__all__ += control.__all__
__all__ += fourier.__all__
__all__ += linalg.__all__
__all__ += nn.__all__
__all__ += numpy.__all__
