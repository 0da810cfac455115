"""Cases of the catalogue: image colour."""

from .case import Case

__all__ = ["CASES"]

_IMAGES = (2, 6, 5, 3)
_FIRST = {"data_format": "channels_first"}
_RANGE = {"value_range": (-3, 3)}  # the catalogue's numbers are normal ones

CASES: list[Case] = [
    Case("RandomBrightness", {"factor": 0.3}, _IMAGES, random=True),
    Case("RandomContrast", {"factor": (0.1, 0.4), "seed": 3}, _IMAGES, random=True),
    Case("RandomColorDegeneration", {"factor": 0.5}, _IMAGES, random=True),
    Case("RandomColorJitter", {"brightness_factor": 0.2, "hue_factor": (0.1, 0.2)}, _IMAGES, random=True),
    Case("RandomErasing", {}, _IMAGES, random=True),
    Case("RandomErasing", {"factor": 0.5, "scale": (0.1, 0.2), "fill_value": 1.0, **_RANGE}, _IMAGES, random=True),
    Case("RandomGaussianBlur", {"kernel_size": (3, 5), "sigma": (0.5, 2.0), "factor": 0.4}, _IMAGES, random=True),
    Case("RandomGrayscale", {"factor": 0.3}, _IMAGES, random=True),
    Case("RandomHue", {"factor": 0.3, **_RANGE}, _IMAGES, random=True),
    Case("RandomInvert", {"factor": (0.2, 0.4)}, _IMAGES, random=True),
    Case("RandomPosterization", {"factor": 4}, _IMAGES, random=True),
    Case("RandomSaturation", {"factor": (0.3, 0.5)}, _IMAGES, random=True),
    Case("RandomSharpness", {"factor": 0.3, **_FIRST}, _IMAGES, random=True),
    Case("AutoContrast", {"value_range": (-3, 3)}, _IMAGES),
    Case("Equalization", {"bins": 64, **_RANGE}, _IMAGES, random=True),
    Case("Solarization", {"addition_factor": 0.2, "threshold_factor": (0.3, 0.4)}, _IMAGES, random=True),
    Case("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": 2.0, "tile_grid_size": (2, 2)}, _IMAGES,
         integers_below=256),
    # MixUp has its tests in test_mixing: Keras 3.15 warns there of an integer type, and warnings are errors.
    Case("CutMix", {"factor": 0.5, "seed": 1}, _IMAGES, random=True),
    Case("RandAugment", {"num_ops": 1, "factor": (0.1, 0.3)}, _IMAGES, random=True),
    Case("AugMix", {"num_chains": 2, "all_ops": False}, _IMAGES, random=True),
]  # fmt: skip
