"""Getting ready for `fit`, `evaluate` and `predict`: what must be made first, and the compiled programs for it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError
from ..core.ownership import Watch, Watched, changed
from ..data.adapt import make_data
from ..data.iterables import is_stream
from ..data.sources import ArrayData
from ..ops import symbolic
from ..optimizers import Optimizer
from .compilation import Compiled
from .integer_checks import check_integers
from .label_checks import check_labels
from .output_structure import layer_names, leaves
from .program import Programs, programs_for
from .sample_checks import check_samples
from .state import Roles, further_owners
from .step import discover, overridden, takes_state, unpack
from .what_trains import check_what_trains

__all__ = ["Ready"]


class Ready(Compiled):
    """The part of a model that makes its weights, losses, metrics and programs before anything runs."""

    _known_roles: Any = None  # whether they are still true; the roles; the layers; other optimizers

    def _roles(self) -> Roles:
        """The variables by their roles; gathered anew only when something may have changed."""
        if self._known_roles is None or not self._known_roles[0]():
            layers = self._flatten_layers()  # type: ignore[attr-defined]
            roles, further = Roles.of(self), further_owners(self)
            watched = [o for o in (*layers, *self.metrics, self.optimizer, *further) if isinstance(o, Watched)]
            watch = Watch([*watched, *(v for part in roles for v in part)])
            others = [owner for owner in further if isinstance(owner, Optimizer)]
            self.__dict__["_known_roles"] = watch, roles, layers, others
        return self._known_roles[1]  # type: ignore[index]

    def _prepare(self, batch: Any, learn: bool, compiled: bool = True) -> Programs:
        """Make every variable that a step on batches like this one needs; returns the compiled programs for them."""
        ready = self._ready()
        if ready is not None and ((learn, compiled) in ready.prepared or not (learn or compiled)):
            return ready
        fully_built = self._fully_built()  # type: ignore[attr-defined]
        if not fully_built or (compiled and not self._objectives_built()):
            self._build_for_step(
                batch, "train_step" if learn else "test_step" if compiled else "predict_step", compiled
            )
        if learn and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]
        self._roles()  # which knows the other optimizers
        if learn and not all(optimizer.built for optimizer in self._known_roles[3]):  # type: ignore[index]
            self._discover(batch, "train_step", "optimizers")
        roles, programs = self._roles(), self._programs
        if programs is None or programs.roles is not roles or programs.eager != self.run_eagerly:
            programs = self._programs = programs_for(self, roles, programs)
        if learn and self.optimizer is not None and not any(learned for learned, _ in programs.prepared):
            check_what_trains(self, roles)
        programs.prepared.add((learn, compiled))
        return programs

    def _build_for_step(self, batch: Any, step: str, compiled: bool) -> None:
        """Make the weights, losses and metrics that `call` needs, or, where there is no fitting one, the model's own step."""
        x, y, _ = unpack(batch)
        own = overridden(self, step)
        try:
            specs = jax.tree.map(lambda a: symbolic.KerasTensor(np.shape(a), _dtype_of(a)), x)
            outputs = self._outline(specs) if own is None or self._has_call() else None  # type: ignore[attr-defined]
        except Exception:
            if own is None or takes_state(own):
                raise
            outputs = None  # what the step calls may take other inputs than `call`
        if outputs is not None and compiled and y is not None:
            self._build_objectives(y, outputs)
            changed(self)
        if own is not None and not takes_state(own) and (outputs is None or not self._fully_built()):  # type: ignore[attr-defined]
            self.built = True
            self._discover(batch, step, "weights")

    def _discover(self, batch: Any, step: str, what: str) -> None:
        """Let an own step make what it needs, unless it was asked to before."""
        asked = getattr(overridden(self, step), "__func__", None), what
        if asked not in self._discovered:
            self._discovered = (*self._discovered, asked)
            discover(self, batch, step)
            changed(self)

    def _has_call(self) -> bool:
        """Whether the model has a graph or a `call` of its own."""
        return getattr(self, "graph", None) is not None or not type(self).call.__module__.startswith("ranvier.models.")  # type: ignore[attr-defined]

    def _ready(self) -> Programs | None:
        """The programs, if nothing has changed since they were prepared."""
        programs, known = self._programs, self._known_roles
        if programs is None or not programs.prepared or known is None or programs.roles is not known[1]:
            return None
        return programs if known[0]() and programs.eager == self.run_eagerly else None

    def _build_objectives(self, y: Any, outputs: Any) -> None:
        """Pair the losses and metrics with the outputs."""
        names = layer_names(self)
        if self._losses_compiled is not None and not self._losses_compiled.built:
            try:
                self._losses_compiled.build(outputs, y, names)
            except ArgumentError:
                if type(self).compute_loss is Compiled.compute_loss:
                    raise  # a `compute_loss` of the model's own knows what its losses are for
        if self._metrics_compiled is not None and not self._metrics_compiled.built:
            wanted = self._losses_compiled.wanted if self._losses_compiled is not None else ()
            self._metrics_compiled.build(y, outputs, names, wanted)

    def _class_weights(self, class_weight: Any, x: Any, y: Any) -> dict[str, Any]:
        """`make_data`'s arguments for class weights; the model is built for arrays, since its output says what labels are."""
        if class_weight is not None and self._output_shape() is None and y is not None and not is_stream(x):
            self._prepare(make_data(x, y, check_finite=False).peek(), learn=True)
        return {"class_weight": class_weight, "output_shape": self._output_shape}

    def _output_shape(self) -> tuple[int | None, ...] | None:
        """The shape of a single output, if it is known."""
        losses = self._losses_compiled
        if losses is not None and losses.built:
            return losses.terms[0].shape if len(losses.terms) == 1 else None
        outputs = leaves(self.output) if getattr(self, "graph", None) is not None else []  # type: ignore[attr-defined]
        return outputs[0][1].shape if len(outputs) == 1 else None

    def _check_numbers(self, data: Any, whose: str = "") -> None:
        """Refuse integers that an embedding has no vector for, and labels that no class has; of a stream, the first ones."""
        x, y, _ = unpack(data.arrays if isinstance(data, ArrayData) else data.peek())
        check_integers(self, x, f"{whose}x")
        check_labels(self._losses_compiled, y, f"{whose}y")

    def _check_samples(self, data: Any) -> None:
        if isinstance(data, ArrayData):
            check_samples(self, *unpack(data.arrays)[:2])

    def _objectives_built(self) -> bool:
        return all(part is None or part.built for part in (self._losses_compiled, self._metrics_compiled))

    def make_train_function(self, force: bool = False) -> None:
        """Forget compiled programs if `force`, so that the next `fit` sees a changed `train_step`."""
        if force:
            self._programs = None

    make_test_function = make_predict_function = make_train_function


def _dtype_of(array: Any) -> Any:
    return array.dtype if hasattr(array, "dtype") else jnp.result_type(array)
