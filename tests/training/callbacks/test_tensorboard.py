"""TensorBoard's event files, read back with TensorBoard's own reader."""

import io
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ranvier.callbacks import CallbackList, LearningRateScheduler, TensorBoard
from ranvier.core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, RanvierWarning
from ranvier.core.variables import Variable
from ranvier.training.callbacks.event_files import weight_image


@pytest.fixture
def model(fake_model):
    """A fake model with weights, an embedding layer and a description."""
    fake_model.weights = [
        Variable(np.arange(6.0).reshape(2, 3), dtype="float32", name="kernel"),
        Variable(np.array([1.0, np.nan]), dtype="float32", name="bias"),
    ]
    table = Variable(np.arange(6.0).reshape(3, 2), dtype="float32", name="table")
    words = type("Layer", (), {"name": "words", "embeddings": table})()
    fake_model.layers = [words, type("Layer", (), {"name": "dense"})()]
    fake_model.to_json = lambda: '{"class_name": "Sequential"}'
    return fake_model


def train(callback, model, epochs=3, batches=4, others=()):
    hooks = CallbackList([*others, callback], model=model)
    hooks.on_train_begin()
    for epoch in range(epochs):
        hooks.on_epoch_begin(epoch)
        for batch in range(batches):
            hooks.on_train_batch_begin(batch)
            model.optimizer.iterations += 1
            hooks.on_train_batch_end(batch, {"loss": epoch + batch / 4, "accuracy": 0.5})
        hooks.on_test_begin()
        hooks.on_test_end({"loss": 10.0 + epoch})
        hooks.on_epoch_end(epoch, {"loss": float(epoch), "accuracy": 0.5, "val_loss": 10.0 + epoch})
    hooks.on_train_end()


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0})
    events.Reload()
    return events


def scalars(folder):
    events = read(folder)
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_scalars_by_epoch(tmp_path, model):
    train(TensorBoard(tmp_path), model, others=[LearningRateScheduler(lambda epoch: 0.5 / 2**epoch)])
    assert scalars(tmp_path / "train") == {
        "epoch_loss": [(0, 0.0), (1, 1.0), (2, 2.0)],
        "epoch_accuracy": [(0, 0.5), (1, 0.5), (2, 0.5)],
        "epoch_learning_rate": [(0, 0.5), (1, 0.25), (2, 0.125)],
    }
    assert scalars(tmp_path / "validation") == {
        "epoch_loss": [(0, 10.0), (1, 11.0), (2, 12.0)],
        "evaluation_loss_vs_iterations": [(4, 10.0), (8, 11.0), (12, 12.0)],
    }


@pytest.mark.parametrize(("update_freq", "steps"), [("batch", range(1, 13)), (1, range(1, 13)), (5, (5, 10))])
def test_scalars_by_batch(tmp_path, model, update_freq, steps):
    train(TensorBoard(tmp_path, update_freq=update_freq, write_steps_per_second=True), model)
    found = scalars(tmp_path / "train")
    losses = {step: (step - 1) // 4 + (step - 1) % 4 / 4 for step in steps}
    assert found["batch_loss"] == list(losses.items())
    assert [step for step, _ in found["batch_accuracy"]] == list(steps)
    assert [step for step, rate in found["batch_steps_per_second"] if rate > 0] == list(steps)
    assert [step for step, rate in found["epoch_steps_per_second"] if rate > 0] == [0, 1, 2]


def test_it_wants_batches_only_where_it_needs_them(tmp_path):
    quiet = [TensorBoard(tmp_path), TensorBoard(tmp_path, write_steps_per_second=True, histogram_freq=1)]
    assert not CallbackList(quiet).wants_train_batches
    assert CallbackList(quiet).wants_epochs
    assert CallbackList(TensorBoard(tmp_path, update_freq=100)).wants_train_batches
    assert CallbackList(TensorBoard(tmp_path, profile_batch=3)).wants_train_batches
    assert not list(tmp_path.iterdir())  # nothing is written before training


def test_weights(tmp_path, model):
    train(TensorBoard(tmp_path, histogram_freq=2, write_images=True), model)
    events = read(tmp_path / "train")
    assert sorted(events.Tags()["histograms"]) == ["bias/histogram", "kernel/histogram"]
    assert sorted(events.Tags()["images"]) == ["bias/image", "kernel/image"]
    kernel = events.Histograms("kernel/histogram")
    assert [e.step for e in kernel] == [0, 2]
    value = kernel[0].histogram_value
    assert (value.num, value.min, value.max, value.sum) == (6, 0.0, 5.0, 15.0)
    assert events.Histograms("bias/histogram")[0].histogram_value.num == 1  # NaN has no place in a histogram
    image = events.Images("kernel/image")[0]
    assert (image.height, image.width) == (2, 3)
    pixels = np.round(imread(io.BytesIO(image.encoded_image_string)) * 255)
    assert pixels.tolist() == [[0, 51, 102], [153, 204, 255]]


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((), (1, 1)),
        ((5,), (5, 1)),
        ((7, 2), (2, 7)),
        ((3, 4, 5), (3, 20)),
        ((3, 2, 4, 5), (12, 10)),
        ((1, 1, 4, 5), (4, 5)),
    ],
)
def test_images_of_weights(rng, shape, size):
    weight = rng.normal(size=shape)
    pixels = weight_image(weight)
    assert pixels.shape == size
    assert pixels.dtype == np.uint8
    if len(shape) == 4 and shape[0] > 1:  # row 1, column 2 of the board is the kernel from channel 1 to filter 2
        scaled = (weight - weight.min()) / (weight.max() - weight.min()) * 255
        np.testing.assert_allclose(pixels[3:6, 4:6], scaled[:, :, 1, 2], atol=1.01)


def test_image_of_more_axes():
    assert weight_image(np.zeros((2, 2, 2, 2, 2))) is None


def test_graph(tmp_path, model):
    train(TensorBoard(tmp_path / "with"), model)
    events = read(tmp_path / "with" / "train")
    assert events.SummaryMetadata("keras").plugin_data.plugin_name == "graph_keras_model"
    assert events.Tensors("keras")[0].tensor_proto.string_val == [b'{"class_name": "Sequential"}']
    train(TensorBoard(tmp_path / "without", write_graph=False), model)
    assert "keras" not in read(tmp_path / "without" / "train").Tags()["tensors"]


def test_a_second_fit_and_evaluate_begin_files_of_their_own(tmp_path, model):
    callback = TensorBoard(tmp_path)
    train(callback, model)
    train(callback, model)
    callback.on_test_end({"loss": 20.0})
    assert len(list((tmp_path / "train").iterdir())) == 2
    assert len(list((tmp_path / "validation").iterdir())) == 3
    assert len(scalars(tmp_path / "train")["epoch_loss"]) == 6
    assert scalars(tmp_path / "validation")["evaluation_loss_vs_iterations"][-1] == (24, 20.0)


@pytest.mark.parametrize(
    ("profile_batch", "edges"), [(2, [(2, "start"), (2, "stop")]), ((2, 5), [(2, "start"), (5, "stop")]), (0, [])]
)
def test_profile(tmp_path, model, monkeypatch, profile_batch, edges):
    seen = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: seen.append((callback._batch, "start")))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: seen.append((callback._batch, "stop")))
    callback = TensorBoard(tmp_path, profile_batch=profile_batch)
    train(callback, model)
    assert seen == edges


def test_a_profile_ends_with_training(tmp_path, model, monkeypatch):
    seen = []
    monkeypatch.setattr(jax.profiler, "start_trace", seen.append)
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: seen.append("stop"))
    train(TensorBoard(tmp_path, profile_batch=(2, 1000)), model)
    assert seen == [str(tmp_path), "stop"]


def test_embeddings(tmp_path, model):
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    train(TensorBoard(tmp_path, embeddings_freq=2, embeddings_metadata={"words": "labels.tsv"}), model)
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (entry,) = config.embeddings
    assert (entry.tensor_name, entry.metadata_path) == ("words", "labels.tsv")
    assert Path(entry.tensor_path) == Path("train", "words-2.tsv")
    assert np.loadtxt(tmp_path / entry.tensor_path).tolist() == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(ArgumentError, match="Did you mean 'words'"):
        train(TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"word": "labels.tsv"}), model)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"log_dir": 3}, ArgumentTypeError),
        ({"histogram_freq": -1}, ArgumentError),
        ({"histogram_freq": 0.5}, ArgumentTypeError),
        ({"embeddings_freq": -1}, ArgumentError),
        ({"update_freq": "epochs"}, ArgumentError),
        ({"update_freq": 0}, ArgumentError),
        ({"profile_batch": -1}, ArgumentError),
        ({"profile_batch": (5, 2)}, ArgumentError),
        ({"profile_batch": (1, 2, 3)}, ArgumentError),
        ({"profile_batch": "2,4"}, ArgumentError),
    ],
)
def test_bad_arguments(arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        TensorBoard(**arguments)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ranvier\[tensorboard\]'"):
        TensorBoard()


def test_a_real_run(tmp_path, rng):
    """Graph, histograms and images of a trained model, as TensorBoard itself reads them."""
    import json

    from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

    import ranvier
    from ranvier import layers

    inner = ranvier.Sequential([layers.Input((4,)), layers.Dense(4, name="deep")], name="inner")
    a, b = ranvier.Input((3,), name="a"), ranvier.Input((4,), name="b")
    joined = layers.Add(name="join")([inner(layers.Dense(4, "relu", name="first")(a)), b])
    model = ranvier.Model([a, b], layers.Dense(1, name="last")(joined), name="whole")
    model.compile("adam", "mse")
    x = [rng.normal(size=(32, 3)), rng.normal(size=(32, 4))]
    callback = TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    history = model.fit(x, rng.normal(size=(32, 1)), epochs=2, verbose=0, validation_split=0.25, callbacks=[callback])
    events = read(tmp_path / "train")
    (config,) = events.Tensors("keras")[0].tensor_proto.string_val
    nodes = {node.name: set(node.input) for node in keras_model_to_graph_def(json.loads(config)).node}
    assert nodes["whole/first"] == {"whole/a"}
    assert nodes["whole/join"] == {"whole/inner/deep", "whole/b"}
    assert nodes["whole/last"] == {"whole/join"}
    paths = sorted(weight.path for weight in model.weights)
    assert sorted(events.Tags()["histograms"]) == [f"{path}/histogram" for path in paths]
    assert sorted(events.Tags()["images"]) == [f"{path}/image" for path in paths]
    kernel = np.asarray(model.get_layer("first").kernel)
    found = events.Histograms(f"{model.get_layer('first').kernel.path}/histogram")
    assert [e.step for e in found] == [0, 1]
    np.testing.assert_allclose(
        [found[-1].histogram_value.min, found[-1].histogram_value.max], [kernel.min(), kernel.max()], rtol=1e-6
    )
    image = imread(io.BytesIO(events.Images(f"{model.get_layer('first').kernel.path}/image")[-1].encoded_image_string))
    assert image.shape == (3, 4)
    assert image.flat[kernel.argmax()] == 1
    assert image.flat[kernel.argmin()] == 0
    np.testing.assert_allclose(
        [v for _, v in scalars(tmp_path / "train")["epoch_loss"]], history.history["loss"], rtol=1e-5
    )
    assert len(scalars(tmp_path / "validation")["epoch_loss"]) == 2


def test_a_subclassed_models_graph_histograms_and_images(tmp_path, rng):
    """What code calls is drawn, groups for models inside and additions where branches meet."""
    import ranvier
    from ranvier import layers

    class Block(layers.Layer):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.inner = layers.Dense(units, "relu", name="inner")

        def call(self, x):
            return x + self.inner(x)

    class Net(ranvier.Model):
        def __init__(self):
            super().__init__(name="net")
            self.conv = layers.Conv2D(4, 3, name="conv")
            self.pool = layers.GlobalAveragePooling2D(name="pool")
            self.block = Block(4, name="block")
            self.out = layers.Dense(1, name="out <1>")

        def call(self, x):
            return self.out(self.block(self.pool(self.conv(x))))

    model = Net()
    model.compile("adam", "mse")
    x, y = rng.normal(size=(16, 6, 6, 2)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    callback = TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callback])  # built by fit itself
    events = read(tmp_path / "train")
    graph = {node.name: node for node in events.Graph().node}
    inputs = {name: list(node.input) for name, node in graph.items()}
    assert inputs["pool"] == ["conv"]
    assert inputs["block/inner"] == ["pool"]
    assert sorted(inputs["block/add"]) == ["block/inner", "pool"]
    assert inputs["out__1_"] == ["block/add"]
    assert (graph["conv"].op, graph["conv"].attr["parameters"].i) == ("Conv2D", 4 * 9 * 2 + 4)
    shape = graph["conv"].attr["_output_shapes"].list.shape[0]
    assert [dim.size for dim in shape.dim] == [-1, 4, 4, 4]
    assert graph["block/inner"].attr["activation"].s == b"relu"
    paths = {w.path.replace(" <1>", "__1_") for w in model.weights}
    assert set(events.Tags()["histograms"]) == {f"{path}/histogram" for path in paths}
    assert set(events.Tags()["images"]) == {f"{path}/image" for path in paths}
    kernel = events.Images(f"{model.conv.kernel.path}/image")[-1]
    assert (kernel.height, kernel.width) == (6, 12)  # 2 channels of 3 rows, 4 filters of 3 columns


def test_a_model_that_cannot_be_traced_is_trained_all_the_same(tmp_path, model):
    def refuse():
        raise ArgumentError("its call is odd")

    model.graph, model.layer_graph, model.name = None, refuse, "odd"
    with pytest.warns(RanvierWarning, match="no graph of 'odd': its call is odd"):
        train(TensorBoard(tmp_path), model)
    assert len(scalars(tmp_path / "train")["epoch_loss"]) == 3


def test_files_have_the_structure_that_viewers_know(tmp_path):
    """Netron finds Keras's files by these names: the archive's members, and layers' arrays in the weights' file."""
    import json
    import zipfile

    import h5py

    import ranvier

    model = ranvier.Sequential([ranvier.layers.Dense(2, "relu", input_shape=(3,)), ranvier.layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert {"metadata.json", "config.json", "model.weights.h5"} <= set(archive.namelist())
        config = json.loads(archive.read("config.json"))
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            assert weights["layers/dense/vars/0"].shape == (3, 2)
            assert weights["layers/dense_1/vars/1"].shape == (1,)
    assert (config["class_name"], config["module"]) == ("Sequential", "keras")
    assert [layer["class_name"] for layer in config["config"]["layers"]] == ["InputLayer", "Dense", "Dense"]
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as weights:
        assert weights["layers/dense/vars/0"].shape == (3, 2)
