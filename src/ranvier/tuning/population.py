"""`Population`: many candidates of one network, trained together in as few programs as they need."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import jax
import numpy as np

from ..core.distributions import distribution
from ..core.errors import ArgumentError, DataError, NotBuiltError, RanvierWarning
from ..core.random import OwnRandomness, child_generator
from ..core.tracebacks import filtered, outside
from ..data.adapt import make_data
from ..data.sources import ArrayData
from ..data.split import split
from ..training.callbacks.checks import nearest
from ..training.callbacks.monitor import MonitorCallback
from ..training.integer_checks import check_integers
from ..training.label_checks import check_labels
from ..training.spec import TrainingSpec, check_count
from .candidates import Recipe, as_seeds, check_candidates, check_seeds
from .choosing import Costs, Way, check_way, measure
from .groups import check_shapes, share
from .members import Member, Tell, Work, train_each, workers
from .programs import CandidatePrograms, SharedPrograms
from .progress import Progress
from .result import PopulationResult, worse_last
from .stacks import Stack, alike, training_logs

__all__ = ["Population"]


class Population:
    """Candidates that share their weights' shapes and differ in seeds and numbers, trained as one.

    Each comes to what it would come to alone: ``set_random_seed(seed)``, make the model, ``model.fit(…)``, to rounding.

    Args:
        model: a function that takes a candidate's hyperparameters by name and returns a compiled model; or a compiled
            model, of which each candidate is a copy with fresh weights.
        candidates: the hyperparameters: a list with a dict for each, or a dict with a list for each hyperparameter
            (`grid` makes all combinations). For a model, names are paths to arguments, such as
            ``"optimizer.learning_rate"``, ``"dropout_1.rate"`` or ``"dense.kernel_regularizer.l2"``.
        seeds: a seed for each candidate, or one for all; None: drawn from ranvier's generator.

    Raises:
        ArgumentError: candidates that do not fit together, an unknown path, lists of different lengths.
        ArgumentTypeError: values of a wrong type.
        ShapeError: candidates whose weights differ in shape.

    >>> from ranvier import Input, Sequential, layers, optimizers
    >>> def network(rate):
    ...     model = Sequential([Input((1,)), layers.Dense(1)])
    ...     model.compile(optimizers.SGD(rate), "mse")
    ...     return model
    >>> x = np.arange(-2.0, 3.0)[:, None]
    >>> result = Population(network, {"rate": [1e-4, 1e-1]}, seeds=1).fit(x, 2 * x - 1, epochs=100, verbose=0)
    >>> result.best_params
    {'rate': 0.1}
    """

    def __init__(self, model: Any, candidates: Any = None, *, seeds: Any = None):
        seeds = as_seeds(seeds)
        recipe = Recipe(model)
        self.candidates = check_candidates(candidates, len(seeds) if isinstance(seeds, list) else None)
        recipe.check_names(self.candidates[0])
        self.seeds = check_seeds(seeds, len(self.candidates))
        self._recipe = recipe
        self._randomness = [OwnRandomness(seed) for seed in self.seeds]
        #: The models, one for each candidate.
        self.models = [
            recipe(candidate, randomness)
            for candidate, randomness in zip(self.candidates, self._randomness, strict=True)
        ]
        #: What the last `fit` came to, or None.
        self.result: PopulationResult | None = None
        self._groups: list[SharedPrograms] = []
        self._own: dict[int, str] = {}  # the candidates that share no programs, and why
        self._costs: dict[Any, Costs] = {}
        check_shapes(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __repr__(self) -> str:
        state = "not trained yet" if self.result is None else f"the best so far is {self.result.best_index}"
        return f"<Population of {len(self)} candidates of '{self._recipe.name}', {state}>"

    @filtered
    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | Literal["batch"] = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        validation_batch_size: int | None = None,
        *,
        halve_every: int | None = None,
        monitor: str | None = None,
        mode: str = "auto",
        how: Way = "auto",
    ) -> PopulationResult:
        """Train all candidates, from where they are.

        Args:
            x: inputs, (samples, …): arrays in any of the forms that `Model.fit` takes, and nested.
            y: targets, (samples, …).
            batch_size: samples per step; None: 32.
            epochs: how many.
            verbose: 0 silent, 1 a bar, 2 a line for each round, "auto" a bar.
            validation_split: the fraction of the samples, from the end, to validate on.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` to validate on after each epoch.
            shuffle: True: all samples, each epoch and candidate anew; "batch": the order of batches; False: as given.
            class_weight: a weight for each class.
            sample_weight: a weight for each sample.
            validation_batch_size: samples per validation step; None: `batch_size`.
            halve_every: after every so many epochs the worse half of the candidates stops; None: all go on.
            monitor: the metric that says which are the best; None: ``"val_loss"``, without validation ``"loss"``.
            mode: ``"min"``, ``"max"`` or ``"auto"``: whether less or more of it is better.
            how: ``"sequential"``, ``"threads"``, ``"vmap"`` (side by side, in one program), or ``"auto"`` for the
                fastest after a short measurement.

        Returns:
            A `PopulationResult`; the models are in `models` with their weights.

        Raises:
            ArgumentError: arguments that make no sense, an unknown `monitor`.
            DataError: data that cannot be used, or is not all in memory.
        """
        spec = TrainingSpec.check(epochs, 0, verbose, 1, shuffle)
        check_count("halve_every", halve_every)
        way = check_way(how)
        if distribution() is not None:
            raise ArgumentError(
                "A Population trains on one device: leave the distribution, or train the models one by one."
            )
        if validation_split and validation_data is not None:
            raise ArgumentError("Give validation_split or validation_data, not both.")
        if validation_split:
            (x, y, sample_weight), validation_data = split((x, y, sample_weight), validation_split)
        options = {"batch_size": batch_size, "shuffle": shuffle}
        data = _in_memory(
            make_data(
                x, y, sample_weight, class_weight=class_weight, output_shape=self.models[0]._output_shape, **options
            ),
            "x",
        )
        validation = None
        if validation_data is not None:
            validation = _validation(validation_data, validation_batch_size or batch_size)
        work = Work(data, validation)
        generators = self._prepare(work)
        members = [Member(i, self.models[i], generators[i], work, spec.epochs) for i in range(len(self))]
        follower = _follower(monitor or ("loss" if validation is None else "val_loss"), mode, self.models[0])
        stopped: list[int] = []
        with Progress(spec.verbose, len(members), spec.epochs, halve_every, follower.monitor) as progress:
            with _sessions(members):
                _check_monitor(follower, members[0], work)
                used = self._train(members, work, spec.epochs, halve_every, way, follower, progress, stopped)
            for member in members:
                member.finish()
        self._warn_of_bad_losses(members)
        self.result = PopulationResult(
            self.candidates, self.seeds, self.models, [m.history for m in members], follower.monitor, _sign(follower),
            stopped, used, sum(group.parts() for group in self._groups) + len(self._own),
            [*(r for group in self._groups for r in group.reasons), *self._own.values()],
        )  # fmt: skip
        return self.result

    # --- getting ready ----------------------------------------------------------------------------------------------

    def _prepare(self, work: Work) -> list[np.random.Generator]:
        """Make all that is missing in the models, as their own `fit` would; returns the generators of their shuffles."""
        batch = work.data.peek()
        generators = []
        for i, (model, randomness) in enumerate(zip(self.models, self._randomness, strict=True)):
            if model.run_eagerly:
                raise ArgumentError(f"Candidate {i} was compiled with run_eagerly=True; a Population is compiled.")
            with randomness:
                model._prepare(batch, learn=True)
                generators.append(child_generator())
        shared = [i for i, model in enumerate(self.models) if isinstance(model._programs, CandidatePrograms)]
        if set(shared) | set(self._own) != set(range(len(self))):
            check_shapes(self.models)
            self._costs.clear()
            self._groups, self._own = share(self.models, lambda i: self._template(i, batch))
        for i in (*(group.members[0] for group in self._groups), *self._own):
            model = self.models[i]
            for part, whose in ((work.data, ""), (work.validation, "validation_data's ")):
                if part is not None:
                    check_integers(model, part.arrays[0], f"{whose}x")
                    if len(part.arrays) > 1:
                        check_labels(model._losses_compiled, part.arrays[1], f"{whose}y")
        return generators

    def _template(self, i: int, batch: Any) -> Any:
        """Another model like candidate `i`, for programs to be traced with."""
        model = self._recipe(self.candidates[i], OwnRandomness(self.seeds[i]))
        with OwnRandomness(self.seeds[i]):
            model._prepare(batch, learn=True)
        return model

    # --- training ---------------------------------------------------------------------------------------------------

    def _train(
        self,
        members: Sequence[Member],
        work: Work,
        epochs: int,
        halve_every: int | None,
        way: Way,
        follower: MonitorCallback,
        progress: Progress,
        stopped: list[int],
    ) -> str:
        """Rounds of training, each followed by the end of the worse half; returns how it was done."""
        alive, at, used = list(members), 0, []
        for part in (work.data, work.validation):
            if part is not None:
                members[0].session._place(part.arrays)  # once, before threads would do so at the same time
        while at < epochs:
            last = min(epochs, at + (halve_every or epochs))
            used += self._round(alive, work, at, last, epochs, way, progress.tell)
            at = last
            order = sorted(alive, key=lambda m: worse_last(m.history[follower.monitor][-1], _sign(follower)))
            if at < epochs and halve_every:
                keep = -(-len(alive) // 2)
                stopped += [m.index for m in order[keep:]]
                alive = sorted(order[:keep], key=lambda m: m.index)
            progress.round(at, order[0].index, order[0].history[follower.monitor][-1], len(alive))
        return " and ".join(dict.fromkeys(used))

    def _round(
        self, alive: Sequence[Member], work: Work, first: int, last: int, epochs: int, way: Way, tell: Tell
    ) -> list[str]:
        """Train from epoch `first` to `last`, each group in the way that is cheapest for all that is left."""
        single = [m for m in alive if m.index in self._own]  # those that train by themselves
        used: list[str] = []
        threads = workers() if way == "threads" else 1
        for group in self._groups:
            own = [m for m in alive if m.index in group.members]
            if way in ("sequential", "threads") or len(own) == 0:
                single += own
                continue
            for part in alike(group, own, work) if len(own) > 1 else [own]:
                costs = self._costs_of(group, part, work, epochs - first, way)
                name, lanes = costs.best(way, len(part), epochs - first)
                if name == "vmap":
                    stack = Stack(group, part, lanes, work)
                    stack.train(first, last, tell)
                    costs.learn(stack)
                    used.append("side by side")
                else:
                    single += part
                    threads = max(threads, workers() if name == "threads" else 1)
        if single:
            train_each(single, work, first, last, tell, threads)
            used.append("in threads" if threads > 1 and len(single) > 1 else "one after another")
        return used

    def _costs_of(self, group: SharedPrograms, part: Sequence[Member], work: Work, epochs: int, way: Way) -> Costs:
        shapes = tuple((a.shape, str(a.dtype)) for a in jax.tree.leaves(work.data.arrays))
        key = (id(group), shapes, work.data.batch_size, bool(work.data.shuffle), work.whole)
        known = self._costs.setdefault(key, Costs())
        if way == "auto" and len(part) > 1 and not known.each:
            self._costs[key] = measure(group, part, work, epochs)
        return self._costs[key]

    def _warn_of_bad_losses(self, members: Sequence[Member]) -> None:
        bad = [m.index for m in members if m.session.diverged]
        if bad:
            shown = ", ".join(f"{i} ({self.candidates[i] or f'seed {self.seeds[i]}'})" for i in bad[:5])
            warnings.warn(
                f"The loss of {len(bad)} of {len(members)} candidates became NaN or infinite: {shown}"
                f"{', …' if len(bad) > 5 else ''}. They count as the worst.",
                RanvierWarning,
                stacklevel=outside(),
            )

    # --- as a search ------------------------------------------------------------------------------------------------

    @property
    def _fitted(self) -> PopulationResult:
        if self.result is None:
            raise NotBuiltError("The Population has not been trained yet: call fit(x, y) first.")
        return self.result

    @property
    def best_index_(self) -> int:
        """The number of the best candidate."""
        return self._fitted.best_index

    @property
    def best_params_(self) -> dict[str, Any]:
        """Its hyperparameters."""
        return self._fitted.best_params

    @property
    def best_score_(self) -> float:
        """Its last value of the monitored metric, as it is: of a loss, less is better."""
        return self._fitted.best_score

    @property
    def best_estimator_(self) -> Any:
        """Its model."""
        return self._fitted.best

    @property
    def cv_results_(self) -> dict[str, Any]:
        """A row for each candidate, by columns."""
        return self._fitted.columns

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """The outputs of the best model: `Model.predict`."""
        return self._fitted.best.predict(x, **kwargs)

    def evaluate(self, x: Any, y: Any = None, **kwargs: Any) -> Any:
        """The loss and metrics of the best model: `Model.evaluate`."""
        return self._fitted.best.evaluate(x, y, **kwargs)


@contextlib.contextmanager
def _sessions(members: Sequence[Member]) -> Iterator[None]:
    """The sessions own the models' states; whatever happens, the models get them back."""
    with contextlib.ExitStack() as stack:
        for member in members:
            stack.enter_context(member.session)
        yield


def _in_memory(data: Any, name: str) -> ArrayData:
    if type(data) is not ArrayData:
        raise DataError(
            f"A Population needs {name} as arrays in memory, since every candidate goes through the samples in an order "
            "of its own. Received: data that comes in batches, or lies in files. Read it into arrays first."
        )
    return data


def _validation(given: Any, batch_size: int | None) -> ArrayData:
    if not isinstance(given, (tuple, list)) or not 2 <= len(given) <= 3:
        raise ArgumentError(
            f"validation_data must be (x, y) or (x, y, sample_weight). Received: {type(given).__name__}"
        )
    x, y, weight = (*given, None)[:3]
    return _in_memory(
        make_data(x, y, weight, batch_size=batch_size, shuffle=False, what="validation_data"), "validation_data"
    )


def _follower(monitor: str, mode: str, model: Any) -> MonitorCallback:
    follower = MonitorCallback(monitor, mode)
    follower.set_model(model)
    return follower


def _sign(follower: MonitorCallback) -> int:
    return follower._sign or follower._direction()


def _check_monitor(follower: MonitorCallback, member: Member, work: Work) -> None:
    """Refuse a metric that no epoch will have before the first one is trained."""
    names = sorted(training_logs(member, work.data, ()))
    if work.validation is not None:
        names += [f"val_{name}" for name in names]
    if follower.monitor not in names:
        raise ArgumentError(
            f"monitor must be one of {names}. Received: monitor={follower.monitor!r}{nearest(follower.monitor, names)}"
        )
