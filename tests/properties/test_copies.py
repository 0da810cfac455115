"""A law of all ways to copy a model: files, pickles, clones and configurations give the same model.

Generated models are chains, graphs and classes, inside one another, with layers, variables, optimizers, metrics and seeds
in lists, tuples, dicts and sets, parts of them frozen. A copy has the same outputs, weights and numbers of trainable
weights, and its next training step is the original's.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import layers, ops
from ranvier.core import ownership
from ranvier.core.random import SeedGenerator

WIDTH = 3

# --- plans of models: plain data that a constructor takes, and that a configuration therefore holds ---------------------

LEAVES = st.sampled_from(["dense", "frozen", "norm", "embedded", "variable", "metric", "optimizer", "seeds", "dropout"])


def _containers(inside: Any) -> Any:
    several = st.lists(inside, min_size=1, max_size=3)
    keys = st.lists(st.sampled_from("zyxab"), min_size=1, max_size=3, unique=True)
    dicts = keys.flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, inside)))
    return st.one_of(
        st.tuples(st.sampled_from(["list", "tuple", "set", "model"]), several).map(list),
        dicts.map(lambda content: ["dict", content]),
    )


PLANS = st.lists(st.recursive(LEAVES, _containers, max_leaves=5), min_size=1, max_size=3)


def _made(plan: Any) -> Any:
    """The object, or the container of objects, that a plan stands for."""
    if isinstance(plan, str):
        return {
            "dense": lambda: layers.Dense(WIDTH, activation="tanh"),
            "frozen": lambda: layers.Dense(WIDTH, trainable=False),
            "norm": layers.BatchNormalization,
            "embedded": lambda: layers.Wrapper(layers.Dense(WIDTH)),
            "variable": lambda: ranvier.Variable(np.full(WIDTH, 0.5, "float32")),
            "metric": lambda: ranvier.metrics.Mean("kept"),
            "optimizer": lambda: ranvier.optimizers.Adam(0.1),
            "seeds": lambda: SeedGenerator(7),
            "dropout": lambda: layers.Dropout(0.5),
        }[plan]()
    kind, content = plan
    if kind == "model":
        return Tower(content)
    if kind == "dict":
        return {key: _made(part) for key, part in content.items()}
    if kind == "set":  # which holds what can be hashed
        return {_made(part if isinstance(part, str) or part[0] == "model" else ["model", [part]]) for part in content}
    return {"list": list, "tuple": tuple}[kind](_made(part) for part in content)


def _objects(held: Any) -> list[Any]:
    return list(ownership.walk(held, object))


@ranvier.saving.register_keras_serializable("laws")
class Tower(ranvier.Model):
    """A model that holds what its plan says, in attributes, and applies it in order."""

    def __init__(self, plan: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.plan = plan
        self.parts = [_made(part) for part in plan]

    def call(self, x: Any, training: bool | None = None) -> Any:
        for part in _objects(self.parts):
            if isinstance(part, layers.Wrapper):
                x = x + part.layer(x)
            elif isinstance(part, layers.Layer):
                x = part(x, training=training) if isinstance(part, (Tower, layers.Dropout)) else part(x)
            elif isinstance(part, ranvier.Variable):
                x = x * part
        return x


def _layer(plan: Any) -> Any:
    made = _made(plan)
    return made if isinstance(made, layers.Layer) and not isinstance(made, layers.Wrapper) else Tower([plan])


def _model(kind: str, plans: Any, returned: str) -> Any:
    if kind == "class":
        return Tower(plans)
    if kind == "chain":
        return ranvier.Sequential([ranvier.Input((WIDTH,)), *(_layer(plan) for plan in plans)])
    inputs = ranvier.Input((WIDTH,))
    x, seen = inputs, []
    for plan in plans:
        x = _layer(plan)(x)
        seen.append(x)
        x = ops.tanh(x) + inputs
    outputs = {"dict": {"z": x, "a": seen[0] * 2.0}, "list": [x, seen[0] + 1.0], "one": x}[returned]
    made = Careful(inputs, outputs, strength=0.25) if kind == "subclass" else ranvier.Model(inputs, outputs)
    if made.layers[1].weights and returned == "one":
        made.layers[1].trainable = False
    return made


@ranvier.saving.register_keras_serializable("laws")
class Careful(ranvier.Model):
    def __init__(self, *args: Any, strength: float = 0.5, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.strength = strength


# --- the law -----------------------------------------------------------------------------------------------------------


def _through_file(name: str, **options: Any) -> Any:
    def route(model: Any, folder: Any) -> Any:
        model.save(folder / name, **options)
        return ranvier.saving.load_model(folder / name)

    return route


def _through_weights(name: str) -> Any:
    def route(model: Any, folder: Any) -> Any:
        model.save_weights(folder / name)
        again = _from_json(model)
        again(np.zeros((1, WIDTH), "float32"))
        again.load_weights(folder / name)
        return again

    return route


def _from_json(model: Any) -> Any:
    return ranvier.models.model_from_json(model.to_json())


def _with_weights(make: Any) -> Any:
    def route(model: Any, folder: Any) -> Any:
        again = make(model)
        again(np.zeros((1, WIDTH), "float32"))
        again.set_weights(model.get_weights())
        return again

    return route


#: What a route keeps beside the weights: the optimizer's state, and the states of seeds.
ROUTES: dict[str, tuple[Any, bool, bool]] = {
    "keras": (_through_file("m.keras"), True, False),
    "folder": (_through_file("folder", zipped=False), True, False),
    "h5": (_through_file("m.h5"), True, False),
    "pickle": (lambda model, _: pickle.loads(pickle.dumps(model)), True, True),
    "deepcopy": (lambda model, _: copy.deepcopy(model), True, True),
    "weights": (_through_weights("m.weights.h5"), False, False),
    "safetensors": (_through_weights("m.safetensors"), False, False),
    "clone": (_with_weights(ranvier.models.clone_model), False, False),
    "config": (_with_weights(lambda model: type(model).from_config(model.get_config())), False, False),
    "json": (_with_weights(_from_json), False, False),
}  # fmt: skip

X = np.random.default_rng(0).normal(size=(4, WIDTH)).astype("float32")


def _leaves(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in ranvier.tree.flatten(outputs)]


def _step(model: Any, fresh: bool) -> list[np.ndarray]:
    """The loss of one training step and the weights after it."""
    if fresh:
        model.compile(ranvier.optimizers.SGD(0.1), "mse", run_eagerly=True)
    target = ranvier.tree.map_structure(lambda leaf: np.ones(leaf.shape, "float32"), model(X))
    return [np.asarray(model.train_on_batch(X, target)), *model.get_weights()]


def _trainable(model: Any) -> list[bool]:
    trainable = {id(v) for v in model.trainable_weights}
    return [id(v) in trainable for v in model.weights]


def _optimizers(model: Any) -> list[Any]:
    towers = [layer for layer in model._flatten_layers() if isinstance(layer, Tower)]
    return [o for t in towers for o in _objects(t.parts) if isinstance(o, ranvier.optimizers.Optimizer)]


def _check(kind: str, plans: Any, returned: str, folder: Any) -> None:
    model = _model(kind, plans, returned)
    if not _leaves(model(X)) or not model.trainable_variables:
        return
    model.compile(ranvier.optimizers.Adam(0.01), "mse", run_eagerly=True)
    _step(model, fresh=False)
    for optimizer in _optimizers(model):
        optimizer.build(model.trainable_variables)
        optimizer.iterations.assign(7)
    random = "dropout" in str(plans)
    copies = {}
    for name, (route, whole, _) in ROUTES.items():
        if name == "h5" and kind == "class":
            continue
        again = copies[name] = route(model, folder)
        assert type(again) is type(model), name
        assert getattr(again, "strength", None) == getattr(model, "strength", None), name
        assert [w.shape for w in again.weights] == [w.shape for w in model.weights], name
        for mine, other in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other, name)
        assert _trainable(again) == _trainable(model), name
        for mine, other in zip(_leaves(model(X)), _leaves(again(X)), strict=True):
            np.testing.assert_array_equal(mine, other, name)
        assert again.compiled == (name != "config"), name
        if whole and name != "h5":
            for optimizer in _optimizers(again):
                optimizer.build(again.trainable_variables)  # until then, the state of its slots waits
            assert [int(o.iterations) for o in _optimizers(again)] == [7] * len(_optimizers(model)), name
            assert int(again.optimizer.iterations) == 1, name
    steps = {n: _step(copies[n], not ROUTES[n][1]) for n in copies if ROUTES[n][2] or not random}
    references = {True: _step(pickle.loads(pickle.dumps(model)), fresh=True), False: _step(model, fresh=False)}
    for name, found in steps.items():
        for mine, other in zip(references[not ROUTES[name][1]], found, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("examples", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_copies_of_models_are_the_same_models(examples: int, tmp_path_factory: Any):
    few = examples < 50
    phases = [Phase.generate] if few else list(Phase)  # to shrink an example takes minutes
    checks = list(HealthCheck)

    @settings(max_examples=examples, deadline=None, suppress_health_check=checks, derandomize=few, phases=phases)
    @given(st.sampled_from(["chain", "graph", "class", "subclass"]), PLANS, st.sampled_from(["one", "list", "dict"]))
    def law(kind: str, plans: Any, returned: str) -> None:
        _check(kind, plans, returned, tmp_path_factory.mktemp("copies"))

    law()
