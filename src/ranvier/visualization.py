"""Pictures of images, boxes and masks, under the names that Keras users know; need ``pip install 'ranvier[plot]'``."""

from .inspect.annotations import draw_bounding_boxes, draw_segmentation_masks
from .inspect.galleries import plot_bounding_box_gallery, plot_image_gallery, plot_segmentation_mask_gallery

__all__ = [
    "draw_bounding_boxes", "draw_segmentation_masks", "plot_bounding_box_gallery", "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]  # fmt: skip
