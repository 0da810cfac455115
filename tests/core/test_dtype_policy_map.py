"""Maps of dtype policies: keys, layers that look theirs up, files."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError
from ranvier.dtype_policies import DTypePolicy, DTypePolicyMap, deserialize, get, serialize


def test_it_is_a_mapping_and_a_policy():
    policies = DTypePolicyMap("mixed_float16", {"model/a": DTypePolicy("bfloat16"), "model/b.*": "float16"})
    assert (policies.name, policies.compute_dtype, policies.variable_dtype) == (
        "map_mixed_float16",
        "float16",
        "float32",
    )
    assert policies.quantization_mode is None
    names = {key: policies[key].name for key in ("model/a", "model/b_1", "model/b", "model/ab", "other")}
    assert list(names.values()) == ["bfloat16", "float16", "float16", "mixed_float16", "mixed_float16"]
    assert list(policies) == ["model/a", "model/b.*"]
    assert len(policies) == 2
    assert "other" not in policies
    assert policies.pop("model/a").name == "bfloat16"
    assert policies
    assert DTypePolicyMap()


def test_default_is_the_global_policy_and_may_change():
    policies = DTypePolicyMap()
    assert policies["x"].name == keras.dtype_policies.DTypePolicyMap()["x"].name == "float32"
    ranvier.config.set_dtype_policy("bfloat16")
    assert policies["x"].name == "bfloat16"


def test_refusals():
    with pytest.raises(ArgumentTypeError, match="policy_map"):
        DTypePolicyMap(policy_map=3)  # type: ignore[arg-type]
    policies = DTypePolicyMap(policy_map={"a.*": DTypePolicy("float16"), "ab.*": DTypePolicy("bfloat16")})
    with pytest.raises(ArgumentError, match="already"):
        policies["a.*"] = DTypePolicy("float32")
    with pytest.raises(ArgumentError, match="several keys"):
        policies["abc"]
    with pytest.raises(ArgumentTypeError, match="paths"):
        policies[3] = DTypePolicy("float32")  # type: ignore[index]


def test_config_round_trip():
    policies = DTypePolicyMap("float32", {"a": DTypePolicy("mixed_bfloat16")})
    config = json.loads(json.dumps(serialize(policies)))
    assert config["module"] == "keras.dtype_policies"
    assert config["class_name"] == "DTypePolicyMap"
    assert deserialize(config) == get(config) == policies
    assert policies != DTypePolicyMap("float32")


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(2, name="inner", dtype=self.dtype_policy)
        self.other = layers.Dense(2, name="other", dtype=self.dtype_policy)

    def call(self, inputs):
        return self.other(self.inner(inputs))


def test_nested_layers_find_their_policies_by_path():
    policies = DTypePolicyMap("float32", {"block/inner": DTypePolicy("mixed_bfloat16")})
    block = Block(name="block", dtype=policies)
    assert block(np.ones((2, 3), "float32")).dtype == "float32"
    assert (block.inner.compute_dtype, block.inner.kernel.dtype) == ("bfloat16", "float32")
    assert (block.other.compute_dtype, block.other.kernel.dtype) == ("float32", "float32")


def test_models_with_maps_train_and_travel_through_files(tmp_path):
    policies = DTypePolicyMap("float32", {"net/first": DTypePolicy("float16")})
    chain = [layers.Dense(4, name="first", dtype=policies), layers.Dense(1, name="second", dtype=policies)]
    model = ranvier.Sequential([ranvier.Input((3,)), *chain], name="net")
    assert [layer.kernel.dtype for layer in model.layers] == ["float16", "float32"]
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "m.keras")
    again = ranvier.models.load_model(tmp_path / "m.keras")
    assert [layer.kernel.dtype for layer in again.layers] == ["float16", "float32"]
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_layers_policy_can_be_assigned_by_name():
    layer = layers.Dense(2)
    layer.dtype_policy = "mixed_bfloat16"  # type: ignore[assignment]
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
