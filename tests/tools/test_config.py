"""Config, source inputs and the old spelling of objects behave as Keras's."""

import json

import keras
import pytest

import ranvier
from ranvier import Input, layers, losses, utils
from ranvier.core.errors import ArgumentError, ArgumentTypeError, SerializationError


def test_config_is_kerass():
    seen = []
    for which in (utils, keras.utils):
        config = which.Config(a=1)
        config.b = 2
        config["c"] = [3]
        config.update({"d": 4}, e=5)
        seen.append([
            repr(config), config.a, config["b"], len(config), "a" in config, list(config), config.get("x", 9), config.pop("a"),
            config.pop("zz", 0), list(config.items()), list(config.keys()), list(config.values()), config.to_json(),
            config.as_dict(), config.frozen,
        ])  # fmt: skip
        config.freeze()
        assert config.frozen
        for change in (lambda c: c.__setitem__("a", 1), lambda c: setattr(c, "a", 1), lambda c: c.pop("b"),
                       lambda c: c.update(a=1), lambda c: c.__delitem__("b")):  # fmt: skip
            with pytest.raises(ValueError, match="frozen"):
                change(config)
        config.unfreeze()
        del config["b"]
        with pytest.raises(AttributeError):
            _ = config.b
        with pytest.raises(KeyError):
            _ = config["b"]
        config.as_dict()["new"] = 1
        seen[-1].append(list(config))
    assert seen[0] == seen[1]


def test_config_beyond_keras():
    config = utils.Config(inner=utils.Config(x=1), y=2)
    assert json.loads(config.to_json()) == {"inner": {"x": 1}, "y": 2}
    del config.y
    assert "y" not in config
    with pytest.raises(AttributeError, match="no value 'y'"):
        del config.y
    with pytest.raises(TypeError, match="JSON cannot hold"):
        utils.Config(x=object()).to_json()


@pytest.mark.parametrize("swap", [False, True])
def test_source_inputs(swap):
    names = []
    for which in (ranvier, keras):
        a, b = which.Input((2,), name="a"), which.Input((2,), name="b")
        inner = which.Sequential([which.layers.Dense(2)])
        c = which.layers.Add()([b, a] if swap else [a, b])
        names.append(
            [[t.name for t in which.utils.get_source_inputs(x)] for x in (a, c, inner(c), which.layers.Add()([c, c]))]
        )
    assert names[0] == names[1]
    with pytest.raises(ArgumentTypeError):
        utils.get_source_inputs(3)


def test_names_of_utils():
    x = Input((2,))
    assert utils.is_keras_tensor(x)
    assert not utils.is_keras_tensor(3)
    layer = layers.Dense(2)
    copy = utils.deserialize_keras_object(utils.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
    utils.clear_session()
    assert layers.Dense(2).name == "dense"


def test_the_old_spelling():
    old = ranvier.legacy.saving
    assert utils.legacy.serialize_keras_object is old.serialize_keras_object
    described = old.serialize_keras_object(layers.Dense(2, name="d"))
    assert described["class_name"] == "Dense"
    assert described["config"]["units"] == 2
    for tables in ({"module_objects": {"Dense": layers.Dense}}, {"custom_objects": {"Dense": layers.Dense}}, {}):
        assert old.deserialize_keras_object(described, **tables).get_config() == described["config"]
    assert old.serialize_keras_object(None) is None
    assert old.deserialize_keras_object(None) is None
    assert old.serialize_keras_object(len) == "len"
    assert old.deserialize_keras_object("f", {"f": len}) is len
    assert isinstance(old.deserialize_keras_object("m", {"m": losses.MeanSquaredError}), losses.MeanSquaredError)
    assert old.deserialize_keras_object("f", {"f": len}, {"f": max}) is max
    assert old.deserialize_keras_object(len) is len
    for wrong, error in (("x", SerializationError), ({"class_name": "Nope", "config": {}}, SerializationError),
                         ({"class_name": "Dense"}, ArgumentError), (3, ArgumentError)):  # fmt: skip
        with pytest.raises(error):
            old.deserialize_keras_object(wrong)
    with pytest.raises(SerializationError):
        old.serialize_keras_object(3)
