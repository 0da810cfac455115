"""Habits of Keras 1 and 2: they work with one hint each where the meaning is clear, and else the error says the fix."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier import callbacks, constraints, layers, optimizers, regularizers
from ranvier.core.argument_names import OLD_NAMES, constructor_arguments
from ranvier.core.errors import RanvierWarning
from ranvier.core.hints import forget_hints
from tests.catalogue import CASES

X, Y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
DIM_ORDERING = {"channels_last": "tf", "channels_first": "th"}


def _hints(run: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What `run` gives, and its hints."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        found = run()
    assert all(issubclass(w.category, RanvierWarning) for w in given)
    assert all(w.filename == __file__ for w in given), "a hint shows the line of the program"
    return found, [str(w.message) for w in given]


def _old_spellings(case: Any) -> list[tuple[str, str]]:
    """(old, new) for the arguments of a case of the catalogue that had other names."""
    known = constructor_arguments(getattr(layers, case.layer))[0]
    return [
        (old, new)
        for old, candidates in OLD_NAMES.items()
        for new in candidates
        if new in case.arguments and old not in known and new == next(n for n in candidates if n in known)
    ]


RENAMED = [(case, old, new) for case in CASES for old, new in _old_spellings(case)]


def test_there_are_many():
    assert len(RENAMED) > 80
    assert {old for _, old, _ in RENAMED} >= {
        "border_mode",
        "init",
        "nb_filter",
        "output_dim",
        "p",
        "sigma",
        "subsample",
    }


@pytest.mark.parametrize(("case", "old", "new"), RENAMED, ids=lambda v: v if isinstance(v, str) else v.layer)
def test_old_names_of_layers_mean_the_new_ones(case: Any, old: str, new: str):
    arguments = {**case.arguments, "name": "one"}
    spelt = {k: v for k, v in arguments.items() if k != new}
    spelt[old] = DIM_ORDERING[arguments[new]] if old == "dim_ordering" else arguments[new]
    cls = getattr(layers, case.layer)
    layer, hints = _hints(lambda: cls(**spelt))
    assert layer.get_config() == cls(**arguments).get_config()
    assert len(hints) == 1
    assert new in hints[0]
    assert _hints(lambda: cls(**spelt))[1] == [], "once"


@given(st.sampled_from(["SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl"]),
       st.floats(1e-4, 1.0), st.floats(1e-6, 0.5), st.booleans())  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_lr_and_decay_are_keras_2s_schedule(name: str, rate: float, decay: float, by_place: bool):
    forget_hints()
    cls = getattr(optimizers, name)
    make = (lambda: cls(rate, decay=decay)) if by_place else (lambda: cls(lr=rate, decay=decay))
    optimizer, hints = _hints(make)
    assert len(hints) == (1 if by_place else 2)
    weight = ranvier.Variable(np.zeros(2, "float32"))
    for step in range(3):
        expected = np.float32(rate) / (1 + np.float32(decay) * step)
        assert float(optimizer.learning_rate) == pytest.approx(expected, rel=1e-5)
        optimizer.apply([np.ones(2, "float32")], [weight])


def test_the_default_arguments_of_keras_2s_adam():
    adam, hints = _hints(
        lambda: optimizers.Adam(lr=0.01, beta_1=0.9, beta_2=0.999, epsilon=None, decay=0.0, amsgrad=False, name="a")
    )
    assert adam.get_config() == optimizers.Adam(0.01, name="a").get_config()
    assert len(hints) == 1
    assert optimizers.Adam(epsilon=None).epsilon == 1e-7
    with pytest.raises(ValueError, match="schedule or decay, not both"):
        optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), decay=0.1)


def test_the_learning_rate_by_its_old_attribute():
    K = ranvier.compat.face("keras.backend")
    sgd = optimizers.SGD(0.5)
    read, hints = _hints(lambda: K.get_value(sgd.lr))
    assert read == 0.5
    assert len(hints) == 1
    K.set_value(sgd.lr, 0.25)
    assert float(sgd.learning_rate) == 0.25
    sgd.lr = 0.125
    assert float(sgd.learning_rate) == 0.125


@pytest.mark.parametrize(
    ("make", "attribute", "value"),
    [
        (lambda: constraints.MaxNorm(m=3), "max_value", 3),
        (lambda: regularizers.L2(l=0.3), "l2", 0.3),
        (lambda: regularizers.L1(l=0.2), "l1", 0.2),
        (lambda: callbacks.ReduceLROnPlateau(epsilon=0.3), "min_delta", 0.3),
        (lambda: layers.Conv2D(nb_filter=8, nb_row=3, nb_col=2), "kernel_size", (3, 2)),
    ],
)
def test_old_names_elsewhere(make: Callable[[], Any], attribute: str, value: Any):
    made, hints = _hints(make)
    assert getattr(made, attribute) == value
    assert hints


def test_kernels_by_rows_and_columns():
    made, hints = _hints(lambda: layers.Convolution2D(8, 3, 2, border_mode="same"))
    assert (made.kernel_size, made.strides, made.padding) == ((3, 2), (1, 1), "same")
    assert hints[0] == "Conv2D(8, 3, 2) is Conv2D(8, (3, 2)) in Keras 3."
    made, _ = _hints(lambda: layers.Convolution3D(8, 3, 2, 2, subsample=(1, 2, 1)))
    assert (made.kernel_size, made.strides) == ((3, 2, 2), (1, 2, 1))
    made, hints = _hints(lambda: layers.Convolution2D(8, 3, 3, activation="relu"))
    assert (made.kernel_size, made.strides) == ((3, 3), (3, 3)), "as in Keras 3"
    assert "If it was written for Keras 1" in hints[0]
    for quiet in (
        lambda: layers.Conv2D(8, 3, 2),
        lambda: layers.Conv2D(8, 4, strides=4),
        lambda: layers.Conv2D(8, 1, 1),
    ):
        assert _hints(quiet)[1] == []


def test_ones_own_subclass_may_use_old_names_for_itself():
    class Scaled(layers.Dense):
        def __init__(self, units: int, p: float = 0.5, **kwargs: Any):
            super().__init__(units, **kwargs)
            self.p = p

    class Free(layers.Dense):
        def __init__(self, units: int, **kwargs: Any):
            self.lr = kwargs.pop("lr")
            super().__init__(units, **kwargs)

    scaled, hints = _hints(lambda: Scaled(3, p=0.1, init="zeros"))
    assert scaled.p == 0.1
    assert type(scaled.kernel_initializer).__name__ == "Zeros"
    assert len(hints) == 1
    assert _hints(lambda: Free(3, lr=2).lr) == (2, [])


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda: layers.Dense(3, activaton="relu"), r"no argument 'activaton'\. Did you mean 'activation'\?"),
        (lambda: layers.Dense(3, input_shap=(3,)), r"Did you mean 'input_shape'\?"),
        (lambda: optimizers.Adam(learning_rte=0.1), r"Did you mean 'learning_rate'\?"),
        (lambda: ranvier.initializers.RandomNormal(mea=3), r"Did you mean 'mean'\?"),
        (lambda: callbacks.EarlyStopping(patiance=3), r"Did you mean 'patience'\?"),
        (lambda: callbacks.ModelCheckpoint("x.keras", period=3), "Use save_freq"),
        (lambda: layers.BatchNormalization(fused=True), "chosen for you"),
        (lambda: _compiled().compile(optimiser="adam"), r"Did you mean 'optimizer'\?"),
        (lambda: _compiled().compile("adam", "mse", sample_weight_mode="temporal"), "any shape that the loss has"),
        (lambda: _compiled().fit(X, Y, epoch=2), r"Did you mean 'epochs'\?"),
        (lambda: _compiled().fit(X, Y, show_accuracy=True), r"metrics=\['accuracy'\]"),
        (lambda: _compiled().predict(X, batchsize=2), r"Did you mean 'batch_size'\?"),
        (lambda: _compiled().evaluate(X, Y, stesp=2), r"Did you mean 'steps'\?"),
        (lambda: _compiled().fit_generator([], samples_per_epoch=10), "counts batches"),
        (lambda: _compiled().fit_generator([], 1, steps_per_epoch=10), "Given twice"),
        (lambda: _compiled().get_layer("dens"), r"Did you mean 'dense"),
        (lambda: ranvier.Sequential(layers.Dense(3), layers.Dense(2)), r"Sequential\(\[first, second, …\]\)"),
    ],
)
def test_what_is_not_clear_says_the_fix(run: Callable[[], Any], said: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RanvierWarning)
        with pytest.raises((TypeError, ValueError), match=said):
            run()


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.data())
@settings(max_examples=30, deadline=None)
def test_rows_of_another_shape_say_how_to_reshape(sizes: list[int], data: Any):
    count = int(np.prod(sizes))
    other = data.draw(st.sampled_from([(count,), (1, count), (count, 1, 1), (*reversed(sizes),)]))
    model = ranvier.Sequential([layers.Flatten(input_shape=tuple(sizes))])
    x = np.arange(2 * count, dtype="float32").reshape(2, *other)
    try:
        found = model(x)
    except ValueError as error:
        said = str(error)
        if "x.reshape" in said:
            fixed = eval(said.split("reshape them: ")[1].rstrip("."), {"x": x})
            np.testing.assert_array_equal(np.asarray(model(fixed)), x.reshape(2, -1))
        else:
            assert "another order" in said
            assert sorted(other) == sorted(sizes)
    else:
        assert found.shape == (2, count)


def test_pictures_as_rows_say_the_fix_in_fit_too():
    model = ranvier.Sequential([layers.Flatten(input_shape=(28, 28)), layers.Dense(10)])
    model.compile("sgd", "mse")
    x, y = np.zeros((4, 784), "float32"), np.zeros((4, 10), "float32")
    for run in (lambda: model.fit(x, y, verbose=0), lambda: model.predict(x, verbose=0), lambda: model(x)):
        with pytest.raises(
            ValueError, match=r"\(None, 784\)\. .*784 numbers, so reshape them: x\.reshape\(-1, 28, 28\)"
        ):
            run()


def test_one_layer_without_a_list():
    model, hints = _hints(lambda: ranvier.Sequential(layers.Dense(2, input_dim=3)))
    assert model.output_shape == (None, 2)
    assert len(hints) == 2
    assert "keras.Input((3,))" in hints[0]
    assert "Sequential([layer])" in hints[1]
    assert _hints(lambda: layers.Embedding(5, 2, input_length=4))[1] == [
        "Embedding(input_length=…) is not needed in Keras 3: delete it."
    ]


def test_models_by_input_and_output():
    x = ranvier.Input((3,))
    y = layers.Dense(2)(x)
    model, hints = _hints(lambda: ranvier.Model(input=x, output=y))
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert len(hints) == 2


# --- training ---------------------------------------------------------------------------------------------------------


def _compiled(outputs: int = 2) -> Any:
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(outputs, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=["acc"])
    return model


def _batches() -> Any:
    while True:
        yield X, Y


class Batches(ranvier.utils.Sequence):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        return X, Y


@pytest.mark.parametrize("data", [_batches, Batches])
def test_generators_by_the_methods_of_keras_2(data: Callable[[], Any]):
    new, old = _compiled(), _compiled()
    wanted = new.fit(data(), steps_per_epoch=3, epochs=2, verbose=0, validation_data=data(), validation_steps=2).history

    def older() -> Any:
        return old.fit_generator(
            data(), 3, nb_epoch=2, verbose=0, validation_data=data(), validation_steps=2, workers=2, max_q_size=3,
            pickle_safe=True,
        )  # fmt: skip

    found, hints = _hints(older)
    assert found.history == wanted
    assert {"acc", "val_acc"} <= set(wanted)
    assert len(hints) == 5
    evaluated, _ = _hints(lambda: old.evaluate_generator(data(), 3))
    assert evaluated == new.evaluate(data(), steps=3, verbose=0)


def test_how_batches_are_read_belongs_to_the_dataset():
    data = Batches()
    _, hints = _hints(lambda: _compiled().fit(data, verbose=0, workers=3, max_queue_size=5))
    assert (data.workers, data.max_queue_size) == (3, 5)
    assert len(hints) == 2


def test_predictions_by_their_old_names():
    several, one = _compiled(), _compiled(1)
    x = np.array([[1, 1, 1], [-1, -1, 0]], "float32")
    classes, hints = _hints(lambda: several.predict_classes(x))
    np.testing.assert_array_equal(classes, several.predict(x, verbose=0).argmax(-1))
    assert "argmax" in hints[0]
    forget_hints()
    above, hints = _hints(lambda: one.predict_classes(x))
    assert above.tolist() == [[1], [0]]
    assert "> 0.5" in hints[0]
    proba, hints = _hints(lambda: several.predict_proba(x))
    np.testing.assert_array_equal(proba, several.predict(x, verbose=0))
    assert len(hints) == 1
    predicted, hints = _hints(lambda: several.predict_generator(iter([x, x]), steps=2))
    assert predicted.shape == (4, 2)
    assert len(hints) == 1


def test_the_history_is_named_as_the_metric_was():
    history = _hints(lambda: _compiled().fit(X, Y, validation_split=0.5, nb_epoch=2, verbose=0).history)[0]
    assert list(history) == ["acc", "loss", "val_acc", "val_loss"]
    assert len(history["acc"]) == 2
