"""RandomColorJitter, RandAugment and AugMix: compositions of other layers, chosen and drawn by chance."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError
from ranvier.core.pure import pure

X = np.random.default_rng(0).uniform(0, 255, (4, 9, 8, 3)).astype("float32")
LAYERS = {
    "RandomColorJitter": {"brightness_factor": 0.2, "contrast_factor": (0.1, 0.3), "hue_factor": 0.2},
    "RandAugment": {"factor": (0.1, 0.6), "num_ops": 3},
    "AugMix": {"chain_depth": 2, "num_chains": 2},
}
every_layer = pytest.mark.parametrize("name", LAYERS)


@every_layer
def test_fresh_at_each_step_inside_a_compiled_program_and_off_at_inference(name):
    layer = getattr(layers, name)(seed=1, **LAYERS[name])
    step = pure(lambda x: layer(x, training=True), [layer.generator.state])
    run = jax.jit(step, compiler_options={"xla_backend_optimization_level": 0})
    state = [layer.generator.state.value]
    seen = []
    for _ in range(4):
        y, state = run(state, X)
        assert y.shape == X.shape
        assert y.dtype == "float32"
        assert np.isfinite(y).all()
        assert y.min() >= -1e-2
        assert y.max() <= 255.01
        seen.append(np.asarray(y))
    assert len({s.tobytes() for s in seen}) == 4
    if name == "RandomColorJitter":  # the generator is where it began: the first step again, without compilation
        np.testing.assert_allclose(layer(X, training=True), seen[0], atol=0.01)
    np.testing.assert_array_equal(layer(X, training=False), X)
    one = layers.Input(X.shape[2:], batch_size=9, dtype="uint8")  # a single image has no batch axis
    assert layer(one, training=True).shape == X[0].shape


@every_layer
def test_configs_are_those_of_keras(name):
    ours, theirs = (getattr(m, name)(name="it", **LAYERS[name]) for m in (layers, keras.layers))
    assert {**ours.get_config(), "dtype": 0} == {**theirs.get_config(), "dtype": 0}
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


def test_jitter_is_its_parts_in_order():
    jitter = layers.RandomColorJitter(brightness_factor=0.3, contrast_factor=0.3, saturation_factor=0.4, hue_factor=0.2)
    drawn = jitter.get_random_transformation(X)
    assert [type(p).__name__ for p in jitter.parts] == [
        "RandomBrightness", "RandomContrast", "RandomSaturation", "RandomHue"
    ]  # fmt: skip
    expected = X
    for part, numbers in zip(jitter.parts, drawn, strict=True):
        expected = part.transform_images(expected, numbers)
    np.testing.assert_array_equal(jitter.transform_images(X, drawn), expected)
    np.testing.assert_array_equal(layers.RandomColorJitter()(X, training=True), X)


def test_parts_are_as_strong_as_those_of_keras():
    for factor in (0.3, (0.2, 0.7)):
        theirs = keras.layers.RandAugment(factor=factor)
        theirs.build(X.shape)
        facts = lambda parts: {  # noqa: E731
            type(p).__name__: {k: v for k, v in p.get_config().items() if "factor" in k or k == "interpolation"}
            for p in parts
        }
        ours = facts(layers.RandAugment(factor=factor).parts)
        assert ours == facts(theirs._flatten_layers(include_self=False))
        assert len(ours) == 11
    assert len(layers.AugMix(all_ops=False).parts) == 7


def test_augmix_is_the_blend_of_its_chains():
    mix = layers.AugMix(seed=5, num_chains=2, chain_depth=2)
    drawn = mix.get_random_transformation(X)
    contrast = next(i for i, p in enumerate(mix.parts) if type(p).__name__ == "AutoContrast")
    drawn["layer_idxes"] = np.array([[contrast, len(mix.parts)], [len(mix.parts)] * 2])
    w, m = np.asarray(drawn["chain_mixing_weights"]), np.asarray(drawn["weight_sample"])[:, None, None, None]
    np.testing.assert_allclose(w.sum(axis=1), 1, rtol=1e-5)
    column = lambda v: v[:, None, None, None]  # noqa: E731
    mixture = column(w[:, 0]) * np.asarray(layers.AutoContrast()(X)) + column(w[:, 1]) * X
    np.testing.assert_allclose(mix.transform_images(X, drawn), m * X + (1 - m) * mixture, atol=1e-3)


def test_chains_have_one_step_to_the_depth_and_all_parts_occur():
    mix = layers.AugMix(num_chains=300, chain_depth=3)
    index = np.asarray(mix.get_random_transformation(X)["layer_idxes"])
    depths = (index < len(mix.parts)).sum(axis=1)
    assert set(depths) == {1, 2, 3}
    assert np.bincount(depths).min(initial=300, where=np.arange(4) > 0) > 60
    assert set(range(11)) <= set(index.ravel())


def test_masks_and_boxes_move_with_the_images():
    augment = layers.RandAugment(seed=2, num_ops=1, bounding_box_format="xyxy")
    shift = next(i for i, p in enumerate(augment.parts) if type(p).__name__ == "RandomTranslation")
    drawn = {**augment.get_random_transformation(X), "layer_idxes": np.array([shift])}
    part = augment.parts[shift]
    numbers = part.get_random_transformation(X, True, seed=drawn["seeds"][0])
    masks = (X[..., :1] > 100).astype("int32")
    boxes = {"boxes": np.full((4, 1, 4), [1, 2, 5, 6], "float32"), "labels": np.ones((4, 1), "int32")}
    found = augment.transform_segmentation_masks(masks, drawn)
    np.testing.assert_array_equal(found, part.transform_segmentation_masks(masks, numbers))
    assert found.dtype == "int32"
    assert not np.array_equal(found, masks)
    moved, expected = augment.transform_bounding_boxes(boxes, drawn), part.transform_bounding_boxes(boxes, numbers)
    np.testing.assert_allclose(moved["boxes"], expected["boxes"], atol=1e-5)
    blend = layers.AugMix(seed=2)
    assert blend({"images": X, "segmentation_masks": masks}, training=True)["segmentation_masks"].shape == masks.shape


def test_training_draws_anew_at_each_step():
    model = ranvier.Sequential([
        layers.Input((6, 6, 3)), layers.RandAugment(num_ops=1, seed=1), layers.MixUp(seed=2), layers.RandomErasing(seed=3),
        layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip
    model.compile(optimizer="sgd", loss="mse")
    x = np.random.default_rng(1).uniform(0, 1, (8, 6, 6, 3)).astype("float32")
    states = [np.asarray(v.value) for v in model.non_trainable_variables]
    history = model.fit(x, np.ones((8, 1)), batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    after = [np.asarray(v.value) for v in model.non_trainable_variables]
    assert sum(not np.array_equal(a, b) for a, b in zip(states, after, strict=True)) == 3  # one generator each
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))


def test_refusals():
    for make, message in (
        (lambda: layers.RandAugment(num_ops=-1), "num_ops"),
        (lambda: layers.RandAugment(factor=2), "factor"),
        (lambda: layers.RandAugment(interpolation="cubic"), "interpolation"),
        (lambda: layers.AugMix(num_chains=0), "num_chains"),
        (lambda: layers.AugMix(chain_depth=2.5), "chain_depth"),
        (lambda: layers.AugMix(alpha=0), "alpha"),
        (lambda: layers.RandomColorJitter(contrast_factor=1.5), "factor"),
    ):
        with pytest.raises(ArgumentError, match=message):
            make()
