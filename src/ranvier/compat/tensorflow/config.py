"""``tf.config``: devices as JAX sees them; what TensorFlow alone has to be told is accepted."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from .functions import functions_run_eagerly, run_functions_eagerly

__all__ = [
    "LogicalDevice", "LogicalDeviceConfiguration", "PhysicalDevice", "experimental",
    "experimental_run_functions_eagerly", "functions_run_eagerly", "get_visible_devices", "list_logical_devices",
    "list_physical_devices", "optimizer", "run_functions_eagerly", "set_logical_device_configuration",
    "set_soft_device_placement", "set_visible_devices", "threading",
]  # fmt: skip

experimental_run_functions_eagerly = run_functions_eagerly


class PhysicalDevice(NamedTuple):
    """A device of the machine."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A device that programs use."""

    name: str
    device_type: str


class LogicalDeviceConfiguration(NamedTuple):
    """Limits of a logical device; not needed."""

    memory_limit: int | None = None
    experimental_priority: int | None = None
    experimental_device_ordinal: int | None = None


def _devices(kind: str, device_type: str | None, prefix: str) -> list[Any]:
    found = {d.platform: d for d in jax.devices()}
    names = {"cpu": "CPU", "gpu": "GPU", "cuda": "GPU", "rocm": "GPU", "tpu": "TPU"}
    make = PhysicalDevice if kind == "physical" else LogicalDevice
    counts: dict[str, int] = {}
    result = [make(f"{prefix}CPU:0", "CPU")] if "cpu" not in found else []
    for device in jax.devices():
        name = names.get(str(device.platform), str(device.platform).upper())
        number = counts.get(name, 0)
        counts[name] = number + 1
        result.append(make(f"{prefix}{name}:{number}", name))
    return [d for d in result if device_type is None or d.device_type == device_type]


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The machine's devices, of one type (``"CPU"``, ``"GPU"``, ``"TPU"``) or all."""
    return _devices("physical", device_type, "/physical_device:")


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The devices that programs use."""
    return _devices("logical", device_type, "/device:")


get_visible_devices = list_physical_devices


def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Accepted: JAX takes what CUDA_VISIBLE_DEVICES and JAX_PLATFORMS leave."""


def set_logical_device_configuration(device: Any, logical_devices: Any) -> None:
    """Accepted."""


def set_soft_device_placement(enabled: bool) -> None:
    """Accepted: operations run where they can."""


class experimental:  # noqa: N801  TensorFlow's name
    """Older names."""

    list_physical_devices = staticmethod(list_physical_devices)
    list_logical_devices = staticmethod(list_logical_devices)
    set_visible_devices = staticmethod(set_visible_devices)
    VirtualDeviceConfiguration = LogicalDeviceConfiguration

    @staticmethod
    def set_memory_growth(device: Any, enable: bool) -> None:
        """Accepted: XLA_PYTHON_CLIENT_PREALLOCATE=false does it for JAX."""

    @staticmethod
    def get_memory_growth(device: Any) -> bool:
        """True."""
        return True

    @staticmethod
    def set_virtual_device_configuration(device: Any, logical_devices: Any) -> None:
        """Accepted."""

    @staticmethod
    def enable_op_determinism() -> None:
        """Accepted: the same program with the same seed gives the same bits."""

    @staticmethod
    def get_memory_info(device: str) -> dict[str, int]:
        """Bytes in use now and at most."""
        stats = jax.devices()[0].memory_stats() or {}
        return {"current": stats.get("bytes_in_use", 0), "peak": stats.get("peak_bytes_in_use", 0)}

    @staticmethod
    def enable_tensor_float_32_execution(enabled: bool) -> None:
        """Whether products may be computed with fewer bits on GPUs that can."""
        jax.config.update("jax_default_matmul_precision", "tensorfloat32" if enabled else "float32")


class threading:  # noqa: N801  TensorFlow's name
    """How many threads compute; XLA decides."""

    @staticmethod
    def set_intra_op_parallelism_threads(num_threads: int) -> None:
        """Accepted."""

    @staticmethod
    def set_inter_op_parallelism_threads(num_threads: int) -> None:
        """Accepted."""

    @staticmethod
    def get_intra_op_parallelism_threads() -> int:
        """0: decided by XLA."""
        return 0

    @staticmethod
    def get_inter_op_parallelism_threads() -> int:
        """0: decided by XLA."""
        return 0


class optimizer:  # noqa: N801  TensorFlow's name
    """The graph's optimizer; XLA's is always on."""

    @staticmethod
    def set_jit(enabled: Any) -> None:
        """Accepted: everything is compiled by XLA."""

    @staticmethod
    def get_jit() -> bool:
        """True."""
        return True


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("config", name, __all__))
