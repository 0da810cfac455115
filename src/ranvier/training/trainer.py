"""`fit`, `evaluate`, `predict` and their one-batch forms: what each of them does, in the order in which it happens."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
import numpy as np

from ..core import random
from ..core.errors import ArgumentError, ShapeError
from ..core.pure import current_scope, suspended
from ..core.tracebacks import filtered
from ..data.adapt import make_data
from ..data.blocks import FileData
from ..data.packing import Bare
from ..data.sources import ArrayData
from ..data.split import split
from .callbacks import CallbackList
from .filling import one_batch
from .integer_checks import check_integers
from .limits import limited_steps
from .loop import Session, python_logs
from .measures import listed
from .older import OlderMethods, older_arguments
from .prediction import is_small_batch, predict_arrays, predict_batch, predict_directly, predict_stream
from .program import fresh_values
from .readiness import Ready
from .resume import find_backup
from .sample_checks import check_samples
from .spec import TrainingSpec, check_count, check_verbose
from .state import TrainState
from .stateless import Stateless
from .step import builtin_step, default_step, overridden, predict_step, step_in_place, step_logs, unpack

__all__ = ["Trainer"]

F = TypeVar("F", bound=Callable[..., Any])
_ABSENT: Any = object()  # an argument that was not given


def whole_call(method: F) -> F:
    """Decorator of methods that run programs of their own: in another model's step only where that runs with numbers."""

    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        with suspended():
            return method(*args, **kwargs)

    return cast(F, filtered(run))


class Trainer(Stateless, Ready, OlderMethods):
    """The training half of a model. It sees the model as something to call that owns variables."""

    history: Any = None

    # --- steps, which users may override ----------------------------------------------------------------------------

    @default_step
    def train_step(self, state: Any, data: Any = _ABSENT) -> Any:
        """One step of training, in either of two forms, in which it can be overridden and called; both are compiled.

        As a pure function ``(state, data) → (logs, state)``, where `state` holds the values of the trainable variables, the
        non-trainable ones, the optimizer's and the metrics'; or as ``train_step(data) → logs`` on the model's own
        variables, with `ranvier.gradients`.

        Args:
            state: the values; in the second form the data.
            data: a batch: ``(x, y, sample_weight)``, ``(x, y)``, or `x` as it was given to `fit` alone.
        """
        return self._default_step(state, data, learn=True)

    @default_step
    def test_step(self, state: Any, data: Any = _ABSENT) -> Any:
        """One step of testing: ``(state, data) → (logs, state)``, or ``test_step(data) → logs``; see `train_step`.

        `state` holds the values of the trainable variables, the non-trainable ones and the metrics'.
        """
        return self._default_step(state, data, learn=False)

    @default_step
    def predict_step(self, state: Any, data: Any = _ABSENT) -> Any:
        """The outputs for one batch: ``predict_step(data) → outputs``.

        Or ``(state, data) → (outputs, non-trainable values)``, where `state` holds the values of the trainable variables and
        the non-trainable ones.
        """
        if data is not _ABSENT:
            trainable, others = state
            parts = TrainState(trainable, others, [], [], [], None)
            outputs, assigned = predict_step(self, self._roles(), own=None)(parts, data)
            return outputs, [assigned.get(len(trainable) + i, value) for i, value in enumerate(others)]
        x = unpack(state)[0]
        return self(x, training=False) if self._call_takes_training else self(x)  # type: ignore[operator]

    def _default_step(self, state: Any, data: Any, learn: bool) -> Any:
        roles = self._roles()
        if data is _ABSENT:
            return step_in_place(self, roles, state, learn)
        trainable, others, *optimizer, metrics = state
        optimizer, further = (
            optimizer[0] if learn else [v.value for v in roles.optimizer],
            [v.value for v in roles.further],
        )
        now = TrainState(trainable, others, optimizer, metrics, further, bad_step=np.int32(-1))
        new, _ = builtin_step(self, roles, learn)(now, data)
        for variable, before, value in zip(roles.further, further, new.further, strict=True):
            if value is not before:
                variable.assign(value)
        logs = step_logs(self, roles)(new.metrics)
        return logs, tuple(new[:4]) if learn else (new.trainable, new.non_trainable, new.metrics)

    @property
    def _call_takes_training(self) -> bool:
        parameters = inspect.signature(self.call).parameters  # type: ignore[attr-defined]
        return "training" in parameters or type(self).__name__ in ("Sequential", "Functional")

    # --- fit --------------------------------------------------------------------------------------------------------

    @whole_call
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        *,
        resume: Any = None,
        **older: Any,
    ) -> Any:
        """Train on data for a number of epochs.

        Args:
            x: inputs, (samples, …): NumPy, jax, pandas, lists, dicts of them; or a generator, `PyDataset` or other
                iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``.
            y: targets, (samples, …), where `x` is arrays.
            batch_size: samples per step; None: 32.
            epochs: the epoch to stop before.
            verbose: 0 silent, 1 a live bar, 2 a line per epoch, "auto" a bar.
            callbacks: a list of callbacks.
            validation_split: the fraction of the samples, from the end, to validate on.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or a dataset to validate on.
            shuffle: True: all samples, each epoch anew; "batch": the order of batches; False: as given.
            class_weight: a weight for each class.
            sample_weight: a weight for each sample.
            initial_epoch: the epoch to begin with.
            steps_per_epoch: batches in an epoch, where the data does not say.
            validation_steps: batches of validation.
            validation_batch_size: samples per validation step; None: `batch_size`.
            validation_freq: validate every so many epochs, or after the epochs (from 1) in a list.
            resume: a folder for backups; the same call, made again after an interruption, goes on from the last one.
            **older: names of Keras 2 whose meaning is clear (`nb_epoch`, `workers` …), with a hint.

        Returns:
            A `History`; its `history` holds a list of numbers for each metric.

        Raises:
            NotCompiledError: `compile` was not called.
            ArgumentError: arguments that make no sense.
            DataError: data that cannot be used.
        """
        self._assert_compiled("fit")
        if older:
            epochs = older_arguments(Trainer.fit, older, x).get("epochs", epochs)
        spec = TrainingSpec.check(epochs, initial_epoch, verbose, validation_freq, shuffle)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split((x, y, sample_weight), validation_split)
        elif validation_split:
            raise ArgumentError("Give validation_split or validation_data, not both.")
        options = {"batch_size": batch_size, "shuffle": shuffle, **self._class_weights(class_weight, x, y)}
        data = limited_steps(
            lambda steps: make_data(x, y, sample_weight, steps_per_epoch=steps, **options), steps_per_epoch
        )
        validation = None
        if validation_data is not None:
            validation = _validation(validation_data, validation_batch_size or batch_size, validation_steps)
        self._check_samples(data)
        programs = self._prepare(data.peek(), learn=True)
        self._check_numbers(data)
        if validation is not None:
            self._check_numbers(validation, "validation_data's ")
        hooks = _hooks(callbacks, self, verbose=spec.verbose, epochs=spec.epochs, steps=data.steps, history=True)
        generator = random.child_generator()
        self.stop_training = self.stop_evaluating = False
        backup = find_backup(resume, hooks)
        if backup is not None:
            backup.look(self, programs.roles, hooks, data, validation, generator)
        hooks.on_train_begin()
        first, done, logs = spec.initial_epoch, 0, {}
        with Session(self, programs, hooks, watched=spec.verbose == 1) as session:
            with session.lent():
                if backup is not None:
                    first, done, logs = backup.begin(spec.initial_epoch)
            if backup is None and self._runs_whole(spec, data, validation, hooks):
                for epoch, logs in session.run_epochs(data, generator, spec.initial_epoch, spec.epochs):  # type: ignore[arg-type]
                    hooks.on_epoch_begin(epoch)
                    hooks.on_epoch_end(epoch, logs)
            else:
                for epoch in range(first, spec.epochs):
                    if epoch > spec.initial_epoch and not isinstance(data, ArrayData) and data.has_run_out():
                        break
                    logs = self._one_epoch(session, spec, hooks, data, validation, generator, epoch, done, backup)
                    done = 0
                    if self.stop_training:
                        break
        if self.optimizer is not None:
            self.optimizer.finalize_variable_values(programs.roles.trainable)
        hooks.on_train_end(logs)
        if backup is not None:
            backup.ended()
        return self.history

    def _one_epoch(
        self,
        session: Session,
        spec: TrainingSpec,
        hooks: Any,
        data: Any,
        validation: Any,
        generator: Any,
        epoch: int,
        done: int,
        backup: Any,
    ) -> dict[str, float]:
        if not done:
            with session.lent():
                hooks.on_epoch_begin(epoch)
        logs = python_logs(session.run(data, True, generator, epoch, done, backup))
        if validation is not None and spec.validates(epoch):
            self.stop_evaluating = False
            with session.lent():
                hooks.on_test_begin()
            found = python_logs(session.run(validation, False, None))
            with session.lent():
                hooks.on_test_end(found)
            logs.update({f"val_{name}": value for name, value in found.items()})
        with session.lent():
            hooks.on_epoch_end(epoch, logs)
            if backup is not None:
                backup.epoch_ended(epoch, logs, last=self.stop_training or epoch + 1 == spec.epochs)
        return logs

    def _runs_whole(self, spec: TrainingSpec, data: Any, validation: Any, hooks: Any) -> bool:
        """Whether nothing needs Python between epochs, so that they can be one program."""
        return (
            isinstance(data, ArrayData)
            and not isinstance(data, FileData)
            and validation is None
            and spec.verbose == 0
            and not hooks.wants_epochs
            and not hooks.hears_train_batches
            and not self.run_eagerly
        )

    # --- evaluate ---------------------------------------------------------------------------------------------------

    @whole_call
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **older: Any,
    ) -> Any:
        """The loss and metrics on data.

        Args:
            x, y, batch_size, sample_weight: as in `fit`.
            verbose: 0 silent, 1 a bar, 2 a line.
            steps: batches to take; None: all.
            callbacks: a list of callbacks.
            return_dict: return a dict by name; otherwise the loss, or a list of it and the metrics.
        """
        self._assert_compiled("evaluate")
        if older:
            older_arguments(Trainer.evaluate, older, x)
        data = limited_steps(
            lambda n: make_data(x, y, sample_weight, batch_size=batch_size, steps_per_epoch=n, shuffle=False), steps
        )
        self._check_samples(data)
        programs = self._prepare(data.peek(), learn=False)
        self._check_numbers(data)
        verbose = check_verbose(verbose)
        hooks = _hooks(callbacks, self, verbose=verbose, epochs=1, steps=data.steps, history=False)
        self.stop_evaluating = False
        hooks.on_test_begin()
        with Session(self, programs, hooks, watched=verbose == 1) as session:
            found = jax.device_get(session.run(data, False, None))
        logs = python_logs(found)
        hooks.on_test_end(logs)
        return logs if return_dict else self._as_list(logs)

    def _as_list(self, logs: dict[str, float]) -> Any:
        """Values in the order of `metrics_names`: the loss first."""
        names = listed(self.metrics, logs) if self._programs is None else self._programs.listed(tuple(logs))
        values = [logs[name] for name in names]
        return values[0] if len(values) == 1 else values

    # --- predict ----------------------------------------------------------------------------------------------------

    @filtered
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **older: Any,
    ) -> Any:
        """The outputs for data, as NumPy arrays.

        Args:
            x: inputs, (samples, …), in any of the forms that `fit` takes.
            batch_size: samples per step; None: 32.
            verbose: 0 silent, 1 a bar, 2 a line.
            steps: batches to take; None: all.
            callbacks: a list of callbacks.
        """
        if older:
            older_arguments(Trainer.predict, older, x)
        if current_scope() is not None:
            with suspended():
                return self.predict(x, batch_size, verbose, steps, callbacks)
        if verbose == 0 and callbacks is None and steps is None:
            ready = self._ready()
            found = predict_directly(ready, x, batch_size)
            if found is not None:
                return found
            if is_small_batch(x, batch_size):
                try:
                    return predict_batch(ready or self._prepare((x,), learn=False, compiled=False), Bare(x))
                except ShapeError:
                    check_samples(self, x)
                    raise
        data = limited_steps(lambda n: make_data(x, batch_size=batch_size, steps_per_epoch=n, shuffle=False), steps)
        self._check_samples(data)
        programs = self._prepare(data.peek(), learn=False, compiled=False)
        if isinstance(data, ArrayData):
            check_integers(self, data.arrays[0])
        verbose = check_verbose(verbose)
        hooks = _hooks(callbacks, self, verbose=verbose, epochs=1, steps=data.steps, history=False)
        self.stop_predicting = False
        hooks.on_predict_begin()
        run = predict_arrays if isinstance(data, ArrayData) else predict_stream
        outputs = run(programs, data, hooks, watched=verbose == 1)
        hooks.on_predict_end()
        return outputs

    # --- one batch --------------------------------------------------------------------------------------------------

    @filtered
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One step of training on exactly this batch. Returns its loss and metrics as `evaluate` does."""
        return self._on_batch(True, x, y, sample_weight, class_weight, return_dict)

    @filtered
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics on exactly this batch."""
        return self._on_batch(False, x, y, sample_weight, None, return_dict)

    def _on_batch(self, learn: bool, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        self._assert_compiled("train_on_batch" if learn else "test_on_batch")
        if current_scope() is not None:  # in another model's step, of which this one is a part
            logs = self._step_inside((x, y, sample_weight), learn)
            return logs if return_dict else self._as_list(logs)
        data = make_data(x, y, sample_weight, batch_size=2**31, whole=False, **self._class_weights(class_weight, x, y))
        arrays = data.peek()
        if overridden(self, "train_step" if learn else "test_step") is not None:
            arrays = (*arrays, None, None)[:3]  # own steps get three parts, as in Keras
        programs = self._prepare(arrays, learn)
        self._check_numbers(data)
        fresh = TrainState.take(programs.roles)._replace(metrics=list(programs.fresh_metrics))
        state, logs = one_batch(programs, learn, arrays, 0)(fresh)
        state.put(programs.roles)
        numbers = python_logs(logs)
        return numbers if return_dict else self._as_list(numbers)

    def _step_inside(self, batch: Any, learn: bool) -> dict[str, Any]:
        """One step in another model's step, of which this model is a part."""
        own = overridden(self, "train_step" if learn else "test_step")
        if own is not None:
            return dict(own(batch))
        if learn and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]
        return step_in_place(self, self._roles(), batch, learn, fresh_values(self, self.metrics_variables))

    @filtered
    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for exactly this batch, as NumPy arrays."""
        data = make_data(x, batch_size=2**31, shuffle=False)
        arrays = data.peek()
        programs = self._prepare(arrays, learn=False, compiled=False)
        check_integers(self, arrays[0])
        own = overridden(self, "predict_step") is not None
        return predict_batch(programs, tuple(arrays) if own else arrays)  # a tuple, as in Keras


def _hooks(callbacks: Any, model: Any, *, verbose: int, epochs: int, steps: int | None, history: bool) -> Any:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks,
        add_history=history,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
        model=model,
    )


def _validation(given: Any, batch_size: int | None, steps: int | None) -> Any:
    """`validation_data` as data: a tuple of arrays, or a dataset."""
    check_count("validation_steps", steps)
    check_count("validation_batch_size", batch_size)
    x, y, weight = (
        (*given, None, None)[:3] if isinstance(given, (tuple, list)) and 1 <= len(given) <= 3 else (given, None, None)
    )
    options = {"batch_size": batch_size, "shuffle": False, "what": "validation_data"}
    return limited_steps(lambda n: make_data(x, y, weight, steps_per_epoch=n, **options), steps)
