"""Preprocessing of tables and sound: what the laws can run (strings, and layers with a vocabulary, have own tests)."""

from __future__ import annotations

from .case import Case

__all__ = ["CASES"]

SOUND = (2, 100, 2)

CASES: list[Case] = [
    Case("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 0.5, 1.0]}, (2, 3)),
    Case("Normalization", {"mean": 1.0, "variance": 4.0, "axis": None, "invert": True}, (2, 4, 3)),
    Case("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.5], "axis": (1,)}, (3, 2, 4)),
    Case("Normalization", {"mean": 0.5, "variance": 2.0, "axis": [1, 2]}, (2, 4, 3)),
    Case("Discretization", {"bin_boundaries": [-0.5, 0.0, 1.0]}, (2, 5)),
    Case("Discretization", {"bin_boundaries": [0.0], "output_mode": "one_hot"}, (4, 1)),
    Case("Discretization", {"bin_boundaries": [-0.5, 0.5], "output_mode": "multi_hot"}, (2, 5)),
    Case("Discretization", {"bin_boundaries": [-0.5, 0.5], "output_mode": "count"}, (3, 4)),
    Case("CategoryEncoding", {"num_tokens": 5}, (3, 4), integers_below=5),
    Case("CategoryEncoding", {"num_tokens": 5, "output_mode": "one_hot"}, (3, 1), integers_below=5),
    Case("CategoryEncoding", {"num_tokens": 5, "output_mode": "one_hot"}, (3, 2), integers_below=5),
    Case("CategoryEncoding", {"num_tokens": 5, "output_mode": "count"}, (3, 4), integers_below=5),
    *(Case("STFTSpectrogram", {"mode": mode, "frame_length": 16}, SOUND)
      for mode in ("log", "magnitude", "psd", "real", "imag", "stft")),
    Case("STFTSpectrogram", {"mode": "magnitude", "frame_length": 16, "frame_step": 5, "fft_length": 32,
                             "scaling": "spectrum", "padding": "same", "window": "blackman", "periodic": True}, SOUND),
    Case("STFTSpectrogram", {"mode": "psd", "frame_length": 16, "fft_length": 32, "expand_dims": True,
                             "scaling": None, "window": None}, SOUND),
    Case("STFTSpectrogram", {"mode": "real", "frame_length": 16, "data_format": "channels_first"}, (2, 2, 100)),
    Case("STFTSpectrogram", {"mode": "stft", "frame_length": 16, "data_format": "channels_first",
                             "expand_dims": True}, (2, 2, 100)),
]  # fmt: skip
