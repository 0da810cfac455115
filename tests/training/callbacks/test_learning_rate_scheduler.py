"""LearningRateScheduler sets and logs what Keras's does."""

import functools
import math

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier.callbacks import LearningRateScheduler
from ranvier.core.errors import ArgumentError, ArgumentTypeError


def step_down(epoch, lr=0.5, factor=0.1):
    return lr * factor


@pytest.mark.parametrize(
    "schedule",
    [
        lambda epoch: 0.1 / (epoch + 1),
        lambda epoch, lr: lr * 0.9,
        lambda epoch, lr: np.float32(0.3),
        lambda *arguments: sum(arguments) * 0.5,
        step_down,
        functools.partial(step_down, factor=0.3),
    ],
)
@pytest.mark.parametrize("verbose", [0, 1])
def test_as_keras(drive, schedule, verbose):
    epochs = [{"loss": 1.0}] * 3
    ours = drive(LearningRateScheduler(schedule, verbose=verbose), epochs)
    theirs = drive(keras.callbacks.LearningRateScheduler(schedule, verbose=verbose), epochs)
    assert ours.seen == theirs.seen
    assert ours.printed == theirs.printed


def test_traced_arithmetic_is_accepted(drive):
    run = drive(LearningRateScheduler(lambda epoch, lr: lr * jnp.exp(-0.1)), [{}])
    assert run.model.optimizer.learning_rate == pytest.approx(0.1 * math.exp(-0.1))


@pytest.mark.parametrize("value", ["0.1", 1, None, float("nan"), float("inf"), -0.1, [0.1]])
def test_no_learning_rate(drive, value):
    with pytest.raises(ArgumentError, match="Received for epoch 0"):
        drive(LearningRateScheduler(lambda epoch: value), [{}])


def test_errors_of_the_schedule_come_through(drive):
    def broken(epoch, lr):
        raise TypeError("inside the schedule")

    with pytest.raises(TypeError, match="inside the schedule"):
        drive(LearningRateScheduler(broken), [{}])


def test_no_schedule_and_no_optimizer(drive, fake_model):
    with pytest.raises(ArgumentTypeError, match="schedule"):
        LearningRateScheduler(0.1)
    fake_model.optimizer = None
    with pytest.raises(ArgumentError, match="learning_rate"):
        drive(LearningRateScheduler(lambda epoch: 0.1), [{}], fake_model)
