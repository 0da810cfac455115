"""Laws of explanations over every layer of the catalogue: their numbers are the layer's own and autodiff's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.inspect.explain import explain
from ranvier.inspect.explanations.layer import LayerExplanation
from ranvier.inspect.explanations.replays import Tap, inside
from ranvier.inspect.explanations.rules import replica_of
from ranvier.inspect.explanations.twins import kernel_name

from ..catalogue import CASES

# One of each kind of arithmetic runs always; all others (each compiles programs of its own) with the slow tests.
ALWAYS = {
    "Dense", "EinsumDense", "Conv2D", "DepthwiseConv1D", "SeparableConv1D", "Conv1DTranspose", "MaxPooling1D",
    "AdaptiveMaxPooling1D", "BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization",
    "Normalization", "SimpleRNN", "LSTM", "GRU", "Attention", "Softmax", "PReLU", "Subtract", "Multiply", "Concatenate",
    "Embedding",
}  # fmt: skip
FIRST = {case.layer: str(case) for case in reversed(CASES) if case.layer in ALWAYS}
every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=str(case), marks=[] if FIRST.get(case.layer) == str(case) else [pytest.mark.slow])
        for case in CASES
    ],
)


def model_of(case):
    dtype = "int32" if case.integers_below else "float32"
    inputs = [ranvier.Input(shape[1:], dtype=dtype) for shape in case.shapes]
    given = inputs if isinstance(case.shape, list) else inputs[0]
    return ranvier.Model(given, case.make(layers, name="it")(given))


@every_case
def test_explained_numbers_are_those_of_the_layer_and_of_autodiff(case):
    model, batch = model_of(case), case.inputs()
    several = isinstance(case.shape, list)
    x = [a[1:2] for a in batch] if several else batch[1:2]
    output = model(x, training=False)
    target, loss, all_targets = None, None, None
    if output.dtype.kind == "f":
        target, loss = np.linspace(-1, 1, output.size, dtype="float32").reshape(output.shape), "mse"
        all_targets = np.repeat(target, len(batch[0] if several else batch), 0)
    explanation = explain(model, batch, all_targets, index=1, top=6, loss=loss)
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
    if target is not None:
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
    assert np.isclose(neuron.output, it.outputs[0].value[neuron.index], rtol=1e-5)


def check_uses(it):
    """What each use of a weight contributes, ∂L/∂sum · input, adds up to ∂L/∂w; so for biases."""
    if not kernel_name(it.layer) or np.prod(it.neuron_shape) > 80 or it.layer.losses:
        return
    added, bias = np.zeros(it.layer.weights[0].shape), 0.0
    for index in np.ndindex(it.neuron_shape):
        neuron = it.neuron(index, top=10_000)
        if neuron.weight_name != "pointwise_kernel":
            for term in neuron.terms:
                added[term.weight_index] += term.gradient
        bias += neuron.bias_gradient or 0.0
    weights = {weight.name: weight.gradient for weight in it.weights}
    if added.any():
        np.testing.assert_allclose(added, weights["kernel"], rtol=1e-4, atol=1e-5)
    if "bias" in weights:
        assert np.isclose(bias, weights["bias"].sum(), rtol=1e-4, atol=1e-5)


def check_gradients(model, it, x, target):
    """∂L/∂w and ∂L/∂output against an independent differentiation of the stateless layer."""
    check_uses(it)
    mask = getattr(model(x, training=False), "_keras_mask", None)  # losses heed it
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def loss(trainable, shift):
        output, _, losses = model.stateless_call(trainable, others, x, return_losses=True, training=False)
        errors = jnp.mean(jnp.square(target - output - shift), axis=-1)
        kept = jnp.ones(errors.shape) if mask is None else jnp.broadcast_to(mask, errors.shape)
        return jnp.sum(errors * kept) / jnp.sum(kept) + sum(losses)

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
    return [LayerExplanation(call, it._results, ()) for call in it._within(it._call)]
