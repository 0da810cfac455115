"""`Layer`: weights with a computation, built at the first call, callable on numbers and on symbolic tensors."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .. import regularizers
from ..core import dtypes, names
from ..core.argument_names import constructor_arguments, no_argument
from ..core.configurable import Configurable
from ..core.distributions import distribution, with_output_layout
from ..core.errors import ArgumentError, NotBuiltError, NotDefinedError
from ..core.hints import hint
from ..core.masks import attach_masks, get_mask, masks_of, set_mask
from ..core.ownership import owned, unique
from ..core.pure import current_scope, pure
from ..core.remat import RematScope, current_remat
from ..core.scopes import StatelessScope
from ..core.serialization import is_builtin
from ..core.tracebacks import filtered
from ..core.variables import Variable, autocast_scope
from ..ops import symbolic
from ..ops.operation import Operation
from .checks import refuse_numbers, refuse_shapes, refuse_text, true_or_false
from .context import CallContext, call_context, current_context
from .declared import asking, declared_arrays, declared_outputs, mask_declared
from .input_spec import check_inputs
from .masking import Masks, found_masks, with_masks
from .owner import Owner
from .remat import rematerialized
from .signatures import all_numbers, as_shapes, call_parameters, shapes_for, shapes_of, tensors_of

__all__ = ["Layer"]


class Layer(Operation, Owner):  # type: ignore[misc]  # `name` is a property of Owner
    """Weights with a computation: subclass it with `build` (make the weights) and `call` (use them).

    Args:
        activity_regularizer: a penalty on the outputs, added to the loss.
        trainable: whether optimizers may change the weights.
        dtype: a dtype or dtype policy; None: the global policy.
        autocast: whether float inputs are cast to the compute dtype.
        name: the layer's name; None: from the class, numbered.

    Raises:
        ArgumentError: an argument that layers do not have, or a name that is not a string without slashes.

    >>> from ranvier import layers, ops
    >>> class Scale(layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(ops.ones((2, 3))).shape
    (2, 3)
    """

    keras_module = "keras.layers"
    config_optional = frozenset({"activity_regularizer"})
    config_excluded = frozenset({"autocast"})
    supports_masking: bool = False
    input_spec: Any = None
    _build_shapes: dict[str, Any] | None
    _remat: RematScope | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls, *args, **kwargs)
        # Set here, so that subclasses may assign layers and variables before they call super().__init__().
        self._name = None
        self._remat = current_remat()
        self._losses = []
        self._trainable = True
        self._building = False
        self._build_shapes = None
        self.activity_regularizer = None
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _framed(cls.build)
            if "built" not in vars(cls):
                cls.built = False
        if "compute_mask" in vars(cls) and "supports_masking" not in vars(cls):
            cls.supports_masking = True  # who says what becomes of masks has to do with them

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        self._batch_input_shape = _input_shape_argument(kwargs)
        initial_weights = kwargs.pop("weights", None)
        if kwargs:
            raise ArgumentError(
                no_argument(type(self).__name__, kwargs, [*constructor_arguments(type(self))[0], "input_shape"])
            )
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ArgumentError(f"name must be a string without '/'. Received: name={name!r}")
        self._name = name or names.auto_name(type(self).__name__)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = true_or_false(type(self).__name__, "trainable", trainable)
        self.dtype_policy = dtypes.get_policy(dtype)
        self.autocast = autocast
        self._initial_weights = initial_weights

    # --- losses -----------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of them) to the loss that training minimises; call it from `call`.

        Raises:
            ArgumentError: a symbolic tensor, a function, or anything else that is no number.
        """
        context, scope = current_context(), current_scope()
        for item in loss if isinstance(loss, (list, tuple)) else [loss]:
            if (
                symbolic.is_symbolic(item)
                or callable(item)
                or not (hasattr(item, "shape") or isinstance(item, float | int))
            ):
                raise ArgumentError(
                    f"add_loss takes numbers that `call` computes. Received: {item!r}. Write a Layer whose `call` takes the "
                    "tensors, calls self.add_loss(…) and returns them, and use it in the model."
                )
            if isinstance(scope, StatelessScope) and scope.collect_losses:
                scope.add_loss(item)
                continue
            (context.losses if context is not None else self._losses).append((self, item))

    @property
    def losses(self) -> list[Any]:
        """The losses added during the last call, then the penalties of the trainable weights' regularisers."""
        inside = {id(layer) for layer in self._flatten_layers()}
        context = current_context()
        added = context.losses if context is not None else self._losses
        penalties = [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]
        return [loss for layer, loss in added if id(layer) in inside] + penalties

    @property
    def metrics(self) -> list[Any]:
        """The metrics that the attributes of this layer and of the layers inside hold."""
        found = [m for layer in self._flatten_layers() for m in owned(layer, Configurable)]
        return unique(m for m in found if hasattr(m, "stateless_update_state"))

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of `metrics`."""
        return [v for metric in self.metrics for v in metric.variables]

    # --- calling ----------------------------------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The layer's mathematics; every layer overrides it."""
        raise NotDefinedError(f"{type(self).__name__} must define `call(self, inputs)`, which says what it computes.")

    @filtered
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._name is None:
            raise ArgumentError(
                f"The __init__ of {type(self).__name__} must call super().__init__() before the layer is used."
            )
        try:
            return self._computed_or_recorded(args, kwargs)
        except (TypeError, ValueError, IndexError) as error:
            refuse_text(self.name, args or kwargs, error)
            if is_builtin(type(self)):
                refuse_shapes(self.name, self._build_shapes, args or kwargs, error)
            raise

    def _computed_or_recorded(self, args: Any, kwargs: Any) -> Any:
        if symbolic.any_symbolic(args, kwargs):
            self._check_and_build(args, kwargs)
            with self._apart():
                outputs = self._declared(args, kwargs)
                if outputs is None:
                    return symbolic.record(self, self._compute, args, kwargs)
                symbolic.Node(self, args, kwargs, outputs)
                return outputs
        if current_context() is None:
            with call_context() as context:
                outputs = self._compute(*args, **kwargs)
                self._losses = [pair for pair in context.losses if not isinstance(pair[1], Tracer)]
                masks = masks_of(outputs)
            return attach_masks(outputs, masks)  # the call's table of masks is closed
        return self._compute(*args, **kwargs)

    def _check_and_build(self, args: Any, kwargs: Any) -> None:
        refuse_numbers(self.name, args)
        first = args[0] if args else next(iter(kwargs.values()), None)
        check_inputs(self.input_spec, first, self.name)
        if not self.built:
            self._build_for(args, kwargs)
            check_inputs(self.input_spec, first, self.name)

    def _compute(self, *args: Any, **kwargs: Any) -> Any:
        """`call` with everything around it: conversion, building, the training flag, masks, regularisation."""
        signature = call_parameters(type(self))
        cast = functools.partial(self._convert, dtype=self.compute_dtype if self.autocast else None)
        args = tuple(cast(a) for a in args)
        kwargs = {k: cast(v) if k != "training" else v for k, v in kwargs.items()}
        self._check_and_build(args, kwargs)
        context = current_context()
        inherited = context.training if context is not None else None
        given = kwargs.pop("training", None)
        training = inherited if given is None else given
        if signature.training and training is not None:
            kwargs["training"] = training
        masks, args, kwargs = found_masks(signature, args, kwargs)
        with names.name_scope(self.name), autocast_scope(self.compute_dtype if self._casts_weights() else None):
            if context is not None and training is not inherited:
                context.training = training
                try:
                    outputs = self._call(args, kwargs)
                finally:
                    context.training = inherited
            else:
                outputs = self._call(args, kwargs)
        self.built = True
        if masks.found or self._makes_masks():
            outputs = self._carry_masks(masks, outputs)
        if self.activity_regularizer is not None:
            for output in symbolic.flatten(outputs):
                self.add_loss(self.activity_regularizer(output) / output.shape[0])
        return outputs

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        context, scope = current_context(), current_scope()
        if scope is not None and not scope.closed and (declared := declared_arrays(self, args, kwargs)) is not None:
            return declared
        if context is None or context.frozen or self.trainable:
            return self._called(context, args, kwargs)
        context.frozen = True
        try:
            return self._called(context, args, kwargs)
        finally:
            context.frozen = False

    def _called(self, context: CallContext | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if context is not None and context.watch is not None:
            outputs = context.watch(self, self.call, args, kwargs)
        elif self._remat is None:
            outputs = self.call(*args, **kwargs)
        else:
            outputs = rematerialized(self, self._remat, args, kwargs)
        return outputs if distribution() is None else with_output_layout(self.path, outputs)

    def _casts_weights(self) -> bool:
        return self.autocast and self.compute_dtype != self.variable_dtype

    def _convert(self, value: Any, dtype: str | None) -> Any:
        if isinstance(value, Variable):
            value = value.value
        if isinstance(value, (jax.Array, np.ndarray)):
            if dtype is not None and jnp.issubdtype(value.dtype, jnp.floating):
                mask = get_mask(value)
                converted = jnp.asarray(value, dtype)
                if mask is not None and converted is not value:
                    set_mask(converted, mask)
                return converted
            return jnp.asarray(value) if value.dtype.kind not in "OUS" else value
        if isinstance(value, list) and value and all_numbers(value):
            array = np.asarray(value)
            return jnp.asarray(array, dtype if array.dtype.kind == "f" else None)
        if isinstance(value, dict):
            return {k: self._convert(v, dtype) for k, v in value.items()}
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return type(value)(self._convert(v, dtype) for v in value)
        return value

    def _build_for(self, args: Any, kwargs: Any) -> None:
        """Build from the shapes of the arguments: one for `build(input_shape)`, or one for each `<argument>_shape`."""
        given = dict(zip(call_parameters(type(self)).positional, args, strict=False)) | kwargs
        first = args[0] if args else next(iter(kwargs.values()), None)
        shapes = shapes_for(self, self.build, given, shapes_of(first))
        with jax.ensure_compile_time_eval():
            self.build(**shapes)
        if self._build_shapes is None:
            self._build_shapes = shapes  # of a layer without a `build` of its own
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            self._initial_weights = None

    # --- masks ------------------------------------------------------------------------------------------------------

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs, given the inputs and their masks; by default the masks pass through."""
        return previous_mask

    def _makes_masks(self) -> bool:
        return self.supports_masking and type(self).compute_mask is not Layer.compute_mask

    def _carry_masks(self, masks: Masks, outputs: Any) -> Any:
        return with_masks(self, masks, outputs)

    # --- stateless use and shapes -----------------------------------------------------------------------------------

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """`layer(*args, **kwargs)` as a pure function of the variables' values.

        Args:
            trainable_variables: values in the order of `trainable_variables`.
            non_trainable_variables: values in the order of `non_trainable_variables`.
            return_losses: also return the losses that the call added.

        Returns:
            ``(outputs, new non-trainable values)`` and, if asked for, the losses.
        """
        if not self.built:
            raise NotBuiltError(f"Layer '{self.name}' must be built before stateless_call: call it on data once.")
        trainable, others = self.trainable_variables, self.non_trainable_variables

        def run() -> Any:
            with call_context() as context:
                context.training = kwargs.get("training")
                outputs = self(*args, **kwargs)
                return outputs, self.losses if return_losses else None

        (outputs, losses), values = pure(run, trainable + others)([*trainable_variables, *non_trainable_variables])
        new = values[len(trainable) :]
        return (outputs, new, losses) if return_losses else (outputs, new)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic results of a call on symbolic tensors, without a node in a graph."""
        with self._apart():
            outputs = declared_outputs(self, args, kwargs, spec=False)
            if outputs is None:
                return symbolic.infer(self._compute, args, kwargs)
            mask_declared(self, args, kwargs, outputs)
            return outputs

    def _declared(self, args: Any, kwargs: Any) -> Any:
        """The results that the class declares, or None. Layers inside are built by a trace of `call` if that is possible."""
        outputs = declared_outputs(self, args, kwargs)
        if outputs is None:
            return None
        if not all(layer.built for layer in self._flatten_layers(include_self=False)):
            with contextlib.suppress(Exception), asking(self):  # what needs numbers is built by the first call
                symbolic.infer(self._compute, args, kwargs)
        mask_declared(self, args, kwargs, outputs)
        return outputs

    def _apart(self) -> Any:
        """A context for a trace of this layer alone: losses that it adds are the trace's, and end with it."""
        context = current_context()
        return call_context(None if context is None else context.training)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the results for inputs of these shapes (None where unknown)."""
        specs = [tensors_of(a, self.compute_dtype) for a in args]
        named = {k.removesuffix("_shape"): tensors_of(v, self.compute_dtype) for k, v in kwargs.items()}
        self._check_and_build(tuple(specs), named)
        outputs = self.compute_output_spec(*specs, **named)
        return jax.tree.map(lambda t: t.shape, outputs)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built for, or None."""
        if not self._build_shapes:
            return None
        if len(self._build_shapes) == 1:
            return {"input_shape": next(iter(self._build_shapes.values()))}
        return {"shapes_dict": dict(self._build_shapes)}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes that `get_build_config` gave."""
        shapes = {k: as_shapes(v) for k, v in config.get("shapes_dict", config).items()}
        if set(shapes) == {"input_shape"}:
            self.build(shapes["input_shape"])
        elif shapes:
            self.build(**shapes)

    def _config_value(self, name: str, declared_by: type) -> Any:
        if name == "dtype":
            return self.dtype_policy
        if declared_by is Layer and name == "name":
            return self.name
        return super()._config_value(name, declared_by)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self._name}, built={self.built}>"


def _framed(build: Callable[..., None]) -> Callable[..., None]:
    """`build` inside the layer's name scope, remembering the shapes and that it happened."""

    @functools.wraps(build)
    def framed(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self._building:  # super().build(): the frame of the subclass is open
            build(self, *args, **kwargs)
            return
        bound = inspect.signature(build).bind(self, *args, **kwargs).arguments
        self._build_shapes = dict(list(bound.items())[1:])
        self._building = True
        enclosing = names.current_path()
        inside = enclosing == self.name or enclosing.endswith("/" + self.name)
        try:
            with contextlib.nullcontext() if inside else names.name_scope(self.name):
                self._path = names.current_path()
                build(self, *args, **kwargs)
        finally:
            self._building = False
        self.built = True
        if not self.trainable:
            for variable in self._own_variables():
                variable.trainable = False

    return framed


def _input_shape_argument(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """The shape with batch axis that `input_shape`, `batch_input_shape` or `input_dim` gave, taken out of `kwargs`."""
    if (shape := kwargs.pop("batch_input_shape", None)) is not None:
        return tuple(shape)
    shape = kwargs.pop("input_shape", None)
    if (size := kwargs.pop("input_dim", None)) is not None:
        hint("input_dim", f"input_dim={size} is written keras.Input(({size},)) before the first layer in Keras 3.")
        shape = (size,)
    if shape is None:
        return None
    return (kwargs.pop("batch_size", None), *((shape,) if isinstance(shape, int) else shape))
