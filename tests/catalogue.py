"""Every layer with constructor arguments and input shapes: what the laws over layers run on."""

from __future__ import annotations

from .cases import adaptive_pooling, attention, data_preparation, image_colour, image_geometry, recurrent
from .cases.case import Case

__all__ = ["CASES", "Case"]

SEQUENCE, IMAGE, VOLUME = (2, 7, 4), (2, 6, 5, 4), (2, 4, 5, 3, 2)
FIRST = {"data_format": "channels_first"}

_DENSE = [
    Case("Dense", {"units": 4}),
    Case("Dense", {"units": 4, "activation": "relu", "use_bias": False}, (2, 5, 3)),
    Case("Dense", {"units": 2, "kernel_initializer": "he_normal", "bias_initializer": "ones",
                   "kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2",
                   "kernel_constraint": "max_norm",
                   "bias_constraint": "non_neg"}),
    Case("Embedding", {"input_dim": 5, "output_dim": 3}, (2, 4), integers_below=5),
    Case("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True, "embeddings_regularizer": "l2",
                       "embeddings_constraint": "unit_norm"}, (2, 4), integers_below=5),
]  # fmt: skip

_ACTIVATIONS = [
    Case("Activation", {"activation": "tanh"}),
    Case("ReLU", {}),
    Case("ReLU", {"max_value": 1.0, "negative_slope": 0.2, "threshold": 0.1}, (4, 5)),
    Case("LeakyReLU", {}),
    Case("LeakyReLU", {"negative_slope": 0.1}),
    Case("PReLU", {}, (2, 4, 3)),
    Case("PReLU", {"shared_axes": [1], "alpha_initializer": "ones"}, (2, 4, 3)),
    Case("ELU", {}),
    Case("ELU", {"alpha": 0.5}),
    Case("Softmax", {}),
    Case("Softmax", {"axis": 1}, (2, 4, 3)),
    Case("Softmax", {"axis": [1, 2]}, (2, 4, 3)),
]  # fmt: skip

_RESHAPING = [
    Case("Flatten", {}, (2, 3, 4)),
    Case("Flatten", FIRST, (2, 3, 4, 5)),
    Case("Flatten", {}, (3,)),
    Case("Reshape", {"target_shape": (4, 3)}, (2, 3, 4)),
    Case("Reshape", {"target_shape": (2, -1)}, (2, 3, 4)),
    Case("Permute", {"dims": (2, 1)}, (2, 3, 4)),
    Case("RepeatVector", {"n": 3}, (2, 4)),
    Case("Identity", {}),
    Case("Rescaling", {"scale": 0.5, "offset": -1.0}),
    Case("Rescaling", {"scale": 1 / 255}, (2, 3), integers_below=256),
    Case("Masking", {}, (2, 3, 4)),
    Case("Masking", {"mask_value": -1.0}, (2, 3, 4)),
]

_DROPOUT = [
    Case("Dropout", {"rate": 0.5}, random=True),
    Case("Dropout", {"rate": 0.25, "noise_shape": (None, 1, 4), "seed": 7}, (2, 3, 4), random=True),
    Case("Dropout", {"rate": 0.0}),
    Case("SpatialDropout1D", {"rate": 0.5}, SEQUENCE, random=True),
    Case("SpatialDropout2D", {"rate": 0.5, "seed": 3}, IMAGE, random=True),
    Case("SpatialDropout2D", {"rate": 0.5, **FIRST}, IMAGE, random=True),
    Case("SpatialDropout3D", {"rate": 0.5}, VOLUME, random=True),
    Case("GaussianNoise", {"stddev": 0.5}, random=True),
    Case("GaussianDropout", {"rate": 0.5}, random=True),
    Case("AlphaDropout", {"rate": 0.5}, random=True),
    Case("AlphaDropout", {"rate": 0.3, "noise_shape": (2, 1), "seed": 5}, random=True),
    Case("ActivityRegularization", {"l1": 0.1, "l2": 0.2}),
]

_NORMALIZATION = [
    Case("BatchNormalization", {}, (6, 3), trains_differently=True),
    Case("BatchNormalization", {"axis": 1, "momentum": 0.5, "epsilon": 0.01}, IMAGE, trains_differently=True),
    Case("BatchNormalization", {"center": False, "scale": False}, SEQUENCE, trains_differently=True),
    Case("BatchNormalization", {"gamma_regularizer": "l2", "beta_constraint": "non_neg",
                                "moving_mean_initializer": "ones", "beta_initializer": "ones"}, (6, 3),
         trains_differently=True),
    Case("BatchNormalization", {"renorm": True}, (6, 3), trains_differently=True),
    Case("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmin": 0.5, "rmax": 1.5, "dmax": 0.3},
                                "renorm_momentum": 0.9}, (6, 3), trains_differently=True),
    Case("LayerNormalization", {}, SEQUENCE),
    Case("LayerNormalization", {"axis": [1, 2], "epsilon": 0.1, "gamma_regularizer": "l1"}, (2, 3, 4)),
    Case("LayerNormalization", {"axis": 1, "center": False}, (2, 3, 4)),
    Case("LayerNormalization", {"scale": False}),
    Case("GroupNormalization", {"groups": 2}, IMAGE),
    Case("GroupNormalization", {"groups": -1}, SEQUENCE),
    Case("GroupNormalization", {"groups": 3, "axis": 1, "scale": False}, (2, 6, 4)),
    Case("RMSNormalization", {}, SEQUENCE),
    Case("RMSNormalization", {"axis": [1, 2], "epsilon": 0.1}, (2, 3, 4)),
    Case("UnitNormalization", {}, SEQUENCE),
    Case("UnitNormalization", {"axis": (1, 2)}, SEQUENCE),
]  # fmt: skip

_CONVOLUTION = [
    Case("Conv1D", {"filters": 3, "kernel_size": 3}, SEQUENCE),
    Case("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2,
                    "activation": "tanh"}, SEQUENCE),
    Case("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", **FIRST}, (2, 4, 7)),
    Case("Conv2D", {"filters": 3, "kernel_size": 3}, IMAGE),
    Case("Conv2D", {"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": "same", "groups": 2,
                    "activation": "relu", "kernel_regularizer": "l2", "bias_regularizer": "l1",
                    "activity_regularizer": "l2",
                    "kernel_constraint": "max_norm"}, IMAGE),
    Case("Conv2D", {"filters": 2, "kernel_size": 3, "use_bias": False, "dilation_rate": 2, "padding": "same",
                    **FIRST}, IMAGE),
    Case("Conv2D", {"filters": 2, "kernel_size": 3, **FIRST}, (2, 4, 6, 5)),
    Case("Conv3D", {"filters": 2, "kernel_size": (2, 3, 1), "padding": "same"}, VOLUME),
    Case("Conv3D", {"filters": 3, "kernel_size": 2, **FIRST}, (2, 2, 4, 5, 3)),
    Case("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, SEQUENCE),
    Case("DepthwiseConv2D", {"kernel_size": 3}, IMAGE),
    Case("DepthwiseConv2D", {"kernel_size": (2, 3), "strides": 2, "padding": "same", "depth_multiplier": 2,
                             "use_bias": False, "depthwise_regularizer": "l2", "activation": "relu", **FIRST}, IMAGE),
    Case("SeparableConv1D", {"filters": 3, "kernel_size": 3, "padding": "same"}, SEQUENCE),
    Case("SeparableConv2D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "activation": "tanh",
                             "pointwise_regularizer": "l2"}, IMAGE),
    Case("SeparableConv2D", {"filters": 3, "kernel_size": 3, "padding": "same", "use_bias": False, **FIRST}, IMAGE),
    Case("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, SEQUENCE),
    Case("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    Case("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "valid", "output_padding": 1,
                             "use_bias": False, **FIRST}, IMAGE),
    Case("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "activation": "relu"}, VOLUME),
]  # fmt: skip

KINDS = "Max", "Average"

_POOLING = [
    *(Case(f"{kind}Pooling1D", {"pool_size": 2}, SEQUENCE) for kind in KINDS),
    *(Case(f"{kind}Pooling1D", {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, SEQUENCE) for kind in KINDS),
    *(Case(f"{kind}Pooling2D", {"pool_size": (2, 2)}, IMAGE) for kind in KINDS),
    *(Case(f"{kind}Pooling2D", {"pool_size": (3, 2), "strides": (1, 2), "padding": "same"}, IMAGE) for kind in KINDS),
    *(Case(f"{kind}Pooling2D", {"pool_size": 2, **FIRST}, IMAGE) for kind in KINDS),
    *(Case(f"{kind}Pooling3D", {"pool_size": 2}, VOLUME) for kind in KINDS),
    *(Case(f"Global{kind}Pooling1D", {}, SEQUENCE) for kind in KINDS),
    *(Case(f"Global{kind}Pooling2D", {}, IMAGE) for kind in KINDS),
    *(Case(f"Global{kind}Pooling2D", {"keepdims": True, **FIRST}, IMAGE) for kind in KINDS),
    *(Case(f"Global{kind}Pooling3D", {}, VOLUME) for kind in KINDS),
]  # fmt: skip

_EDGES = [
    Case("ZeroPadding1D", {"padding": (1, 2)}, SEQUENCE),
    Case("ZeroPadding1D", {"padding": 2, **FIRST}, SEQUENCE),
    Case("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, IMAGE),
    Case("ZeroPadding2D", {"padding": (1, 2), **FIRST}, IMAGE),
    Case("ZeroPadding3D", {}, VOLUME),
    Case("Cropping1D", {"cropping": (1, 2)}, SEQUENCE),
    Case("Cropping2D", {"cropping": ((1, 0), (2, 1))}, IMAGE),
    Case("Cropping2D", {"cropping": 1, **FIRST}, IMAGE),
    Case("Cropping3D", {"cropping": 1}, (2, 4, 5, 3, 2)),
    Case("UpSampling1D", {"size": 3}, SEQUENCE),
    Case("UpSampling2D", {"size": (2, 3)}, IMAGE),
    Case("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, IMAGE),
    Case("UpSampling2D", {"size": 2, **FIRST}, IMAGE),
    Case("UpSampling3D", {"size": (1, 2, 2)}, VOLUME),
]

_MERGING = [
    *(Case(kind, {}, [(2, 3), (2, 3), (2, 3)]) for kind in ("Add", "Multiply", "Average", "Maximum", "Minimum")),
    Case("Subtract", {}, [(2, 3), (2, 3)]),
    Case("Add", {}, [(2, 4, 3), (2, 1, 3)]),
    Case("Multiply", {}, [(2, 4, 3), (2, 3)]),
    Case("Concatenate", {}, [(2, 3), (2, 4)]),
    Case("Concatenate", {"axis": 1}, [(2, 3, 2), (2, 1, 2)]),
    Case("Dot", {"axes": 1}, [(2, 3), (2, 3)]),
    Case("Dot", {"axes": (2, 1), "normalize": True}, [(2, 4, 3), (2, 3, 5)]),
    Case("Dot", {"axes": (1, 2)}, [(2, 3, 4), (2, 5, 3)]),
    Case("Dot", {"axes": -1}, [(2, 4, 3), (2, 3)]),
]

CASES = [
    *_DENSE, *_ACTIVATIONS, *_RESHAPING, *_DROPOUT, *_NORMALIZATION, *_CONVOLUTION, *_POOLING, *_EDGES, *_MERGING,
    *recurrent.CASES, *attention.CASES, *data_preparation.CASES,
    *image_geometry.CASES, *image_colour.CASES, *adaptive_pooling.CASES,
]  # fmt: skip
