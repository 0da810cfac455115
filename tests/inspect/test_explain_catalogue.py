"""Laws of explanations over every layer of the catalogue: their numbers are the layer's own and autodiff's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.inspect.explain import explain
from ranvier.inspect.explanations.replays import Tap, inside
from ranvier.inspect.explanations.rules import replica_of

from ..catalogue import CASES

FIRST_OF_KIND = {case.layer: str(case) for case in reversed(CASES)}
every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=str(case), marks=[] if FIRST_OF_KIND[case.layer] == str(case) else [pytest.mark.slow])
        for case in CASES
    ],
)


def model_of(case):
    dtype = "int32" if case.integers_below else "float32"
    inputs = [ranvier.Input(shape[1:], dtype=dtype) for shape in case.shapes]
    given = inputs if isinstance(case.shape, list) else inputs[0]
    return ranvier.Model(given, case.make(layers, name="it")(given))


def sample_of(case, index):
    inputs = case.inputs()
    pick = lambda a: a[index : index + 1]  # noqa: E731
    return [pick(a) for a in inputs] if isinstance(inputs, list) else pick(inputs)


@every_case
def test_explained_numbers_are_those_of_the_layer_and_of_autodiff(case):
    model, x = model_of(case), sample_of(case, 1)
    output = model(x, training=False)
    differentiable = output.dtype.kind == "f"
    target = np.linspace(-1, 1, output.size, dtype="float32").reshape(output.shape)
    explanation = explain(model, case.inputs(), np.repeat(target, len(case.inputs()[0]) if isinstance(case.shape, list)
                          else len(case.inputs()), 0) if differentiable else None, index=1, top=6,
                          loss="mse" if differentiable else None)  # fmt: skip
    it = explanation.layer("it")
    np.testing.assert_allclose(it.outputs[0].value, output[0], rtol=2e-5, atol=2e-5)
    for neuron in it.neurons:
        check_neuron(it, neuron)
    assert str(explanation)
    assert "<script" not in explanation._repr_html_()
    assert explanation.to_json().startswith('{"format": "ranvier.explanation"')
    replica = replica_of(it._call)
    if replica is not None:  # the mathematics that is shown gives what the layer gives
        call = it._call
        again = inside(call.layer, call.values, call.training, lambda: replica(call, Tap({})))
        for ours, theirs in zip(jax.tree.leaves(again), jax.tree.leaves(call.outputs), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)
    if differentiable:
        check_gradients(model, it, x, target)


def check_neuron(it, neuron):
    products = [term.product for term in neuron.terms]
    if neuron.combine == "sum":
        assert np.isclose(sum(products) + neuron.rest + (neuron.bias or 0), neuron.sum, rtol=1e-4, atol=1e-5)
    else:
        whole = {"product": np.prod, "max": np.max, "min": np.min}[neuron.combine](products)
        assert np.isclose(whole, neuron.sum, rtol=1e-5)
    for term in neuron.terms:
        assert term.weight is None or np.isclose(term.product, term.input * term.weight, rtol=1e-5)
        if term.weight_index is not None and it.layer.__class__.__name__ != "Dense":
            continue
    assert np.isclose(neuron.output, it.outputs[0].value[neuron.index], rtol=1e-5)


def check_gradients(model, it, x, target):
    """∂L/∂w, ∂L/∂output and ∂L/∂sum against an independent differentiation of the stateless layer."""
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def loss(trainable, shift):
        output, _, losses = model.stateless_call(trainable, others, x, return_losses=True, training=False)
        return jnp.mean(jnp.square(target - output - shift)) + sum(losses)

    if getattr(it.layer, "activity_regularizer", None) is None and not model.losses:
        by_shift = jax.grad(loss, argnums=1)(trainable, jnp.zeros(target.shape))
        np.testing.assert_allclose(it.outputs[0].gradient, by_shift[0], rtol=1e-4, atol=1e-6)
    if not trainable:
        return
    expected = jax.jit(jax.grad(loss), compiler_options={"xla_backend_optimization_level": 0})(
        trainable, jnp.zeros(target.shape)
    )
    found = {weight.path: weight.gradient for layer in [it, *inner_of(it)] for weight in layer.weights}
    for variable, gradient in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(found[variable.path], gradient, rtol=2e-4, atol=2e-5, err_msg=variable.path)


def inner_of(it):
    from ranvier.inspect.explanations.layer import LayerExplanation

    return [LayerExplanation(call, it._results, ()) for call in it._within(it._call)]
