"""The tables of the page "Your Keras program on ranvier" as data: each line with code that shows that it is true.

``python tests/compat/promises.py`` writes the tables into the page.
"""

# ruff: noqa: E501  a line of a table is a line here

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGE", "PROMISES", "Promise", "coverage_table", "tables"]

PAGE = Path(__file__).parent.parent.parent / "docs" / "your-keras-program.md"


@dataclass(frozen=True)
class Promise:
    """One line: in a program with `what`, it is so that `how`; `code` shows it.

    The code of "unchanged" runs without a warning, that of "hint" with at least one, of which the first says `says`, and
    that of "refused" raises an error that says `says`. "differs" is code that asserts the difference.
    """

    kind: str
    what: str
    how: str
    code: str
    says: str = ""


SMALL = """
import numpy as np
from keras import Sequential, layers
x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
def small():
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=["acc"])
    return model
"""

PROMISES = [
    # --- unchanged ---
    Promise("unchanged", "`import keras`, `import tf_keras`, `import tensorflow as tf`, `from tensorflow import keras`",
            "one and the same API", """
import keras, tf_keras, tensorflow as tf
from tensorflow import keras as other
assert keras is tf_keras is tf.keras is other"""),
    Promise("unchanged", "`from keras.layers.core import Dense`, `keras.layers.experimental.preprocessing`, `keras.utils.np_utils`, "
            "`keras.engine.topology`, `keras.optimizers.adam_v2`, `tensorflow.python.keras`", "modules in their old places", """
from keras.layers.core import Dense
from keras.engine.topology import Layer
from keras.optimizers.adam_v2 import Adam
from keras.utils.np_utils import to_categorical
from tensorflow.python.keras.layers import Dense as same
from tensorflow.keras.layers.experimental.preprocessing import Rescaling
assert Dense is same and issubclass(Dense, Layer)"""),
    Promise("unchanged", "`keras.__version__`, `tf.__version__`, `keras.backend.backend()`",
            "say 3.15, 2.x and `\"jax\"`, so that version checks pass", """
import keras, tensorflow as tf
assert keras.__version__.startswith("3.15") and tf.__version__.startswith("2.") and keras.backend.backend() == "jax\""""),
    Promise("unchanged", "`K.mean`, `K.square`, `K.int_shape`, `K.get_value`, … of `keras.backend`", "all functions of `tf.keras.backend`", """
from keras import backend as K
assert float(K.mean(K.square(K.constant([1.0, 3.0])))) == 5.0
assert K.get_value(K.variable(3.0)) == 3.0"""),
    Promise("unchanged", "`K.function([model.input], [layer.output])`", "a look at the activations inside", SMALL + """
from keras import backend as K
model = small()
assert K.function([model.input], [model.layers[0].output])([x])[0].shape == (8, 2)"""),
    Promise("unchanged", "own losses and metrics as functions of `y_true` and `y_pred`", "compiled with the rest", SMALL + """
from keras import backend as K
model = small()
model.compile("sgd", lambda y_true, y_pred: K.mean(K.abs(y_true - y_pred), axis=-1), metrics=["mae"])
history = model.fit(x, y, verbose=0).history
assert abs(history["loss"][0] - history["mae"][0]) < 1e-6"""),
    Promise("unchanged", "`metrics=[\"acc\"]`", "histories with `acc` and `val_acc`, as in Keras 3", SMALL + """
assert list(small().fit(x, y, validation_split=0.5, verbose=0).history) == ["acc", "loss", "val_acc", "val_loss"]"""),
    Promise("unchanged", "`losses.mse`, `metrics.MAE`, `optimizers.adam`, `optimizers.legacy.Adam`, `constraints.maxnorm`, "
            "`initializers.normal`", "short and older names", """
import keras
assert keras.losses.mse is keras.losses.mean_squared_error and keras.optimizers.legacy.Adam is keras.optimizers.Adam
assert keras.constraints.maxnorm(3).max_value == 3"""),
    Promise("unchanged", "`preprocessing.text.Tokenizer`, `one_hot`, `pad_sequences`, `skipgrams`", "Keras's numbers", """
from keras.preprocessing.text import Tokenizer
from keras.preprocessing.sequence import pad_sequences
tokenizer = Tokenizer()
tokenizer.fit_on_texts(["a dog", "a cat"])
assert pad_sequences(tokenizer.texts_to_sequences(["a cat"]), maxlen=3).tolist() == [[0, 1, 3]]"""),
    Promise("unchanged", "`TimeseriesGenerator`, `ImageDataGenerator` with `flow`, `flow_from_directory`, `flow_from_dataframe`, `fit`",
            "on the host, as there; `image_dataset_from_directory` and layers are much faster", """
import numpy as np
from keras.preprocessing.image import ImageDataGenerator
images, labels = next(ImageDataGenerator(rescale=0.5, rotation_range=10).flow(np.ones((4, 6, 6, 3)), np.arange(4), batch_size=2))
assert images.shape == (2, 6, 6, 3) and images.max() == 0.5"""),
    Promise("unchanged", "`from keras.datasets import mnist`", "without a network", """
from keras.datasets import mnist
assert mnist.load_data()[0][0].shape == (60000, 28, 28)"""),
    Promise("unchanged", "`tf.GradientTape`, `tf.function`, `tf.data.Dataset`, `tf.reduce_mean`, …", "over JAX; nothing of TensorFlow is imported", """
import tensorflow as tf
x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = x * x
assert float(tape.gradient(y, x)) == 6.0
assert type(tape).__module__.startswith("ranvier.")"""),
    # --- with a hint ---
    Promise("hint", "`Sequential(layers.Dense(…))`", "`Sequential([layers.Dense(…)])`", SMALL + "Sequential(layers.Dense(2))", "in a list"),
    Promise("hint", "`Dense(64, input_dim=20)`", "`keras.Input((20,))` first",
            SMALL + "assert Sequential([layers.Dense(64, input_dim=20)]).count_params() == 1344", r"keras\.Input"),
    Promise("hint", "`Embedding(…, input_length=10)`", "without it", SMALL + "layers.Embedding(5, 2, input_length=10)", "delete it"),
    Promise("hint", "`InputLayer(input_shape=(3,))`", "`InputLayer(shape=(3,))`", SMALL + "layers.InputLayer(input_shape=(3,))", "shape="),
    Promise("hint", "`Dense(output_dim=, init=, W_regularizer=, bias=)`", "`units`, `kernel_initializer`, `kernel_regularizer`, `use_bias`",
            SMALL + "assert layers.Dense(output_dim=3, init='ones', bias=False).units == 3", "units"),
    Promise("hint", "`Convolution2D(32, 3, 3, border_mode=, subsample=)`, `nb_filter=, nb_row=, nb_col=`, `dim_ordering=`",
            "`Conv2D(32, (3, 3), padding=, strides=)`, `filters`, `kernel_size`, `data_format`",
            SMALL + "assert layers.Convolution2D(32, 3, 3, border_mode='same').strides == (1, 1)", r"\(32, \(3, 3\)\)"),
    Promise("hint", "`LSTM(output_dim=, inner_init=, inner_activation=, dropout_W=, dropout_U=)`",
            "`units`, `recurrent_initializer`, `recurrent_activation`, `dropout`, `recurrent_dropout`",
            SMALL + "assert layers.LSTM(output_dim=3, dropout_U=0.5).recurrent_dropout == 0.5", "units"),
    Promise("hint", "`Dropout(p=)`, `GaussianNoise(sigma=)`, `MaxPooling1D(pool_length=, stride=)`, `MaxNorm(m=)`, `L2(l=)`",
            "`rate`, `stddev`, `pool_size`, `strides`, `max_value`, `l2`", SMALL + "assert layers.Dropout(p=0.3).rate == 0.3", "rate"),
    Promise("hint", "`Adam(lr=0.01)`, `optimizer.lr`", "`learning_rate`", """
import keras
assert float(keras.optimizers.Adam(lr=0.5).learning_rate) == 0.5""", "learning_rate"),
    Promise("hint", "`SGD(lr=0.1, decay=1e-6, momentum=0.9, nesterov=True)`", "a schedule `InverseTimeDecay(0.1, 1, 1e-6)`", """
import keras
assert keras.optimizers.SGD(0.1, decay=0.5).learning_rate == 0.1""", "InverseTimeDecay"),
    Promise("hint", "`Model(input=a, output=b)`", "`Model(inputs=a, outputs=b)`", SMALL + """
import keras
a = layers.Input((3,))
keras.Model(input=a, output=layers.Dense(2)(a))""", "inputs"),
    Promise("hint", "`fit(nb_epoch=2)`", "`fit(epochs=2)`", SMALL + "assert len(small().fit(x, y, nb_epoch=2, verbose=0).history['loss']) == 2", "epochs"),
    Promise("hint", "`fit(generator, workers=4, use_multiprocessing=True, max_queue_size=10)`",
            "batches are read ahead by threads; for a `PyDataset` they are its own arguments",
            SMALL + "small().fit(iter([(x, y)]), workers=4, verbose=0)", "by themselves"),
    Promise("hint", "`fit_generator`, `evaluate_generator`, `predict_generator`", "`fit`, `evaluate`, `predict`",
            SMALL + "small().fit_generator(iter([(x, y)]), steps_per_epoch=1, verbose=0)", "is fit"),
    Promise("hint", "`predict_classes`, `predict_proba`", "`predict(x).argmax(-1)`, `predict(x)`",
            SMALL + "assert small().predict_classes(x).shape == (8,)", "argmax"),
    Promise("hint", "`CuDNNLSTM(64)`, `CuDNNGRU(64)`", "`LSTM(64)`, `GRU(64)`", SMALL + "layers.CuDNNLSTM(64)", "LSTM"),
    Promise("hint", "`merge([a, b], mode=\"concat\")`", "`layers.concatenate([a, b])`", SMALL + "layers.merge([x, x], mode='concat')", "concatenate"),
    Promise("hint", "`wrappers.scikit_learn.KerasClassifier(build_fn)`", "`wrappers.SKLearnClassifier(model)`", SMALL + """
from keras.wrappers.scikit_learn import KerasClassifier
KerasClassifier(build_fn=small, epochs=2)""", "SKLearnClassifier"),
    Promise("hint", "`ReduceLROnPlateau(epsilon=)`", "`min_delta`", """
from keras.callbacks import ReduceLROnPlateau
assert ReduceLROnPlateau(epsilon=0.1).min_delta == 0.1""", "min_delta"),
    Promise("hint", "`model.save(\"m.h5\")`, `ModelCheckpoint(\"m.h5\")`, `model.save_weights(\"w.h5\")`",
            "`.keras` and `.weights.h5` lose less", SMALL + """
import os, tempfile
with tempfile.TemporaryDirectory() as folder:
    small().save(os.path.join(folder, "m.h5"))""", "old format"),
    # --- differs ---
    Promise("differs", "who gets ranvier", "the program: its script, the modules beside it, notebooks. Packages in Python's own folders get "
            "the real Keras or TensorFlow, or an ImportError where it is absent; `--also PACKAGE` gives ranvier to them, too", """
import keras, sys
assert keras is not sys.modules.get("keras")"""),
    Promise("differs", "random numbers", "as random as Keras's, but others for the same seed; `set_random_seed` repeats them", """
import keras
keras.utils.set_random_seed(1)
first = keras.random.normal((2,))
keras.utils.set_random_seed(1)
assert (first == keras.random.normal((2,))).all()"""),
    Promise("differs", "`Convolution2D(32, 3, 3)` without another word of Keras 1", "strides of 3, as in Keras 3; a hint says so", SMALL + """
import warnings
with warnings.catch_warnings(record=True) as given:
    warnings.simplefilter("always")
    assert layers.Convolution2D(32, 3, 3).strides == (3, 3)
assert len(given) == 1"""),
    Promise("differs", "`ImageDataGenerator(height_shift_range=)`", "moves images up and down, in Keras 3 sideways; and images that are not square "
            "turn about their centre", """
import numpy as np
from keras.preprocessing.image import ImageDataGenerator
image = np.arange(12.0).reshape(3, 4, 1)
moved = ImageDataGenerator(height_shift_range=[1]).random_transform(image)
assert np.array_equal(moved[1], image[0]) or np.array_equal(moved[1], image[2])"""),
    Promise("differs", "`K.learning_phase()`", "1 within calls that train, else 0; among the inputs of `K.function` it stands for `training`", """
from keras import backend as K
assert K.learning_phase() == 0"""),
    Promise("differs", "a file of a model", "is data: a `Lambda` of a file is refused unless the program passes the function", SMALL + """
import os, tempfile, warnings
from keras.models import load_model
warnings.simplefilter("ignore")
model = Sequential([layers.Input((3,)), layers.Lambda(lambda t: t + 1)])
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "m.keras")
    try:
        model.save(path)
        load_model(path)
    except ValueError:
        pass
    else:
        raise AssertionError"""),
    # --- refused ---
    Promise("refused", "`Sequential(layers.Dense(3), layers.Dense(2))`", "give the layers in one list; Keras 3 drops the second in silence",
            SMALL + "Sequential(layers.Dense(3), layers.Dense(2))", r"Sequential\(\[first, second"),
    Promise("refused", "`Flatten(input_shape=(28, 28))` fed with rows of 784", "the error says `x.reshape(-1, 28, 28)`",
            SMALL + "Sequential([layers.Flatten(input_shape=(28, 28))])(np.zeros((2, 784)))", r"x\.reshape\(-1, 28, 28\)"),
    Promise("refused", "misspelt arguments, layers and names", "the nearest name is given", SMALL + "layers.Dense(3, activaton='relu')",
            "Did you mean 'activation'"),
    Promise("refused", "`K.placeholder`", "use `keras.Input`", "from keras import backend as K\nK.placeholder((2,))", r"keras\.Input"),
    Promise("refused", "`K.gradients`", "use `tf.GradientTape`", "from keras import backend as K\nK.gradients", "GradientTape"),
    Promise("refused", "`K.get_session`, `K.set_session`, `tf.Session`, `tf.ConfigProto`", "delete the lines: JAX takes what it needs",
            "from keras import backend as K\nK.set_session", "Delete the line"),
    Promise("refused", "`K.set_learning_phase`", "pass `training=` to the call", "from keras import backend as K\nK.set_learning_phase(1)", "training=True"),
    Promise("refused", "`fit_generator(samples_per_epoch=)`", "counts samples; `steps_per_epoch` counts batches",
            SMALL + "small().fit(x, y, samples_per_epoch=10)", "counts batches"),
    Promise("refused", "`SGD(schedule, decay=)`", "which of the two is meant is not clear", """
import keras
keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), decay=0.1)""", "schedule or decay"),
    Promise("refused", "`LocallyConnected1D`, `LocallyConnected2D`, `RandomHeight`, `RandomWidth`, `MaxoutDense`, `Highway`, `DenseFeatures`",
            "gone from Keras 3, or sizes that change in compiled programs; each error says the nearest way",
            "from keras.layers import LocallyConnected2D", "EinsumDense"),
    Promise("refused", "`utils.multi_gpu_model`", "use `distribution.DataParallel`", "from keras.utils import multi_gpu_model", "DataParallel"),
    Promise("refused", "`keras.estimator`, `tf.estimator`", "use `fit`, or the wrappers for scikit-learn", "import keras.estimator", "SKLearnClassifier"),
    Promise("refused", "`model_from_yaml`", "YAML could run code; use `to_json`", "from keras.models import model_from_yaml", "to_json"),
    Promise("refused", "`utils.HDF5Matrix`, `OrderedEnqueuer`", "pass the data set of h5py, or the dataset, to `fit`", "from keras.utils import HDF5Matrix", "h5py"),
    Promise("refused", "`keras.src.…`", "the inside of Keras; use the public name", "from keras.src.layers import Dense", "inside of Keras"),
    Promise("refused", "`quantizers`, policies of quantised types, `export`, `OrbaxCheckpoint`, `TFSMLayer`, `TorchModuleWrapper`", "not there yet, or another engine", "import keras.quantizers", "Not yet"),
    Promise("refused", "TensorFlow 1: `tf.placeholder`, `tf.Session`, `tf.compat.v1`", "write it for TensorFlow 2 or with keras",
            "import tensorflow as tf\ntf.Session", "no sessions"),
]  # fmt: skip

_HEADINGS = {
    "unchanged": ("In the program", "on ranvier"),
    "hint": ("In the program", "what it means today, as the hint says"),
    "differs": ("What", "how it differs"),
    "refused": ("In the program", "why, and what instead"),
}


def tables() -> dict[str, str]:
    """The tables in Markdown, by kind."""
    found = {}
    for kind, (left, right) in _HEADINGS.items():
        rows = [f"| {p.what} | {p.how} |" for p in PROMISES if p.kind == kind]
        found[kind] = "\n".join([f"| {left} | {right} |", "| --- | --- |", *rows])
    return found | {"coverage": coverage_table()}


def coverage_table() -> str:
    """How many names each module of the two faces has."""
    from ranvier.compat.keras.modules import keras_face, keras_modules
    from ranvier.compat.tensorflow.coverage import coverage

    groups: dict[str, int] = {}
    for path in keras_modules():
        top = path.partition(".")[0]
        name = f"`keras.{top}`" if top else "`keras`"
        groups[name] = groups.get(name, 0) + len(_values(keras_face(path)))
    of_tensorflow = {f"`tf.{name}`" if name else "`tf`": len(names) for name, names in coverage().items()}
    rows = [f"| {name} | {count} |" for counts in (groups, of_tensorflow) for name, count in sorted(counts.items())]
    total = f"| all of Keras | {sum(groups.values())} |\n| all of TensorFlow | {sum(of_tensorflow.values())} |"
    return "\n".join(["| Module, with those inside | names |", "| --- | ---: |", *rows, total])


def _values(face: object) -> list[str]:
    import types

    return [name for name in face.__all__ if not isinstance(getattr(face, name), types.ModuleType)]  # type: ignore[attr-defined]


def write() -> None:
    """Put the tables into the page."""
    text = PAGE.read_text()
    for kind, table in tables().items():
        begin, end = f"<!-- {kind} -->\n", f"<!-- end of {kind} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(text)


if __name__ == "__main__":
    write()
