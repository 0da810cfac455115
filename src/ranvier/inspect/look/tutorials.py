"""The small networks of the first lessons, trained here and now, with everything that changes from epoch to epoch."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...core import names
from ...core.errors import ArgumentError
from ...core.pure import pure
from ...initializers import GlorotUniform, RandomNormal
from ...layers import Dense
from ...losses import MeanSquaredError
from ...optimizers import SGD
from .pictures import number, numbers

__all__ = ["TUTORIALS", "Lesson", "Tutorial", "epoch", "lesson", "lessons", "told"]

_SURFACE = 61  # rows and columns of the loss surface
_BOUNDARY = 121  # and of the decision boundary


class Tutorial(NamedTuple):
    """A network with its data and how it is trained."""

    name: str
    title: str
    sentence: str
    x: list[list[float]]
    y: list[float]
    labels: list[str]
    units: tuple[int, ...]
    activation: str | None
    rate: float
    epochs: int
    batch: int
    asked: list[tuple[str, list[float]]]
    axes: list[str]


TUTORIALS = {
    "height-and-weight": Tutorial(
        "height-and-weight",
        "Height and weight",
        "Two inputs, two hidden neurons, one output, all sigmoid: a network tells two groups of people apart, one person "
        "at a time.",
        [[-2, -1], [25, 6], [17, 4], [-15, -6]],
        [1, 0, 0, 1],
        ["Alice", "Bob", "Charlie", "Diana"],
        (2, 1),
        "sigmoid",
        0.1,
        1000,
        1,
        [("Emily (−7, −3)", [-7, -3]), ("Frank (20, 2)", [20, 2])],
        ["weight − 135 lb", "height − 66 in"],
    ),
    "line": Tutorial(
        "line",
        "The line y = 2x − 1",
        "One neuron without activation finds the line through six points: a weight, which becomes 2, and a bias, which "
        "becomes −1.",
        [[-1], [0], [1], [2], [3], [4]],
        [-3, -1, 1, 3, 5, 7],
        ["", "", "", "", "", ""],
        (1,),
        None,
        0.01,
        500,
        6,
        [("x = 10", [10])],
        ["x", "y"],
    ),
}


class Lesson(NamedTuple):
    """A trained tutorial.

    Attributes:
        tutorial: which.
        names: of the weights, as on paper: ``w1`` … ``b1`` ….
        weights: (epochs + 1, weights), from the start on.
        losses: (epochs + 1,), over all samples.
        run: ``(weights, points) → sums and activations of every layer``, compiled.
        surface: the loss on a plane of weights around the end, and the path on it.
    """

    tutorial: Tutorial
    names: list[str]
    weights: np.ndarray
    losses: np.ndarray
    run: Any
    surface: dict[str, Any]


def lessons() -> list[dict[str, str]]:
    """What there is to choose from."""
    return [{"name": t.name, "title": t.title, "sentence": t.sentence} for t in TUTORIALS.values()]


@functools.lru_cache(maxsize=8)
def lesson(name: str, seed: int) -> Lesson:
    """Train a tutorial network from a random start.

    Args:
        name: one of `TUTORIALS`.
        seed: of the start.

    Raises:
        ArgumentError: no such tutorial.
    """
    if name not in TUTORIALS:
        raise ArgumentError(f"There is no tutorial {name[:40]!r}. There are: {', '.join(TUTORIALS)}.")
    tutorial = TUTORIALS[name]
    x, y = jnp.asarray(tutorial.x, "float32"), jnp.asarray(tutorial.y, "float32")[:, None]
    layers, size = [], x.shape[1]
    with names.name_scope("tutorial"):
        for i, units in enumerate(tutorial.units):
            start: Any = (
                GlorotUniform(seed=seed) if len(tutorial.units) == 1 else RandomNormal(stddev=1.0, seed=seed + 7919 * i)
            )
            layers.append(Dense(units, tutorial.activation, kernel_initializer=start, name=f"layer_{i + 1}"))
            layers[-1].build((None, size))
            size = units
    variables = [v for layer in layers for v in layer.trainable_variables]
    optimizer, criterion = SGD(tutorial.rate), MeanSquaredError()
    optimizer.build(variables)

    def forward(values: Any, points: Any) -> list[Any]:
        def chain() -> list[Any]:
            found, value = [], points
            for layer in layers:
                value = layer(value)
                found.append(value)
            return found

        return pure(chain, variables)(values)[0]

    def loss(values: Any, points: Any, targets: Any) -> Any:
        return criterion(targets, forward(values, points)[-1])

    def step(state: Any, batch: Any) -> Any:
        weights, others = state
        return optimizer.stateless_apply(others, jax.grad(loss)(weights, *batch), weights), None

    def one_epoch(state: Any, _: Any) -> Any:
        batches = [part.reshape(-1, tutorial.batch, part.shape[1]) for part in (x, y)]
        state, _ = jax.lax.scan(step, state, batches)
        return state, (state[0], loss(state[0], x, y))

    begin = ([v.value for v in variables], [v.value for v in optimizer.variables])
    _, (path, losses) = jax.jit(lambda s: jax.lax.scan(one_epoch, s, None, length=tutorial.epochs))(begin)
    path = [np.concatenate([np.asarray(a)[None], np.asarray(b)]) for a, b in zip(begin[0], path, strict=True)]
    weights = np.concatenate([part.reshape(len(part), -1) for part in path], axis=1)
    losses = np.concatenate([[float(loss(begin[0], x, y))], np.asarray(losses)])
    shapes = [np.shape(v) for v in begin[0]]

    def unpacked(flat: Any) -> list[Any]:
        edges = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(jnp.split(flat, edges), shapes, strict=True)]

    run = jax.jit(lambda flat, points: forward(unpacked(flat), points))
    losses_at = jax.jit(jax.vmap(lambda flat: loss(unpacked(flat), x, y)))
    surface = _surface(weights.astype(np.float64), losses_at)
    return Lesson(tutorial, _names(shapes), weights, losses, run, surface)


def _names(shapes: list[tuple[int, ...]]) -> list[str]:
    """w1, w2 … and b1, b2 …, numbered as on paper: a neuron's weights one after the other."""
    found: list[str] = []
    weight = bias = 1
    for shape in shapes:
        if len(shape) == 1:
            found += [f"b{bias + i}" for i in range(shape[0])]
            bias += shape[0]
        else:
            found += [f"w{weight + unit * shape[0] + i}" for i in range(shape[0]) for unit in range(shape[1])]
            weight += shape[0] * shape[1]
    return ["w", "b"] if found == ["w1", "b1"] else found


def _surface(weights: np.ndarray, losses_at: Any) -> dict[str, Any]:
    """The loss on the plane in which the weights moved most (of two weights: on all of their plane)."""
    origin = weights[-1]
    if weights.shape[1] == 2:
        directions, labels = np.eye(2), ["weight w", "bias b"]
        origin = np.zeros(2)
    else:
        directions = np.linalg.svd(weights - origin, full_matrices=False)[2][:2]
        labels = ["the way the weights went most", "and second most"]
    path = (weights - origin) @ directions.T
    low, high = path.min(axis=0), path.max(axis=0)
    margin = np.maximum((high - low).max() * 0.25, 0.25)
    low, high = low - margin, high + margin
    first, second = (np.linspace(low[i], high[i], _SURFACE) for i in range(2))
    grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)  # rows are the second direction
    heights = np.asarray(losses_at((origin + grid @ directions).astype("float32")))
    return {
        "labels": labels,
        "low": low.tolist(),
        "high": high.tolist(),
        "size": _SURFACE,
        "heights": numbers(np.log10(np.maximum(heights, 1e-12))),
        "path": np.round(path, 5).tolist(),
    }


def told(found: Lesson) -> dict[str, Any]:
    """A lesson as the page gets it."""
    tutorial = found.tutorial
    return {
        "name": tutorial.name, "title": tutorial.title, "sentence": tutorial.sentence, "x": tutorial.x, "y": tutorial.y,
        "labels": tutorial.labels, "axes": tutorial.axes, "units": list(tutorial.units), "rate": tutorial.rate,
        "epochs": tutorial.epochs, "batch": tutorial.batch, "names": found.names, "activation": tutorial.activation,
        "losses": numbers(found.losses), "surface": found.surface,
    }  # fmt: skip


def epoch(found: Lesson, number_of_epoch: int) -> dict[str, Any]:
    """The network after so many epochs: weights, answers, and its boundary or line.

    Raises:
        ArgumentError: no such epoch.
    """
    tutorial = found.tutorial
    if not 0 <= number_of_epoch <= tutorial.epochs:
        raise ArgumentError(f"There is no epoch {number_of_epoch}: they go from 0 (untrained) to {tutorial.epochs}.")
    flat = found.weights[number_of_epoch]
    points = np.asarray(tutorial.x, "float32")
    asked = np.asarray([point for _, point in tutorial.asked], "float32")
    layers = [np.asarray(a) for a in found.run(flat, points)]
    answers = np.asarray(found.run(flat, asked)[-1])[:, 0]
    answer: dict[str, Any] = {
        "epoch": number_of_epoch,
        "loss": number(found.losses[number_of_epoch]),
        "weights": numbers(flat),
        "layers": [np.round(layer, 6).tolist() for layer in layers],
        "asked": [{"who": who, "answer": number(a)} for (who, _), a in zip(tutorial.asked, answers, strict=True)],
    }
    if points.shape[1] == 2:
        extent = [-35.0, 35.0, -14.0, 14.0]
        first, second = np.linspace(extent[0], extent[1], _BOUNDARY), np.linspace(extent[2], extent[3], _BOUNDARY)
        grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2).astype("float32")
        values = np.asarray(found.run(flat, grid)[-1])[:, 0]
        answer["boundary"] = {
            "extent": extent,
            "size": _BOUNDARY,
            "values": np.round(values.astype(np.float64), 3).tolist(),
        }
    else:
        ends = np.asarray([[-2.0], [11.0]], "float32")
        answer["line"] = {"x": [-2.0, 11.0], "y": numbers(found.run(flat, ends)[-1])}
    return answer
