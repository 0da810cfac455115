"""The door of the kernel that trains dense networks: what does not fit is refused, and nothing is read or written beyond."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels

ROWS, IN, HIDDEN, OUT, BATCH, STEPS = 12, 5, 4, 3, 4, 3


@pytest.fixture(autouse=True, scope="module")
def registered() -> None:
    ranvier_kernels.register()


# batch, softmax, aim, rule, slots, layers, parameters, moving; operations before the first product; then each layer
PLAN = [BATCH, 1, 0, 1, 1, 2, 6, 2]
PLAN += [1, 7, -1, -1, 0, 2**31]  # a dropout
PLAN += [IN, HIDDEN, 0, 1, 2, 6, 2, 3, 0, 0, 0, -1, -1, -1, 0]  # normalised, then a ReLU
PLAN += [HIDDEN, OUT, 4, 5, 0]
NUMBERS = [0.9, 0, 0, 1.0, 0.0, 0.5, 0, 0, 1e-3, 0.9, 0.1, 0, 0, 0]
SIZES = [(IN, HIDDEN), (HIDDEN,), (HIDDEN,), (HIDDEN,), (HIDDEN, OUT), (OUT,)]
KINDS_PLACE = 9  # of the first operation's kind


def _operands() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.normal(size=shape).astype("float32")  # noqa: E731
    values = [a for size in SIZES for a in (draw(*size), np.zeros(size, "float32"))]
    return {
        "x": draw(ROWS, IN),
        "y": rng.integers(0, OUT, ROWS).astype("int32"),
        "order": rng.permutation(ROWS).astype("int32"),
        "range": np.array([0, STEPS], "int32"),
        "rates": np.full((STEPS, 2), [0.1, 0.0], "float32"),
        "seeds": np.array([[1, 2]], "uint32"),
        "values": [*values, np.zeros(HIDDEN, "float32"), np.ones(HIDDEN, "float32")],
    }


def _call(
    plan: Any = PLAN, numbers: Any = NUMBERS, outputs: Any = (ROWS, OUT), news: Any = None, **changed: Any
) -> Any:
    operands = _operands() | changed
    values = operands.pop("values")
    shapes = [jax.ShapeDtypeStruct(outputs, np.float32)]
    shapes += [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in (values if news is None else news)]
    call = jax.ffi.ffi_call("ranvier_train_dense", shapes)
    plan, numbers = np.array(plan, np.int64), np.array(numbers, np.float32)
    return [
        np.asarray(a) for a in jax.jit(lambda *a: call(*a, plan=plan, numbers=numbers))(*operands.values(), *values)
    ]


def _refused(**changed: Any) -> None:
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"dense training|Wrong|wrong|Failed"):
        _call(**changed)


def test_what_fits_is_trained_and_left_as_it_was():
    given = _operands()["values"]
    outputs, *news = _call()
    np.testing.assert_allclose(outputs.sum(1), 1, rtol=1e-5)
    assert [n.shape for n in news] == [g.shape for g in given]
    changed = [bool((n != g).any()) for n, g in zip(news, given, strict=True)]
    # The bias before the normalisation, and its momentum, have no gradient; all else moves.
    assert changed == [True, True, False, False, *[True] * 10]
    for given_before, now in zip(given, _operands()["values"], strict=True):
        np.testing.assert_array_equal(given_before, now)


def test_an_empty_range_changes_nothing_whatever_the_batch():
    for plan in (PLAN, [2**31 - 1, *PLAN[1:]]):
        _, *news = _call(plan, range=np.array([0, 0], "int32"))
        for a, b in zip(news, _operands()["values"], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("length", range(len(PLAN)))
def test_plans_cut_short(length: int):
    _refused(plan=PLAN[:length])


@pytest.mark.parametrize("length", range(0, len(NUMBERS), 3))
def test_numbers_cut_short(length: int):
    _refused(numbers=NUMBERS[:length])


def test_plans_too_long():
    _refused(plan=[*PLAN, 0])
    _refused(numbers=[*NUMBERS, 0.0])


@pytest.mark.parametrize("place", range(len(PLAN)))
@pytest.mark.parametrize("value", [-(2**62), -2, 2**62])
def test_numbers_of_a_plan_out_of_range(place: int, value: int):
    plan = [*PLAN]
    plan[place] = value
    _refused(plan=plan)


@pytest.mark.parametrize("place", range(len(PLAN)))
@pytest.mark.parametrize("step", [-1, 1, 5])
def test_every_number_of_a_plan_changed_a_little(place: int, step: int):
    """Some such plans are whole, too (another activation, say); none of them may do harm."""
    plan = [*PLAN]
    plan[place] += step
    with contextlib.suppress(jax.errors.JaxRuntimeError):
        assert _call(plan)[0].shape == (ROWS, OUT)
    _call()  # memory is whole


def _at(place: int, value: int) -> list[int]:
    plan = [*PLAN]
    plan[place] = value
    return plan


def test_values_that_are_used_twice():
    """A kernel as its own bias, one weight for scale and shift, one moving value for two: sizes cannot be held apart."""
    assert (PLAN[17], PLAN[20], PLAN[21]) == (1, 2, 3)
    for plan in (_at(17, 0), _at(17, 5), _at(21, 2), _at(20, 3)):
        _refused(plan=plan)
    twice = [*PLAN[:18], 3, *PLAN[19:24], 6, -1, -1, 0, 0, *PLAN[24:]]
    _refused(plan=twice, numbers=[*NUMBERS[:11], 1e-3, 0.9, 0.1, *NUMBERS[11:]])


def test_a_normalisation_before_the_first_product():
    assert PLAN[KINDS_PLACE] == 7
    _refused(plan=_at(KINDS_PLACE, 6))


@pytest.mark.parametrize("place", range(14))
def test_values_of_wrong_sizes(place: int):
    values = _operands()["values"]
    for wrong in (np.zeros(1, "float32"), np.zeros(values[place].size + 1, "float32"), np.zeros(0, "float32")):
        _refused(values=[*values[:place], wrong, *values[place + 1 :]])
    _refused(values=[*values[:place], values[place].astype("int32"), *values[place + 1 :]])
    _refused(values=values, news=[*values[:place], np.zeros(1, "float32"), *values[place + 1 :]])
    _refused(values=[*values[:place], *values[place + 1 :]])


def test_too_many_values():
    values = _operands()["values"]
    _refused(values=[*values, np.zeros(HIDDEN, "float32")])


@pytest.mark.parametrize(
    "changed",
    [
        {"x": np.zeros((ROWS, IN + 1), "float32")},
        {"x": np.zeros((ROWS * IN,), "float32")},
        {"x": np.zeros((ROWS, IN), "float16")},
        {"x": np.zeros((ROWS, IN), "int32")},
        {"x": np.zeros((0, IN), "float32"), "y": np.zeros(0, "int32")},
        {"y": np.zeros(ROWS - 1, "int32")},
        {"y": np.zeros((ROWS, OUT), "int32")},
        {"y": np.zeros((ROWS, OUT - 1), "float32")},
        {"y": np.zeros(ROWS, "uint8")},
        {"order": np.zeros(ROWS, "float32")},
        {"order": np.zeros(ROWS - 1, "int32")},
        {"order": np.zeros((ROWS, 1), "int32")},
        {"range": np.array([0, STEPS + 1], "int32")},
        {"range": np.array([-1, STEPS], "int32")},
        {"range": np.array([2, 1], "int32")},
        {"range": np.array([0, 2**31 - 1], "int32")},
        {"range": np.array([0], "int32")},
        {"range": np.array([0, 1], "float32")},
        {"rates": np.zeros((STEPS - 1, 2), "float32")},
        {"rates": np.zeros((STEPS, 3), "float32")},
        {"rates": np.zeros((STEPS, 2), "int32")},
        {"seeds": np.zeros((0, 2), "uint32")},
        {"seeds": np.zeros((1, 1), "uint32")},
        {"seeds": np.zeros((1, 2), "float32")},
        {"outputs": (ROWS - 1, OUT)},
        {"outputs": (ROWS, OUT + 1)},
        {"order": np.zeros(0, "int32"), "x": np.zeros((ROWS - 1, IN), "float32"), "y": np.zeros(ROWS - 1, "int32")},
    ],
    ids=lambda changed: ", ".join(
        f"{k} {getattr(v, 'shape', v)} {getattr(v, 'dtype', '')}" for k, v in changed.items()
    ),
)
def test_operands_that_do_not_fit(changed: Any):
    _refused(**changed)


def test_rows_out_of_range_are_the_nearest_there_are():
    wild = np.array([-1, 0, 5, 99, 3, 2**31 - 1, -(2**31), 7, 12, 11, 10, -5], "int32")
    for a, b in zip(_call(order=wild), _call(order=np.clip(wild, 0, ROWS - 1)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_classes_out_of_range_are_none():
    labels = _operands()["y"]
    found = _call(y=np.where(np.arange(ROWS) == 4, 2**31 - 1, labels).astype("int32"))
    again = _call(y=np.where(np.arange(ROWS) == 4, -5, labels).astype("int32"))
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a, b)
    hot = np.eye(OUT, dtype="float32")[labels]
    hot[4] = 0
    for a, b in zip(found, _call(y=hot), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bytes_and_orders():
    """Bytes are the same numbers, and no order is that of the rows."""
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, IN), "uint8")
    for a, b in zip(_call(x=pixels), _call(x=pixels.astype("float32")), strict=True):
        np.testing.assert_array_equal(a, b)
    none, plain = np.zeros(0, "int32"), np.arange(ROWS, dtype="int32")
    for a, b in zip(_call(order=none), _call(order=plain), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows(special: float):
    x = _operands()["x"]
    x[int(_operands()["order"][0]), 2] = special
    outputs, *news = _call(x=x, plan=[*PLAN[:8], 0, *PLAN[14:]], numbers=[*NUMBERS[:5], *NUMBERS[8:]])
    assert np.isnan(outputs).any()
    assert np.isnan(news[0]).any()


def test_seeds_wrap_around():
    """The second word counts steps, and has 32 bits."""
    late = np.array([[1, 2**32 - 1]], "uint32")
    whole = _call(seeds=late)
    first, *news = _call(seeds=late, range=np.array([0, 1], "int32"))
    second, *_ = _call(seeds=np.array([[1, 0]], "uint32"), range=np.array([1, 3], "int32"), values=news)
    np.testing.assert_array_equal(whole[0][:BATCH], first[:BATCH])
    np.testing.assert_array_equal(whole[0][BATCH:], second[BATCH:])


def test_several_calls_at_once():
    """Programs that run side by side have memory and threads of their own."""
    expected = _call()
    operands = _operands()
    values = operands.pop("values")
    shapes = [jax.ShapeDtypeStruct((ROWS, OUT), np.float32), *[jax.ShapeDtypeStruct(v.shape, v.dtype) for v in values]]
    plan, numbers = np.array(PLAN, np.int64), np.array(NUMBERS, np.float32)
    run = jax.jit(lambda *a: jax.ffi.ffi_call("ranvier_train_dense", shapes)(*a, plan=plan, numbers=numbers))
    given = [jnp.asarray(v) for v in (*operands.values(), *values)]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: [np.asarray(a) for a in run(*given)], range(40)):
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)
