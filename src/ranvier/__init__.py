"""ranvier: Keras 3's API on one compiled engine."""

__version__ = "0.1.0"
