"""Variables are what JAX's own functions take: leaves of trees, by the values that they hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ranvier import Input, Model, Sequential, Variable, layers, metrics, optimizers
from ranvier.core.errors import TraceError

POWERS = {
    "jit": lambda v: jax.jit(lambda x: x**2)(v),
    "grad": lambda v: jax.grad(lambda x: (x**3).sum() / 3)(v),
    "value_and_grad of lists": lambda v: jax.value_and_grad(lambda x: (x[0] ** 3).sum() / 3)([v])[1][0],
    "grad of jit": lambda v: jax.grad(jax.jit(lambda x: (x**3).sum() / 3))(v),
    "vjp": lambda v: jax.vjp(lambda x: x**3 / 3, v)[1](jnp.ones(2))[0],
    "vmap": lambda v: jax.vmap(lambda x: x**2)(v),
    "scan, carried": lambda v: jax.lax.scan(lambda c, x: (c * x, x), v, jnp.stack([v.value]))[0],
    "scan over it": lambda v: jax.lax.scan(lambda c, x: (c, x**2), 0.0, v)[1],
    "cond": lambda v: jax.lax.cond(True, lambda x: x**2, lambda x: x, v),
    "fori_loop": lambda v: jax.lax.fori_loop(0, 1, lambda i, x: x**2, v),
    "checkpoint": lambda v: jax.grad(jax.checkpoint(lambda x: (x**3).sum() / 3))(v),
    "dict": lambda v: jax.jit(lambda d: d["a"] ** 2)({"a": v}),
    "tree.map with arrays": lambda v: jax.tree.map(lambda a, b: a * b, [v], [v.value])[0],
    "jnp": lambda v: jnp.square(v),
}


@pytest.mark.parametrize("how", POWERS)
def test_what_a_variable_holds_is_taken(how):
    variable = Variable([2.0, 3.0])
    for _ in range(2):  # also what it holds later, by a program that is compiled already
        np.testing.assert_allclose(POWERS[how](variable), np.square(variable.numpy()), rtol=1e-6)
        variable.assign(variable.value + 1)


def test_subclasses_and_dtypes():
    class Own(Variable):
        pass

    for variable in (Own([1.0]), Variable([1], dtype="int32"), Variable([True]), Variable([1.0], dtype="bfloat16")):
        assert jax.jit(lambda x: x)(variable).dtype == variable.dtype
        assert jax.eval_shape(lambda x: x, variable).shape == (1,)


def test_what_was_kept_for_the_way_back_is_not_what_is_assigned_later():
    variable = Variable([2.0])
    _, back = jax.vjp(lambda x: x**3, variable)
    variable.assign([100.0])
    assert float(back(jnp.ones(1))[0][0]) == 12.0


def test_a_variable_that_a_trace_was_not_given_is_still_refused():
    inputs = Input((3,))
    model, stranger = Model(inputs, layers.Dense(2)(inputs)), Variable([1.0])
    model.compile("sgd", lambda y, p: jnp.mean(p) * jax.jit(lambda x: x.sum())(stranger))
    with pytest.raises(TraceError, match="was read inside a compiled function"):
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)


def test_a_loop_of_ones_own_as_the_guides_write_it():
    model = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.BatchNormalization(), layers.Dense(1)])
    optimizer, mean = optimizers.Adam(0.05), metrics.Mean()
    optimizer.build(model.trainable_variables)

    @jax.jit
    def step(state, x, y):
        trainable, others, slots, measured = state

        def loss_of(trainable):
            outputs, new = model.stateless_call(trainable, others, x, training=True)
            return jnp.mean((outputs - y) ** 2), new

        (loss, others), slopes = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, slots = optimizer.stateless_apply(slots, slopes, trainable)
        return trainable, others, slots, mean.stateless_update_state(measured, loss)

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 3)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    state = model.trainable_variables, model.non_trainable_variables, optimizer.variables, mean.variables
    arrays = jax.tree.map(lambda v: v.value, state)
    for _ in range(3):
        state, arrays = step(state, x, y), step(arrays, x, y)
    for one, two in zip(jax.tree.leaves(state), jax.tree.leaves(arrays), strict=True):
        np.testing.assert_array_equal(one, two)
    # Without compilation, the stateless methods take variables, too.
    slopes = [v.value for v in model.trainable_variables]
    new, _ = optimizer.stateless_apply(optimizer.variables, slopes, model.trainable_variables)
    assert all(isinstance(array, jax.Array) for array in new)
    assert float(mean.stateless_result(mean.stateless_update_state(mean.variables, [1.0, 2.0]))) == 1.5


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "bfloat16"])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_initialisers_by_their_names(shape, dtype):
    for name, value in {"zeros": 0, "ones": 1, "Zeros": 0}.items():
        variable = Variable(name, shape=shape, dtype=dtype)
        assert (variable.shape, variable.dtype) == (shape, dtype)
        np.testing.assert_array_equal(np.asarray(variable).astype(int), np.full(shape, value))
    assert Variable("he_normal", shape=(3, 3)).dtype == "float32"
    with pytest.raises(ValueError, match="Did you mean 'zeros'"):
        Variable("zeroes", shape=())
    with pytest.raises(ValueError, match="needs a shape"):
        Variable("zeros")
    np.testing.assert_array_equal(+Variable([1.0, -2.0]), [1.0, -2.0])
