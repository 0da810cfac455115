"""Which networks the kernel for dense layers is given, and which it is not: recognising them needs no kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier import layers, losses, optimizers
from ranvier.core import settings
from ranvier.training import dense_program as door
from ranvier.training.dense_network import DenseNetwork, recognised
from ranvier.training.dense_rules import step_rule

CATEGORICAL = "sparse_categorical_crossentropy"


def _prepared(model: Any, loss: Any = CATEGORICAL, width: int = 3, **compile_arguments: Any) -> Any:
    """The model, compiled and with all variables made, as `fit` has it before its first step."""
    model.compile(**({"optimizer": "sgd", "loss": loss} | compile_arguments))
    x = np.zeros((4, *model.input_shape[1:]), "float32") if isinstance(model.input_shape, tuple) else None
    sparse = "sparse" in str(getattr(loss, "name", loss))
    y = np.zeros((4,) if sparse else (4, width), "int32" if sparse else "float32")
    x = [np.zeros((4, *s[1:]), "float32") for s in model.input_shape] if x is None else x
    model._prepare((x, y, None), learn=True)
    return model


def _read(stack: list[Any], loss: Any = CATEGORICAL, shape: tuple[int, ...] = (5,), **compile_arguments: Any) -> Any:
    return recognised(_prepared(rv.Sequential([rv.Input(shape), *stack]), loss, **compile_arguments))


def _head(**options: Any) -> Any:
    return layers.Dense(3, activation="softmax", **options)


# --- what is recognised -------------------------------------------------------------------------------------------------


def test_all_that_is_known():
    found = _read(
        [
            layers.Rescaling(1 / 255, offset=-0.5), layers.Rescaling(2.0), layers.Flatten(), layers.Dropout(0.25),
            layers.Dense(8, use_bias=False), layers.BatchNormalization(epsilon=0.01, momentum=0.9), layers.ReLU(),
            layers.Dense(7, activation="tanh"), layers.Dropout(0), layers.LeakyReLU(0.1), layers.ELU(0.5),
            layers.Dense(6, activation="selu"), layers.Activation("silu"), layers.Activation("linear"), layers.Dropout(0.5),
            layers.BatchNormalization(center=False, scale=False), layers.Dense(3), layers.Softmax(),
        ],
        shape=(5, 4, 2),
    )  # fmt: skip
    assert isinstance(found, DenseNetwork)
    assert (found.scale, found.offset) == pytest.approx((2 / 255, -1.0))
    assert [op.kind for op in found.before] == ["drop"]
    kinds = [[op.kind for op in layer.ops] for layer in found.layers]
    assert kinds == [["normalize", "relu"], ["tanh", "leaky", "elu"], ["elu", "silu", "drop", "normalize"], []]
    assert [layer.kernel.shape for layer in found.layers] == [(40, 8), (8, 7), (7, 6), (6, 3)]
    assert [layer.bias is None for layer in found.layers] == [True, False, False, False]
    assert found.layers[0].ops[0].numbers == pytest.approx((0.01, 0.9, 0.1))
    assert found.before[0].threshold == int(0.75 * 2**32)
    assert found.layers[2].ops[3].gamma is None
    assert found.layers[2].ops[3].beta is None
    assert found.softmax
    assert found.sparse
    assert found.aim == "probabilities"
    assert len(list(found.ops)) == 10


def test_a_functional_chain_is_one_too():
    inputs = rv.Input((5,))
    x = layers.Dense(4, activation="relu")(inputs)
    assert recognised(_prepared(rv.Model(inputs, _head()(x)))) is not None


@pytest.mark.parametrize(
    ("loss", "aim", "sparse", "smoothing"),
    [
        ("categorical_crossentropy", "probabilities", False, 0),
        (losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2), "logits", False, 0.2),
        ("sparse_categorical_crossentropy", "probabilities", True, 0),
        (losses.SparseCategoricalCrossentropy(from_logits=True), "logits", True, 0),
        ("binary_crossentropy", "binary", False, 0),
        (losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), "binary_logits", False, 0.1),
        ("mse", "squares", False, 0),
        (losses.MeanAbsoluteError(), "distances", False, 0),
        (losses.MeanSquaredError(reduction="mean"), "squares", False, 0),
        (losses.mean_squared_error, "squares", False, 0),
        (losses.LossFunctionWrapper(losses.categorical_crossentropy), "probabilities", False, 0),
    ],
)
def test_losses(loss: Any, aim: str, sparse: bool, smoothing: float):
    found = _read([layers.Dense(3)], loss)
    assert (found.aim, found.sparse, found.smoothing) == (aim, sparse, smoothing)


# --- what is not --------------------------------------------------------------------------------------------------------


class OwnDense(layers.Dense):
    pass


class OwnPenalty(layers.Layer):
    def call(self, inputs):
        self.add_loss(inputs.sum())
        return inputs


def _frozen(layer: Any) -> Any:
    layer.trainable = False
    return layer


def _with_method(layer: Any) -> Any:
    layer.call = lambda inputs: inputs
    return layer


def _low_rank() -> Any:
    layer = layers.Dense(5)
    layer.build((None, 5))
    layer.enable_lora(2)
    return layer


class Unhashable:
    __hash__ = None

    def __call__(self, x):
        return x


STACKS = {
    "a subclass of a layer": lambda: [OwnDense(5)],
    "another layer": lambda: [layers.GaussianNoise(0.1)],
    "a layer that adds a loss": lambda: [OwnPenalty()],
    "a regularised kernel": lambda: [layers.Dense(5, kernel_regularizer="l2")],
    "a regularised bias": lambda: [layers.Dense(5, bias_regularizer="l1")],
    "regularised activity": lambda: [layers.Dense(5, activity_regularizer="l1")],
    "penalised activity": lambda: [layers.ActivityRegularization(0.1)],
    "a constraint": lambda: [layers.Dense(5, kernel_constraint="max_norm")],
    "a regularised normalisation": lambda: [layers.Dense(5), layers.BatchNormalization(gamma_regularizer="l2")],
    "a constrained normalisation": lambda: [layers.Dense(5), layers.BatchNormalization(beta_constraint="non_neg")],
    "a frozen layer": lambda: [_frozen(layers.Dense(5))],
    "a frozen normalisation": lambda: [layers.Dense(5), _frozen(layers.BatchNormalization())],
    "a method of one layer's own": lambda: [layers.Dense(5), _with_method(layers.Activation("relu"))],
    "lora": lambda: [_low_rank()],
    "mixed precision": lambda: [layers.Dense(5, dtype="mixed_bfloat16")],
    "mixed precision of an activation": lambda: [layers.Dense(5), layers.ReLU(dtype="mixed_float16")],
    "half precision": lambda: [layers.Dense(5, dtype="bfloat16")],
    "a softmax in the middle": lambda: [layers.Dense(5, activation="softmax")],
    "a softmax before the first product": lambda: [layers.Softmax()],
    "an activation that is not known": lambda: [layers.Dense(5, activation="gelu")],
    "an activation of the user's": lambda: [layers.Dense(5, activation=lambda x: x * 2)],
    "an activation that has no hash": lambda: [layers.Dense(5, activation=Unhashable())],
    "a layer as activation": lambda: [layers.Dense(5, activation=layers.LeakyReLU())],
    "a capped ReLU": lambda: [layers.ReLU(max_value=6)],
    "a ReLU with a threshold": lambda: [layers.ReLU(threshold=0.1)],
    "a dropout of whole columns": lambda: [layers.Dropout(0.5, noise_shape=(None, 1))],
    "a dropout of everything": lambda: [layers.Dropout(1.0)],
    "a dropout of next to nothing": lambda: [layers.Dropout(1e-17)],
    "a normalisation of the inputs": lambda: [layers.BatchNormalization()],
    "a normalisation with corrections": lambda: [layers.Dense(5), layers.BatchNormalization(renorm=True)],
    "a rescaling by column": lambda: [layers.Rescaling([1.0, 2.0, 3.0, 4.0, 5.0])],
    "a rescaling in the middle": lambda: [layers.Dense(5), layers.Rescaling(2.0)],
    "a rescaling after a dropout": lambda: [layers.Dropout(0.1), layers.Rescaling(2.0)],
    "masks": lambda: [layers.Masking()],
    "a model in the model": lambda: [rv.Sequential([rv.Input((5,)), layers.Dense(5)])],
}


@pytest.mark.filterwarnings("ignore:Layer 'flatten.*was passed a mask")
@pytest.mark.parametrize("name", STACKS)
def test_stacks_that_are_not(name: str):
    stack = STACKS[name]()
    shape = (2, 5) if name == "masks" else (5,)
    after = [layers.Flatten()] if name == "masks" else []
    assert _read([*stack, *after, _head()], shape=shape) is None


def test_the_stack_of_these_tests_is_recognised_without_them():
    assert _read([layers.Dense(5), _head()]) is not None


def test_products_of_more_axes_are_not():
    """A product along the last of three axes is another one, even if the second has size 1."""
    assert _read([layers.Dense(4), layers.Flatten(), _head()], shape=(1, 5)) is None
    assert _read([layers.Dense(3)], "mse", shape=(1, 5)) is None
    assert _read([layers.Flatten(), layers.Dense(4), _head()], shape=(1, 5)) is not None


@pytest.mark.parametrize(("dtype", "known"), [("float32", True), ("uint8", True), ("int32", False), ("float16", False)])
def test_declared_dtypes_of_inputs(dtype: str, known: bool, monkeypatch: Any):
    """A model makes integers of its inputs where it declares them as such."""
    model = _prepared(rv.Sequential([rv.Input((5,), dtype=dtype), _head()]))
    assert (recognised(model) is not None) == known
    if dtype == "uint8":
        monkeypatch.setattr(door, "kernel_usable", lambda name: True)
        program = door.dense_program(model, model._roles())
        labels = np.zeros(4, "int32")
        assert program.fits((np.zeros((4, 5), "uint8"), labels))
        assert not program.fits((np.zeros((4, 5), "float32"), labels))


def test_nothing_to_train():
    assert _read([layers.Flatten()], "mse") is None


def test_float64():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "_floatx", "float64")
        assert _read([layers.Dense(4), layers.Dense(3)], "mse") is None


@pytest.mark.parametrize(
    "shape", ["branches", "two inputs", "two outputs", "a shared layer", "an operation", "arguments"]
)
def test_graphs_that_are_no_chains(shape: str):
    inputs, other = rv.Input((5,)), rv.Input((5,))
    dense, head = layers.Dense(5), _head()
    ins: Any = inputs
    if shape == "branches":
        x = layers.add([dense(inputs), inputs])
    elif shape == "two inputs":
        ins, x = [inputs, other], layers.concatenate([inputs, other])
    elif shape == "a shared layer":
        x = dense(dense(inputs))
    elif shape == "an operation":
        x = dense(inputs) * 2
    elif shape == "arguments":
        x = layers.Dropout(0.5)(dense(inputs), training=False)
    else:
        x = dense(inputs)
    outputs = head(x)
    model = rv.Model(ins, [outputs, layers.Dense(1)(x)] if shape == "two outputs" else outputs)
    if shape == "two outputs":
        model.compile("sgd", [CATEGORICAL, "mse"])
        model._prepare((np.zeros((2, 5), "f"), [np.zeros(2, "int32"), np.zeros((2, 1), "f")], None), learn=True)
        assert recognised(model) is None
    else:
        assert recognised(_prepared(model)) is None


def _own(**methods: Any) -> Any:
    return type("Own", (rv.Sequential,), methods)


@pytest.mark.parametrize(
    "methods",
    [
        {"call": lambda self, inputs, training=None, mask=None: rv.Sequential.call(self, inputs, training, mask)},
        {"compute_loss": lambda self, x=None, y=None, y_pred=None, sample_weight=None: y_pred.sum()},
        {"compute_metrics": lambda self, x, y, y_pred, sample_weight=None: {"loss": self._loss_tracker.result()}},
        {"train_step": lambda self, data: {"loss": 0.0}},
        {"get_metrics_result": lambda self: {}},
    ],
    ids=lambda methods: next(iter(methods)),
)
def test_methods_of_the_users(methods: Any):
    stack = [rv.Input((5,)), layers.Dense(4), _head()]
    assert recognised(_prepared(_own(**methods)(stack))) is None
    name = next(iter(methods))
    patched = _prepared(rv.Sequential(stack))
    assert recognised(patched) is not None
    patched.__dict__[name] = lambda *args, **kwargs: None
    assert recognised(patched) is None


def test_a_model_with_its_own_call():
    class Own(rv.Model):
        def __init__(self):
            super().__init__()
            self.head = _head()

        def call(self, inputs):
            return self.head(inputs)

    model = Own()
    model.compile("sgd", CATEGORICAL)
    model._prepare((np.zeros((2, 5), "float32"), np.zeros(2, "int32"), None), learn=True)
    assert recognised(model) is None


class OwnLoss(losses.Loss):
    def call(self, y_true, y_pred):
        return ((y_true - y_pred) ** 2).mean(-1)


class OwnSquares(losses.MeanSquaredError):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) * 2


class OwnWrapper(losses.LossFunctionWrapper):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) * 2


class UnhashableLoss:
    __hash__ = None
    __name__ = "own"

    def __call__(self, y_true, y_pred):
        return ((y_true - y_pred) ** 2).mean(-1)


@pytest.mark.parametrize(
    "loss",
    [
        lambda y_true, y_pred: ((y_true - y_pred) ** 2).mean(-1),
        OwnLoss(),
        OwnSquares(),
        OwnWrapper(losses.mean_squared_error),
        UnhashableLoss(),
        "huber",
        losses.MeanSquaredError(reduction="sum"),
        losses.MeanSquaredError(reduction="mean_with_sample_weight"),
        losses.CategoricalCrossentropy(axis=0),
        losses.SparseCategoricalCrossentropy(ignore_class=0),
        losses.LossFunctionWrapper(losses.categorical_crossentropy, from_logits=True),
        losses.MeanSquaredError(dtype="float16"),
    ],
    ids=lambda loss: loss if isinstance(loss, str) else type(loss).__name__,
)
def test_losses_that_are_not(loss: Any):
    assert _read([layers.Dense(3)], loss) is None


def test_weighed_losses():
    assert _read([layers.Dense(3)], "mse", loss_weights=[2.0]) is None
    assert _read([layers.Dense(3)], "mse", loss_weights=2.0) is None


def test_a_changed_epsilon():
    model = _prepared(rv.Sequential([rv.Input((5,)), _head()]))
    assert recognised(model) is not None
    settings.set_epsilon(1e-5)
    assert recognised(model) is None


# --- optimizers ---------------------------------------------------------------------------------------------------------


class OwnSGD(optimizers.SGD):
    pass


SCHEDULE = optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)


def _rule(optimizer: Any) -> Any:
    model = _prepared(rv.Sequential([rv.Input((5,)), layers.Dense(4), _head()]), optimizer=optimizer)
    return step_rule(model.optimizer)


@pytest.mark.parametrize(
    ("optimizer", "name", "slots"),
    [
        (optimizers.SGD(0.1), "descent", 0),
        (optimizers.SGD(SCHEDULE, momentum=0.9), "momentum", 1),
        (optimizers.SGD(0.1, momentum=0.9, nesterov=True), "nesterov", 1),
        (optimizers.SGD(0.1, nesterov=True), "descent", 0),
        (optimizers.Adam(), "adam", 2),
        (optimizers.AdamW(weight_decay=0.1), "adam", 2),
        (optimizers.RMSprop(weight_decay=0.1), "root_mean_square", 1),
    ],
)
def test_optimizers(optimizer: Any, name: str, slots: int):
    rule = _rule(optimizer)
    assert rule.name == name
    assert [len(s) for s in rule.slots] == [slots] * 4


def _patched() -> Any:
    optimizer = optimizers.SGD()
    optimizer.update_step = lambda gradient, variable, learning_rate: None
    return optimizer


def _sparing() -> Any:
    optimizer = optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


@pytest.mark.parametrize(
    "optimizer",
    [
        OwnSGD, lambda: "adagrad", lambda: optimizers.Adam(amsgrad=True), lambda: optimizers.RMSprop(centered=True),
        lambda: optimizers.RMSprop(momentum=0.5), lambda: optimizers.SGD(clipnorm=1.0),
        lambda: optimizers.SGD(clipvalue=1.0), lambda: optimizers.SGD(global_clipnorm=1.0),
        lambda: optimizers.SGD(use_ema=True), lambda: optimizers.SGD(loss_scale_factor=2.0),
        lambda: optimizers.SGD(gradient_accumulation_steps=2), lambda: optimizers.SGD(lambda: 0.1), _patched, _sparing,
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD()),
    ],
)  # fmt: skip
def test_optimizers_that_are_not(optimizer: Any):
    assert _rule(optimizer()) is None


def test_rates_begin_with_the_next_step():
    rule = _rule(optimizers.SGD(SCHEDULE, weight_decay=0.5))
    model = _prepared(rv.Sequential([rv.Input((5,)), _head()]), optimizer=optimizers.SGD(SCHEDULE, weight_decay=0.5))
    rule = step_rule(model.optimizer)
    values = [v.stored_value() for v in model.optimizer.variables]
    place = next(i for i, v in enumerate(model.optimizer.variables) if v is model.optimizer._iterations)
    values[place] = np.int32(6)
    rates = np.asarray(rule.rates(values, 5, 2))[2:]
    expected = [float(SCHEDULE(step)) for step in (6, 7, 8)]
    np.testing.assert_allclose(rates, [[rate, rate / 2] for rate in expected], rtol=1e-6)


# --- the whole ----------------------------------------------------------------------------------------------------------


def test_shared_weights_and_seeds_and_others_have_no_program(monkeypatch: Any):
    """A program is made only if the network's variables are all there are, and each is there once."""
    monkeypatch.setattr(door, "kernel_usable", lambda name: True)
    model = _prepared(rv.Sequential([rv.Input((5,)), layers.Dropout(0.1), layers.Dropout(0.1), _head()]))
    made = lambda: door.dense_program(model, model._roles())  # noqa: E731
    assert made() is not None
    first, second = model.layers[:2]
    second.seed_generator = first.seed_generator
    model._prepare((np.zeros((4, 5), "float32"), np.zeros(4, "int32"), None), learn=True)
    assert made() is None


@pytest.mark.parametrize(
    ("x", "y", "fits"),
    [
        (((8, 5), "float32"), ((8,), "int32"), True),
        (((8, 5), "uint8"), ((8, 1), "float32"), True),
        (((8, 5, 1), "float32"), ((8,), "int64"), True),
        (((8, 5), "float16"), ((8,), "int32"), False),
        (((8, 5), "int32"), ((8,), "int32"), False),
        (((8, 4), "float32"), ((8,), "int32"), False),
        (((8, 5), "float32"), ((8, 3), "int32"), False),
        (((8, 5), "float32"), ((7,), "int32"), False),
        (((8, 5), "float32"), ((8,), "complex64"), False),
        (((40,), "float32"), ((8,), "int32"), False),
        (((0, 5), "float32"), ((0,), "int32"), False),
    ],
)
def test_data_that_fits(monkeypatch: Any, x: Any, y: Any, fits: bool):
    monkeypatch.setattr(door, "kernel_usable", lambda name: True)
    model = _prepared(rv.Sequential([rv.Input((5,)), _head()]))
    program = door.dense_program(model, model._roles())
    assert program is not None
    data = np.zeros(*x), np.zeros(*y)
    assert program.fits(data) == fits
    assert not program.fits((*data, np.ones(8, "float32")))
    assert not program.fits(({"x": data[0]}, data[1]))
    assert not program.fits((data[0], None))
