"""A program that overwrites files until it is killed; run by `test_kills.py`, one process a kill.

Starting Python and its libraries takes much longer than a save. So one process imports them, and for every line on its
standard input forks a child, which saves and saves, and is killed at a random moment after its first saves.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings

import numpy as np

import ranvier
from ranvier import layers

FILES = ("m.keras", "w.weights.h5", "w.safetensors")


def build(ranvier=ranvier):
    """A model of about a quarter of a million numbers, with an optimizer's state, all of which are the same."""
    model = ranvier.Sequential(
        [ranvier.Input((200,)), layers.Dense(500, name="a"), layers.Dense(300, name="b")], name="net"
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def save(model, folder: str, number: int) -> None:
    """Write generation `number` of every file."""
    for variable in (*model.weights, *model.optimizer.variables):
        # NumPy arrays, since jax cannot compute in a forked child, and a save needs no more.
        variable.store(np.full(variable.shape, number, variable.stored_value().dtype))
    model.save(f"{folder}/{FILES[0]}")
    for name in FILES[1:]:
        model.save_weights(f"{folder}/{name}")


def _child(model, folder: str, start: int, pipe: int) -> None:
    number = start
    while True:
        save(model, folder, number)
        if number == start:
            os.write(pipe, b"x")
        number += 1


def main() -> None:
    """Each line is a folder, the number to begin with, and the seconds to wait after the first saves."""
    model = build()
    for line in sys.stdin:
        folder, start, seconds = line.rstrip("\n").split("\t")
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of jax, that it cannot compute in the child
            pid = os.fork()
        if not pid:
            os.close(read)
            _child(model, folder, int(start), write)
        os.close(write)
        began = os.read(read, 1)
        time.sleep(float(seconds))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(read)
        killed = began and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else f"failed {status}", flush=True)


if __name__ == "__main__":
    main()
