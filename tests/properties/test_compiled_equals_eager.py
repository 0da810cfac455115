"""The law that a compiled model computes what it computes step by step, over models with masks, weights and any outputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import keras
import numpy as np
import pytest

import ranvier

from .strategies import Draw, tried, try_examples

WIDTH, STEPS, WORDS = 3, 4, 6
# What a loss asks of the output (its activation) and of the targets, and the metrics that can go with it.
LOSSES: dict[str, tuple[str | None, str, tuple[str, ...]]] = {
    "mse": (None, "real", ("mae", "mse", "RootMeanSquaredError", "CosineSimilarity")),
    "mae": ("tanh", "real", ("mse", "MeanAbsoluteError", "LogCoshError")),
    "huber": (None, "real", ("mae", "RootMeanSquaredError")),
    "log_cosh": (None, "real", ("mse",)),
    "poisson": ("softplus", "positive", ("poisson", "mean_squared_logarithmic_error")),
    "squared_hinge": ("tanh", "signs", ("hinge",)),
    "binary_crossentropy": ("sigmoid", "bits", ("accuracy", "Precision", "Recall", "AUC", "binary_crossentropy")),
    "binary_focal_crossentropy": ("sigmoid", "bits", ("BinaryAccuracy", "FalsePositives")),
    "categorical_crossentropy": ("softmax", "hot", ("accuracy", "crossentropy", "AUC")),
    "kl_divergence": ("softmax", "soft", ("kl_divergence", "categorical_accuracy")),
    "sparse_categorical_crossentropy": ("softmax", "labels", ("accuracy", "sparse_categorical_crossentropy")),
    "crossentropy": ("softmax", "labels", ("acc",)),
    "categorical_hinge": (None, "hot", ("categorical_hinge",)),
}
BY_CLASS = ("categorical", "sparse", "kl", "crossentropy")


class Head(NamedTuple):
    """One output."""

    rank: int
    units: int
    loss: str | None
    metrics: tuple[str, ...]
    weighted: tuple[str, ...]
    weight: float


class Case(NamedTuple):
    """A model with data, and how it is trained."""

    kind: str
    structure: Any  # with heads for leaves
    samples: int
    batch: int
    recurrent: bool
    weights: str
    class_weight: bool
    seed: int


def _heads(d: Draw, kind: str) -> Any:
    ranks = {"rows": (1, 2), "words": (2, 3), "padded": (2, 3), "images": (2, 4)}[kind]

    def one() -> Head:
        rank = d.pick(*ranks)
        names = [n for n in LOSSES if not n.startswith(BY_CLASS)] if rank == 1 else list(LOSSES)
        loss = d.pick(*names)
        several = loss.startswith(BY_CLASS) or loss == "crossentropy"
        units = 1 if rank == 1 else WIDTH if several else d.pick(1, WIDTH)
        # The cosine of a whole batch, which outputs of one axis would have, has no place for weights of samples.
        given = [m for m in LOSSES[loss][2] if d.flag() and not (rank == 1 and m == "CosineSimilarity")]
        return Head(rank, units, loss, tuple(given), tuple(given[:1]) if d.flag() else (), d.pick(1.0, 0.5, 2.0))

    heads = [one() for _ in range(d.pick(1, 1, 2, 3))]
    if len(heads) > 1 and d.flag():
        heads[1] = heads[1]._replace(loss=None, metrics=(), weighted=())
    if len(heads) == 1:
        return d.pick(heads[0], [heads[0]], {"only": heads[0]})
    first, *rest = heads
    return d.pick(
        heads, tuple(heads), {"z": first, "a": rest}, {"z": first, "a": rest[0], **({"m": rest[1]} if rest[1:] else {})},
        [{"u": rest[0], "b": first}, *rest[1:]],
    )  # fmt: skip


def _case(d: Draw) -> Case:
    kind = d.pick("rows", "words", "padded", "images")
    structure = _heads(d, kind)
    batch = d.pick(2, 3, 4)
    single = len(_leaves(structure)) == 1 and isinstance(structure, Head)
    by_class = single and structure.loss in (
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "crossentropy",
    )
    class_weight = by_class and d.flag()
    weights = "none" if class_weight else d.pick("none", "one", "each", "steps")
    return Case(
        kind, structure, batch * d.pick(1, 2, 3) + d.pick(0, 1, batch - 1), batch, kind in ("words", "padded") and d.flag(),
        weights, class_weight, d.whole(0, 999),
    )  # fmt: skip


def _leaves(structure: Any) -> list[Head]:
    return jax.tree.leaves(structure, is_leaf=lambda x: isinstance(x, Head))


def _each(structure: Any, value: Any) -> Any:
    if isinstance(structure, Head):
        return value(structure)
    if isinstance(structure, dict):
        return {key: _each(part, value) for key, part in structure.items()}
    return type(structure)(_each(part, value) for part in structure)


def _model(framework: Any, case: Case) -> Any:
    layers = framework.layers
    if case.kind == "rows":
        inputs = framework.Input((WIDTH,))
        by_step = pooled = layers.Dense(4, activation="tanh")(inputs)
    elif case.kind == "images":
        inputs = framework.Input((3, 2, 2))
        by_step = layers.Conv2D(3, 2, padding="same", activation="tanh")(inputs)
        pooled = layers.GlobalAveragePooling2D()(by_step)
    else:
        if case.kind == "words":
            inputs = framework.Input((STEPS,), dtype="int32")
            by_step = layers.Embedding(WORDS, 3, mask_zero=True)(inputs)
        else:
            inputs = framework.Input((STEPS, 2))
            by_step = layers.Masking(0.0)(inputs)
        if case.recurrent:
            by_step = layers.SimpleRNN(3, return_sequences=True)(by_step)
        pooled = layers.GlobalAveragePooling1D()(by_step)

    number = iter(range(9))

    def output(head: Head) -> Any:
        activation = LOSSES[head.loss or "mse"][0]
        name = f"head{next(number)}"
        out = layers.Dense(head.units, activation=activation, name=name)(by_step if head.rank > 2 else pooled)
        return layers.Reshape((), name=f"{name}_number")(out) if head.rank == 1 else out

    model = framework.Model(inputs, _each(case.structure, output))
    rng = np.random.default_rng(case.seed)
    model.set_weights([rng.normal(0, 0.6, w.shape).astype("float32") for w in model.get_weights()])
    return model


def _data(case: Case) -> tuple[Any, Any, Any]:
    rng, n = np.random.default_rng(case.seed), case.samples
    if case.kind == "words":
        x = rng.integers(1, WORDS, (n, STEPS))
        x[np.arange(STEPS) >= rng.integers(1, STEPS + 1, (n, 1))] = 0
    elif case.kind == "padded":
        x = rng.normal(size=(n, STEPS, 2)).astype("float32")
        x[np.arange(STEPS) >= rng.integers(1, STEPS + 1, (n, 1))] = 0
    else:
        x = rng.normal(size=(n, WIDTH) if case.kind == "rows" else (n, 3, 2, 2)).astype("float32")

    def shape(head: Head) -> tuple[int, ...]:
        inner = {1: (), 2: (), 3: (STEPS,), 4: (3, 2)}[head.rank]
        return (n, *inner) if head.rank == 1 else (n, *inner, head.units)

    def target(head: Head) -> Any:
        size, kind = shape(head), LOSSES[head.loss or "mse"][1]
        labels = rng.integers(0, head.units, size[:-1] or size)
        if kind == "labels":
            return labels
        if kind == "hot":
            return np.eye(head.units, dtype="float32")[labels]
        if kind == "soft":
            raw = rng.uniform(0.1, 1, size)
            return (raw / raw.sum(-1, keepdims=True)).astype("float32")
        made = {
            "real": lambda: rng.normal(size=size), "positive": lambda: rng.integers(0, 4, size),
            "signs": lambda: rng.integers(0, 2, size) * 2 - 1, "bits": lambda: rng.integers(0, 2, size),
        }[kind]()  # fmt: skip
        return made.astype("float32")

    def weight(head: Head) -> Any:
        steps = {3: (STEPS,), 4: (3, 2)}.get(head.rank, ()) if case.weights == "steps" else ()
        return rng.uniform(0.2, 2, (n, *steps)).astype("float32")

    y = _each(case.structure, target)
    if case.weights == "none":
        return x, y, None
    return x, y, rng.uniform(0.2, 2, n).astype("float32") if case.weights == "one" else _each(case.structure, weight)


def _run(framework: Any, case: Case, eager: bool) -> dict[str, Any]:
    """Everything that the ways through a model give, in their order."""
    model = _model(framework, case)
    x, y, weight = _data(case)

    def metric(name: str) -> Any:
        return getattr(framework.metrics, name)(name=name.lower()) if name[0].isupper() else name

    whole = isinstance(case.structure, Head)
    made = _each(case.structure, lambda head: [metric(name) for name in head.metrics])
    weighted = _each(case.structure, lambda head: [metric(name) for name in head.weighted])
    model.compile(
        framework.optimizers.SGD(0.05),
        loss=_each(case.structure, lambda head: head.loss),
        loss_weights=None if whole else _each(case.structure, lambda head: head.weight),
        metrics=made,
        weighted_metrics=weighted,
        run_eagerly=eager,
    )
    classes = {0: 0.5, 1: 3.0, 2: 1.0} if case.class_weight else None
    take = lambda tree, stop: jax.tree.map(lambda a: a[:stop], tree)  # noqa: E731
    found: dict[str, Any] = {}
    found["evaluate"] = model.evaluate(x, y, case.batch, verbose=0, sample_weight=weight, return_dict=True)
    found["fit"] = model.fit(
        x, y, case.batch, epochs=2, verbose=0, shuffle=False, sample_weight=weight, class_weight=classes
    ).history
    first = [take(part, case.batch) for part in (x, y, weight)]
    more = {"class_weight": classes} if case.class_weight else {"sample_weight": first[2]}
    found["train_on_batch"] = model.train_on_batch(*first[:2], **more, return_dict=True)
    found["test_on_batch"] = model.test_on_batch(*first, return_dict=True)
    found["predict"] = model.predict(x, case.batch, verbose=0)
    found["predict_on_batch"] = model.predict_on_batch(take(x, 1))
    found["weights"] = model.get_weights()
    return found


def _same(ours: dict[str, Any], theirs: dict[str, Any], case: Case, rounding: float) -> None:
    for way, value in ours.items():
        other = theirs[way]
        if isinstance(value, dict) and way not in ("predict", "predict_on_batch"):
            assert sorted(value) == sorted(other), f"{way}: {sorted(value)}, not {sorted(other)}: {case}"
            pairs = [(f"{way} {name}", value[name], other[name]) for name in value]
        else:
            pairs = list(zip([way] * 99, jax.tree.leaves(value), jax.tree.leaves(other), strict=False))
            assert len(jax.tree.leaves(value)) == len(jax.tree.leaves(other)), f"{way}: {case}"
        for what, mine, right in pairs:
            np.testing.assert_allclose(mine, right, rtol=rounding, atol=rounding, err_msg=f"{what}: {case}")


@pytest.mark.filterwarnings("ignore:class_weight names classes")
@tried(24, ["every way"])
def test_what_is_compiled_is_what_runs_eagerly(row: str, examples: int):
    def check(case: Case) -> None:
        _same(_run(ranvier, case, eager=False), _run(ranvier, case, eager=True), case, 1e-4)

    try_examples(_case, check, examples)


def _keras_errs(case: Case) -> bool:
    """Where mathematics says otherwise: weights of samples that Keras spreads along the last axis of masks and images, and
    outputs of one axis, of which Keras takes a mean of the batch, whatever its size and the samples' weights."""
    heads = _leaves(case.structure)
    spread = case.weights in ("one", "each") and any(head.rank > 2 for head in heads)
    return spread or any(head.rank == 1 for head in heads)


def _without_masked_metrics(found: dict[str, Any], case: Case) -> dict[str, Any]:
    """Without what Keras counts padded steps in: the metrics of training, and the root of the mean squared error."""
    if case.kind not in ("words", "padded") or all(head.rank < 3 for head in _leaves(case.structure)):
        return found
    kept = dict(found)
    for way in ("fit", "train_on_batch"):
        kept[way] = {name: value for name, value in found[way].items() if name.endswith("loss")}
    for way in ("evaluate", "test_on_batch"):
        kept[way] = {name: value for name, value in found[way].items() if "rootmean" not in name}
    return kept


@pytest.mark.filterwarnings("ignore")
@tried(8, ["every way"])
def test_what_is_compiled_is_what_keras_computes(row: str, examples: int):
    def check(case: Case) -> None:
        if _keras_errs(case):
            return
        try:
            theirs = _run(keras, case, eager=False)
        except (ValueError, TypeError):
            return  # such as "crossentropy" for a metric, or metrics in a list around a dict
        ours = _run(ranvier, case, eager=False)
        _same(_without_masked_metrics(ours, case), _without_masked_metrics(theirs, case), case, 5e-4)

    try_examples(_case, check, examples)
