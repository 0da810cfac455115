"""Optax transformations as optimizers, against optax itself."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ranvier import optimizers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, SerializationError

from .test_trajectories import STEPS, _gradients, _start, our_variables, run

TRANSFORMATIONS: dict[str, Any] = {
    "sgd": optax.sgd(0.1),
    "adam": optax.adam(1e-2),
    "schedule": optax.adamw(optax.cosine_decay_schedule(0.1, 10), weight_decay=0.1),
    "chain": optax.chain(optax.clip_by_global_norm(0.5), optax.scale_by_adam(), optax.scale(-0.01)),
    "injected": optax.inject_hyperparams(optax.rmsprop)(1e-2, momentum=0.9),
    "accumulated": optax.MultiSteps(optax.sgd(0.1, momentum=0.9), 3).gradient_transformation(),
    "masked": optax.masked(optax.adam(1e-2), [True, False, True]),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_trajectories_are_optax_s(name: str):
    transformation = TRANSFORMATIONS[name]
    mine = optimizers.get(transformation)
    assert isinstance(mine, optimizers.OptaxOptimizer)
    ours, state = run(mine, our_variables())
    weights = [jnp.asarray(w) for w in _start()]

    def step(carry: Any, grads: Any) -> Any:
        updates, new = transformation.update(grads, carry[1], carry[0])
        carry = optax.apply_updates(carry[0], updates), new
        return carry, carry[0]

    first = (weights, transformation.init(weights))
    (_, last), path = jax.jit(lambda c, g: jax.lax.scan(step, c, g))(first, _gradients())
    for a, b in zip([*ours, *state[1:]], [*path, *jax.tree.leaves(last)], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
    assert int(state[0]) == STEPS


def test_eager_steps_constraints_and_missing_gradients():
    variables = our_variables()
    variables[1].constraint = lambda w: jnp.maximum(w, 0)
    before = variables[2].numpy()
    mine = optimizers.get(optax.sgd(0.5))
    with pytest.warns(UserWarning, match="dense/scale"):
        mine.apply([np.ones((3, 2), "float32"), np.full(2, 100, "float32"), None], variables)
    np.testing.assert_allclose(variables[0].numpy(), _start()[0] - 0.5, rtol=1e-6)
    np.testing.assert_array_equal(variables[1].numpy(), 0)
    np.testing.assert_array_equal(variables[2].numpy(), before)


def test_injected_learning_rates_can_be_changed():
    mine = optimizers.get(TRANSFORMATIONS["injected"])
    mine.build(our_variables())
    mine.learning_rate = 0.25
    assert float(mine.learning_rate) == 0.25
    plain = optimizers.get(TRANSFORMATIONS["sgd"])
    plain.build(our_variables())
    assert not hasattr(plain, "learning_rate")
    with pytest.raises(AttributeError, match="inject_hyperparams"):
        plain.learning_rate = 0.25


def test_refusals():
    with pytest.raises(ArgumentTypeError, match="GradientTransformation"):
        optimizers.OptaxOptimizer(optax.sgd)
    with pytest.raises(ArgumentError, match="add_decayed_weights"):
        optimizers.OptaxOptimizer(optax.sgd(0.1), weight_decay=0.1)
    with pytest.raises(SerializationError, match="compile"):
        optimizers.deserialize(optimizers.serialize(optimizers.get(optax.sgd(0.1))))
