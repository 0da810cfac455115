"""Floor 9: other names for ranvier. Programs that say ``import keras`` or ``import tensorflow`` run without a change."""

from .faces import KERAS_VERSION, Face, face
from .import_hooks import Installed, announce, install, installed, uninstall

__all__ = ["KERAS_VERSION", "Face", "Installed", "announce", "face", "install", "installed", "uninstall"]
