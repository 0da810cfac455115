"""What `FeatureSpace` is made of: features, crosses, and the layer that does nothing."""

from __future__ import annotations

import builtins
from typing import Any

from ..core import names
from ..core.configurable import Configurable
from ..core.errors import ArgumentError
from ..layers import Discretization, Hashing, IntegerLookup, Normalization, Rescaling, StringLookup
from ..layers.base import Layer

__all__ = ["Cross", "Feature", "Features", "TFDIdentity", "make_feature"]

_HOME = "keras.src.layers.preprocessing.feature_space"  # how Keras's files call these classes


class TFDIdentity(Layer):
    """Gives its inputs: the preprocessing of features that are used as they are."""

    keras_module = _HOME

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs


class Cross(Configurable):
    """Features that are looked at together: a bin for each combination of their values.

    Args:
        feature_names: the features.
        crossing_dim: how many bins.
        output_mode: ``"one_hot"`` or ``"int"``.
    """

    keras_module = _HOME

    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot"):
        if output_mode not in ("int", "one_hot"):
            raise ArgumentError(f"Cross: output_mode must be 'int' or 'one_hot'. Received: {output_mode!r}")
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The features' names, joined."""
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """One feature: its dtype, the layer that prepares it, and what becomes of the result.

    Args:
        dtype: of the input: ``"float32"``, ``"int32"``, ``"string"``.
        preprocessor: a layer (or, in `FeatureSpace.feature`, what `preprocessor` accepts).
        output_mode: ``"float"`` or ``"int"``: as the preprocessor gives it; ``"one_hot"``: as a vector.
    """

    keras_module = _HOME

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str):
        if output_mode not in ("int", "one_hot", "float"):
            raise ArgumentError(
                f"Feature: output_mode must be 'int', 'one_hot' or 'float'. Received: output_mode={output_mode!r}"
            )
        self.dtype = dtype
        self.preprocessor = preprocessor
        self.output_mode = output_mode


def _named(kind: str, name: str | None) -> str:
    return f"{name or names.auto_name(kind)}_preprocessor"


class Features:
    """The kinds of features, as class methods; `FeatureSpace` inherits them."""

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Features that are looked at together; see `Cross`."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature with a preprocessor of one's own; see `Feature`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """A number, used as it is."""
        return Feature("float32", TFDIdentity(name=_named("float", name)), "float")

    @classmethod
    def float_rescaled(
        cls, scale: builtins.float = 1.0, offset: builtins.float = 0.0, name: str | None = None
    ) -> Feature:
        """A number, scaled and shifted; see `layers.Rescaling`."""
        return Feature("float32", Rescaling(scale, offset, name=_named("float_rescaled", name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """A number, brought to mean 0 and variance 1; see `layers.Normalization`."""
        return Feature("float32", Normalization(axis=-1, name=_named("float_normalized", name)), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """A number, put into a bin; see `layers.Discretization`."""
        layer = Discretization(
            bin_boundaries, num_bins if bin_boundaries is None else None, name=_named("float_discretized", name)
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """An integer that names a category; see `layers.IntegerLookup`."""
        layer = IntegerLookup(max_tokens, num_oov_indices, name=_named("integer_categorical", name))
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """A string that names a category; see `layers.StringLookup`."""
        layer = StringLookup(max_tokens, num_oov_indices, name=_named("string_categorical", name))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """An integer, hashed into a bin; see `layers.Hashing`."""
        return Feature("int32", Hashing(num_bins, name=_named("integer_hashed", name)), output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """A string, hashed into a bin; see `layers.Hashing`."""
        return Feature("string", Hashing(num_bins, name=_named("string_hashed", name)), output_mode)


def make_feature(name: str, value: Any, hashing_dim: int, num_bins: int) -> Feature:
    """The feature that a name of a kind, a `Feature` or its configuration stands for.

    Raises:
        ArgumentError: no such kind.
    """
    if isinstance(value, Feature):
        return value
    if isinstance(value, dict) and "config" in value:
        return Feature.from_config(value["config"])
    options = {
        "float": {}, "float_rescaled": {}, "float_normalized": {}, "float_discretized": {"num_bins": num_bins},
        "integer_categorical": {}, "string_categorical": {}, "integer_hashed": {"num_bins": hashing_dim},
        "string_hashed": {"num_bins": hashing_dim},
    }  # fmt: skip
    if not isinstance(value, str) or value not in options:
        raise ArgumentError(f"Feature '{name}' must be a Feature or one of {sorted(options)}. Received: {value!r}")
    return getattr(Features, value)(name=name, **options[value])
