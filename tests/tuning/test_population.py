"""A population comes to what its candidates would come to alone."""

from __future__ import annotations

import random

import numpy as np
import pytest

import ranvier
from ranvier import layers, optimizers
from ranvier.tuning import Population, grid

from .networks import X_TEST, Y_TEST, X, Y, alone, assert_same, full

WAYS = ("sequential", "threads", "vmap")
NUMBERS = {
    "rate": [0.2, 0.5, 0.35],
    "l2": [1e-3, 1e-2, 0.1],
    "learning_rate": [0.1, 0.01, 0.03],
    "momentum": [0.9, 0.5, 0.8],
    "smoothing": [0.1, 0.2, 0.05],
}


@pytest.mark.parametrize("how", WAYS)
def test_all_numbers_with_validation(how):
    population = Population(full, NUMBERS, seeds=[3, 4, 5])
    options = {"batch_size": 16, "epochs": 3, "validation_data": (X_TEST, Y_TEST)}
    result = population.fit(X, Y, verbose=0, how=how, **options)
    assert result.programs == 1
    assert_same(population, full, X, Y, **options)


@pytest.mark.parametrize("how", WAYS)
def test_without_validation_whole_epochs_are_one_program(how):
    population = Population(full, NUMBERS, seeds=7)
    population.fit(X, Y, verbose=0, how=how, batch_size=16, epochs=4)
    assert_same(population, full, X, Y, batch_size=16, epochs=4)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("options", [
    {"shuffle": False}, {"shuffle": "batch"}, {"class_weight": {0: 1.0, 1: 3.0}},
    {"sample_weight": np.linspace(0.1, 2, 50)}, {"validation_split": 0.2}, {"batch_size": 64},
    {"batch_size": 25, "validation_data": (X_TEST, Y_TEST, np.linspace(1, 2, 21)), "validation_batch_size": 7},
], ids=lambda o: "-".join(o))  # fmt: skip
def test_arguments_of_fit(how, options):
    population = Population(full, {"rate": [0.2, 0.5]}, seeds=[1, 2])
    population.fit(X, Y, verbose=0, how=how, epochs=2, **options)
    assert_same(population, full, X, Y, epochs=2, **options)


@pytest.mark.parametrize("how", [*WAYS, "auto"])
@pytest.mark.parametrize("options", [{}, {"validation_data": (X_TEST, Y_TEST)}], ids=["whole", "by steps"])
def test_networks_that_a_kernel_trains_whole(how, options):
    def dense(learning_rate):
        model = ranvier.Sequential([layers.Input((6,)), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")])
        model.compile(optimizers.Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
        return model

    population = Population(dense, {"learning_rate": [0.1, 0.01, 0.03]}, seeds=[1, 2, 3])
    result = population.fit(X, Y, verbose=0, how=how, batch_size=16, epochs=3, **options)
    assert not result.reasons
    assert_same(population, dense, X, Y, batch_size=16, epochs=3, **options)


def test_sequential_seeds_are_the_same_to_the_bit():
    population = Population(full, seeds=range(3))
    population.fit(X, Y, verbose=0, how="sequential", epochs=2, batch_size=16)
    assert_same(population, full, X, Y, rtol=0, atol=0, epochs=2, batch_size=16)


@pytest.mark.parametrize("how", WAYS)
def test_a_later_fit_goes_on(how):
    population = Population(full, {"rate": [0.2, 0.5]}, seeds=[1, 2])
    for _ in range(2):
        result = population.fit(X, Y, verbose=0, how=how, epochs=2)
    for i, (seed, candidate) in enumerate(zip([1, 2], population.candidates, strict=True)):
        ranvier.utils.set_random_seed(seed)
        model = full(**candidate)
        for _ in range(2):
            history = model.fit(X, Y, epochs=2, verbose=0).history
        np.testing.assert_allclose(result.histories[i]["loss"], history["loss"], rtol=1e-4)


@pytest.mark.parametrize("how", WAYS)
def test_structure_parts_the_candidates(how):
    """Rate 0 has no masks, momentum 0 no state, l2 0 no penalty, other activations another program."""

    def build(rate, l2, momentum, activation):
        model = ranvier.Sequential([
            layers.Input((6,)),
            layers.Dense(8, activation, kernel_regularizer=ranvier.regularizers.L1L2(0, l2)),
            layers.Dropout(rate),
            layers.Dense(1, "sigmoid"),
        ])  # fmt: skip
        model.compile(optimizers.SGD(0.1, momentum=momentum), "binary_crossentropy")
        return model

    rows = {
        "rate": [0.0, 0.3, 0.4, 0.5, 0.6, 0.3], "l2": [1e-3, 0.0, 0.1, 0.2, 0.0, 1e-3],
        "momentum": [0.9, 0.9, 0.8, 0.7, 0.9, 0.0], "activation": ["relu"] * 4 + ["tanh", "relu"],
    }  # fmt: skip
    population = Population(build, rows, seeds=range(6))
    result = population.fit(X, Y, verbose=0, epochs=2, how=how)
    assert result.programs == 5
    assert result.reasons
    assert_same(population, build, X, Y, epochs=2)


def test_what_cannot_be_traced_gets_programs_of_its_own():
    class Powers(layers.Layer):
        def __init__(self, count, scale):
            super().__init__()
            self.count, self.scale = count, scale

        def call(self, x):
            return sum(x**k for k in range(1, self.count + 1)) * float(np.sqrt(self.scale))

    def build(count, scale):
        model = ranvier.Sequential([layers.Input((6,)), layers.Dense(3), Powers(count, scale), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    rows = {"count": [1, 2, 1, 2], "scale": [0.3, 0.3, 0.4, 0.3]}
    population = Population(build, rows, seeds=[1, 2, 3, 4])
    result = population.fit(X, Y, verbose=0, epochs=2, how="vmap")
    assert result.programs == 3
    assert any("count" in reason for reason in result.reasons)
    assert_same(population, build, X, Y, epochs=2)


@pytest.mark.parametrize("how", WAYS)
def test_numbers_in_losses_schedules_and_functions(how):
    def build(start, alpha, delta):
        model = ranvier.Sequential([layers.Input((6,)), layers.Dense(3), layers.LeakyReLU(alpha), layers.Dense(1)])
        schedule = optimizers.schedules.ExponentialDecay(start, 4, 0.9)
        model.compile(
            optimizers.Adam(schedule, beta_1=1 - alpha, epsilon=alpha * 1e-6, clipnorm=delta),
            lambda y, p: delta * (y - p) ** 2,
        )
        return model

    rows = {"start": [0.1, 0.02, 0.03], "alpha": [0.1, 0.2, 0.3], "delta": [1.0, 2.0, 3.0]}
    population = Population(build, rows, seeds=[1, 2, 3])
    result = population.fit(X, Y, verbose=0, epochs=3, how=how)
    assert result.programs == 1
    assert_same(population, build, X, Y, epochs=3)


@pytest.mark.parametrize("how", WAYS)
def test_random_layers_and_recurrent_ones(how):
    def build(noise, rate):
        model = ranvier.Sequential([
            layers.Input((3, 2)), layers.GaussianNoise(noise), layers.GaussianDropout(rate),
            layers.LSTM(4, dropout=rate, recurrent_dropout=rate / 2), layers.AlphaDropout(rate), layers.Dense(1),
        ])  # fmt: skip
        model.compile("adam", "mse")
        return model

    x = X.reshape(-1, 3, 2)
    population = Population(build, {"noise": [0.1, 0.2], "rate": [0.3, 0.1]}, seeds=[5, 6])
    result = population.fit(x, Y, verbose=0, epochs=2, how=how)
    assert result.programs == 1
    assert_same(population, build, x, Y, epochs=2)


@pytest.mark.parametrize("how", WAYS)
def test_own_train_step_average_and_accumulation(how):
    class Own(ranvier.Model):
        def __init__(self, scale):
            super().__init__()
            self.dense, self.scale = layers.Dense(1), scale

        def call(self, x):
            return self.dense(x) * self.scale

        def train_step(self, data):
            x, y = data
            loss, gradients = ranvier.gradients(
                lambda: ranvier.ops.mean((y - self(x, training=True)) ** 2), self.trainable_weights
            )
            self.optimizer.apply(gradients, self.trainable_weights)
            return {"loss": loss, "scaled": loss * self.scale}

    def build(scale, decay):
        model = Own(scale)
        model.compile(optimizers.AdamW(
            0.05, weight_decay=decay, use_ema=True, ema_momentum=1 - decay, gradient_accumulation_steps=2
        ), "mse")  # fmt: skip
        return model

    population = Population(build, {"scale": [0.5, 2.0], "decay": [0.1, 0.2]}, seeds=[5, 6])
    population.fit(X, Y, verbose=0, epochs=3, how=how)
    assert_same(population, build, X, Y, epochs=3)


@pytest.mark.parametrize("how", WAYS)
def test_several_inputs_and_outputs(how):
    def build(weight):
        a, b = layers.Input((6,), name="a"), layers.Input((6,), name="b")
        both = layers.Dense(4, "relu")(layers.Add()([a, b * weight]))
        model = ranvier.Model({"a": a, "b": b}, [layers.Dense(1, name="p")(both), layers.Dense(2)(both)])
        model.compile("adam", ["mse", "mae"], loss_weights=[1.0, weight], metrics=[["mae"], []])
        return model

    x, y = {"a": X, "b": X * 2}, [Y, X[:, :2]]
    population = Population(build, {"weight": [0.5, 1.5]}, seeds=[5, 6])
    population.fit(x, y, verbose=0, epochs=2, how=how)
    assert_same(population, build, x, y, epochs=2)


def test_convolutions_in_bfloat16():
    def build(rate):
        model = ranvier.Sequential([
            layers.Input((5, 5, 2)), layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(), layers.SpatialDropout2D(rate),
            layers.Flatten(), layers.Dense(1),
        ])  # fmt: skip
        model.compile("adam", "mse")
        return model

    x = np.random.default_rng(0).normal(size=(40, 5, 5, 2)).astype("float32")
    ranvier.mixed_precision.set_global_policy("mixed_bfloat16")
    population = Population(build, {"rate": [0.3, 0.1]}, seeds=[5, 6])
    population.fit(x, Y[:40], verbose=0, epochs=2, how="vmap")
    assert_same(population, build, x, Y[:40], epochs=2, rtol=2e-2, atol=2e-2)


def test_auto_gives_the_same_and_says_how():
    population = Population(full, NUMBERS, seeds=[3, 4, 5])
    result = population.fit(X, Y, verbose=0, epochs=3, batch_size=16)
    assert result.how in ("side by side", "in threads", "one after another")
    assert_same(population, full, X, Y, epochs=3, batch_size=16)


def test_auto_takes_what_was_measured_to_be_fastest():
    population = Population(full, {"rate": np.linspace(0.1, 0.6, 24).tolist()}, seeds=0)
    x, y = np.repeat(X, 40, 0), np.repeat(Y, 40, 0)
    for _ in range(2):
        population.fit(x, y, verbose=0, epochs=40, batch_size=8)
    costs = next(iter(population._costs.values()))
    assert costs.each["sequential"] > 0
    assert costs.best("auto", 24, 40)[0] in ("vmap", "threads", "sequential")
    prices = {way: seconds * 24 for way, seconds in costs.each.items()} | {"vmap": costs.stacked.get(24, np.inf)}
    assert costs.best("auto", 24, 10**6)[0] == min(prices, key=prices.get)


# --- early stopping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [*WAYS, "auto"])
def test_halving_stops_the_worst_and_leaves_the_rest_alone(how):
    population = Population(full, {"learning_rate": [1e-5, 0.1, 1e-4, 0.05, 0.03]}, seeds=range(5))
    options = {"batch_size": 16, "validation_data": (X_TEST, Y_TEST)}
    result = population.fit(X, Y, verbose=0, epochs=5, halve_every=2, how=how, **options)
    lengths = [len(h["loss"]) for h in result.histories]
    assert sorted(lengths) == [2, 2, 4, 5, 5]
    assert lengths[0] == lengths[2] == 2
    assert result.stopped == [i for i, n in enumerate(lengths) if n < 5]
    assert lengths[result.best_index] == 5
    assert result.best_score == min(h["val_loss"][-1] for h in result.histories if len(h["loss"]) == 5)
    assert_same(population, full, X, Y, **options)


def test_the_monitor_may_want_more():
    population = Population(full, {"learning_rate": [1e-5, 0.1, 0.05]}, seeds=range(3))
    result = population.fit(X, Y, verbose=0, epochs=2, monitor="accuracy")
    assert result.best_score == max(h["accuracy"][-1] for h in result.histories)
    assert result.scores[result.ranking[-1]] == min(result.scores)


@pytest.mark.parametrize("how", WAYS)
def test_a_candidate_that_diverges_is_the_worst_and_harms_nobody(how):
    def build(learning_rate):
        model = ranvier.Sequential([layers.Input((6,)), layers.Dense(1)])
        model.compile(optimizers.SGD(learning_rate), "mse")
        return model

    population = Population(build, {"learning_rate": [1e30, 0.01, 0.02]}, seeds=range(3))
    with pytest.warns(ranvier.core.errors.RanvierWarning, match=r"1 of 3 candidates .*: 0 \(.*1e\+30"):
        result = population.fit(X, Y, verbose=0, epochs=4, halve_every=2, how=how)
    assert result.ranking[-1] == 0
    assert 0 in result.stopped
    model, history = alone(build, {"learning_rate": 0.02}, 2, X, Y, epochs=len(result.histories[2]["loss"]))
    np.testing.assert_allclose(result.histories[2]["loss"], history["loss"], rtol=1e-5)
    np.testing.assert_allclose(population.models[2].get_weights()[0], model.get_weights()[0], rtol=1e-4)


# --- afterwards ---------------------------------------------------------------------------------------------------------


def test_models_are_ordinary_models_that_share_their_programs(tmp_path):
    population = Population(full, {"rate": [0.2, 0.5], "l2": [0.01, 0.1]}, seeds=[1, 2])
    population.fit(X, Y, verbose=0, epochs=2)
    for i, (seed, candidate) in enumerate(zip([1, 2], population.candidates, strict=True)):
        model, _ = alone(full, candidate, seed, X, Y, epochs=2)
        own = population.models[i]
        np.testing.assert_allclose(own.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(own.predict(X[:3], verbose=0), model.predict(X[:3], verbose=0), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(own.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-3)
        assert own.layers[2].rate == candidate["rate"]
        own.fit(X, Y, verbose=0, validation_data=(X_TEST, Y_TEST))
        own.save(tmp_path / "model.keras")
        loaded = ranvier.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(loaded.predict(X, verbose=0), own.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    own.layers[2].rate = 0.0
    own.compile("sgd", "mse")
    own.fit(X, Y, verbose=0)
    assert not isinstance(own._programs, type(population.models[0]._programs))
    for how in ("auto", "vmap"):  # a candidate that was changed trains by a program of its own
        result = population.fit(X, Y, verbose=0, epochs=1, how=how)
        assert result.programs == 2
        assert "candidate 1 is not what it was made as" in result.reasons[-1]
        assert np.isnan(population.cv_results_["auc"][1])


def test_a_second_fit_compiles_nothing(caplog):
    import jax

    population = Population(full, {"rate": [0.2, 0.5]}, seeds=[1, 2])
    for how in WAYS:
        population.fit(X, Y, verbose=0, epochs=2, how=how)
    jax.config.update("jax_log_compiles", True)
    try:
        with caplog.at_level("WARNING"):
            for how in WAYS:
                population.fit(X, Y, verbose=0, epochs=2, how=how)
    finally:
        jax.config.update("jax_log_compiles", False)
    assert [r.message for r in caplog.records if "run" in r.message and "ompil" in r.message] == []


def test_it_can_be_used_like_a_search():
    import pandas as pd

    population = Population(full, grid(rate=[0.2, 0.5], learning_rate=[0.1, 1e-6]), seeds=1)
    with pytest.raises(ValueError, match="call fit"):
        _ = population.best_params_
    population.fit(X, Y, verbose=0, epochs=3)
    assert population.best_params_["learning_rate"] == 0.1
    frame = pd.DataFrame(population.cv_results_)
    assert len(frame) == len(population) == 4
    assert frame.loc[frame["rank"] == 1, "candidate"].item() == population.best_index_
    assert population.best_score_ == frame["loss"].min()
    np.testing.assert_array_equal(population.predict(X, verbose=0), population.best_estimator_.predict(X, verbose=0))
    assert population.evaluate(X, Y, verbose=0) == population.best_estimator_.evaluate(X, Y, verbose=0)


def test_the_result_shows_a_table():
    population = Population(full, {"rate": [0.2, 0.5, 0.0]}, seeds=[1, 2, 3])
    result = population.fit(X, Y, verbose=0, epochs=2, halve_every=1)
    text = str(result)
    first = next(line for line in text.splitlines() if "│    1 │" in line)
    assert f" {result.best_index} " in first
    assert "3 candidates" in text
    assert "2 programs" in text
    assert "dropout" in text  # why there are two
    assert "(stopped)" in text
    assert f"the best is {result.best_index}" in repr(result)
    assert "<pre>" in result._repr_html_()


def test_bars_and_lines(capsys):
    population = Population(full, seeds=range(4))
    population.fit(X, Y, verbose=2, epochs=4, halve_every=2)
    assert "epoch 2/4: best loss" in capsys.readouterr().out
    population.fit(X, Y, verbose=1, epochs=4, halve_every=2)
    assert "12/12" in capsys.readouterr().out


def test_nobody_elses_randomness_or_names_are_disturbed():
    ranvier.utils.set_random_seed(9)
    first = layers.Dense(1)
    expected = random.random(), np.random.rand(), ranvier.random.uniform(()).item(), layers.Dense(1).name
    ranvier.utils.set_random_seed(9)
    population = Population(full, seeds=range(2))
    population.fit(X, Y, verbose=0)
    found = random.random(), np.random.rand(), ranvier.random.uniform(()).item()
    assert found == expected[:3]
    assert first.name == "dense"
    assert layers.Dense(1).name == "dense_2"
    assert population.models[1].layers[0].name == "dense"


def test_seeds_are_drawn_and_kept():
    ranvier.utils.set_random_seed(1)
    a = Population(full, {"rate": [0.1, 0.2]}).seeds
    ranvier.utils.set_random_seed(1)
    assert Population(full, {"rate": [0.1, 0.2]}).seeds == a
    assert a[0] != a[1]
