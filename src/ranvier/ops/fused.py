"""Operations whose value and gradient have algorithms of their own, and perhaps compiled kernels.

An operation is told by its meaning, written with JAX's operations. To it come faster ways: `saving`, which computes the
results together with what the gradient will want, and `backward`, which computes the gradient from that; each may have
a twin that calls a compiled kernel. Forward mode, gradients of gradients and `jax.vmap` go by the meaning, so that all
of JAX's transformations work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
from jax.core import ShapedArray
from jax.interpreters import ad, batching, mlir

from .compiled import Primitive, kernel_usable

__all__ = ["Fused"]

Function = Callable[..., Any]


class Fused:
    """A differentiable operation on arrays, by algorithms of its own. Call it with arrays, then static parameters.

    Args:
        name: what programs call it.
        meaning: ``(*operands, **parameters) → results``, a tuple.
        saving: ``(*operands, **parameters) → (*results, *saved)``.
        backward: ``(operands, saved, slopes, **parameters) → gradients`` of the differentiable operands.
        differentiable: how many operands, the first ones, have gradients.
        results: how many results there are, given the parameters.
        saving_kernel, backward_kernel: the same by compiled kernels, used on CPUs where the kernels are installed.
        fits: ``(*operands, **parameters) → bool``: whether the kernels are made for operands of these shapes and dtypes.
    """

    def __init__(
        self,
        name: str,
        meaning: Function,
        saving: Function,
        backward: Function,
        differentiable: int,
        results: Callable[..., int],
        saving_kernel: Function | None = None,
        backward_kernel: Function | None = None,
        fits: Callable[..., bool] = lambda *operands, **parameters: True,
    ):
        self._meaning, self._differentiable, self._results = meaning, differentiable, results

        def backwards(way: Function | None) -> Function | None:
            if way is None:
                return None

            def run(*flat: Any, sizes: tuple[int, int], **parameters: Any) -> Any:
                operands, saved, slopes = _parts(flat, *sizes)
                return tuple(way(operands, saved, slopes, **parameters))

            return run

        def usable(*flat: Any, sizes: tuple[int, int] | None = None, **parameters: Any) -> bool:
            return kernel_usable(name) and fits(*(flat if sizes is None else flat[: sizes[0]]), **parameters)

        only_results = lambda way: way and (lambda *o, **p: tuple(way(*o, **p))[: results(**p)])  # noqa: E731
        self._value = _primitive(name, only_results(saving), only_results(saving_kernel), usable)
        self._saving = _primitive(f"{name}_saving", saving, saving_kernel, usable)
        self._tangent = _primitive(f"{name}_tangent", self._tangents_of)
        self._backward = _primitive(f"{name}_backward", backwards(backward), backwards(backward_kernel), usable)
        ad.primitive_jvps[self._value] = self._value_jvp
        ad.primitive_jvps[self._saving] = _jvp_of(lambda *o, **p: tuple(saving(*o, **p)), lambda o, p: differentiable)
        ad.primitive_jvps[self._tangent] = _jvp_of(self._tangents_of, lambda o, p: None)
        ad.primitive_jvps[self._backward] = _jvp_of(self._backward_meaning, lambda o, p: None)
        ad.primitive_transposes[self._tangent] = self._tangent_transposed

    def __call__(self, *operands: Any, **parameters: Any) -> tuple[Any, ...]:
        """The results."""
        return tuple(self._value.bind(*operands, **parameters))

    def _with(self, operands: Any, **parameters: Any) -> Function:
        """The meaning as a function of the differentiable operands."""
        return lambda *moving: tuple(self._meaning(*moving, *operands[self._differentiable :], **parameters))

    def _value_jvp(self, operands: Any, tangents: Any, **parameters: Any) -> Any:
        made = self._saving.bind(*operands, **parameters)
        count = self._results(**parameters)
        saved, tangents = made[count:], [ad.instantiate_zeros(t) for t in tangents[: self._differentiable]]
        flat = self._tangent.bind(
            *operands, *saved, *tangents, sizes=(len(operands), len(saved)), **parameters
        )  # fmt: skip
        return made[:count], flat

    def _tangents_of(self, *flat: Any, sizes: tuple[int, int], **parameters: Any) -> Any:
        operands, _, tangents = _parts(flat, *sizes)
        return jax.jvp(self._with(operands, **parameters), tuple(operands[: self._differentiable]), tuple(tangents))[1]

    def _backward_meaning(self, *flat: Any, sizes: tuple[int, int], **parameters: Any) -> Any:
        operands, _, slopes = _parts(flat, *sizes)
        return jax.vjp(self._with(operands, **parameters), *operands[: self._differentiable])[1](tuple(slopes))

    def _tangent_transposed(self, slopes: Any, *flat: Any, sizes: tuple[int, int], **parameters: Any) -> Any:
        given, moving = flat[: sum(sizes)], flat[sum(sizes) :]
        slopes = [ad.instantiate_zeros(s) for s in slopes]
        found = self._backward.bind(*given, *slopes, sizes=sizes, **parameters)
        wanted = [g if ad.is_undefined_primal(m) else None for g, m in zip(found, moving, strict=True)]
        return [None] * len(given) + wanted


def _parts(flat: Any, operands: int, saved: int) -> tuple[Any, Any, Any]:
    return flat[:operands], flat[operands : operands + saved], flat[operands + saved :]


def _jvp_of(meaning: Function, moving: Callable[..., int | None]) -> Function:
    """The rule of a primitive that is differentiated through `meaning`; operands that have no tangents are constants."""

    def rule(operands: Any, tangents: Any, **parameters: Any) -> Any:
        live = [i for i, t in enumerate(tangents) if type(t) is not ad.Zero]

        def of_live(*values: Any) -> Any:
            full = list(operands)
            for i, value in zip(live, values, strict=True):
                full[i] = value
            return meaning(*full, **parameters)

        return jax.jvp(of_live, tuple(operands[i] for i in live), tuple(tangents[i] for i in live))

    return rule


def _primitive(name: str, way: Any, kernel: Any = None, fits: Callable[..., bool] | None = None) -> Any:
    """A primitive computed as `way` says, on CPUs by `kernel` where it fits."""
    primitive = Primitive(f"ranvier_{name}")
    primitive.multiple_results = True

    def shapes(*operands: Any, **parameters: Any) -> Any:
        specs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in operands]
        return [ShapedArray(a.shape, a.dtype) for a in jax.eval_shape(partial(way, **parameters), *specs)]

    def batched(operands: Any, axes: Any, **parameters: Any) -> Any:
        found = jax.vmap(partial(way, **parameters), axes)(*operands)
        return found, (0,) * len(found)

    @cache
    def program(parameters: tuple[tuple[str, Any], ...]) -> Function:
        return jax.jit(partial(primitive.bind, **dict(parameters)))

    def at_once(*operands: Any, **parameters: Any) -> Any:
        with jax.disable_jit(False):
            return program(tuple(sorted(parameters.items())))(*operands)

    def lowered(context: Any, *operands: Any, **parameters: Any) -> Any:
        use = fits is not None and fits(*context.avals_in, **parameters)
        return mlir.lower_fun(kernel if use else way, multiple_results=True)(context, *operands, **parameters)

    primitive.def_impl(at_once)
    primitive.def_abstract_eval(shapes)
    batching.primitive_batchers[primitive] = batched
    mlir.register_lowering(primitive, mlir.lower_fun(way, multiple_results=True))
    if kernel is not None:
        mlir.register_lowering(primitive, lowered, platform="cpu")
    return primitive
