"""Functions of ``keras.backend`` that networks are made of: activations, crossentropies, convolutions, recurrence."""

from __future__ import annotations

from typing import Any

from ... import losses, ops, random
from ...core.errors import ArgumentError
from ...core.settings import epsilon, standardize_data_format

__all__ = [
    "batch_normalization", "bias_add", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "conv1d", "conv2d", "conv2d_transpose", "conv3d", "ctc_batch_cost", "ctc_decode",
    "depthwise_conv2d", "dropout", "elu", "hard_sigmoid", "in_top_k", "pool2d", "pool3d", "relu", "rnn", "separable_conv2d",
    "sigmoid", "softmax", "softplus", "softsign", "sparse_categorical_crossentropy", "tanh",
]  # fmt: skip

sigmoid, softplus, softsign, tanh, elu = ops.sigmoid, ops.softplus, ops.softsign, ops.tanh, ops.elu


# --- activations -----------------------------------------------------------------------------------------------------


def softmax(x: Any, axis: int = -1) -> Any:
    """eˣ / Σ eˣ along `axis`."""
    return ops.softmax(x, axis)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """x where it is at least `threshold`, at most `max_value`; below it, alpha · (x − threshold)."""
    x = ops.convert_to_tensor(x)
    y = ops.where(x >= threshold, x, ops.cast(alpha, x.dtype) * (x - threshold))
    return y if max_value is None else ops.minimum(y, ops.cast(max_value, x.dtype))


def hard_sigmoid(x: Any) -> Any:
    """Straight lines near a sigmoid: 0.2x + 0.5, kept between 0 and 1.

    >>> hard_sigmoid([-3.0, 0.0, 1.0]).tolist()
    [0.0, 0.5, 0.699999988079071]
    """
    x = ops.convert_to_tensor(x)
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Zeros at a share of the places, what is left scaled up."""
    return random.dropout(x, level, noise_shape, seed)


# --- losses ----------------------------------------------------------------------------------------------------------


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The crossentropy of each number."""
    return ops.binary_crossentropy(_like(output, target), output, from_logits)


def binary_focal_crossentropy(
    target: Any, output: Any, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
    from_logits: bool = False,
) -> Any:  # fmt: skip
    """The crossentropy of each number times (1 − p of the truth)^γ."""
    target = _like(output, target)
    p = ops.sigmoid(output) if from_logits else ops.clip(output, epsilon(), 1 - epsilon())
    right = target * p + (1 - target) * (1 - p)
    loss = (1 - right) ** gamma * ops.binary_crossentropy(target, p)
    return (target * alpha + (1 - target) * (1 - alpha)) * loss if apply_class_balancing else loss


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """The crossentropy of each row with its target's distribution."""
    return ops.categorical_crossentropy(_like(output, target), output, from_logits, axis)


def categorical_focal_crossentropy(
    target: Any, output: Any, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, axis: int = -1
) -> Any:
    """The crossentropy of each row, each class's part times α (1 − p)^γ."""
    return losses.categorical_focal_crossentropy(_like(output, target), output, alpha, gamma, from_logits, axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1, ignore_class: int | None = None
) -> Any:
    """The crossentropy of each row with its class's number; 0 where that is `ignore_class`."""
    return losses.sparse_categorical_crossentropy(target, output, from_logits, ignore_class, axis)


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether the target is among the `k` largest."""
    return ops.in_top_k(ops.cast(targets, "int32"), predictions, k)


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """The CTC loss of each sample: (batch, 1).

    Args:
        y_true: labels, (batch, most labels).
        y_pred: probabilities, (batch, steps, classes); the last class is the blank.
        input_length, label_length: how many steps and labels count, (batch, 1).
    """
    blank = y_pred.shape[-1] - 1
    logits = ops.log(y_pred + epsilon())
    lengths = [ops.reshape(ops.cast(n, "int32"), (-1,)) for n in (label_length, input_length)]
    return ops.expand_dims(ops.ctc_loss(ops.cast(y_true, "int32"), logits, *lengths, mask_index=blank), 1)


def ctc_decode(y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1) -> Any:
    """The likeliest labels: a list of `top_paths` tensors (batch, steps), −1 after the end, and their log probabilities."""
    blank = y_pred.shape[-1] - 1
    decoded, scores = ops.ctc_decode(
        ops.log(y_pred + epsilon()), ops.reshape(ops.cast(input_length, "int32"), (-1,)),
        "greedy" if greedy else "beam_search", beam_width, top_paths, mask_index=blank,
    )  # fmt: skip
    return [decoded[i] for i in range(1 if greedy else top_paths)], scores


def _like(output: Any, target: Any) -> Any:
    return ops.cast(target, ops.convert_to_tensor(output).dtype)


# --- layers' functions -----------------------------------------------------------------------------------------------


def batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Any:
    """γ (x − mean) / √(var + ε) + β."""
    flat = [None if v is None else ops.reshape(v, (-1,)) for v in (mean, var, beta, gamma)]
    return ops.batch_normalization(x, flat[0], flat[1], axis, flat[2], flat[3], epsilon)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """`x` with a bias for each channel, or for each place and channel."""
    bias = ops.convert_to_tensor(bias)
    if standardize_data_format(data_format) == "channels_first" and len(x.shape) > 2:
        order = (len(bias.shape) - 1, *range(len(bias.shape) - 1))  # channels come last in a bias
        bias = ops.transpose(bias, order)
        bias = ops.reshape(bias, (*bias.shape, *(1,) * (len(x.shape) - 1 - len(bias.shape))))
    return x + bias


def conv1d(
    x: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution along steps; ``padding="causal"`` sees no later ones."""
    if padding == "causal":
        before = (kernel.shape[0] - 1) * (dilation_rate if isinstance(dilation_rate, int) else dilation_rate[0])
        steps_last = standardize_data_format(data_format) == "channels_first"
        x = ops.pad(x, ((0, 0), (0, 0), (before, 0)) if steps_last else ((0, 0), (before, 0), (0, 0)))
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, standardize_data_format(data_format), dilation_rate)


def conv2d(
    x: Any, kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Convolution of images."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: Any, kernel: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1, 1),
) -> Any:  # fmt: skip
    """Convolution of volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d_transpose(
    x: Any, kernel: Any, output_shape: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """The gradient of a convolution of images, as a function of its own.

    Raises:
        ArgumentError: an `output_shape` that strides and padding do not give.
    """
    y = ops.conv_transpose(x, kernel, strides, padding, None, data_format, dilation_rate)
    wanted = tuple(int(s) for s in tuple(output_shape)[1:])
    if wanted != tuple(y.shape)[1:]:
        raise ArgumentError(
            f"conv2d_transpose gives {tuple(y.shape)[1:]} for these strides and padding. Received: output_shape with {wanted}"
        )
    return y


def depthwise_conv2d(
    x: Any, depthwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Convolution of each channel by itself."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


def separable_conv2d(
    x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Convolution of each channel by itself, then across channels."""
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


def pool2d(
    x: Any, pool_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:  # fmt: skip
    """The largest, or the mean (``pool_mode="avg"``), of each window of images."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(
    x: Any, pool_size: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:  # fmt: skip
    """The largest, or the mean (``pool_mode="avg"``), of each window of volumes."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def _pool(x: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None, mode: str) -> Any:
    if mode not in ("max", "avg"):
        raise ArgumentError(f"pool_mode must be 'max' or 'avg'. Received: pool_mode={mode!r}")
    return (ops.max_pool if mode == "max" else ops.average_pool)(x, pool_size, strides, padding, data_format)


def rnn(
    step_function: Any, inputs: Any, initial_states: Any, go_backwards: bool = False, mask: Any = None,
    constants: Any = None, unroll: bool = False, input_length: Any = None, time_major: bool = False,
    zero_output_for_mask: bool = False, return_all_outputs: bool = True,
) -> Any:  # fmt: skip
    """Run a step along the time axis of sequences.

    Args:
        step_function: ``(input of one step, states) → (output, new states)``; `constants` follow the states.
        inputs: (batch, steps, …), or (steps, batch, …) with `time_major`.
        initial_states: the states before the first step.
        go_backwards: begin with the last step.
        mask: (batch, steps) or with a last axis of 1: where False, states stay and the output is the one before.
        constants: tensors that each step is given besides.
        unroll, input_length: accepted; nothing differs.
        zero_output_for_mask: the output is 0 where the mask is False.
        return_all_outputs: give the outputs of all steps, not just of the last.

    Returns:
        (last output, outputs, new states).
    """
    constants = list(constants or [])
    steps = inputs if time_major else _swapped(inputs)
    masks = None
    if mask is not None:
        masks = mask if time_major else _swapped(mask)
        masks = ops.cast(masks if len(masks.shape) > 2 else ops.expand_dims(masks, -1), "bool")
    if go_backwards:
        steps, masks = ops.flip(steps, 0), None if masks is None else ops.flip(masks, 0)
    first, _ = step_function(steps[0], [*initial_states, *constants])
    before = ops.zeros_like(first)

    def step(carry: Any, now: Any) -> Any:
        last, states = carry
        x, alive = now if masks is not None else (now, None)
        output, new = step_function(x, [*states, *constants])
        new = list(new)
        if alive is None:
            return (output, new), output
        new = [ops.where(_rank_of(alive, n), n, old) for n, old in zip(new, states, strict=True)]
        kept = ops.where(_rank_of(alive, output), output, ops.zeros_like(output) if zero_output_for_mask else last)
        return (kept, new), kept

    (last, states), outputs = ops.scan(step, (before, list(initial_states)), steps if masks is None else (steps, masks))
    outputs = outputs if return_all_outputs else outputs[-1:]
    return last, outputs if time_major else _swapped(outputs), states


def _swapped(x: Any) -> Any:
    return ops.swapaxes(x, 0, 1)


def _rank_of(mask: Any, x: Any) -> Any:
    """A mask (batch, 1) with as many axes as `x`."""
    return ops.reshape(mask, (mask.shape[0], *(1,) * (len(x.shape) - 1)))
