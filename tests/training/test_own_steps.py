"""Training steps that people write themselves, in all their forms: compiled and eager give the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier
from ranvier import layers, metrics, ops

X = np.random.default_rng(0).random((12, 3)).astype("float32")
Y = X.sum(1, keepdims=True) > 1.5
FORMS = [(X, Y.astype("float32")), (X,), (X, Y.astype("float32"), np.linspace(0, 1, 12).astype("float32"))]


def fitted(make, *data, epochs=3, **options):
    """The history and weights of a model trained compiled, and of one trained eagerly, which are the same."""
    found = []
    for eager in (False, True):
        ranvier.utils.set_random_seed(3)
        model = make()
        model.compile("adam", "mse", run_eagerly=eager)
        x, y, weight = (*data, None, None)[:3]
        history = model.fit(x, y, sample_weight=weight, epochs=epochs, batch_size=5, verbose=0, **options).history
        found.append((history, model.get_weights()))
    (compiled, weights), (eager, others) = found
    assert list(compiled) == list(eager)
    for name in compiled:
        np.testing.assert_allclose(compiled[name], eager[name], rtol=1e-4, atol=1e-6)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    return compiled


class Seen(ranvier.Model):
    """Notes in which form each step gets its data."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.forms = set()

    def call(self, x):
        return self.dense(x[0] if isinstance(x, (list, tuple)) else x["a"] if isinstance(x, dict) else x)

    def note(self, data):
        self.forms.add(form_of(data))
        return {"loss": ops.sum(self.dense(X))}

    train_step = test_step = note

    def predict_step(self, data):
        self.note(data)
        return self(data if not isinstance(data, tuple) else data[0])


def form_of(data):
    if isinstance(data, (tuple, list)):
        return "(" + " ".join(form_of(part) for part in data) + ")"
    return "None" if data is None else "dict" if isinstance(data, dict) else f"a{data.ndim}"


def forms(call):
    model = Seen()
    model.compile("sgd")
    call(model)
    (form,) = model.forms
    return form


W = np.ones(12, "float32")


@pytest.mark.parametrize(
    ("call", "form"),
    [
        (lambda m: m.fit(X, verbose=0), "a2"),
        (lambda m: m.fit(X, X, verbose=0), "(a2 a2)"),
        (lambda m: m.fit(X, X, sample_weight=W, verbose=0), "(a2 a2 a1)"),
        (lambda m: m.fit([X, X], verbose=0), "((a2 a2))"),
        (lambda m: m.fit({"a": X}, verbose=0), "dict"),
        (lambda m: m.fit(X, batch_size=5, steps_per_epoch=1, epochs=2, verbose=0), "a2"),
        (lambda m: m.evaluate(X, verbose=0), "a2"),
        (lambda m: m.evaluate(X, X, batch_size=5, verbose=0), "(a2 a2)"),
        (lambda m: m.predict(X, verbose=0), "a2"),
        (lambda m: m.predict(X, batch_size=5, verbose=0), "a2"),
        (lambda m: m.predict([X, X], verbose=0), "((a2 a2))"),
        (lambda m: m.train_on_batch(X), "(a2 None None)"),
        (lambda m: m.test_on_batch(X, X), "(a2 a2 None)"),
        (lambda m: m.predict_on_batch(X), "(a2)"),
        (lambda m: m.fit(iter([(X,)]), verbose=0), "(a2)"),
        (lambda m: m.fit(iter([(X, X)]), verbose=0), "(a2 a2)"),
        (lambda m: m.fit(iter([(X, None)]), verbose=0), "(a2 None)"),
        (lambda m: m.fit(iter([(X, X, None)]), verbose=0), "(a2 a2 None)"),
        (lambda m: m.fit(iter([X]), verbose=0), "a2"),
        (lambda m: m.predict(iter([(X, X)]), verbose=0), "(a2 a2)"),
    ],
)
def test_steps_get_data_in_the_form_in_which_keras_gives_it(call, form):
    assert forms(call) == form


def subclass(train_step, **members):
    """A functional model's maker whose class has this step."""

    def make():
        cls = type("Own", (ranvier.Model,), {"train_step": train_step, **members})
        inputs = layers.Input((3,))
        return cls(inputs, layers.Dense(1)(layers.Dropout(0.5)(layers.Dense(4, "tanh")(inputs))))

    return make


def plain():
    inputs = layers.Input((3,))
    return ranvier.Model(inputs, layers.Dense(1)(layers.Dropout(0.5)(layers.Dense(4, "tanh")(inputs))))


def by_hand(self, data):
    x, y, weight = ranvier.utils.unpack_x_y_sample_weight(data)

    def loss():
        outputs = self(x, training=True)
        return self.compute_loss(x, y, outputs, weight), outputs

    (value, outputs), slopes = ranvier.gradients(loss, self.trainable_variables, has_aux=True)
    self.optimizer.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
    for metric in self.metrics:
        if metric.name == "loss":
            metric.update_state(value, sample_weight=len(x))
        else:
            metric.update_state(y, outputs, sample_weight=weight)
    return {m.name: m.result() for m in self.metrics}


def passes_all_on(self, *args):
    return ranvier.Model.train_step(self, *args)


def passes_data_on(self, data):
    return ranvier.Model.train_step(self, data)


def passes_state_on(self, state, data):
    return ranvier.Model.train_step(self, state, data)


def tells(logs):
    def step(self, data):
        by_hand(self, data)
        return logs(self)

    return step


STEPS = [
    by_hand, passes_all_on, passes_data_on, passes_state_on, tells(lambda self: None), tells(lambda self: 3.0),
    tells(lambda self: [1.0, 2.0]), tells(lambda self: self.get_metrics_result()),
]  # fmt: skip


@pytest.mark.parametrize("data", [FORMS[0], FORMS[2]], ids=["xy", "weighted"])
@pytest.mark.parametrize("step", STEPS)
def test_every_form_of_the_usual_step_is_the_usual_step(step, data):
    own, usual = fitted(subclass(step), *data), fitted(plain, *data)
    assert list(own) == list(usual) == ["loss"]
    np.testing.assert_allclose(own["loss"], usual["loss"], rtol=1e-5)


def test_a_test_step_and_a_predict_step_pass_data_on(rng):
    class Own(ranvier.Sequential):
        def test_step(self, data):
            return super().test_step(data) | {"twice": 2 * super().test_step(data)["loss"]}

        def predict_step(self, state, data):
            outputs, others = super().predict_step(state, data)
            return -outputs, others

    model = Own([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    loss, twice = model.evaluate(X, Y, batch_size=12, verbose=0)
    np.testing.assert_allclose(twice, 2 * loss, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X, verbose=0), -np.asarray(model(X)), rtol=1e-6)
    np.testing.assert_allclose(model.predict(X, batch_size=5, verbose=0), -np.asarray(model(X)), rtol=1e-6)


def test_a_step_by_hand_outside_of_fit_trains():
    model = plain()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    logs = model.train_step((X, Y))
    assert float(logs["loss"]) > 0
    assert not np.allclose(before[0], model.get_weights()[0])


class Autoencoder(ranvier.Model):
    """A variational autoencoder, as the guides write it: trackers, no `call`, and layers that `fit` builds."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = layers.Dense(4), layers.Dense(3, "sigmoid")
        self.seed = ranvier.random.SeedGenerator(1)
        self.total, self.divergence = metrics.Mean(name="total"), metrics.Mean(name="kl")

    @property
    def metrics(self):
        return [self.total, self.divergence]

    def train_step(self, data):
        def loss():
            mean, log_var = ops.split(self.encode(data), 2, axis=-1)
            z = mean + ops.exp(log_var / 2) * ranvier.random.normal(ops.shape(mean), seed=self.seed)
            kl = -0.5 * ops.mean(1 + log_var - ops.square(mean) - ops.exp(log_var))
            return ops.mean(ops.square(self.decode(z) - data)) + kl, kl

        (value, kl), slopes = ranvier.gradients(loss, self.trainable_weights, has_aux=True)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_weights, strict=True))
        self.total.update_state(value)
        self.divergence.update_state(kl)
        return {m.name: m.result() for m in self.metrics}


def test_a_variational_autoencoder_without_call():
    history = fitted(Autoencoder, X, epochs=30)
    assert set(history) == {"total", "kl"}
    assert history["total"][-1] < history["total"][0]


class Distilling(ranvier.Model):
    """A student that learns from a frozen teacher and from labels."""

    def __init__(self):
        super().__init__()
        self.teacher = ranvier.Sequential([layers.Input((3,)), layers.Dense(1)])
        self.teacher.trainable = False
        self.student = ranvier.Sequential([layers.Dense(4, "relu"), layers.Dense(1)])

    def call(self, x):
        return self.student(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(y - y_pred)) + ops.mean(ops.square(self.teacher(x) - y_pred))


def test_distillation_leaves_the_teacher_alone():
    model = Distilling()
    model.compile("adam")
    before = [w.numpy() for w in model.teacher.weights]
    history = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    for a, b in zip(before, model.teacher.weights, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


class Pair(ranvier.Model):
    """A generator and a discriminator, two optimizers, no `call`, as the guides write it."""

    def __init__(self):
        super().__init__()
        self.generator = ranvier.Sequential([layers.Input((2,)), layers.Dense(8, "relu"), layers.Dense(3)])
        self.discriminator = ranvier.Sequential([layers.Input((3,)), layers.Dense(8, "relu"), layers.Dense(1)])
        self.seed = ranvier.random.SeedGenerator(0)
        self.d_loss, self.g_loss = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    def compile(self, optimizer="adam", loss="mse", **options):
        super().compile(**options)
        self.d_optimizer = ranvier.optimizers.Adam(0.01)
        self.g_optimizer = ranvier.optimizers.Adam(0.02)
        self.loss_fn = ranvier.losses.BinaryCrossentropy(from_logits=True)

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def train_step(self, real):
        noise = ranvier.random.normal((ops.shape(real)[0], 2), seed=self.seed)
        one, zero = ops.ones((ops.shape(real)[0], 1)), ops.zeros((ops.shape(real)[0], 1))

        def of_discriminator():
            fake = self.generator(noise)
            return self.loss_fn(one, self.discriminator(real)) + self.loss_fn(zero, self.discriminator(fake))

        def of_generator():
            return self.loss_fn(one, self.discriminator(self.generator(noise)))

        for loss, part, optimizer, tracker in (
            (of_discriminator, self.discriminator, self.d_optimizer, self.d_loss),
            (of_generator, self.generator, self.g_optimizer, self.g_loss),
        ):
            value, slopes = ranvier.gradients(loss, part.trainable_weights)
            optimizer.apply_gradients(zip(slopes, part.trainable_weights, strict=True))
            tracker.update_state(value)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


def test_a_gan_with_two_optimizers_and_no_call():
    history = fitted(Pair, X, epochs=4)
    assert set(history) == {"d_loss", "g_loss"}
    model = Pair()
    model.compile()
    before = [w.numpy() for w in model.weights]
    model.fit(X, epochs=2, verbose=0, batch_size=4)
    assert int(model.d_optimizer.iterations) == int(model.g_optimizer.iterations) == 6
    for a, b in zip(before, model.trainable_weights, strict=True):
        assert not np.array_equal(a, b.numpy())


class Inner(ranvier.Model):
    """Trains another compiled model in its own step."""

    def __init__(self):
        super().__init__()
        self.part = ranvier.Sequential([layers.Input((3,)), layers.Dense(1)])
        self.part.compile(ranvier.optimizers.SGD(0.1), "mse")
        self.part.optimizer.build(self.part.trainable_variables)

    def train_step(self, data):
        return {"inner": self.part.train_on_batch(*data)}


def test_train_on_batch_inside_a_step_trains():
    losses = fitted(Inner, X, Y.astype("float32"), epochs=4, shuffle=False)["inner"]
    ranvier.utils.set_random_seed(3)
    alone = Inner().part
    expected = [
        [alone.train_on_batch(X[i : i + 5], Y[i : i + 5].astype("float32")) for i in (0, 5, 10)][-1] for _ in range(4)
    ]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_the_classic_gan_by_hand():
    generator = ranvier.Sequential([layers.Input((2,)), layers.Dense(3)])
    discriminator = ranvier.Sequential([layers.Input((3,)), layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")])
    discriminator.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    discriminator.trainable = False
    pair = ranvier.Sequential([layers.Input((2,)), generator, discriminator])
    pair.compile("adam", "binary_crossentropy")
    noise = np.random.default_rng(1).normal(size=(12, 2)).astype("float32")
    for _ in range(3):
        fake = generator.predict(noise, verbose=0)
        discriminator.trainable = True
        d_before = discriminator.get_weights()
        discriminator.train_on_batch(np.concatenate([X, fake]), np.concatenate([np.ones((12, 1)), np.zeros((12, 1))]))
        assert not np.allclose(d_before[0], discriminator.get_weights()[0])
        discriminator.trainable = False
        d_before, g_before = discriminator.get_weights(), generator.get_weights()
        assert isinstance(pair.train_on_batch(noise, np.ones((12, 1))), float)
        np.testing.assert_array_equal(d_before[0], discriminator.get_weights()[0])
        assert not np.allclose(g_before[0], generator.get_weights()[0])


@pytest.mark.parametrize("eager", [False, True])
def test_nothing_to_train(rng, eager):
    model = ranvier.Sequential([layers.Input((4,)), layers.Rescaling(0.5)])
    model.compile("sgd", "mse", run_eagerly=eager)
    assert model.fit(np.ones((6, 4)), np.ones((6, 4)), verbose=0).history == {"loss": [0.25]}
    assert model.train_on_batch(np.ones((6, 4)), np.ones((6, 4))) == 0.25
    assert int(model.optimizer.iterations) == 0
    frozen = ranvier.Sequential([layers.Input((3,)), layers.BatchNormalization(center=False, scale=False)])
    frozen.compile("sgd", "mse", metrics=["mae"], run_eagerly=eager)
    x = rng.random((32, 3)) + 5
    history = frozen.fit(x, np.ones((32, 3)), epochs=3, batch_size=7, validation_data=(x, x), verbose=0).history
    assert np.asarray(frozen.layers[0].moving_mean).max() > 0
    assert {len(values) for values in history.values()} == {3}
    unlabelled = ranvier.Sequential([layers.Input((4,)), layers.Rescaling(0.5)])
    unlabelled.compile("sgd", run_eagerly=eager)
    assert unlabelled.fit(np.ones((6, 4)), verbose=0).history == {"loss": [0.0]}


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.evaluate(X, verbose=0),
        lambda m: m.fit(X, verbose=0),
        lambda m: m.fit(X, Y, validation_data=X, verbose=0),
        lambda m: m.fit(X, Y, validation_data=(X,), verbose=0),
        lambda m: m.train_on_batch(X),
        lambda m: m.test_on_batch(X),
        lambda m: m.evaluate(iter([(X,)]), verbose=0),
    ],
)
@pytest.mark.parametrize("compiled", [{"loss": "mse"}, {"metrics": ["mae"]}])
def test_targets_that_are_missing_are_asked_for(call, compiled):
    model = ranvier.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", **compiled)
    with pytest.raises(ValueError, match=r"no targets y|nothing to minimise"):
        call(model)


class Nested(ranvier.Model):
    """Runs whole calls of an inner model in its own step, as programs do that are not compiled."""

    def __init__(self, call):
        super().__init__()
        self.part = ranvier.Sequential([layers.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
        self.part.compile(ranvier.optimizers.SGD(0.1), "mse")
        self.own = layers.Dense(1)
        self.run = call

    def call(self, x):
        return self.own(x)

    def train_step(self, data):
        return {"inner": ops.mean(self.run(self.part, np.asarray(data[0]), np.asarray(data[1])))}


INNER = {
    "fit": lambda m, x, y: m.fit(x, y, verbose=0, shuffle=False).history["loss"][0],
    "evaluate": lambda m, x, y: m.evaluate(x, y, verbose=0),
    "predict": lambda m, x, y: m.predict(x, verbose=0),
    "on batch": lambda m, x, y: m.train_on_batch(x, y),
}


@pytest.mark.parametrize("name", INNER)
def test_whole_calls_run_in_eager_steps_and_are_refused_in_compiled_ones(name):
    y, results = Y.astype("float32"), []
    model, alone = Nested(INNER[name]), Nested(INNER[name]).part
    model.compile("sgd", "mse", run_eagerly=True)
    found = model.fit(X, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["inner"]
    for _ in range(2):
        results.append([np.mean(INNER[name](alone, X[i : i + 4], y[i : i + 4])) for i in (0, 4, 8)][-1])
    np.testing.assert_allclose(found, results, rtol=1e-5)
    for a, b in zip(model.part.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    compiled = Nested(INNER[name])
    compiled.compile("sgd", "mse")
    compiled.train_step = lambda data: {"inner": ops.mean(INNER[name](compiled.part, X, y))}
    if name == "on batch":  # one step is part of the outer one
        assert np.isfinite(compiled.fit(X, y, verbose=0).history["inner"][0])
    else:
        with pytest.raises(ranvier.core.errors.TraceError, match="whole programs of their own"):
            compiled.fit(X, y, verbose=0)


def test_loops_of_ones_own():
    """Reinforcement learning as the guides write it: act on one state, learn from a batch, copy to a target network."""

    def network():
        model = ranvier.Sequential([layers.Input((3,)), layers.Dense(8, "relu"), layers.Dense(2)])
        model.compile("adam", "mse")
        return model

    policy, target, rng = network(), network(), np.random.default_rng(0)
    target.set_weights(policy.get_weights())
    for step in range(12):
        state = rng.random(3).astype("float32")
        values = policy.predict(state[None], verbose=0)
        np.testing.assert_allclose(values, np.asarray(policy(state[None])), rtol=1e-5, atol=1e-6)
        states = rng.random((5, 3)).astype("float32")
        wanted = target.predict_on_batch(states)
        wanted[np.arange(5), rng.integers(0, 2, 5)] = 1.0
        before = policy.get_weights()
        loss = policy.train_on_batch(states, wanted)
        np.testing.assert_allclose(loss, np.mean((_forward(before, states) - wanted) ** 2), rtol=1e-4)
        if step % 4 == 3:
            target.set_weights(policy.get_weights())
            np.testing.assert_allclose(target.predict(states, verbose=0), policy.predict(states, verbose=0), rtol=1e-6)


def _forward(weights, x):
    first, second = weights[:2], weights[2:]
    return np.maximum(x @ first[0] + first[1], 0) @ second[0] + second[1]


MISTAKES = [
    (lambda m: m.predict(X[0], verbose=0), r"x has shape \(3,\), which is that of one sample.*x\[None\]"),
    (lambda m: m.predict(X[0]), r"x has shape \(3,\), which is that of one sample"),
    (lambda m: m.evaluate(X[0], np.ones(3)), r"x has shape \(3,\), which is that of one sample"),
    (lambda m: m.fit(Y.astype("float32"), X, verbose=0), "x and y seem to have changed places"),
    (lambda m: m.evaluate(Y.astype("float32"), X, verbose=0), "x and y seem to have changed places"),
]


@pytest.mark.parametrize(("call", "says"), MISTAKES)
def test_one_sample_and_swapped_arguments_are_told(call, says):
    model = ranvier.Sequential([layers.Input((3,)), layers.Dense(3), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=says):
        call(model)


def test_one_image_is_told_by_its_own_shape():
    model = ranvier.Sequential([layers.Input((28, 28)), layers.Flatten(), layers.Dense(1)])
    model.predict(np.ones((2, 28, 28), "float32"), verbose=0)
    with pytest.raises(ValueError, match=r"x has shape \(28, 28\), which is that of one sample"):
        model.predict(np.ones((28, 28), "float32"), verbose=0)
