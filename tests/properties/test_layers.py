"""Every layer with random arguments and shapes, beside Keras's with the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import layers
from ranvier.core.errors import RanvierError

from .agreement import REFUSALS, UNOPTIMIZED, differences, projected
from .layer_rows import ROWS, Call, Inner
from .layer_rows_of_sequences import HOST_ROWS
from .layer_rows_of_sequences import ROWS as SEQUENCES
from .strategies import described, tried, try_examples

BY_CHANCE = "draws other random numbers than Keras's: "
ELSEWHERE = {
    "AugMix": BY_CHANCE + "tests/layers/image",
    "ContrastLimitedAdaptiveHistogramEqualization": "needs images of whole tiles: tests/layers/image",
    "CutMix": BY_CHANCE + "tests/layers/image",
    "Equalization": "takes Keras a minute to compile: tests/layers/image",
    "FlaxLayer": "wraps a function: tests/layers/test_foreign.py",
    "Input": "a function that makes a symbol, not a layer",
    "InputLayer": "computes nothing",
    "InputSpec": "computes nothing",
    "JaxLayer": "wraps a function: tests/layers/test_foreign.py",
    "Lambda": "wraps a function: tests/layers",
    "Layer": "the base of all",
    "MaxNumBoundingBoxes": "changes boxes only: tests/layers/image",
    "MixUp": BY_CHANCE + "tests/layers/image",
    "Pipeline": "calls other layers: tests/layers/preparation",
    "RandAugment": BY_CHANCE + "tests/layers/image",
    "RandomColorJitter": BY_CHANCE + "tests/layers/image",
    "RandomContrast": BY_CHANCE + "tests/layers/image",
    "RandomCrop": BY_CHANCE + "tests/layers/image",
    "RandomElasticTransform": BY_CHANCE + "tests/layers/image",
    "RandomErasing": BY_CHANCE + "tests/layers/image",
    "RandomFlip": BY_CHANCE + "tests/layers/image",
    "RandomPerspective": BY_CHANCE + "tests/layers/image",
    "RandomShear": BY_CHANCE + "to which side: tests/layers/image",
    "Wrapper": "a base class",
}
# What Keras refuses though it makes sense, and ranvier computes.
WIDER = {
    "GroupQueryAttention": "queries and values of different sizes",
    "MultiHeadAttention": "a gate beside values of another size than the keys'",
    "RMSNormalization": "an axis before others",
}
TOLERANCE = {"LayerNormalization": 10.0, "RMSNormalization": 5.0, "GroupNormalization": 5.0, "BatchNormalization": 10.0}


def made(module: Any, value: Any) -> Any:
    """`value` with each inner layer made by `module`."""
    if isinstance(value, Inner):
        return getattr(module, value.name)(**{"name": value.name.lower()} | made(module, value.arguments))
    if isinstance(value, dict):
        return {k: made(module, v) for k, v in value.items()}
    if isinstance(value, list):
        return [made(module, v) for v in value]
    return value


def built(module: Any, name: str, call: Call) -> Any:
    """The layer, built by a symbolic call; and the shapes and dtypes that the call promised."""
    layer = getattr(module, name)(**made(module, call.arguments), name="it")
    if call.adapt is not None:
        layer.adapt(call.adapt)
    symbols = jax.tree.map(lambda a: module.Input(batch_shape=a.shape, dtype=a.dtype.name), call.inputs)
    promised = layer(*symbols, **call.options)
    return layer, [(tuple(t.shape), t.dtype) for t in jax.tree.leaves(promised)]


def attempt(function: Callable[[], Any]) -> Any:
    """The result, or the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function()
    except REFUSALS as error:
        return error


def computed(layer: Any, call: Call) -> Callable[..., Any]:
    """Outputs, losses and gradients by weights and floating inputs, as a function that can be compiled."""
    trainable = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    leaves, tree = jax.tree.flatten(call.inputs)
    smooth = [i for i, v in enumerate(leaves) if v.dtype == "float32"]
    penalty = layer.activity_regularizer if isinstance(layer, keras.Layer) else None

    def scalar(weights: Any, values: Any, options: Any) -> Any:
        given = list(leaves)
        for i, v in zip(smooth, values, strict=True):
            given[i] = v
        outputs, state, losses = layer.stateless_call(
            weights, others, *jax.tree.unflatten(tree, given), return_losses=True, **options
        )
        if penalty is not None:  # Keras's stateless_call leaves it out
            losses = [*losses, penalty(outputs) / outputs.shape[0]]
        return projected(outputs) + sum(losses), (outputs, losses, state)

    def run(values: Any, options: Any) -> Any:
        (_, (outputs, losses, state)), slopes = jax.value_and_grad(scalar, argnums=(0, 1), has_aux=True)(
            trainable, values, options
        )
        # Seeds are not compared: only the numbers that training moves.
        state = [s for v, s in zip(layer.non_trainable_variables, state, strict=True) if "seed" not in v.path]
        return outputs, jnp.asarray(sum(losses), "float32"), state, slopes

    return run


def compare(name: str, call: Call) -> str:
    """What differs between the layer and Keras's; empty where nothing does."""
    mine, other = (attempt(lambda m=m: built(m, name, call)) for m in (layers, keras.layers))
    if isinstance(other, Exception):
        if not isinstance(mine, Exception):
            return f"accepted, where Keras says {type(other).__name__}: {other}"[:300]
        return "" if isinstance(mine, RanvierError) else f"refused without a word of ours: {mine!r}"
    if isinstance(mine, Exception):
        return f"refused: {mine!r}"[:300]
    (ours, promised), (theirs, _) = mine, other
    facts = [
        [(v.path, tuple(v.shape), v.dtype, v.trainable) for v in layer.weights if "seed" not in v.path]
        for layer in (ours, theirs)
    ]
    if facts[0] != facts[1]:
        return f"weights {facts[0]}, not {facts[1]}"
    if call.adapt is None:
        rng = np.random.default_rng(1)
        for a, b in zip(ours.weights, [v for v in theirs.weights if "seed" not in v.path], strict=True):
            value = rng.uniform(0.3, 1.2, a.shape).astype(a.dtype)
            a.assign(value)
            b.assign(value)
    numbers = [v for v in jax.tree.leaves(call.inputs) if v.dtype == "float32"]
    fixed = {k: v for k, v in call.options.items() if not isinstance(v, (np.ndarray, list))}
    arrays = {k: v for k, v in call.options.items() if k not in fixed}
    runs = [computed(layer, call) for layer in (ours, theirs)]

    def together(values: Any, arrays: Any) -> Any:
        return [run(values, fixed | arrays) for run in runs]

    try:
        found, wanted = jax.jit(together, compiler_options=UNOPTIMIZED)(numbers, arrays)
    except REFUSALS:
        errors = [
            attempt(lambda run=run: jax.eval_shape(lambda v, a: run(v, fixed | a), numbers, arrays)) for run in runs
        ]
        failed = [isinstance(e, Exception) for e in errors]
        return "" if failed == [True, True] else f"accepted: {errors[1]!r}" if failed[1] else f"refused: {errors[0]!r}"
    kept = [(v.shape, v.dtype.name) for v in jax.tree.leaves(found[0])]  # Keras's own promises sometimes err
    if promised != kept:
        return f"promised {promised}, gave {kept}"
    scale = TOLERANCE.get(name, 2.0)
    for part, a, b in zip(("outputs", "losses", "state", "gradients"), found, wanted, strict=True):
        if text := differences(a, b, scale * (3 if part == "gradients" else 1)):
            return f"{part}: {text}"
    return ""


def _has_relatives(name: str) -> bool:
    """Whether another row of the fast suite stands for this one: another rank, the layer around a cell."""
    return name.endswith(("1D", "3D", "1DTranspose", "3DTranspose", "Cell", "Cells")) or name.startswith(
        ("Adaptive", "Bidirectional", "ConvLSTM", "GlobalAverage", "Random", "Spatial")
    )


@tried(1, [*ROWS, *SEQUENCES], _has_relatives)
def test_layers_agree_with_those_of_keras(row: str, examples: int):
    name, make = row, (ROWS | SEQUENCES)[row]

    def check(call: Call) -> None:
        text = compare(name, call)
        if name in WIDER and text.startswith("accepted"):
            return
        shown = f"{described(call.arguments)} on {described(call.inputs)} {described(call.options)}"
        assert not text, f"{text}\n{name} {shown}"

    try_examples(make, check, examples)


@tried(2, HOST_ROWS)
def test_layers_on_the_host_agree_with_those_of_keras(row: str, examples: int):
    name = row
    pytest.importorskip("tensorflow")  # with which Keras prepares texts

    def called(module: Any, call: Call) -> Any:
        layer = getattr(module, name)(**call.arguments)
        if call.adapt is not None:
            layer.adapt(call.adapt)
        return np.asarray(layer(*call.inputs))

    def check(call: Call) -> None:
        ours, theirs = (attempt(lambda m=m: called(m, call)) for m in (layers, keras.layers))
        shown = f"{name} {call.arguments} on {call.inputs}"
        if isinstance(ours, Exception) or isinstance(theirs, Exception):
            assert isinstance(ours, RanvierError), f"ours: {ours!r}, theirs: {theirs!r}: {shown}"
            assert isinstance(theirs, Exception), f"ours: {ours!r}, theirs: {theirs!r}: {shown}"
            return
        assert ours.shape == theirs.shape, shown
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, err_msg=shown)

    try_examples(HOST_ROWS[name], check, examples)


def test_every_layer_has_a_row_or_a_reason():
    tried = {getattr(layers, n) for n in (*ROWS, *SEQUENCES, *HOST_ROWS)}
    public = {n for n in layers.__all__ if isinstance(getattr(layers, n), type) and getattr(layers, n) not in tried}
    assert {*public, "Input"} == set(ELSEWHERE)
