"""How a model's training is shared among devices: by the samples of a batch, by the model's parts, or by both.

There is one program, written as for one device; XLA cuts it along the layouts of the variables and of the batch. So
results are those of one device, to rounding, with one exception that is none: every process must be given the same
data, of which each computes its part.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import jax

from .errors import ArgumentError
from .meshes import DeviceMesh, TensorLayout, distribute_tensor, list_devices

__all__ = [
    "DataParallel", "Distribution", "LayoutMap", "ModelParallel", "active_layout_of", "distribution", "replicated",
    "set_distribution", "with_batch_layout", "with_output_layout",
]  # fmt: skip

_active: list[Any] = [None]  # the distribution of the whole program, threads included


class LayoutMap(MutableMapping[str, Any]):
    """Layouts by regular expressions over variables' paths (and ``<layer's path>/output`` for what layers return).

    Args:
        device_mesh: the mesh of all layouts; entries may then be plain tuples of axes.

    A path is looked up as it is, then matched from its beginning with each key.

    >>> mesh = DeviceMesh((1, 1), ("batch", "model"), devices=list_devices()[:1])
    >>> layouts = LayoutMap(mesh)
    >>> layouts[".*dense.*/kernel"] = (None, "model")
    >>> layouts["net/dense_1/kernel"].axes
    (None, 'model')
    """

    def __init__(self, device_mesh: DeviceMesh):
        self._layouts: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        found = [pattern for pattern in self._layouts if re.match(pattern, key)]
        if len(found) > 1:
            raise ArgumentError(f"'{key}' is matched by more than one key of the LayoutMap: {', '.join(found)}")
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ArgumentError(f"The LayoutMap has '{key}' already: {self._layouts[key]}. Delete it first.")
        if isinstance(layout, (tuple, list)):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ArgumentError(f"layout must be a TensorLayout or a tuple of axes. Received: {layout!r}")
        if layout.device_mesh is None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._device_mesh


class Distribution:
    """What `DataParallel` and `ModelParallel` have in common; subclass it for another way.

    Args:
        device_mesh: the devices.
        batch_dim_name: the mesh axis that batches are cut along.
        auto_shard_dataset: accepted; every process gives all data and computes its part.
    """

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True):
        if not isinstance(device_mesh, DeviceMesh):
            raise ArgumentError(f"device_mesh must be a DeviceMesh. Received: {device_mesh!r}")
        name = batch_dim_name or device_mesh.axis_names[0]
        if name not in device_mesh.axis_names:
            raise ArgumentError(
                f"batch_dim_name must be one of the mesh's axes {device_mesh.axis_names}. Received: {name!r}"
            )
        self._device_mesh, self._batch_dim_name, self.auto_shard_dataset = device_mesh, name, auto_shard_dataset

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str:
        """The mesh axis that batches are cut along."""
        return self._batch_dim_name

    @property
    def num_model_replicas(self) -> int:
        """How many copies of the model there are: the devices along the batch axis."""
        return self._device_mesh.size_of(self._batch_dim_name)

    @property
    def num_processes(self) -> int:
        """How many processes compute."""
        return jax.process_count()

    @property
    def data_shard_id(self) -> int:
        """The number of this process."""
        return jax.process_index()

    def get_data_layout(self, data_shape: Sequence[Any]) -> TensorLayout:
        """The layout of a batch: cut along its first axis."""
        return TensorLayout([self._batch_dim_name, *[None] * (len(data_shape) - 1)], self._device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable: whole on every device."""
        return TensorLayout([None] * len(variable.shape), self._device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of what a layer returns, by ``<layer's path>/output``; None: as the compiler finds best."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """`dataset` itself: each process reads all of it, and each device computes its part of every batch."""
        return dataset

    def distribute_tf_dataset(self, dataset: Any) -> Any:
        """`distribute_dataset`."""
        return self.distribute_dataset(dataset)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Within it, this is the distribution."""
        before = _active[0]
        _active[0] = self
        try:
            yield
        finally:
            _active[0] = before

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Every device has the whole model, and computes its part of each batch.

    Args:
        device_mesh: the devices; its first axis is the batch's.
        devices: names of devices, instead of a mesh; None with no mesh: all devices.
        auto_shard_dataset: accepted.
    """

    def __init__(self, device_mesh: DeviceMesh | None = None, devices: Any = None, auto_shard_dataset: bool = True):
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        super().__init__(device_mesh, None, auto_shard_dataset)


class ModelParallel(Distribution):
    """Weights are cut along mesh axes as a map says, and batches along another axis.

    Args:
        layout_map: the layouts of weights, and of layers' outputs; what it does not name is whole on every device.
        batch_dim_name: the mesh axis of batches; None: the first.
        auto_shard_dataset: accepted.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ):
        if kwargs:
            raise ArgumentError(f"Unknown arguments: {', '.join(kwargs)}. The mesh is that of the layout_map.")
        if not isinstance(layout_map, LayoutMap):
            raise ArgumentError(f"layout_map must be a LayoutMap. Received: {layout_map!r}")
        super().__init__(layout_map.device_mesh, batch_dim_name, auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout that the map gives for the variable's path.

        Raises:
            ArgumentError: a layout that the variable's shape cannot be cut by.
        """
        layout = self._layout_map[variable.path]
        if layout is None:
            return super().get_variable_layout(variable)
        if not layout.fits(variable.shape):
            raise ArgumentError(
                f"The LayoutMap cuts '{variable.path}' along {layout.axes} of a mesh of shape "
                f"{self.device_mesh.shape}, which its shape {tuple(variable.shape)} does not allow."
            )
        return layout

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout that the map gives for a layer's output."""
        return self._layout_map[path]


def distribution() -> Distribution | None:
    """The distribution of the program, None if there is none."""
    return _active[0]


def set_distribution(value: Distribution | None) -> None:
    """Make `value` the program's distribution, for models that are made from now on; None: one device again.

    Raises:
        ArgumentError: something else.
    """
    if value is not None and not isinstance(value, Distribution):
        raise ArgumentError(f"value must be a Distribution or None. Received: {value!r}")
    _active[0] = value


def active_layout_of(variable: Any) -> Any:
    """The sharding of a new variable, None without a distribution."""
    active = _active[0]
    return None if active is None else active.get_variable_layout(variable).backend_layout


def with_batch_layout(batch: Any) -> Any:
    """A batch inside a program, cut along its samples where their number allows it."""
    active = _active[0]
    if active is None:
        return batch

    def cut(array: Any) -> Any:
        layout = active.get_data_layout(array.shape) if getattr(array, "ndim", 0) else None
        return distribute_tensor(array, layout) if layout is not None and layout.fits(array.shape) else array

    return jax.tree.map(cut, batch)


def with_output_layout(path: str, outputs: Any) -> Any:
    """What a layer returns, laid out as the distribution says for it."""
    layout = None if _active[0] is None else _active[0].get_tensor_layout(f"{path}/output")
    if layout is None:
        return outputs
    return jax.tree.map(lambda a: distribute_tensor(a, layout) if layout.fits(a.shape) else a, outputs)


def replicated(tree: Any) -> Any:
    """The arrays of a tree whole on every device of the distribution; as they are without one."""
    active = _active[0]
    if active is None:
        return tree
    whole = TensorLayout((), active.device_mesh)
    return jax.tree.map(lambda a: distribute_tensor(a, whole), tree)
