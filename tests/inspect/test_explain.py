"""Explanations: the tutorial's numbers, each kind of layer by hand, models of every build, and refusals."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, ArgumentTypeError, NotBuiltError, ShapeError
from ranvier.inspect.explain import explain


def tutorial():
    model = ranvier.Sequential(
        [
            ranvier.Input((2,)),
            layers.Dense(2, activation="sigmoid", kernel_initializer="ones", name="hidden"),
            layers.Dense(1, activation="sigmoid", kernel_initializer="ones", name="out"),
        ]
    )
    model.compile(loss="mse")
    return model


def test_the_tutorials_network_as_on_paper():
    explanation = tutorial().explain([-2.0, -1.0], 1.0)
    h1, h2 = explanation.layer("hidden").neurons
    (out,) = explanation.layer("out").neurons
    assert [f"{h.output:.4f}" for h in (h1, h2)] == ["0.0474", "0.0474"]
    assert f"{out.output:.3f}" == "0.524"
    assert [term.product for term in h1.terms] == [-2.0, -1.0]
    assert h1.sum == -3.0
    assert h1.bias == 0.0
    a, h = out.output, h1.output
    assert np.isclose(explanation.loss["value"], (1 - a) ** 2)
    assert np.isclose(out.output_gradient, -2 * (1 - a))
    assert np.isclose(out.sum_gradient, -2 * (1 - a) * a * (1 - a))
    assert np.isclose(h1.output_gradient, out.sum_gradient * 1.0)
    assert np.isclose(h1.sum_gradient, h1.output_gradient * h * (1 - h))
    assert np.isclose(h1.terms[0].gradient, 0.02147, atol=5e-6)
    assert np.isclose(h1.bias_gradient, h1.sum_gradient)


def test_the_tutorials_chain_factor_by_factor():
    chain = tutorial().explain([-2.0, -1.0], 1.0).chain("hidden", weight=(0, 0))
    (path,) = chain.paths
    a, h = 0.5236961, 0.04742587
    expected = [-2 * (1 - a), a * (1 - a), 1.0, h * (1 - h), -2.0]
    np.testing.assert_allclose([factor.value for factor in path.factors], expected, rtol=1e-5)
    assert [factor.formula for factor in path.factors] == [
        "−2(y − ŷ)", "sigmoid′(sum) = a(1 − a)", "weight out.kernel[0, 0]", "sigmoid′(sum) = a(1 − a)", "input x[0]",
    ]  # fmt: skip
    assert np.isclose(path.product, 0.02147, atol=5e-6)
    assert chain.gradient == pytest.approx(path.product, rel=1e-5)
    assert "−2(y − ŷ)" in str(chain)
    assert "0.02147" in str(chain)


def test_text_is_aligned_and_says_everything():
    text = str(tutorial().explain([-2.0, -1.0], 1.0, layers="hidden", neurons=0))
    assert "a = sigmoid(x·W + b)" in text
    assert "x[0]         -2 × kernel[0, 0]              1 =       -2 ∂L/∂kernel[0, 0]   0.02147" in text
    assert "sigmoid(sum)                   slope 0.045177   0.047426 ∂L/∂output        -0.23762" in text
    assert "── out" not in text


# --- kinds of layers by hand ------------------------------------------------------------------------------------------


def alone(layer, shape, dtype="float32"):
    return ranvier.Sequential([ranvier.Input(shape, dtype=dtype), layer])


def test_convolution_shows_the_patch_that_a_neuron_sees(rng):
    model = alone(layers.Conv2D(2, (2, 3), strides=2, padding="same", name="conv"), (5, 6, 3))
    x = rng.normal(size=(5, 6, 3)).astype("float32")
    neuron = model.explain(x).neuron("conv", (1, 2, 1), top=100)
    kernel = model.layers[0].kernel.numpy()
    # Rows 2 and 3, columns 4 to 6, of which the last is padding, by all three channels.
    assert neuron.terms_total == 2 * 2 * 3
    for term in neuron.terms:
        i, j, c = term.input_index
        assert term.input == pytest.approx(x[i, j, c])
        assert term.weight_index == (i - 2, j - 4, c, 1)
        assert term.weight == pytest.approx(kernel[i - 2, j - 4, c, 1])
    few = model.explain(x).neuron("conv", (1, 2, 1), top=3)
    strongest = sorted((abs(t.product) for t in neuron.terms), reverse=True)[:3]
    assert [abs(t.product) for t in few.terms] == strongest
    assert few.rest + sum(t.product for t in few.terms) + few.bias == pytest.approx(few.sum, rel=1e-5)


def test_large_inputs_keep_their_places_exactly(rng):
    model = alone(layers.Conv2D(1, 2, name="conv"), (70, 80, 3))
    x = rng.normal(size=(70, 80, 3)).astype("float32")
    neuron = model.explain(x, neurons=()).neuron("conv", (67, 77, 0), top=99)
    assert {t.input_index for t in neuron.terms} == {(i, j, c) for i in (67, 68) for j in (77, 78) for c in range(3)}


def test_pooling_shows_who_won():
    model = alone(layers.MaxPooling2D(2, name="pool"), (2, 4, 1))
    x = np.arange(8.0).reshape(2, 4, 1)
    neuron = model.explain(x).neuron("pool", (0, 1, 0))
    assert [(t.input_index, t.input, t.weight) for t in neuron.terms] == [
        ((0, 2, 0), 2.0, 0.0), ((0, 3, 0), 3.0, 0.0), ((1, 2, 0), 6.0, 0.0), ((1, 3, 0), 7.0, 1.0),
    ]  # fmt: skip


def test_layer_normalization_shows_its_statistics():
    model = alone(layers.LayerNormalization(epsilon=0, name="norm"), (2,))
    norm = model.explain([1.0, 3.0]).layer("norm")
    shown = {q.name: q.value.tolist() for q in norm.tensors}
    assert shown == {"mean": [2.0], "variance": [1.0], "normalised": [-1.0, 1.0], "scaled": [-1.0, 1.0],
                     "shifted": [-1.0, 1.0]}  # fmt: skip


def test_batch_normalization_in_training_sees_the_batch():
    model = alone(layers.BatchNormalization(epsilon=0, name="norm"), (1,))
    norm = model.explain([[1.0], [3.0], [8.0]], index=2, training=True).layer("norm")
    assert norm.tensor("mean").value.tolist() == [4.0]
    assert norm.tensor("normalised").value.tolist() == pytest.approx([4 / np.sqrt(26 / 3)])
    assert model.layers[0].moving_mean.numpy().tolist() == [0.0]  # explaining changes nothing


def test_dropout_shows_what_is_kept_in_training_only():
    model = alone(layers.Dropout(0.5, seed=1, name="drop"), (64,))
    quiet = model.explain(np.ones(64)).layer("drop")
    assert not quiet.tensors
    assert "in training only" in quiet.note
    loud = model.explain(np.ones(64), training=True).layer("drop")
    assert set(loud.tensor("kept").value.tolist()) == {0.0, 2.0}
    np.testing.assert_array_equal(loud.tensor("kept").value, loud.outputs[0].value)


def test_embedding_says_which_rows():
    model = alone(layers.Embedding(5, 2, name="table"), (3,), "int32")
    table = model.explain([4, 0, 4]).layer("table")
    assert table.note == "Looks up rows 4, 0, 4 of a table of 5 rows."
    np.testing.assert_array_equal(table.outputs[0].value, table.weight("embeddings").value[[4, 0, 4]])


def test_lstm_steps_are_those_of_the_equations(rng):
    model = alone(layers.LSTM(3, name="lstm"), (4, 2))
    model.compile(loss="mse")
    x = rng.normal(size=(4, 2)).astype("float32")
    lstm = model.explain(x, np.zeros((1, 3)), index=0).layer("lstm")
    w, u, b = (weight.value for weight in lstm.weights)
    h = c = np.zeros(3)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    for step in range(4):
        i, f, g, o = np.split(x[step] @ w + h @ u + b, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        for name, value in [("input gate", i), ("forget gate", f), ("candidate", g), ("output gate", o),
                            ("cell state", c), ("state", h)]:  # fmt: skip
            np.testing.assert_allclose(lstm.tensor(name).value[step], value, rtol=1e-5, atol=1e-6)
    # The gradients of the sums are those that make up ∂L/∂W: Σ over steps of x · ∂L/∂sum.
    names = ("input sum", "forget sum", "candidate sum", "output sum")
    by_sums = np.concatenate([lstm.tensor(name).gradient for name in names], axis=1)
    np.testing.assert_allclose(x.T @ by_sums, lstm.weight("kernel").gradient, rtol=1e-4, atol=1e-7)


def test_attention_shows_scores_and_weights(rng):
    inputs = ranvier.Input((4, 6))
    model = ranvier.Model(inputs, layers.MultiHeadAttention(2, 3, name="att")(inputs, inputs, use_causal_mask=True))
    att = model.explain(rng.normal(size=(4, 6)).astype("float32")).layer("att")
    q, k, v = (att.tensor(name).value for name in ("queries", "keys", "values"))
    scores = np.einsum("thf,shf->hts", q, k) / np.sqrt(3)
    np.testing.assert_allclose(att.tensor("scores").value, scores, rtol=1e-5, atol=1e-6)
    weights = np.where(np.tri(4, dtype=bool), np.exp(scores), 0)
    weights /= weights.sum(-1, keepdims=True)
    np.testing.assert_allclose(att.tensor("weights").value, weights, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        att.tensor("attended").value, np.einsum("hts,shv->thv", weights, v), rtol=1e-5, atol=1e-6
    )
    assert att.tensor("weights").axes == ("head", "query", "key")


# --- models of every build --------------------------------------------------------------------------------------------


class Twice(ranvier.Model):
    """A subclassed model that calls one layer twice and adds with plain operators."""

    def __init__(self):
        super().__init__(name="twice")
        self.shared = layers.Dense(3, activation="tanh", name="shared")
        self.last = layers.Dense(1, name="last")

    def call(self, x):
        return self.last(self.shared(self.shared(x)) + x)


def test_shared_layers_in_subclassed_models(rng):
    model = Twice()
    x = rng.normal(size=(2, 3)).astype("float32")
    model(x)
    explanation = explain(model, x, np.ones((2, 1)), index=1, loss="mse")
    assert [layer.key for layer in explanation.layers] == ["shared", "shared@2", "before last", "last"]
    first, second = explanation.layers[:2]
    np.testing.assert_array_equal(first.outputs[0].value, second.inputs[0].value)
    # The whole gradient is the sum of what the two calls contribute.
    parts = sum(np.outer(call.inputs[0].value, call.tensor("sum").gradient) for call in (first, second))
    np.testing.assert_allclose(first.weight("kernel").gradient, parts, rtol=1e-5)
    chain = explanation.chain("shared", (0, 1), top=50)
    assert chain.total == pytest.approx(chain.gradient, rel=1e-4)
    assert sum(path.product for path in chain.paths) == pytest.approx(chain.gradient, rel=1e-4)
    assert chain.paths_total == len(chain.paths) == 4  # once directly from each call, and from the first through three


def test_nested_functional_models_with_several_inputs_and_outputs(rng):
    inner_in = ranvier.Input((3,))
    inner = ranvier.Model(inner_in, layers.Dense(2, "relu", name="dense")(inner_in), name="encoder")
    a, b = ranvier.Input((3,), name="a"), ranvier.Input((3,), name="b")
    merged = layers.Add(name="sum")([inner(a), inner(b)])
    model = ranvier.Model({"a": a, "b": b}, [layers.Dense(1, name="one")(merged), layers.Dense(2, name="two")(merged)])
    model.compile(loss="mse", loss_weights=[1.0, 0.5])
    x = {"a": rng.normal(size=(4, 3)).astype("float32"), "b": rng.normal(size=(4, 3)).astype("float32")}
    explanation = model.explain(x, [np.ones((4, 1)), np.ones((4, 2))], index=2)
    keys = [layer.key for layer in explanation.layers]
    assert keys == ["encoder", "encoder/dense", "encoder@2", "encoder@2/dense", "sum", "one", "two"]
    assert explanation.layer("encoder/dense").depth == 1
    neuron = explanation.neuron("sum", 0)
    assert [term.source for term in neuron.terms] == ["x0", "x1"]
    assert explanation.loss["value"] == pytest.approx(
        model.evaluate({k: v[2:3] for k, v in x.items()}, [np.ones((1, 1)), np.ones((1, 2))], verbose=0)[0], rel=1e-5
    )
    chain = explanation.chain("encoder/dense", (0, 0), top=100)
    assert chain.total == pytest.approx(chain.gradient, rel=1e-4, abs=1e-7)


def test_layers_inside_time_distributed_and_bidirectional(rng):
    model = ranvier.Sequential(
        [
            ranvier.Input((5, 2)),
            layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both"),
            layers.TimeDistributed(layers.Dense(2, name="step"), name="each"),
        ]
    )
    x = rng.normal(size=(3, 5, 2)).astype("float32")
    explanation = model.explain(x, np.zeros((3, 5, 2)), index=1, loss="mse")
    np.testing.assert_allclose(explanation.outputs[0].value, model(x)[1], rtol=1e-5, atol=1e-6)
    assert explanation.layer("each/step").outputs[0].shape == (5, 2)
    assert explanation.layer("both/forward_gru").tensor("update gate").shape == (5, 3)
    step = explanation.neuron("each/step", (4, 1))
    assert step.sum == pytest.approx(float(model(x)[1, 4, 1]), rel=1e-4)


def test_a_layer_by_itself_and_float64():
    layer = layers.Dense(1, dtype="float64", activation="sigmoid", kernel_initializer="ones", name="neuron")
    layer.build((None, 2))
    neuron = explain(layer, np.array([[3.0, 4.0]])).neuron("neuron", 0)
    assert neuron.output == pytest.approx(0.9990889488055994, rel=1e-12)


def test_samples_come_alone_or_in_batches_and_nothing_is_compiled_twice(rng):
    model = tutorial()
    batch = rng.normal(size=(3, 2)).astype("float32")
    one = model.explain(batch[2], 0.5)
    many = model.explain(batch, np.full(3, 0.5), index=-1)
    assert many.index == 2
    assert one.to_dict()["layers"][0]["outputs"][0]["value"].tolist() == pytest.approx(many.layers[0].outputs[0].value)
    shown = str(one)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "jit", None)  # from now on nothing may be compiled
        assert str(model.explain(batch[2], 0.5)) == shown
        assert str(model.explain(batch[0], 0.1)) != shown


def test_changes_of_the_model_are_seen():
    model = tutorial()
    before = model.explain([1.0, 2.0], 1.0)
    model.layers[0].kernel.assign(np.zeros((2, 2)))
    assert model.explain([1.0, 2.0], 1.0).neuron("hidden", 0).output == 0.5
    model.layers[0].activation = ranvier.activations.tanh
    assert model.explain([1.0, 2.0], 1.0).neuron("hidden", 0).output == 0.0
    assert before.neuron("hidden", 0).sum == 3.0  # what was explained stays
    model.compile(loss="mae")
    assert model.explain([1.0, 2.0], 1.0).loss["name"] == "mean_absolute_error"


def test_losses_heed_masks_also_of_a_sample_in_a_batch():
    model = ranvier.Sequential(
        [ranvier.Input((3,), dtype="int32"), layers.Embedding(4, 2, mask_zero=True, embeddings_initializer="ones")]
    )
    x, y = np.array([[1, 2, 3], [1, 0, 0]]), np.zeros((2, 3, 2))
    y[1, 0] = 3.0
    for training in (False, True):
        assert model.explain(x, y, index=1, loss="mse", training=training).loss["value"] == pytest.approx(4.0)


def test_penalties_are_part_of_the_loss_and_of_the_chain():
    model = alone(layers.Dense(1, kernel_regularizer="l2", kernel_initializer="ones", name="out"), (2,))
    explanation = model.explain([1.0, 2.0], 3.0, loss="mse")
    assert explanation.loss["data"] == pytest.approx(0, abs=1e-6)
    assert explanation.loss["penalties"] == pytest.approx(0.02)
    chain = explanation.chain("out", (0, 0))
    assert chain.gradient == pytest.approx(0.02)
    assert "the penalty on the weight" in str(chain)


def test_half_precision_is_shown_as_it_was_computed(rng):
    model = ranvier.Sequential(
        [ranvier.Input((5, 5, 2)), layers.Conv2D(2, 3, activation="relu", dtype="mixed_bfloat16", name="conv")]
    )
    conv = model.explain(rng.normal(size=(5, 5, 2)), np.zeros((1, 3, 3, 2)), loss="mse").layer("conv")
    assert conv.outputs[0].dtype == "bfloat16"
    assert conv.outputs[0].value.dtype == "float32"
    neuron = conv.neuron((1, 1, 1), top=100)
    assert {t.input_index for t in neuron.terms} == {(i, j, c) for i in (1, 2, 3) for j in (1, 2, 3) for c in (0, 1)}
    assert sum(t.product for t in neuron.terms) + neuron.bias == pytest.approx(neuron.sum, rel=0.02, abs=0.02)


def test_strings_are_looked_up_on_the_way():
    inputs = ranvier.Input((2,), dtype="string")
    numbers = layers.StringLookup(vocabulary=["a", "b"], name="lookup")(inputs)
    model = ranvier.Model(inputs, layers.Flatten()(layers.Embedding(3, 2, name="table")(numbers)))
    explanation = model.explain(np.array([["b", "?"]]), np.zeros((1, 4)), loss="mse")
    assert explanation.layer("lookup").outputs[0].value.tolist() == [2, 0]
    assert explanation.layer("table").weight("embeddings").gradient.any(axis=1).tolist() == [True, False, True]
    assert json.loads(explanation.to_json())["inputs"][0]["value"] == ["b", "?"]


# --- forms ------------------------------------------------------------------------------------------------------------


def test_data_has_arrays_and_json_has_none():
    explanation = tutorial().explain([-2.0, -1.0], 1.0)
    data = explanation.to_dict()
    assert isinstance(data["layers"][0]["weights"][0]["value"], np.ndarray)
    read = json.loads(explanation.to_json())
    assert read["format"] == "ranvier.explanation"
    assert read["layers"][0]["neurons"][0]["terms"][0]["weight_index"] == [0, 0]
    assert read["loss"]["name"] == "mean_squared_error"
    assert set(read["layers"][0]) == {
        "id", "key", "name", "class", "kind", "call", "calls", "parent", "depth", "formula", "note", "activation",
        "inputs", "outputs", "weights", "tensors", "has_neurons", "neuron_shape", "neurons",
    }  # fmt: skip


def test_html_escapes_names():
    model = alone(layers.Dense(1, name="<b>&evil"), (2,))
    html = model.explain([1.0, 2.0], 1.0, loss="mse")._repr_html_()
    assert "<b>&evil" not in html
    assert "&lt;b&gt;&amp;evil" in html


def test_infinite_numbers_are_words_in_json():
    model = alone(layers.Dense(1, kernel_initializer="ones", name="out"), (1,))
    assert '"NaN"' in model.explain([np.nan]).to_json()


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_refusals_say_what_to_do():
    model = tutorial()
    with pytest.raises(NotBuiltError, match="Call it on data once"):
        explain(ranvier.Sequential([layers.Dense(1)]), [1.0])
    with pytest.raises(ShapeError, match=r"samples of shape \(2,\).*Received: shape \(3,\)"):
        model.explain([1.0, 2.0, 3.0])
    with pytest.raises(ArgumentError, match=r"No layer 'hiden'.*Did you mean 'hidden'"):
        model.explain([1.0, 2.0], layers="hiden")
    with pytest.raises(ArgumentError, match=r"indices 0…1 .*Received: 2"):
        model.explain([1.0, 2.0], layers="hidden", neurons=2)
    with pytest.raises(ArgumentError, match="0 to 0"):
        model.explain([1.0, 2.0], index=1)
    bare = ranvier.Sequential([ranvier.Input((2,)), layers.Dense(1)])
    with pytest.raises(ArgumentError, match="has no loss"):
        bare.explain([1.0, 2.0], 1.0)
    with pytest.raises(ArgumentError, match="without a target"):
        bare.explain([1.0, 2.0], loss="mse")
    with pytest.raises(ValueError, match="with a target y"):
        model.explain([1.0, 2.0]).chain("hidden", (0, 0))
    with pytest.raises(ArgumentError, match=r"shape \(2, 2\)"):
        model.explain([1.0, 2.0], 1.0).chain("hidden", (2, 0))
    with pytest.raises(ArgumentError, match=r"the weights \['kernel', 'bias'\]"):
        model.explain([1.0, 2.0], 1.0).chain("hidden", (0, 0), variable="gamma")
    with pytest.raises(ArgumentTypeError):
        explain(lambda x: x, [1.0])
    with pytest.raises(ShapeError, match="a target for each of 3 samples"):
        model.explain(np.zeros((3, 2)), [1.0])


def test_gradients_of_every_weight_are_autodiffs(rng):
    model = ranvier.Sequential(
        [
            ranvier.Input((6, 6, 1)), layers.Conv2D(2, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"), layers.MaxPooling2D(2, name="pool"), layers.Flatten(),
            layers.Dense(3, activation="softmax", name="out"),
        ]
    )  # fmt: skip
    model.compile(loss="sparse_categorical_crossentropy")
    x = rng.normal(size=(1, 6, 6, 1)).astype("float32")
    explanation = model.explain(x, [2])
    others = [v.value for v in model.non_trainable_variables]

    def loss(trainable):
        return -jnp.log(model.stateless_call(trainable, others, x, training=False)[0][0, 2])

    expected = jax.grad(loss)([v.value for v in model.trainable_variables])
    found = {w.path: w.gradient for layer in explanation.layers for w in layer.weights}
    for variable, gradient in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(found[variable.path], gradient, rtol=1e-4, atol=1e-6)
    chain = explanation.chain("conv", (1, 1, 0, 1))
    assert chain.total == pytest.approx(chain.gradient, rel=1e-3, abs=1e-6)
