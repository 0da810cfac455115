"""EarlyStopping and ReduceLROnPlateau decide as Keras's do, on the same sequences of logs."""

import inspect

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier import ops
from ranvier.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from ranvier.core.errors import ArgumentError, ArgumentTypeError, RanvierWarning

from .conftest import FakeModel

# Few different values, so that ties and differences of exactly min_delta occur.
values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 2.0, float("nan")]), min_size=1, max_size=12)
counts = st.integers(0, 3)
deltas = st.sampled_from([0, 0.25, -0.25, 0.1])


def nan_later(sequence, first):
    """No NaN in the first epoch that counts: Keras takes it as the best for ever."""
    return [2.0 if i == first and v != v else v for i, v in enumerate(sequence)]


def alike(ours, theirs):
    assert repr(ours.seen) == repr(theirs.seen)  # repr: NaN is to equal NaN
    assert ours.printed == theirs.printed


@settings(max_examples=60, deadline=None)
@given(
    values,
    st.fixed_dictionaries(
        {
            "patience": counts,
            "start_from_epoch": counts,
            "min_delta": deltas,
            "mode": st.sampled_from(["min", "max", "auto"]),
            "baseline": st.sampled_from([None, 0.5]),
            "restore_best_weights": st.booleans(),
            "verbose": st.sampled_from([0, 1]),
        }
    ),
)
def test_early_stopping_as_keras(drive, sequence, arguments):
    epochs = [{"loss": 3.0, "val_loss": v} for v in nan_later(sequence, arguments["start_from_epoch"])]
    alike(
        drive(EarlyStopping(**arguments), epochs, runs=2),
        drive(keras.callbacks.EarlyStopping(**arguments), epochs, runs=2),
    )


@settings(max_examples=60, deadline=None)
@given(
    values,
    st.fixed_dictionaries(
        {
            "patience": counts,
            "factor": st.sampled_from([0, 0.1, 0.5]),
            "min_delta": deltas.map(abs),
            "mode": st.sampled_from(["min", "max", "auto"]),
            "cooldown": counts,
            "min_lr": st.sampled_from([0.0, 0.03]),
            "verbose": st.sampled_from([0, 1]),
        }
    ),
)
def test_reduce_lr_as_keras(drive, sequence, arguments):
    epochs = [{"val_loss": value} for value in nan_later(sequence, 0)]
    alike(
        drive(ReduceLROnPlateau(**arguments), epochs, runs=2),
        drive(keras.callbacks.ReduceLROnPlateau(**arguments), epochs, runs=2),
    )


def directions():
    """Keras's metrics that know whether more of them is better: (class name, "up" or "down")."""
    needed = {"num_classes": 2, "target_class_ids": [0], "precision": 0.5, "recall": 0.5} | {
        "specificity": 0.5,
        "sensitivity": 0.5,
    }
    for name, kind in vars(keras.metrics).items():
        if isinstance(kind, type) and name not in ("Metric", "MeanMetricWrapper"):
            parameters = inspect.signature(kind).parameters.values()
            given = {p.name: needed[p.name] for p in parameters if p.default is p.empty and p.name in needed}
            if direction := getattr(kind(**given), "_direction", None):
                yield name, direction


@pytest.mark.parametrize(("name", "direction"), list(directions()))
def test_auto_goes_by_the_class_of_a_metric(drive, fake_model_class, name, direction):
    metric = type(name, (), {"name": "m"})()
    run = drive(EarlyStopping("val_m", patience=5), [{"val_m": 1.0}, {"val_m": 2.0}], fake_model_class([metric]))
    assert run.seen[1][2]["best"] == (2.0 if direction == "up" else 1.0)


def test_best_weights_are_copies(drive, fake_model):
    fake_model.get_weights = lambda: [fake_model.value]  # of a model that trains in place
    run = drive(EarlyStopping(restore_best_weights=True), [{"val_loss": v} for v in (2, 1, 3)], fake_model)
    assert run.model.value.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("monitor", "better"),
    [("val_accuracy", 2.0), ("acc", 2.0), ("val_f1_score", 2.0), ("out_loss", 0.5), ("val_mean_squared_error", 0.5)],
)
def test_auto_knows_common_names(drive, monitor, better):
    run = drive(EarlyStopping(monitor, patience=5), [{monitor: 1.0}, {monitor: better}])
    assert run.seen[1][2]["best"] == better


@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau])
def test_auto_refuses_what_it_cannot_tell(drive, kind):
    with pytest.raises(ArgumentError, match=r"'val_quux' is better. Pass mode='max' or mode='min'.$"):
        drive(kind("val_quux"), [{"val_quux": 1.0}])
    with pytest.raises(ValueError, match=r"'quuux' is better. Pass mode='max' or mode='min'. It is not in .*'quux'?"):
        drive(kind("quuux"), [{"quux": 1.0}])
    drive(kind("quux", mode="max"), [{"quux": 1.0}])


nan_or_not = st.lists(st.sampled_from([float("nan"), 1.0, 2.0, 3.0, 4.0]), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(nan_or_not, st.sampled_from(["min", "max"]), st.booleans())
def test_nan_is_never_best(drive, sequence, mode, own_op):
    """What is best, restored and saved are those of the same epochs without the ones that are NaN."""
    compare = {"min": min, "max": max}[mode]
    numbers = [v for v in sequence if v == v]
    best = compare(numbers) if numbers else None
    epochs = [{"val_loss": value} for value in sequence]
    stopping = EarlyStopping(mode=mode, patience=99, restore_best_weights=True)
    if own_op:
        stopping.monitor_op = {"min": np.less, "max": np.greater}[mode]
    run = drive(stopping, epochs)
    assert stopping.best == best
    assert run.model.value[0] == (sequence.index(best) if numbers else len(sequence) - 1)
    plateau = ReduceLROnPlateau(mode=mode, patience=99)
    drive(plateau, epochs)
    assert plateau.best == best
    saved, model = [], FakeModel()
    model.save = lambda path, overwrite: saved.append(path)
    drive(ModelCheckpoint("{epoch}.keras", mode=mode, save_best_only=True), epochs, model)
    so_far = [[v for v in sequence[: i + 1] if v == v] for i in range(len(sequence))]
    firsts = [i for i, v in enumerate(sequence) if v == v and compare(so_far[i]) == v and so_far[i].count(v) == 1]
    assert saved == [f"{i + 1}.keras" for i in firsts]


def test_monitor_op_says_what_is_better():
    assert EarlyStopping(mode="max").monitor_op is ops.greater
    assert ReduceLROnPlateau(mode="min").monitor_op is ops.less
    assert EarlyStopping().monitor_op is None


class Slower(EarlyStopping):
    """A subclass that decides by `monitor_op` itself, as some people's do."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.verdict = bool(self.monitor_op(logs[self.monitor], 2.5))


def test_subclasses_use_monitor_op(drive):
    callback = Slower(patience=9)
    drive(callback, [{"val_loss": 2.0}])
    assert callback.verdict


@pytest.mark.parametrize(
    ("monitor", "logs", "says"),
    [
        (
            "val_loss",
            {"acc": 0.5, "loss": 1.0},
            "`val_loss` which is not available. Available metrics are: acc,loss. This epoch",
        ),
        ("accuracy", {"acuracy": 0.5}, "Available metrics are: acuracy. Did you mean 'acuracy'?"),
    ],
)
@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau])
def test_absent_metric_warns(fake_model, kind, monitor, logs, says):
    callback = kind(monitor)
    callback.set_model(fake_model)
    callback.on_train_begin()
    with pytest.warns(RanvierWarning) as caught:
        callback.on_epoch_end(0, dict(logs))
    assert says in str(caught[0].message)
    assert not fake_model.stop_training


@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau])
@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"patience": -1}, ArgumentError, "patience"),
        ({"patience": 1.5}, ArgumentTypeError, "patience"),
        ({"mode": "maxx"}, ArgumentError, "mode.*Did you mean 'max'"),
        ({"min_delta": float("nan")}, ArgumentError, "min_delta"),
        ({"monitor": None}, ArgumentError, "monitor"),
        ({"verbose": -1}, ArgumentError, "verbose"),
    ],
)
def test_bad_arguments(kind, arguments, error, says):
    with pytest.raises(error, match=says):
        kind(**arguments)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: EarlyStopping(start_from_epoch=-1), ArgumentError, "start_from_epoch"),
        (lambda: EarlyStopping(baseline="1"), ArgumentTypeError, "baseline"),
        (lambda: ReduceLROnPlateau(factor=1.0), ArgumentError, "factor must be below 1"),
        (lambda: ReduceLROnPlateau(factor=-0.5), ArgumentError, "factor"),
        (lambda: ReduceLROnPlateau(cooldown=-1), ArgumentError, "cooldown"),
        (lambda: ReduceLROnPlateau(min_lr=-1.0), ArgumentError, "min_lr"),
        (lambda: ReduceLROnPlateau(patient=1), ArgumentError, "Did you mean 'patience'"),
    ],
)
def test_own_bad_arguments(make, error, says):
    with pytest.raises(error, match=says):
        make()
