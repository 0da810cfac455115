"""The lessons train as the tutorial rows say, and the page's data is what was trained."""

import json

import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.inspect.look import tutorials


@pytest.mark.parametrize("seed", [0, 3, 11])
def test_the_line(seed):
    found = tutorials.lesson("line", seed)
    assert found.names == ["w", "b"]
    assert found.losses[-1] < 1e-4
    last = tutorials.epoch(found, 500)
    assert 18.975 < last["asked"][0]["answer"] < 18.988
    w, b = last["weights"]
    assert last["line"]["y"] == pytest.approx([w * x + b for x in last["line"]["x"]], abs=1e-4)


@pytest.mark.parametrize("seed", [0, 3])
def test_height_and_weight(seed):
    found = tutorials.lesson("height-and-weight", seed)
    assert found.names == ["w1", "w3", "w2", "w4", "b1", "b2", "w5", "w6", "b3"]
    assert 0.0010 < found.losses[-1] < 0.0028
    emily, frank = (one["answer"] for one in tutorials.epoch(found, 1000)["asked"])
    assert emily > 0.93
    assert frank < 0.08


def test_it_is_what_fit_does():
    found = tutorials.lesson("height-and-weight", 3)
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(2, "sigmoid"), layers.Dense(1, "sigmoid")])
    parts = np.split(found.weights[0], [4, 6, 8])
    model.set_weights([part.reshape(w.shape) for part, w in zip(parts, model.get_weights(), strict=True)])
    model.compile(ranvier.optimizers.SGD(0.1), "mean_squared_error")
    x, y = np.array(found.tutorial.x, "float32"), np.array(found.tutorial.y, "float32")
    model.fit(x, y, batch_size=1, epochs=100, shuffle=False, verbose=0)
    flat = np.concatenate([w.reshape(-1) for w in model.get_weights()])
    np.testing.assert_allclose(found.weights[100], flat, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", list(tutorials.TUTORIALS))
def test_what_the_page_gets(name):
    found = tutorials.lesson(name, 5)
    told = tutorials.told(found)
    json.dumps(told, allow_nan=False)
    assert len(told["losses"]) == told["epochs"] + 1 == len(told["surface"]["path"])
    size = told["surface"]["size"]
    heights = np.reshape(told["surface"]["heights"], (size, size))
    low, high = np.array(told["surface"]["low"]), np.array(told["surface"]["high"])
    path = np.array(told["surface"]["path"])
    assert (path >= low).all()
    assert (path <= high).all()
    x, y = np.round((path[-1] - low) / (high - low) * (size - 1)).astype(int)
    assert heights[y, x] <= np.quantile(heights, 0.2)  # the path ends low
    one = tutorials.epoch(found, 7)
    json.dumps(one, allow_nan=False)
    assert one["loss"] == pytest.approx(told["losses"][7])
    if name == "height-and-weight":
        grid = np.reshape(one["boundary"]["values"], (one["boundary"]["size"],) * 2)
        assert ((grid >= 0) & (grid <= 1)).all()


def test_a_session_s_random_numbers_are_left_alone():
    ranvier.utils.set_random_seed(1)
    expected = np.asarray(ranvier.random.normal((3,)))
    ranvier.utils.set_random_seed(1)
    tutorials.lesson("line", 99)
    np.testing.assert_array_equal(np.asarray(ranvier.random.normal((3,))), expected)
