"""Random initialisers: plain distributions, and those whose spread follows the number of inputs and outputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from .base import RandomInitializer, fans, numpy_dtype, sizes

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
]

# The standard deviation of a standard normal distribution cut off at ±2.
_CUT_DEVIATION = 0.87962566103423978


def _finite(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        raise ArgumentError(f"{name} must be a finite number. Received: {name}={value!r}")
    return value


def _truncated(generator: np.random.Generator, shape: Any) -> np.ndarray:
    """Standard normal numbers, drawn again where they fall outside ±2."""
    values = generator.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values = np.where(outside, generator.standard_normal(shape), values)
    return values


class RandomNormal(RandomInitializer):
    """A normal distribution.

    Args:
        mean: its mean.
        stddev: its standard deviation.
        seed: see `RandomInitializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = _finite("mean", mean)
        self.stddev = _finite("stddev", stddev)
        if stddev < 0:
            raise ArgumentError(f"stddev must not be negative. Received: stddev={stddev!r}")

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Values of `shape`."""
        return (self.mean + self.stddev * self.generator().standard_normal(sizes(shape))).astype(numpy_dtype(dtype))


class TruncatedNormal(RandomInitializer):
    """A normal distribution without what lies more than two standard deviations off.

    Args:
        mean: the mean before truncation.
        stddev: the standard deviation before truncation.
        seed: see `RandomInitializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = _finite("mean", mean)
        self.stddev = _finite("stddev", stddev)
        if stddev < 0:
            raise ArgumentError(f"stddev must not be negative. Received: stddev={stddev!r}")

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Values of `shape`."""
        return (self.mean + self.stddev * _truncated(self.generator(), sizes(shape))).astype(numpy_dtype(dtype))


class RandomUniform(RandomInitializer):
    """A uniform distribution from `minval` to `maxval`.

    Args:
        minval: the lower end.
        maxval: the upper end.
        seed: see `RandomInitializer`.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval = _finite("minval", minval)
        self.maxval = _finite("maxval", maxval)
        if minval > maxval:
            raise ArgumentError(f"minval must not exceed maxval. Received: minval={minval!r}, maxval={maxval!r}")

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Values of `shape`."""
        return self.generator().uniform(self.minval, self.maxval, sizes(shape)).astype(numpy_dtype(dtype))


class VarianceScaling(RandomInitializer):
    """A distribution whose variance is `scale` over the number of inputs, outputs, or their mean.

    Args:
        scale: the numerator of the variance; positive.
        mode: the denominator: ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"``, ``"untruncated_normal"`` or ``"uniform"``.
        seed: see `RandomInitializer`.
        input_axes: the axes whose sizes multiply to the number of inputs; None: as kernels have them.
        output_axes: the axes whose sizes multiply to the number of outputs; goes with `input_axes`.

    Raises:
        ArgumentError: a scale that is not positive, an unknown mode or distribution, or only one kind of axes.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ):
        if _finite("scale", scale) <= 0:
            raise ArgumentError(f"scale must be positive. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg'. Received: mode={mode!r}")
        distribution = "truncated_normal" if str(distribution).lower() == "normal" else str(distribution).lower()
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ArgumentError(
                "distribution must be 'uniform', 'truncated_normal' or 'untruncated_normal'. "
                f"Received: distribution={distribution!r}"
            )
        if (input_axes is None) != (output_axes is None):
            raise ArgumentError(
                "input_axes and output_axes go together: give both or neither. "
                f"Received: input_axes={input_axes!r}, output_axes={output_axes!r}"
            )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Values of `shape`."""
        shape = sizes(shape)
        inputs, outputs = self._fans(shape)
        fan = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        generator = self.generator()
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            values = generator.uniform(-limit, limit, shape)
        elif self.distribution == "untruncated_normal":
            values = math.sqrt(variance) * generator.standard_normal(shape)
        else:
            values = math.sqrt(variance) / _CUT_DEVIATION * _truncated(generator, shape)
        return values.astype(numpy_dtype(dtype))

    def _fans(self, shape: tuple[int, ...]) -> tuple[float, float]:
        if self.input_axes is None or self.output_axes is None:
            return fans(shape)
        inputs, outputs = (
            math.prod(shape[a] for a in np.atleast_1d(np.asarray(axes, int)))
            for axes in (self.input_axes, self.output_axes)
        )
        return float(inputs), float(outputs)


class _Scaled(VarianceScaling):
    """Base of the named scalings, which are configured by their seed (and axes) alone."""

    config_excluded = frozenset({"scale", "mode", "distribution"})
    _scale, _mode, _distribution = 1.0, "fan_in", "truncated_normal"

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None):
        super().__init__(self._scale, self._mode, self._distribution, seed, input_axes, output_axes)


class GlorotUniform(_Scaled):
    """Uniform within ±√(6 / (inputs + outputs)): Glorot & Bengio, 2010, equation 16."""

    _scale, _mode, _distribution = 1.0, "fan_avg", "uniform"


class GlorotNormal(_Scaled):
    """Truncated normal with variance 2 / (inputs + outputs): Glorot & Bengio, 2010."""

    _scale, _mode, _distribution = 1.0, "fan_avg", "truncated_normal"


class LecunNormal(_Scaled):
    """Truncated normal with variance 1 / inputs: LeCun et al., 1998, *Efficient BackProp*."""

    _scale, _mode, _distribution = 1.0, "fan_in", "truncated_normal"


class LecunUniform(_Scaled):
    """Uniform within ±√(3 / inputs): LeCun et al., 1998, *Efficient BackProp*."""

    _scale, _mode, _distribution = 1.0, "fan_in", "uniform"


class HeNormal(_Scaled):
    """Truncated normal with variance 2 / inputs, for ReLU: He et al., 2015, equation 10."""

    _scale, _mode, _distribution = 2.0, "fan_in", "truncated_normal"


class HeUniform(_Scaled):
    """Uniform within ±√(6 / inputs), for ReLU: He et al., 2015."""

    _scale, _mode, _distribution = 2.0, "fan_in", "uniform"


class Orthogonal(RandomInitializer):
    """Rows or columns (whichever are fewer) at right angles: Saxe et al., 2014.

    Args:
        gain: what the matrix is multiplied by.
        seed: see `RandomInitializer`.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = _finite("gain", gain)

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Values of `shape`, of at least two axes; all but the last count as rows."""
        shape = sizes(shape)
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal initialises tensors of two axes or more. Received: shape={tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = self.generator().standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(normal)
        q = q * np.sign(np.diag(r))  # makes the distribution uniform over orthogonal matrices (Mezzadri, 2007)
        return (self.gain * (q if rows >= columns else q.T).reshape(shape)).astype(numpy_dtype(dtype))
