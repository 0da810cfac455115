"""What to say of a name of TensorFlow's that is not here: the nearest way."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["absence"]

_WAYS = {
    "compat": "TensorFlow 1's graphs and sessions are not here; write the program for TensorFlow 2 or with keras",
    "Session": "there are no sessions: operations compute at once, and tf.function compiles",
    "placeholder": "there are no placeholders: use keras.Input, or arguments of a tf.function",
    "global_variables_initializer": "variables have their values when they are made",
    "saved_model": "save with model.save('model.keras') and load with keras.saving.load_model; model.export writes for servers",
    "lite": "model.export(path, format='tflite') where it is, otherwise keras.Model.save",
    "estimator": "keras.Model.fit, evaluate and predict",
    "feature_column": "keras.utils.FeatureSpace and the preprocessing layers",
    "ragged": "pad rows to one length: keras.utils.pad_sequences, or Dataset.padded_batch",
    "RaggedTensor": "pad rows to one length: keras.utils.pad_sequences, or Dataset.padded_batch",
    "sparse": "dense tensors: keras.ops.scatter, tf.scatter_nd",
    "SparseTensor": "dense tensors: keras.ops.scatter, tf.scatter_nd",
    "IndexedSlices": "gradients are dense tensors",
    "lookup": "keras.layers.StringLookup and IntegerLookup",
    "summary": "keras.callbacks.TensorBoard writes event files",
    "profiler": "jax.profiler, or keras.callbacks.TensorBoard",
    "raw_ops": "the functions of tf.math, tf.nn and keras.ops",
    "contrib": "keras.layers and keras.ops",
    "hub": "keras.applications has pretrained networks",
    "autograph": "tf.function runs functions whose Python asks for tensors' values uncompiled; tf.cond and tf.while_loop compile",
    "graph_util": "model.save and keras.saving.load_model",
    "Graph": "there are no graphs to build: operations compute at once, and tf.function compiles",
    "quantization": "keras.Model.quantize where it is",
    "tpu": "JAX finds TPUs itself",
    "xla": "everything is compiled by XLA",
    "types": "jax.typing",
    "audio": "scipy.io.wavfile, and keras.layers.MelSpectrogram",
    "random_normal": "tf.random.normal",
    "random_uniform": "tf.random.uniform",
    "truncated_normal": "tf.random.truncated_normal",
    "set_random_seed": "tf.random.set_seed, or keras.utils.set_random_seed",
    "log": "tf.math.log",
    "to_float": "tf.cast(x, tf.float32)",
    "to_int32": "tf.cast(x, tf.int32)",
    "layers": "tf.keras.layers",
    "losses": "tf.keras.losses",
    "metrics": "tf.keras.metrics",
    "optimizers": "tf.keras.optimizers",
    "GradientDescentOptimizer": "tf.keras.optimizers.SGD",
    "AdamOptimizer": "tf.keras.optimizers.Adam",
    "get_variable": "tf.Variable, or layer.add_weight",
    "TFRecordDataset": "Dataset.from_generator over whatever reads the records",
    "FixedLengthRecordDataset": "np.memmap and Dataset.from_tensor_slices",
    "make_csv_dataset": "pandas.read_csv and Dataset.from_tensor_slices",
    "parse_single_example": "protobuf's own reader, or files of NumPy arrays",
    "TFRecordWriter": "np.save, or numpy.savez",
}


def absence(module: str, name: str, present: Sequence[str]) -> str:
    """The message for ``tensorflow.<module>.<name>``, which is not there.

    Args:
        module: such as ``"math"``; empty for TensorFlow itself.
        name: what was asked for.
        present: what the module has.
    """
    full = f"tf.{module}.{name}" if module else f"tf.{name}"
    begin = f"ranvier's tensorflow has no {full}"
    if name in _WAYS:
        return f"{begin}. Instead: {_WAYS[name]}."
    from ... import ops

    for candidate in (name, name.removeprefix("reduce_"), name.removeprefix("matrix_")):
        if candidate in ops.__all__:
            return f"{begin}. The nearest way is keras.ops.{candidate}."
    near = difflib.get_close_matches(name, present, 1, 0.75)
    if near:
        return f"{begin}. Did you mean {near[0]!r}?"
    near = difflib.get_close_matches(name, ops.__all__, 1, 0.75)
    way = f"keras.ops.{near[0]} may do it" if near else "keras.ops and jax.numpy (as of JAX) work on the same tensors"
    return f"{begin}; {way}."
