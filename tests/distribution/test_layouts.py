"""Meshes, layouts and maps of layouts: what they say, and what they refuse."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from ranvier import Variable, distribution
from ranvier.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, TensorLayout


@pytest.fixture
def mesh() -> DeviceMesh:
    return DeviceMesh((1, 1), ("batch", "model"), distribution.list_devices()[:1])


@pytest.fixture(autouse=True)
def no_distribution():
    yield
    distribution.set_distribution(None)


def test_devices_have_names():
    names = distribution.list_devices()
    assert names[0] == "cpu:0"
    assert distribution.get_device_count("cpu") == len(names) == len(jax.devices())


def test_a_mesh_says_what_it_is(mesh):
    assert mesh.shape == (1, 1)
    assert list(mesh.axis_names) == ["batch", "model"]
    assert mesh.devices.tolist() == [["cpu:0"]]
    assert mesh.backend_mesh.axis_names == ("batch", "model")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((), ()), "must not be empty"),
        (((1, 1), ("a",)), "equally long"),
        (((3, 4), ("a", "b"), ["cpu:0"]), "12 places. Received: 1"),
        (((1,), ("a",), ["cpu:77"]), "no device cpu:77"),
    ],
)
def test_meshes_that_cannot_be(arguments, words):
    with pytest.raises(ValueError, match=words):
        DeviceMesh(*arguments)


def test_a_layout_is_a_sharding(mesh):
    layout = TensorLayout(("batch", None), mesh)
    assert layout.backend_layout.spec == jax.sharding.PartitionSpec("batch", None)
    assert distribution.distribute_tensor(np.ones((4, 3), "float32"), layout).sharding == layout.backend_layout
    assert layout.fits((4, 3))
    assert not layout.fits((4,))
    with pytest.raises(ValueError, match="Received: nowhere"):
        TensorLayout(("nowhere",), mesh)
    with pytest.raises(ValueError, match="no device mesh yet"):
        TensorLayout(("batch",)).backend_layout  # noqa: B018


def test_a_map_matches_from_the_beginning_and_only_once(mesh):
    layouts = LayoutMap(mesh)
    layouts["dense.*kernel"] = (None, "model")
    layouts["net/.*bias"] = TensorLayout(("model",))
    assert layouts["dense_1/kernel"].axes == (None, "model")
    assert layouts["net/dense/bias"].device_mesh is mesh
    assert layouts["net/dense/kernel"] is None
    assert list(layouts) == ["dense.*kernel", "net/.*bias"]
    with pytest.raises(ValueError, match="already"):
        layouts["dense.*kernel"] = (None, None)
    with pytest.raises(ValueError, match="TensorLayout or a tuple"):
        layouts["other"] = 3
    layouts["dense_1"] = (None, None)
    with pytest.raises(ValueError, match="more than one key"):
        layouts["dense_1/kernel"]
    del layouts["dense_1"]
    assert len(layouts) == 2


def test_variables_are_laid_out_where_a_distribution_is_set(mesh):
    layouts = LayoutMap(mesh)
    layouts["kernel"] = (None, "model")
    way = ModelParallel(layout_map=layouts, batch_dim_name="batch")
    assert way.get_data_layout((8, 4)).axes == ("batch", None)
    with way.scope():
        assert distribution.distribution() is way
        kernel, bias = Variable(np.ones((2, 4), "float32"), name="kernel"), Variable(np.ones(4, "float32"), name="bias")
    assert distribution.distribution() is None
    assert kernel.value.sharding.spec == jax.sharding.PartitionSpec(None, "model")
    assert bias.value.sharding.is_fully_replicated
    kernel.assign(np.zeros((2, 4)))
    assert kernel.value.sharding == kernel.layout
    assert Variable(1.0).layout is None


def test_what_parallel_training_says_of_itself():
    way = DataParallel(devices=distribution.list_devices()[:1])
    assert (way.batch_dim_name, way.num_model_replicas, way.num_processes, way.data_shard_id) == ("batch", 1, 1, 0)
    assert way.distribute_dataset([1]) == [1]


def test_bad_distributions(mesh):
    with pytest.raises(ValueError, match="layout_map must be a LayoutMap"):
        ModelParallel(layout_map=None)
    with pytest.raises(ValueError, match="batch_dim_name must be one of"):
        ModelParallel(layout_map=LayoutMap(mesh), batch_dim_name="rows")
    with pytest.raises(ValueError, match="must be a Distribution or None"):
        distribution.set_distribution("all")
    with pytest.raises(ValueError, match="process_id must be"):
        distribution.initialize("127.0.0.1:1", 2, 2)
    layouts = LayoutMap(mesh)
    layouts["kernel"] = (None, "model", None)
    with ModelParallel(layout_map=layouts).scope(), pytest.raises(ValueError, match="does not allow"):
        Variable(np.ones((2, 4), "float32"), name="kernel")
