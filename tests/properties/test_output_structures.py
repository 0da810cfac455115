"""Losses, weights, metrics and targets in the structure of the outputs, whatever it is: pairs by key and place."""

from __future__ import annotations

import collections
from typing import Any

import jax
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ranvier
from ranvier.training.measures import MetricSet
from ranvier.training.objectives import LossSet

Pair = collections.namedtuple("Pair", "second first")  # no alphabetical order
ERRORS = {"mse": lambda y, p: np.mean((y - p) ** 2), "mae": lambda y, p: np.mean(np.abs(y - p))}
SETTINGS = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def _nested(leaf: Any) -> Any:
    keys = st.permutations(["b", "a", "d", "c"])

    def inside(parts: Any) -> Any:
        several = st.lists(parts, min_size=1, max_size=3)
        return st.one_of(
            several,
            several.map(tuple),
            st.tuples(parts, parts).map(lambda two: Pair(*two)),
            st.tuples(keys, several).map(lambda both: dict(zip(*both, strict=False))),
        )

    return inside(st.recursive(leaf, inside, max_leaves=5))


LEAF = st.fixed_dictionaries(
    {
        "at": st.integers(-3, 3), "wanted": st.integers(-3, 3), "width": st.integers(1, 3),
        "loss": st.sampled_from(["mse", "mae", None]), "weight": st.sampled_from([1.0, 0.5, 3.0]),
        "metrics": st.lists(st.sampled_from(["mse", "mae"]), max_size=2, unique=True),
    }
).map(lambda values: collections.UserDict(values))  # a leaf for every walk, `jax.tree`'s too  # fmt: skip


def _each(nested: Any, value: Any) -> Any:
    """The same containers with another value for each leaf; dicts written in the opposite order."""
    if isinstance(nested, dict):
        return {key: _each(nested[key], value) for key in reversed(list(nested))}
    if isinstance(nested, Pair):
        return Pair(*(_each(part, value) for part in nested))
    if isinstance(nested, (list, tuple)):
        return type(nested)(_each(part, value) for part in nested)
    return value(nested)


def _filled(of: str) -> Any:
    return lambda leaf: np.full((4, leaf["width"]), float(leaf[of]), "float32")


def _expected(nested: Any) -> tuple[float, list[Any]]:
    found = jax.tree.leaves(nested)
    total = sum(ERRORS[leaf["loss"]](leaf["wanted"], leaf["at"]) * leaf["weight"] for leaf in found if leaf["loss"])
    return total, found


@given(nested=_nested(LEAF), flat=st.sampled_from(["no", "loss", "y", "both", "wanted"]))
@settings(SETTINGS, max_examples=400)
def test_losses_pair_with_outputs_by_key_and_place(nested, flat):
    total, found = _expected(nested)
    loss, weights, y = (_each(nested, lambda leaf, of=of: leaf[of]) for of in ("loss", "weight", "wanted"))
    y = _each(nested, _filled("wanted"))
    if flat in ("loss", "both"):
        loss, weights = [leaf["loss"] for leaf in found], [leaf["weight"] for leaf in found]
    if flat in ("y", "both"):
        y = jax.tree.leaves(y)
    if flat == "wanted":
        y = [_filled("wanted")(leaf) for leaf in found if leaf["loss"]]
    value = LossSet(loss, weights)(y, _each(_each(nested, lambda leaf: leaf), _filled("at")))
    if not any(leaf["loss"] for leaf in found):
        assert value is None
    else:
        np.testing.assert_allclose(value, total, rtol=1e-6)


@given(nested=_nested(LEAF), one=st.sampled_from(["mse", "mae"]))
@settings(SETTINGS, max_examples=100)
def test_one_loss_for_all_is_taken_of_each_output(nested, one):
    total = sum(ERRORS[one](leaf["wanted"], leaf["at"]) * 2 for leaf in jax.tree.leaves(nested))
    value = LossSet(one, 2.0)(_each(nested, _filled("wanted")), _each(_each(nested, lambda leaf: leaf), _filled("at")))
    np.testing.assert_allclose(value, total, rtol=1e-6)


@given(nested=_nested(LEAF), flat=st.booleans())
@settings(SETTINGS, max_examples=200)
def test_metrics_pair_with_outputs_by_key_and_place(nested, flat):
    found = jax.tree.leaves(nested)
    y, y_pred = _each(nested, _filled("wanted")), _each(_each(nested, lambda leaf: leaf), _filled("at"))
    metrics = MetricSet(_each(nested, lambda leaf: list(leaf["metrics"])), _each(nested, lambda leaf: leaf["metrics"]))
    weight = np.array([1.0, 2.0, 0.0, 1.0], "float32")
    y = jax.tree.leaves(y) if flat else y
    metrics.build(y, y_pred)
    metrics.update_state(y, y_pred, weight)
    expected = [ERRORS[name](leaf["wanted"], leaf["at"]) for leaf in found for name in leaf["metrics"]] * 2
    np.testing.assert_allclose([float(v) for v in metrics.result().values()], expected, rtol=1e-6)


def _model(framework: Any, nested: Any) -> Any:
    inputs = framework.Input((2,))
    number = iter(range(100))
    layers = framework.layers

    def output(leaf: Any) -> Any:
        bias = framework.initializers.Constant(float(leaf["at"]))
        return layers.Dense(leaf["width"], name=f"x{next(number)}", kernel_initializer="zeros", bias_initializer=bias)(
            inputs
        )

    return framework.Model(inputs, _each(nested, output))


@given(nested=_nested(LEAF))
@settings(SETTINGS, max_examples=25)
def test_whole_models_are_compiled_as_they_are_run_eagerly(nested):
    total, found = _expected(nested)
    if not any(leaf["loss"] for leaf in found):
        return
    loss, weights, metrics = (_each(nested, lambda leaf, of=of: leaf[of]) for of in ("loss", "weight", "metrics"))
    x, y = np.ones((4, 2), "float32"), _each(nested, _filled("wanted"))
    model, seen = _model(ranvier, nested), []
    for eager in (False, True):
        model.compile("sgd", loss, loss_weights=weights, metrics=metrics, run_eagerly=eager)
        seen.append(model.evaluate(x, y, verbose=0, return_dict=True))
        seen.append(model.test_on_batch(x, y, return_dict=True))
        np.testing.assert_allclose(seen[-1]["loss"], total, rtol=1e-6)
        assert all(got.keys() == seen[0].keys() for got in seen)
        np.testing.assert_allclose(list(seen[-2].values()), list(seen[0].values()), rtol=1e-6)
        np.testing.assert_allclose(list(seen[-1].values()), list(seen[0].values()), rtol=1e-6)


BOX = {"box": ((2, "mse"), (1, "mae")), "kind": (3, "mse")}
STRUCTURES = {
    "dict": {"b": "mse", "a": "mae"},
    "list": ["mae", "mse"],
    "dict of a tuple": {"box": ("mse", "mae"), "kind": "mse"},
    "list with a dict": ["mse", {"u": "mae", "t": ["mse", "mae"]}],
    "without one loss": {"box": ("mse", None), "kind": "mae"},
}


@pytest.mark.parametrize("called", STRUCTURES)
def test_names_and_numbers_in_the_history_are_keras_s(called):
    loss = STRUCTURES[called]
    number = iter(range(1, 100))
    of = lambda kind: collections.UserDict(  # noqa: E731
        {"at": 0, "wanted": next(number), "width": 2, "loss": kind, "metrics": ["mae", "mse"]}
    )
    nested = _each(_each(loss, lambda kind: kind), of)
    histories = []
    for framework in (ranvier, keras):
        model = _model(framework, nested)
        model.compile(
            framework.optimizers.SGD(0.01),
            loss=loss,
            metrics=_each(nested, lambda leaf: ["mae", "mse"]),
            weighted_metrics=_each(nested, lambda leaf: ["mae"]),
        )
        y = _each(nested, _filled("wanted"))
        histories.append(model.fit(np.ones((4, 2), "float32"), y, epochs=2, verbose=0).history)
    ours, theirs = histories
    assert sorted(ours) == sorted(theirs)
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], rtol=1e-5, err_msg=name)


class _Both(ranvier.losses.Loss):
    def call(self, y_true, y_pred):
        return (y_true["a"] - y_pred["a"]) ** 2 * (y_true["b"] - y_pred["b"]) ** 2


def _two() -> Any:
    inputs = ranvier.Input((2,))
    return ranvier.Model(inputs, {"b": ranvier.layers.Dense(1)(inputs), "a": ranvier.layers.Dense(1)(inputs)})


X, Y = np.zeros((4, 2), "float32"), {"a": np.full((4, 1), 2.0), "b": np.full((4, 1), 3.0)}


@pytest.mark.parametrize("eager", [False, True])
def test_a_list_can_hold_a_loss_of_all_outputs_together_and_losses_of_the_parts(eager):
    model = _two()
    model.compile("sgd", [_Both(), {"a": "mse", "b": "mae"}], loss_weights=[0.5, {"b": 2.0}], run_eagerly=eager)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert found == pytest.approx({"loss": 18 + 4 + 6, "a_b_loss": 36, "a_loss": 4, "b_loss": 3})


@pytest.mark.parametrize("eager", [False, True])
def test_one_output_can_have_several_losses_in_a_list(eager):
    model = _two()
    model.compile("sgd", {"a": ["mse", "mae"], "b": None}, loss_weights={"a": [1.0, 10.0]}, run_eagerly=eager)
    found = model.evaluate(X, {"a": Y["a"]}, verbose=0, return_dict=True)
    assert found == pytest.approx({"loss": 24, "a_loss": 4, "a_loss_1": 2})


@pytest.mark.parametrize("eager", [False, True])
def test_own_compute_loss_may_compile_more_losses_than_there_are_outputs(eager):
    class Own(ranvier.Model):
        def __init__(self):
            super().__init__()
            self.dense = ranvier.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ranvier.ops.mean((y - y_pred) ** 2)

    for loss in (["mse", "mae"], {"first": "mse", "second": "mae"}):
        model = Own()
        model.compile("sgd", loss, run_eagerly=eager)
        assert model.fit(X, Y["a"], verbose=0).history["loss"] == pytest.approx([4])


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("name", ["crossentropy", "ce", "CrossEntropy"])
@pytest.mark.parametrize(("units", "y", "same_as"), [
    (1, np.ones((4, 1)), "binary_crossentropy"),
    (3, np.array([0, 1, 2, 1]), "sparse_categorical_crossentropy"),
    (3, np.eye(3)[[0, 1, 2, 1]], "categorical_crossentropy"),
])  # fmt: skip
def test_crossentropy_is_chosen_by_the_shapes(eager, name, units, y, same_as):
    model = ranvier.Sequential(
        [ranvier.Input((2,)), ranvier.layers.Dense(units, "sigmoid" if units == 1 else "softmax")]
    )
    found = []
    for loss in (name, same_as):
        model.compile("sgd", loss, run_eagerly=eager)
        found.append(model.evaluate(X, y, verbose=0))
    assert found[0] == found[1] > 0


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(("compiled", "y", "message"), [
    ({"loss": "mse"}, None, "no targets y"),
    ({"loss": "mse"}, {"a": Y["a"]}, "nothing for the output 'b'.*loss"),
    ({"loss": {"a": "mse"}, "metrics": {"b": ["mae"]}}, {"a": Y["a"]}, "nothing for the output 'b'.*metric"),
    ({"loss": "mse"}, {**Y, "c": Y["a"]}, "key 'c'"),
    ({"loss": "mse"}, [Y["a"]], "structure of the outputs"),
    ({"loss": "mse"}, [{"c": Y["a"]}, {"d": Y["b"]}], "structure of the outputs"),
    ({"loss": "mse"}, [{"c": Y["a"], "d": Y["b"]}], "key 'c'"),
    ({"loss": {"aa": "mse"}}, Y, "key 'aa'.*Did you mean 'a'"),
    ({"loss": ["mse"]}, Y, "one entry for each"),
    ({"loss": "mse", "loss_weights": {"c": 1.0}}, Y, "loss_weights has the key 'c'"),
    ({"loss": "mse", "loss_weights": [1.0, 1.0, 1.0]}, Y, "loss_weights must have one entry"),
    ({"loss": "mse", "loss_weights": {"a": "big"}}, Y, "must be numbers"),
    ({"loss": "mse", "metrics": ["mae"]}, Y, "metrics must have one entry"),
])  # fmt: skip
def test_what_does_not_pair_with_the_outputs_is_refused_by_name(eager, compiled, y, message):
    for call in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        model = _two()
        model.compile("sgd", **compiled, run_eagerly=eager)
        with pytest.raises(ValueError, match=message):
            getattr(model, call)(X, y, **({} if "batch" in call else {"verbose": 0}))
