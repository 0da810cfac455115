"""Cases of the catalogue: recurrent layers."""

from typing import Any

from .case import Case

__all__ = ["CASES"]

SEQUENCE = (2, 4, 3)
FILM = (2, 3, 5, 4, 2)
FIRST = {"data_format": "channels_first"}
OPTIONS = {
    "kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2",
    "kernel_constraint": "max_norm", "recurrent_constraint": "unit_norm", "bias_constraint": "non_neg",
    "kernel_initializer": "he_normal", "recurrent_initializer": "glorot_uniform", "bias_initializer": "ones",
}  # fmt: skip


def _case(layer: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> Case:
    # Keras's layers own a seed's state even without dropout, so states are not compared; its orthogonal initialiser
    # knows no float16, and its GRU's loop no mixed policy where the reset acts after the product.
    narrow = ["float16"] if "recurrent_initializer" in arguments else []
    narrow += ["mixed_bfloat16"] if layer != "GRU" or not arguments.get("reset_after", True) else []
    return Case(layer, arguments, shape, random=True, keras_policies=tuple(narrow))


CASES: list[Case] = [
    _case("SimpleRNN", {"units": 3}, SEQUENCE),
    _case("SimpleRNN", {"units": 3, "activation": "relu", "use_bias": False, "return_sequences": True,
                       "go_backwards": True, **OPTIONS}, SEQUENCE),
    _case("SimpleRNN", {"units": 3, "unroll": True}, SEQUENCE),
    _case("LSTM", {"units": 3}, SEQUENCE),
    _case("LSTM", {"units": 3, "activation": "softsign", "recurrent_activation": "hard_sigmoid", "use_bias": False,
                  "go_backwards": True}, SEQUENCE),
    _case("LSTM", {"units": 3, "return_sequences": True, "unit_forget_bias": False,
                  "activity_regularizer": "l2", **OPTIONS}, SEQUENCE),
    _case("LSTM", {"units": 3, "return_sequences": True, "zero_output_for_mask": True, "use_cudnn": "auto"}, SEQUENCE),
    _case("GRU", {"units": 3}, SEQUENCE),
    _case("GRU", {"units": 3, "reset_after": False, "return_sequences": True, **OPTIONS}, SEQUENCE),
    _case("GRU", {"units": 3, "use_bias": False, "go_backwards": True, "unroll": True, "activation": "sigmoid",
                 "recurrent_activation": "tanh"}, SEQUENCE),
    *(_case("ConvLSTM1D", {"filters": 2, "kernel_size": 3, "padding": padding}, (2, 3, 5, 2))
      for padding in ("same", "valid")),
    _case("ConvLSTM1D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, (2, 3, 5, 2)),
    _case("ConvLSTM2D", {"filters": 2, "kernel_size": (2, 3), "strides": 2, "return_sequences": True, **OPTIONS}, FILM),
    _case("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "go_backwards": True, **FIRST}, (2, 3, 2, 4, 3)),
    _case("ConvLSTM3D", {"filters": 2, "kernel_size": 2}, (2, 2, 3, 3, 3, 2)),
]  # fmt: skip
