"""`FeatureSpace`: a table's columns, each prepared in its own way, as one vector for a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError
from ..files import keras_format
from ..layers import (
    CategoryEncoding,
    Concatenate,
    Discretization,
    HashedCrossing,
    Hashing,
    Input,
    IntegerLookup,
    Normalization,
    StringLookup,
    TextVectorization,
)
from ..layers.preparation.host import DatasetLayer, host_array, is_tensorflow
from ..ops.symbolic import KerasTensor, is_symbolic
from .features import Cross, Features, make_feature

__all__ = ["FeatureSpace"]


class FeatureSpace(Features, DatasetLayer):
    """A table's columns, each prepared in its own way, as one vector (or a dict of them).

    Args:
        features: for each column a kind (``"float"``, ``"float_rescaled"``, ``"float_normalized"``,
            ``"float_discretized"``, ``"integer_categorical"``, ``"string_categorical"``, ``"integer_hashed"``,
            ``"string_hashed"``), or what the class methods of these names give.
        output_mode: ``"concat"``: one vector: the features in the order of their names, then the crosses; or
            ``"dict"``.
        crosses: tuples of features to be looked at together, or what `cross` gives.
        crossing_dim: how many bins a cross has.
        hashing_dim: how many bins hashed features have.
        num_discretization_bins: how many bins discretised features have.
        name: the layer's name.

    >>> import numpy as np
    >>> space = FeatureSpace({"age": "float_normalized", "town": "string_categorical"})
    >>> space.adapt({"age": np.array([30.0, 50.0]), "town": np.array(["Oslo", "Rome"])})
    >>> space({"age": 40.0, "town": "Rome"}).tolist()
    [0.0, 0.0, 1.0, 0.0]
    """

    keras_module = "keras.utils"
    config_excluded = DatasetLayer.config_excluded | {"name", "trainable", "dtype"}

    def __init__(
        self,
        features: Any,
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if not features:
            raise ArgumentError("FeatureSpace: features must name at least one column.")
        if output_mode not in ("concat", "dict"):
            raise ArgumentError(f"FeatureSpace: output_mode must be 'concat' or 'dict'. Received: {output_mode!r}")
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {
            name: make_feature(name, value, hashing_dim, num_discretization_bins) for name, value in features.items()
        }
        self.crosses = [_cross(cross, crossing_dim) for cross in crosses or ()]
        for cross in self.crosses:
            unknown = [name for name in cross.feature_names if name not in self.features]
            if unknown:
                raise ArgumentError(f"FeatureSpace: crosses name {unknown}, which are not among the features.")
        self.preprocessors = {name: f.preprocessor for name, f in self.features.items() if f.preprocessor is not None}
        self.crossers = {c.name: HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses}
        self.one_hot_encoders: dict[str, CategoryEncoding] = {}
        self.concat = Concatenate(axis=-1) if output_mode == "concat" else None
        self.inputs = {n: Input((1,), dtype=f.dtype, name=n) for n, f in self.features.items()}
        self.encoded_features: Any = None

    # --- adapting ---------------------------------------------------------------------------------------------------

    def adapt(self, dataset: Any) -> None:
        """Let every feature that needs it learn from the data: vocabularies, means, boundaries.

        Args:
            dataset: a dict of columns, or an iterable of such dicts (tf.data, a generator, `PyDataset`); of tuples
                (x, y) the first part is taken.
        """
        wanted = [name for name, layer in self.preprocessors.items() if _learns(layer)]
        columns: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
        found = False
        for batch in _tables(dataset):
            found = True
            self._check_names(batch)
            for name in wanted:
                column = host_array(batch[name], name)
                columns[name].append(column.reshape(-1, 1) if column.ndim < 2 else column)
        if not found:
            raise DataError("dataset gave no batch at all: it is empty.")
        for name in wanted:
            self.preprocessors[name].adapt(iter(columns[name]))
        self.encoded_features = None
        self.one_hot_encoders = {}
        self.get_encoded_features()

    def _check_names(self, data: Any) -> None:
        if not isinstance(data, dict):
            raise ArgumentTypeError(f"FeatureSpace takes a dict of columns. Received: data of type {type(data)}")
        missing = [name for name in self.features if name not in data]
        if missing:
            raise ArgumentError(f"FeatureSpace: the data has no column {missing}. Received: columns {list(data)}")

    def _check_adapted(self) -> None:
        waiting = [name for name, layer in self.preprocessors.items() if _learns(layer) and not _knows(layer)]
        if waiting:
            raise NotBuiltError(f"FeatureSpace: call adapt(dataset) first; these features need it: {waiting}")
        if not self.one_hot_encoders:
            for name, feature in self.features.items():
                if feature.output_mode == "one_hot":
                    self.one_hot_encoders[name] = CategoryEncoding(_size(name, feature.preprocessor))
            for cross in self.crosses:
                if cross.output_mode == "one_hot":
                    self.one_hot_encoders[cross.name] = CategoryEncoding(cross.crossing_dim)

    # --- encoding ---------------------------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Any]:
        """The symbolic inputs, one a feature, each (batch, 1)."""
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbolic results for `get_inputs()`."""
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encode(self.inputs, lambda layer, x: layer(x))
        return self.encoded_features

    def __call__(self, data: Any) -> Any:
        self._check_names(data)
        data = {name: data[name] for name in self.features}
        if any(is_tensorflow(t) and not hasattr(t, "numpy") for t in data.values()):
            return super().__call__(data)
        return self.call(data)

    def call(self, data: Any) -> Any:
        """The encoded features.

        Args:
            data: for each feature a column, (batch,) or (batch, 1), or a single value.
        """
        self._check_adapted()
        data = {name: x if is_symbolic(x) else host_array(x, name) for name, x in data.items()}
        single = all(len(x.shape) == 0 for x in data.values())
        encoded = self._encode({n: _column(x) for n, x in data.items()}, lambda layer, x: layer(x))
        if not single:
            return encoded
        return {n: x[0] for n, x in encoded.items()} if isinstance(encoded, dict) else encoded[0]

    def compute_output_spec(self, data: Any) -> Any:
        """The symbolic results for symbolic columns."""
        self._check_adapted()
        columns = {name: _column(x) for name, x in data.items()}
        encoded = self._encode(columns, lambda layer, x: layer.compute_output_spec(x))
        if any(len(x.shape) > 0 for x in data.values()):
            return encoded
        first = lambda t: KerasTensor(t.shape[1:], t.dtype)  # noqa: E731
        return {n: first(t) for n, t in encoded.items()} if isinstance(encoded, dict) else first(encoded)

    def _encode(self, columns: dict[str, Any], apply: Any) -> Any:
        prepared = {}
        for name in sorted(columns):
            x = columns[name]
            if not is_symbolic(x) and self.features[name].dtype == "float32":
                x = np.asarray(x, "float32")
            layer = self.preprocessors.get(name)
            prepared[name] = x if layer is None else apply(layer, x)
        for cross in self.crosses:
            parts = [prepared[name] for name in cross.feature_names]
            prepared[cross.name] = apply(self.crossers[cross.name], parts)
        encoded = {n: apply(e, x) if (e := self.one_hot_encoders.get(n)) else x for n, x in prepared.items()}
        if self.concat is None:
            return encoded
        for name, x in encoded.items():
            if "float" not in str(x.dtype):
                raise ArgumentError(
                    f"FeatureSpace: feature '{name}' has dtype {x.dtype}, which cannot be joined to a vector of floats. "
                    "Use output_mode='one_hot' for it, or output_mode='dict' for all."
                )
        values = list(encoded.values())
        return apply(self.concat, values) if len(values) > 1 else values[0]

    # --- files ------------------------------------------------------------------------------------------------------

    def get_build_config(self) -> dict[str, Any]:
        """What each feature's layer was built for."""
        return {name: layer.get_build_config() or {} for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build each feature's layer for what `get_build_config` gave."""
        for name, inner in config.items():
            if inner and not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(inner)

    def save(self, filepath: Any) -> None:
        """Write the whole to a ``.keras`` file; `models.load_model` reads it."""
        self._check_adapted()
        keras_format.save_model(self, filepath)


def _cross(value: Any, crossing_dim: int) -> Cross:
    if isinstance(value, Cross):
        return value
    if isinstance(value, dict) and "config" in value:
        return Cross.from_config(value["config"])
    if not isinstance(value, (tuple, list)) or len(value) < 2:
        raise ArgumentError(f"FeatureSpace: a cross is a tuple of two or more features. Received: {value!r}")
    return Cross(value, crossing_dim)


def _learns(layer: Any) -> bool:
    """Whether the layer is to learn from data."""
    if isinstance(layer, TextVectorization):
        layer = layer._lookup_layer
    if isinstance(layer, Normalization):
        return layer.input_mean is None
    if isinstance(layer, Discretization):
        return layer.num_bins is not None
    return hasattr(layer, "adapt") and not getattr(layer, "_fixed", False)


def _knows(layer: Any) -> bool:
    """Whether the layer has learned what it needs."""
    if isinstance(layer, TextVectorization):
        layer = layer._lookup_layer
    if isinstance(layer, Discretization):
        return layer.bin_boundaries is not None
    return getattr(layer, "_tokens", ()) is not None and (layer.built or not isinstance(layer, Normalization))


def _size(name: str, layer: Any) -> int:
    """How many different integers the layer gives."""
    if isinstance(layer, (IntegerLookup, StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, Discretization):
        return layer.num_bins or len(layer.bin_boundaries or ()) + 1
    if isinstance(layer, (Hashing, HashedCrossing)):
        return layer.num_bins
    if isinstance(layer, CategoryEncoding):
        return layer.num_tokens
    raise ArgumentError(
        f"FeatureSpace: the vectors of feature '{name}' would have an unknown size: its preprocessor is "
        f"{type(layer).__name__}. Use output_mode='float' or 'int' for it."
    )


def _column(x: Any) -> Any:
    """A single value or a column as (batch, 1)."""
    if len(x.shape) >= 2:
        return x
    shape = (*x.shape, 1) if len(x.shape) == 1 else (1, 1)
    return KerasTensor(shape, x.dtype) if is_symbolic(x) else x.reshape(shape)


def _tables(dataset: Any) -> Any:
    if isinstance(dataset, dict):
        yield dataset
        return
    if hasattr(dataset, "as_numpy_iterator"):
        dataset = dataset.as_numpy_iterator()
    elif hasattr(dataset, "num_batches") and hasattr(dataset, "__getitem__"):
        dataset = (dataset[i] for i in range(dataset.num_batches))
    if not hasattr(dataset, "__iter__") or hasattr(dataset, "__array__"):
        raise ArgumentTypeError(f"adapt takes a dict of columns, or an iterable of them. Received: {type(dataset)}")
    for batch in dataset:
        yield batch[0] if isinstance(batch, tuple) else batch
