"""Multi-head and grouped-query attention against Keras: numbers, gradients, weights, configurations, masks, refusals."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.masks import get_mask

RNG = np.random.default_rng(0)
TOKENS = np.array([[1, 2, 3, 0], [1, 0, 0, 0]], "int32")
LOOK = RNG.uniform(size=(2, 5, 4)) < 0.6
LOOK[..., 0] = True


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


QUERY, VALUE, KEY = numbers(2, 5, 3), numbers(2, 4, 6), numbers(2, 4, 7)
MULTI = {"num_heads": 2, "key_dim": 4}
GROUPED = {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}
SCORES = {"return_attention_scores": True}

CASES = [
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE, KEY), SCORES),
    ("MultiHeadAttention", MULTI, (QUERY, QUERY), {"use_causal_mask": True}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"attention_mask": LOOK, **SCORES}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"attention_mask": LOOK}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"attention_mask": LOOK[0]}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"attention_mask": LOOK[:, None] & np.ones((1, 2, 1, 1), bool)}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"value_mask": TOKENS != 0}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"key_mask": TOKENS != 0, "attention_mask": LOOK, **SCORES}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"value_mask": np.zeros((2, 4), bool)}),
    ("MultiHeadAttention", MULTI, (QUERY, VALUE), {"value_mask": np.zeros((2, 4), bool), **SCORES}),
    ("MultiHeadAttention", MULTI | {"sliding_window": 2}, (QUERY, QUERY), {"use_causal_mask": True}),
    ("MultiHeadAttention", MULTI | {"sliding_window": 3}, (QUERY, VALUE), SCORES),
    ("MultiHeadAttention", MULTI | {"value_dim": 3, "use_bias": False, "output_shape": 6}, (QUERY, VALUE), SCORES),
    ("MultiHeadAttention", MULTI | {"output_shape": (3, 2), "use_gate": True}, (QUERY, VALUE), {}),
    ("MultiHeadAttention", MULTI | {"dropout": 0.5, "seed": 1}, (QUERY, VALUE), SCORES),
    ("MultiHeadAttention", MULTI | {"kernel_regularizer": "l2", "bias_regularizer": "l1", "activity_regularizer": "l2",
                                    "kernel_constraint": "max_norm", "bias_initializer": "ones"}, (QUERY, VALUE), {}),
    ("MultiHeadAttention", MULTI, (numbers(2, 3, 5, 3), numbers(2, 2, 4, 3)), SCORES),
    ("MultiHeadAttention", MULTI | {"attention_axes": 2}, (numbers(2, 3, 5, 3), numbers(2, 3, 4, 3)), SCORES),
    ("MultiHeadAttention", MULTI | {"attention_axes": (2,)}, (numbers(2, 3, 5, 3), numbers(2, 3, 4, 3)),
     {"attention_mask": LOOK}),
    ("MultiHeadAttention", MULTI | {"attention_axes": (1,)}, (numbers(2, 5, 3, 3), numbers(2, 4, 3, 3)), SCORES),
    ("GroupQueryAttention", GROUPED, (QUERY, VALUE), {}),
    ("GroupQueryAttention", GROUPED, (QUERY, VALUE, KEY), SCORES),
    ("GroupQueryAttention", GROUPED | {"use_gate": True, "use_bias": False}, (QUERY, QUERY), {"use_causal_mask": True}),
    ("GroupQueryAttention", GROUPED | {"sliding_window": 2}, (QUERY, QUERY), SCORES),
    ("GroupQueryAttention", GROUPED, (QUERY, VALUE), {"attention_mask": LOOK, "value_mask": TOKENS != 0}),
    ("GroupQueryAttention", GROUPED | {"dropout": 0.5, "kernel_regularizer": "l2", "activity_regularizer": "l1"},
     (QUERY, VALUE), SCORES),
    ("GroupQueryAttention", GROUPED | {"num_key_value_heads": 4}, (QUERY, VALUE), {"attention_mask": LOOK[0]}),
]  # fmt: skip


def pair(kind, arguments, inputs, **common):
    """The layer and Keras's, built, with the same random weights."""
    ours, theirs = (getattr(m, kind)(**arguments, **common, name="it") for m in (layers, keras.layers))
    for layer in (ours, theirs):
        layer.build(*(np.shape(x) for x in inputs))
    described = [[(v.path, tuple(v.shape), v.dtype, v.trainable) for v in layer.weights] for layer in (ours, theirs)]
    assert described[0] == described[1]
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=v.shape).astype("float32") / 2 for v in ours.weights]
    for layer in (ours, theirs):
        layer.set_weights(weights)
    return ours, theirs


@pytest.mark.parametrize(("kind", "arguments", "inputs", "options"), CASES)
def test_numbers_gradients_and_losses_are_those_of_keras(kind, arguments, inputs, options):
    ours, theirs = pair(kind, arguments, inputs)

    def results(layer):
        def projected(trainable, inputs):
            others = [v.value for v in layer.non_trainable_variables]
            out, _, losses = layer.stateless_call(trainable, others, *inputs, **options, return_losses=True)
            leaves = jax.tree.leaves(out)
            return sum(jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)) for y in leaves), (out, losses)

        given = [v.value for v in layer.trainable_variables]
        (_, (out, losses)), gradients = jax.value_and_grad(projected, argnums=(0, 1), has_aux=True)(given, inputs)
        return out, losses if kind == "MultiHeadAttention" else [], gradients

    found, expected = jax.jit(lambda: (results(ours), results(theirs)))()
    for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "arguments", "inputs", "options"), CASES[::3])
def test_symbolic_calls_know_the_shapes(kind, arguments, inputs, options):
    layer = getattr(layers, kind)(**arguments)
    real = jax.tree.leaves(layer(*inputs, **options))
    drop = lambda v: v[:1] if isinstance(v, np.ndarray) and v.ndim > 2 else None  # noqa: E731
    options = {k: v if isinstance(v, bool) else drop(v) for k, v in options.items()}
    symbols = jax.tree.leaves(layer(*(layers.Input(x.shape[1:]) for x in inputs), **options))
    assert [s.shape[1:] for s in symbols] == [r.shape[1:] for r in real]
    assert [s.shape[0] for s in symbols] == [None] * len(real)


@pytest.mark.parametrize(("kind", "arguments", "inputs", "options"), CASES)
def test_config_is_that_of_keras(kind, arguments, inputs, options):
    ours, theirs = (getattr(m, kind)(**arguments, name="it") for m in (layers, keras.layers))
    config = ours.get_config()
    expected = theirs.get_config()
    for key in ("kernel_regularizer", "bias_regularizer", "activity_regularizer", "dtype"):
        config.pop(key), expected.pop(key)  # floats of other precision, tested for all layers elsewhere
    assert config == expected
    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()
    if ours.activity_regularizer is None and arguments.get("activity_regularizer"):
        again.build(*(x.shape for x in inputs))
        assert again.query_dense.activity_regularizer is not None


@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16"])
@pytest.mark.parametrize(("kind", "arguments"), [("MultiHeadAttention", MULTI), ("GroupQueryAttention", GROUPED)])
@pytest.mark.parametrize("options", [{}, SCORES])
def test_narrow_policies(policy, kind, arguments, options):
    ours, theirs = pair(kind, arguments, (QUERY, VALUE), dtype=policy)
    for mine, other in zip(*(jax.tree.leaves(f(QUERY, VALUE, **options)) for f in (ours, theirs)), strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine.astype("float32"), other.astype("float32"), atol=0.1, rtol=0.05)


@pytest.mark.filterwarnings("ignore:.*passed an input with a mask")  # Keras, of its own projections
@pytest.mark.parametrize(("kind", "arguments"), [("MultiHeadAttention", MULTI), ("GroupQueryAttention", GROUPED)])
@pytest.mark.parametrize("masked", [(True, True), (True, False), (False, True)])
def test_masks_that_inputs_carry(kind, arguments, masked):
    def both(layer, module, **options):
        rows = np.random.default_rng(2).normal(size=(4, 3))
        embedding = [module.Embedding(4, 3, mask_zero=m, weights=[rows]) for m in masked]
        return layer(embedding[0](TOKENS), embedding[1](TOKENS), **options)

    ours, theirs = pair(kind, arguments, (numbers(2, 4, 3),) * 2)
    mine, other = both(ours, layers, **SCORES), both(theirs, keras.layers, **SCORES)
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for out, expected in ((mine[0], masked[0]), (both(ours, layers), masked[0])):
        mask = get_mask(out)
        assert (mask is not None) == expected
        if expected:
            np.testing.assert_array_equal(mask, TOKENS != 0)
    plain = both(ours, layers)
    np.testing.assert_allclose(plain, both(theirs, keras.layers), rtol=1e-5, atol=1e-6)


def test_dropout_drops_weights_in_training_and_returns_those_before():
    layer = layers.MultiHeadAttention(**MULTI, dropout=0.5, seed=3)
    calm, weights = layer(QUERY, VALUE, **SCORES)
    stirred, same = layer(QUERY, VALUE, **SCORES, training=True)
    np.testing.assert_allclose(weights, same, rtol=1e-6)
    assert np.abs(calm - stirred).max() > 1e-3
    assert np.abs(layer(QUERY, VALUE, training=True) - stirred).max() > 1e-3


def test_weights_are_drawn_as_wide_as_those_of_keras():
    x = np.zeros((1, 2, 200), "float32")
    spreads = []
    for module in (layers, keras.layers):
        layer = module.MultiHeadAttention(4, 50, seed=0)
        layer(x, x)
        spreads.append([float(np.std(np.asarray(v))) for v in layer.weights if "kernel" in v.path])
    np.testing.assert_allclose(*spreads, rtol=0.03)
    seeded = layers.MultiHeadAttention(2, 4, kernel_initializer=ranvier.initializers.GlorotUniform(seed=1))
    seeded(QUERY, QUERY)
    assert [len(v.shape) for v in seeded.weights] == [3, 2, 3, 2, 3, 2, 3, 1]


REFUSED = [
    (lambda: layers.MultiHeadAttention(0, 4), ArgumentError, "num_heads"),
    (lambda: layers.MultiHeadAttention(2, 4, sliding_window=0), ArgumentError, "sliding_window"),
    (lambda: layers.MultiHeadAttention(2, 4, flash_attention=True, dropout=0.1), ArgumentError, "dropout"),
    (lambda: layers.MultiHeadAttention(2, 4, flash_attention=True)(QUERY, QUERY), ArgumentError, "NVIDIA"),
    (lambda: layers.MultiHeadAttention(2, 4, flash_attention=True)(QUERY, QUERY, **SCORES), ArgumentError, "scores"),
    (lambda: layers.MultiHeadAttention(2, 4)(QUERY, VALUE, KEY[:, :3]), ShapeError, "value and key"),
    (lambda: layers.MultiHeadAttention(2, 4)(QUERY, VALUE[0]), ShapeError, "number of axes"),
    (lambda: layers.MultiHeadAttention(2, 4, attention_axes=3)(QUERY, VALUE), ShapeError, "attention_axes"),
    (lambda: layers.MultiHeadAttention(2, 4)(QUERY, VALUE, attention_mask=LOOK[0, 0]), ShapeError, "attention_mask"),
    (lambda: layers.GroupQueryAttention(4, 4, 3), ArgumentError, "num_key_value_heads"),
    (lambda: layers.GroupQueryAttention(4, 4, 2)(KEY[None], KEY[None]), ShapeError, "time"),
]


@pytest.mark.parametrize(("make", "error", "words"), REFUSED, ids=range(len(REFUSED)))
def test_refusals(make, error, words):
    if jax.default_backend() == "gpu" and words == "NVIDIA":
        pytest.skip("this machine has the kernel")
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_files_both_ways(kind, tmp_path):
    arguments = (MULTI if kind == "MultiHeadAttention" else GROUPED) | {"use_gate": True}
    data = [QUERY, VALUE if kind == "MultiHeadAttention" else VALUE[..., :3]]
    models = []
    for module in (ranvier, keras):
        inputs = [module.Input(x.shape[1:]) for x in data]
        models.append(module.Model(inputs, getattr(module.layers, kind)(**arguments, name="it")(*inputs)))
    ours, theirs = models
    for writer, reader, module in ((ours, theirs, keras), (theirs, ours, ranvier)):
        path = str(tmp_path / f"{module.__name__}.keras")
        writer.save(path)
        read = module.models.load_model(path)
        expected = writer.predict(data, verbose=0)
        np.testing.assert_allclose(read.predict(data, verbose=0), expected, rtol=1e-5, atol=1e-6)
        assert [v.path for v in reader.weights] == [v.path for v in writer.weights]
