"""What the page tells about a model is what the model computes."""

import base64
import json

import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, NotBuiltError, ShapeError
from ranvier.datasets import mnist
from ranvier.inspect.look.session import Session


def values(picture):
    """The numbers of a picture, (panels, rows, columns)."""
    flat = np.frombuffer(base64.b64decode(picture["data"]), "<f4")
    return flat.reshape(picture["panels"], picture["rows"], picture["columns"])


def test_a_digits_network_takes_mnist(digits):
    session = Session(digits)
    said = session.describe()
    assert said["input"] == {"digit": True, "typed": 0, "shapes": [[28, 28]]}
    assert said["samples"] == {"count": 10_000, "source": "mnist", "labelled": True}
    assert [layer["kind"] for layer in said["layers"]] == ["InputLayer", "Flatten", "Dense", "Dense"]
    assert said["parameters"] == digits.count_params()
    images, labels = mnist.load_data()[1]
    answer = session.run({"sample": 3})
    expected = digits.predict(images[3:4].astype("float32") / 255, verbose=0)[0]
    np.testing.assert_allclose(answer["outputs"][0]["values"], expected, rtol=1e-5)
    assert answer["outputs"][0]["kind"] == "classes"
    assert answer["label"] == str(labels[3])
    np.testing.assert_allclose(values(answer["layers"]["digit"]).ravel(), expected, rtol=1e-5)
    json.dumps(answer, allow_nan=False)


def test_a_drawing_is_a_sample(digits):
    session = Session(digits)
    image = mnist.load_data()[1][0][5]
    drawn = session.run({"pixels": image.reshape(-1).tolist()})
    assert drawn["outputs"] == session.run({"sample": 5})["outputs"]
    assert drawn["label"] is None
    assert session.run({"pixels": image.reshape(-1).tolist(), "target": [7]})["label"] == "7"


def test_a_network_that_scales_gets_bytes(digits):
    model = ranvier.Sequential([layers.Rescaling(1 / 255, input_shape=(28, 28)), digits])
    ours = Session(model).run({"sample": 0})["outputs"][0]["values"]
    np.testing.assert_allclose(ours, Session(digits).run({"sample": 0})["outputs"][0]["values"], rtol=1e-5)


def test_layers_give_their_weights_as_images(digits):
    session = Session(digits)
    layer = session.layer("hidden", {"sample": 0})
    kernel, bias = layer["weights"]
    assert kernel["picture"]["form"] == "neurons"
    np.testing.assert_array_equal(values(kernel["picture"])[4].ravel(), digits.layers[1].get_weights()[0][:, 4])
    assert bias["shape"] == [12]
    assert layer["activation"] == "relu"
    within = session.within("hidden", {"sample": 0})
    assert within["neurons"]
    assert "relu" in within["formula"]
    assert "weights" not in session.layer("hidden", {"sample": 0}, brief=True)


def test_activations_of_every_layer_are_the_model_s(images):
    session = Session(images)
    x = mnist.load_data()[1][0][:1, ..., None].astype("float32") / 255
    for layer in images.layers:
        x = np.asarray(layer(x))
        found = values(session.layer(layer.name, {"sample": 0})["activation_picture"])
        wanted = x[0].transpose(2, 0, 1).ravel() if x.ndim == 4 else x.ravel()
        np.testing.assert_allclose(found.ravel(), wanted, rtol=1e-4, atol=1e-6)


def test_a_neuron_s_sum_adds_up(digits):
    session = Session(digits)
    neuron = session.neuron("hidden", [3], {"sample": 2})
    total = sum(term["product"] for term in neuron["terms"]) + neuron["rest"] + neuron["bias"]
    assert total == pytest.approx(neuron["sum"], abs=1e-5)
    assert neuron["output"] == pytest.approx(max(neuron["sum"], 0), abs=1e-6)
    given, weights, products = (values(part["picture"]) for part in neuron["pictures"])
    np.testing.assert_allclose(given * weights, products)
    assert products.sum() + neuron["bias"] == pytest.approx(neuron["sum"], abs=1e-4)
    json.dumps(neuron, allow_nan=False)


@pytest.mark.parametrize("place", [[0, 0, 1], [13, 13, 2], [6, 0, 0]])
def test_a_convolution_s_neuron_sees_its_patch(images, place):
    session = Session(images)
    neuron = session.neuron("conv", place, {"sample": 0})
    products = values(neuron["pictures"][2]["picture"])
    assert products.sum() + neuron["bias"] == pytest.approx(neuron["sum"], abs=1e-5)


def test_the_chain_rule_as_on_paper(two_two_one, x_and_y):
    session = Session(two_two_one, *x_and_y)
    hidden = session.neuron("hidden", [0], {"sample": 0})
    assert hidden["output"] == pytest.approx(0.0474, abs=5e-5)
    term = next(term for term in hidden["terms"] if term["input_index"] == [0])
    assert term["gradient"] == pytest.approx(0.0214, abs=1e-4)
    chain = session.chain("hidden", [0], {"sample": 0})["chain"]
    assert chain["gradient"] == pytest.approx(0.0214, abs=1e-4)
    assert np.prod([factor["value"] for factor in chain["paths"][0]["factors"]]) == pytest.approx(0.0214, abs=1e-4)
    assert hidden["loss"]["value"] == pytest.approx((1 - 0.524) ** 2, abs=1e-3)
    typed = session.neuron("hidden", [0], {"numbers": [-2, -1], "target": [1]})
    assert typed["terms"] == hidden["terms"]
    assert session.chain("hidden", [0], {"numbers": [-2, -1], "target": [1]})["chain"] == chain
    assert session.chain("hidden", [0], {"numbers": [-2, -1]})["chain"] is None
    assert session.neuron("hidden", [0], {"numbers": [-2, -1]})["sum_gradient"] is None


def test_trained_weights_are_seen_at_once(two_two_one, x_and_y):
    session = Session(two_two_one, *x_and_y)
    before = session.run({"sample": 0})["outputs"][0]["values"]
    two_two_one.fit(*x_and_y, epochs=3, verbose=0)
    after = session.run({"sample": 0})["outputs"][0]["values"]
    assert after != before
    np.testing.assert_allclose(after, two_two_one.predict(x_and_y[0], verbose=0)[0], rtol=1e-6)
    session.neuron("hidden", [0], {"sample": 0})


def test_branches_shared_layers_and_functions_show_what_flows(rng):
    x = ranvier.Input((4,), name="x")
    shared = layers.Dense(4, name="shared")
    a = shared(x)
    b = layers.Dense(4, name="other")(shared(a)) + a
    model = ranvier.Model(x, layers.Dense(1, name="out")(layers.Concatenate(name="both")([a, b])))
    given = rng.normal(size=(3, 4)).astype("float32")
    session = Session(model, given)
    pictures = session.run({"sample": 1})["layers"]
    described = session.describe()
    assert set(pictures) == {layer["id"] for layer in described["layers"]}
    both = values(pictures["both"]).ravel()
    first = np.asarray(shared(given[1:2]))[0]
    np.testing.assert_allclose(both[:4], first, rtol=1e-5)
    (function,) = [layer["id"] for layer in described["layers"] if layer["kind"] == "add"]
    np.testing.assert_allclose(values(pictures[function]).ravel(), both[4:], rtol=1e-5)
    for layer in described["layers"]:
        session.layer(layer["id"], {"sample": 1})


class Mixer(ranvier.Model):
    """A model that is Python code, with a model inside."""

    def __init__(self):
        super().__init__()
        self.inner = ranvier.Sequential([layers.Dense(3, "tanh", name="deep")], name="inner")
        self.last = layers.Dense(2, name="last")

    def call(self, inputs):
        return self.last(self.inner(inputs) * 2)


def test_models_that_are_code(rng):
    given = rng.normal(size=(2, 5)).astype("float32")
    model = Mixer()
    model(given)
    session = Session(model, given)
    ids = [layer["id"] for layer in session.describe()["layers"]]
    assert "inner/deep" in ids
    assert "last" in ids
    out = session.run({"sample": 1})
    np.testing.assert_allclose(out["outputs"][0]["values"], np.asarray(model(given))[1], rtol=1e-5)
    assert session.neuron("inner/deep", [1], {"sample": 1})["activation"] == "tanh"


def test_recurrent_attention_and_embedding_models(rng):
    words = ranvier.Input((7,), dtype="int32", name="words")
    x = layers.Embedding(20, 6, name="embed")(words)
    x = layers.MultiHeadAttention(2, 4, name="attend")(x, x)
    x = layers.LSTM(5, name="lstm")(x)
    model = ranvier.Model(words, layers.Dense(1, "sigmoid", name="out")(x))
    session = Session(model)
    assert session.samples.source == "random"
    answer = session.run({"sample": 0})
    assert answer["outputs"][0]["kind"] == "probability"
    for layer in session.describe()["layers"]:
        found = session.layer(layer["id"], {"sample": 0})
        json.dumps([found, session.within(layer["id"], {"sample": 0})], allow_nan=False)
        index = [0] * len(found["activation_picture"]["shape"])
        json.dumps(session.neuron(layer["id"], index, {"sample": 0}), allow_nan=False)
    assert session.within("attend", {"sample": 0})["tensors"]


def test_several_inputs(rng):
    long, short = ranvier.Input((3,), name="z"), ranvier.Input((2,), name="a")
    both = layers.Concatenate()([long, short])
    model = ranvier.Model({"z": long, "a": short}, layers.Dense(1)(both))
    given = {"a": rng.normal(size=(4, 2)).astype("float32"), "z": rng.normal(size=(4, 3)).astype("float32")}
    for samples in (given, None):
        session = Session(model, samples)
        pictures = session.run({"sample": 2})["layers"]
        assert set(pictures) == {layer["id"] for layer in session.describe()["layers"]}
        assert (pictures["z"]["count"], pictures["a"]["count"]) == (3, 2)
        if samples is given:
            np.testing.assert_array_equal(values(pictures["z"]).ravel(), given["z"][2])
            assert session.neuron(session.graph.outputs[0], [0], {"sample": 2})["terms_total"] == 5
    with pytest.raises(ArgumentError, match=r"the keys of the model's inputs, \['a', 'z'\]"):
        Session(model, {"a": given["a"]})


def test_what_cannot_be_looked_at_is_told(digits):
    with pytest.raises(NotBuiltError, match="not built"):
        Session(ranvier.Sequential([layers.Dense(1)]))
    with pytest.raises(ShapeError, match="x must hold samples of shape"):
        Session(digits, np.zeros((3, 27, 28), "float32"))
    with pytest.raises(ArgumentError, match="a target for each of the 3"):
        Session(digits, np.zeros((3, 28, 28), "float32"), np.zeros(2))
    with pytest.raises(ArgumentError, match="x must hold samples"):
        Session(digits, np.zeros((0, 28, 28), "float32"))


def test_a_target_without_a_loss_is_told(x_and_y):
    model = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(1, name="out")])
    neuron = Session(model, *x_and_y).neuron("out", [0], {"sample": 0})
    assert neuron["sum_gradient"] is None
    assert neuron["why_no_gradient"]
