"""Computes the expressions with TensorFlow itself, in a process of its own, and writes the numbers to a file."""

import os
import pickle
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""


def main(path: str) -> None:
    """Write what TensorFlow computes to a file; for expressions that it refuses, the error's text."""
    import numpy as np
    import tensorflow as tf

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from expressions import EXPRESSIONS, arrays

    results = {}
    for expression in EXPRESSIONS:
        try:
            found = eval(expression, {"tf": tf, "np": np, **arrays()})
            results[expression] = [np.asarray(leaf) for leaf in tf.nest.flatten(found)]
        except Exception as error:
            results[expression] = f"{type(error).__name__}: {error}"
    with open(path, "wb") as stream:
        pickle.dump(results, stream)


if __name__ == "__main__":
    main(sys.argv[1])
