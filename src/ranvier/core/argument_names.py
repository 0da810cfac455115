"""Arguments by names that a function does not have: names of older Kerases become today's, others get a suggestion.

>>> no_argument("Dense", ["activaton"], ["units", "activation"])
"Dense has no argument 'activaton'. Did you mean 'activation'?"
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from .errors import ArgumentTypeError
from .hints import hint

__all__ = ["OLD_NAMES", "check_names", "constructor_arguments", "no_argument", "translated"]

#: Names of Keras 1 and 2, each with what it is called today; of several the first that a class has.
OLD_NAMES: dict[str, tuple[str, ...]] = {
    "W_constraint": ("kernel_constraint", "embeddings_constraint"),
    "W_regularizer": ("kernel_regularizer", "embeddings_regularizer"),
    "U_regularizer": ("recurrent_regularizer",),
    "atrous_rate": ("dilation_rate",),
    "b_constraint": ("bias_constraint",),
    "b_regularizer": ("bias_regularizer",),
    "beta_init": ("beta_initializer",),
    "bias": ("use_bias",),
    "border_mode": ("padding",),
    "dim_ordering": ("data_format",),
    "epsilon": ("min_delta",),
    "dropout_U": ("recurrent_dropout",),
    "dropout_W": ("dropout",),
    "filter_length": ("kernel_size",),
    "gamma_init": ("gamma_initializer",),
    "init": ("kernel_initializer", "embeddings_initializer"),
    "inner_activation": ("recurrent_activation",),
    "inner_init": ("recurrent_initializer",),
    "input": ("inputs",),
    "l": ("l1", "l2"),
    "length": ("size",),
    "lr": ("learning_rate",),
    "m": ("max_value",),
    "nb_filter": ("filters",),
    "output": ("outputs",),
    "output_dim": ("units",),
    "p": ("rate",),
    "pool_length": ("pool_size",),
    "sigma": ("stddev",),
    "stride": ("strides",),
    "subsample": ("strides",),
    "subsample_length": ("strides",),
}
_PAIR = ("nb_row", "nb_col")  # of Keras 1: together they are kernel_size
_DIM_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}

#: What has gone, and what to do without it.
_GONE = {
    "decay": "Give learning_rate=schedules.InverseTimeDecay(learning_rate, 1, decay).",
    "fused": "Delete it: the way of computing is chosen for you.",
    "period": "Use save_freq, in batches, or 'epoch'.",
    "renorm": "There is no batch renormalization; delete it.",
    "sample_weight_mode": "Delete it: sample_weight may have any shape that the loss has.",
    "target_tensors": "Delete it: targets are given to fit.",
    "time_major": "Swap the first two axes of the data with layers.Permute or ops.swapaxes.",
    "show_accuracy": "Use compile(metrics=['accuracy']).",
    "class_mode": "Choose the loss: 'binary_crossentropy' or 'categorical_crossentropy'.",
    "write_grads": "Use callbacks.LayerStatistics, which records gradients.",
    "experimental_run_tf_function": "Delete it.",
    "samples_per_epoch": "Use steps_per_epoch, which counts batches: samples divided by the batch size.",
    "nb_val_samples": "Use validation_steps, which counts batches: samples divided by the batch size.",
    "val_samples": "Use steps, which counts batches: samples divided by the batch size.",
}


def no_argument(owner: str, unknown: Iterable[str], known: Iterable[str]) -> str:
    """What to say of arguments that `owner` does not have."""
    unknown, known = list(unknown), list(known)
    said = f"{owner} has no argument {', '.join(map(repr, unknown))}."
    for name in unknown:
        today = [new for new in OLD_NAMES.get(name, ()) if new in known]
        if today:
            said += f" It is called {today[0]} now."
        elif name in _GONE:
            said += f" {_GONE[name]}"
        elif near := difflib.get_close_matches(name, known, 1, 0.7):
            said += f" Did you mean {near[0]!r}?"
    return said


def translated(owner: str, known: Collection[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with names of older Kerases replaced by those among `known`, and one hint for each."""
    found = dict(given)
    for old in [name for name in given if name not in known]:
        new = next((n for n in OLD_NAMES.get(old, ()) if n in known and n not in found), None)
        if new is not None:
            value = found.pop(old)
            found[new] = _DIM_ORDERINGS.get(value, value) if old == "dim_ordering" else value
            shown = repr(found[new]) if isinstance(found[new], (int, float, str, tuple)) else "…"
            hint(f"{owner}.{old}", f"{owner}({old}=…) is called {new} in Keras 3: {owner}({new}={shown}).")
    if all(name in found for name in _PAIR) and "kernel_size" in known:
        found["kernel_size"] = size = tuple(found.pop(name) for name in _PAIR)
        hint(f"{owner}.nb_row", f"{owner}(nb_row=…, nb_col=…) is called kernel_size in Keras 3: kernel_size={size}.")
    return found


def check_names(cls: type, kwargs: Mapping[str, Any], is_own: Callable[[type], bool]) -> None:
    """Called before an object is made with `kwargs`: see that its ``__init__`` gets names that it knows.

    Where names of older Kerases are among them, the ``__init__`` of ranvier's that will take them is replaced, once and
    for its class, by one that translates them first. A class with arguments that need more than another name has class
    methods ``needs_translation(kwargs)`` and ``translate(args, kwargs)``; one whose arguments had other places besides their
    names has ``older_places(args)``.

    Args:
        cls: the class of the object.
        kwargs: what its ``__init__`` is about to be given by name.
        is_own: whether a class is ranvier's.

    Raises:
        ArgumentTypeError: a name that ``__init__`` does not take; with the nearest one that it does.
    """
    base = next((c for c in cls.__mro__ if "__init__" in vars(c) and is_own(c)), None)
    if base is None:
        return
    known, takes_more = constructor_arguments(base)
    special = getattr(base, "needs_translation", _never)(kwargs)
    if known.issuperset(kwargs) and not special:
        return
    unknown = [name for name in kwargs if name not in known]
    if base not in _translating and (special or any(_is_old(name, known) for name in unknown)):
        _translate_in(base, known)
    if base is cls and not takes_more:
        unknown = [name for name in unknown if not _is_old(name, known)]
        if unknown:
            raise ArgumentTypeError(no_argument(cls.__name__, unknown, known))


def _is_old(name: str, known: Collection[str]) -> bool:
    return any(new in known for new in OLD_NAMES.get(name, ())) or (name in _PAIR and "kernel_size" in known)


def _never(kwargs: Mapping[str, Any]) -> bool:
    return False


def _as_they_are(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return args


_translating: set[type] = set()


def _translate_in(base: Any, known: frozenset[str]) -> None:
    original, owner = base.__init__, base.__name__

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if any(_is_old(name, known) for name in kwargs if name not in known):
            args = getattr(base, "older_places", _as_they_are)(args)
            kwargs = translated(owner, known, kwargs)
        if getattr(base, "needs_translation", _never)(kwargs):
            args, kwargs = base.translate(args, kwargs)
        original(self, *args, **kwargs)

    base.__init__ = init
    _translating.add(base)


@functools.cache
def constructor_arguments(cls: type) -> tuple[frozenset[str], bool]:
    """The names that ``__init__`` takes along the bases that it passes ``**kwargs`` to; whether it has ``**kwargs``."""
    found: set[str] = set()
    passes_on: list[bool] = []
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        found |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        passes_on.append(any(p.kind is p.VAR_KEYWORD for p in parameters))
        if not passes_on[-1]:
            break
    return frozenset(found), bool(passes_on and passes_on[0])
