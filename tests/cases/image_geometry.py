"""Cases of the catalogue: image geometry."""

from .case import Case

__all__ = ["CASES"]

_IMAGES = (2, 6, 5, 3)
_FIRST = {"data_format": "channels_first"}

CASES: list[Case] = [
    Case("Resizing", {"height": 4, "width": 7}, _IMAGES),
    Case("Resizing", {"height": 4, "width": 3, "interpolation": "nearest", "crop_to_aspect_ratio": True}, _IMAGES),
    Case("Resizing", {"height": 4, "width": 3, "interpolation": "bicubic", "antialias": True}, _IMAGES),
    Case("Resizing", {"height": 3, "width": 8, "pad_to_aspect_ratio": True, "fill_value": 0.5, **_FIRST}, _IMAGES),
    Case("CenterCrop", {"height": 3, "width": 4}, _IMAGES),
    Case("CenterCrop", {"height": 8, "width": 3, **_FIRST}, _IMAGES),
    Case("MaxNumBoundingBoxes", {"max_number": 3}, _IMAGES),
    Case("RandomFlip", {}, _IMAGES, random=True),
    Case("RandomFlip", {"mode": "vertical", "seed": 3, **_FIRST}, _IMAGES, random=True),
    Case("RandomRotation", {"factor": 0.2}, _IMAGES, random=True),
    Case("RandomRotation", {"factor": (-0.1, 0.3), "fill_mode": "constant", "fill_value": 1.0, "seed": 2},
         _IMAGES, random=True),
    Case("RandomTranslation", {"height_factor": 0.2, "width_factor": (-0.1, 0.3)}, _IMAGES, random=True),
    Case("RandomZoom", {"height_factor": 0.2}, _IMAGES, random=True),
    Case("RandomZoom", {"height_factor": (-0.3, 0.1), "width_factor": 0.2, "interpolation": "nearest"},
         _IMAGES, random=True),
    Case("RandomCrop", {"height": 4, "width": 3, "seed": 1}, _IMAGES, random=True),
    Case("RandomShear", {"x_factor": 0.2, "y_factor": (0.1, 0.3)}, _IMAGES, random=True),
    Case("RandomPerspective", {"scale": 0.3}, _IMAGES, random=True),
    Case("RandomElasticTransform", {"factor": 0.5, "scale": (0.1, 0.4), "fill_mode": "nearest"}, _IMAGES, random=True),
]  # fmt: skip
