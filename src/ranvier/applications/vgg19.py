"""VGG with three layers more."""

from .imagenet_utils import decode_predictions, preprocessing
from .vgg16 import vgg

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = vgg("VGG19", "vgg19", (2, 2, 4, 4, 4))
preprocess_input = preprocessing("caffe", "VGG19")
