"""Names of classes and functions of the program in configurations, as in Keras."""

from __future__ import annotations

import keras
import pytest

import ranvier
from ranvier.core.errors import SerializationError

BOTH = pytest.mark.parametrize("k", [keras, ranvier], ids=["keras", "ranvier"])


def _thing(k, package, name=None):
    @k.saving.register_keras_serializable(package, name)
    class Thing(k.layers.Layer):
        def __init__(self, size=2, **kwargs):
            super().__init__(**kwargs)
            self.size = size

        def call(self, x):
            return x * self.size

        def get_config(self):
            return {**super().get_config(), "size": self.size}

    return Thing


@BOTH
def test_names(k):
    plain, named = _thing(k, "registry_a"), _thing(k, "registry_b", "other")
    assert k.saving.get_registered_name(plain) == "registry_a>Thing"
    assert k.saving.get_registered_name(named) == "registry_b>other"
    assert k.saving.get_registered_name(dict) == "dict"
    assert k.saving.get_registered_object("registry_b>other") is named
    assert k.saving.get_registered_object("registry_b>Thing") is None
    assert k.saving.get_registered_object("mine", {"mine": plain}) is plain
    assert k.saving.get_registered_object("mine", module_objects={"mine": plain}) is plain
    assert k.saving.get_custom_objects()["registry_a>Thing"] is plain


@BOTH
def test_objects_go_through_configurations(k):
    thing = _thing(k, "registry_c")
    config = k.saving.serialize_keras_object(thing(size=5, name="it"))
    assert config["registered_name"] == "registry_c>Thing"
    assert config["config"]["size"] == 5
    again = k.saving.deserialize_keras_object(config)
    assert type(again) is thing
    assert (again.size, again.name) == (5, "it")


def _unregistered(k):
    class Local(k.layers.Layer):
        def call(self, x):
            return x

    return Local


@BOTH
def test_scopes_and_custom_objects(k):
    local = _unregistered(k)
    model = k.Sequential([k.Input((2,)), local(name="it")])
    text = model.to_json()
    with pytest.raises((TypeError, ValueError)):
        k.models.model_from_json(text)
    assert type(k.models.model_from_json(text, {"Local": local}).layers[0]) is local
    with k.saving.CustomObjectScope({"Local": local}):
        assert type(k.models.model_from_json(text).layers[0]) is local
        with k.saving.custom_object_scope({"Other": local}):
            assert (
                k is keras or type(k.models.model_from_json(text).layers[0]) is local
            )  # the outer scope is still open
            assert type(k.models.model_from_json(text.replace('"Local"', '"Other"')).layers[0]) is local
        with pytest.raises((TypeError, ValueError)):
            k.models.model_from_json(text.replace('"Local"', '"Other"'))
    with pytest.raises((TypeError, ValueError)):
        k.models.model_from_json(text)


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@BOTH
def test_functions_by_name(k):
    @k.saving.register_keras_serializable("registry_d")
    def shifted(x):
        return x + 1

    config = k.layers.Dense(2, activation=shifted).get_config()
    assert k.layers.Dense.from_config(config).activation is shifted
    layer = k.layers.Dense(2, activation=lambda x: x)
    with pytest.raises((TypeError, ValueError, SerializationError)):
        k.layers.Dense.from_config(layer.get_config())


@BOTH
def test_what_cannot_be_registered(k):
    with pytest.raises(ValueError, match="get_config"):

        @k.saving.register_keras_serializable("registry_e")
        class Nothing:
            pass


def test_a_name_is_never_looked_up_as_a_path():
    for name in (
        "os.system",
        "builtins.eval",
        "subprocess>Popen",
        "keras.src.saving.saving_api.load_model",
        "numpy.load",
    ):
        for module in (None, "os", "builtins", "keras", "ranvier", "keras.src.saving"):
            config = {"module": module, "class_name": name, "config": {}, "registered_name": name}
            with pytest.raises(SerializationError, match="Unknown class"):
                ranvier.saving.deserialize_keras_object(config)
        with pytest.raises(SerializationError, match="Unknown function"):
            ranvier.saving.deserialize_keras_object({"class_name": "function", "config": name})
