"""`keras.mixed_precision`: the global dtype policy by its older names."""

from .core.dtypes import DTypePolicy as Policy
from .core.dtypes import dtype_policy as global_policy
from .core.dtypes import set_dtype_policy as set_global_policy
from .optimizers import LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

DTypePolicy, dtype_policy, set_dtype_policy = Policy, global_policy, set_global_policy
