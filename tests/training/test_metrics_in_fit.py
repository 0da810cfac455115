"""What metrics report during `fit`, however the steps are cut into calls."""

import numpy as np

import ranvier


def _history(verbose):
    ranvier.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.random((20, 4)).astype("float32"), np.eye(3, dtype="float32")[rng.integers(0, 3, 20)]
    model = ranvier.Sequential([ranvier.layers.Input((4,)), ranvier.layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=[ranvier.metrics.F1Score()])
    return model.fit(x, y, epochs=3, batch_size=8, verbose=verbose).history


def test_metric_with_a_result_for_each_class_reaches_the_history_of_a_whole_fit():
    whole, watched = _history(verbose=0), _history(verbose=2)
    assert [np.shape(v) for v in whole["f1_score"]] == [(3,)] * 3
    np.testing.assert_allclose(whole["f1_score"], watched["f1_score"], rtol=1e-6)
    np.testing.assert_allclose(whole["loss"], watched["loss"], rtol=1e-6)
