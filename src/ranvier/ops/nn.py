"""`keras.ops.nn`: the mathematics of networks, gathered from the files that define it."""

from . import activation_functions, folding, nn_functions, pooling
from .activation_functions import *  # noqa: F403
from .binary import polar
from .conv import conv, conv_transpose, depthwise_conv, separable_conv
from .ctc import ctc_loss
from .ctc_decoding import ctc_decode
from .folding import *  # noqa: F403
from .nn_functions import *  # noqa: F403
from .pooling import *  # noqa: F403

__all__ = ["conv", "conv_transpose", "ctc_decode", "ctc_loss", "depthwise_conv", "polar", "separable_conv"]
__all__ += activation_functions.__all__
__all__ += folding.__all__
__all__ += nn_functions.__all__
__all__ += pooling.__all__
