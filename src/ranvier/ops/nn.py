"""`keras.ops.nn`: the mathematics of networks, gathered from the files that define it."""

from . import activation_functions, folding, nn_functions, pooling
from .activation_functions import *  # noqa: F403
from .adaptive_pooling import adaptive_average_pool, adaptive_max_pool
from .attention import dot_product_attention
from .binary import polar
from .conv import conv, conv_transpose, depthwise_conv, separable_conv
from .ctc import ctc_loss
from .ctc_decoding import ctc_decode
from .folding import *  # noqa: F403
from .nn_functions import *  # noqa: F403
from .pooling import *  # noqa: F403

__all__ = [
    "adaptive_average_pool", "adaptive_max_pool", "conv", "conv_transpose", "ctc_decode", "ctc_loss", "depthwise_conv",
    "dot_product_attention", "polar", "separable_conv",
]  # fmt: skip
__all__ += activation_functions.__all__
__all__ += folding.__all__
__all__ += nn_functions.__all__
__all__ += pooling.__all__
