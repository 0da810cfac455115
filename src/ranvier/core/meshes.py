"""Devices in a grid with named axes, and how an array lies on them. Thin over `jax.sharding`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .errors import ArgumentError
from .settings import compute_in_callers_thread

__all__ = ["DeviceMesh", "TensorLayout", "distribute_tensor", "get_device_count", "initialize", "list_devices"]

compute_in_callers_thread()  # here, since nothing is made before a device is known


def list_devices(device_type: str | None = None) -> list[str]:
    """The names of all devices of all processes, such as ``["gpu:0", "gpu:1"]``.

    Args:
        device_type: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None: those that JAX computes on.
    """
    return [_name_of(device) for device in jax.devices(device_type.lower() if device_type else None)]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices `list_devices` names."""
    return len(list_devices(device_type))


def _name_of(device: Any) -> str:
    return f"{device.platform}:{device.id}"


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Join the processes of several machines into one computation; call it first in every process.

    Args:
        job_addresses: ``"host:port"`` of the first process, or those of all, with commas between them; None: the
            environment variable ``KERAS_DISTRIBUTION_JOB_ADDRESSES``, or what the cluster says of itself.
        num_processes: how many there are; None: ``KERAS_DISTRIBUTION_NUM_PROCESSES``.
        process_id: the number of this one, from 0; None: ``KERAS_DISTRIBUTION_PROCESS_ID``.
    """
    environment = os.environ
    job_addresses = job_addresses or environment.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    if num_processes is None and "KERAS_DISTRIBUTION_NUM_PROCESSES" in environment:
        num_processes = int(environment["KERAS_DISTRIBUTION_NUM_PROCESSES"])
    if process_id is None and "KERAS_DISTRIBUTION_PROCESS_ID" in environment:
        process_id = int(environment["KERAS_DISTRIBUTION_PROCESS_ID"])
    if process_id is not None and num_processes is not None and not 0 <= process_id < num_processes:
        raise ArgumentError(
            f"process_id must be at least 0 and below num_processes={num_processes}. Received: process_id={process_id}"
        )
    first = job_addresses.split(",")[0] if job_addresses else None
    jax.distributed.initialize(first, num_processes, process_id)


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: the sizes of the axes, such as ``(2, 4)``.
        axis_names: their names, such as ``("batch", "model")``.
        devices: names of devices as `list_devices` gives them; None: all.

    Raises:
        ArgumentError: sizes and names that do not fit each other or the devices, an unknown device.

    >>> mesh = DeviceMesh((1,), ("batch",), devices=list_devices()[:1])
    >>> mesh.shape, mesh.axis_names
    ((1,), ['batch'])
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None):
        if not shape or not axis_names:
            raise ArgumentError(
                f"shape and axis_names must not be empty. Received: shape={shape}, axis_names={axis_names}"
            )
        if len(shape) != len(axis_names):
            raise ArgumentError(
                f"shape and axis_names must be equally long. Received: shape={shape}, axis_names={axis_names}"
            )
        names = np.array(list_devices() if devices is None else devices).reshape(-1)
        if int(np.prod(shape)) != names.size:
            raise ArgumentError(
                f"A mesh of shape {tuple(shape)} has {int(np.prod(shape))} places. Received: {names.size} devices"
            )
        self._shape = tuple(int(size) for size in shape)
        self._axis_names = list(axis_names)
        self._devices = names.reshape(self._shape)
        known = {_name_of(device): device for device in jax.devices()}
        for name in names:
            if str(name).split(":")[0] not in {device.platform for device in known.values()}:
                known |= {_name_of(device): device for device in jax.devices(str(name).split(":")[0])}
        unknown = [str(name) for name in names if str(name) not in known]
        if unknown:
            raise ArgumentError(f"There is no device {', '.join(unknown)}. There are: {', '.join(known)}")
        grid = np.array([known[str(name)] for name in names], object).reshape(self._shape)
        self._backend_mesh = Mesh(grid, tuple(self._axis_names))

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self._shape

    @property
    def axis_names(self) -> list[str]:
        """The names of the axes."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The devices' names, in the mesh's shape."""
        return self._devices

    @property
    def backend_mesh(self) -> Mesh:
        """JAX's mesh."""
        return self._backend_mesh

    def size_of(self, axis: str) -> int:
        """How many devices lie along an axis."""
        return self._shape[self._axis_names.index(axis)]

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Which axis of a mesh each axis of an array is cut along.

    Args:
        axes: for each axis of the array the name of a mesh axis, or None: not cut, on all of its devices.
        device_mesh: the mesh; None: to be given later, as a `LayoutMap` does.

    Raises:
        ArgumentError: a name that the mesh lacks.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None):
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    def _check(self) -> None:
        if self._device_mesh is None:
            return
        unknown = {axis for axis in self._axes if axis} - set(self._device_mesh.axis_names)
        if unknown:
            raise ArgumentError(
                f"axes must be names of the mesh's axes {self._device_mesh.axis_names}, or None. "
                f"Received: {', '.join(sorted(unknown))}"
            )

    @property
    def axes(self) -> tuple[str | None, ...]:
        """The mesh axis of each axis."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ArgumentError(f"The layout has a mesh already: {self._device_mesh}")
        self._device_mesh = mesh
        self._check()

    @property
    def backend_layout(self) -> NamedSharding:
        """JAX's sharding."""
        if self._device_mesh is None:
            raise ArgumentError("The layout has no device mesh yet. Give it one: TensorLayout(axes, device_mesh)")
        return NamedSharding(self._device_mesh.backend_mesh, PartitionSpec(*self._axes))

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether an array of `shape` can be cut like this: as many axes, and sizes that the devices divide."""
        mesh = self._device_mesh
        return mesh is not None and (not self._axes or len(shape) == len(self._axes)) and all(
            axis is None or size % mesh.size_of(axis) == 0 for size, axis in zip(shape, self._axes, strict=False)
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """`tensor` laid out over devices; inside a compiled program, a wish to the compiler.

    Args:
        tensor: an array.
        layout: a `TensorLayout`, or a sharding of JAX.
    """
    sharding = layout.backend_layout if isinstance(layout, TensorLayout) else layout
    if isinstance(tensor, Tracer):
        return jax.lax.with_sharding_constraint(tensor, sharding)
    return jax.device_put(tensor, sharding)
