"""Training on many devices and hosts: meshes, layouts, data and model parallelism, under Keras's names."""

from .core.distributions import DataParallel, LayoutMap, ModelParallel, distribution, set_distribution
from .core.meshes import (
    DeviceMesh,
    TensorLayout,
    distribute_tensor,
    get_device_count,
    initialize,
    list_devices,
)

__all__ = [
    "DataParallel", "DeviceMesh", "LayoutMap", "ModelParallel", "TensorLayout", "distribute_tensor", "distribution",
    "get_device_count", "initialize", "list_devices", "set_distribution",
]  # fmt: skip
