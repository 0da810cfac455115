"""Functions of images: `keras.ops.image`. Images are (height, width, channels) or batches of them."""

from .colour import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from .filters import gaussian_blur, sobel_edges, ssim
from .framing import crop_images, pad_images
from .patches import extract_patches, extract_patches_3d
from .resizing import resize, scale_and_translate
from .sampling import map_coordinates
from .warping import affine_transform, elastic_transform, perspective_transform

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur",
    "hsv_to_rgb", "map_coordinates", "pad_images", "perspective_transform", "resize", "rgb_to_grayscale",
    "rgb_to_hsv", "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip
