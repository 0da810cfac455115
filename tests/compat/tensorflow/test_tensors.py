"""Tensors print, convert and tell their shape as TensorFlow's do, and stay JAX's arrays."""

import importlib.util
import json
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ranvier as keras
from ranvier.compat import tensorflow as tf

SHOWN = """
tf.constant([[1.0, 2.0]])
tf.constant(3)
tf.constant(0.1)
tf.constant([True, False])
tf.constant([[1, 2], [3, 4]])
tf.zeros((0, 3))
tf.range(2000.0)
tf.shape(tf.ones((2, 3)))
tf.shape(tf.ones((2, 3)))[0]
tf.size(tf.ones((2, 3)))
tf.constant([1.0]).shape
tf.ones((2, 3)).shape
tf.ones((2, 3)).shape[1:]
tf.ones((2, 3)).shape + [4]
tf.constant(1.0).shape
tf.TensorShape([None, 2])
tf.TensorShape(None)
tf.TensorSpec([None, 2], tf.int32, name="x")
tf.float32
tf.Variable(2.0)
tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
tf.Variable(2.0, name="a").name
f"{tf.constant(0.123456):.3f}"
f"{tf.constant([1.0, 2.0])}"
[tf.constant(1.0), tf.constant([1, 2])]
tf.constant(1.5).numpy()
tf.constant([1.5]).numpy()
tf.ones((2, 3)).shape.as_list()
tf.ones((2, 3)).get_shape().rank
tf.ones((2, 3)).shape == (2, 3)
tf.ones((2, 3)).shape == [2, 3]
tf.constant(1.0).dtype == tf.float32
tf.float32.as_numpy_dtype
tf.int8.max
tf.as_dtype("int32")
tf.Variable([1.0, 2.0]).assign_add([1.0, 1.0]).numpy()
len(tf.ones((2, 3)))
bool(tf.constant(3) > 2)
int(tf.constant(3)) + float(tf.constant(0.5))
tf.is_tensor(tf.constant(1))
isinstance(tf.constant(1), tf.Tensor)
isinstance(tf.Variable(1.0), tf.Variable)
tf.executing_eagerly()
tf.constant([1, 2]) + 1
1.0 / tf.constant([1.0, 2.0])
tf.constant([7, 8]) // 2
-tf.constant([1.0])
tf.constant([1.0, 2.0]) @ tf.constant([[1.0], [2.0]]) if False else 0
tf.ones((2, 2))[0, tf.newaxis]
tf.constant([[1, 2], [3, 4]])[:, 1]
tf.constant([1.0, 2.0]) > 1.5
tf.Variable(3.0) * tf.constant(2.0)
tf.Variable([1.0, 2.0])[0]
tf.get_logger().name
""".strip().splitlines()

ORACLE = """
import json, sys
import numpy as np
import tensorflow as tf
json.dump([[str(eval(e)), repr(eval(e))] for e in json.load(open(sys.argv[1]))], open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="session")
def oracle(tmp_path_factory):
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    folder = tmp_path_factory.mktemp("shown")
    (folder / "in.json").write_text(json.dumps(SHOWN))
    command = [sys.executable, "-c", textwrap.dedent(ORACLE), str(folder / "in.json"), str(folder / "out.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return dict(zip(SHOWN, json.loads((folder / "out.json").read_text()), strict=True))


@pytest.mark.parametrize("expression", SHOWN)
def test_what_is_shown_is_what_tensorflow_shows(expression, oracle):
    tf.constant(0)
    found = eval(expression, {"tf": tf, "np": np})
    assert [str(found), repr(found)] == oracle[expression]


def test_arrays_are_left_as_they_were():
    before = repr(jnp.ones(2)), type(jnp.ones(2).shape)
    tf.tensors.install()
    assert repr(jnp.ones(2)).startswith("<tf.Tensor")
    tf.tensors.uninstall()
    assert (repr(jnp.ones(2)), type(jnp.ones(2).shape)) == before
    assert not hasattr(jnp.ones(2), "numpy")


def test_whatever_ranvier_gives_is_a_tensor():
    model = keras.Sequential([keras.layers.Dense(2)])
    x = tf.ones((1, 3))
    for tensor in (
        model(x),
        keras.ops.sum(x),
        keras.losses.mean_squared_error(x, x),
        keras.metrics.Mean()(3.0),
        jnp.sin(x),
    ):
        assert isinstance(tensor.numpy(), (np.ndarray, np.generic))
    np.testing.assert_array_equal(np.asarray(x), np.ones((1, 3)))
    assert model.predict(x, verbose=0).shape == (1, 2)


def test_tensors_being_traced_say_why_they_have_no_numbers():
    def f(x):
        assert x.shape.as_list() == [2]
        assert not hasattr(x, "numpy")
        return x.numpy()

    tf.constant(0)
    with pytest.raises(AttributeError, match=r"tf\.print"):
        jax.jit(f)(jnp.ones(2))


def test_sizes_stay_numbers_in_compiled_functions():
    @tf.function
    def f(x):
        batch, width = tf.shape(x)[0], tf.shape(x)[-1]
        parts = tf.reshape(x, (batch, 2, width // 2))
        return parts + tf.zeros([batch, 2, width // 2]), tf.cast(width, tf.float32), tf.range(batch)

    parts, width, numbers = f(tf.ones((3, 4)))
    assert parts.shape == (3, 2, 2)
    assert float(width) == 4.0
    assert numbers.numpy().tolist() == [0, 1, 2]


def test_symbolic_tensors_go_through_the_functions():
    x = keras.Input((4, 3))
    y = tf.concat([tf.nn.relu(x), tf.transpose(tf.transpose(x, [0, 2, 1]), [0, 2, 1]) * 2.0], axis=-1)
    y = tf.reduce_mean(tf.reshape(y, (-1, 24)), axis=1, keepdims=True)
    y = tf.stack(tf.split(tf.tile(y, [1, 2]), 2, axis=1), axis=1)
    model = keras.Model(x, y)
    data = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    found = model(data)
    expected = np.concatenate([np.maximum(data, 0), data * 2], -1).reshape(2, -1).mean(1)
    np.testing.assert_allclose(np.asarray(found)[:, 0, 0], expected, rtol=1e-5)


def test_modules_find_variables_at_any_depth():
    class Inner(tf.Module):
        def __init__(self):
            super().__init__(name="inner")
            self.w = tf.Variable(1.0)
            self.fixed = tf.Variable(2.0, trainable=False)

    class Outer(tf.Module):
        def __init__(self):
            super().__init__()
            self.parts = [Inner(), {"more": (Inner(),)}]
            self.layer = keras.layers.Dense(2)
            self.layer.build((None, 3))

    outer = Outer()
    assert outer.name == "outer"
    assert (len(outer.variables), len(outer.trainable_variables), len(outer.non_trainable_variables)) == (6, 4, 2)
    assert len(outer.submodules) == 2


def test_sixty_four_bits_are_computed_in_thirty_two():
    assert tf.constant(np.arange(3)).dtype == tf.int32
    assert tf.cast([1.5], tf.int64).dtype == tf.int32
    with pytest.raises(OverflowError, match="32 bits"):
        tf.constant(2**40)
    with pytest.raises(OverflowError, match="32 bits"):
        tf.constant(np.array([2**40]))
    tf.dtypes._told[0] = False
    with pytest.warns(UserWarning, match="set_floatx"):
        assert tf.cast([1], tf.float64).dtype == tf.float32
    tf.cast([1], tf.float64)  # said once


def test_indices_that_are_too_large_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[0, 2\)"):
        tf.gather(tf.ones((2, 3)), [0, 2])
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.gather_nd(tf.ones((2, 3)), [[0, 3]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="cannot be cut"):
        tf.split(tf.ones((5, 2)), 2)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("Session", r"tf\.function"),
        ("saved_model", r"model\.save"),
        ("compat", "TensorFlow 1"),
        ("reduce_meen", "reduce_mean"),
        ("lite", "export"),
        ("unfold", r"keras\.ops\.unfold"),
        ("no_such_thing_at_all", r"keras\.ops"),
    ],
)
def test_absent_names_say_so_and_name_the_nearest_way(name, way):
    with pytest.raises(AttributeError, match=way):
        getattr(tf, name)
    with pytest.raises(AttributeError, match=f"tf.math.{name}"):
        getattr(tf.math, name)
    assert not hasattr(tf, name)


def test_checkpoints_come_back(tmp_path):
    def parts():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        return model, tf.train.Checkpoint(step=tf.Variable(7), model=model, optimizer=optimizer)

    model, checkpoint = parts()
    manager = tf.train.CheckpointManager(checkpoint, tmp_path / "saved", max_to_keep=2)
    for _ in range(3):
        manager.save()
    assert len(manager.checkpoints) == 2
    other, second = parts()
    second.step.assign(0)
    second.restore(tf.train.latest_checkpoint(tmp_path / "saved")).assert_consumed()
    assert int(second.step) == 7
    for a, b in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert tf.train.latest_checkpoint(tmp_path / "none") is None
    second.restore(None)
    with pytest.raises(ValueError, match="does not fit"):
        tf.train.Checkpoint(model=model).restore(manager.latest_checkpoint)
    with pytest.raises(ValueError, match="no weights yet"):
        tf.train.Checkpoint(model=keras.Sequential([keras.layers.Dense(2)])).restore(manager.latest_checkpoint)


def test_files_of_images(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype("uint8")
    tf.io.write_file(str(tmp_path / "new" / "a.png"), tf.io.encode_png(image))
    dataset = tf.data.Dataset.list_files(str(tmp_path / "new" / "*.png"))
    dataset = dataset.map(lambda path: tf.image.resize(tf.io.decode_png(tf.io.read_file(path)), (4, 5)) / 255.0)
    (found,) = list(dataset)
    np.testing.assert_allclose(found, image / 255.0, rtol=1e-6)


RANDOM = {
    "normal": (lambda: tf.random.normal((20_000,), 1.0, 2.0), 1.0, 2.0),
    "uniform": (lambda: tf.random.uniform((20_000,), -1.0, 3.0), 1.0, 4 / np.sqrt(12)),
    "integers": (lambda: tf.cast(tf.random.uniform((20_000,), 0, 10, tf.int32), tf.float32), 4.5, np.sqrt(99 / 12)),
    "truncated": (lambda: tf.random.truncated_normal((20_000,)), 0.0, 0.8796),
    "gamma": (lambda: tf.random.gamma((20_000,), 4.0, 2.0), 2.0, 1.0),
    "poisson": (lambda: tf.random.poisson((20_000,), 9.0), 9.0, 3.0),
    "stateless": (lambda: tf.random.stateless_normal((20_000,), seed=[1, 2]), 0.0, 1.0),
    "generator": (lambda: tf.random.Generator.from_seed(1).normal((20_000,)), 0.0, 1.0),
}


@pytest.mark.parametrize("kind", RANDOM)
def test_distributions(kind):
    draw, mean, deviation = RANDOM[kind]
    found = np.asarray(draw())
    assert abs(found.mean() - mean) < 5 * deviation / np.sqrt(found.size)
    assert found.std() == pytest.approx(deviation, rel=0.05)


def test_random_order_and_classes():
    rows = np.arange(12).reshape(6, 2)
    assert sorted(np.asarray(tf.random.shuffle(rows)).tolist()) == rows.tolist()
    drawn = np.asarray(tf.random.categorical(tf.math.log([[0.1, 0.9]]), 4000))
    assert drawn.mean() == pytest.approx(0.9, abs=0.03)
    same = [tf.random.stateless_uniform((3,), seed=(1, 2)).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*same)
    for function in (tf.image.random_flip_left_right, tf.image.random_flip_up_down):
        assert function(np.ones((2, 3, 3, 1), "float32")).shape == (2, 3, 3, 1)
    assert tf.image.random_crop(np.ones((5, 5, 3), "float32"), (2, 2, 3)).shape == (2, 2, 3)
    for change in (
        lambda x: tf.image.random_brightness(x, 0.1), lambda x: tf.image.random_contrast(x, 0.5, 1.5),
        lambda x: tf.image.random_saturation(x, 0.5, 1.5), lambda x: tf.image.random_hue(x, 0.1),
    ):  # fmt: skip
        assert change(np.full((3, 3, 3), 0.5, "float32")).shape == (3, 3, 3)


CHECKS = {
    "assert_equal": ((1, 1), (1, 2)), "assert_none_equal": ((1, 2), (1, 1)), "assert_greater": ((2, 1), (1, 1)),
    "assert_greater_equal": ((1, 1), (0, 1)), "assert_less": ((1, 2), (2, 2)), "assert_less_equal": ((2, 2), (3, 2)),
    "assert_positive": ((1,), (0,)), "assert_negative": ((-1,), (0,)), "assert_non_negative": ((0,), (-1,)),
    "assert_non_positive": ((0,), (1,)), "assert_near": ((1.0, 1.0), (1.0, 1.1)), "assert_rank": (([1], 1), ([1], 2)),
    "assert_rank_at_least": (([1], 1), ([1], 2)), "assert_rank_in": (([1], (1, 2)), ([1], (2,))), "assert_scalar": ((1,), ([1],)),
    "assert_all_finite": ((1.0, "m"), (np.nan, "m")), "check_numerics": ((1.0, "m"), (np.inf, "m")),
    "Assert": ((True, []), (False, ["x"])),
    "assert_type": ((1, tf.int32), (1, tf.float32)), "assert_integer": ((1,), (1.0,)),
    "assert_shapes": (([(np.ones((2, 3)), ("n", 3))],), ([(np.ones((2, 3)), ("n", 4))],)),
    "assert_same_float_dtype": (([1.0, 2.0],), ([1.0, 2],)),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
def test_checks(name):
    good, bad = CHECKS[name]
    getattr(tf.debugging, name)(*good)
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError)):
        getattr(tf.debugging, name)(*bad)


def test_devices():
    assert tf.config.list_physical_devices("CPU")[0].device_type == "CPU"
    assert tf.test.is_gpu_available() == bool(tf.config.list_physical_devices("GPU"))
    for device in ("/CPU:0", "/device:GPU:7", "nowhere"):
        with tf.device(device):
            assert float(tf.constant(1.0)) == 1.0
    with tf.distribute.MirroredStrategy().scope():
        assert tf.distribute.get_strategy().num_replicas_in_sync == 1


def test_nothing_of_tensorflow_is_imported_and_it_can_be_imported_beside():
    program = """
    import sys
    from ranvier.compat import tensorflow as tf
    x = tf.reduce_sum(tf.ones((2, 2)))
    assert not any(m.partition(".")[0] == "tensorflow" for m in sys.modules), "imported"
    try:
        import tensorflow
    except ImportError:
        sys.exit()
    real = tensorflow.constant([1.0, 2.0])
    import numpy as np
    import ranvier as keras
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(tensorflow.data.Dataset.from_tensor_slices((np.ones((4, 2)), np.ones((4, 1)))).batch(2), verbose=0)
    assert float(tf.constant(real.numpy())[1]) == 2.0
    assert "EagerTensor" in type(real).__name__
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("other", [[1, 2, 3], (3.0, 1.0, 2.0), [[1.0], [2.0]]])
def test_lists_stand_beside_tensors(sign, other):
    x = np.float32([2, 3, 1])
    for expression in (f"x {sign} other", f"other {sign} x"):
        expected = eval(expression, {"x": x, "other": np.float32(other)})
        found = eval(expression, {"x": tf.constant(x), "other": other})
        compiled = tf.function(lambda x, e=expression: eval(e, {"x": x, "other": other}))(tf.constant(x))
        for result in (found, compiled):
            assert result.dtype == expected.dtype
            np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_lists_beside_tensors_are_differentiated():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.square(x) * [3, 4])
    np.testing.assert_array_equal(tape.gradient(y, x), [6.0, 16.0])
