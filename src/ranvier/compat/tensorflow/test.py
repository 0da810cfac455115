"""``tf.test``: what programs ask of the machine, and a test case that compares tensors."""

from __future__ import annotations

import unittest
from typing import Any

import numpy as np

from .config import list_physical_devices

__all__ = ["TestCase", "gpu_device_name", "is_built_with_cuda", "is_built_with_gpu_support", "is_gpu_available", "main"]


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Whether JAX has a GPU."""
    return bool(list_physical_devices("GPU"))


is_built_with_cuda = is_built_with_gpu_support = is_gpu_available


def gpu_device_name() -> str:
    """The first GPU's name, or an empty string."""
    return "/device:GPU:0" if is_gpu_available() else ""


class TestCase(unittest.TestCase):
    """A test case that compares tensors."""

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: Any = None) -> None:  # noqa: N802
        """Fail unless the numbers are close."""
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=atol, err_msg=msg or "")

    def assertAllEqual(self, a: Any, b: Any, msg: Any = None) -> None:  # noqa: N802
        """Fail unless the numbers are equal."""
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=msg or "")

    def assertShapeEqual(self, a: Any, b: Any, msg: Any = None) -> None:  # noqa: N802
        """Fail unless the shapes are equal."""
        np.testing.assert_equal(tuple(a.shape), tuple(b.shape), msg or "")


main = unittest.main


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("test", name, __all__))
