"""``tf.distribute``: strategies for one device. Over several, `keras.distribution` computes one program."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

from ...core.errors import ArgumentError

__all__ = ["MirroredStrategy", "OneDeviceStrategy", "ReduceOp", "Strategy", "get_strategy", "has_strategy"]


class ReduceOp:
    """How replicas combine."""

    SUM, MEAN = "SUM", "MEAN"


class Strategy:
    """One replica.

    Raises:
        ArgumentError: there are several devices that it would have to use.
    """

    num_replicas_in_sync = 1

    @contextlib.contextmanager
    def scope(self) -> Iterator[Strategy]:
        """A context for making models; nothing is different in it."""
        yield self

    def run(self, fn: Callable[..., Any], args: Any = (), kwargs: Any = None, options: Any = None) -> Any:
        """``fn(*args, **kwargs)``."""
        return fn(*args, **(kwargs or {}))

    def reduce(self, reduce_op: Any, value: Any, axis: Any = None) -> Any:
        """The replicas' values together: the value, or its sum or mean along `axis`."""
        from .math import reduce_mean, reduce_sum

        if axis is None:
            return value
        return (reduce_mean if str(getattr(reduce_op, "name", reduce_op)).upper() == "MEAN" else reduce_sum)(
            value, axis
        )

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """The dataset."""
        return dataset

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        """The values of all replicas."""
        return (value,)


class OneDeviceStrategy(Strategy):
    """One replica on a device.

    Args:
        device: accepted; programs run on JAX's default device.
    """

    def __init__(self, device: str = ""):
        self.device = device


class MirroredStrategy(Strategy):
    """A replica on each device of the machine, where there is one device.

    Args:
        devices: names of devices; None: all.
        cross_device_ops: accepted.
    """

    def __init__(self, devices: Any = None, cross_device_ops: Any = None):
        count = len(jax.local_devices()) if devices is None else len(list(devices))
        if count > 1:
            raise ArgumentError(
                f"MirroredStrategy over {count} devices is keras.distribution.set_distribution("
                "keras.distribution.DataParallel()) here: one program, called before the model is made."
            )


def get_strategy() -> Strategy:
    """One replica."""
    return Strategy()


def has_strategy() -> bool:
    """False: nothing is distributed."""
    return False


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("distribute", name, __all__))
