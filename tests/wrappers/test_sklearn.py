"""The wrappers in scikit-learn's hands: its own checks of estimators, pipelines, searches, copies and pickles."""

from __future__ import annotations

import copy
import pickle
import sys

import jax
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import ranvier
from ranvier import Model, Sequential, callbacks, layers, losses, metrics
from ranvier.core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, NotCompiledError
from ranvier.initializers import GlorotUniform
from ranvier.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

QUIET = {"verbose": 0}


def seeded(X, y, loss="categorical_crossentropy", units=(8,), last="softmax"):
    """A model that begins with the same weights each time, as scikit-learn's checks want an estimator with a seed."""
    start = lambda i: GlorotUniform(seed=i)  # noqa: E731
    hidden = [layers.Dense(n, "relu", kernel_initializer=start(i)) for i, n in enumerate(units)]
    model = Sequential(
        [layers.Input(X.shape[1:]), *hidden, layers.Dense(y.shape[1], last, kernel_initializer=start(9))]
    )
    model.compile("adam", loss)
    return model


def plain_regression(X, y, units=(8,)):
    return seeded(X, y, "mse", units, None)


SEEDED = {"verbose": 0, "shuffle": False}


class Named:
    """A function shown by its name: its address would give a test another name in every process."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return self.function.__name__


@parametrize_with_checks(
    [
        SKLearnClassifier(Named(seeded), fit_kwargs=SEEDED),
        SKLearnRegressor(Named(plain_regression), fit_kwargs=SEEDED),
        SKLearnTransformer(Named(plain_regression), fit_kwargs=SEEDED),
    ],
    # A column for each class, as Keras's wrapper gives it, where scikit-learn's checks want one for two classes.
    expected_failed_checks=lambda estimator: (
        dict.fromkeys(
            ("check_classifiers_classes", "check_classifiers_train", "check_decision_proba_consistency"),
            "decision_function has a column for each class",
        )
        if isinstance(estimator, SKLearnClassifier)
        else {}
    ),
)
@pytest.mark.filterwarnings("ignore::ranvier.core.errors.DataWarning")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module", autouse=True)
def quick_compilation():
    """Hundreds of small models are compiled here, and each runs for an instant."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def blobs():
    """Three well separated classes, (samples, features) and labels."""
    return make_blobs(n_samples=90, centers=[[0, 0], [5, 5], [0, 8]], cluster_std=0.5, random_state=0)


def network(X, y, units=8, rate=0.05):
    model = Sequential([layers.Input(X.shape[1:]), layers.Dense(units, "relu"), layers.Dense(y.shape[1], "softmax")])
    model.compile(ranvier.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


def compiled(*chain, loss="mse", inputs=2, **options):
    model = Sequential([layers.Input((inputs,)), *chain])
    model.compile("adam", loss, **options)
    return model


def test_classifier_learns_and_keeps_the_labels_of_any_kind(blobs):
    x, codes = blobs
    labels = np.array(["red", "green", "blue"])[codes]
    classifier = SKLearnClassifier(network, fit_kwargs={"epochs": 30, **QUIET})
    assert classifier.fit(x, labels).score(x, labels) > 0.95
    assert list(classifier.classes_) == ["blue", "green", "red"]
    assert classifier.predict_proba(x).shape == classifier.decision_function(x).shape == (90, 3)
    np.testing.assert_allclose(classifier.predict_proba(x).sum(axis=1), 1, rtol=1e-5)
    assert classifier.epoch_ == 30
    assert "accuracy" in classifier.history_.history


@pytest.mark.parametrize(
    ("last", "loss", "units"),
    [
        ("sigmoid", "binary_crossentropy", 1),
        (None, losses.BinaryCrossentropy(from_logits=True), 1),
        (None, losses.CategoricalCrossentropy(from_logits=True), 2),
        ("softmax", "sparse_categorical_crossentropy", 2),
        ("softmax", losses.SparseCategoricalCrossentropy(), 2),
    ],
)
def test_two_classes_with_every_usual_output_and_loss(blobs, last, loss, units):
    x, codes = blobs[0][blobs[1] < 2], blobs[1][blobs[1] < 2]
    model = compiled(layers.Dense(8, "relu"), layers.Dense(units, last), loss=loss)
    model.optimizer.learning_rate = 0.05
    classifier = SKLearnClassifier(model, fit_kwargs={"epochs": 20, **QUIET}).fit(x, codes)
    assert classifier.score(x, codes) > 0.95
    probabilities = classifier.predict_proba(x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), classifier.predict(x))
    scores = classifier.decision_function(x)
    assert scores.shape == (len(x), 2)
    np.testing.assert_array_equal(scores[:, 1] > scores[:, 0], classifier.predict(x) == 1)
    area = make_scorer(roc_auc_score, response_method="predict_proba")
    assert area(classifier, x, codes) > 0.95


def test_regressor_of_one_target_and_of_several(rng):
    x = rng.normal(size=(60, 3))
    y = x @ [[1.0, 2.0], [0.0, 1.0], [-1.0, 0.5]]
    model = compiled(layers.Dense(1), inputs=3)
    model.optimizer.learning_rate = 0.1
    one = SKLearnRegressor(model, fit_kwargs={"epochs": 60, **QUIET})
    assert one.fit(x, y[:, 0]).score(x, y[:, 0]) > 0.95
    assert one.predict(x).shape == (60,)
    both = SKLearnRegressor(lambda X, y: compiled(layers.Dense(y.shape[1]), inputs=3), fit_kwargs=QUIET)
    assert both.fit(x, y).predict(x).shape == (60, 2)
    doubled = TransformedTargetRegressor(one, func=lambda t: 2 * t, inverse_func=lambda t: t / 2).fit(x, y[:, 0])
    assert doubled.score(x, y[:, 0]) > 0.9


def test_transformer_in_a_pipeline_names_its_features(rng):
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    transformer = SKLearnTransformer(compiled(layers.Dense(2), inputs=3), fit_kwargs=QUIET)
    pipeline = make_pipeline(StandardScaler(), transformer, LinearRegression()).fit(x, y)
    assert pipeline.predict(x).shape == (40, 2)
    frame = transformer.set_output(transform="pandas").fit_transform(x, y)
    assert list(frame.columns) == ["sklearntransformer0", "sklearntransformer1"]
    np.testing.assert_array_equal(transformer.predict(x), frame.to_numpy())


def test_cross_validation_and_pipelines(blobs):
    classifier = SKLearnClassifier(network, fit_kwargs={"epochs": 30, **QUIET})
    pipeline = make_pipeline(StandardScaler(), classifier)
    assert cross_val_score(pipeline, *blobs, cv=2).mean() > 0.9
    assert cross_val_predict(pipeline, *blobs, cv=2, method="predict_proba").shape == (90, 3)


def test_grid_search_over_entries_of_the_dicts_in_several_processes(blobs):
    classifier = SKLearnClassifier(network, model_kwargs={"units": 2}, fit_kwargs={"epochs": 1, **QUIET})
    grid = {"model_kwargs__rate": [1e-6, 0.05], "fit_kwargs__epochs": [20]}
    search = GridSearchCV(classifier, grid, cv=2, n_jobs=2).fit(*blobs)
    assert search.best_params_ == {"model_kwargs__rate": 0.05, "fit_kwargs__epochs": 20}
    best = search.best_estimator_
    assert best.model_kwargs == {"units": 2, "rate": 0.05}
    assert best.epoch_ == 20
    assert classifier.model_kwargs == {"units": 2}, "the search works on clones"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(search)).predict(blobs[0]), search.predict(blobs[0]))


def test_parameters_can_be_set_and_are_read_deeply():
    classifier = SKLearnClassifier(network, fit_kwargs={"epochs": 3})
    assert classifier.get_params()["fit_kwargs__epochs"] == 3
    assert "fit_kwargs__epochs" not in classifier.get_params(deep=False)
    copied = clone(classifier).set_params(fit_kwargs__epochs=5, model_kwargs__units=4, warm_start=True)
    assert (copied.fit_kwargs, copied.model_kwargs, copied.warm_start) == ({"epochs": 5}, {"units": 4}, True)
    assert classifier.fit_kwargs == {"epochs": 3}
    assert classifier.model_kwargs is None
    with pytest.raises(ValueError, match="nonsense"):
        classifier.set_params(nonsense=1)


def test_a_fit_leaves_the_given_model_and_parameters_as_they_were(blobs):
    model = compiled(
        layers.Dense(3, "softmax"), loss="categorical_crossentropy", metrics=[metrics.CategoricalAccuracy()]
    )
    before = model.get_weights()
    stop = callbacks.EarlyStopping("loss")
    classifier = SKLearnClassifier(model, fit_kwargs={"callbacks": [stop], **QUIET}).fit(*blobs, epochs=2)
    assert classifier.model_ is not model
    assert classifier.epoch_ == 2
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert stop.model is None
    assert stop.best is None
    assert classifier.fit_kwargs == {"callbacks": [stop], **QUIET}


def test_warm_start_goes_on_with_the_same_model(blobs):
    classifier = SKLearnClassifier(network, warm_start=True, fit_kwargs={"epochs": 2, **QUIET}).fit(*blobs)
    first, steps = classifier.model_, int(classifier.model_.optimizer.iterations)
    assert classifier.fit(blobs[0][:60], blobs[1][:60]).model_ is first
    assert int(first.optimizer.iterations) > steps
    with pytest.raises(ArgumentError, match="labels must be among"):
        classifier.fit(blobs[0], blobs[1] + 1)
    cold = classifier.set_params(warm_start=False).fit(*blobs)
    assert cold.model_ is not first


def test_samples_of_weight_zero_and_their_classes_do_not_count(blobs):
    x, codes = blobs
    classifier = SKLearnClassifier(network, fit_kwargs=QUIET).fit(x, codes, sample_weight=(codes != 2).astype(float))
    assert list(classifier.classes_) == [0, 1]
    with pytest.raises(ArgumentError, match="weight other than 0"):
        classifier.fit(x, codes, sample_weight=np.zeros(90))
    with pytest.raises(ArgumentError, match="shape"):
        classifier.fit(x, codes, sample_weight=np.ones(3))


def test_sample_weights_are_routed_through_pipelines_and_searches(blobs):
    with config_context(enable_metadata_routing=True):
        classifier = SKLearnClassifier(network, fit_kwargs=QUIET).set_fit_request(sample_weight=True)
        weights = (blobs[1] != 2).astype(float)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), classifier).fit(
            *blobs, sample_weight=weights
        )
    assert list(pipeline.classes_) == [0, 1]


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    import ranvier.wrappers as wrappers

    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(vars(wrappers), "SKLearnClassifier", raising=False)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ranvier\[sklearn\]'"):
        wrappers.SKLearnClassifier  # noqa: B018
    with pytest.raises(AttributeError, match="Nothing"):
        wrappers.Nothing  # noqa: B018


class Doubling(layers.Layer):
    """A layer that the program has not registered."""

    def call(self, inputs):
        return 2 * inputs


def own_loss(y_true, y_pred):
    return (y_true - y_pred) ** 2


def test_pickles_hold_weights_and_optimizer_and_code_only_by_reference(rng):
    x, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    regressor = SKLearnRegressor(compiled(Doubling(), layers.Dense(1), loss=own_loss), True, fit_kwargs=QUIET).fit(x, y)
    again = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(again.predict(x), regressor.predict(x))
    assert again.history_.history == regressor.history_.history
    assert again.epoch_ == 1
    # Training goes on as it would have done, moments of Adam included.
    for estimator in (regressor, again):
        estimator.fit(x, y, shuffle=False)
    np.testing.assert_allclose(again.predict(x), regressor.predict(x), rtol=1e-6)


def test_models_are_copied_deeply_with_all_their_state(rng):
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    model = compiled(Doubling(), layers.Dropout(0.5), layers.Dense(1), loss=own_loss)
    model.fit(x, y, verbose=0)
    copied = copy.deepcopy(model)
    for m in (model, copied):
        m.fit(x, y, verbose=0, shuffle=False)
    np.testing.assert_array_equal(copied.predict(x, verbose=0), model.predict(x, verbose=0))
    copied.layers[-1].kernel.assign(np.zeros((2, 1)))
    assert model.layers[-1].kernel.numpy().any()


def test_what_cannot_be_fitted_is_refused_with_the_reason(blobs):
    with pytest.raises(NotFittedError):
        SKLearnClassifier(network).predict(blobs[0])
    with pytest.raises(NotCompiledError, match="Compile model"):
        SKLearnClassifier(Sequential([layers.Dense(3)])).fit(*blobs)
    with pytest.raises(NotCompiledError, match="callable `model` returned"):
        SKLearnClassifier(lambda X, y: Sequential([layers.Dense(3)])).fit(*blobs)
    with pytest.raises(ArgumentTypeError, match="must be a compiled model"):
        SKLearnClassifier("network").fit(*blobs)
    with pytest.raises(ArgumentTypeError, match="must return a compiled model"):
        SKLearnClassifier(lambda X, y: 3).fit(*blobs)
    few = SKLearnClassifier(
        compiled(layers.Dense(2, "softmax"), loss="sparse_categorical_crossentropy"), fit_kwargs=QUIET
    )
    with pytest.raises(ArgumentError, match=r"classes|labels|outputs"):
        few.fit(*blobs).predict(blobs[0])


def test_search_of_scikit_optimize(blobs):
    skopt = pytest.importorskip("skopt")
    classifier = SKLearnClassifier(network, fit_kwargs={"epochs": 5, **QUIET})
    space = {"model_kwargs__units": skopt.space.Integer(2, 8), "model_kwargs__rate": skopt.space.Real(1e-3, 1e-1)}
    search = skopt.BayesSearchCV(classifier, space, n_iter=3, cv=2, random_state=0).fit(*blobs)
    assert set(search.best_params_) == set(space)
    assert search.best_score_ > 0.5


def test_functional_models_are_fitted_as_well(blobs):
    inputs = layers.Input((2,))
    model = Model(inputs, layers.Dense(3, "softmax")(inputs))
    model.compile("adam", "sparse_categorical_crossentropy")
    assert SKLearnClassifier(model, fit_kwargs=QUIET).fit(*blobs).predict(blobs[0]).shape == (90,)
