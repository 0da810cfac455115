"""`keras.preprocessing.image`: images in files and as arrays."""

from ..tools.images import array_to_img, img_to_array, load_img, save_img
from ..tools.resizing import smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
