"""What is said of a name that the face of Keras does not have: why, and the nearest way."""

from __future__ import annotations

import difflib
import functools
import re

__all__ = ["REFUSED", "absent_module", "absent_name"]

_ENGINE = "there is one engine here, JAX; it takes the memory and threads that it needs"

#: Names that older programs use and ranvier refuses, with what to do instead. A module's path covers all that is in it.
REFUSED = {
    "Quantizer": "Not yet.",
    "backend.ctc_label_dense_to_sparse": "Tensors are dense. Use ops.ctc_loss, which takes dense labels with their lengths.",
    "backend.get_session": f"There are no sessions: {_ENGINE}. Delete the line.",
    "backend.gradients": "Symbolic gradients of TensorFlow 1 are not there. Use tf.GradientTape, or "
    "ranvier.gradients(loss, variables) inside of train_step.",
    "backend.manual_variable_initialization": "Variables have their values from the start. Delete the line.",
    "backend.placeholder": "There are no placeholders. Use keras.Input(shape) and a keras.Model of it.",
    "backend.set_learning_phase": "Pass training=True or False to the call of the layer or model instead.",
    "backend.set_session": f"There are no sessions: {_ENGINE}. Delete the line.",
    "backend.tensorflow_backend": f"There are no sessions: {_ENGINE}. Delete the lines that set one.",
    "backend.get_default_graph": "There are no graphs of TensorFlow 1. Delete the line.",
    "callbacks.OrbaxCheckpoint": "Use callbacks.ModelCheckpoint, which writes .keras files and weights.",
    **dict.fromkeys(
        ("dtype_policies.AWQDTypePolicy", "dtype_policies.GPTQDTypePolicy", "dtype_policies.Int4DTypePolicy",
         "dtype_policies.QuantizedDTypePolicy", "dtype_policies.QuantizedFloat8DTypePolicy"),
        "Policies of quantised types are not there yet.",
    ),
    "estimator": "Estimators are gone from TensorFlow, too. Train the model with fit(), or wrap it with "
    "wrappers.SKLearnClassifier or SKLearnRegressor.",
    "experimental": "Write LinearModel as a Sequential with one Dense layer, and WideDeepModel as a functional model that adds "
    "the outputs of both parts.",
    "export": "Not yet. Save the model with model.save('name.keras').",
    "layers.AbstractRNNCell": "Subclass layers.Layer with attributes state_size and output_size, and pass it to layers.RNN.",
    "layers.AtrousConvolution1D": "Use layers.Conv1D(…, dilation_rate=…).",
    "layers.AtrousConvolution2D": "Use layers.Conv2D(…, dilation_rate=…).",
    "layers.Deconvolution2D": "Use layers.Conv2DTranspose.",
    "layers.DenseFeatures": "Use utils.FeatureSpace, or the layers Normalization, StringLookup and Discretization.",
    "layers.Highway": "Write it with a Dense layer, a gate and multiply in a functional model.",
    "layers.LocallyConnected1D": "Cut the windows with ops.image.extract_patches or slicing, and use "
    "layers.EinsumDense, whose kernel can have an axis for the place.",
    "layers.LocallyConnected2D": "Cut the windows with ops.image.extract_patches, and use layers.EinsumDense, whose "
    "kernel can have axes for the place.",
    "layers.Merge": "Use layers.Add, layers.Concatenate, … on a list of tensors in a functional model.",
    "layers.MaxoutDense": "Use layers.Dense(units * k), layers.Reshape((units, k)) and ops.max over the last axis.",
    "layers.RandomFourierFeatures": "Write it as a layer: ops.cos(x @ w + b) with random w and b that are not trained.",
    "layers.RandomHeight": "Sizes cannot change from batch to batch in a compiled program. Use "
    "layers.RandomZoom(height_factor, width_factor=0.0).",
    "layers.RandomWidth": "Sizes cannot change from batch to batch in a compiled program. Use "
    "layers.RandomZoom(0.0, width_factor).",
    "layers.TFSMLayer": "It wraps another engine; there is one engine here, JAX. Use layers.JaxLayer for functions of it.",
    "layers.TimeDistributedDense": "Use layers.Dense, which works on the last axis, or layers.TimeDistributed(Dense(…)).",
    "layers.TorchModuleWrapper": "It wraps another engine; there is one engine here, JAX.",
    "models.Graph": "Use a functional model: keras.Model(inputs, outputs).",
    "models.model_from_yaml": "YAML files could run code; Keras has dropped them, too. Use model.to_json() and "
    "models.model_from_json.",
    "premade": "Write the network as a functional model.",
    "quantizers": "Not yet.",
    "regularizers.WeightRegularizer": "Use regularizers.L1L2.",
    "regularizers.activity_l1": "Use activity_regularizer=regularizers.l1(…).",
    "regularizers.activity_l2": "Use activity_regularizer=regularizers.l2(…).",
    "utils.GeneratorEnqueuer": "Pass the generator to fit: it is read ahead of the computation.",
    "utils.HDF5Matrix": "Pass the data set of h5py itself, h5py.File(path)['name'], to fit: it is read in blocks.",
    "utils.OrderedEnqueuer": "Pass the dataset to fit: it is read ahead of the computation, with its `workers`.",
    "utils.convert_all_kernels_in_model": "Theano's kernels are not there; weights of Keras 2 load as they are.",
    "utils.io_utils": "Pass the data set of h5py itself, h5py.File(path)['name'], to fit: it is read in blocks.",
    "utils.multi_gpu_model": "Use keras.distribution.set_distribution(keras.distribution.DataParallel()) before the "
    "model is made.",
    "utils.multi_gpu_utils": "Use keras.distribution.set_distribution(keras.distribution.DataParallel()).",
    "utils.training_utils": "Use keras.distribution.set_distribution(keras.distribution.DataParallel()).",
    "src": "keras.src is the inside of Keras. Use the public name: keras.layers, keras.models, …",
}  # fmt: skip


def absent_name(path: str, name: str) -> str:
    """What to say where ``keras.<path>`` has no `name`."""
    module = f"keras.{path}" if path else "keras"
    return f"module {module!r} of ranvier has no attribute {name!r}. {_nearest(path, name)}".rstrip()


def absent_module(path: str) -> str:
    """What to say where there is no module ``keras.<path>``."""
    parent, _, name = path.rpartition(".")
    return f"No module named 'keras.{path}' in ranvier. {_nearest(parent, name)}".rstrip()


def _nearest(path: str, name: str) -> str:
    full = f"{path}.{name}".lstrip(".")
    pieces = full.split(".")
    for n in range(len(pieces), 0, -1):
        if (reason := REFUSED.get(".".join(pieces[:n]))) is not None:
            return reason
    from .modules import MOVED, keras_face

    if reason := REFUSED.get(f"{MOVED.get(path, path)}.{name}".lstrip(".")):
        return reason
    homes = _homes()
    if name in homes:
        return f"It is {homes[name]}.{name}."
    try:
        here = keras_face(path)
    except ModuleNotFoundError:
        here = keras_face("")
    near = difflib.get_close_matches(name, here.__all__, 1, 0.8) or difflib.get_close_matches(name, homes, 1, 0.85)
    if near:
        where = here.__name__ if near[0] in here.__all__ else homes[near[0]]
        return f"Did you mean {where}.{near[0]}?"
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    close = difflib.get_close_matches(snake, keras_face("ops").__all__, 1, 0.7)
    if close:
        return f"The nearest is ops.{close[0]}."
    return (
        "Functions of tensors are in keras.ops; what ranvier has is listed on the page 'Your Keras program on ranvier'."
    )


@functools.cache
def _homes() -> dict[str, str]:
    """Each public name with the first module that has it; modules nearer to the top first."""
    from .modules import keras_face, keras_modules

    found: dict[str, str] = {}
    for path in sorted(keras_modules(), key=lambda p: (p.count("."), p == "backend", p)):
        for name in keras_face(path).__all__:
            found.setdefault(name, f"keras.{path}".rstrip("."))
    return found
