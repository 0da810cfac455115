"""`fit(resume=)`: interrupted anywhere and started again, it ends with the same bits as a run never interrupted."""

import warnings

import numpy as np
import pytest

import ranvier
from ranvier import callbacks, layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, RanvierWarning
from ranvier.data import Dataset as Pipeline
from ranvier.training import resume as resuming

X = np.random.default_rng(0).normal(size=(22, 4)).astype("float32")
Y = X[:, :1] - X[:, 1:2] ** 2


class InterruptionError(Exception):
    """Stands for a kill: nothing of `fit` goes on after it."""


class Interrupt(callbacks.Callback):
    """Interrupts at the n-th call of a hook."""

    def __init__(self, hook, number):
        self.hook, self.number, self.counter = hook, number, [0]
        setattr(self, hook, self.count)

    def count(self, *args, **kwargs):
        self.counter[0] += 1
        if self.counter[0] == self.number:
            raise InterruptionError

    def get_state(self):
        return None

    def set_state(self, state):
        pass


@pytest.fixture
def always(monkeypatch):
    """Backups by time are always due."""
    monkeypatch.setattr(resuming, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(resuming, "SHARE", 0)


def make(units=8, optimizer="adam", seed=3, **options):
    ranvier.utils.set_random_seed(seed)
    model = ranvier.Sequential(
        [
            ranvier.Input((4,)),
            layers.Dense(units, "relu"),
            layers.Dropout(0.4),
            layers.BatchNormalization(),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer, "mse", metrics=["mae"], **options)
    return model


def bits(model, history):
    values = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [v.numpy().tobytes() for v in values], history.history, history.epoch, np.random.random()


def interrupted(run, hook, numbers):
    """What `run` ends with, when it is interrupted at each of these calls of a hook, again and again."""
    for number in numbers:
        with pytest.raises(InterruptionError):
            run(Interrupt(hook, number))
    return run(Interrupt(hook, -1))


def fit(folder, extra, data=lambda: {"x": X, "y": Y}, hooks=list, **options):
    model = make()
    history = model.fit(
        **data(),
        **{"batch_size": 4, "epochs": 4, "verbose": 0, "resume": folder} | options,
        callbacks=[*hooks(), extra],
    )
    return bits(model, history)


CUTS = {
    "on_train_batch_begin": [2, 3, 9, 7],
    "on_train_batch_end": [1, 5, 6],
    "on_epoch_end": [1, 2, 1],
    "on_test_begin": [2, 2],
    "on_train_end": [1, 1],
}


@pytest.mark.parametrize(("hook", "numbers"), CUTS.items())
def test_the_same_bits(hook, numbers, tmp_path, always):
    options = {"validation_split": 0.2}
    expected = fit(tmp_path / "whole", Interrupt(hook, -1), **options)
    found = interrupted(lambda i: fit(tmp_path / "cut", i, **options), hook, numbers)
    assert found == expected
    assert found[2] == [0, 1, 2, 3]


def test_a_backup_changes_nothing(tmp_path, always):
    """The same as without `resume`, where the callbacks ask for the same calls of the program."""
    assert fit(tmp_path, Interrupt("on_train_batch_end", -1)) == fit(None, Interrupt("on_train_batch_end", -1))


@pytest.mark.parametrize(("save_freq", "cuts"), [("epoch", [9, 13]), (4, [8, 12, 7]), (1, [5, 2])])
def test_backup_and_restore(save_freq, cuts, tmp_path):
    def run(folder, extra):
        kept = callbacks.BackupAndRestore(folder, save_freq)
        return fit(None, extra, hooks=lambda: [kept], shuffle="batch", class_weight=None)

    whole = run(tmp_path / "whole", Interrupt("on_train_batch_end", -1))
    found = interrupted(lambda i: run(tmp_path / "cut", i), "on_train_batch_end", cuts)
    assert found == whole
    assert list(tmp_path.iterdir()) == []  # delete_checkpoint


class Dataset(ranvier.utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator, self.asked = np.random.default_rng(2), []
        self.order = np.arange(22)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        self.asked.append(index)
        rows = self.order[4 * index : 4 * index + 4]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.order = self.generator.permutation(22)


class SteadyDataset(Dataset):
    """For epochs shorter than a pass: batches are read ahead, so a change between epochs comes at no certain batch."""

    def on_epoch_end(self):
        pass


def generate():
    generator = np.random.default_rng(4)
    while True:
        rows = generator.integers(0, 22, 5)
        yield X[rows], Y[rows]


def some(batches):
    """A generator that ends, the last batch smaller than the others."""
    for i in range(batches):
        rows = slice(i % 9, i % 9 + (3 if i % 6 == 5 else 4))
        yield X[rows], Y[rows]


STREAMS = {
    "dataset": lambda: {"x": Dataset()},
    "threads": lambda: {"x": Dataset(workers=3), "shuffle": True},
    "endless generator": lambda: {"x": generate(), "steps_per_epoch": 5},
    "generator that ends": lambda: {"x": some(24), "steps_per_epoch": 6},
    "dataset, some steps": lambda: {"x": SteadyDataset(), "shuffle": True, "steps_per_epoch": 3},
    "pipeline": lambda: {"x": Pipeline.from_tensor_slices((X, Y)).map(lambda x, y: (x, y)).shuffle(9, seed=1).batch(4)},
    "arrays, some steps": lambda: {"x": X, "y": Y, "steps_per_epoch": 3},
}


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_go_on_at_the_right_batch(kind, tmp_path, always):
    size = 4 if kind == "arrays, some steps" else None

    def run(folder, extra):
        return fit(tmp_path / folder, extra, data=STREAMS[kind], validation_data=Dataset(), batch_size=size)

    expected = run("whole", Interrupt("on_train_batch_end", -1))
    found = interrupted(lambda i: run("cut", i), "on_train_batch_end", [1, 3, 5])
    assert found[:3] == expected[:3]


def test_a_dataset_is_not_asked_for_batches_again(tmp_path, always):
    with pytest.raises(InterruptionError):
        fit(tmp_path, Interrupt("on_train_batch_begin", 16), data=lambda: {"x": Dataset()}, batch_size=None)
    dataset = Dataset(max_queue_size=1)
    fit(tmp_path, Interrupt("on_test_begin", -1), data=lambda: {"x": dataset}, batch_size=None)
    # 9 of the 24 were left. Two passes were begun for a first batch, and each was a step or two ahead.
    assert 9 < len(dataset.asked) <= 15


class Best(callbacks.Callback):
    """A person's own callback: numbers, a list that somebody else holds too, arrays, a generator, and a function."""

    def __init__(self, seen, factor):
        self.seen, self.factor, self.best, self.weights, self.key = seen, factor, None, None, abs
        self.generator = np.random.default_rng(1)

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs["loss"] * self.factor + self.generator.random())
        if self.best is None or self.key(logs["loss"]) < self.best:
            self.best, self.weights = logs["loss"], self.model.get_weights()
        logs["best"] = self.best


def test_callbacks_go_on(tmp_path, always):
    def run(name, extra):
        seen = []
        own = Best(seen, 2.0)
        hooks = [
            own,
            callbacks.EarlyStopping("loss", patience=3, min_delta=0.05, restore_best_weights=True),
            callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=0.1),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            callbacks.ModelCheckpoint(
                tmp_path / f"{name}.weights.h5", "loss", save_best_only=True, save_weights_only=True
            ),
            callbacks.CSVLogger(tmp_path / f"{name}.csv"),
            callbacks.CSVLogger(tmp_path / f"{name}-more.csv", append=True),
        ]
        (tmp_path / f"{name}-more.csv").write_text("epoch,loss\n") if extra.number == 3 else None
        try:
            found = fit(tmp_path / name, extra, hooks=lambda: hooks, epochs=12)
        finally:  # a kill closes files
            [hook.on_train_end() for hook in hooks[-2:]]
        lines = [(tmp_path / f"{name}{more}.csv").read_text() for more in ("", "-more")]
        return (
            found,
            seen,
            own.best,
            [w.tobytes() for w in own.weights],
            hooks[1].best,
            hooks[1].wait,
            hooks[4].best,
            lines,
        )

    (tmp_path / "whole-more.csv").write_text("epoch,loss\n")
    whole = run("whole", Interrupt("on_epoch_end", -1))
    found = interrupted(lambda i: run("cut", i), "on_epoch_end", [3, 1, 2])
    assert found == whole
    assert len(whole[1]) > 5


def test_averages_that_are_in_place_between_epochs(tmp_path, always):
    def run(name, extra):
        model = make(optimizer=ranvier.optimizers.SGD(0.1, use_ema=True))
        hooks = [callbacks.SwapEMAWeights(swap_on_epoch=True), extra]
        return bits(model, model.fit(X, Y, 4, 5, 0, hooks, resume=tmp_path / name))

    whole = run("whole", Interrupt("on_epoch_begin", -1))
    assert interrupted(lambda i: run("cut", i), "on_epoch_begin", [3, 2]) == whole


def test_the_bar_goes_on(tmp_path, always, capsys):
    with pytest.raises(InterruptionError):
        fit(tmp_path, Interrupt("on_train_batch_end", 9), verbose=1)
    fit(tmp_path, Interrupt("on_train_batch_end", -1), verbose=1)
    assert "6/6" in capsys.readouterr().out


def test_a_run_that_has_ended_stays_ended_and_can_be_longer(tmp_path):
    first = fit(tmp_path, Interrupt("on_epoch_end", -1))
    trained = Interrupt("on_epoch_begin", 1)
    assert fit(tmp_path, trained) == first
    longer = fit(tmp_path, Interrupt("on_epoch_end", -1), epochs=6)
    assert longer == fit(tmp_path / "other", Interrupt("on_epoch_end", -1), epochs=6)


def test_other_arguments_of_callbacks_count(tmp_path):
    """What the program says now wins; what had changed in training is continued."""
    fit(tmp_path, Interrupt("on_epoch_end", -1), hooks=lambda: [Best([], 2.0)])
    seen = []
    fit(tmp_path, Interrupt("on_epoch_end", -1), hooks=lambda: [Best(seen, 0.0)], epochs=5)
    generator = np.random.default_rng(1)
    assert len(seen) == 5
    assert seen[4] == [generator.random() for _ in range(5)][4]


def test_other_callbacks(tmp_path):
    fit(tmp_path, Interrupt("on_epoch_end", -1), hooks=lambda: [Best([], 2.0)])
    with pytest.warns(RanvierWarning, match="state of a callback Best, which this run does not have"):
        fit(tmp_path, Interrupt("on_epoch_end", -1))


def described(tmp_path, change, message):
    model = make()
    model.fit(X, Y, 4, 1, 0, resume=tmp_path)
    with pytest.raises(ArgumentError, match=message) as error:
        change()
    assert str(tmp_path) in str(error.value)
    assert len(str(error.value)) < 1000
    assert len(list(tmp_path.iterdir())) == 2  # nothing was touched


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((X, Y, 5), {}), "batch_size was 4 and is 5"),
        (((X[:20], Y[:20], 4), {}), "samples was 22 and is 20"),
        (((X, np.hstack([Y, Y]), 4), {}), r"y was float32 of shape \(1,\) and is float32 of shape \(2,\)"),
        (((X, Y, 4), {"shuffle": False}), "shuffle was True and is False"),
        (((X, Y, 4), {"sample_weight": np.ones(22)}), "sample_weight was None and is float32"),
        (((X, Y, 4), {"validation_data": (X, Y)}), "had no validation_data and has some"),
        (((Dataset(), None, None), {}), "kind was arrays and is batches"),
    ],
    ids=["batch_size", "samples", "targets", "shuffle", "weights", "validation", "kind"],
)
def test_other_data_is_refused(arguments, message, tmp_path):
    (x, y, size), options = arguments
    described(tmp_path, lambda: make().fit(x, y, size, 1, 0, resume=tmp_path, **options), message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 9}, r"kernel' was float32 of shape \(4, 8\) and is float32 of shape \(4, 9\)"),
        ({"optimizer": "sgd"}, "the optimizer was Adam and is SGD; the model had .* optimizer variables and has"),
        ({"weighted_metrics": ["mse"]}, "variables of metrics and has"),
    ],
    ids=["units", "optimizer", "metrics"],
)
def test_another_model_is_refused(options, message, tmp_path):
    described(tmp_path, lambda: make(**options).fit(X, Y, 4, 1, 0, resume=tmp_path), message)


def test_other_numbers_in_the_data_are_told(tmp_path):
    make().fit(X, Y, 4, 1, 0, resume=tmp_path)
    with pytest.warns(RanvierWarning, match="first batch of data holds other numbers"):
        make().fit(X + 1, Y, 4, 2, 0, resume=tmp_path)


def test_a_damaged_generation_falls_back_to_the_one_before(tmp_path, always):
    whole = fit(tmp_path / "whole", Interrupt("on_epoch_end", -1))
    with pytest.raises(InterruptionError):
        fit(tmp_path / "cut", Interrupt("on_epoch_end", 3))
    newest = max((tmp_path / "cut").iterdir())
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.warns(RanvierWarning, match=f"{newest.name} is damaged"):
        assert fit(tmp_path / "cut", Interrupt("on_epoch_end", -1)) == whole


def test_bad_arguments(tmp_path):
    model = make()
    for bad in ("", 3, True):
        with pytest.raises(ArgumentTypeError, match="resume must be the path of a folder"):
            model.fit(X, Y, verbose=0, resume=bad)
    hooks = [callbacks.BackupAndRestore(tmp_path / "a")]
    with pytest.raises(ArgumentError, match="not both"):
        model.fit(X, Y, verbose=0, callbacks=hooks, resume=tmp_path / "b")
    with pytest.raises(ArgumentError, match="One BackupAndRestore"):
        model.fit(X, Y, verbose=0, callbacks=hooks * 2)

    class Bad(callbacks.Callback):
        def get_state(self):
            return self

        def set_state(self, state):
            pass

    with pytest.raises(ArgumentTypeError, match=r"get_state\(\) of the callback Bad"):
        model.fit(X, Y, verbose=0, callbacks=[Bad()], resume=tmp_path / "c")


def test_backups_by_time_take_their_share_at_the_most(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(resuming.time, "perf_counter", lambda: now[0])

    backup = resuming.Backup(str(tmp_path), None, delete=False)
    monkeypatch.setattr(backup, "_save", lambda *a: None, raising=True)
    backup._last, backup._cost = 0.0, 0.5
    now[0] = 9.9
    assert not backup.due()
    now[0] = 10.0
    assert backup.due()
    backup._cost = 0.0
    assert backup.due()
    now[0] = 0.9
    assert not backup.due()


def test_without_resume_nothing_asks_for_backups():
    """A whole `fit` stays one program."""
    model = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, 4, 2, 0)
    assert any(key[0] == "epochs" for key in model._programs._made)


def test_the_same_model_in_the_same_process(tmp_path):
    """As a notebook does it: the cell that failed is run again. `History` tells of all epochs, those before too."""
    model, kept = make(), callbacks.BackupAndRestore(tmp_path / "backups")
    with pytest.raises(InterruptionError):
        model.fit(X, Y, 4, 10, 0, [kept, Interrupt("on_epoch_begin", 5)])
    run = Interrupt("on_epoch_begin", -1)
    history = model.fit(X, Y, 4, 10, 0, [kept, run])
    assert run.counter == [6]
    assert history.epoch == list(range(10))
    assert len(history.history["loss"]) == 10
    assert not (tmp_path / "backups").exists()
    assert len(model.fit(X, Y, 4, 2, 0, [kept]).history["loss"]) == 2  # and now from the beginning


def test_no_seed_is_needed(tmp_path, always):
    """A run begins with a backup, so that another process's weights and shuffles do not matter."""
    whole = fit(tmp_path / "whole", Interrupt("on_train_batch_begin", -1))
    with pytest.raises(InterruptionError):
        fit(tmp_path / "cut", Interrupt("on_train_batch_begin", 1))
    model = make(seed=99)
    found = bits(model, model.fit(X, Y, 4, 4, 0, [Interrupt("on_train_batch_begin", -1)], resume=tmp_path / "cut"))
    assert found == whole
