"""What people's own classes say of themselves, and what of it comes back from a file, a pickle or a clone."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers, losses, metrics, ops, optimizers
from ranvier.core.errors import ArgumentError, RanvierWarning, SerializationError
from ranvier.saving import deserialize_keras_object, load_model, register_keras_serializable

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def _same(model: Any, other: Any) -> None:
    for mine, theirs in zip(ranvier.tree.flatten(model(X)), ranvier.tree.flatten(other(X)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def _back(model: Any, folder: Any, **kwargs: Any) -> Any:
    model.save(folder / "m.keras")
    return load_model(folder / "m.keras", **kwargs)


# --- own arguments of subclasses -----------------------------------------------------------------------------------------

BASES: dict[str, tuple[type, tuple[Any, ...]]] = {
    "layer": (layers.Layer, ()), "dense": (layers.Dense, (2,)), "model": (ranvier.Model, ()),
    "metric": (metrics.Metric, ()), "loss": (losses.Loss, ()), "optimizer": (optimizers.SGD, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", BASES)
def test_a_get_config_of_ones_own_adds_its_arguments_to_those_of_the_base(name: str):
    base, given = BASES[name]

    class Own(base):  # type: ignore[valid-type, misc]
        def __init__(self, *args: Any, volume: int = 1, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self.volume = volume

        def get_config(self) -> dict[str, Any]:
            return dict(volume=self.volume, **super().get_config())

    class Further(Own):
        def __init__(self, *args: Any, pitch: int = 2, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self.pitch = pitch

        def get_config(self) -> dict[str, Any]:
            return dict(pitch=self.pitch, **super().get_config())

    class Automatic(Own):
        def __init__(self, *args: Any, depth: int = 3, **kwargs: Any):
            super().__init__(*args, **kwargs)
            self.depth = depth

    for cls, own in (
        (Own, {"volume": 5}),
        (Further, {"volume": 5, "pitch": 6}),
        (Automatic, {"volume": 5, "depth": 7}),
    ):
        made = cls(*given, **own, name="it") if name != "metric" else cls(name="it", **own)
        config = made.get_config()
        assert config.items() >= {"name": "it", **own}.items()
        again = cls.from_config(config)
        assert {key: getattr(again, key) for key in own} == own


@register_keras_serializable("configurations")
class Shell(layers.Layer):
    def __init__(self, inner: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x: Any) -> Any:
        return self.inner[0](x) if isinstance(self.inner, list) else self.inner(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner": self.inner}


@register_keras_serializable("configurations")
class Careless(Shell):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        config["inner"] = deserialize_keras_object(config["inner"])
        return cls(**config)


@pytest.mark.parametrize("cls", [Shell, Careless])
@pytest.mark.parametrize("wrap", [lambda layer: layer, lambda layer: [layer]])
def test_objects_in_a_configuration_are_spelled_out_and_belong_to_each_copy_alone(cls: Any, wrap: Any, tmp_path):
    inputs = ranvier.Input((3,))
    model = ranvier.Model(inputs, cls(wrap(layers.Dense(2)))(inputs))
    for again in (_back(model, tmp_path), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        _same(model, again)
    clone = ranvier.models.clone_model(model)
    clone.set_weights(model.get_weights())
    _same(model, clone)
    clone.set_weights([w * 0 for w in clone.get_weights()])
    assert model.get_weights()[0].any(), "a clone has layers of its own"


def test_classes_and_functions_that_are_called_as_ours_are_not_taken_for_ours(tmp_path):
    def relu(x: Any) -> Any:
        return -x

    class Dense(layers.Dense):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) + 1

    model = ranvier.Sequential([ranvier.Input((3,)), Dense(2, activation=relu)])
    with pytest.raises(SerializationError, match="Unknown class 'Dense'"):
        _back(model, tmp_path)
    with pytest.raises(SerializationError, match="Unknown function 'relu'"):
        load_model(tmp_path / "m.keras", custom_objects={"Dense": Dense})
    _same(model, load_model(tmp_path / "m.keras", custom_objects={"Dense": Dense, "relu": relu}))
    _same(model, copy.deepcopy(model))


# --- models made from symbolic tensors -----------------------------------------------------------------------------------


class Unregistered(ranvier.Model):
    def __init__(self, inputs: Any, outputs: Any, strength: float = 1.0, **kwargs: Any):
        super().__init__(inputs, outputs, **kwargs)
        self.strength = strength


def test_a_subclass_made_from_tensors_has_its_graph_and_its_arguments(tmp_path):
    inputs = ranvier.Input((3,))
    model = Unregistered(inputs, {"b": layers.Dense(2)(inputs), "a": inputs * 2.0}, strength=0.25, trainable=False)
    with pytest.raises(SerializationError, match="Unregistered"):
        _back(model, tmp_path)
    own = {"Unregistered": Unregistered}
    for again in (
        load_model(tmp_path / "m.keras", custom_objects=own), copy.deepcopy(model), pickle.loads(pickle.dumps(model)),
    ):  # fmt: skip
        assert type(again) is Unregistered
        assert (again.strength, again.trainable, again.name, len(again.weights)) == (0.25, False, model.name, 2)
        _same(model, again)
    for kwargs in ({}, {"clone_function": lambda layer: type(layer).from_config(layer.get_config())}):
        clone = ranvier.models.clone_model(model, **kwargs)
        assert (type(clone), clone.strength) == (Unregistered, 0.25)


def test_a_functional_configuration_makes_a_model_with_custom_objects(tmp_path):
    class Twice(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2

    inputs = ranvier.Input((3,))
    model = ranvier.Model(inputs, {"y": Twice()(inputs)})
    for cls in (ranvier.Model, type(model)):
        again = cls.from_config(model.get_config(), custom_objects={"Twice": Twice})
        assert type(again).__name__ == "Functional"
        _same(model, again)


def test_an_ordered_dict_of_outputs_keeps_its_order_in_a_file(tmp_path):
    inputs = ranvier.Input((3,))
    model = ranvier.Model(inputs, OrderedDict((key, layers.Dense(2)(inputs)) for key in ("urgent", "desk")))
    again = _back(model, tmp_path)
    assert list(again.output) == ["urgent", "desk"]
    _same(model, again)


@register_keras_serializable("configurations")
class Chain(ranvier.Sequential):
    def __init__(self, width: int, **kwargs: Any):
        super().__init__([ranvier.Input((3,)), layers.Dense(width)], **kwargs)
        self.width = width


def test_a_chain_whose_constructor_makes_layers_has_each_once(tmp_path):
    model = Chain(5)
    model.add(layers.Dense(2))
    again = _back(model, tmp_path)
    assert (type(again), again.width, len(again.layers)) == (Chain, 5, 2)
    _same(model, again)


def test_a_layer_may_stand_in_a_chain_twice(tmp_path):
    layer = layers.Dense(3)
    model = ranvier.Sequential([ranvier.Input((3,)), layer, layer])
    model.save_weights(tmp_path / "m.weights.h5")
    model.load_weights(tmp_path / "m.weights.h5")
    for again in (_back(model, tmp_path), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert len(again.weights) == 2
        assert again.layers[0] is again.layers[1]
        _same(model, again)


# --- compile() of one's own ---------------------------------------------------------------------------------------------


@register_keras_serializable("configurations")
class Duel(ranvier.Model):
    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(x)

    def compile(self, optimizer: Any, strength: float, loss: Any) -> None:  # type: ignore[override]
        super().compile(optimizer, loss)
        self.strength = strength


@register_keras_serializable("configurations")
class Described(Duel):
    def get_compile_config(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer, "strength": self.strength, "loss": "mse"}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(deserialize_keras_object(config["optimizer"]), config["strength"], config["loss"])


def test_a_compile_of_ones_own_is_called_by_who_knows_its_arguments(tmp_path):
    for cls in (Duel, Described):
        model = cls()
        model(X)
        model.compile("sgd", 0.3, "mse")
        for route in (lambda m: _back(m, tmp_path), copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
            if cls is Duel:
                with pytest.warns(RanvierWarning, match="has a compile\\(\\) of its own"):
                    again = route(model)
                assert not again.compiled
            else:
                again = route(model)
                assert (again.compiled, again.strength, type(again.optimizer)) == (True, 0.3, optimizers.SGD)
            _same(model, again)


def test_a_clone_is_compiled_as_the_model_is():
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.Adam(0.5), "mse", metrics=["mae"])
    model.train_on_batch(X, np.ones((4, 1)))
    clone = ranvier.models.clone_model(model)
    assert clone.compiled
    assert (float(clone.optimizer.learning_rate), int(clone.optimizer.iterations)) == (0.5, 0)
    assert clone.optimizer is not model.optimizer
    inputs = ranvier.Input((3,), name="q")
    named = ranvier.Model({"q": inputs}, layers.Dense(1)(inputs))
    for wrong in ([ranvier.Input((3,))], {"z": ranvier.Input((3,))}, ranvier.Input((3,))):
        with pytest.raises(ArgumentError, match="structures differ"):
            ranvier.models.clone_model(named, input_tensors=wrong)


# --- functions in the place of layers ------------------------------------------------------------------------------------


@register_keras_serializable("configurations")
def triple(x: Any) -> Any:
    return x * 3


def test_lambdas_of_known_functions_are_data(tmp_path):
    for function in (triple, ops.sin, ranvier.activations.relu):
        model = ranvier.Sequential([ranvier.Input((3,)), layers.Lambda(function)])
        for again in (_back(model, tmp_path), ranvier.models.model_from_json(model.to_json())):
            _same(model, again)
        model.save(tmp_path / "m.h5")
        _same(model, load_model(tmp_path / "m.h5"))


def test_lambdas_of_others_are_written_and_read_with_the_function_only(tmp_path):
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Lambda(lambda x: x + 1, name="more"), layers.Dense(1)])
    model.compile("sgd", "mse")
    best = ranvier.callbacks.ModelCheckpoint(tmp_path / "best.keras")
    with pytest.warns(RanvierWarning, match="'more'"):
        model.fit(X, np.ones((4, 1)), verbose=0, callbacks=[best])
    with pytest.raises(SerializationError, match="Lambda layer 'more'"):
        load_model(tmp_path / "best.keras")
    _same(model, load_model(tmp_path / "best.keras", custom_objects={"more": lambda x: x + 1}))
    _same(model, copy.deepcopy(model))
    assert ranvier.models.clone_model(model).layers[0].function is model.layers[0].function


# --- pickles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "RMSprop", "Adagrad", "Ftrl", "Lion", "Muon", "Adafactor", "LossScaleOptimizer"]
)
def test_an_unpickled_optimizer_goes_on_with_the_weights_that_it_is_given(name: str):
    cls = getattr(optimizers, name)
    made = cls(optimizers.Adam(0.1)) if name == "LossScaleOptimizer" else cls(0.1, use_ema=True)
    fresh = pickle.loads(pickle.dumps(made))
    assert not fresh.built
    ours = [ranvier.Variable(np.ones((3, 2), "float32")), ranvier.Variable(np.ones(2, "float32"))]
    slopes = [np.full((3, 2), 0.5, "float32"), np.full(2, -0.25, "float32")]
    made.exclude_from_weight_decay([ours[1]])
    made.apply(slopes, ours)
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        theirs = [ranvier.Variable(v.numpy()) for v in ours]
        assert again.built
        assert int(again.iterations) == int(made.iterations)
        reference, expected = copy.deepcopy(made), [ranvier.Variable(v.numpy()) for v in ours]
        reference.apply(slopes, expected)
        again.apply(slopes, theirs)
        for mine, other in zip([*expected, *reference.variables], [*theirs, *again.variables], strict=True):
            np.testing.assert_array_equal(mine.numpy(), other.numpy())
    with pytest.raises(ArgumentError, match="was not built for"):
        pickle.loads(pickle.dumps(made)).apply(slopes[:1], [ranvier.Variable(np.ones((2, 2), "float32"))])


def test_a_pickled_model_is_its_file_and_goes_through_the_same_checks():
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2), layers.Dropout(0.5)])
    model.compile("adam", "mse")
    model.train_on_batch(X, np.ones((4, 2)))
    again = pickle.loads(pickle.dumps(model))
    assert again.optimizer.built
    assert model.train_on_batch(X, np.ones((4, 2))) == again.train_on_batch(X, np.ones((4, 2)))
    restore, (content, *rest) = model.__reduce__()
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 255
    with pytest.raises(SerializationError, match=r"model\.keras in memory"):
        restore(bytes(damaged), *rest)
    history = pickle.loads(pickle.dumps(model.fit(X, np.ones((4, 2)), verbose=0)))
    assert list(history.history) == ["loss"]


# --- options of saving ---------------------------------------------------------------------------------------------------


def test_options_of_saving(tmp_path):
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("adam", "mse")
    model.train_on_batch(X, np.ones((4, 1)))
    for name in ("deep/er/m.keras", "deeper/still/m.h5"):
        model.save(tmp_path / name)
        assert load_model(tmp_path / name).compiled
        model.save(tmp_path / name, include_optimizer=False)
        again = load_model(tmp_path / name)
        assert not again.compiled
        _same(model, again)
    ranvier.saving.save_weights(model, tmp_path / "a/part.weights.h5", objects_to_skip=[model.layers[0]])
    before = model.get_weights()
    model.set_weights([w * 0 for w in before])
    with pytest.raises(SerializationError, match="the file has 0"):
        model.load_weights(tmp_path / "a/part.weights.h5")
    model.load_weights(tmp_path / "a/part.weights.h5", objects_to_skip=[model.layers[0]])
    assert [w.any() for w in model.get_weights()] == [False, False, True, True]
    unbuilt = ranvier.Sequential([layers.Dense(1)])
    unbuilt.save(tmp_path / "unbuilt.h5", include_optimizer=False)
    assert not load_model(tmp_path / "unbuilt.h5").built


def test_a_model_as_a_folder(tmp_path):
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(X, np.ones((4, 2)))
    folder = tmp_path / "model"
    for _ in range(2):
        model.save(folder, zipped=False)
        again = load_model(folder)
        _same(model, again)
        assert int(again.optimizer.iterations) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(SerializationError, match=r"notes\.txt"):
        model.save(folder, zipped=False)
    with pytest.raises(SerializationError, match=r"notes\.txt"):
        load_model(folder)
    (folder / "notes.txt").unlink()
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("/etc/hostname")
    with pytest.raises(SerializationError, match="link"):
        load_model(folder)
    with pytest.raises(ArgumentError, match="zipped=False"):
        model.save(tmp_path / "m.keras", zipped=False)
