"""Laws that hold for every layer of the catalogue, with Keras as the oracle where it gives the same thing."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import layers

from ..catalogue import CASES, Case

UNOPTIMIZED = {"xla_backend_optimization_level": 0}
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def symbolic_inputs(case: Case, batch=None):
    dtype = "int32" if case.integers_below else None
    tensors = [layers.Input(s[1:], batch_size=batch, dtype=dtype) for s in case.shapes]
    return tensors if isinstance(case.shape, list) else tensors[0]


def facts(layer):
    return [(v.path, tuple(v.shape), v.dtype, v.trainable) for v in layer.weights]


def built_pair(case: Case, **common):
    """The layer and Keras's, built, with the same random weights."""
    ours, theirs = case.make(layers, name="it", **common), case.make(keras.layers, name="it", **common)
    shapes = [(None, *s[1:]) for s in case.shapes]
    for layer in (ours, theirs):
        layer.build(shapes if isinstance(case.shape, list) else shapes[0])
    assert facts(ours) == facts(theirs)
    assert ours.count_params() == theirs.count_params()
    rng = np.random.default_rng(1)
    weights = [np.asarray(rng.uniform(0.5, 1.5, v.shape), "float32") for v in ours.weights]
    theirs.set_weights(list(weights))
    ours.set_weights(weights)
    return ours, theirs


def differentiated(layer, case: Case, training: bool, penalty=None):
    """A function of inputs: outputs, losses, new state, and a projection's gradients by weights and inputs."""
    options = {"training": training} if case.random or case.trains_differently else {}

    def projected(trainable, others, inputs):
        outputs, new, losses = layer.stateless_call(trainable, others, inputs, return_losses=True, **options)
        if penalty is not None:  # Keras's stateless_call leaves the activity regulariser out
            losses = [penalty(outputs) / outputs.shape[0], *losses]
        weight = jnp.cos(jnp.arange(outputs.size, dtype="float32")).reshape(outputs.shape)
        return jnp.sum(outputs * weight) + sum(losses), (outputs, new, losses)

    which = (0,) if case.integers_below else (0, 2)
    run = jax.value_and_grad(projected, argnums=which, has_aux=True)
    trainable = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]

    def compute(inputs):
        (_, (outputs, new, losses)), gradients = run(trainable, others, inputs)
        results = {"outputs": outputs, "losses": losses, "gradients": gradients}
        return results if case.random else results | {"state": new}

    return compute


def assert_close(ours, theirs, path=""):
    if isinstance(ours, dict):
        for key in ours:
            assert_close(ours[key], theirs[key], f"{path}{key} ")
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs), path
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_close(a, b, f"{path}{i} ")
    else:
        assert ours.dtype == theirs.dtype, path
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5, err_msg=path)


@every_case
def test_config_is_that_of_keras_and_makes_an_equal_layer(case):
    ours, theirs = case.make(layers, name="it"), case.make(keras.layers, name="it")
    config = ours.get_config()
    expected = {
        k: keras.saving.serialize_keras_object(v) if k == "dtype" else v for k, v in theirs.get_config().items()
    }
    given = {
        k: layers.serialize(v) if k == "dtype" and not isinstance(v, (dict, str)) else v for k, v in config.items()
    }
    assert plain(given) == plain(expected)
    again = type(ours).from_config(config)
    assert again.get_config() == config
    assert layers.deserialize(layers.serialize(ours)).get_config() == config


def plain(value):
    """What JSON keeps: tuples as lists, and floats rounded to float32, as Keras's L1 and L2 round theirs."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, float):
        return float(np.float32(value))
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


@every_case
def test_weights_and_numbers_are_those_of_keras_whether_compiled_eager_or_symbolic(case):
    ours, theirs = built_pair(case)
    inputs = case.inputs()
    runs = {}
    for training in (False, True) if case.trains_differently else (False,):
        runs[f"ours {training}"] = differentiated(ours, case, training)
        runs[f"theirs {training}"] = differentiated(theirs, case, training, theirs.activity_regularizer)
    # One program for all, compiled without optimisation: the compiler takes longer than the numbers.
    together = jax.jit(lambda x: {k: run(x) for k, run in runs.items()}, compiler_options=UNOPTIMIZED)
    results = together(inputs)
    for name in [n for n in results if n.startswith("ours")]:
        assert_close(results[name], results[name.replace("ours", "theirs")], name + " ")
    quiet = {"training": False} if case.random else {}  # layers that prepare images train unless told otherwise
    eager = ours(inputs, **quiet)
    np.testing.assert_allclose(eager, results["ours False"]["outputs"], rtol=2e-5, atol=2e-5)
    symbolic = ours(symbolic_inputs(case), **quiet)
    assert symbolic.shape == (None, *eager.shape[1:])
    assert symbolic.dtype == eager.dtype.name


def outputs_of(layer, inputs, quiet):
    """The outputs, as a function of inputs that can be compiled."""
    trainable = [v.value for v in layer.trainable_variables]
    return layer.stateless_call(trainable, [v.value for v in layer.non_trainable_variables], inputs, **quiet)[0]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")  # of Keras's unit normalisation
@every_case
@pytest.mark.parametrize("policy", ["float16", "bfloat16"])
def test_narrow_policies_keep_and_compute_what_those_of_keras_do(case, policy):
    quiet = {"training": False} if case.random else {}
    if policy not in case.keras_policies:  # then the oracle is the layer itself in float32
        ours, theirs = case.make(layers, dtype=policy), case.make(layers)
        theirs(case.inputs(), **quiet)
        ours(case.inputs(), **quiet)
        ours.set_weights(theirs.get_weights())
        expected = np.asarray(theirs(case.inputs(), **quiet))
        found = ours(case.inputs(), **quiet)
        assert found.dtype == (ours.compute_dtype if expected.dtype.kind == "f" else expected.dtype)
        np.testing.assert_allclose(np.asarray(found, "float32"), expected, rtol=5e-2, atol=5e-2)
        return
    ours, theirs = built_pair(case, dtype=policy)
    run = partial(outputs_of, quiet=quiet)
    together = jax.jit(lambda x: (run(ours, x), run(theirs, x)), compiler_options=UNOPTIMIZED)
    narrow = jax.tree.map(lambda a: a.astype(ours.compute_dtype) if a.dtype.kind == "f" else a, case.inputs())
    found, expected = together(narrow)
    assert found.dtype == expected.dtype
    assert ours(symbolic_inputs(case), **quiet).dtype == expected.dtype.name
    tolerance = 6e-3 if policy == "float16" else 5e-2
    np.testing.assert_allclose(
        np.asarray(found, "float32"), np.asarray(expected, "float32"), rtol=tolerance, atol=tolerance
    )


@every_case
def test_mixed_policy_keeps_weights_in_float32_and_computes_in_bfloat16(case):
    layer = case.make(layers, dtype="mixed_bfloat16")
    # Numbers, or numbers of bins; Keras's vectors of categories have the dtype of weights.
    allowed = ("float32",) if case.layer == "CategoryEncoding" else ("bfloat16", "int32")
    assert layer(symbolic_inputs(case)).dtype in allowed
    assert all(v.dtype == "float32" for v in layer.weights)
