"""Laws that hold for every layer of the catalogue, with Keras as the oracle where it gives the same thing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from ..catalogue import CASES, Case

from ranvier import layers

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
    rng = np.random.default_rng(1)
    weights = [np.asarray(rng.uniform(0.5, 1.5, v.shape), "float32") for v in ours.weights]
    theirs.set_weights([w for w in weights])
    ours.set_weights(weights)
    return ours, theirs


def outputs_and_gradients(layer, case: Case, training: bool):
    """Outputs, added losses, new state, and the gradients by weights and inputs of one fixed projection of the outputs."""
    takes_training = case.random or case.trains_differently
    options = {"training": training} if takes_training else {}

    def projected(trainable, others, inputs):
        outputs, new, losses = layer.stateless_call(trainable, others, inputs, return_losses=True, **options)
        weight = jnp.cos(jnp.arange(outputs.size, dtype="float32")).reshape(outputs.shape)
        return jnp.sum(outputs * weight) + sum(losses), (outputs, new, losses)

    which = (0,) if case.integers_below else (0, 2)
    run = jax.jit(jax.value_and_grad(projected, argnums=which, has_aux=True))
    trainable = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    (_, (outputs, new, losses)), gradients = run(trainable, others, case.inputs())
    return {"outputs": outputs, "state": new, "losses": losses, "gradients": gradients}


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
    expected = {k: keras.saving.serialize_keras_object(v) if k == "dtype" else v for k, v in theirs.get_config().items()}
    given = {k: layers.serialize(v) if k == "dtype" and not isinstance(v, (dict, str)) else v for k, v in config.items()}
    assert plain(given) == plain(expected)
    again = type(ours).from_config(config)
    assert again.get_config() == config
    assert layers.deserialize(layers.serialize(ours)).get_config() == config


def plain(value):
    """Tuples as lists, package names left out: what JSON keeps."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


@every_case
def test_weights_are_those_of_keras(case):
    ours, theirs = case.make(layers, name="it"), case.make(keras.layers, name="it")
    shapes = [(None, *s[1:]) for s in case.shapes]
    for layer in (ours, theirs):
        layer.build(shapes if isinstance(case.shape, list) else shapes[0])
    assert facts(ours) == facts(theirs)
    assert ours.count_params() == theirs.count_params()


@every_case
def test_numbers_are_those_of_keras(case):
    ours, theirs = built_pair(case)
    for training in (False, True) if case.trains_differently else (False,):
        assert_close(
            {k: v for k, v in outputs_and_gradients(ours, case, training).items() if k != "state" or not case.random},
            outputs_and_gradients(theirs, case, training),
            f"training={training} ",
        )


@every_case
def test_symbolic_shape_and_compiled_numbers_are_the_real_ones(case):
    layer = case.make(layers)
    symbolic = layer(symbolic_inputs(case))
    real = layer(case.inputs())
    assert symbolic.shape == (None, *real.shape[1:])
    assert symbolic.dtype == real.dtype.name
    state = [v.value for v in layer.trainable_variables], [v.value for v in layer.non_trainable_variables]
    compiled, _ = jax.jit(lambda x: layer.stateless_call(*state, x))(case.inputs())
    np.testing.assert_allclose(compiled, real, rtol=1e-6, atol=1e-6)


@every_case
@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])
def test_dtype_policies(case, policy):
    common = {"name": "it", "dtype": policy}
    ours, theirs = case.make(layers, **common), case.make(keras.layers, **common)
    output = ours(symbolic_inputs(case))
    shapes = [(None, *s[1:]) for s in case.shapes]
    theirs.build(shapes if isinstance(case.shape, list) else shapes[0])
    assert facts(ours) == facts(theirs)
    assert output.dtype == "bfloat16"
