"""Sizes of tensors stay known while a program is traced, so that tensors can be made of them; and faces name a file."""

import os

import numpy as np
import pytest

from ranvier.compat import face

tf = face("tensorflow")

MADE = {
    "range_of_product": (lambda n: tf.range(n * 2), np.arange(6)),
    "range_from_to": (lambda n: tf.range(1, n, dtype=tf.float32), np.arange(1.0, 3.0)),
    "range_of_cast": (lambda n: tf.range(tf.cast(n, tf.float32)), np.arange(3.0)),
    "zeros_of_cast": (lambda n: tf.zeros((tf.cast(n, tf.int64), 2)), np.zeros((3, 2))),
    "linspace": (lambda n: tf.linspace(0.0, 1.0, tf.cast(n, tf.int32)), np.linspace(0, 1, 3)),
    "one_hot": (lambda n: tf.one_hot([0, 2], n), np.eye(3)[[0, 2]]),
    "positions": (
        lambda n: tf.cast(tf.range(n)[:, tf.newaxis], tf.float32) / tf.cast(n, tf.float32),
        [[0], [1 / 3], [2 / 3]],
    ),
    "root": (lambda n: tf.sqrt(tf.cast(n, tf.float32)), np.sqrt(3)),
    "bfloat16": (lambda n: tf.cast(tf.cast(n, tf.bfloat16), tf.float32), 3.0),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("compiled", [False, True])
def test_tensors_are_made_of_sizes(name: str, compiled: bool):
    make, expected = MADE[name]

    def of(x):
        return make(tf.shape(x)[0])

    found = (tf.function(of) if compiled else of)(tf.ones((3, 2)))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["keras", "keras.layers", "keras.backend", "tensorflow", "tensorflow.math", "tensorflow.keras"]
)
def test_a_face_names_the_file_of_what_it_shows(name: str):
    assert os.path.isfile(face(name).__file__)
