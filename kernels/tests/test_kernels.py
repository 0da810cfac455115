"""The kernels compute the same numbers as XLA: forward, both gradients, gradients of gradients, forward mode."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import ranvier_kernels

from ranvier.ops import compiled
from ranvier.ops import conv_algorithms as algorithms
from ranvier.ops.conv_geometry import Window

# window, strides, dilation, padding, groups, channels, filters; each sizes (11, 13).
CASES = {
    "odd sizes": ((3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), 1, 5, 7),
    "whole tiles": ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 1, 32, 64),
    "many channels": ((3, 3), (1, 1), (1, 1), ((2, 0), (1, 2)), 1, 330, 150),
    "depth in blocks": ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 1, 100, 18),
    "strides": ((3, 2), (2, 1), (1, 1), ((1, 0), (0, 1)), 1, 3, 20),
    "rows left over": ((3, 3), (3, 4), (1, 1), ((0, 0), (0, 0)), 1, 2, 3),
    "stride over gaps": ((1, 1), (2, 2), (1, 1), ((0, 0), (0, 0)), 1, 5, 6),
    "dilation": ((2, 3), (1, 1), (2, 2), ((1, 1), (2, 2)), 1, 4, 9),
    "groups": ((3, 3), (2, 1), (1, 1), ((1, 1), (1, 1)), 2, 8, 6),
    "one channel": ((5, 5), (1, 1), (1, 1), ((2, 2), (2, 2)), 1, 1, 6),
    "one filter": ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 1, 4, 1),
    "depthwise": ((3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)), 16, 16, 16),
    "depthwise, odd": ((2, 9), (1, 2), (2, 1), ((1, 1), (2, 2)), 11, 11, 11),
    "depthwise, same": ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 20, 20, 20),
    "depthwise, far padding": ((2, 3), (1, 3), (1, 1), ((2, 1), (3, 1)), 8, 8, 8),
    "window as large as the image": ((11, 13), (1, 1), (1, 1), ((0, 0), (0, 0)), 1, 2, 5),
}


@pytest.fixture(scope="module", autouse=True)
def registered():
    """The kernels, whatever the environment says about using them."""
    return ranvier_kernels.register()


def _algorithms(case) -> list[str]:
    """All that compute this convolution."""
    size, strides, dilation, _, groups, *_ = case
    made_for_it = (size, strides, dilation, groups) == ((3, 3), (1, 1), (1, 1), 1)
    return ["chosen", "direct", *(["winograd"] if made_for_it else []), "pure"]


def _use(algorithm: str, monkeypatch: pytest.MonkeyPatch):
    """Convolutions and both gradients are computed by this algorithm, whatever is faster."""
    if algorithm == "chosen":
        return
    names = {
        "direct": lambda name: name,
        "winograd": lambda name: "winograd" if name == "convolve" else f"winograd_{name}",
        "pure": lambda name: "",
    }
    monkeypatch.setattr(compiled, "_target", lambda name, **_: names[algorithm](name))


def _close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=4e-6 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize(
    ("name", "algorithm", "batch"),
    [
        *((name, algorithm, 5) for name, case in CASES.items() for algorithm in _algorithms(case)),
        *(("odd sizes", algorithm, 1) for algorithm in ("direct", "winograd")),
        ("many channels", "winograd", 1),
    ],
)
def test_numbers(name: str, algorithm: str, batch: int, monkeypatch: pytest.MonkeyPatch):
    _use(algorithm, monkeypatch)
    size, strides, dilation, padding, groups, channels, filters = CASES[name]
    window = Window(size, strides, dilation, padding)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 11, 13, channels)).astype("float32")
    w = rng.normal(size=(*size, channels // groups, filters)).astype("float32")

    def ours(x, w):
        return compiled.by_kernels(x, w, window, groups)

    def theirs(x, w):
        return algorithms.by_lax(x, w, window, groups)

    @jax.jit
    def all_of_it(x, w):
        found = []
        for f in (ours, theirs):
            y, back = jax.vjp(f, x, w)
            by_x, by_w = back(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))

            def twice(x, w, f=f):
                inner = jax.grad(lambda x, w: jnp.sum(f(x, w) ** 2), (0, 1))(x, w)
                return sum(jnp.sum(jnp.sin(g)) for g in inner)

            tangent = jax.jvp(f, (x, w), (jnp.sin(x), jnp.cos(w)))[1]
            mapped = jax.vmap(f, (0, None))(x[:, None], w)[:, 0]
            found.append((y, by_x, by_w, *jax.grad(twice, (0, 1))(x / 50, w / 50), tangent, mapped))
        return found

    for found, expected in zip(*all_of_it(x, w), strict=True):
        _close(found, expected)


def test_one_axis():
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(3, 20, 4)).astype("float32"), rng.normal(size=(5, 4, 9)).astype("float32")
    window = Window((5,), (2,), (1,), ((2, 1),))
    _close(compiled.by_kernels(x, w, window), algorithms.by_lax(x, w, window))


def test_empty_batch():
    window = Window((3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)))
    y = compiled.by_kernels(jnp.zeros((0, 8, 8, 2)), jnp.ones((3, 3, 2, 4)), window)
    assert y.shape == (0, 6, 6, 4)
    dw = jax.grad(lambda w: compiled.by_kernels(jnp.zeros((0, 8, 8, 2)), w, window).sum())(jnp.ones((3, 3, 2, 4)))
    np.testing.assert_array_equal(dw, np.zeros((3, 3, 2, 4)))


_CHILD = """
import os
from ranvier.ops import compiled
used = os.environ["RANVIER_KERNELS"] == "1"
assert compiled.kernels_apply("cpu", "float32", 2, 1, 0) == used
assert not compiled.kernels_apply("cpu", "float16", 2, 1, 0)
assert not compiled.kernels_apply("cpu", "float32", 3, 1, 0)
assert not compiled.kernels_apply("gpu", "float32", 2, 1, 0)
import numpy as np
import ranvier
from ranvier import layers
ranvier.utils.set_random_seed(0)
x = np.random.default_rng(0).random((64, 12, 12, 3), np.float32)
y = (x.mean((1, 2, 3)) > 0.5).astype("int32")
model = ranvier.Sequential([
    layers.Input((12, 12, 3)),
    layers.Conv2D(8, 3, padding="same"),
    layers.BatchNormalization(),
    layers.LeakyReLU(),
    layers.Conv2D(8, 3, padding="same", activation="relu"),
    layers.MaxPooling2D(3, strides=1),
    layers.DepthwiseConv2D(3, strides=2, activation="relu"),
    layers.Conv2D(8, 3, groups=2),
    layers.Flatten(),
    layers.Dense(2, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy")
print(*model.fit(x, y, batch_size=16, epochs=5, verbose=0).history["loss"])
"""


def _losses(**environment: str) -> np.ndarray:
    """The losses of a small network trained in a process with this environment."""
    variables = os.environ | {"RANVIER_KERNELS": "1"} | environment
    done = subprocess.run([sys.executable, "-c", _CHILD], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.array(done.stdout.split(), float)


def test_training_is_the_same_with_every_library_and_without():
    pure = _losses(RANVIER_KERNELS="0")
    assert pure[-1] < pure[0]
    np.testing.assert_allclose(_losses(), pure, rtol=1e-4)
    np.testing.assert_allclose(_losses(RANVIER_KERNELS_ISA="basic"), pure, rtol=1e-4)


def test_an_instruction_set_that_is_not_there(monkeypatch):
    monkeypatch.setenv("RANVIER_KERNELS_ISA", "sse9")
    with pytest.raises(ValueError, match="must be one of basic"):
        ranvier_kernels.instruction_set()
